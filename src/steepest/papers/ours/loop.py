"""The loop closed: a spiking neuron learns in a geometry, and its synapses give it away

One neuron with Poisson spikes in and out learns to fire at a teacher's rate, in five geometries:
the index -1, 0, .5 and 1 by mirror descent, and Fisher's by the natural gradient. The four learn
the same, and at about the same pace: behaviour hardly tells them apart (A; the natural gradient
takes its time, one over its learning rate, and changes its synapses no less). The sizes of synapses
before and after, without any noise of measurement, tell the index (B), and 100 synapses drawn from
the neuron's tell -1, 0 and 1 apart.

The natural gradient is additive in size too: sizes alone call it Euclid. What gives it away are the
rates of the presynaptic neurons (C): at equal size its changes fall with the rate where those of
the others grow, sd(dw) ~ w^a r^rho with rho lower by about 1. That can be measured.

What is inferred is how a synapse moved, and in the end it moved where the task wants it: an
additive neuron that learns from a teacher whose weights differ from its own by percentages looks
the less additive the longer it learned (D). The learner's geometry shows early.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import xarray as xr
from jaxtyping import Float

from steepest.geometry import AbstractMetric, Entropy, Power
from steepest.inference import rate_exponent
from steepest.inference.synapses.likelihood import ExactLikelihood, fit_likelihood
from steepest.papers._alternatives import alternatives
from steepest.pictures import GEOMETRY_COLOURS, INK, RULE_COLOURS, bare, letter
from steepest.progress import track
from steepest.spiking import (
    AbstractRule,
    Afferents,
    EuclideanRule,
    FixedRateTeacher,
    MetricRule,
    MirrorRule,
    NaturalRule,
    PoissonNeuron,
    RealisableTeacher,
    Task,
    simulate,
)
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "learn_pair", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The neuron, its synapses, how it learns, and how it is asked."""

    synapses: int = parameter(1000, "synapses of a neuron")
    neurons: int = parameter(6, "neurons per geometry, with spikes of their own")
    spread: float = parameter(0.6, "sd of the log size of the synapses at the start")
    rate: float = parameter(15.0, "median rate of the afferents", "Hz")
    rate_spread: float = parameter(0.7, "sd of the log rate of the afferents")
    voltage: float = parameter(9.0, "mean voltage at the start", "mV")
    teacher: float = parameter(60.0, "rate of the teacher", "Hz")
    duration: float = parameter(20.0, "time learned", "s")
    step: float = parameter(1e-3, "time step", "s")
    learning: float = parameter(1e-7, "learning rate of the additive neuron; the others' follow")
    natural: float = parameter(3e-4, "learning rate of the natural gradient", "1/s")
    drawn: int = parameter(100, "synapses of a sample")
    samples: int = parameter(200, "samples drawn of each neuron")
    task_synapses: int = parameter(300, "synapses of the neurons of D")
    task_neurons: int = parameter(12, "neurons of D")
    task_times: tuple[float, ...] = parameter(
        (25.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1600.0), "times at which those are asked", "s"
    )
    task_learning: float = parameter(1e-6, "their learning rate")
    task_percent: float = parameter(0.5, "sd of the log of the teacher's weights over the neuron's")


QUICK = Parameters(
    synapses=500, neurons=3, duration=6.0, samples=60, task_synapses=150, task_neurons=5,
    task_times=(25.0, 100.0, 300.0), learning=2e-7, natural=5e-4,
)  # fmt: skip
_INDICES = {"3-norm": -1.0, "euclidean": 0.0, "1.5-norm": 0.5, "multiplicative": 1.0}
_NAMED = (-1.0, 0.0, 1.0)
_COLOURS = {name: GEOMETRY_COLOURS[name] for name in _INDICES} | {
    "natural": RULE_COLOURS["natural"]
}


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Five geometries learn; what their synapses say; and an additive neuron over time."""
    p, random = parameters, np.random.default_rng(seed)
    start, rates = _synapses(p, p.synapses, random)
    task = Task(PoissonNeuron(), Afferents.steady(rates), FixedRateTeacher(p.teacher))
    learners = [*_INDICES, "natural"]
    shape = (len(learners), p.neurons)
    ends = np.empty((*shape, p.synapses))
    voltages = np.empty(shape)
    index, exponent, at_equal_rate = np.empty(shape), np.empty(shape), np.empty(shape)
    named = np.empty((*shape, p.samples), dtype=np.int64)
    for i, name in enumerate(track(learners, "Geometries")):
        rule, eta = _learner(name, p, float(np.median(start)))
        recording = simulate(
            task, rule, np.tile(start, (p.neurons, 1)), rate=eta, duration=p.duration, dt=p.step,
            seed=seed + 1,
        )  # fmt: skip
        ends[i] = recording.weights[-1]
        voltages[i] = ends[i] @ rates * float(task.neuron.kernel.integral)
        for k, end in enumerate(ends[i]):
            kept = end > 0
            index[i, k] = _likeliest(start, end)
            fit = rate_exponent(start[kept], end[kept], rates[kept], draws=2, seed=seed)
            exponent[i, k], at_equal_rate[i, k] = fit.exponent, fit.index
            for m in range(p.samples):
                rows = random.choice(np.flatnonzero(kept), p.drawn, replace=False)
                named[i, k, m] = _named(start[rows], end[rows])
    times, course = _towards_the_task(p, seed)
    mv = {"units": "mV"}
    dataset = xr.Dataset(
        {
            "before": ("synapse", start),
            "after": (("learner", "neuron", "synapse"), ends),
            "rate": ("synapse", rates, {"units": "Hz"}),
            "voltage": (("learner", "neuron"), voltages, mv),
            "index": (("learner", "neuron"), index),
            "index_at_equal_rate": (("learner", "neuron"), at_equal_rate),
            "rate_exponent": (("learner", "neuron"), exponent),
            "named": (("learner", "neuron", "sample"), named),
            "course": (("time", "task_neuron"), course),
        },
        coords={"learner": learners, "time": ("time", times, {"units": "s"})},
    )
    return stamp(dataset, parameters, seed)


def learn_pair(
    metrics: Iterable[AbstractMetric], count: int, duration: float, learning: float, seed: int
) -> tuple[list[float], list[float]]:
    """A small loop: the index of a spiking neuron's synapses, and which of -1, 0, 1 is likeliest.

    One neuron of `count` synapses learns for `duration` s in each metric; `learning` is the rate at
    which a synapse of typical size changes. One program is compiled for all of them.
    """
    p = Parameters()
    start, rates = _synapses(p, count, np.random.default_rng(seed))
    task = Task(PoissonNeuron(), Afferents.steady(rates), FixedRateTeacher(p.teacher))
    typical = float(np.median(start))
    indices, names = [], []
    for metric in alternatives(metrics):
        eta = learning * typical ** -float(metric.metrics[int(metric.which)].index or 0.0)
        recording = simulate(
            task, MetricRule(metric), start, rate=eta, duration=duration, dt=p.step, seed=seed
        )
        end = recording.weights[-1, 0]
        indices.append(_likeliest(start, end))
        names.append(_NAMED[_named(start, end)])
    return indices, names


def _synapses(
    p: Parameters, count: int, random: np.random.Generator
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Log-normal sizes that make the mean voltage, and log-normal rates independent of them."""
    rates = p.rate * np.exp(p.rate_spread * random.standard_normal(count))
    sizes = np.exp(p.spread * random.standard_normal(count))
    return sizes * p.voltage / float(sizes @ rates), rates


def _learner(name: str, p: Parameters, typical: float) -> tuple[AbstractRule, float]:
    """A rule, and the learning rate at which a synapse of typical size changes as the others'."""
    if name == "natural":
        return NaturalRule(), p.natural
    index = _INDICES[name]
    if index == 0:
        return EuclideanRule(), p.learning
    potential = Entropy() if index == 1 else Power(index)
    return MirrorRule(potential), p.learning * typical**-index


def _likeliest(before: np.ndarray, after: np.ndarray) -> float:
    """The likeliest index of exact sizes, of the synapses that are there."""
    kept = after > 0
    return fit_likelihood(ExactLikelihood(np.log(before[kept]), np.log(after[kept]))).index


def _named(before: np.ndarray, after: np.ndarray) -> int:
    """Which of -1, 0 and 1 is likeliest, by its place in `_NAMED`."""
    likelihood = ExactLikelihood(np.log(before), np.log(after))
    return int(np.argmax([likelihood(index) for index in _NAMED]))


def _towards_the_task(p: Parameters, seed: int) -> tuple[np.ndarray, Float[np.ndarray, "t m"]]:
    """The index of all change up to each time, of additive neurons with multiplicative teachers."""
    random = np.random.default_rng([seed, 1])
    start, rates = _synapses(p, p.task_synapses, random)
    away = p.task_percent * random.standard_normal((p.task_neurons, p.task_synapses))
    teacher = RealisableTeacher(start * np.exp(away - p.task_percent**2 / 4))
    task = Task(PoissonNeuron(), Afferents.steady(rates), teacher)
    recording = simulate(
        task, EuclideanRule(), np.tile(start, (p.task_neurons, 1)), rate=p.task_learning,
        duration=p.task_times[-1], dt=p.step, seed=seed + 2, record=[0.0, *p.task_times],
    )  # fmt: skip
    course = [[_likeliest(start, end) for end in weights] for weights in recording.weights[1:]]
    return recording.times[1:], np.array(course)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """A behaviour, B index, C rate exponent, D the index over time."""
    figure = matplotlib.figure.Figure(figsize=(11, 7), layout="constrained")
    (behaviour, index), (exponent, course) = figure.subplots(2, 2)
    learners = [str(name) for name in dataset["learner"].values]
    for axes, name in ((behaviour, "voltage"), (index, "index"), (exponent, "rate_exponent")):
        for place, learner in enumerate(learners):
            values = dataset[name].sel(learner=learner).values
            spots = place + np.linspace(-0.15, 0.15, values.size)
            axes.plot(spots, values, "o", ms=5, color=_COLOURS[learner])
        axes.set_xticks(range(len(learners)), learners, fontsize=8)
        axes.set_xlim(-0.5, len(learners) - 0.5)
    start = float(dataset["before"] @ dataset["rate"])
    behaviour.axhline(start, color=INK, lw=0.8, ls=":")
    behaviour.annotate("before", (-0.4, start), fontsize=8, ha="left", va="bottom")
    behaviour.set(ylabel="mean voltage after learning, mV")
    letter(behaviour, "A", "Behaviour hardly tells the mirror learners apart")
    for place, true in enumerate([*_INDICES.values(), 0.0]):
        index.plot([place - 0.35, place + 0.35], [true, true], color="0.75", lw=4, zorder=0)
    index.set(ylabel="index from sizes (bars: true)")
    letter(index, "B", "Their synapses tell them apart")
    exponent.axhline(0, color="0.7", lw=0.8)
    exponent.set(ylabel="exponent of presynaptic rate")
    letter(exponent, "C", "Rates reveal the natural gradient")
    values = dataset["course"]
    error = values.std("task_neuron", ddof=1) / np.sqrt(values.sizes["task_neuron"])
    colour = GEOMETRY_COLOURS["euclidean"]
    course.plot(dataset["time"], values, color="0.85", lw=0.7)
    course.errorbar(dataset["time"], values.mean("task_neuron"), yerr=error, fmt="o-", color=colour)
    course.axhline(1, color=GEOMETRY_COLOURS["multiplicative"], lw=0.8, ls=":")
    course.axhline(0, color=colour, lw=0.8, ls=":")
    course.set(xscale="log", xlabel="time learned, s", ylabel="index from sizes", ylim=(-0.5, 1.1))
    times = dataset["time"].values
    course.set_xticks(times, [f"{time:g}" for time in times])
    course.set_xticks([], minor=True)
    letter(course, "D", "From the learner's index to the task's")
    bare(behaviour, index, exponent, course)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Behaviour hides the geometry, sizes show it, rates reveal the natural gradient."""
    neurons = dataset.sizes["neuron"]

    def mean(name: str, learner: str) -> tuple[float, float]:
        values = dataset[name].sel(learner=learner)
        return float(values.mean()), float(values.std(ddof=1) / np.sqrt(neurons))

    start = float(dataset["before"] @ dataset["rate"])
    moved = dataset["voltage"].sel(learner=list(_INDICES)).mean("neuron") - start
    read = {name: mean("index_at_equal_rate", name) for name in _INDICES}
    euclid, natural = mean("rate_exponent", "euclidean"), mean("rate_exponent", "natural")
    lower = euclid[0] - natural[0]
    course = dataset["course"]
    drift = course.isel(time=-1) - course.isel(time=0)
    early = course.isel(time=0)
    several = np.sqrt(course.sizes["task_neuron"])
    kept = dataset["after"].sel(learner=[name for name, a in _INDICES.items() if a >= 0.5])
    right = {
        name: float((dataset["named"].sel(learner=name) == place).mean())
        for place, name in enumerate(("3-norm", "euclidean", "multiplicative"))
    }
    return [
        Claim.above(
            "Behaviour hardly tells four geometries apart: the mean voltage moves towards the"
            " teacher's in each, at about the same pace (least change over the largest)",
            float(moved.min() / moved.max()),
            0.5,
        ),
        Claim.above(
            "Mirror steps keep every sign at an index of .5 and 1 (smallest size left)",
            float(kept.min()),
            0,
        ),
        *(
            Claim.near(
                f"The index comes back from sizes and rates: {name}",
                _INDICES[name],
                value,
                error,
                tolerance=0.1,
            )
            for name, (value, error) in read.items()
        ),
        *(
            Claim.above(
                f"From 100 synapses, {name} is named among -1, 0 and 1 (share of samples)",
                share,
                0.95,
                inclusive=True,
            )
            for name, share in right.items()
        ),
        Claim.below(
            "Sizes alone call the natural gradient additive (distance of its index from 0)",
            abs(mean("index", "natural")[0]),
            0.25,
        ),
        Claim.above(
            "At equal size its changes grow with a lower power of presynaptic rate (difference of"
            f" the exponents of the additive and the natural neuron, {euclid[0]:.2f} and"
            f" {natural[0]:.2f})",
            lower,
            0.6,
            standard_error=float(np.hypot(euclid[1], natural[1])),
            by=2,
        ),
        Claim.near(
            "Early, an additive neuron with a multiplicative teacher looks additive (index)",
            0.0,
            float(early.mean()),
            float(early.std(ddof=1) / several),
            tolerance=0.1,
        ),
        Claim.above(
            "Later its index has drifted towards the teacher's (change of the index, over neurons)",
            float(drift.mean()),
            0,
            standard_error=float(drift.std(ddof=1) / several),
            by=2,
        ).showing("change", float(drift.mean()), standard_error=float(drift.std(ddof=1) / several)),
    ]
