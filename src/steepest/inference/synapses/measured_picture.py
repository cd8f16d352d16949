"""The picture of a verdict on measured noise: changes, signal, mirror map, index, groups."""

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
from steepest.inference.synapses.pair_picture import geometry_lines, log_scale
from steepest.inference.synapses.signal_picture import draw_changes, draw_signal
from steepest.pictures import GEOMETRY_COLOURS, INK, bare, drawn, label, legend_below, letter

if TYPE_CHECKING:
    import steepest.inference.synapses.measured

__all__ = ["draw"]

# A name in quotes: the class draws itself with this file, and two files must not import each other.
MeasuredVerdict: TypeAlias = "steepest.inference.synapses.measured.MeasuredVerdict"

_NAMED_GROUPS = 30  # more labels would lie on one another


@drawn
def draw(verdict: MeasuredVerdict) -> Figure:
    """The changes, their signal by size, the mirror map, the index by every cut, and by group.

    As wide as a page of print: what shares the axis of size stands in one column.
    """
    estimate = verdict.estimate
    groups = estimate.groups
    figure = Figure(figsize=(7.6, 8.4 if groups is None else 11.2), dpi=150, layout="constrained")
    rows = 4 if groups is None else 6
    grid = figure.add_gridspec(rows, 2, width_ratios=[1, 0.9])
    left = [figure.add_subplot(grid[at : at + 2, 0]) for at in range(0, rows, 2)]
    half = rows // 2
    right = [figure.add_subplot(grid[at : at + half, 1]) for at in range(0, rows, half)]
    draw_changes(left[0], estimate, verdict.measured)
    draw_signal(left[1], estimate)
    if groups is None:
        _draw_mirror(right[0], estimate)
        _draw_index(right[1], verdict)
    else:
        _draw_mirror(left[2], estimate)
        _draw_index(right[0], verdict)
        _draw_groups(right[1], groups, estimate.index)
    for axes, name in zip([*left, *right], "ABCDE", strict=False):
        letter(axes, name, axes.get_title())
        axes.set_title("")
        axes.tick_params(labelsize=8)
        bare(axes)
    return figure


def _draw_mirror(axes: Axes, estimate: Estimate) -> None:
    axes.set_title("mirror map: the dual against size")
    if not math.isfinite(estimate.index.value):
        axes.text(0.5, 0.5, "no index", ha="center", transform=axes.transAxes)
        return
    curve = mirror_map(estimate)
    middle = np.log(curve.size) - estimate.centre
    axes.fill_between(curve.size, curve.low, curve.high, color="0.8", lw=0, label="95 % band")
    axes.plot(curve.size, curve.dual, color=INK, lw=2, label="fitted")
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
    legend_below(axes, 3, size=7)


def _draw_groups(axes: Axes, groups: GroupIndices, whole: Interval) -> None:
    """The index of every group, shrunken towards that of all, in the order of the index."""
    order = np.argsort([interval.value for interval in groups.indices])
    geometry_lines(axes)
    axes.axvspan(*np.clip([whole.low, whole.high], *SEARCHED), color="0.88", lw=0, zorder=0)
    for height, at in enumerate(order):
        interval = groups.indices[at]
        axes.plot([interval.low, interval.high], [height, height], color=INK, lw=1.2)
        axes.plot(interval.value, height, "o", color=INK, ms=4)
    shown = order if len(order) <= _NAMED_GROUPS else order[:0]
    axes.set_yticks(range(len(shown)), [label(groups.names[at]) for at in shown], fontsize=7)
    axes.set(
        xlim=(-1.6, 2.6),
        ylim=(-0.8, -0.8 + (len(order) + 1) / 0.84),
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
    geometry_lines(axes)
    for place, (_, at) in enumerate(rows):
        height = len(rows) - place
        if math.isnan(at.low) or math.isnan(at.high):
            continue
        ends = np.clip([at.low, at.high], *SEARCHED)
        axes.plot(ends, [height, height], color=INK, lw=2.4 if place == 0 else 1.2)
        if math.isfinite(at.value):
            axes.plot(at.value, height, "o", color=INK, ms=6 if place == 0 else 4)
    axes.set_yticks(range(len(rows), 0, -1), [name for name, _ in rows], fontsize=8)
    # The names of the geometries have the upper end to themselves.
    own = 0.75 if estimate.groups is None else 0.84
    axes.set(xlim=(-1.6, 2.6), ylim=(0.4, 0.4 + (len(rows) + 0.3) / own), xlabel="geometry index a")
    axes.set_title(verdict.verdict if verdict.outcome == "named" else verdict.outcome)
