"""How fast learning was, and the learning rate that makes it fastest.

Kreutzer et al. 2022, Sec 6.4.1 and Table 1: the best rate is that of the shortest time to a root
mean squared error of 0.8 Hz in the neuron's output. Below it learning is slow; above it the noise
of learning keeps the error up, so the time rises steeply, to infinity.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float

from steepest.arrays.given import real_numbers
from steepest.arrays.repetitions import jackknife_error
from steepest.errors import UsageError
from steepest.spiking.recording import Recording

__all__ = ["Tuning", "first_time_below", "mean_time_below", "output_error", "tune_rate"]

_GROUPS = 50  # of trials, left out in turn for standard errors


def first_time_below(times: Any, values: Any, threshold: float) -> Float[np.ndarray, "*curves"]:
    """When positive curves, whose first axis is time, first fall to a positive threshold.

    Interpolated in the logarithm of the values between two times; inf where a curve stays above.
    Raises `UsageError` for lengths that differ or numbers that are not positive.

    >>> first_time_below([0.0, 1.0, 2.0], [100.0, 10.0, 1.0], 10.0**0.5).round(3)
    np.float64(1.5)
    """
    t, y = real_numbers(times, "times"), real_numbers(values, "curves")
    if t.ndim != 1 or t.size == 0 or y.shape[:1] != t.shape:
        raise UsageError(f"{t.shape} times for curves of shape {y.shape}")
    if not (threshold > 0 and (y > 0).all()):
        raise UsageError("curves and the threshold must be positive: logarithms are interpolated")
    below = y <= threshold
    last = np.argmax(below, axis=0)
    first = np.maximum(last - 1, 0)
    upper = np.log(np.take_along_axis(y, first[None], 0)[0])
    lower = np.log(np.take_along_axis(y, last[None], 0)[0])
    steps = np.where(last > 0, upper - lower, 1.0)
    part = np.where(last > 0, (upper - np.log(threshold)) / steps, 0.0)
    return np.where(below.any(axis=0), t[first] + part * (t[last] - t[first]), np.inf)


def mean_time_below(times: Any, curves: Any, threshold: float) -> tuple[float, float]:
    """When the mean over trials of curves (times, trials) first falls to a threshold, and its SE.

    The standard error is that of the jackknife over trials (in 50 groups, where there are more);
    NaN for a single trial, or where without some of them the mean stays above. Raises what
    `first_time_below` does.

    >>> curves = np.array([[100.0, 120.0], [10.0, 9.0], [1.0, 1.1]])
    >>> time, error = mean_time_below([0.0, 1.0, 2.0], curves, 5.0)
    >>> round(time, 3), round(error, 3)
    (1.291, 0.011)
    """
    y = real_numbers(curves, "curves")
    if y.ndim != 2 or y.size == 0:
        raise UsageError(f"curves are of shape (times, trials), not {y.shape}")
    whole = float(first_time_below(times, y.mean(axis=1), threshold))
    trials = y.shape[1]
    groups = min(_GROUPS, trials)
    if groups < 2:
        return whole, float("nan")
    parts = np.array_split(np.arange(trials), groups)
    sums = np.stack([y[:, part].sum(axis=1) for part in parts], axis=1)
    kept = trials - np.array([len(part) for part in parts])
    left_out = first_time_below(times, (y.sum(axis=1)[:, None] - sums) / kept, threshold)
    if not np.isfinite(left_out).all():
        return whole, float("nan")
    return whole, jackknife_error(left_out)


def output_error(recording: Recording) -> Float[np.ndarray, " times"]:
    """Root mean squared error of the output rate (Hz) over all trials and test USPs.

    Raises `UsageError` for a recording without a test set or without a teacher's rates.

    >>> from steepest.spiking import EuclideanRule, paper_task, simulate
    >>> task, start = paper_task(trials=2, n=4)
    >>> recording = simulate(task, EuclideanRule(), start, rate=0.0, duration=0.1, seed=0)
    >>> output_error(recording).shape
    (2,)
    """
    return np.sqrt(_squared_error(recording).mean(axis=1))


def _squared_error(recording: Recording) -> Float[np.ndarray, "times trials"]:
    if "rate_distance" not in recording.measures:
        raise UsageError("the error of the output rate needs a test set and a teacher's rates")
    return recording.measures["rate_distance"] ** 2


@dataclass(frozen=True, eq=False)
class Tuning:
    """Learning `rates` tried, increasing, the `times` (s) that each took (inf: never), the best.

    `errors` (s) are the standard errors of the times over trials, NaN where there is none.

    >>> tuning = Tuning(np.array([0.1, 0.2, 0.4]), np.array([9.0, 5.0, np.inf]), np.full(3, np.nan))
    >>> tuning.best, tuning.fastest
    (0.2, 5.0)
    """

    rates: Float[np.ndarray, " k"]
    times: Float[np.ndarray, " k"]
    errors: Float[np.ndarray, " k"]

    @property
    def best(self) -> float:
        """The rate of the shortest time."""
        return float(self.rates[np.argmin(self.times)])

    @property
    def fastest(self) -> float:
        """The shortest time, in s."""
        return float(self.times.min())


def tune_rate(
    learn: Callable[[float], Recording], rates: Any, *, error: float = 0.8, refine: int = 0
) -> Tuning:
    """Try learning rates; the best reaches a root mean squared output error (Hz) soonest.

    `learn(rate)` runs the task and returns its recording: use the same seed for every rate, so
    that only the rate differs. After `rates`, the gaps on both sides of the best rate so far are
    halved `refine` times, in logarithms. Raises `UsageError` for rates that are not positive or
    fewer than two, and when no rate reaches the error in the time that `learn` takes.

    >>> from steepest.spiking import EuclideanRule, paper_task, simulate
    >>> task, start = paper_task(trials=2, n=4)
    >>> def learn(rate):
    ...     return simulate(task, EuclideanRule(), start, rate=rate, duration=0.5, record=9, seed=0)
    >>> tuning = tune_rate(learn, [1e-4, 1e-3], error=45.0)
    >>> tuning.best, tuning.times.round(2)
    (0.001, array([ inf, 0.24]))
    """
    tried = sorted({float(rate) for rate in np.atleast_1d(real_numbers(rates, "rates"))})
    if len(tried) < 2 or not (np.isfinite(tried).all() and tried[0] > 0):
        raise UsageError(f"learning rates to try: two or more positive ones, not {tried}")

    def time(rate: float) -> tuple[float, float]:
        # The mean square falls to the square when its root falls to the error.
        recording = learn(rate)
        return mean_time_below(recording.times, _squared_error(recording), error**2)

    measured = {rate: time(rate) for rate in tried}
    for _ in range(refine):
        order = sorted(measured)
        i = order.index(min(order, key=lambda rate: measured[rate][0]))
        for low, high in pairwise(order[max(i - 1, 0) : i + 2]):
            middle = float(np.sqrt(low * high))
            measured[middle] = time(middle)
    order = sorted(measured)
    times, errors = np.array([measured[rate] for rate in order]).T
    tuning = Tuning(np.array(order), times, errors)
    if not np.isfinite(tuning.fastest):
        raise UsageError(
            f"none of the learning rates {order[0]:g} to {order[-1]:g} brings the error to"
            f" {error:g} Hz in time: learn longer, or try others"
        )
    return tuning
