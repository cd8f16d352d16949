"""Redundant afferents along a dendrite reach the same weight at the soma (Discussion)

Afferents of the same rate synapse along a dendrite that attenuates; all start from nothing and have
the same target. Both rules learn dendritic weights, on the same spikes: the natural one by steepest
descent in their Fisher metric, which gives every synapse the same somatic weight, the Euclidean one
slower and slower with the distance.
"""

from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.arrays.repetitions import mean_and_error
from steepest.geometry import AbstractChart, Pullback, Scaling
from steepest.papers.kreutzer2022._discussion import DT, RULES, draw_points
from steepest.pictures import RULE_COLOURS, bare, letter
from steepest.spiking import (
    AbstractRule,
    Afferents,
    MetricRule,
    NeuronFisher,
    PoissonNeuron,
    RealisableTeacher,
    Task,
    simulate,
)
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The dendrite, its afferents and the task."""

    synapses: int = parameter(12, "synapses along the dendrite")
    farthest: float = parameter(460.0, "distance of the last synapse from the soma", "um")
    length: float = parameter(200.0, "attenuation length of the dendrite", "um")
    target: float = parameter(0.03, "the teacher's somatic weights")
    rate: float = parameter(20.0, "rate of the afferents", "Hz")
    trials: int = parameter(128, "repetitions")
    duration: float = parameter(60.0, "time of learning", "s")
    points: int = parameter(21, "recorded times")
    natural_rate: float = parameter(0.05, "learning rate of the natural rule", "1/s")
    euclidean_rate: float = parameter(1e-4, "learning rate of the Euclidean rule", "1")


QUICK = Parameters(trials=16, duration=20.0)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Somatic weights in time, by both rules."""
    p = parameters
    distances = np.linspace(0.0, p.farthest, p.synapses)
    times = np.linspace(0.0, p.duration, p.points)
    alpha = np.exp(-distances / p.length)
    chart = Scaling(alpha)
    afferents = Afferents.steady(np.full(p.synapses, p.rate))
    task = Task(PoissonNeuron(), afferents, RealisableTeacher(np.full(p.synapses, p.target)))
    learning = (
        (_natural(task.fisher(), chart), p.natural_rate),
        (RULES["Euclidean"], p.euclidean_rate),
    )
    recordings = [
        simulate(
            task,
            rule,
            np.zeros((p.trials, p.synapses)),
            rate=rate,
            duration=p.duration,
            dt=DT,
            seed=seed,
            record=times,
            chart=chart,
        )
        for rule, rate in learning
    ]
    somatic = np.stack([recording.weights for recording in recordings]) * alpha
    mean, error = mean_and_error(np.moveaxis(somatic, 2, 0))
    dataset = xr.Dataset(
        {
            "somatic": (("rule", "time", "synapse"), mean),
            "somatic_error": (("rule", "time", "synapse"), error),
            "distance": ("synapse", distances, {"units": "um"}),
            "target": ((), p.target),
        },
        coords={"rule": list(RULES), "time": ("time", times, {"units": "s"})},
    )
    return stamp(dataset, parameters, seed)


def _natural(fisher: NeuronFisher, chart: AbstractChart) -> AbstractRule:
    """Steepest descent in the Fisher metric of the weights that learn."""
    return MetricRule(Pullback(fisher, chart))


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Somatic weights at the end against the distance, by both rules."""
    figure = matplotlib.figure.Figure(figsize=(4.8, 3.6), layout="constrained")
    axes = figure.subplots()
    last = dataset.isel(time=-1)
    for rule in RULES:
        mean, error = last["somatic"].sel(rule=rule), last["somatic_error"].sel(rule=rule)
        draw_points(axes, dataset["distance"], mean, error, RULE_COLOURS[rule], rule)
    axes.axhline(float(dataset["target"]), color="0.5", linestyle=":", linewidth=1)
    axes.set(
        xlabel="distance from the soma (um)",
        ylabel=f"somatic weight after {float(dataset['time'][-1]):g} s",
        ylim=(0, None),
    )
    axes.legend(frameon=False)
    letter(axes, "C", "redundant afferents (dotted: target)")
    bare(axes)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Equal somatic weights by the natural rule, and slower distal synapses by the Euclidean."""
    last = dataset.isel(time=-1)
    distance = dataset["distance"].to_numpy()
    x = distance - distance.mean()
    weights = last["somatic"].sel(rule="natural").to_numpy()
    error = last["somatic_error"].sel(rule="natural").to_numpy()
    span = float(distance[-1] - distance[0])
    fall = span * float(x @ weights / (x @ x)) / weights.mean()
    fall_error = span * float(np.sqrt(np.sum((x * error) ** 2)) / (x @ x)) / weights.mean()
    euclidean = last["somatic"].sel(rule="Euclidean").to_numpy()
    euclidean_error = last["somatic_error"].sel(rule="Euclidean").to_numpy() / euclidean
    ratio = float(euclidean[-1] / euclidean[0])
    ratio_error = ratio * float(np.hypot(euclidean_error[0], euclidean_error[-1]))
    return [
        Claim.near(
            "C: under the natural gradient redundant afferents reach the same somatic"
            " weight at every distance (fitted change from the first to the last synapse, relative"
            " to the mean; 0 within .02 + 3 SE)",
            0.0,
            fall,
            fall_error,
            tolerance=0.02,
        ),
        Claim.below(
            "C: the Euclidean rule in dendritic weights is slower at distal synapses: the"
            " last one's somatic weight over the first one's (below .2 by 3 SE)",
            ratio,
            0.2,
            standard_error=ratio_error,
            by=3,
        ),
    ]
