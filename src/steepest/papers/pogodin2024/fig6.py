"""Linear regression (Fig 6): the dual change is Gaussian and small, for every potential

Overparametrised regressions of growing width d, with N = sqrt(d) or d^.75 correlated inputs and
random labels. The weights where mirror descent ends are found exactly, by projection; at the
smaller widths they are also trained by the paper's protocol. Left: distance of the dual change
from a Gaussian (Delta CDF, uncentred), with the distance that exact Gaussian samples have (grey).
Right: size of the dual change over that of the dual weights.
"""

from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.descent import bregman_projection
from steepest.inference import weight_statistics
from steepest.papers.pogodin2024._drawing import draw_floor, noise_floor
from steepest.papers.pogodin2024._regression import (
    POTENTIALS,
    correlated_inputs,
    potential_for,
    rows_for,
    train,
)
from steepest.pictures import GEOMETRY_COLOURS, bare
from steepest.progress import track
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """Widths, data and seeds."""

    widths: tuple[int, ...] = parameter(
        tuple(int(d) for d in np.logspace(2, np.log10(2e4), 10)), "weights d"
    )
    exponents: tuple[float, ...] = parameter((0.5, 0.75), "N = d to this power")
    decays: tuple[float, ...] = parameter((1.0, 2.0), "power with which input correlations decay")
    seeds: int = parameter(10, "regressions per point")
    trained_up_to: int = parameter(20_000, "largest width that is also trained")


QUICK = Parameters(widths=(100, 1061), decays=(1.0,), exponents=(0.5,), seeds=3, trained_up_to=100)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Delta CDF and magnitude of the dual change for every combination, projected and trained."""
    names = ("exponent", "decay", "potential", "width", "seed")
    shape = (
        len(parameters.exponents), len(parameters.decays), len(POTENTIALS),
        len(parameters.widths), parameters.seeds,
    )  # fmt: skip
    projections = {
        (what, how): np.full(shape, np.nan)
        for what in ("delta_cdf", "magnitude")
        for how in ("projected", "trained")
    }
    places = list(np.ndindex(*shape[:2], shape[3], shape[4]))
    for e, c, d, s in track(places, "Regressions"):
        width = parameters.widths[d]
        rows = rows_for(width, parameters.exponents[e])
        random = np.random.default_rng([seed, e, c, d, s])
        inputs = correlated_inputs(rows, width, parameters.decays[c], random)
        targets = random.choice([-1.0, 1.0], rows)
        start = random.standard_normal(width) / np.sqrt(width)
        for p, name in enumerate(POTENTIALS):
            potential = potential_for(name, start)
            ends = {"projected": bregman_projection(inputs, targets, start, potential).weights}
            if width <= parameters.trained_up_to and s == 0:
                ends["trained"] = train(inputs, targets, start, potential)[0]
            for how, end in ends.items():
                statistics = weight_statistics(start, end, potential)
                projections["delta_cdf", how][e, c, p, d, s] = statistics.delta_cdf
                projections["magnitude", how][e, c, p, d, s] = statistics.relative_magnitude
    widths = np.array(parameters.widths)
    dataset = xr.Dataset(
        {f"{what}_{how}": (names, values) for (what, how), values in projections.items()}
        | {"floor": ("width", noise_floor(widths))},
        coords={
            "exponent": list(parameters.exponents),
            "decay": list(parameters.decays),
            "potential": list(POTENTIALS),
            "width": widths,
        },
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """One row per exponent: Delta CDF, and relative magnitude, against width."""
    rows = dataset.sizes["exponent"]
    figure = matplotlib.figure.Figure(figsize=(9, 3.4 * rows), layout="constrained")
    panels = figure.subplots(rows, 2, sharex=True, squeeze=False)
    dashes = ["-", "--", ":"]
    for line, exponent in zip(panels, dataset["exponent"].values, strict=True):
        here = dataset.sel(exponent=exponent)
        for name in POTENTIALS:
            colour = GEOMETRY_COLOURS[name]
            for decay, dash in zip(dataset["decay"].values, dashes, strict=False):
                chosen = here.sel(potential=name, decay=decay)
                for axes, what in zip(line, ("delta_cdf", "magnitude"), strict=True):
                    mean = chosen[f"{what}_projected"].mean("seed")
                    axes.loglog(
                        chosen["width"], mean, dash, color=colour, label=f"{name}, c = {decay:g}"
                    )
                    same = np.isfinite(chosen[f"{what}_trained"].isel(seed=0))
                    for how, size, fill in (("trained", 8, "none"), ("projected", 3, colour)):
                        axes.loglog(
                            chosen["width"], chosen[f"{what}_{how}"].isel(seed=0).where(same), "o",
                            color=colour, markersize=size, markerfacecolor=fill,
                        )  # fmt: skip
        draw_floor(line[0], here["width"], here["floor"])
        line[0].set(ylabel="Delta CDF", title=f"N = d^{exponent:g}: distance from a Gaussian")
        line[1].set(ylabel="|z1 - z0| / |z0|", title=f"N = d^{exponent:g}: size of the dual change")
        for axes in line:
            axes.set_xlabel("width d")
            bare(axes)
    figure.legend(
        *panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5,
        frameon=False, title="lines: projected, mean; circles: one regression trained, dots: the"
        " same one projected",
    )  # fmt: skip
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Gaussian to the noise floor, small at large widths, and the same by training."""
    stated = []
    wide = dataset["width"] >= 1000
    floor = dataset["floor"].where(wide, drop=True)
    for exponent in dataset["exponent"].values:
        ratio = (dataset["delta_cdf_projected"].sel(exponent=exponent) / floor).dropna("width")
        each = ratio.mean(["decay", "width", "seed"])
        worst = float(each.max())
        n = int(ratio.isel(potential=0).size)
        error = float(ratio.sel(potential=each.idxmax()).std() / np.sqrt(n))
        stated.append(
            Claim.below(
                f"N = d^{exponent:g}: the dual change is at the noise floor of exact"
                " Gaussian samples for d >= 1000 (mean Delta CDF over the floor, worst potential)",
                worst,
                1.3,
                standard_error=error,
                tested=bool(wide.any()),
            )
        )
    magnitude = dataset["magnitude_projected"].mean(["seed", "decay"])
    shrinks = magnitude.isel(width=-1) / magnitude.isel(width=0)
    stated.append(
        Claim.below(
            "The dual change becomes small against the dual weights as width grows"
            " (largest width over smallest, worst case)",
            shrinks.max(),
            1,
        )
    )
    both = (dataset["magnitude_trained"] / dataset["magnitude_projected"]).values
    both = both[np.isfinite(both)]
    far = float(np.abs(both - 1).max()) if both.size else np.nan
    stated.append(
        Claim.below(
            "Training by the paper's protocol changes the dual by as much as the"
            " projection (largest relative difference)",
            far,
            0.05,
            tested=bool(both.size),
        )
    )
    return stated
