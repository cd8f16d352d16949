"""Pruning after learning: small weights can go, whatever the rule

Networks learn handwritten digits from log-normal weights, by gradient descent or exponentiated
gradient. Then a share of all weights is set to 0: A, those of smallest size, B, at random. Drawn
is the accuracy on unseen digits.

The paper reports that networks of exponentiated gradient bear pruning better. At this scale that
depends on rates and on how long is trained: in other runs of ours the smallest 90 % cost both rules
about the same (18 +- 3 and 16 +- 2 % of the digits). Small weights can be pruned because sizes are
broad, which the log-normal start gives to both.
"""

from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.arrays.repetitions import standard_error
from steepest.papers.cornford2024._digits import (
    COLOURS,
    RULES,
    data_of,
    learn,
    network,
)
from steepest.papers.pogodin2024._networks import accuracy, one_thread
from steepest.pictures import bare, letter
from steepest.progress import track
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]

_RULES = ("EG", "GD")
_HOW = ("smallest", "at random")


@dataclass(frozen=True)
class Parameters:
    """Networks, their training, and what is pruned."""

    hidden: int = parameter(200, "hidden units")
    learned: int = parameter(1000, "digits learned from")
    tested: int = parameter(700, "digits tested on")
    steps: int = parameter(1500, "steps of batches of 32")
    shares: tuple[float, ...] = parameter((0.0, 0.25, 0.5, 0.75, 0.9, 0.95), "shares pruned")
    seeds: int = parameter(6, "networks")


QUICK = Parameters(hidden=60, steps=300, shares=(0.0, 0.5, 0.9), seeds=3)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Accuracy on unseen digits for every rule, kind and share of pruning, and network."""
    shape = (len(_RULES), len(_HOW), len(parameters.shares), parameters.seeds)
    right = np.full(shape, np.nan)
    jobs = [(rule, s) for rule in range(len(_RULES)) for s in range(parameters.seeds)]
    with one_thread():
        for rule, s in track(jobs, "Networks"):
            data = data_of(seed + s, parameters.learned, parameters.tested)
            model = network(64, parameters.hidden, seed + s)
            name = _RULES[rule]
            learn(model, name, RULES[name].rate, data, parameters.steps, seed + s)
            learned = [layer.weight.detach().clone() for layer in (model[0], model[2])]
            random = np.random.default_rng([seed, s])
            for how, share in np.ndindex(shape[1:3]):
                for layer, weights in zip((model[0], model[2]), learned, strict=True):
                    order = weights.abs().numpy()
                    if _HOW[how] == "at random":
                        order = random.random(order.shape)
                    kept = order >= np.quantile(order, parameters.shares[share])
                    layer.weight.data = weights * weights.new_tensor(kept)
                right[rule, how, share, s] = accuracy(model, data.test_x, data.test_y)
    dataset = xr.Dataset(
        {"accuracy": (("rule", "pruned", "share", "network"), right)},
        coords={"rule": list(_RULES), "pruned": list(_HOW), "share": list(parameters.shares)},
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Accuracy by the share that is pruned."""
    figure = matplotlib.figure.Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    error = dataset["accuracy"].std("network", ddof=1) / np.sqrt(dataset.sizes["network"])
    mean = dataset["accuracy"].mean("network")
    for axes, how, name in zip(panels, _HOW, "AB", strict=True):
        for rule in _RULES:
            axes.errorbar(dataset["share"], mean.sel(rule=rule, pruned=how),
                          error.sel(rule=rule, pruned=how), fmt="o-", color=COLOURS[rule],
                          label=rule, capsize=3)  # fmt: skip
        axes.axhline(0.1, color="0.8", ls=":", zorder=0)
        axes.set(xlabel="share of weights pruned", ylim=(0, 1))
        letter(axes, name, f"Pruned: {how}")
    panels[0].set_ylabel("accuracy on unseen digits")
    panels[0].legend(frameon=False)
    bare(*panels)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """What pruning costs each rule, in per cent of unseen digits."""
    right = 100 * dataset["accuracy"]
    cost = right.sel(share=0.0) - right
    most = float(dataset["share"].max()) if 0.9 not in dataset["share"] else 0.9
    smallest, chance = (cost.sel(pruned=how) for how in _HOW)
    half = (smallest - chance).sel(share=0.5).mean("rule").values
    gap = (cost.sel(rule="EG") - cost.sel(rule="GD")).sel(share=most, pruned="smallest").values
    stated = [
        Claim.above(
            "Networks learn before they are pruned (lowest accuracy on unseen digits, %)",
            right.sel(share=0.0).min(),
            80,
        ),
        Claim.below(
            "The smaller half of the weights costs less than a random half (%)",
            half.mean(),
            0,
            standard_error=standard_error(half),
            by=2,
        ),
        Claim.below(
            f"Not decided at this scale: pruning {most:.0%} by size costs exponentiated gradient"
            " less than gradient descent (cost minus cost, %). It depends on rates and length here;"
            " networks far too large for their task, at the best rate of each rule, would test it",
            gap.mean(),
            0,
            standard_error=standard_error(gap),
            by=2,
            tested=False,
        ),
    ]
    stated += [
        Claim.above(
            f"{rule}: pruning {most:.0%} by size costs accuracy (%)",
            smallest.sel(rule=rule, share=most).mean(),
            1,
        )
        for rule in _RULES
    ]
    return stated
