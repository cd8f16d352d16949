"""A more variable input learns less: presynaptic spikes in pairs (Discussion)

One afferent fires at 10 Hz, either as a Poisson process or in pairs of spikes 5 ms apart. The mean
USP is the same, the pairs raise its variance, and the natural metric is told both. LTP by the
natural rule falls as 1/(mean^2 + variance); by the Euclidean rule, which sees the mean alone, it
stays as it is.
"""

from dataclasses import dataclass

import jax.numpy as jnp
import matplotlib.figure
import numpy as np
import xarray as xr
from scipy.integrate import quad

from steepest.arrays.repetitions import mean_and_error
from steepest.papers.kreutzer2022._discussion import DT, RULES
from steepest.pictures import RULE_COLOURS, bare, letter
from steepest.spiking import (
    AbstractKernel,
    Afferents,
    FixedRateTeacher,
    PoissonNeuron,
    Spikes,
    Task,
    simulate,
)
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The trains, the synapse and its teacher."""

    trials: int = parameter(2000, "repetitions")
    duration: float = parameter(5.0, "time of learning", "s")
    rate: float = parameter(10.0, "rate of the afferent", "Hz")
    gap: float = parameter(0.005, "time between the two spikes of a pair", "s")
    weight: float = parameter(0.002, "initial weight")
    teacher: float = parameter(80.0, "rate of the teacher", "Hz")
    natural_rate: float = parameter(1e-4, "learning rate of the natural rule", "1/s")
    euclidean_rate: float = parameter(1e-7, "learning rate of the Euclidean rule", "1")


QUICK = Parameters(trials=96)
_TRAINS = ("Poisson", "pairs")


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Weight changes by both rules, with spikes of the same rate and other variances."""
    p, neuron = parameters, PoissonNeuron()
    kernel = neuron.kernel
    random = np.random.default_rng([seed, 11])
    steps, lag = round(p.duration / DT), round(p.gap / DT)
    single = random.poisson(p.rate * DT, (steps, p.trials, 1))
    first = random.poisson(0.5 * p.rate * DT, (steps + lag, p.trials, 1))
    paired = first[lag:] + first[:steps]
    taught = random.poisson(p.teacher * DT, (steps, p.trials))
    variances = np.array([float(kernel.variance(p.rate)), _paired_variance(kernel, p.rate, lag)])
    rates = {"natural": p.natural_rate, "Euclidean": p.euclidean_rate}
    change, error = np.empty((2, 2, 2))
    for j, (counts, told) in enumerate(((single, None), (paired, variances[1:]))):
        task = Task(
            neuron,
            Afferents.steady([p.rate]),
            FixedRateTeacher(p.teacher),
            usp_means=None if told is None else np.asarray(kernel.mean(np.array([p.rate]))),
            usp_variances=told,
        )
        for i, (name, rule) in enumerate(RULES.items()):
            recording = simulate(
                task,
                rule,
                np.full((p.trials, 1), p.weight),
                rate=rates[name],
                duration=p.duration,
                dt=DT,
                spikes=Spikes(counts, taught),
            )
            change[i, j], error[i, j] = mean_and_error(recording.weights[-1, :, 0] - p.weight)
    dataset = xr.Dataset(
        {
            "change": (("rule", "train"), change),
            "error": (("rule", "train"), error),
            "usp_variance": ("train", variances, {"units": "mV^2"}),
            "usp_mean": ((), float(kernel.mean(p.rate)), {"units": "mV"}),
        },
        coords={"rule": list(RULES), "train": list(_TRAINS)},
    )
    return stamp(dataset, parameters, seed)


def _paired_variance(kernel: AbstractKernel, rate: float, lag: int) -> float:
    """Two spikes of a pair add coherently: Var = r/c_eps + r times the kernel's autocorrelation."""

    def overlap(t: float) -> float:
        return float(kernel(jnp.asarray(t))) * float(kernel(jnp.asarray(t + lag * DT)))

    coherent = quad(overlap, 0.0, 0.5, limit=200, epsrel=1e-8)[0]
    return float(kernel.variance(rate)) + rate * coherent


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """LTP by both rules, relative to that with Poisson spikes."""
    figure = matplotlib.figure.Figure(figsize=(4.8, 3.6), layout="constrained")
    axes = figure.subplots()
    for k, rule in enumerate(RULES):
        change, error = dataset["change"].sel(rule=rule), dataset["error"].sel(rule=rule)
        reference = float(change.sel(train="Poisson"))
        axes.bar(
            np.arange(2) + 0.4 * k - 0.2,
            change / reference,
            0.36,
            yerr=2 * error / reference,
            color=RULE_COLOURS[rule],
            label=rule,
        )
    axes.set_xticks([0, 1], ["Poisson spikes", "pairs of spikes"])
    axes.set(ylabel="LTP, relative to Poisson spikes", ylim=(0, 1.35))
    axes.legend(frameon=False, loc="upper right", ncols=2)
    letter(axes, "A", "more variable input, less LTP")
    bare(axes)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The ratio of changes with pairs and with Poisson spikes, by both rules."""
    total = float(dataset["usp_mean"]) ** 2 + dataset["usp_variance"].to_numpy()
    of_rules = []
    for rule, expected, why in (
        ("natural", float(total[0] / total[1]), "falls as 1/(mean^2 + variance) of the USP"),
        ("Euclidean", 1.0, "stays as it is"),
    ):
        change = dataset["change"].sel(rule=rule).to_numpy()
        error = dataset["error"].sel(rule=rule).to_numpy() / change
        ratio = float(change[1] / change[0])
        of_rules.append(
            Claim.near(
                f"A: with spikes in pairs LTP by the {rule} rule {why} (ratio to LTP with"
                " Poisson spikes, within .03 + 3 SE)",
                expected,
                ratio,
                ratio * float(np.hypot(*error)),
                tolerance=0.03,
            )
        )
    return of_rules
