"""Unweighted synaptic potentials drawn exactly, and their exact (shot-noise) Fisher matrix."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from steepest.arrays.entry import entry_point
from steepest.arrays.given import real_numbers
from steepest.errors import UsageError
from steepest.geometry.fisher import FisherEstimate
from steepest.spiking.kernel import AbstractKernel
from steepest.spiking.neuron import PoissonNeuron

__all__ = ["sample_usps", "shot_noise_fisher"]

_AT_ONCE = 4_000_000  # spikes held in memory


@entry_point(kernel="the kernel itself")
def sample_usps(
    kernel: AbstractKernel, rates: Any, samples: int = 50, *, duration: float = 0.25, seed: int = 0
) -> Float[np.ndarray, "samples n"]:
    """USPs x (mV) of independent Poisson trains of rates (n,) Hz that started `duration` s ago.

    Exact, without time bins: a Poisson number of spikes at uniform times. The default duration is
    the paper's, stationary to exp(-25). Raises `UsageError` for rates or numbers not usable.

    >>> from steepest.spiking import Alpha
    >>> sample_usps(Alpha(0.01), [10.0, 50.0], samples=3).shape
    (3, 2)
    """
    r = np.atleast_1d(real_numbers(rates, "rates"))
    if r.ndim != 1 or not (np.isfinite(r) & (r >= 0)).all():
        raise UsageError(f"rates are one per afferent, finite and not negative, not {r} Hz")
    if samples < 1 or not (np.isfinite(duration) and duration > 0):
        raise UsageError(f"{samples} samples of {duration} s: give positive numbers")
    random = np.random.default_rng([seed, 1])
    rows = max(1, int(_AT_ONCE / (1 + duration * r.sum())))
    return np.concatenate(
        [
            _draw(kernel, r, min(rows, samples - first), duration, random)
            for first in range(0, samples, rows)
        ]
    )


def _draw(
    kernel: AbstractKernel, r: np.ndarray, m: int, duration: float, random: np.random.Generator
) -> np.ndarray:
    counts = random.poisson(duration * r, (m, len(r))).reshape(-1)
    ages = random.uniform(0.0, duration, counts.sum())
    values = np.asarray(kernel(ages))
    owner = np.repeat(np.arange(len(counts)), counts)
    return np.bincount(owner, weights=values, minlength=len(counts)).reshape(m, len(r))


@entry_point(kernel="NeuronFisher")
def shot_noise_fisher(
    neuron: PoissonNeuron, rates: Any, weights: Any, samples: int = 100_000, *, seed: int = 0
) -> FisherEstimate:
    """G = E[phi'^2/phi x x'] per second over exact USPs, with its standard error, both (n, n).

    The oracle for `NeuronFisher`, which takes the voltage as Gaussian: at n = 100 they agree to a
    percent, at n = 2 not (the USPs of one afferent have a skewness of 7.6/sqrt(rate)). Raises
    `UsageError` for fewer than 2 samples or lengths that differ.

    >>> estimate = shot_noise_fisher(PoissonNeuron(), [10.0, 50.0], [0.1, 0.2], samples=1000)
    >>> estimate.matrix.shape
    (2, 2)
    """
    w = np.atleast_1d(real_numbers(weights, "weights"))
    r = np.atleast_1d(real_numbers(rates, "rates"))
    if w.shape != r.shape or samples < 2:
        raise UsageError(
            f"{w.shape} weights for {r.shape} rates, {samples} samples: give one weight per rate "
            "and 2 samples or more"
        )
    total = np.zeros((len(w), len(w)))
    squares = np.zeros_like(total)
    # In parts: samples x n numbers would not fit for large n.
    part = max(2, 20_000_000 // len(w))
    for k, first in enumerate(range(0, samples, part)):
        x = sample_usps(neuron.kernel, r, min(part, samples - first), seed=seed + 7919 * k)
        V = jnp.asarray(x @ w)
        h = np.asarray(neuron.slope(V) * neuron.log_slope(V))
        total += (x * h[:, None]).T @ x
        squares += (x**2 * h[:, None] ** 2).T @ x**2
    mean = total / samples
    variance = (squares / samples - mean**2) * samples / (samples - 1)
    return FisherEstimate(mean, np.sqrt(variance / samples), samples)
