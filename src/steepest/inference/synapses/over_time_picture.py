"""The picture of a geometry index over time."""

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from matplotlib.figure import Figure

from steepest.inference.synapses.geometries import GEOMETRIES, SEARCHED
from steepest.pictures import GEOMETRY_COLOURS, INK, bare, drawn, label

if TYPE_CHECKING:
    import steepest.inference.synapses.over_time

__all__ = ["draw"]

# A name in quotes: the class draws itself with this file, and two files must not import each other.
GeometryOverTime: TypeAlias = "steepest.inference.synapses.over_time.GeometryOverTime"


@drawn
def draw(over: GeometryOverTime) -> Figure:
    """The index of every window with its interval, that of all sessions, and the named ones."""
    figure = Figure(figsize=(7.2, 4.0), dpi=150, layout="constrained")
    axes = figure.subplots()
    for name, index in GEOMETRIES.items():
        colour = GEOMETRY_COLOURS[name]
        axes.axhline(index, color=colour, lw=1.1, zorder=0)
        axes.annotate(
            name,
            (1.0, index),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=colour,
        )
    whole = over.whole
    if math.isfinite(whole.low) and math.isfinite(whole.high):
        axes.axhspan(whole.low, whole.high, color="0.88", lw=0, zorder=-1)
    seen = [at for at in over.windows if math.isfinite(at.index.value)]
    for at in seen:
        ends = np.clip([at.index.low, at.index.high], *SEARCHED)
        axes.plot([at.time, at.time], ends, color=INK, lw=1.4)
        axes.plot(at.time, at.index.value, "o", color=INK, ms=5)
    axes.plot([at.time for at in seen], [at.index.value for at in seen], color=INK, lw=0.8)
    names = [f"{label(at.first)} -\n{label(at.last)}" for at in over.windows]
    axes.set_xticks(
        [at.time for at in over.windows],
        names,
        fontsize=7,
        rotation=0 if len(names) <= 7 else 90,
    )
    values = [at.index.value for at in seen]
    axes.set(
        ylim=(min([-1.6, *values]) - 0.1, max([2.6, *values]) + 0.1),
        xlabel=f"windows of {over.width} sessions",
        ylabel="geometry index a",
    )
    axes.set_title(f"slope {over.slope.value:.3f} per unit of time; grey: all sessions",
                   loc="left", fontsize=10)  # fmt: skip
    bare(axes)
    return figure
