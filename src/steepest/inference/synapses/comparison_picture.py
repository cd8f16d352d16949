"""The picture of a comparison: the index of every condition, and the differences."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from steepest.inference.synapses.geometries import SHOWN
from steepest.inference.synapses.intervals import Interval
from steepest.inference.synapses.pair_picture import geometry_lines
from steepest.pictures import INK, bare, drawn, label

if TYPE_CHECKING:
    import steepest.inference.synapses.comparison

__all__ = ["draw"]

_ROW = 0.45  # inches
_NAMES = 1.8  # rows for the names of the geometries

# A name in quotes: the class draws itself with this file, and two files must not import each other.
Comparison: TypeAlias = "steepest.inference.synapses.comparison.Comparison"


@drawn
def draw(comparison: Comparison) -> Figure:
    """Left the indices with the named geometries, right the differences with 0."""
    rows = max(len(comparison.verdicts), len(comparison.differences))
    figure = Figure(figsize=(9, 1.4 + _ROW * (rows + _NAMES)), dpi=150, layout="constrained")
    indices, differences = figure.subplots(1, 2)
    verdicts = comparison.verdicts
    _dots(
        indices,
        list(verdicts),
        [Interval(verdict.index, *verdict.interval) for verdict in verdicts.values()],
    )
    low, high = SHOWN
    geometry_lines(indices)
    indices.set(xlim=(low, high), xlabel="geometry index a")
    _dots(
        differences,
        [f"{item.first} - {item.second}" for item in comparison.differences],
        [item.index for item in comparison.differences],
    )
    differences.axvline(0, color="0.6", lw=1, zorder=0)
    differences.set(xlabel="difference of indices")
    for axes, title in ((indices, "A   Index"), (differences, "B   Difference")):
        axes.set_title(title, loc="left", fontsize=10)
        bare(axes)
    return figure


def _dots(axes: Axes, names: Sequence[str], intervals: Sequence[Interval]) -> None:
    places = np.arange(len(names))
    for place, interval in zip(places, intervals, strict=True):
        if np.isfinite(interval.value):
            axes.plot(interval.value, place, "o", color=INK, ms=5)
        if np.isfinite(interval.low) and np.isfinite(interval.high):
            axes.plot([interval.low, interval.high], [place, place], color=INK, lw=1.5)
    axes.set_yticks(
        places, [label(name if len(name) <= 24 else f"{name[:23]}...") for name in names]
    )
    axes.set_ylim(len(names) - 0.5, -0.5 - _NAMES)
