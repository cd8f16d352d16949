"""Everything that one table of measurements says about its geometry, with intervals by cluster."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from steepest.errors import DataError
from steepest.inference.synapses.changes import Moments, Pairs, pairs, size_resolved
from steepest.inference.synapses.geometries import WEIGHING, within
from steepest.inference.synapses.intervals import Interval, interval_of, widening
from steepest.inference.synapses.measurements import (
    FEWEST_CHANGES,
    Dropped,
    Measurements,
    Source,
)
from steepest.inference.synapses.noise import Noise
from steepest.inference.synapses.products import product_index
from steepest.inference.synapses.settle import (
    about_drift,
    expected_variance,
    settled_fit,
    share_of,
    unfit,
)
from steepest.inference.synapses.signal import Fit, fit_mixture, fit_noise_and_index, fit_signal
from steepest.inference.synapses.units import UnitJump, jump_of_groups, unit_jump

__all__ = ["Estimate", "clusters", "estimate"]

_LAGS = 3
_DRAWS = 400
_BLOCKS = 500


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

    @cached_property
    def small(self) -> Interval:
        """The index of the smaller half of the changes."""
        return self._index_of(
            self.moments.select(self._learned & (self.moments.middle <= self._half))
        )

    @cached_property
    def large(self) -> Interval:
        """The index of the larger half of the changes."""
        return self._index_of(
            self.moments.select(self._learned & (self.moments.middle > self._half))
        )

    @cached_property
    def by_lag(self) -> dict[int, Interval]:
        """The index of the changes over each number of sessions."""
        return {
            int(lag): self._index_of(self.moments.select(self.moments.lag == lag))
            for lag in np.unique(self.changes.lag[self.changes.lag > 0])
        }

    @cached_property
    def over_time(self) -> tuple[Interval, ...]:
        """The index of each step from one session to the next, with the noise curve of all."""
        if self.measured.sessions < 3 or self.measured.null.any():
            return ()
        variance = expected_variance(self.changes, self.fit)
        index = within(WEIGHING, self.fit.index[0])
        moments = size_resolved(self.changes, variance, index, self.cluster, by_session=True)
        close, large = unfit(self.measured, self.centre, moments.middle, self.fit)
        steps = []
        for start in range(self.measured.sessions - 1):
            chosen = (moments.lag == 1) & (moments.start == start) & ~close & ~large
            part = moments.select(chosen)
            few = part.counts.sum() < FEWEST_CHANGES
            steps.append(Interval(*[math.nan] * 3) if few else self._index_of(part))
        return tuple(steps)

    @cached_property
    def by_products(self) -> Interval:
        """The index by the product estimator, which holds for noise of any form; see `products`.

        NaN where there are fewer than four sessions, or a null.
        """
        if self.measured.sessions < 4 or self.measured.null.any():
            return Interval(math.nan, math.nan, math.nan)
        step = about_drift(self.changes, self.fit)
        variance = expected_variance(self.changes, self.fit)
        weights = np.concatenate([np.ones((1, self.weights.shape[1])), self.weights])
        drawn = product_index(self.changes, step, variance, weights[:, self.cluster])
        return interval_of(float(drawn[0]), drawn[1:], widening(self.clusters))

    @cached_property
    def power_wins(self) -> float:
        """Share of resamples that one power of size explains better than a mixture.

        The mixture is additive plus multiplicative change, of as many parameters.
        """
        power = fit_signal(self.moments, self.weights, self.draws.noise, self.draws).log_likelihood
        mixture = fit_mixture(self.moments, self.weights, self.draws.noise, self.draws)
        return float(np.mean(power > mixture))

    @cached_property
    def bend(self) -> Interval:
        """Curvature of log sd, per squared log size; 0 for one power of size."""
        one = np.ones((1, len(self.moments.counts)))
        value = fit_signal(self.moments, one, self.fit.noise, self.fit, curved=True).bend
        drawn = fit_signal(self.moments, self.weights, self.draws.noise, self.draws, curved=True)
        return interval_of(float(value[0]), drawn.bend, widening(self.clusters))

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

    def _index_of(self, part: Moments) -> Interval:
        if not (part.kappa > 0).any():
            return Interval(math.nan, math.nan, math.nan)
        one = np.ones((1, len(part.counts)))
        value = fit_signal(part, one, self.fit.noise, self.fit).index
        drawn = fit_signal(part, self.weights, self.draws.noise, self.draws).index
        return interval_of(float(value[0]), drawn, widening(self.clusters))


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
) -> Estimate:
    """Fit signal and noise, and resample clusters for intervals.

    `stated` is a noise that is known from elsewhere; otherwise it is learned here.

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
    moments, fit, dropped, vast = settled_fit(measured, changes, cluster, known)
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
        dropped=(*measured.dropped, *dropped),
        moments=moments,
        fit=fit,
        draws=draw,
        weights=weights,
        measured=measured,
        changes=changes,
        cluster=cluster,
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
