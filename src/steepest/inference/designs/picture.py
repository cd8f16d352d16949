"""The picture of a plan: how often each geometry is named, against the number of synapses."""

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from matplotlib.figure import Figure

from steepest.pictures import GEOMETRY_COLOURS, bare, drawn, legend_below

if TYPE_CHECKING:
    import steepest.inference.designs.planning

__all__ = ["draw"]

# A name in quotes: the class draws itself with this file, and two files must not import each other.
Plan: TypeAlias = "steepest.inference.designs.planning.Plan"


@drawn
def draw(plan: Plan) -> Figure:
    """One panel per number of sessions and replicates: power (solid) and wrong names (dashed)."""
    kinds = list(dict.fromkeys((d.sessions, d.replicates) for d in plan.designs))
    figure = Figure(figsize=(4.4 * len(kinds), 4.4), dpi=150, layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(kinds), sharey=True))
    for axes, kind in zip(panels, kinds, strict=True):
        rows = [i for i, d in enumerate(plan.designs) if (d.sessions, d.replicates) == kind]
        sizes = [plan.designs[i].synapses for i in rows]
        for column, truth in enumerate(plan.truths):
            colour = GEOMETRY_COLOURS[truth]
            axes.errorbar(
                sizes,
                plan.power[rows, column],
                yerr=plan.standard_error[rows, column],
                fmt="o-",
                color=colour,
                ms=4,
                capsize=2,
                label=truth,
            )
            axes.plot(sizes, plan.wrong[rows, column], "--", color=colour, lw=1)
        axes.axhline(0.8, color="0.7", lw=0.8, zorder=0)
        if len(sizes) > 1:
            axes.set_xscale("log")
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.minorticks_off()
        title = f"{kind[0]} sessions" + (f", {kind[1]} replicates" if kind[1] > 1 else "")
        axes.set(title=title, xlabel="synapses", ylim=(-0.03, 1.03))
        # Every panel stands alone: on a narrow page they are stacked.
        axes.set_ylabel("share of experiments\n(solid: named rightly, dashed: wrongly)")
        axes.tick_params(labelleft=True)
        legend_below(axes)
        bare(axes)
    return figure
