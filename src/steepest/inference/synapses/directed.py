"""The mean change by size: what learning did to small and to large synapses on the average.

A geometry shows in the *spread* of change. That small synapses grow and large ones shrink is taken
out there as drift; here it is told. Noise in the size before makes the same picture out of nothing
(regression to the mean): it is taken out by what replicates or the noise curve say of it, and by
the sham condition, which also holds the noise that replicates of a session share.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from steepest.inference.synapses.estimation import Estimate
from steepest.inference.synapses.intervals import Interval, interval_of, widening
from steepest.inference.synapses.measurements import FEWEST_CHANGES
from steepest.inference.synapses.signal import noise_at

__all__ = ["Directed", "directed_change"]

_RELIABLE = 0.1  # of the variance of size: below, its slope is noise over noise


@dataclass(frozen=True)
class Directed:
    """Mean change of log size from the first session to the last, and its slope on log size.

    `mean` is at the mean size; `slope` is freed of regression to the mean as far as `corrected`
    says, `naive` is not. With a null condition `sham` is its slope, and `net` the slope
    less that. `index` says that the mean change, less that of the sham, goes as size^index: only
    where its interval leaves out 0, else None. `n` synapses were present in both sessions.

    >>> from steepest.inference import Design, infer_measured, simulate_design
    >>> measured = simulate_design(Design(synapses=200, sessions=4, groups=10), 1, seed=1)
    >>> infer_measured(measured, draws=20).directed.n
    200
    """

    mean: Interval
    slope: Interval
    naive: float
    index: Interval | None
    sham_mean: Interval | None
    sham: Interval | None
    net: Interval | None
    corrected: str
    n: int

    @property
    def clear(self) -> bool:
        """Whether the slope, less that of the sham where there is one, leaves out 0."""
        slope = self.slope if self.net is None else self.net
        return not slope.holds(0.0) and math.isfinite(slope.value)

    @property
    def sentence(self) -> str:
        """The mean change and its slope in words."""
        said = (
            f"mean change of log size {self.mean.value:+.3f}"
            f" (95 % {self.mean.low:+.3f} to {self.mean.high:+.3f}),"
            f" slope on log size {_said(self.slope)} (naive {self.naive:+.3f})"
        )
        if self.sham is not None and self.net is not None:
            said += f", sham {_said(self.sham)}, net {_said(self.net)}"
        slope = self.slope if self.net is None else self.net
        if self.clear:
            said += f": small synapses {'grow' if slope.value < 0 else 'shrink'} more"
        return said


def _said(interval: Interval) -> str:
    return f"{interval.value:+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"


def directed_change(estimate: Estimate) -> Directed | None:
    """How the mean change depends on size, from the first session to the last.

    Within groups, the slope is (Sxy n/(n-1) + Sv) / (Sxx n/(n-1) - Sv): x are log sizes before, y
    changes, v the variance of the noise in x, from replicates where there are any, else from the
    noise curve of a series. A null alone does not tell the noise of a size: there the slope less
    that of the sham is the answer. Intervals resample groups. None where fewer than 50 synapses
    are present in both sessions, or noise makes up nearly all of the differences in size.

    >>> from steepest.inference import Design, simulate_design
    >>> from steepest.inference.synapses import estimate
    >>> measured = simulate_design(Design(synapses=200, sessions=4, groups=10), 1, seed=1)
    >>> directed_change(estimate(measured, draws=20)).corrected
    'corrected by the noise curve (sessions)'
    """
    measured = estimate.measured
    first, last = measured.log_sizes[:, 0], measured.log_sizes[:, -1]
    there = np.isfinite(first) & np.isfinite(last)
    treated = there & ~measured.null
    if treated.sum() < FEWEST_CHANGES:
        return None
    replicates = measured.replicates[:, 0]
    several = replicates >= 2
    if several[there].all():
        noise = measured.within[:, 0] / np.maximum(replicates - 1, 1) / np.maximum(replicates, 1)
        corrected = "corrected by replicates, for noise that they do not share"
    elif estimate.source == "null":
        noise, corrected = np.zeros(first.size), "not corrected: compare with the sham"
    else:
        middle = np.where(there, first, estimate.centre) - estimate.centre
        noise = noise_at(estimate.fit.noise, middle)[0]
        corrected = f"corrected by the noise curve ({estimate.source})"
    sums = _Sums.of(estimate, first, last - first, noise, treated)
    slope, drawn = sums.slope(estimate.weights)
    if not math.isfinite(slope):
        return None
    mean, mean_drawn = sums.mean(estimate.weights)
    widen = widening(estimate.clusters)

    def interval(value: float, drawn: np.ndarray) -> Interval:
        return interval_of(value, drawn, widen)

    change = interval(mean, mean_drawn)
    sham = sham_mean = net = None
    pure, own = (mean, mean_drawn), (slope, drawn)
    if measured.null.any() and (there & measured.null).sum() >= FEWEST_CHANGES:
        still = _Sums.of(estimate, first, last - first, noise, there & measured.null)
        sham_slope, sham_drawn = still.slope(estimate.weights)
        still_mean, still_drawn = still.mean(estimate.weights)
        sham, sham_mean = interval(sham_slope, sham_drawn), interval(still_mean, still_drawn)
        own = slope - sham_slope, drawn - sham_drawn
        pure = mean - still_mean, mean_drawn - still_drawn
        net = interval(*own)
    index = None
    if not interval(*pure).holds(0.0):
        with np.errstate(divide="ignore", invalid="ignore"):
            index = interval(1 + own[0] / pure[0], 1 + own[1] / pure[1])
    silent = _Sums.of(estimate, first, last - first, np.zeros(first.size), treated)
    return Directed(
        mean=change,
        slope=interval(slope, drawn),
        naive=silent.slope(estimate.weights[:0])[0],
        index=index,
        sham_mean=sham_mean,
        sham=sham,
        net=net,
        corrected=corrected,
        n=int(treated.sum()),
    )


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums within groups, by cluster: of x^2, x y and the variance of the noise; of y, and n."""

    square: Float[np.ndarray, " c"]
    product: Float[np.ndarray, " c"]
    noise: Float[np.ndarray, " c"]
    total: Float[np.ndarray, " c"]
    number: Float[np.ndarray, " c"]

    @classmethod
    def of(
        cls, estimate: Estimate, size: np.ndarray, change: np.ndarray, noise: np.ndarray,
        rows: np.ndarray,
    ) -> "_Sums":  # fmt: skip
        measured, cluster = estimate.measured, estimate.cluster
        number = len(estimate.moments.counts)
        group = np.zeros(size.size, dtype=np.int64) if measured.groups is None else measured.groups
        x, y, group = size[rows], change[rows], group[rows]
        count = np.bincount(group)
        fine = (count >= 2)[group]
        with np.errstate(divide="ignore", invalid="ignore"):
            x = x - (np.bincount(group, x) / count)[group]
            rest = y - (np.bincount(group, y) / count)[group]
            more = (count / (count - 1))[group]
        at = cluster[rows]

        def sums(values: np.ndarray) -> np.ndarray:
            return np.bincount(at, np.where(fine, values, 0.0), number)

        return cls(
            sums(more * x**2),
            sums(more * x * rest),
            sums(noise[rows]),
            np.bincount(at, y, number),
            np.bincount(at, minlength=number).astype(np.float64),
        )

    def slope(self, weights: np.ndarray) -> tuple[float, Float[np.ndarray, " b"]]:
        square, product, noise = (
            np.concatenate([[values.sum()], np.einsum("bc,c->b", weights, values)])
            for values in (self.square, self.product, self.noise)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.where(
                square - noise > _RELIABLE * square, (product + noise) / (square - noise), np.nan
            )
        return float(slope[0]), slope[1:]

    def mean(self, weights: np.ndarray) -> tuple[float, Float[np.ndarray, " b"]]:
        with np.errstate(divide="ignore", invalid="ignore"):
            drawn = np.einsum("bc,c->b", weights, self.total) / np.einsum(
                "bc,c->b", weights, self.number
            )
        return float(self.total.sum() / self.number.sum()), drawn
