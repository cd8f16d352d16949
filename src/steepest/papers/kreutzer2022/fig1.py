"""Classical gradient descent depends on how a synapse is measured (Fig 1)

The strength of a synapse is its EPSP's amplitude at the soma, w_s, or at the dendrite, w_d, with
w_s = alpha w_d. The gradient of the same error with respect to w_d is alpha times that with respect
to w_s (Eq 3), and the change of w_d it makes arrives at the soma attenuated once more: alpha enters
twice, and the soma sees alpha^2 times the change. A: the distal synapse's EPSP before and after the
first step. B: the error in both weights, and the step. C: the output while the neuron learns, which
differs too.

The paper's figure is a scheme; here it is computed, for a neuron with a proximal and a distal
synapse and a realisable teacher.
"""

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.papers.kreutzer2022._two_coordinates import (
    Parameters,
    draw_cost,
    draw_epsps,
    draw_rate,
    learn_twice,
    somatic_change,
)
from steepest.pictures import letter
from steepest.study import Claim

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]

QUICK = Parameters()


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Euclidean learning in somatic and in dendritic weights."""
    return learn_twice(parameters, seed, ("Euclidean",))


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """EPSPs, the error with both steps, and the firing rate."""
    figure = matplotlib.figure.Figure(figsize=(11, 3.5), layout="constrained")
    panels = figure.subplots(1, 3)
    draw_epsps(panels[0], dataset, "Euclidean", 1.0)
    draw_cost(panels[1], dataset, "Euclidean", 1.0)
    draw_rate(panels[2], dataset, "Euclidean")
    letter(panels[0], "A", "first step")
    letter(panels[1], "B", "one error, two gradients")
    letter(panels[2], "C", "output during learning")
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Eq 3, its contradiction, and that the outputs part."""
    alpha = dataset["attenuation"].values
    gradient = dataset["gradient"].sel(rule="Euclidean")
    ratio = gradient.sel(parametrisation="dendritic") / gradient.sel(parametrisation="somatic")
    soma = somatic_change(dataset).sel(rule="Euclidean")
    seen = soma.sel(parametrisation="dendritic") / soma.sel(parametrisation="somatic")
    rate = dataset["mean_rate"].sel(rule="Euclidean")
    apart = float(np.abs(rate.diff("parametrisation")).max())
    return [
        Claim.close(
            "The dendritic gradient is alpha times the somatic one (Eq 3; ratio of the proximal and"
            " the distal synapse, to 1e-9)",
            alpha,
            ratio.values,
            1e-9,
        ),
        Claim.close(
            "At the soma the change is alpha^2 times as large: the two rules contradict each other"
            " (ratio, to 1e-9)",
            alpha**2,
            seen.values,
            1e-9,
        ),
        Claim.above(
            "So the output develops differently: greatest difference of mean firing rate (Hz)",
            apart,
            2,
        ),
    ]
