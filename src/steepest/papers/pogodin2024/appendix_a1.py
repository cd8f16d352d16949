"""Rich and lazy (A.1): small weights stay lazy under entropy by one measure, not by the other

All d weights start at 1/d, the small scale at which gradient descent learns richly, and one input
(standard Gaussian) asks for the answer 1. A: the change of the dual over the dual itself. It is
about 1 for the 2-norm and 1/2 for the 1.5-norm at every width, but falls as .75/ln d under
entropy. B: the change of the weights themselves over the weights. It stays above 1 under entropy
too.

The paper says that entropy still changes weights much at this scale; both are true. Entropy is
lazy by the dual ratio, not by the relative change of weights.
"""

from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.descent import bregman_projection
from steepest.papers.pogodin2024._regression import potential_for
from steepest.pictures import GEOMETRY_COLOURS, bare, letter
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]

_NAMES = ("entropy", "1.5-norm", "2-norm")
_EXPECTED = {100: 0.163, 10_000: 0.083, 1_000_000: 0.0545}


@dataclass(frozen=True)
class Parameters:
    """Widths and seeds."""

    widths: tuple[int, ...] = parameter((100, 1000, 10_000, 100_000, 1_000_000), "weights d")
    seeds: int = parameter(30, "inputs drawn per width (a third of them from d = 1e5 on)")


QUICK = Parameters(widths=(100, 1000, 10_000), seeds=20)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Dual and primal ratios of the projection, for every width, potential and seed."""
    shape = (len(_NAMES), len(parameters.widths), parameters.seeds)
    dual, primal = np.full(shape, np.nan), np.full(shape, np.nan)
    for d, width in enumerate(parameters.widths):
        start = np.full(width, 1 / width)
        for s in range(parameters.seeds if width < 100_000 else max(1, parameters.seeds // 3)):
            inputs = np.random.default_rng([seed, d, s]).standard_normal((1, width))
            for p, name in enumerate(_NAMES):
                potential = potential_for(name, start)
                projection = bregman_projection(inputs, [1.0], start, potential)
                before = np.linalg.norm(np.asarray(potential.to_dual(start)))
                dual[p, d, s] = np.linalg.norm(projection.dual_change) / before
                primal[p, d, s] = np.linalg.norm(projection.weights - start) / np.linalg.norm(start)
    names = ("potential", "width", "seed")
    dataset = xr.Dataset(
        {"dual": (names, dual), "primal": (names, primal)},
        coords={
            "potential": list(_NAMES),
            "width": np.array(parameters.widths),
        },
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Both ratios against width."""
    figure = matplotlib.figure.Figure(figsize=(9, 3.8), layout="constrained")
    panels = figure.subplots(1, 2, sharex=True)
    for axes, panel, what, title in zip(
        panels, "AB", ("dual", "primal"), ("|z1 - z0| / |z0|", "|w1 - w0| / |w0|"), strict=True
    ):
        for name in _NAMES:
            mean = dataset[what].sel(potential=name).mean("seed")
            axes.loglog(dataset["width"], mean, "o-", color=GEOMETRY_COLOURS[name], label=name)
        letter(axes, panel, title)
        axes.set(xlabel="width d", ylim=(0.03, 3))
        bare(axes)
    panels[0].loglog(
        dataset["width"], 0.753 / np.log(dataset["width"]), ":", color="black", label=".75 / ln d"
    )
    # Below the lines of B there is room.
    lines, names = panels[0].get_legend_handles_labels()
    panels[1].legend(lines, names, frameon=False, loc="lower left")
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The ratios of the three potentials, and where entropy is lazy."""
    dual, primal = dataset["dual"], dataset["primal"]
    stated = []
    for width, expected in _EXPECTED.items():
        if width in dataset["width"]:
            values = dual.sel(potential="entropy", width=width).dropna("seed")
            stated.append(
                Claim.close(
                    f"Entropy, d = {width}: dual change over dual (to .02, .003 from d = 1e4 on)",
                    expected,
                    values.mean(),
                    0.02 if width < 1e4 else 0.003,
                    standard_error=float(values.std(ddof=1) / np.sqrt(values.size)),
                )
            )
    widest = {"width": dataset["width"].values[-1]}
    for name, expected in (("2-norm", 1.0), ("1.5-norm", 0.5)):
        mean = float(dual.sel(potential=name, **widest).mean("seed"))
        stated.append(
            Claim.close(f"{name}, largest d: dual change over dual (to .05)", expected, mean, 0.05)
        )
    rich = float(primal.sel(potential="entropy", **widest).mean("seed"))
    stated.append(
        Claim.close(
            "Entropy, largest d: the weights themselves still change as much as they are large"
            " (the paper's 'large changes'; the dual ratio alone is lazy)",
            1.15,
            rich,
            0.1,
        )
    )
    return stated
