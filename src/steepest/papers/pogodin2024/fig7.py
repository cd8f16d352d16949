"""Recurrent and self-supervised networks (Fig 7, small scale): the same mark of geometry

A: recurrent networks that read handwritten digits row by row are trained, then fine-tuned on as
many unseen digits as they have hidden units, by mirror descent in three geometries; only the
recurrent weights are looked at. B, C: convolutional encoders learn without labels to give two views
of a digit the same code (the pair loss of SimSiam), and are fine-tuned with the same loss on unseen
digits, with and without stop-gradient (lowest loss of the learning rates tried, 50 epochs).

Recurrent weights change as a Gaussian in the true potential, as the paper finds. The encoders'
layers do so only roughly at this small scale; in both, two-way dual independence names the
potential, with stop-gradient and without, where the smallest Delta CDF may err. Digits of 8 x 8
pixels stand in for MNIST and ImageNet, a small encoder for ResNet50.
"""

from dataclasses import dataclass
from typing import Any

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.papers.pogodin2024._layers import (
    INDEX,
    as_dataset,
    draw_indices,
    draw_table,
    named,
    named_claims,
    rows_of,
)
from steepest.papers.pogodin2024._networks import (
    POTENTIALS,
    build,
    digits,
    finetune,
    one_thread,
    pretrain,
)
from steepest.papers.pogodin2024._pairs import build_pairs, finetune_pairs, pretrain_pairs
from steepest.pictures import bare, letter
from steepest.progress import track
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]

_KINDS = {"rnn": "recurrent", "pairs": "pairs, stop-gradient", "pairs, all": "pairs, no stop"}
_RECURRENT = "rnn.weight_hh_l0"


@dataclass(frozen=True)
class Parameters:
    """Networks, data and protocol (B.3)."""

    hidden: tuple[int, ...] = parameter((100, 500), "hidden units of A, and digits to tune on")
    width: int = parameter(256, "units of the widest layer of B and C")
    pretrained: int = parameter(600, "digits to pretrain on")
    pairs: int = parameter(400, "unseen digits to fine-tune on in B and C")
    pretraining: int = parameter(60, "epochs of pretraining")
    epochs: int = parameter(30, "epochs of fine-tuning of A before it is extended")
    pair_epochs: int = parameter(50, "epochs of fine-tuning of B and C")
    extensions: int = parameter(4, "times that fine-tuning of A is extended")
    rates: tuple[float, ...] = parameter(
        (1e-5, 1e-4, 1e-3, 1e-2, 1e-1), "learning rates tried in A"
    )
    pair_rates: tuple[float, ...] = parameter(
        (1e-5, 1e-4, 1e-3, 1e-2, 1e-1), "learning rates tried in B and C"
    )
    seeds: int = parameter(3, "networks of each kind")


QUICK = Parameters(
    hidden=(64,), width=64, pretrained=400, pairs=100, pretraining=20, pair_epochs=10,
    rates=(1e-2, 1e-1), pair_rates=(1e-2,), seeds=1,
)  # fmt: skip


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Every layer looked at of every network: Delta CDF in each potential, magnitude, index."""
    rows: list[dict[str, Any]] = []
    with one_thread():
        for s in track(list(range(parameters.seeds)), "Networks"):
            for hidden in parameters.hidden:
                rows += _recurrent(parameters, hidden, seed + s)
            rows += _self_supervised(parameters, seed + s)
    return stamp(as_dataset(rows), parameters, seed)


def _recurrent(parameters: Parameters, hidden: int, seed: int) -> list[dict[str, Any]]:
    images, labels, new, new_labels = digits(seed, parameters.pretrained, hidden)
    model = build("rnn", hidden, seed)
    pretrain(model, images, labels, parameters.pretraining, seed)
    rows = []
    for true, potential in POTENTIALS.items():
        tuned = finetune(
            model, new, new_labels, potential, parameters.rates, epochs=parameters.epochs,
            extensions=parameters.extensions, seed=seed,
        )  # fmt: skip
        measured = rows_of(f"rnn {hidden} {seed}", true, tuned)
        rows += [row | {"network": "rnn"} for row in measured if _RECURRENT in row["case"]]
    return rows


def _self_supervised(parameters: Parameters, seed: int) -> list[dict[str, Any]]:
    images, _, new, _ = digits(seed, parameters.pretrained, parameters.pairs)
    model = build_pairs(parameters.width, seed)
    pretrain_pairs(model, images, parameters.pretraining, seed)
    rows = []
    for kind, stop in (("pairs", True), ("pairs, all", False)):
        for true, potential in POTENTIALS.items():
            tuned = finetune_pairs(
                model, new, potential, parameters.pair_rates, stop_gradient=stop,
                epochs=parameters.pair_epochs, seed=seed,
            )  # fmt: skip
            measured = rows_of(f"{kind} {seed}", true, tuned)
            rows += [row | {"network": kind} for row in measured]
    return rows


def _of(dataset: xr.Dataset, kind: str) -> xr.Dataset:
    return dataset.isel(case=np.flatnonzero(dataset["network"].values == kind))


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """One column per kind of learning: Delta CDF by potential, and the index of each layer."""
    figure = matplotlib.figure.Figure(figsize=(11, 6.6), layout="constrained")
    grid = figure.subplots(2, 3, height_ratios=(1, 1.2))
    for panel, (kind, title), column in zip("ABC", _KINDS.items(), grid.T, strict=True):
        here = _of(dataset, kind)
        draw_table(column[0], here)
        letter(column[0], panel, f"{title[0].upper()}{title[1:]}: mean Delta CDF")
        draw_indices(column[1], here)
        bare(column[1])
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Each kind of learning shows the potential; stop-gradient makes no difference."""
    stated = named_claims(dataset)
    right, _ = named(dataset)
    networks = dataset["network"].values
    for kind, words in _KINDS.items():
        of = networks == kind
        stated.append(
            Claim.above(
                f"The true potential is named in most layers: {words} (share of cases)",
                right[of].mean(),
                0.9,
                inclusive=True,
            )
        )
    truth = np.array([INDEX[str(name)] for name in dataset["true"].values])
    off = np.abs(dataset["index"].values - truth)
    with_stop, without = (off[networks == kind] for kind in ("pairs", "pairs, all"))
    stated.append(
        Claim.below(
            "With and without stop-gradient the index is as near to the truth (mean distance with,"
            " and without)",
            (with_stop.mean(), without.mean()),
            0.2,
        )
    )
    recurrent = _of(dataset, "rnn")
    own = np.array(
        [float(c["delta_cdf"].sel(potential=str(c["true"].values))) for c in _each(recurrent)]
    )
    stated.append(
        Claim.below(
            "Recurrent weights change nearly as a Gaussian in the true potential (median"
            " Delta CDF over the noise floor)",
            np.median(own / recurrent["floor"].values),
            3,
        )
    )
    stated.append(
        Claim.below(
            "Dual changes stay small against the dual weights (median ratio of the"
            " layers; paper: usually below .2, up to .5)",
            np.median(dataset["magnitude"]),
            0.3,
        )
    )
    return stated


def _each(dataset: xr.Dataset) -> list[xr.Dataset]:
    return [dataset.isel(case=k) for k in range(dataset.sizes["case"])]
