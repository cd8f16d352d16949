"""The picture of a network's layers: the index of each, and the named geometries."""

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from matplotlib.figure import Figure

from steepest.inference.synapses.geometries import GEOMETRIES, SEARCHED
from steepest.pictures import GEOMETRY_COLOURS, INK, bare, drawn, label, legend_below

if TYPE_CHECKING:
    import steepest.inference.networks.layers

__all__ = ["draw_layers"]

# A name in quotes: the class draws itself with this file, and two files must not import each other.
LayersVerdict: TypeAlias = "steepest.inference.networks.layers.LayersVerdict"


_LONGEST = 56  # letters of a name that fit in a row
_ROW = 0.42
"""Inches that a layer takes: its interval, and its name above it."""


@drawn
def draw_layers(verdict: LayersVerdict) -> Figure:
    """One row per fitted layer, the first on top: its name, and below it index and 95 % interval.

    It is as wide as a column of text, so that it can be read on a phone too.
    """
    layers = verdict.fitted
    figure = Figure(figsize=(5, 1.5 + _ROW * max(len(layers), 1)), layout="constrained")
    axes = figure.subplots()
    for name, index in GEOMETRIES.items():
        axes.axvline(index, color=GEOMETRY_COLOURS[name], lw=1.5, label=name, zorder=0)
    for place, layer in enumerate(layers):
        ends = np.clip(layer.interval, *SEARCHED)
        axes.plot(ends, [place, place], color=INK, lw=1.2)
        axes.plot(np.clip(layer.index, *SEARCHED), place, "o", color=INK, ms=5)
        axes.text(
            0.01, place - 0.42, label(_shortened(layer.name)), fontsize=8, va="center",
            transform=axes.get_yaxis_transform(),
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85},
        )  # fmt: skip
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylim(max(len(layers), 1) - 0.5, -0.8)
    axes.set_xlabel("geometry index")
    bare(axes)
    legend_below(axes, 3)
    return figure


def _shortened(name: str) -> str:
    """A name of an array, without its middle where it is long: its end tells layers apart."""
    return name if len(name) <= _LONGEST else f"{name[:8]}...{name[11 - _LONGEST :]}"
