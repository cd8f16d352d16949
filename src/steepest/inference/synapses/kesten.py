"""Sizes as a Kesten process, described: how fast they return, and with which fluctuations.

w' = (1 - k + s_m n1) w + b + s_a n2: a pull to the set point b / k, and multiplicative and additive
fluctuations (n1, n2 of mean 0 and variance 1). Such sizes have a stationary distribution. The
numbers describe a series, free of noise that is independent between sessions; they judge no
geometry.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from steepest.inference.synapses.changes import scale_of_groups
from steepest.inference.synapses.estimation import Estimate
from steepest.inference.synapses.intervals import Interval, interval_of, widening
from steepest.inference.synapses.signal import resampled

__all__ = ["Kesten", "fit_kesten"]

_FEWEST = 200  # four sessions in a row: third moments of fewer say nothing


@dataclass(frozen=True)
class Kesten:
    """A Kesten process fitted to a series, per session: a description, never a verdict.

    `pull` is k, `set_point` b / k and `additive` s_a in the unit of size, `multiplicative` s_m.
    A fluctuation whose variance is estimated below 0 is 0. `n` are the runs of four sessions used.

    >>> some = Interval(0.1, 0.05, 0.15)
    >>> Kesten(some, some, some, some, 900).pull.value
    0.1
    """

    pull: Interval
    set_point: Interval
    multiplicative: Interval
    additive: Interval
    n: int

    @property
    def sentence(self) -> str:
        """The numbers as a sentence; "not determined" where an interval has no end."""
        return (
            f"sizes return to {_said(self.set_point)} by {_said(self.pull)} of the distance each"
            f" session, with fluctuations of {_said(self.multiplicative)} of size and"
            f" {_said(self.additive)} whatever the size"
        )


def fit_kesten(estimate: Estimate) -> Kesten | None:
    """The Kesten process of a series of four sessions or more, evenly spaced; None for others.

    The pull comes from the regression of w(t+1) on w(t) with w(t-1) as the instrument, so noise in
    w(t) does not lower it. The variances come from the residual of that regression times the change
    from t-1 to t+2, which share no measurement, against 1 and w(t-1); the square of w(t) is
    had from w(t) w(t+2). Intervals resample what the estimate's do.

    >>> from steepest.inference import Design, simulate_design
    >>> from steepest.inference.synapses import estimate
    >>> measured = simulate_design(Design(synapses=200, sessions=5, groups=10), 1)
    >>> fit_kesten(estimate(measured, draws=20)).n
    400
    """
    measured = estimate.measured
    steps = np.diff(measured.times)
    if measured.sessions < 4 or measured.null.any() or not np.allclose(steps, steps[0]):
        return None
    logs = measured.log_sizes - scale_of_groups(measured)[:, None] - estimate.centre
    size = np.exp(logs)
    runs = np.stack([size[:, at : measured.sessions - 3 + at] for at in range(4)], axis=-1)
    there = np.isfinite(runs).all(axis=-1)
    if there.sum() < _FEWEST:
        return None
    first, here, then, last = runs[there].T
    long = last - first
    once = [np.ones_like(first), first, here, then, here * first, then * first]
    products = [then * long, here * long, long, here * last, here]
    parts = np.stack([*once, *products, *(product * first for product in products)])
    cluster = np.broadcast_to(estimate.cluster[:, None], there.shape)[there]
    sums = np.stack([np.bincount(cluster, part, estimate.weights.shape[1]) for part in parts])
    weights = np.vstack([np.ones(estimate.weights.shape[1]), estimate.weights])
    fitted = _solved(resampled(weights, sums.T))
    unit = math.exp(estimate.centre)
    widen = widening(estimate.clusters)
    pull, point, multiplicative, additive = (
        interval_of(float(row[0]), row[1:], widen) for row in fitted * [[1], [unit], [1], [unit]]
    )
    return Kesten(pull, point, _positive(multiplicative), _positive(additive), int(there.sum()))


def _solved(sums: Float[np.ndarray, "b 16"]) -> Float[np.ndarray, "4 b"]:
    """Pull, set point, multiplicative and additive sd, from the sums of every resample."""
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (sums / sums[:, :1]).T
        x, y, z, xy, xz = means[1:6]
        slope = (xz - x * z) / (xy - x * y)
        level = z - slope * y
        residual, square = [], []
        for zd, yd, d, yu, own in (means[6:11], means[11:16]):
            residual.append((zd - slope * yd - level * d) / slope)
            square.append((yu - level * (1 + slope) * own) / slope**2)
        # residual = s_m^2 square + s_a^2 (1, then x)
        bottom = square[1] - x * square[0]
        of_size = (residual[1] - x * residual[0]) / bottom
        rest = residual[0] - of_size * square[0]
        sds = [np.sqrt(np.maximum(variance, 0.0)) for variance in (of_size, rest)]
        return np.stack([1 - slope, level / (1 - slope), *sds])


def _positive(interval: Interval) -> Interval:
    """A standard deviation is at least 0, however far a small sample widens its interval."""
    return Interval(interval.value, max(interval.low, 0.0), interval.high)


def _said(interval: Interval) -> str:
    if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return "an amount that is not determined"
    return f"{interval.value:.3g} (95 % {interval.low:.3g} to {interval.high:.3g})"
