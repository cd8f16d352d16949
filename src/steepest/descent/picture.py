"""A flow drawn: its coordinates and its cost against time, and in a plane the path itself."""

from typing import Any

import numpy as np
from jaxtyping import Float

from steepest.pictures import INK, LINE_COLOURS, bare, drawn, legend_below

__all__ = ["draw_flow"]


@drawn
def draw_flow(
    times: Float[np.ndarray, " m"],
    points: Float[np.ndarray, "b m n"],
    costs: Float[np.ndarray, "b m"],
    names: list[str],
    energies: Float[np.ndarray, "b m"] | None = None,
) -> Any:
    """A matplotlib Figure of b flows; `names` are those of the n coordinates.

    With `energies`, of a flow with inertia, these are drawn above the costs.
    """
    from matplotlib.figure import Figure

    plane = len(names) == 2
    figure = Figure(figsize=(9.6 if plane else 6.4, 3.6), layout="constrained")
    panels = figure.subplots(1, 3 if plane else 2)
    few = len(names) <= len(LINE_COLOURS)
    for i, name in enumerate(names):
        colour = LINE_COLOURS[i] if few else INK
        width = 1.2 if few else 0.5
        panels[0].plot(times, points[:, :, i].T, color=colour, linewidth=width)[0].set_label(name)
    if few:
        legend_below(panels[0])
    panels[0].set(xlabel="time", ylabel="coordinate")
    panels[1].plot(times, costs.T, color=INK, linewidth=1.2)
    panels[1].set(xlabel="time", ylabel="cost")
    if energies is not None:
        panels[1].lines[0].set_label("cost")
        panels[1].plot(times, energies.T, color=INK, linewidth=1.2, linestyle="--", label="energy")
        panels[1].set(ylabel="cost, and energy")
        legend_below(panels[1])
    if plane:
        for path in points:
            panels[2].plot(*path.T, color=INK, linewidth=1.2)
            panels[2].plot(*path[0], "o", color=INK, markersize=4)
        panels[2].set(xlabel=names[0], ylabel=names[1])
    bare(*panels)
    return figure
