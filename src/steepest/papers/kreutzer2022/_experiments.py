"""The Discussion's experiments, one function each: arrays in, means and standard errors out."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import quad

from steepest.geometry import AbstractChart, Pullback, Scaling
from steepest.spiking import (
    AbstractRule,
    Afferents,
    AttenuatedTeacher,
    EuclideanRule,
    FixedRateTeacher,
    MetricRule,
    NaturalRule,
    NeuronFisher,
    PoissonNeuron,
    RealisableTeacher,
    Sigmoid,
    Spikes,
    Task,
    sample_usps,
    simulate,
)

__all__ = [
    "DT",
    "bursts",
    "democracy",
    "equal_dendritic_start",
    "failing_backpropagation",
    "silent_partners",
    "slopes",
]

DT = 5e-4
RULES: tuple[AbstractRule, ...] = (NaturalRule(), EuclideanRule())


def mean_and_error(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the first axis, and its standard error."""
    return np.asarray(x.mean(axis=0)), np.asarray(x.std(axis=0, ddof=1) / np.sqrt(len(x)))


def bursts(
    *,
    trials: int,
    duration: float,
    rate: float,
    gap: float,
    weight: float,
    teacher: float,
    etas: tuple[float, float],
    seed: int,
) -> dict[str, Any]:
    """Weight change of one afferent whose spikes are Poisson or come in pairs `gap` s apart.

    Both have the same rate; the pairs raise the variance of the USP, of which the natural metric
    is told. Arrays (rule, train).
    """
    random = np.random.default_rng([seed, 11])
    steps, lag = round(duration / DT), round(gap / DT)
    single = random.poisson(rate * DT, (steps, trials, 1))
    first = random.poisson(0.5 * rate * DT, (steps + lag, trials, 1))
    paired = first[lag:] + first[:steps]
    taught = random.poisson(teacher * DT, (steps, trials))
    neuron = PoissonNeuron()
    kernel = neuron.kernel
    variance = float(kernel.variance(rate))

    def overlap(t: float) -> float:
        return float(kernel(jnp.asarray(t))) * float(kernel(jnp.asarray(t + lag * DT)))

    # Two spikes of a pair add coherently: Var = r/c_eps + r times the kernel's autocorrelation.
    coherent = variance + rate * quad(overlap, 0.0, 0.5, limit=200, epsrel=1e-8)[0]
    change = np.empty((2, 2))
    error = np.empty((2, 2))
    for j, (counts, told) in enumerate(((single, None), (paired, np.array([coherent])))):
        task = Task(
            neuron,
            Afferents.steady([rate]),
            FixedRateTeacher(teacher),
            usp_means=None if told is None else np.asarray(kernel.mean(np.array([rate]))),
            usp_variances=told,
        )
        for i, rule in enumerate(RULES):
            found = simulate(
                task,
                rule,
                np.full((trials, 1), weight),
                rate=etas[i],
                duration=duration,
                dt=DT,
                spikes=Spikes(counts, taught),
            )
            moved = found.weights[-1, :, 0] - weight
            change[i, j], error[i, j] = mean_and_error(moved)
    return {"change": change, "error": error, "variance": np.array([variance, coherent])}


def slopes(
    *,
    betas: tuple[float, ...],
    trials: int,
    n: int,
    rate: float,
    teacher: float,
    duration: float,
    etas: tuple[float, float],
    seed: int,
) -> dict[str, Any]:
    """Change of the mean voltage (mV) of neurons of several slopes at their threshold.

    The same weights, spikes and teacher for all; arrays (rule, slope).
    """
    change = np.empty((2, len(betas)))
    error = np.empty_like(change)
    for j, beta in enumerate(betas):
        neuron = PoissonNeuron(transfer=Sigmoid(steepness=np.array(beta)))
        start = float(neuron.transfer.threshold) / (n * float(neuron.kernel.mean(rate)))  # pyright: ignore
        task = Task(neuron, Afferents.steady(np.full(n, rate)), FixedRateTeacher(teacher))
        for i, rule in enumerate(RULES):
            found = simulate(
                task,
                rule,
                np.full((trials, n), start),
                rate=etas[i],
                duration=duration,
                dt=DT,
                seed=seed,
            )
            moved = (found.weights[-1] - start).sum(axis=1) * float(neuron.kernel.mean(rate))
            change[i, j], error[i, j] = mean_and_error(moved)
    return {"change": change, "error": error}


def democracy(
    *,
    distances: np.ndarray,
    length: float,
    target: float,
    rate: float,
    trials: int,
    times: np.ndarray,
    etas: tuple[float, float],
    seed: int,
) -> dict[str, Any]:
    """Somatic weights of redundant afferents along a dendrite, which all start from nothing.

    Both rules learn dendritic weights, on the same spikes; the natural one by steepest descent in
    their Fisher metric. Arrays (rule, time, synapse).
    """
    n = len(distances)
    alpha = np.exp(-distances / length)
    afferents = Afferents.steady(np.full(n, rate))
    task = Task(PoissonNeuron(), afferents, RealisableTeacher(np.full(n, target)))
    chart = Scaling(alpha)
    found = [
        simulate(
            task,
            rule,
            np.zeros((trials, n)),
            rate=eta,
            duration=float(times[-1]),
            dt=DT,
            seed=seed,
            record=times,
            chart=chart,
        )
        for rule, eta in zip((_natural(task.fisher(), chart), EuclideanRule()), etas, strict=True)
    ]
    weights = np.stack([one.weights for one in found]) * alpha
    mean, error = mean_and_error(np.moveaxis(weights, 2, 0))
    return {"weights": mean, "error": error}


def _natural(fisher: NeuronFisher, chart: AbstractChart) -> AbstractRule:
    """Steepest descent in the Fisher metric of the weights that learn."""
    return MetricRule(Pullback(fisher, chart))


def equal_dendritic_start(
    *,
    distances: np.ndarray,
    length: float,
    voltage: float,
    rate: float,
    teacher: float,
    factor: float,
    trials: int,
    duration: float,
    eta: float,
    seed: int,
) -> dict[str, Any]:
    """Somatic change of synapses with the same *dendritic* weight, by the natural rule.

    Distal synapses start with smaller somatic weights; all make a mean `voltage`. The first
    teacher answers the same input `factor` times as strongly, the second fires at a constant rate
    (Hz). Arrays (teacher, synapse), and (teacher,) the slope of each trial's change against the
    somatic weight.
    """
    n = len(distances)
    neuron = PoissonNeuron()
    start = np.exp(-distances / length)
    start *= voltage / (float(neuron.kernel.mean(rate)) * start.sum())
    centred = start - start.mean()
    found: dict[str, list[Any]] = {"change": [], "error": [], "slope": [], "slope_error": []}
    for source in (RealisableTeacher(factor * start), FixedRateTeacher(teacher)):
        one = simulate(
            Task(neuron, Afferents.steady(np.full(n, rate)), source),
            NaturalRule(),
            np.tile(start, (trials, 1)),
            rate=eta,
            duration=duration,
            dt=DT,
            seed=seed,
        )
        moved = one.weights[-1] - start
        mean, error = mean_and_error(moved)
        slope, slope_error = mean_and_error(moved @ centred / np.sum(centred**2))
        for name, value in zip(found, (mean, error, slope, slope_error), strict=True):
            found[name].append(value)
    return {"start": start, **{name: np.array(values) for name, values in found.items()}}


def failing_backpropagation(
    *,
    distances: np.ndarray,
    reach: float,
    weight: float,
    rate: float,
    teacher: float,
    trials: int,
    duration: float,
    etas: tuple[float, float],
    seed: int,
) -> dict[str, Any]:
    """Weight change along a dendrite that the teacher's spikes reach with exp(-distance/reach).

    Arrays (rule, synapse). The change is linear in the factor exp(-distance/reach), so each
    trial's regression line gives where it changes sign: `switch` and its standard error (rule,), in
    um. `predicted` is where the Euclidean rule's mean error does:
    exp(-d/reach) = E[phi' x] / (teacher E[phi'/phi x]).
    """
    n = len(distances)
    neuron = PoissonNeuron()
    factors = np.exp(-distances / reach)
    rates = np.full(n, rate)
    task = Task(
        neuron, Afferents.steady(rates), AttenuatedTeacher(FixedRateTeacher(teacher), factors)
    )
    change = np.empty((2, n))
    error = np.empty_like(change)
    switch = np.empty((2, 2))
    for i, rule in enumerate(RULES):
        found = simulate(
            task,
            rule,
            np.full((trials, n), weight),
            rate=etas[i],
            duration=duration,
            dt=DT,
            seed=seed,
        )
        moved = found.weights[-1] - weight
        change[i], error[i] = mean_and_error(moved)
        switch[i] = _zero_of_lines(factors, moved)
    usps = sample_usps(neuron.kernel, rates, 20_000, seed=seed)
    with jax.enable_x64(True):
        voltage = jnp.asarray(usps.sum(axis=1) * weight)
        fired = np.asarray(neuron.slope(voltage)) @ usps.sum(axis=1)
        taught = teacher * (np.asarray(neuron.log_slope(voltage)) @ usps.sum(axis=1))
    return {
        "change": change,
        "error": error,
        "switch": -reach * np.log(switch[:, 0]),
        "switch_error": reach * switch[:, 1] / switch[:, 0],
        "predicted": float(-reach * np.log(fired / taught)),
    }


def _zero_of_lines(x: np.ndarray, lines: np.ndarray) -> tuple[float, float]:
    """Where the mean of lines (trials, n) over x (n,) vanishes, and its standard error."""
    design = np.linalg.pinv(np.stack([np.ones_like(x), x], axis=1))
    fits = lines @ design.T
    intercept, slope = fits.mean(axis=0)
    zero = -intercept / slope
    # The delta method: each trial's value at the zero, over the slope.
    residual = (fits[:, 0] + fits[:, 1] * zero) / slope
    return float(zero), float(residual.std(ddof=1) / np.sqrt(len(lines)))


def silent_partners(
    *,
    n: int,
    rate: float,
    teacher: float,
    weight: float,
    silent: tuple[float, float],
    trials: int,
    duration: float,
    eta: float,
    seed: int,
) -> dict[str, Any]:
    """Two runs on the same spikes that differ in the weights of silent afferents alone.

    Half of `n` afferents fire. Arrays (run, trial, synapse) of final weights.
    """
    fires = np.arange(n) < n // 2
    task = Task(
        PoissonNeuron(bias=np.array(-5.0)),
        Afferents.steady(np.where(fires, rate, 0.0)),
        FixedRateTeacher(teacher),
    )
    ends = [
        simulate(
            task,
            NaturalRule(),
            np.tile(np.where(fires, weight, value), (trials, 1)),
            rate=eta,
            duration=duration,
            dt=DT,
            seed=seed,
        ).weights[-1]
        for value in silent
    ]
    return {"ends": np.stack(ends), "fires": fires}
