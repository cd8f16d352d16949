"""Plasticity that falls with distance at equal dendritic weights depends on the teacher

Synapses of the same *dendritic* weight, smaller at the soma the farther they are, learn by the
natural rule. That their plasticity falls with distance (Froemke et al. 2005) depends on the
teacher. It comes out, in proportion to the somatic weight, where the teacher answers the same input
more strongly: the natural gradient goes straight to the teacher's weights. A teacher of a constant
rate has the reverse effect: the rule then raises the mean voltage and lowers its variance, at the
expense of the strongest synapses.
"""

from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.arrays.repetitions import mean_and_error
from steepest.papers.kreutzer2022._discussion import DT, RULES, draw_points
from steepest.pictures import LINE_COLOURS, bare, letter
from steepest.spiking import (
    Afferents,
    FixedRateTeacher,
    PoissonNeuron,
    RealisableTeacher,
    Task,
    simulate,
)
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The dendrite, its afferents and both teachers."""

    synapses: int = parameter(48, "synapses along the dendrite")
    farthest: float = parameter(460.0, "distance of the last synapse from the soma", "um")
    length: float = parameter(200.0, "attenuation length of the dendrite", "um")
    voltage: float = parameter(6.0, "mean voltage that all synapses make at first", "mV")
    rate: float = parameter(20.0, "rate of the afferents", "Hz")
    factor: float = parameter(1.5, "how much more strongly the first teacher answers")
    teacher: float = parameter(60.0, "rate of the second teacher", "Hz")
    trials: int = parameter(2000, "repetitions")
    duration: float = parameter(5.0, "time of learning", "s")
    learning_rate: float = parameter(0.02, "learning rate of the natural rule", "1/s")


QUICK = Parameters(trials=256)
_TEACHERS = ("stronger input", "constant rate")


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Somatic changes with each teacher, and each trial's slope against the somatic weight."""
    p, neuron = parameters, PoissonNeuron()
    distances = np.linspace(0.0, p.farthest, p.synapses)
    start = np.exp(-distances / p.length)
    start *= p.voltage / (float(neuron.kernel.mean(p.rate)) * start.sum())
    centred = start - start.mean()
    change, error = np.empty((2, 2, p.synapses))
    slope, slope_error = np.empty((2, 2))
    for k, source in enumerate((RealisableTeacher(p.factor * start), FixedRateTeacher(p.teacher))):
        recording = simulate(
            Task(neuron, Afferents.steady(np.full(p.synapses, p.rate)), source),
            RULES["natural"],
            np.tile(start, (p.trials, 1)),
            rate=p.learning_rate,
            duration=p.duration,
            dt=DT,
            seed=seed,
        )
        moved = recording.weights[-1] - start
        change[k], error[k] = mean_and_error(moved)
        slope[k], slope_error[k] = mean_and_error(moved @ centred / np.sum(centred**2))
    dataset = xr.Dataset(
        {
            "start": ("synapse", start),
            "change": (("teacher", "synapse"), change),
            "error": (("teacher", "synapse"), error),
            "slope": ("teacher", slope),
            "slope_error": ("teacher", slope_error),
            "distance": ("synapse", distances, {"units": "um"}),
        },
        coords={"teacher": list(_TEACHERS)},
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Somatic change against the distance, with each teacher."""
    figure = matplotlib.figure.Figure(figsize=(4.8, 3.6), layout="constrained")
    axes = figure.subplots()
    for teacher, colour in zip(_TEACHERS, LINE_COLOURS[2:], strict=False):
        change, error = (
            dataset["change"].sel(teacher=teacher),
            dataset["error"].sel(teacher=teacher),
        )
        scale = float(np.abs(change).max())
        draw_points(
            axes, dataset["distance"], change / scale, error / scale, colour, f"teacher: {teacher}"
        )
    axes.axhline(0, color="0.6", linewidth=0.8)
    axes.legend(frameon=False)
    axes.set(
        xlabel="distance from the soma (um)",
        ylabel="somatic change (of the largest)",
        ylim=(None, 2),
    )
    letter(axes, "D", "equal dendritic weights, natural rule")
    bare(axes)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The sign of the slope, with each teacher."""
    (stronger, constant), (error, constant_error) = (
        dataset[name].to_numpy() for name in ("slope", "slope_error")
    )
    return [
        Claim.above(
            "D: synapses of equal dendritic weight change less with distance, as Froemke"
            " et al. report, if the teacher answers the same input more strongly (slope of the"
            " somatic change against the somatic weight: positive, clear at 3 SE)",
            float(stronger),
            0,
            standard_error=float(error),
            by=3,
        ),
        Claim.below(
            "D: a teacher of a constant rate does the reverse (the slope is negative,"
            " clear at 3 SE)",
            float(constant),
            0,
            standard_error=float(constant_error),
            by=3,
        ),
    ]
