"""Silent synapses change by an affine function of their weight, hardly by their size (Sec 2.6)

Under the natural rule a synapse without spikes changes by -gamma_u + gamma_w w times a factor that
all synapses of the neuron share: affine in its weight, exactly, and so is the change over a whole
run. Sec 2.6 says that heterosynaptic plasticity is proportional to the size of a spine. That holds
for the term gamma_w w only: the uniform term is the larger one.
"""

from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.arrays.repetitions import mean_and_error
from steepest.papers.kreutzer2022._discussion import DT, RULES
from steepest.pictures import INK, LINE_COLOURS, bare, letter
from steepest.spiking import Afferents, FixedRateTeacher, PoissonNeuron, Task, simulate
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The neuron, its afferents and their weights."""

    spiking: int = parameter(12, "afferents that fire")
    silent: int = parameter(60, "afferents that do not")
    rate: float = parameter(30.0, "rate of those that fire", "Hz")
    teacher: float = parameter(60.0, "rate of the teacher", "Hz")
    voltage: float = parameter(10.0, "mean voltage at the start", "mV")
    spread: float = parameter(0.6, "standard deviation of the logarithm of silent weights")
    trials: int = parameter(64, "repetitions")
    duration: float = parameter(5.0, "time of learning", "s")
    learning_rate: float = parameter(0.01, "learning rate of the natural rule", "1/s")


QUICK = Parameters(trials=16)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Changes of silent weights, and the line through each trial's."""
    p, random = parameters, np.random.default_rng([seed, 6])
    usual = p.voltage / (p.spiking * p.rate)
    sizes = usual * np.exp(p.spread * random.normal(size=p.silent))
    start = np.concatenate([np.full(p.spiking, usual), sizes])
    rates = np.concatenate([np.full(p.spiking, p.rate), np.zeros(p.silent)])
    task = Task(PoissonNeuron(), Afferents.steady(rates), FixedRateTeacher(p.teacher))
    moved = simulate(
        task,
        RULES["natural"],
        np.tile(start, (p.trials, 1)),
        rate=p.learning_rate,
        duration=p.duration,
        dt=DT,
        seed=seed,
    ).weights[-1]
    change = (moved - start)[:, p.spiking :]
    design = np.stack([np.ones_like(sizes), sizes], axis=1)
    lines = change @ np.linalg.pinv(design).T
    dataset = xr.Dataset(
        {
            "size": ("synapse", sizes),
            "change": (("trial", "synapse"), change),
            "line": (("trial", "term"), lines),
        },
        coords={"term": ["uniform", "per weight"]},
    )
    return stamp(dataset, parameters, seed)


def _slopes(dataset: xr.Dataset) -> np.ndarray:
    """Slope of log |change| against log size, of the mean change and of each trial left out."""
    size, change = np.log(dataset["size"].values), dataset["change"].values
    total, count = change.sum(axis=0), len(change)
    means = np.concatenate([total[None] / count, (total - change) / (count - 1)])
    return np.array([np.polyfit(size, np.log(np.abs(mean)), 1)[0] for mean in means])


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Mean change of silent synapses against their weight, and what proportional would be."""
    figure = matplotlib.figure.Figure(figsize=(4.8, 3.6), layout="constrained")
    axes = figure.subplots()
    size = dataset["size"].values
    mean, error = mean_and_error(dataset["change"].values)
    axes.errorbar(size, mean, 2 * error, fmt="o", markersize=3, color=LINE_COLOURS[0])
    order = np.argsort(size)
    line = dataset["line"].values.mean(axis=0)
    axes.plot(size[order], line[0] + line[1] * size[order], color=INK, linewidth=1)
    proportional = size[order] * mean.mean() / size.mean()
    axes.plot(size[order], proportional, ":", color="0.5", label="in proportion to size")
    axes.axhline(0, color="0.8", linewidth=0.8)
    axes.set(xlabel="weight of a silent synapse", ylabel="change")
    axes.legend(frameon=False)
    letter(axes, "A", "silent synapses: affine, nearly uniform")
    bare(axes)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Affine to rounding, mostly uniform, and far from proportional."""
    size, change = dataset["size"].values, dataset["change"].values
    lines = dataset["line"].values
    left = change - lines[:, :1] - lines[:, 1:] * size
    uniform, mean = lines[:, 0], change.mean(axis=1)
    share = uniform.mean() / mean.mean()
    error = np.std((uniform - share * mean) / mean.mean(), ddof=1) / np.sqrt(len(mean))
    slopes = _slopes(dataset)
    count = len(change)
    slope_error = np.sqrt((count - 1) / count * ((slopes[1:] - slopes[1:].mean()) ** 2).sum())
    return [
        Claim.below(
            "A: silent synapses change by an affine function of their weight (largest residual"
            " over the largest change)",
            float(np.abs(left).max() / np.abs(change).max()),
            1e-9,
        ),
        Claim.above(
            "A: most of it is the uniform term (its share of the mean change)",
            float(share),
            0.5,
            standard_error=float(error),
            by=3,
        ),
        Claim.below(
            'A: "proportional to spine size" (Sec 2.6) holds for the term gamma_w w only: slope of'
            " log |change| on log size, which is 1 where it holds",
            float(abs(slopes[0])),
            0.5,
            standard_error=float(slope_error),
            by=3,
        ).showing("its size", float(slopes[0]), standard_error=float(slope_error)),
    ]
