"""Learning rates tuned as the paper did: the one that reaches a tolerable error soonest.

Kreutzer et al. 2022, Sec 6.4.1 and Table 1: the rate of the shortest time to a root mean squared
error of 0.8 Hz in the neuron's output. Below it learning is slow; above it the noise of learning
keeps the error up, so the time rises steeply, to infinity.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from steepest.errors import UsageError
from steepest.spiking.recording import Recording

__all__ = ["Tuning", "first_time_below", "output_error", "tune_rate"]


def first_time_below(
    times: Any, values: Any, threshold: float, *, logarithmic: bool = True
) -> Float[np.ndarray, "*curves"]:
    """When curves (times, *curves) first fall to a threshold, interpolated between their times.

    Interpolated in the logarithm of the values unless `logarithmic` is False; inf where a curve
    stays above. Raises `UsageError` for lengths that differ.
    """
    t, y = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if t.ndim != 1 or y.shape[:1] != t.shape:
        raise UsageError(f"{t.shape} times for curves of shape {y.shape}")
    below = y <= threshold
    last = np.argmax(below, axis=0)
    first = np.maximum(last - 1, 0)
    scale = np.log if logarithmic else np.asarray
    upper = np.take_along_axis(y, first[None], 0)[0]
    lower = np.take_along_axis(y, last[None], 0)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        part = (scale(upper) - np.log(threshold) if logarithmic else upper - threshold) / (
            scale(upper) - scale(lower)
        )
    found = np.where(last > 0, t[first] + np.nan_to_num(part) * (t[last] - t[first]), t[0])
    return np.where(below.any(axis=0), found, np.inf)


def output_error(recording: Recording) -> Float[np.ndarray, " times"]:
    """Root mean squared error of the output rate (Hz) over all trials and test USPs."""
    if "rate_distance" not in recording.measures:
        raise UsageError("the error of the output rate needs a test set and a teacher's rates")
    return np.sqrt(np.mean(recording.measures["rate_distance"] ** 2, axis=1))


@dataclass(frozen=True, eq=False)
class Tuning:
    """Learning `rates` tried (in increasing order), the `times` (s) each took, and the `best`."""

    rates: Float[np.ndarray, " k"]
    times: Float[np.ndarray, " k"]

    @property
    def best(self) -> float:
        """The rate of the shortest time."""
        return float(self.rates[np.argmin(self.times)])

    @property
    def fastest(self) -> float:
        """The shortest time, in s."""
        return float(self.times.min())

    def slowdown(self, rate: float) -> float:
        """Time at a rate over the shortest one, interpolated in logarithms; inf outside."""
        if not self.rates[0] <= rate <= self.rates[-1]:
            return float("inf")
        with np.errstate(invalid="ignore"):
            time = np.exp(np.interp(np.log(rate), np.log(self.rates), np.log(self.times)))
        return float(time / self.fastest)


def tune_rate(
    learn: Callable[[float], Recording],
    rates: Any,
    *,
    error: float = 0.8,
    refine: int = 0,
) -> Tuning:
    """Try learning rates; the best reaches a root mean squared output error (Hz) soonest.

    `learn(rate)` runs the task and returns its recording: use the same seed for every rate, so
    that only the rate differs. After `rates`, `refine` times the two gaps beside the best rate so
    far are halved (in logarithms). Raises `UsageError` for rates that are not positive or fewer
    than two, and when no rate reaches the error in the time that `learn` takes.
    """
    tried = sorted({float(rate) for rate in np.atleast_1d(np.asarray(rates, dtype=np.float64))})
    if len(tried) < 2 or not (np.isfinite(tried).all() and tried[0] > 0):
        raise UsageError(f"learning rates to try: two or more positive ones, not {tried}")

    def time(rate: float) -> float:
        recording = learn(rate)
        return float(first_time_below(recording.times, output_error(recording), error))

    found = {rate: time(rate) for rate in tried}
    for _ in range(refine):
        order = sorted(found)
        i = order.index(min(order, key=found.__getitem__))
        for j in (i - 1, i):
            if 0 <= j < len(order) - 1:
                middle = float(np.sqrt(order[j] * order[j + 1]))
                found[middle] = time(middle)
    order = sorted(found)
    tuning = Tuning(np.array(order), np.array([found[rate] for rate in order]))
    if not np.isfinite(tuning.fastest):
        raise UsageError(
            f"none of the learning rates {order[0]:g} to {order[-1]:g} brings the error to"
            f" {error:g} Hz in time: learn longer, or try others"
        )
    return tuning
