"""An estimate with its 95 % interval, from resamples of clusters."""

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Contrast", "Interval", "contrast_of", "interval_of", "quantile_of_t", "widening"]

_NORMAL_95 = 1.959964


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval; NaN where there is none.

    >>> Interval(1.0, 0.8, 1.3).holds(0.9)
    True
    """

    value: float
    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether the interval contains a value."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Contrast:
    """A difference of two estimates from the same resamples, its standard deviation and p-value.

    The p-value is that of Student's t; NaN where the resamples do not tell.

    >>> Contrast(0.3, 0.1, 0.01).value
    0.3
    """

    value: float
    error: float
    p_value: float

    @property
    def z(self) -> float:
        """The difference in its standard deviations."""
        return self.value / self.error if self.error > 0 else math.nan


def contrast_of(
    first: tuple[float, np.ndarray], second: tuple[float, np.ndarray], number: int
) -> Contrast:
    """The second estimate less the first, each with its draws in the same resamples of clusters.

    The standard deviation is half the middle 68 % of the differences, which a few wild resamples
    do not move, with the small-sample factor of the bootstrap; `number` is that of clusters.
    """
    from scipy.special import stdtr

    value = second[0] - first[0]
    with np.errstate(invalid="ignore"):
        drawn = second[1] - first[1]
    drawn = drawn[~np.isnan(drawn)]
    if math.isnan(value) or drawn.size < 3 or number < 3:
        return Contrast(value, math.nan, math.nan)
    low, high = map(float, np.quantile(drawn, [0.16, 0.84], method="inverted_cdf"))
    wide = high - low if math.isfinite(low) and math.isfinite(high) else math.inf
    error = wide / 2 * math.sqrt(number / (number - 1))
    if math.isinf(value):  # one index ran out of the searched range: the side of the draws tells
        side = min(float(np.mean(drawn <= 0)), float(np.mean(drawn >= 0)))
        return Contrast(value, error, min(2 * side, 1.0))
    if not error > 0:
        return Contrast(value, error, math.nan)
    return Contrast(value, error, float(2 * stdtr(number - 1, -abs(value / error))))


def quantile_of_t(number: int) -> float:
    """The 97.5 % point of Student's t with number - 1 degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(number - 1, 0.975))


def widening(number: int) -> float:
    """Student's t over the normal, and the small-sample factor of the bootstrap's variance."""
    if number < 3:
        return math.inf
    return quantile_of_t(number) / _NORMAL_95 * math.sqrt(number / (number - 1))


def interval_of(value: float, drawn: np.ndarray, widen: float) -> Interval:
    """Percentiles of the resamples, each arm widened about the estimate."""
    finite = drawn[~np.isnan(drawn)]
    if not finite.size or math.isnan(value):
        return Interval(value, math.nan, math.nan)
    low, high = np.quantile(finite, [0.025, 0.975], method="inverted_cdf")
    if math.isinf(value):
        return Interval(value, float(low), float(high))
    if math.isinf(widen):  # too few to know, also where the resamples agree
        return Interval(value, -math.inf, math.inf)
    low = min(low, value)
    high = max(high, value)
    return Interval(
        value,
        float(value - widen * (value - low)) if math.isfinite(low) else -math.inf,
        float(value + widen * (high - value)) if math.isfinite(high) else math.inf,
    )
