"""Stimulated synapses do not see the weights of their silent neighbours (Discussion)

Half of the afferents fire, the others are silent. Two runs on the same spikes differ in the weights
of the silent afferents alone: by the natural rule the weights of the stimulated ones end the same,
to rounding.
"""

from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.papers.kreutzer2022._discussion import DT, RULES
from steepest.pictures import LINE_COLOURS, bare, letter
from steepest.spiking import Afferents, FixedRateTeacher, PoissonNeuron, Task, simulate
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The neuron, its afferents and both runs."""

    n: int = parameter(10, "number of afferents, half of which fire")
    rate: float = parameter(5.0, "rate of those that fire", "Hz")
    teacher: float = parameter(20.0, "rate of the teacher", "Hz")
    bias: float = parameter(-5.0, "tonic inhibition", "mV")
    weight: float = parameter(0.2, "initial weight of those that fire")
    silent: tuple[float, float] = parameter(
        (0.1, 0.4), "initial weights of the silent ones in each run"
    )
    trials: int = parameter(16, "repetitions")
    duration: float = parameter(10.0, "time of learning", "s")
    learning_rate: float = parameter(0.01, "learning rate of the natural rule", "1/s")


QUICK = Parameters()


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Differences between the final weights of both runs, of each kind of synapse."""
    p = parameters
    fires = np.arange(p.n) < p.n // 2
    task = Task(
        PoissonNeuron(bias=np.array(p.bias)),
        Afferents.steady(np.where(fires, p.rate, 0.0)),
        FixedRateTeacher(p.teacher),
    )
    first, second = (
        simulate(
            task,
            RULES["natural"],
            np.tile(np.where(fires, p.weight, silent), (p.trials, 1)),
            rate=p.learning_rate,
            duration=p.duration,
            dt=DT,
            seed=seed,
        ).weights[-1]
        for silent in p.silent
    )
    apart = np.abs(second - first)
    dataset = xr.Dataset(
        {
            "stimulated_difference": ((), apart[:, fires].max()),
            "silent_difference": ((), apart[:, ~fires].min()),
        }
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """The largest difference of stimulated synapses, and the smallest of silent ones."""
    figure = matplotlib.figure.Figure(figsize=(4.8, 3.6), layout="constrained")
    axes = figure.subplots()
    differences = [float(dataset["stimulated_difference"]), float(dataset["silent_difference"])]
    axes.bar([0, 1], differences, 0.5, color=LINE_COLOURS[:2])
    axes.set_xticks([0, 1], ["stimulated\n(largest)", "silent\n(smallest)"])
    for x, value in enumerate(differences):
        axes.annotate(f"{value:.2g}", (x, value), ha="center", va="bottom")
    axes.set(
        ylabel="difference between two runs", ylim=(0, 1.2 * max(differences)), xlim=(-0.6, 1.6)
    )
    letter(axes, "F", "silent weights changed, spikes kept")
    bare(axes)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Nothing of the silent synapses' weights is seen by the stimulated ones."""
    silent = float(dataset["silent_difference"])
    apart = float(dataset["stimulated_difference"])
    return [
        Claim.close(
            "F: stimulated synapses do not see the silent ones: largest difference of"
            " their final weights between two runs on the same spikes (0 to rounding, 1e-12)",
            0.0,
            apart if silent > 0.1 else float("nan"),  # runs that hardly differ show nothing
            1e-12,
        )
    ]
