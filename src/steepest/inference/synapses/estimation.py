"""Everything that one table of measurements says about its geometry, with intervals by cluster."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Float, Int

from steepest.errors import DataError
from steepest.inference.synapses.changes import Moments, Pairs, pairs, size_resolved
from steepest.inference.synapses.geometries import WEIGHING, within
from steepest.inference.synapses.heterogeneity import GroupIndices, compare_groups
from steepest.inference.synapses.intervals import (
    Contrast,
    Interval,
    contrast_of,
    interval_of,
    widening,
)
from steepest.inference.synapses.measurements import (
    FEWEST_CHANGES,
    Dropped,
    Measurements,
    Source,
)
from steepest.inference.synapses.noise import Noise
from steepest.inference.synapses.outlying import Outliers, find_outliers
from steepest.inference.synapses.products import product_index
from steepest.inference.synapses.settle import (
    about_drift,
    expected_variance,
    settled_fit,
    share_of,
    unfit,
)
from steepest.inference.synapses.signal import (
    Fit,
    MixtureFit,
    fit_mixture,
    fit_noise_and_index,
    fit_signal,
)
from steepest.inference.synapses.units import UnitJump, jump_of_groups, unit_jump

__all__ = ["Estimate", "clusters", "estimate"]

_LAGS = 3
_DRAWS = 400
_BLOCKS = 500

_Drawn: TypeAlias = tuple[float, Float[np.ndarray, " b"]]  # an estimate, and in every resample


@dataclass(frozen=True, eq=False)
class Estimate:
    """The index free of noise, the noise curve, and what the rules of naming look at.

    `noise` are the standard deviations of log size at the typical size exp(`centre`): a
    multiplicative, a shot and an additive part. `signal` is the sd of log size gained per session
    there. `share` is that of the signal in the variance of change. `clusters` are resampled; with
    a null, it is the number in the condition that has fewer. What only some questions need
    is fitted when it is first asked for.

    >>> from steepest.inference import Design, simulate_design
    >>> measured = simulate_design(Design(synapses=200, sessions=4, groups=10), 1)
    >>> estimate(measured, draws=20).source
    'sessions'
    """

    source: Source | Literal["stated"]
    index: Interval
    signal: Interval
    noise: tuple[Interval, Interval, Interval]
    share: Interval
    too_large: float
    clusters: int
    grouped: bool
    centre: float
    pairs_used: int
    dropped: tuple[Dropped, ...]
    moments: Moments = field(repr=False)
    fit: Fit = field(repr=False)
    draws: Fit = field(repr=False)
    weights: Float[np.ndarray, "b c"] = field(repr=False)
    measured: Measurements = field(repr=False)
    changes: Pairs = field(repr=False)
    cluster: Int[np.ndarray, " n"] = field(repr=False)
    outliers: Outliers = field(repr=False)
    noise_known: bool = False
    seed: int = 0

    @property
    def small(self) -> Interval:
        """The index of the smaller half of the changes."""
        return self._interval(self._drawn_halves[0])

    @property
    def large(self) -> Interval:
        """The index of the larger half of the changes."""
        return self._interval(self._drawn_halves[1])

    @cached_property
    def by_lag(self) -> dict[int, Interval]:
        """The index of the changes over each number of sessions."""
        return {lag: self._interval(drawn) for lag, drawn in self._drawn_lags.items()}

    @cached_property
    def halves_apart(self) -> Contrast:
        """The index of the larger half less that of the smaller, from the same resamples."""
        return contrast_of(*self._drawn_halves, self.clusters)

    @cached_property
    def lags_apart(self) -> Contrast | None:
        """The index over the longest lag less that over the shortest; None where there is one."""
        lags = self._drawn_lags
        if len(lags) < 2:
            return None
        return contrast_of(lags[min(lags)], lags[max(lags)], self.clusters)

    @cached_property
    def products_apart(self) -> Contrast | None:
        """The index by products less the index; None where there are no products."""
        if self._drawn_products is None:
            return None
        own = float(self.fit.index[0]), self.draws.index
        return contrast_of(own, self._drawn_products, self.clusters)

    @cached_property
    def over_time(self) -> tuple[Interval, ...]:
        """The index of each step from one session to the next, with the noise curve of all."""
        if self.measured.sessions < 3 or self.measured.null.any():
            return ()
        return tuple(map(self._interval, self.in_windows(2)))

    def in_windows(self, width: int) -> list[tuple[float, Float[np.ndarray, " b"]]]:
        """The index of all changes within every `width` sessions in a row, and in each resample.

        The noise curve is that of all sessions; NaN where there are fewer than 50 changes.
        """
        variance = expected_variance(self.changes, self.fit)
        index = within(WEIGHING, self.fit.index[0])
        moments = size_resolved(
            self.changes, variance, index, self.cluster, by_session=True, robust=self.outliers.gate
        )
        close, large = unfit(self.measured, self.centre, moments.middle, self.fit)
        usable = (moments.lag > 0) & ~close & ~large
        windows = []
        for first in range(self.measured.sessions - width + 1):
            inside = (moments.start >= first) & (moments.start + moments.lag < first + width)
            part = moments.select(usable & inside)
            few = part.counts.sum() < FEWEST_CHANGES
            nothing = math.nan, np.full(len(self.weights), math.nan)
            windows.append(nothing if few else self._drawn_of(part))
        return windows

    @cached_property
    def by_products(self) -> Interval:
        """The index by the product estimator, which holds for noise of any form; see `products`.

        NaN where there are fewer than four sessions, or a null.
        """
        if self._drawn_products is None:
            return Interval(math.nan, math.nan, math.nan)
        return self._interval(self._drawn_products)

    @cached_property
    def power_wins(self) -> float:
        """Share of resamples that one power of size explains better than a mixture.

        The mixture is additive plus multiplicative change, of as many parameters, and either has
        the noise curve that suits it best.
        """
        return float(np.mean(self.draws.log_likelihood > self._drawn_mixture[1].log_likelihood))

    @cached_property
    def additive_share(self) -> Interval:
        """Share of additive change in the variance at the typical size, in the fitted mixture."""
        best, drawn = self._drawn_mixture
        share = self._interval((float(best.additive_share[0]), drawn.additive_share))
        return Interval(share.value, max(share.low, 0.0), min(share.high, 1.0))

    @cached_property
    def bend(self) -> Interval:
        """Curvature of log sd, per squared log size; 0 for one power of size."""
        one = np.ones((1, len(self.moments.counts)))
        value = fit_signal(self.moments, one, self.fit.noise, self.fit, curved=True).bend
        drawn = fit_signal(self.moments, self.weights, self.draws.noise, self.draws, curved=True)
        return interval_of(float(value[0]), drawn.bend, widening(self.clusters))

    @cached_property
    def groups(self) -> GroupIndices | None:
        """The index of every group of 30 synapses, and whether groups differ; None without two."""
        return compare_groups(self.measured, self.changes, self.fit, seed=self.seed)

    @cached_property
    def jump(self) -> UnitJump | None:
        """A change of unit between groups, or between sizes where there are no groups."""
        logs = self.measured.log_sizes
        if self.measured.groups is not None:
            return jump_of_groups(logs, self.measured.groups)
        there = np.isfinite(logs)
        seen = there.any(axis=1)
        return unit_jump(np.where(there, logs, 0.0).sum(axis=1)[seen] / there.sum(axis=1)[seen])

    @property
    def _learned(self) -> np.ndarray:
        return self.moments.kappa > 0

    @cached_property
    def _half(self) -> float:
        """The log size below which half of the changes lie."""
        counts = np.where(self._learned, self.moments.counts.sum(axis=0), 0)
        order = np.argsort(self.moments.middle)
        sums = np.cumsum(counts[order])
        return float(self.moments.middle[order][np.searchsorted(sums, counts.sum() / 2)])

    @cached_property
    def _drawn_halves(self) -> tuple[_Drawn, _Drawn]:
        small = self._learned & (self.moments.middle <= self._half)
        large = self._learned & (self.moments.middle > self._half)
        return self._drawn_of(self.moments.select(small)), self._drawn_of(
            self.moments.select(large)
        )

    @cached_property
    def _drawn_lags(self) -> dict[int, _Drawn]:
        return {
            int(lag): self._drawn_of(self.moments.select(self.moments.lag == lag))
            for lag in np.unique(self.changes.lag[self.changes.lag > 0])
        }

    @cached_property
    def _drawn_products(self) -> _Drawn | None:
        if self.measured.sessions < 4 or self.measured.null.any():
            return None
        step = about_drift(self.changes, self.fit)
        variance = expected_variance(self.changes, self.fit)
        weights = np.concatenate([np.ones((1, self.weights.shape[1])), self.weights])
        try:
            drawn = product_index(self.changes, step, variance, self.cluster, weights)
        except DataError:  # hardly a synapse is there in four sessions in a row
            return None
        return float(drawn[0]), drawn[1:]

    @cached_property
    def _drawn_mixture(self) -> tuple[MixtureFit, MixtureFit]:
        one = np.ones((1, len(self.moments.counts)))
        stated = self.fit.noise[0] if self.noise_known else None
        return (
            fit_mixture(self.moments, one, self.fit, stated=stated),
            fit_mixture(self.moments, self.weights, self.draws, stated=stated),
        )

    def _drawn_of(self, part: Moments) -> _Drawn:
        """The index of a part of the changes, and in every resample; the noise is that of all."""
        if not (part.kappa > 0).any():
            return math.nan, np.full(len(self.weights), math.nan)
        one = np.ones((1, len(part.counts)))
        value = fit_signal(part, one, self.fit.noise, self.fit).index
        drawn = fit_signal(part, self.weights, self.draws.noise, self.draws).index
        return float(value[0]), drawn

    def _interval(self, drawn: _Drawn) -> Interval:
        return interval_of(*drawn, widening(self.clusters))


def clusters(measured: Measurements, seed: int) -> Int[np.ndarray, " n"]:
    """What is resampled together: clusters of groups, else groups, else synapses (500 blocks)."""
    if measured.clusters is not None:
        return measured.clusters
    if measured.groups is not None:
        return measured.groups
    n = len(measured.log_sizes)
    if n <= _BLOCKS:
        return np.arange(n)
    return np.random.default_rng([seed, 1]).permutation(n) % _BLOCKS


def estimate(
    measured: Measurements,
    *,
    stated: Noise | None = None,
    draws: int = _DRAWS,
    seed: int = 0,
    keep_outliers: bool = False,
) -> Estimate:
    """Fit signal and noise, and resample clusters for intervals.

    `stated` is a noise that is known from elsewhere; otherwise it is learned here. Measurements far
    from all that surrounds them are left out (`find_outliers`) unless `keep_outliers`.

    Raises DataError where nothing tells signal from noise (no null, replicates or third session),
    or fewer than 50 changes can be used.

    >>> from steepest.inference import Design, simulate_design
    >>> measured = simulate_design(Design(synapses=200, sessions=4, groups=10), 1)
    >>> round(estimate(measured, draws=20).index.value, 2)
    0.98
    """
    source = "stated" if stated is not None else measured.source
    if source is None:
        raise DataError(
            "nothing here tells learning from measurement noise: give replicates, at least three"
            " sessions, or a null condition"
        )
    outliers = Outliers(measured, kept=True) if keep_outliers else find_outliers(measured)
    measured = outliers.measured
    lags = tuple(range(1, min(_LAGS, measured.sessions - 1) + 1))
    if source == "null":
        lags = (measured.sessions - 1,)
    changes = pairs(measured, lags)
    if int((changes.lag > 0).sum()) < FEWEST_CHANGES:
        raise DataError(
            f"only {int((changes.lag > 0).sum())} changes of size between sessions: at least"
            f" {FEWEST_CHANGES} are needed, and some hundreds of synapses to tell geometries apart"
        )
    cluster = clusters(measured, seed)
    known = None
    if stated is not None:
        known = stated.at(changes.centre)
    silent = changes.kappa == 0
    if silent.any() and not changes.step[silent].any():
        # Replicates or a null that agree to the last digit: no noise, and no likelihood of one.
        changes, known = changes.select(~silent), np.zeros(3)
    moments, fit, dropped, vast = settled_fit(
        measured, changes, cluster, known, robust=outliers.gate
    )
    strata = _strata(moments.counts, measured, cluster)
    weights = _resample(strata, len(moments.counts), draws, seed)
    draw = fit_noise_and_index(moments, weights, fit, stated=known)
    # With a null, the condition of fewer groups says how variable groups are.
    fewest = min((members.size for members in strata), default=0)
    widen = widening(fewest)

    def interval(value: float, drawn: np.ndarray) -> Interval:
        return interval_of(value, drawn, widen)

    share = share_of(measured, changes, moments, fit, draw, weights, cluster)
    noise = [interval(float(fit.noise[0, k]), draw.noise[:, k]) for k in range(3)]
    return Estimate(
        source=source,
        index=interval(float(fit.index[0]), draw.index),
        signal=interval(math.exp(fit.log_signal[0] / 2), np.exp(draw.log_signal / 2)),
        noise=(noise[0], noise[1], noise[2]),
        share=interval(share[0], share[1]),
        too_large=vast,
        clusters=fewest,
        grouped=measured.groups is not None,
        centre=changes.centre,
        pairs_used=int(moments.counts[:, moments.lag > 0].sum()),
        dropped=(*measured.dropped, *_left_out(outliers), *dropped),
        moments=moments,
        fit=fit,
        draws=draw,
        weights=weights,
        measured=measured,
        changes=changes,
        cluster=cluster,
        outliers=outliers,
        noise_known=known is not None,
        seed=seed,
    )


def _left_out(outliers: Outliers) -> tuple[Dropped, ...]:
    if not outliers.listed:
        return ()
    what = "outlying replicates" if outliers.measured.sessions < 3 else "outlying measurements"
    return (
        Dropped(
            len(outliers.listed),
            what,
            "far from all that surrounds them: mis-segmented or mistaken synapses?",
        ),
    )


def _strata(counts: np.ndarray, measured: Measurements, cluster: np.ndarray) -> list[np.ndarray]:
    """Clusters that are resampled among themselves: those of the null apart from the others."""
    null = np.zeros(len(counts), dtype=bool)
    null[cluster[measured.null]] = True
    null[cluster[~measured.null]] = False
    used = counts.sum(axis=1) > 0
    return [at for at in (np.flatnonzero(null & used), np.flatnonzero(~null & used)) if at.size]


def _resample(
    strata: Sequence[np.ndarray], clusters: int, draws: int, seed: int
) -> Float[np.ndarray, "b c"]:
    """Multiplicities of clusters in each resample, drawn within every stratum."""
    rng = np.random.default_rng([seed, 2])
    weights = np.zeros((draws, clusters))
    for members in strata:
        weights[:, members] = rng.multinomial(
            members.size, np.full(members.size, 1 / members.size), size=draws
        )
    return weights
