"""Layers of fine-tuned networks as a dataset: Delta CDF in each potential, magnitude, index."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr

from steepest.inference import weight_statistics
from steepest.inference.networks.independence import Panel, independence_index
from steepest.papers.pogodin2024._drawing import draw_matrix
from steepest.papers.pogodin2024._networks import POTENTIALS, Tuning
from steepest.pictures import GEOMETRY_COLOURS
from steepest.study import Claim

__all__ = [
    "INDEX",
    "as_dataset",
    "draw_indices",
    "draw_table",
    "named",
    "named_claims",
    "rows_of",
]

INDEX = {"entropy": 1.0, "2-norm": 0.0, "3-norm": -1.0}
_NUMBERS = (
    "index", "magnitude", "log_change", "floor", "weights", "moved_signs", "accuracy", "loss",
    "rate", "epochs",
)  # fmt: skip


def rows_of(network: str, true: str, tuned: Tuning) -> list[dict[str, Any]]:
    """One row per layer of a fine-tuned network; `true` is the potential it was tuned in."""
    return [
        _row(network, layer, true, tuned.before[layer], tuned.after[layer], tuned)
        for layer in tuned.before
    ]


def _row(
    network: str, layer: str, true: str, before: np.ndarray, after: np.ndarray, tuned: Tuning
) -> dict[str, Any]:
    statistics = {
        name: weight_statistics(before, after, potential) for name, potential in POTENTIALS.items()
    }
    own = statistics[true]
    return {
        "case": f"{network} {layer} {true}",
        "network": network,
        "true": true,
        "delta_cdf": [statistic.delta_cdf for statistic in statistics.values()],
        "floor": own.floor.uncentred_mean,
        "magnitude": own.relative_magnitude,
        "log_change": own.sd_log_change,
        "moved_signs": float(own.moved_signs),
        "weights": float(before.size),
        "accuracy": tuned.accuracy,
        "loss": tuned.loss,
        "rate": tuned.rate,
        "epochs": float(tuned.epochs),
        "index": independence_index(Panel.of(before, after)),
    }


def as_dataset(rows: list[dict[str, Any]]) -> xr.Dataset:
    """The rows, with dimension case, and potential for the Delta CDF."""
    variables: dict[str, Any] = {
        what: ("case", np.array([row[what] for row in rows])) for what in _NUMBERS
    }
    variables["delta_cdf"] = (
        ("case", "potential"),
        np.array([row["delta_cdf"] for row in rows]),
    )
    return xr.Dataset(
        variables,
        coords={
            "case": [row["case"] for row in rows],
            "network": ("case", [row["network"] for row in rows]),
            "true": ("case", [row["true"] for row in rows]),
            "potential": list(POTENTIALS),
        },
    )


def named(dataset: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Which cases two-way independence names rightly, and which the smallest Delta CDF."""
    truth = np.array([INDEX[str(name)] for name in dataset["true"].values])
    index = dataset["index"].values
    nearest = np.array([min(INDEX.values(), key=lambda c: abs(c - i)) for i in index])
    smallest = dataset["delta_cdf"].idxmin("potential").values
    return nearest == truth, np.array([INDEX[str(n)] for n in smallest]) == truth


def named_claims(dataset: xr.Dataset) -> list[Claim]:
    """Two-way independence names the potentials, and the paper's criterion does not do better."""
    right, by_shape = (int(matches.sum()) for matches in named(dataset))
    least = int(np.ceil(46 / 48 * dataset.sizes["case"]))
    return [
        Claim.above(
            "Two-way dual independence names the true potential (cases of layer and potential)",
            right,
            least,
            inclusive=True,
        ),
        Claim.below(
            "The smallest Delta CDF, the paper's criterion, names fewer of them, or as many"
            " (cases)",
            by_shape,
            right,
            inclusive=True,
        ),
    ]


def draw_table(axes: Any, dataset: xr.Dataset) -> None:
    """Mean Delta CDF by true and hypothesised potential, as a shaded table."""
    names = list(INDEX)
    mean = dataset["delta_cdf"].groupby("true").mean("case").sel(true=names, potential=names)
    draw_matrix(axes, mean.values, names)


def draw_indices(axes: Any, dataset: xr.Dataset) -> None:
    """The index of every layer against that of the potential it was tuned in."""
    axes.axline((0, 0), slope=1, color="black", linewidth=0.6)
    for name in INDEX:
        here = dataset.isel(case=np.flatnonzero(dataset["true"].values == name))
        count = here.sizes["case"]
        x = INDEX[name] + 0.12 * (2 * np.arange(count) + 1 - count) / count
        nearest: Iterable[Any] = here["delta_cdf"].idxmin("potential").values
        axes.plot(x, [INDEX[str(n)] for n in nearest], "x", color="grey", zorder=1)
        axes.plot(x, here["index"], "o", color=GEOMETRY_COLOURS[name], zorder=2)
    axes.plot([], [], "x", color="grey", label="smallest Delta CDF")
    axes.plot([], [], "o", color="black", label="two-way independence")
    axes.set(
        xlabel="index of the true potential", ylabel="index found", xticks=[-1, 0, 1],
        xlim=(-1.4, 1.4), ylim=(-1.4, 1.9),
    )  # fmt: skip
    axes.legend(frameon=False, fontsize=8, loc="upper left")
