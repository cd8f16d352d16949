"""The picture of a network's layers: the index of each, and the named geometries."""

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from matplotlib.figure import Figure

from steepest.inference.synapses.geometries import GEOMETRIES, SEARCHED
from steepest.pictures import GEOMETRY_COLOURS, INK, bare, drawn, label

if TYPE_CHECKING:
    import steepest.inference.networks.layers

__all__ = ["draw_layers"]

# A name in quotes: the class draws itself with this file, and two files must not import each other.
LayersVerdict: TypeAlias = "steepest.inference.networks.layers.LayersVerdict"


@drawn
def draw_layers(verdict: LayersVerdict) -> Figure:
    """One row per fitted layer, the first on top: its index and 95 % interval."""
    layers = verdict.fitted
    figure = Figure(figsize=(8, 1.8 + 0.32 * max(len(layers), 1)), layout="constrained")
    axes = figure.subplots()
    for name, index in GEOMETRIES.items():
        axes.axvline(index, color=GEOMETRY_COLOURS[name], lw=1.5, label=name, zorder=0)
    for place, layer in enumerate(layers):
        ends = np.clip(layer.interval, *SEARCHED)
        axes.plot(ends, [place, place], color=INK, lw=1.2)
        axes.plot(np.clip(layer.index, *SEARCHED), place, "o", color=INK, ms=5)
    axes.set_yticks(range(len(layers)), [label(layer.name) for layer in layers])
    axes.set_ylim(max(len(layers), 1) - 0.5, -0.5)
    axes.set_xlabel("geometry index")
    bare(axes)
    figure.legend(loc="outside upper center", ncols=len(GEOMETRIES), frameon=False, fontsize=8)
    return figure
