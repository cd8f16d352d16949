"""The picture of a verdict: sizes, how change grows with size, the likelihood of each index."""

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from steepest.inference.synapses.geometries import GEOMETRIES
from steepest.inference.synapses.noise import noise_variance
from steepest.pictures import GEOMETRY_COLOURS, INK, bare, drawn, legend_below

if TYPE_CHECKING:
    import steepest.inference.synapses.verdict

__all__ = ["NOISE", "draw", "geometry_lines", "log_scale", "scatter"]

NOISE = "#5A7FA6"
"""Of measurement noise: no colour of a geometry."""

# A name in quotes: the class draws itself with this file, and two files must not import each other.
Verdict: TypeAlias = "steepest.inference.synapses.verdict.Verdict"

_MOST_POINTS = 10_000
_MOST_DRAWN = 1500  # single points of a vector picture; more of them are one image in it
_LINE = 60
_CROSSED = "#CC3311"
_MEDIAN = 0.6744898  # median |z| of a Gaussian
_NORMAL_95 = 1.959964
_DEPTH = 30.0  # log-likelihood units shown below the peak


@drawn
def draw(verdict: Verdict) -> Figure:
    """After against before, change against size with the named slopes, and the likelihood."""
    figure = Figure(figsize=(11, 4.6), dpi=150, layout="constrained")
    sizes, changes, likelihood = figure.subplots(1, 3)
    shown = np.arange(verdict.n)
    if verdict.n > _MOST_POINTS:
        shown = np.random.default_rng(verdict.seed).choice(verdict.n, _MOST_POINTS, replace=False)
    _draw_sizes(sizes, verdict, shown)
    _draw_changes(changes, verdict, shown)
    _draw_likelihood(likelihood, verdict)
    for axes, letter in zip((sizes, changes, likelihood), "ABC", strict=True):
        axes.set_title(f"{letter}   {axes.get_title()}", loc="left", fontsize=10)
        axes.set_title("")
        bare(axes)
    return figure


def _draw_sizes(axes: Axes, verdict: Verdict, shown: np.ndarray) -> None:
    before, after = np.abs(verdict.before), np.abs(verdict.after)
    vanished, new = np.abs(verdict.vanished), np.abs(verdict.new)
    crossed = np.sign(verdict.before[shown]) != np.sign(verdict.after[shown])
    kept = shown[~crossed]
    scatter(axes, before[kept], after[kept])
    if crossed.any():
        label = f"{verdict.crossed} crossed zero"
        axes.plot(before[shown[crossed]], after[shown[crossed]], "x", ms=4, color=_CROSSED,
                  label=label)  # fmt: skip
    everything = np.concatenate([before, after, vanished, new])
    low, high = everything.min() / 1.3, everything.max() * 1.3
    axes.plot([low, high], [low, high], color="0.6", lw=0.8, zorder=0)
    if vanished.size:
        _rug(axes, vanished, f"{vanished.size} vanished", "#D55E00", along="x")
    if new.size:
        _rug(axes, new, f"{new.size} new", "#0072B2", along="y")
    size = "size" if verdict.crossed is None else "absolute weight"
    axes.set(xlim=(low, high), ylim=(low, high), xlabel=f"{size} before", ylabel=f"{size} after")
    log_scale(axes, low, high, "xy")
    _title(axes, verdict, shown)
    if vanished.size or new.size or crossed.any():
        legend_below(axes)


def _title(axes: Axes, verdict: Verdict, shown: np.ndarray) -> None:
    some = "" if shown.size == verdict.n else f" ({shown.size} shown)"
    axes.set_title(f"{verdict.n} synapses{some}")


def _rug(axes: Axes, at: np.ndarray, label: str, colour: str, *, along: str) -> None:
    edge = np.full(at.size, 0.012)
    points, transform = (
        ((at, edge), axes.get_xaxis_transform())
        if along == "x"
        else (
            (edge, at),
            axes.get_yaxis_transform(),
        )
    )
    marker = "|" if along == "x" else "_"
    axes.scatter(
        *points, marker=marker, s=40, lw=0.8, color=colour, transform=transform, label=label
    )


def _draw_changes(axes: Axes, verdict: Verdict, shown: np.ndarray) -> None:
    before = np.abs(verdict.before)
    change = np.abs(verdict.after - verdict.before)
    moved = shown[change[shown] > 0]
    scatter(axes, before[moved], change[moved])
    order = np.argsort(before)
    bins = np.array_split(order, max(4, min(12, verdict.n // 20)))
    centres = np.array([np.median(before[part]) for part in bins])
    medians = np.array([np.median(change[part]) for part in bins])
    ends = np.array([before.min(), before.max()])
    # A noise that depends on size bends the lines.
    sizes = np.geomspace(ends[0], ends[1], _LINE) if verdict.noise.positive else ends
    middle, typical = np.exp(np.log(before).mean()), np.median(change)
    noise, there = _noise(verdict, sizes), _noise(verdict, np.array([middle]))[0]
    if typical > 0:
        left = math.sqrt(max(1 - (there / typical) ** 2, 0.0))
        for name, index in GEOMETRIES.items():
            line = np.hypot(left * typical * (sizes / middle) ** index, noise)
            label = f"{name} ({index:g})"
            axes.plot(sizes, line, color=GEOMETRY_COLOURS[name], lw=1.6, label=label)
    if verdict.noise.positive:
        axes.plot(sizes, noise, "--", color=NOISE, lw=1.5, label="stated noise alone")
    ends_of = np.array([_median_ends(change[part]) for part in bins]).T
    axes.errorbar(
        centres, medians, np.abs(ends_of - medians), label="binned median, 95 %", fmt="o", ms=6,
        mfc="white", mec="black", mew=1.4, ecolor="black", elinewidth=1.2, zorder=5,
    )  # fmt: skip
    low, high = np.quantile(change[change > 0], [0.01, 1.0])
    size = "size" if verdict.crossed is None else "absolute weight"
    axes.set(xlabel=f"{size} before", ylabel="change, absolute", ylim=(low / 2, high * 2))
    log_scale(axes, before.min(), before.max(), "x")
    log_scale(axes, low / 2, high * 2, "y")
    axes.set_title("the slope is the index")
    legend_below(axes)


def _noise(verdict: Verdict, sizes: np.ndarray) -> np.ndarray:
    """The median absolute change that the stated noise alone makes; 0 where none is stated."""
    if not verdict.noise.positive:
        return np.zeros(sizes.size)
    return _MEDIAN * sizes * np.sqrt(noise_variance(sizes, sizes, verdict.noise))


def _median_ends(values: np.ndarray) -> np.ndarray:
    """The 95 % interval of a median by its ranks, which asks nothing of the distribution."""
    n, half = values.size, _NORMAL_95 * math.sqrt(values.size) / 2
    ranks = np.array([math.floor(n / 2 - half) - 1, math.ceil(n / 2 + half)])
    return np.sort(values)[np.clip(ranks, 0, n - 1)]


def _draw_likelihood(axes: Axes, verdict: Verdict) -> None:
    fit = verdict.likelihood
    axes.plot(fit.profile_index, fit.profile_log_likelihood - fit.log_likelihood, color=INK, lw=1.6)
    left, right = float(fit.profile_index[0]), float(fit.profile_index[-1])
    low, high = (
        edge if math.isinf(end) else end
        for end, edge in zip(verdict.interval, (left, right), strict=True)
    )
    if not math.isnan(low):
        axes.axvspan(low, high, color="0.85", lw=0, zorder=0, label="95 % interval")
    if not math.isnan(verdict.index):
        axes.axvline(
            verdict.index, color="black", lw=1.2, ls="--", label=f"index {verdict.index:.2f}"
        )
    for fitted in verdict.geometries:
        depth = fitted.log_likelihood - fit.log_likelihood
        colour = GEOMETRY_COLOURS[fitted.name]
        axes.axvline(fitted.index, color=colour, lw=0.8, alpha=0.6, zorder=0)
        marker, height = ("o", depth) if depth > -_DEPTH else ("v", -_DEPTH)
        axes.plot(fitted.index, height, marker, ms=7, color=colour, clip_on=False, zorder=3)
        axes.annotate(
            f"{fitted.name} {depth:z.0f}",
            (fitted.index, -_DEPTH * 0.93),
            xytext=(-3, 0),
            textcoords="offset points",
            rotation=90,
            fontsize=8,
            color=colour,
            ha="right",
            va="bottom",
            bbox={"color": "white", "alpha": 0.7, "pad": 0.5},
        )
    axes.set(
        xlim=(left, right),
        ylim=(-_DEPTH, 2),
        xlabel="geometry index a",
        ylabel="log-likelihood below its peak",
    )
    axes.set_title(verdict.verdict if verdict.outcome == "named" else verdict.outcome)
    if not math.isnan(verdict.index):
        legend_below(axes)


def scatter(
    axes: Axes, x: np.ndarray, y: np.ndarray, colour: str = INK, label: str | None = None
) -> None:
    """Points that are the lighter the more they are; many are one image in a vector picture."""
    alpha = float(np.clip(200 / max(x.size, 1), 0.08, 0.6))
    many = x.size > _MOST_DRAWN
    axes.scatter(x, y, s=6, alpha=alpha, color=colour, lw=0, rasterized=many, label=label)


def geometry_lines(axes: Axes) -> None:
    """The named geometries on an axis of the index, with their names at the upper end."""
    for name, index in GEOMETRIES.items():
        axes.axvline(index, color=GEOMETRY_COLOURS[name], lw=1.2, alpha=0.8, zorder=0)
        axes.annotate(
            name,
            (index, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(-2, -2),
            textcoords="offset points",
            rotation=90,
            ha="right",
            va="top",
            fontsize=7,
            color=GEOMETRY_COLOURS[name],
        )


def log_scale(axes: Axes, low: float, high: float, which: str) -> None:
    """Log axes with plain numbers, ticks at 1, 2 and 5 where less than two decades are spanned."""
    narrow = high / low < 100
    for name in which:
        getattr(axes, f"set_{name}scale")("log")
        axis = axes.xaxis if name == "x" else axes.yaxis
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if narrow else (1.0,)))
        if low >= 1e-3 and high <= 1e4:
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())
