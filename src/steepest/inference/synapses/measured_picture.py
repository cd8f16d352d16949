"""The picture of a verdict on measured noise: change against size, the mirror map, the index."""

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from steepest.inference.synapses.dual_curve import mirror_map, power_dual
from steepest.inference.synapses.estimation import Estimate
from steepest.inference.synapses.geometries import GEOMETRIES, SEARCHED
from steepest.inference.synapses.heterogeneity import GroupIndices
from steepest.inference.synapses.intervals import Interval
from steepest.inference.synapses.pair_picture import log_scale
from steepest.inference.synapses.signal import noise_at, shown_signal, signal_at
from steepest.pictures import GEOMETRY_COLOURS, bare, drawn, legend_below

if TYPE_CHECKING:
    import steepest.inference.synapses.measured

__all__ = ["draw"]

# A name in quotes: the class draws itself with this file, and two files must not import each other.
MeasuredVerdict: TypeAlias = "steepest.inference.synapses.measured.MeasuredVerdict"

_INK = "#303030"
_NAMED_GROUPS = 30  # more labels would lie on one another


@drawn
def draw(verdict: MeasuredVerdict) -> Figure:
    """Spread of change by size and lag, the fitted mirror map, and the index by every cut."""
    groups = verdict.estimate.groups
    ratios = [1, 1, 1.1] if groups is None else [1, 1, 1.1, 0.8]
    width = 12.0 if groups is None else 15.5
    figure = Figure(figsize=(width, 4.9), dpi=150, layout="constrained")
    panels = figure.subplots(1, len(ratios), width_ratios=ratios)
    _draw_spread(panels[0], verdict)
    _draw_mirror(panels[1], verdict.estimate)
    _draw_index(panels[2], verdict)
    if groups is not None:
        _draw_groups(panels[3], groups, verdict.estimate.index)
    for axes, letter in zip(panels, "ABCD", strict=False):
        axes.set_title(f"{letter}   {axes.get_title()}", loc="left", fontsize=10)
        axes.set_title("")
        bare(axes)
    return figure


def _draw_spread(axes: Axes, verdict: MeasuredVerdict) -> None:
    estimate = verdict.estimate
    moments, fit = estimate.moments, estimate.fit
    index = np.clip(fit.index, *SEARCHED)
    line = np.linspace(moments.middle.min(), moments.middle.max(), 60)
    sizes = np.exp(line + estimate.centre)
    noise = np.sqrt(noise_at(fit.noise, line)[0])
    greys = {lag: str(0.55 - 0.18 * place) for place, lag in enumerate(sorted(estimate.by_lag))}
    counts, squares = moments.counts.sum(axis=0), moments.squares.sum(axis=0)
    for lag, colour in greys.items():
        chosen = (moments.lag == lag) & (counts > 0) & (moments.kappa > 0)
        if not chosen.any():
            continue
        kappa, nu = np.median(moments.kappa[chosen]), np.median(moments.nu[chosen])
        order = np.argsort(moments.middle[chosen])
        middle = moments.middle[chosen][order]
        parts = np.array_split(np.arange(middle.size), max(6, min(12, middle.size)))
        parts = [part for part in parts if part.size]
        q, n = squares[chosen][order], counts[chosen][order]
        axes.plot(
            np.exp([np.average(middle[p], weights=n[p]) + estimate.centre for p in parts]),
            [math.sqrt(q[p].sum() / n[p].sum()) for p in parts],
            "o",
            ms=4,
            color=colour,
            label=f"{lag} session{'s' if lag > 1 else ''} apart",
        )
        signal = shown_signal(
            kappa * signal_at(index, fit.log_signal, line), index[:, None], moments.spread
        )[0]
        axes.plot(sizes, np.sqrt(signal + nu * noise**2), color=colour, lw=1.4)
    signal = np.sqrt(signal_at(index, fit.log_signal, line)[0])
    axes.plot(sizes, signal, color="#D55E00", lw=2, label="signal of one session")
    if noise.max() > 0:
        axes.plot(sizes, noise, "--", color="#0072B2", lw=1.6, label="noise of one measurement")
    axes.set(xlabel="size", ylabel="sd of change of log size")
    log_scale(axes, float(sizes[0]), float(sizes[-1]), "x")
    axes.set_ylim(bottom=0)
    _mark_outliers(axes, verdict)
    legend_below(axes)
    axes.set_title("spread of change")


def _mark_outliers(axes: Axes, verdict: MeasuredVerdict) -> None:
    """Every measurement left out as a cross: the synapse's usual size, and how far off it was."""
    outliers = verdict.estimate.outliers
    if not outliers.listed:
        return
    rows = np.array([outlier.row for outlier in outliers.listed])
    sessions = np.array([outlier.session for outlier in outliers.listed])
    replicates = np.array([outlier.replicate or 0 for outlier in outliers.listed])
    sizes = verdict.measured.log_sizes
    single = sizes[:, :, None] if verdict.measured.single is None else verdict.measured.single
    of_replicate = np.array([outlier.replicate is not None for outlier in outliers.listed])
    seen = np.where(of_replicate, single[rows, sessions, replicates], sizes[rows, sessions])
    usual = np.nanmedian(single[rows], axis=(1, 2))
    low, high = axes.get_ylim()
    # What lies higher is marked at the edge: the spread is what the panel is about.
    axes.plot(
        np.exp(usual),
        np.minimum(np.abs(seen - usual), 0.985 * high),
        "x",
        ms=4,
        mew=0.9,
        color="#CC3311",
        label=f"left out ({len(rows)})",
    )
    axes.set_ylim(low, high)


def _draw_mirror(axes: Axes, estimate: Estimate) -> None:
    axes.set_title("mirror map: the dual against size")
    if not math.isfinite(estimate.index.value):
        axes.text(0.5, 0.5, "no index", ha="center", transform=axes.transAxes)
        return
    curve = mirror_map(estimate)
    middle = np.log(curve.size) - estimate.centre
    axes.fill_between(curve.size, curve.low, curve.high, color="0.8", lw=0, label="95 % band")
    axes.plot(curve.size, curve.dual, color=_INK, lw=2, label="fitted")
    for name, index in GEOMETRIES.items():
        line = power_dual(middle, index)
        axes.plot(
            curve.size, line, color=GEOMETRY_COLOURS[name], lw=1.1, label=f"{name} ({index:g})"
        )
    reach = max(abs(float(curve.dual[0])), abs(float(curve.dual[-1])))
    axes.set(
        xlabel="size", ylabel="dual, slope 1 at the typical size", ylim=(-1.6 * reach, 1.6 * reach)
    )
    log_scale(axes, float(curve.size[0]), float(curve.size[-1]), "x")
    legend_below(axes)


def _draw_names(axes: Axes) -> None:
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


def _draw_groups(axes: Axes, groups: GroupIndices, whole: Interval) -> None:
    """The index of every group, shrunken towards that of all, in the order of the index."""
    order = np.argsort([interval.value for interval in groups.indices])
    _draw_names(axes)
    axes.axvspan(*np.clip([whole.low, whole.high], *SEARCHED), color="0.88", lw=0, zorder=0)
    for height, at in enumerate(order):
        interval = groups.indices[at]
        axes.plot([interval.low, interval.high], [height, height], color=_INK, lw=1.2)
        axes.plot(interval.value, height, "o", color=_INK, ms=4)
    shown = order if len(order) <= _NAMED_GROUPS else order[:0]
    axes.set_yticks(range(len(shown)), [groups.names[at] for at in shown], fontsize=7)
    axes.set(
        xlim=(-1.6, 2.6),
        ylim=(-0.8, 1.3 * len(order) + 1),
        xlabel="geometry index a",
        ylabel="" if len(shown) else f"{len(order)} groups",
    )
    axes.set_title(f"groups, sd {groups.tau:.2f}, p = {groups.p_value:.2g}")


def _draw_index(axes: Axes, verdict: MeasuredVerdict) -> None:
    estimate = verdict.estimate
    rows: list[tuple[str, Interval]] = [("all", estimate.index)]
    rows += [("small synapses", estimate.small), ("large synapses", estimate.large)]
    if len(estimate.by_lag) > 1:
        rows += [(f"lag {lag}", at) for lag, at in sorted(estimate.by_lag.items())]
    rows += [(f"step {at + 1}", step) for at, step in enumerate(estimate.over_time)]
    _draw_names(axes)
    for place, (_, at) in enumerate(rows):
        height = len(rows) - place
        if math.isnan(at.low) or math.isnan(at.high):
            continue
        ends = np.clip([at.low, at.high], *SEARCHED)
        axes.plot(ends, [height, height], color=_INK, lw=2.4 if place == 0 else 1.2)
        if math.isfinite(at.value):
            axes.plot(at.value, height, "o", color=_INK, ms=6 if place == 0 else 4)
    axes.set_yticks(range(len(rows), 0, -1), [name for name, _ in rows], fontsize=8)
    # The names of the geometries have the upper quarter to themselves.
    axes.set(
        xlim=(-1.6, 2.6), ylim=(0.4, 0.4 + (len(rows) + 0.3) / 0.75), xlabel="geometry index a"
    )
    axes.set_title(verdict.verdict if verdict.outcome == "named" else verdict.outcome)
