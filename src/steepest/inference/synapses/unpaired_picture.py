"""The picture of a verdict on two distributions: both of them, and the misfit of every index."""

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from steepest.inference.synapses.geometries import GEOMETRIES
from steepest.inference.synapses.pair_picture import log_scale
from steepest.pictures import GEOMETRY_COLOURS, bare, drawn, legend_below

if TYPE_CHECKING:
    import steepest.inference.synapses.unpaired

__all__ = ["draw"]

# A name in quotes: the class draws itself with this file, and two files must not import each other.
UnpairedVerdict: TypeAlias = "steepest.inference.synapses.unpaired.UnpairedVerdict"

_INK = "#303030"


@drawn
def draw(verdict: UnpairedVerdict) -> Figure:
    """Both distributions of sizes, and how badly each index turns the first into the second."""
    figure = Figure(figsize=(9.5, 4.8), dpi=150, layout="constrained")
    sizes, misfit = figure.subplots(1, 2)
    _draw_sizes(sizes, verdict)
    _draw_misfit(misfit, verdict)
    for axes, letter in zip((sizes, misfit), "AB", strict=True):
        axes.set_title(f"{letter}   {axes.get_title()}", loc="left", fontsize=10)
        axes.set_title("")
        bare(axes)
    return figure


def _draw_sizes(axes: Axes, verdict: UnpairedVerdict) -> None:
    for sizes, colour, label in (
        (verdict.before, "0.55", f"before ({verdict.n_before})"),
        (verdict.after, _INK, f"after ({verdict.n_after})"),
    ):
        level = (np.arange(sizes.size) + 0.5) / sizes.size
        axes.plot(np.sort(sizes), level, color=colour, lw=1.8, label=label)
    axes.set(ylabel="share of synapses that are smaller", xlabel="size", ylim=(0, 1))
    every = np.concatenate([verdict.before, verdict.after])
    low, high = np.quantile(every, [0.002, 0.998])
    axes.set_title("distributions of size")
    log_scale(axes, float(low), float(high), "x")
    legend_below(axes)


def _draw_misfit(axes: Axes, verdict: UnpairedVerdict) -> None:
    axes.set_title("misfit of every index")
    axes.set(xlabel="geometry index a", ylabel="Cramér-von Mises distance")
    if math.isnan(verdict.index):
        axes.text(0.5, 0.5, "no widening", ha="center", transform=axes.transAxes)
        return
    seen = np.isfinite(verdict.profile)
    axes.plot(verdict.profile_index[seen], verdict.profile[seen], color=_INK, lw=1.8)
    low, high = verdict.interval
    if math.isfinite(low) and math.isfinite(high):
        axes.axvspan(low, high, color="0.88", lw=0, zorder=0, label="95 % interval")
    if math.isfinite(verdict.index):
        axes.plot(verdict.index, np.nanmin(verdict.profile), "o", color=_INK, label="best index")
    for name, index in GEOMETRIES.items():
        axes.axvline(index, color=GEOMETRY_COLOURS[name], lw=1.2, alpha=0.8, zorder=0, label=name)
    axes.set(xlim=(-2.1, 3.1), ylim=(0, None))
    legend_below(axes, columns=3)
