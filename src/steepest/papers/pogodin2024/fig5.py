"""Spine volumes (Fig 5): one final distribution, and every geometry that could have left it

Measured spine volumes are well described by two log-normals of one width. A: the fit under
negative entropy: weights that started at one of two values, changed by Gaussian noise in the log.
B: the fit under the 3-norm: half started at one value, half log-normal, changed by Gaussian noise
in w^2; some of those weights become negative, and are left out. C: the largest Gaussian change of
the dual, whatever the weights before, that each geometry can have made (95 % confidence).

Erratum. The paper concludes that these data "can rule out a Euclidean synaptic geometry". What
they rule out is a Euclidean change from the particular starts considered. From the final
distribution alone no geometry can be excluded: with a start equal to the end and a small change
every one fits. C says how small. The paper calls the share of negative weights of B small; it is
reported here.

The data: your copy of the public file of Dorkenwald et al. 2022 (a table with a column
`spine_vol_um3`), given as `steepest reproduce pogodin2024.fig5 --data FILE`. Without it a
synthetic stand-in: as many volumes, from a mixture of two log-normals of one width, as published;
its numbers are chosen to look like the published histogram and are not measurements.

A file with another number of volumes than the published 1961 is another data set. Everything is
measured on it, and no claim is tested there: the paper says nothing of it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.figure
import numpy as np
import xarray as xr
from scipy.optimize import linprog, minimize
from scipy.special import ndtr
from scipy.stats import kstest, norm

from steepest.data import read_columns
from steepest.errors import DataError
from steepest.pictures import GEOMETRY_COLOURS, bare, letter
from steepest.progress import track
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "largest_change", "plot", "run", "spine_volumes"]

_COLUMN = "spine_vol_um3"
_PUBLISHED = 1961  # volumes
_SMALLEST, _LARGEST = 1e-6, 1e3  # um^3
_INDEX = {"entropy": 1.0, "1.5-norm": 0.5, "2-norm": 0.0, "3-norm": -1.0}
_NODES = 41
_TINY = 1e-300


@dataclass(frozen=True)
class Parameters:
    """The data, or the numbers of the stand-in."""

    data: str = parameter("", "table with a column spine_vol_um3; without one, the stand-in")
    spines: int = parameter(_PUBLISHED, "volumes of the stand-in")
    small: float = parameter(0.75, "share of small spines of the stand-in")
    medians: tuple[float, float] = parameter(
        (0.045, 0.2), "medians of small and large spines of the stand-in", "um^3"
    )
    width: float = parameter(0.55, "sd of the log volume within each kind, of the stand-in")
    steps: int = parameter(7, "bisections of the largest change")


QUICK = Parameters(steps=3)


def spine_volumes(path: str | Path) -> np.ndarray:
    """The volumes (um^3) of a table's column spine_vol_um3, missing values left out.

    Raises `DataError` where the file, the column, or positive numbers are missing, and for numbers
    that are no volumes of spines, or too coarsely rounded to have a distribution.
    """
    cure = "leave the row out, or the cell empty"
    volumes = read_columns(path, [_COLUMN], missing=True, cure=cure).arrays[0]
    volumes = volumes[~np.isnan(volumes)]
    bad = np.flatnonzero(volumes <= 0)
    if bad.size:
        raise DataError(
            f"{path}: {bad.size} values of {_COLUMN} are not positive, the first"
            f" {volumes[bad[0]]:g}: leave them out"
        )
    if volumes.size < 50:
        raise DataError(f"{path}: {volumes.size} volumes; a distribution needs at least 50")
    if not (volumes.min() >= _SMALLEST and volumes.max() <= _LARGEST):
        raise DataError(
            f"{path}: {_COLUMN} goes from {volumes.min():g} to {volumes.max():g}: no spine is"
            f" smaller than {_SMALLEST:g} or larger than {_LARGEST:g} um^3"
        )
    values, counts = np.unique(volumes, return_counts=True)
    most = counts.argmax()
    if counts[most] > 2 * _critical(volumes.size) * volumes.size:
        raise DataError(
            f"{path}: {counts[most]} of {volumes.size} values of {_COLUMN} are {values[most]:g}:"
            " a continuous distribution has no such steps; give the volumes as they were measured,"
            " not rounded"
        )
    return volumes


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Volumes, both fits with samples drawn from them, and the largest change per geometry."""
    random = np.random.default_rng(seed)
    if parameters.data:
        volumes = spine_volumes(parameters.data)
    else:
        large = random.random(parameters.spines) > parameters.small
        middle = np.log(np.asarray(parameters.medians))[large.astype(int)]
        volumes = np.exp(middle + parameters.width * random.standard_normal(large.size))
    two = _fit_entropy(np.log(volumes))
    norm3 = _fit_three_norm(volumes)
    grid = np.geomspace(volumes.min() / 2, volumes.max() * 2, 300)
    limits = np.array(
        [
            largest_change(volumes, index, steps=parameters.steps)
            for index in track(list(_INDEX.values()), "Geometries")
        ]
    )
    cdfs = (
        np.clip(_entropy_cdf(two, np.log(volumes)), 0, 1),
        np.clip(_three_norm_cdf(norm3, volumes), 0, 1),
    )
    per_log = {"long_name": "density per natural log of volume"}
    dataset = xr.Dataset(
        {
            "volume": ("spine", volumes, {"units": "um^3"}),
            "entropy_fit": ("parameter_a", two),
            "three_norm_fit": ("parameter_b", norm3),
            "density": (
                ("fit", "grid"),
                np.stack([_entropy_density(two, np.log(grid)), _three_norm(norm3, grid) * grid]),
                per_log,
            ),
            "distance": (
                "fit",
                [float(kstest(cdf, "uniform").statistic) for cdf in cdfs],  # pyright: ignore[reportAttributeAccessIssue]
            ),
            "negative": ((), _negative_share(norm3)),
            "limit": ("geometry", limits),
        },
        coords={
            "grid": ("grid", grid, {"units": "um^3"}),
            "fit": ["entropy", "3-norm"],
            "geometry": list(_INDEX),
            "parameter_a": ["share_small", "log_small", "log_large", "sd"],
            "parameter_b": ["start", "log_mean", "log_sd", "dual_sd"],
        },
        attrs={"source": "file" if parameters.data else "synthetic stand-in"},
    )
    return stamp(dataset, parameters, seed)


def _fit_entropy(logs: np.ndarray) -> np.ndarray:
    """Share, two log starts and one sd: a mixture of two Gaussians of equal width, by EM."""
    low, high = np.quantile(logs, [0.25, 0.9])
    share, spread = 0.5, logs.std() / 2
    for _ in range(2000):
        small = share * norm.pdf(logs, low, spread)
        belongs = small / np.maximum(small + (1 - share) * norm.pdf(logs, high, spread), _TINY)
        before = low, high, spread
        share = belongs.mean()
        low = (belongs * logs).sum() / belongs.sum()
        high = ((1 - belongs) * logs).sum() / (1 - belongs).sum()
        square = belongs * (logs - low) ** 2 + (1 - belongs) * (logs - high) ** 2
        spread = np.sqrt(square.mean())
        if np.abs(np.subtract(before, (low, high, spread))).max() < 1e-9:
            break
    return np.array([share, low, high, spread])


def _entropy_density(fit: np.ndarray, logs: np.ndarray) -> np.ndarray:
    share, low, high, spread = fit
    return share * norm.pdf(logs, low, spread) + (1 - share) * norm.pdf(logs, high, spread)


def _entropy_cdf(fit: np.ndarray, logs: np.ndarray) -> np.ndarray:
    share, low, high, spread = fit
    return share * norm.cdf(logs, low, spread) + (1 - share) * norm.cdf(logs, high, spread)


def _nodes(fit: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Dual weights w0^2 before, and their probabilities: half at one value, half log-normal."""
    start, middle, spread, _ = fit
    places = np.linspace(-5, 5, count)
    weights = np.exp(-(places**2) / 2)
    squares = np.append(start**2, np.exp(2 * (middle + spread * places)))
    return squares, np.append(0.5, 0.5 * weights / weights.sum())


def _three_norm(fit: np.ndarray, volumes: np.ndarray) -> np.ndarray:
    """Density of the positive final weights; nodes closer than large ones change."""
    squares, shares = _nodes(fit, 12_001)
    inside = norm.pdf(volumes[:, None] ** 2, squares, fit[3]) * 2 * volumes[:, None]
    return inside @ shares / (1 - _negative_share(fit))


def _three_norm_cdf(fit: np.ndarray, volumes: np.ndarray) -> np.ndarray:
    squares, shares = _nodes(fit, 201)
    below = ndtr((volumes[:, None] ** 2 - squares) / fit[3]) - ndtr(-squares / fit[3])
    return below @ shares / (1 - _negative_share(fit))


def _negative_share(fit: np.ndarray) -> float:
    squares, shares = _nodes(fit, 201)
    return float(ndtr(-squares / fit[3]) @ shares)


def _fit_three_norm(volumes: np.ndarray) -> np.ndarray:
    """Start, log-normal and dual sd whose distribution function lies nearest to the data's.

    A likelihood would be ruled by the smallest volumes, which this mixture cannot have: near 0
    its density rises in proportion to the volume.
    """
    levels = (np.arange(200) + 0.5) / 200
    at = np.quantile(volumes, levels)
    half = np.median(volumes)

    def off(log_fit: np.ndarray) -> float:
        fit = np.array([np.exp(log_fit[0]), log_fit[1], np.exp(log_fit[2]), np.exp(log_fit[3])])
        return float(np.mean((_three_norm_cdf(fit, at) - levels) ** 2))

    first = [np.log(half / 2), np.log(np.quantile(volumes, 0.75)), np.log(0.5), 2 * np.log(half)]
    # Volumes of one kind leave part of the mixture without an effect: its search would never end.
    small, large = np.log([volumes.min() / 100, volumes.max() * 100])
    middle, width = (small, large), (np.log(1e-3), np.log(5))
    minimum: Any = minimize(
        off,
        first,
        method="Nelder-Mead",
        bounds=[middle, middle, width, (2 * small, 2 * large)],
        options={"maxiter": 2000, "xatol": 1e-5, "fatol": 1e-10},
    )
    return np.array(
        [np.exp(minimum.x[0]), minimum.x[1], np.exp(minimum.x[2]), np.exp(minimum.x[3])]
    )


def largest_change(weights: np.ndarray, index: float, *, steps: int = 7) -> float:
    """The largest Gaussian change of the dual that these weights allow, seen at the median weight.

    `weights` are positive final weights, `index` that of the power family, below or at 1. A change
    of sd s is allowed if some distribution of positive weights before, blurred by it (weights that
    become negative left out), lies within the Kolmogorov-Smirnov distance 1.36/sqrt(n) of the
    data; so a larger one is rejected with at least 95 % confidence. The nearest blurred
    distribution is a linear program; s, at most the sd of the dual, is found by halving it until
    it is allowed, and `steps` bisections. Returned is the relative change (sd) that s means for a
    weight of the median size; 0 if not even 1/4096 of the dual's sd is allowed.
    """
    dual = np.sort(np.log(weights) if index == 1 else weights ** (1 - index) / (1 - index))
    count = dual.size
    # Distances at some of the data's steps only: less than the largest, so on the allowing side.
    kept = np.unique(np.linspace(0, count - 1, min(count, 120)).round().astype(int))
    below, at = kept / count, (kept + 1) / count
    starts = np.union1d(dual[kept], np.linspace(dual[0], dual[-1], _NODES))

    def allowed(change: float) -> bool:
        cdf = ndtr((dual[kept][:, None] - starts) / change)
        if index != 1:
            never = ndtr(-starts / change)
            cdf = (cdf - never) / (1 - never)
        return bool(_nearest(cdf, below, at) <= _critical(count))

    high = float(dual.std(ddof=1))
    low = high
    while not allowed(low):
        low, high = low / 2, low
        if low < dual.std() / 4096:
            return 0.0
    for _ in range(steps):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if allowed(middle) else (low, middle)
    return float(low * np.median(weights) ** (index - 1))


def _critical(count: int) -> float:
    """The 5 % level of the Kolmogorov-Smirnov distance of so many numbers."""
    return 1.358 / np.sqrt(count)


def _nearest(cdf: np.ndarray, below: np.ndarray, at: np.ndarray) -> float:
    """Smallest over mixtures of the columns of the largest distance to the data's steps."""
    points, columns = cdf.shape
    slack = np.full((points, 1), -1.0)
    solution: Any = linprog(
        np.append(np.zeros(columns), 1.0),
        A_ub=np.block([[cdf, slack], [-cdf, slack]]),
        b_ub=np.concatenate([below, -at]),
        A_eq=np.append(np.ones(columns), 0.0)[None],
        b_eq=[1.0],
        method="highs",
    )
    return float(solution.fun) if solution.success else np.inf


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Both fits over the histogram, and the largest change per geometry."""
    figure = matplotlib.figure.Figure(figsize=(11, 3.6), layout="constrained")
    panels = figure.subplots(1, 3)
    logs = np.log(dataset["volume"].values)
    edges = np.linspace(logs.min(), logs.max(), 45)
    height, _ = np.histogram(logs, edges, density=True)
    titles = ("Entropy: two values, changed", "3-norm: a value and a log-normal")
    for axes, panel, name, title in zip(panels, "AB", dataset["fit"].values, titles, strict=False):
        label = "measured" if dataset.attrs["source"] == "file" else "stand-in"
        axes.stairs(height, np.exp(edges), fill=True, color="#F0B5C4", label=label)
        axes.plot(
            dataset["grid"], dataset["density"].sel(fit=name), color=GEOMETRY_COLOURS[str(name)],
            linewidth=2, label=f"{name} fit",
        )  # fmt: skip
        axes.set_xscale("log")
        axes.set(xlabel="spine volume (µm³)", ylabel="density per log volume")
        letter(axes, panel, title)
    entropy, middle = dataset["entropy_fit"], panels[0]
    for start in ("log_small", "log_large"):
        middle.axvline(
            np.exp(entropy.sel(parameter_a=start)), ymax=0.72, color="grey", linestyle=":"
        )
    middle.plot([], [], color="grey", linestyle=":", label="values before")
    panels[1].axvline(
        dataset["three_norm_fit"].sel(parameter_b="start"), color="grey", linestyle=":",
        label="value before",
    )  # fmt: skip
    for axes in panels[:2]:
        axes.legend(frameon=False, fontsize=8, loc="upper right")
    panels[1].text(
        0.97, 0.6, f"{100 * float(dataset['negative']):.0f} % became\nnegative: left out",
        transform=panels[1].transAxes, fontsize=8, ha="right",
    )  # fmt: skip
    names = [str(name) for name in dataset["geometry"].values]
    panels[2].bar(
        names, dataset["limit"], color=[GEOMETRY_COLOURS[name] for name in names], width=0.6
    )
    panels[2].bar_label(panels[2].containers[0], fmt="%.2f", fontsize=9, padding=2)  # pyright: ignore[reportArgumentType]
    panels[2].set(
        ylabel="largest relative change (sd)\nof a spine of median size",
        ylim=(0, 1.12 * float(dataset["limit"].max())),
    )
    letter(panels[2], "C", "No geometry is excluded")
    bare(*panels)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Both fits are near; the share they lose; and that no geometry is excluded.

    None of them is tested on a data set that is not the published one.
    """
    n = dataset.sizes["spine"]
    critical = _critical(n)
    distance = dataset["distance"]
    limits = dataset["limit"]
    negative = float(dataset["negative"])
    smallest = str(limits.idxmin("geometry").values)
    stand_in = dataset.attrs["source"] != "file"
    tested = stand_in or n == _PUBLISHED
    return [
        Claim.below(
            "A: two starting values changed by Gaussian noise under entropy fit the"
            " volumes (Kolmogorov-Smirnov distance; 5 % level of a distribution not fitted)",
            distance.sel(fit="entropy"),
            critical,
            tested=tested,
        ),
        Claim.below(
            "B: one value and a log-normal, changed under the 3-norm, fit them nearly as"
            " well, in the bulk (Kolmogorov-Smirnov distance; the paper: approximately)",
            distance.sel(fit="3-norm"),
            0.1,
            tested=tested,
        ),
        Claim.above(
            "Erratum: the share of weights that the 3-norm makes negative is not small"
            " (paper: a small part)",
            negative,
            0.05,
            tested=tested,
        ),
        Claim.above(
            "Erratum: the final distribution excludes no geometry, the Euclidean"
            " included: each allows a change (smallest over geometries of the largest relative"
            f" change of a median spine: {smallest})",
            limits.min(),
            0,
            tested=tested,
        ),
        Claim.above(
            "What the data do exclude is large Euclidean changes: multiplicative ones may"
            " be larger (largest multiplicative change of a median spine over largest Euclidean)",
            limits.sel(geometry="entropy") / limits.sel(geometry="2-norm"),
            1.5,
            tested=stand_in,
        ),
    ]
