"""An estimate with its 95 % interval, from resamples of clusters."""

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Interval", "interval_of", "quantile_of_t", "widening"]

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
    low = min(low, value)
    high = max(high, value)
    return Interval(
        value,
        float(value - widen * (value - low)) if math.isfinite(low) else -math.inf,
        float(value + widen * (high - value)) if math.isfinite(high) else math.inf,
    )
