"""Natural-gradient descent does not depend on how a synapse is measured (Fig 8)

As Fig 1, for the Euclidean rule (above) and the natural one (below). The Euclidean change at the
soma is f'^2 times what it should be; the natural rule divides by Fisher's metric, with the same
factor (Eq 48), so that the dendritic change is 1/f' times the somatic one and arrives at the soma
unchanged. Weights and output then develop alike, in whichever weights the synapse learns.
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
    """Euclidean and natural learning, each in somatic and in dendritic weights."""
    return learn_twice(parameters, seed, ("Euclidean", "natural"))


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """EPSPs, the error with both steps, and the firing rate; Euclid above, natural below."""
    figure = matplotlib.figure.Figure(figsize=(11, 7), layout="constrained")
    panels = figure.subplots(2, 3)
    for row, rule, name in zip(panels, ("Euclidean", "natural"), "AB", strict=True):
        draw_epsps(row[0], dataset, rule, 1.0)
        draw_cost(row[1], dataset, rule, 1.0)
        draw_rate(row[2], dataset, rule)
        letter(row[0], name, f"{rule} gradient: {'mis' if rule == 'Euclidean' else ''}match")
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The factor f'^2 of the Euclidean rule, and that the natural rule has none."""
    alpha = dataset["attenuation"].values
    soma = somatic_change(dataset)
    seen = soma.sel(parametrisation="dendritic") / soma.sel(parametrisation="somatic")
    first = dataset["first_change"].sel(rule="natural")
    ratio = first.sel(parametrisation="dendritic") / first.sel(parametrisation="somatic")
    w, rate = dataset["somatic"], dataset["mean_rate"]
    weights = abs(w.diff("parametrisation")).max(("time", "synapse", "parametrisation"))
    apart = abs(rate.diff("parametrisation")).max(("time", "parametrisation"))
    return [
        Claim.close(
            "Euclid: the dendritic change arrives at the soma f'^2 times as large as the somatic"
            " one (Eq 44; proximal and distal synapse, to 1e-9)",
            alpha**2,
            seen.sel(rule="Euclidean").values,
            1e-9,
        ),
        Claim.close(
            "Natural: it arrives unchanged (ratio, to 1e-9)",
            np.ones(2),
            seen.sel(rule="natural").values,
            1e-9,
        ),
        Claim.close(
            "because at the dendrite it is scaled up by 1/f' (ratio, to 1e-9)",
            1 / alpha,
            ratio.values,
            1e-9,
        ),
        Claim.above(
            "Euclid: the somatic weights develop differently (greatest difference)",
            float(weights.sel(rule="Euclidean")),
            0.02,
        ),
        Claim.close(
            "Natural: the somatic weights develop alike (greatest difference, to 1e-6)",
            0.0,
            float(weights.sel(rule="natural")),
            1e-6,
        ),
        Claim.close(
            "and so does the mean firing rate (greatest difference in Hz, to 1e-4)",
            0.0,
            float(apart.sel(rule="natural")),
            1e-4,
        ),
    ]
