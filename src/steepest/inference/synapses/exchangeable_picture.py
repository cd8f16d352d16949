"""The picture of a verdict on exchangeable pairs: the pairs, and the correlation by index."""

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from steepest.inference.synapses.geometries import GEOMETRIES
from steepest.inference.synapses.pair_picture import log_scale
from steepest.pictures import GEOMETRY_COLOURS, bare, drawn, legend_below

if TYPE_CHECKING:
    import steepest.inference.synapses.exchangeable

__all__ = ["draw"]

# In quotes: the class draws itself with this file, and two files must not import each other.
PairsVerdict: TypeAlias = "steepest.inference.synapses.exchangeable.PairsVerdict"

_INK = "#303030"


@drawn
def draw(verdict: PairsVerdict) -> Figure:
    """A: both sizes of every pair; B: rank correlation of difference and sum of the duals."""
    figure = Figure(figsize=(8.5, 4.6), dpi=150, layout="constrained")
    pairs, profile = figure.subplots(1, 2)
    _draw_pairs(pairs, verdict)
    _draw_profile(profile, verdict)
    for axes, letter, title in (
        (pairs, "A", f"{verdict.n} pairs, correlation {verdict.correlation:.2f}"),
        (profile, "B", verdict.verdict if verdict.outcome == "named" else verdict.outcome),
    ):
        axes.set_title(f"{letter}   {title}", loc="left", fontsize=10)
        bare(axes)
    return figure


def _draw_pairs(axes: Axes, verdict: PairsVerdict) -> None:
    both = np.concatenate([verdict.first, verdict.second])
    low, high = float(both.min()), float(both.max())
    axes.plot([low, high], [low, high], color="0.6", lw=1)
    axes.plot(verdict.first, verdict.second, ".", ms=4, color=_INK, alpha=0.6)
    axes.set(xlabel="size of one synapse", ylabel="size of the other")
    log_scale(axes, low, high, "x")
    log_scale(axes, low, high, "y")


def _draw_profile(axes: Axes, verdict: PairsVerdict) -> None:
    band = 1.96 / math.sqrt(verdict.n - 1)
    axes.axhspan(-band, band, color="0.88", lw=0)
    axes.axhline(0, color="0.6", lw=0.8)
    for name, index in GEOMETRIES.items():
        axes.axvline(index, color=GEOMETRY_COLOURS[name], lw=1.2, label=f"{name} ({index:g})")
    axes.plot(verdict.profile_index, verdict.profile, color=_INK, lw=1.8)
    if math.isfinite(verdict.index):
        axes.plot(verdict.index, 0, "o", color=_INK, ms=6)
    axes.set(
        xlabel="geometry index a", ylabel="rank correlation, difference and sum", xlim=(-1.6, 2.6)
    )
    legend_below(axes)
