"""The picture of an inferred metric: how well it predicts, and how it compares."""

import matplotlib.figure
import numpy as np

from steepest.inference.metrics import MetricVerdict

__all__ = ["draw_metric_verdict"]


def draw_metric_verdict(verdict: MetricVerdict) -> matplotlib.figure.Figure:
    """Velocities measured against predicted by the best metric, and each family's AICc."""
    figure = matplotlib.figure.Figure(figsize=(9.6, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = verdict.consistent or (verdict.fits[0].family.name,)
    best = verdict.fit(names[0])
    samples = verdict.samples
    design = best.family.design(samples.positions, samples.covectors)
    predicted = design @ best.fit.coefficients
    for i in range(samples.dimension):
        left.plot(predicted[:, i], samples.velocities[:, i], "o", ms=4, label=f"coordinate {i}")
    ends = [min(predicted.min(), samples.velocities.min()),
            max(predicted.max(), samples.velocities.max())]  # fmt: skip
    left.plot(ends, ends, color="black", linewidth=0.8)
    left.set(
        xlabel="predicted velocity", ylabel="measured velocity", title=f"Best: {best.family.name}"
    )
    left.legend(frameon=False)
    finite = [fit for fit in verdict.fits if np.isfinite(fit.aicc)]
    least = min((fit.aicc for fit in finite), default=0.0)
    for place, fit in enumerate(reversed(finite)):
        consistent = fit.family.name in verdict.consistent
        colour = "#1f5fd0" if consistent else "#9a9a9a"
        right.barh(place, fit.aicc - least + 0.3, color=colour)
    right.set_yticks(range(len(finite)), [fit.family.name for fit in reversed(finite)])
    right.set(xlabel="AICc above the best", title="Families (blue: consistent)")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure
