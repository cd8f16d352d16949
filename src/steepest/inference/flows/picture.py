"""The picture of an inferred metric: how well it predicts, and how it compares."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import matplotlib.figure
import numpy as np

from steepest.pictures import LINE_COLOURS, bare, drawn, label, legend_below

if TYPE_CHECKING:
    import steepest.inference.flows.verdict

__all__ = ["draw_metric_verdict"]

# A name in quotes: the class draws itself with this file, and two files must not import each other.
MetricVerdict: TypeAlias = "steepest.inference.flows.verdict.MetricVerdict"

_BLUE, _GREY = LINE_COLOURS[0], "#9a9a9a"


@drawn
def draw_metric_verdict(
    verdict: MetricVerdict, names: Sequence[str] = ()
) -> matplotlib.figure.Figure:
    """Velocities measured against predicted by the best metric, and each family's AICc.

    `names` of the coordinates are numbers unless given.
    """
    figure = matplotlib.figure.Figure(figsize=(9.6, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    best = verdict.fit((verdict.consistent or (verdict.fits[0].family.name,))[0])
    samples = verdict.samples
    design = best.family.design(samples.positions, samples.covectors)
    predicted = design @ best.fit.coefficients
    few = samples.dimension <= len(LINE_COLOURS)
    for i in range(samples.dimension):
        left.plot(
            predicted[:, i],
            samples.velocities[:, i],
            "o",
            color=LINE_COLOURS[i] if few else _BLUE,
            alpha=0.6,
            markeredgewidth=0,
            label=label(names[i]) if names else f"coordinate {i}",
        )
    ends = [min(predicted.min(), samples.velocities.min()),
            max(predicted.max(), samples.velocities.max())]  # fmt: skip
    left.plot(ends, ends, color="black", linewidth=0.8)
    left.set(
        xlabel="predicted velocity", ylabel="measured velocity", title=f"Best: {best.family.name}"
    )
    if few:
        legend_below(left, columns=3)
    finite = [fit for fit in verdict.fits if np.isfinite(fit.aicc)]
    least = min((fit.aicc for fit in finite), default=0.0)
    for place, fit in enumerate(reversed(finite)):
        consistent = fit.family.name in verdict.consistent
        right.plot(fit.aicc - least, place, "o", color=_BLUE if consistent else _GREY)
    right.set_yticks(range(len(finite)), [fit.family.name for fit in reversed(finite)])
    # Straight up to 10, past which a family has no support, then by factors.
    right.set_xscale("symlog", linthresh=10, linscale=1.5)
    right.axvline(10, color="black", linewidth=0.8, linestyle=":")
    right.grid(axis="y", color="#e4e4e4", linewidth=0.8)
    right.set_axisbelow(True)
    right.set(
        xlabel="AICc above the best (past 10: no support)",
        title="Families (blue: consistent)",
        xlim=(-1, None),
    )
    for axes in (left, right):
        bare(axes)
    return figure
