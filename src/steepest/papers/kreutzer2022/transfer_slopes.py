"""Neurons of a flatter transfer function learn faster (Discussion)

Neurons that differ in the slope of their transfer function at its threshold, with the same weights,
spikes and teacher. The natural gradient corrects an error of the rate by a change of the voltage
that is inversely proportional to the slope; the Euclidean one by a change proportional to it.
"""

from dataclasses import dataclass

import matplotlib.figure
import matplotlib.ticker
import numpy as np
import xarray as xr

from steepest.arrays.repetitions import mean_and_error
from steepest.papers.kreutzer2022._discussion import DT, RULES
from steepest.pictures import RULE_COLOURS, bare, letter
from steepest.spiking import Afferents, FixedRateTeacher, PoissonNeuron, Sigmoid, Task, simulate
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The slopes, the task, and how long it is learned."""

    slopes: tuple[float, ...] = parameter(
        (0.05, 0.075, 0.1, 0.15, 0.2), "slopes of the transfer function", "1/mV"
    )
    trials: int = parameter(256, "repetitions")
    n: int = parameter(100, "number of afferents")
    rate: float = parameter(50.0, "their rate", "Hz")
    teacher: float = parameter(70.0, "rate of the teacher", "Hz")
    duration: float = parameter(4.0, "time of learning", "s")
    natural_rate: float = parameter(0.01, "learning rate of the natural rule", "1/s")
    euclidean_rate: float = parameter(2e-7, "learning rate of the Euclidean rule", "1")


QUICK = Parameters(trials=64, slopes=(0.05, 0.1, 0.2))


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Change of the mean voltage (mV) by both rules, on the same spikes for all slopes."""
    p = parameters
    rates = {"natural": p.natural_rate, "Euclidean": p.euclidean_rate}
    change, error = np.empty((2, 2, len(p.slopes)))
    for j, slope in enumerate(p.slopes):
        neuron = PoissonNeuron(transfer=Sigmoid(steepness=np.array(slope)))
        usp = float(neuron.kernel.mean(p.rate))
        start = float(neuron.transfer.threshold) / (p.n * usp)  # pyright: ignore[reportAttributeAccessIssue]
        task = Task(neuron, Afferents.steady(np.full(p.n, p.rate)), FixedRateTeacher(p.teacher))
        for i, (name, rule) in enumerate(RULES.items()):
            recording = simulate(
                task,
                rule,
                np.full((p.trials, p.n), start),
                rate=rates[name],
                duration=p.duration,
                dt=DT,
                seed=seed,
            )
            moved = (recording.weights[-1] - start).sum(axis=1) * usp
            change[i, j], error[i, j] = mean_and_error(moved)
    mv = {"units": "mV"}
    dataset = xr.Dataset(
        {
            "change": (("rule", "slope"), change, mv),
            "error": (("rule", "slope"), error, mv),
        },
        coords={
            "rule": list(RULES),
            "slope": ("slope", np.array(p.slopes), {"units": "1/mV"}),
        },
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Change of the mean voltage against the slope, by both rules, relative to the flattest."""
    figure = matplotlib.figure.Figure(figsize=(4.8, 3.6), layout="constrained")
    axes = figure.subplots()
    for rule in RULES:
        change, error = dataset["change"].sel(rule=rule), dataset["error"].sel(rule=rule)
        axes.errorbar(
            dataset["slope"],
            change / change[0],
            yerr=2 * error / float(change[0]),
            fmt="o-",
            color=RULE_COLOURS[rule],
            markersize=4,
            label=rule,
        )
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="slope of the transfer function (1/mV)",
        ylabel="change of mean voltage, relative",
    )
    axes.set_xticks(dataset["slope"].to_numpy(), [f"{x:g}" for x in dataset["slope"].to_numpy()])
    axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    axes.yaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
    axes.yaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    axes.legend(frameon=False)
    letter(axes, "B", "flatter neurons learn faster")
    bare(axes)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The exponent of the slope, by both rules."""
    x = np.log(dataset["slope"].to_numpy())
    x = x - x.mean()
    of_rules = []
    for rule, expected, how in (("natural", -1.0, "faster"), ("Euclidean", 1.0, "slower")):
        change = dataset["change"].sel(rule=rule).to_numpy()
        relative = dataset["error"].sel(rule=rule).to_numpy() / change
        slope = float(np.sum(x * np.log(change)) / np.sum(x**2)) if (change > 0).all() else np.nan
        of_rules.append(
            Claim.near(
                f"B: by the {rule} rule a neuron of a flatter transfer function learns"
                " the same error of its rate proportionally"
                f" {how} (exponent of the slope, within .1 + 3 SE)",
                expected,
                slope,
                float(np.sqrt(np.sum((x * relative) ** 2)) / np.sum(x**2)),
                tolerance=0.1,
            )
        )
    return of_rules
