"""Synapses that learn in a known geometry: what every estimator here is tested on."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from steepest.errors import UsageError

__all__ = ["change_of_log", "simulate_change"]

_ROUNDS = 1000


def simulate_change(
    n: int,
    index: float | int,
    *,
    spread: float | int = 0.8,
    change: float | int = 0.1,
    drift: float | int = 0.0,
    skew: float | int = 0.0,
    degrees: float | int = math.inf,
    noise_cv: float | int = 0.0,
    noise_sd: float | int = 0.0,
    seed: int | Sequence[int] | np.random.Generator = 0,
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Sizes of `n` synapses before and after an independent change of their dual weights.

    Sizes before are log-normal (median 1, standard deviation of the log `spread`). The dual
    change has the same distribution for every synapse: Gaussian, or a shifted gamma of skewness
    `skew`, or Student's t with `degrees` of freedom (above 2); its mean is `drift` times its
    standard deviation. Its scale makes the root mean square of the relative change of size
    `change` (to first order, over the population). Changes that would carry a size across zero
    (index < 1) or to infinity (index > 1) are redrawn.
    Measurement then multiplies each size by a log-normal error of coefficient of variation
    `noise_cv` and adds a Gaussian error of standard deviation `noise_sd`, redrawn where the sum
    is not positive. Raises UsageError where the drift carries every draw across, and
    for a spread or change that is not positive.

    >>> before, after = simulate_change(3, index=1, seed=1)
    >>> before.round(2).tolist(), after.round(2).tolist()
    ([1.32, 1.93, 1.3], [1.16, 2.11, 1.36])
    """
    for name, value in (("spread", spread), ("change", change)):
        if not value > 0:
            raise UsageError(f"{name} is {value:g}: give a positive number")
    rng = np.random.default_rng(seed)
    log_before = spread * rng.standard_normal(n)
    # E[(dw/w)^2] = s^2 E[w^(2(a-1))] for log-normal sizes.
    scale = change * math.exp(-(((index - 1) * spread) ** 2))
    step = change_of_log(rng, log_before, index, scale, drift=drift, skew=skew, degrees=degrees)
    before, after = np.exp(log_before), np.exp(log_before + step)
    return (
        _measured(rng, before, noise_cv, noise_sd),
        _measured(rng, after, noise_cv, noise_sd),
    )


def change_of_log(
    rng: np.random.Generator,
    log_size: Float[np.ndarray, " n"],
    index: float | int,
    scale: float | int,
    *,
    drift: float | int = 0.0,
    skew: float | int = 0.0,
    degrees: float | int = math.inf,
) -> Float[np.ndarray, " n"]:
    """Change of log size when every dual weight changes by `scale` times (drift + a unit draw).

    Changes that would carry a size across zero or to infinity are redrawn; raises UsageError
    where every draw does.
    """
    step = np.empty(log_size.size)
    todo = np.arange(log_size.size)
    for _ in range(_ROUNDS):
        dual = scale * (drift + _standard(rng, todo.size, skew, degrees))
        if index == 1:
            step[todo] = dual
            return step
        grown = 1 + (1 - index) * dual * np.exp((index - 1) * log_size[todo])
        fine = grown > 0
        step[todo[fine]] = np.log(grown[fine]) / (1 - index)
        todo = todo[~fine]
        if not todo.size:
            return step
    raise UsageError(
        f"a change with drift {drift:g} carries some sizes across zero in every one of"
        f" {_ROUNDS} draws: make change, drift or spread smaller"
    )


def _standard(
    rng: np.random.Generator, n: int, skew: float | int, degrees: float | int
) -> Float[np.ndarray, " n"]:
    """Draws of mean 0, variance 1 and the given skewness, or of Student's t."""
    if math.isfinite(degrees):
        return rng.standard_t(degrees, size=n) * math.sqrt(1 - 2 / degrees)
    if skew == 0:
        return rng.standard_normal(n)
    shape = 4 / skew**2
    return math.copysign(1, skew) * (rng.gamma(shape, size=n) - shape) / math.sqrt(shape)


def _measured(
    rng: np.random.Generator, size: Float[np.ndarray, " n"], cv: float | int, sd: float | int
) -> Float[np.ndarray, " n"]:
    log_sd = math.sqrt(math.log1p(cv**2))
    measured = np.empty_like(size)
    todo = np.arange(size.size)
    while todo.size:  # at least half of all draws are positive
        error = np.exp(log_sd * rng.standard_normal(todo.size) - log_sd**2 / 2)
        measured[todo] = size[todo] * error + sd * rng.standard_normal(todo.size)
        todo = todo[measured[todo] <= 0]
    return measured
