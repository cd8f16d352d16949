"""Everything that one table of measurements says about its geometry, with intervals by cluster."""

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import t as student_t

from steepest.errors import DataError
from steepest.inference.components import (
    Fit,
    fit_mixture,
    fit_noise_and_index,
    fit_signal,
    noise_at,
    resampled,
    signal_at,
)
from steepest.inference.measurements import Dropped, Measurements
from steepest.inference.moments import Moments, Pairs, pairs, size_resolved

__all__ = ["Estimate", "Interval", "Source", "clusters", "estimate", "product_share", "source_of"]

Source = Literal["sessions", "replicates", "null", "stated"]

_LAGS = 3
_DRAWS = 400
_ROUNDS = 4
_FEWEST_PAIRS = 50
_BLOCKS = 500
_NEAR_NOISE = 2.5  # sizes must lie this many noise sd above the detection threshold
_LARGE = 0.4  # sd of log size gained per session, beyond which the change is not small
_NORMAL_95 = 1.959964


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval; NaN where there is none."""

    value: float
    low: float
    high: float

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, eq=False)
class Estimate:
    """The index free of noise, the noise curve, and what the rules of naming look at.

    `noise` are the standard deviations of log size at the typical size exp(`centre`): a
    multiplicative, a shot and an additive part. `signal` is the sd of log size gained per session
    there. `share` is that of the signal in the variance of change. `small` and `large` are the
    index below and above the median size, `by_lag` that of each lag on its own. `power_wins` is
    the share of resamples in which one power of size explains change better than additive plus
    multiplicative change; `bend` is the curvature in log sd per squared log size.
    """

    source: Source
    index: Interval
    signal: Interval
    noise: tuple[Interval, Interval, Interval]
    share: Interval
    small: Interval
    large: Interval
    by_lag: dict[int, Interval]
    over_time: tuple[Interval, ...]
    power_wins: float
    bend: Interval
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


def source_of(measured: Measurements) -> Source | None:
    """Where the noise can be learned from: a null, replicates, or three sessions; None: nowhere."""
    if measured.null.any():
        return "null"
    if measured.sessions >= 3:
        return "sessions"
    if ((measured.replicates >= 2).sum(axis=0) >= _FEWEST_PAIRS).any():
        return "replicates"
    return None


def clusters(measured: Measurements, seed: int) -> Int[np.ndarray, " n"]:
    """What is resampled together: groups where there are any, else synapses (in 500 blocks)."""
    if measured.groups is not None:
        return measured.groups
    n = len(measured.log_sizes)
    if n <= _BLOCKS:
        return np.arange(n)
    return np.random.default_rng([seed, 1]).permutation(n) % _BLOCKS


def product_share(
    found: Pairs, step: Float[np.ndarray, " p"], cluster: Int[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, " c"], Float[np.ndarray, " c"]]:
    """Sums by cluster of inner times outer change, and of squared inner change.

    The inner change is from one session to the next, the outer one from the session before to the
    session after them. They share the signal and no measurement, so the ratio of the sums is the
    share of the signal, whatever the form of the noise.
    """
    inner, outer = np.flatnonzero(found.lag == 1), np.flatnonzero(found.lag == 3)
    span = int(found.start.max()) + 2
    key_inner = found.synapse[inner] * span + found.start[inner]
    key_outer = found.synapse[outer] * span + found.start[outer] + 1
    _, at_inner, at_outer = np.intersect1d(key_inner, key_outer, return_indices=True)
    first, second = step[inner[at_inner]], step[outer[at_outer]]
    where = cluster[found.synapse[inner[at_inner]]]
    size = int(cluster.max()) + 1
    return np.bincount(where, first * second, size), np.bincount(where, first**2, size)


def estimate(
    measured: Measurements,
    *,
    stated: tuple[float, float] | None = None,
    draws: int = _DRAWS,
    seed: int = 0,
) -> Estimate:
    """Fit signal and noise, and resample clusters for intervals.

    `stated` is a noise that is known from elsewhere: its coefficient of variation and its additive
    standard deviation in the unit of size. Otherwise it is learned here.

    Raises DataError where nothing tells signal from noise (no null, replicates or third session),
    or fewer than 50 changes can be used.
    """
    source = "stated" if stated is not None else source_of(measured)
    if source is None:
        raise DataError(
            "nothing here tells learning from measurement noise: give replicates, at least three"
            " sessions, or a null condition"
        )
    lags = tuple(range(1, min(_LAGS, measured.sessions - 1) + 1))
    if source == "null":
        lags = (measured.sessions - 1,)
    found = pairs(measured, lags)
    if int((found.lag > 0).sum()) < _FEWEST_PAIRS:
        raise DataError(
            f"only {int((found.lag > 0).sum())} changes of size between sessions: at least"
            f" {_FEWEST_PAIRS} are needed, and some hundreds of synapses to tell geometries apart"
        )
    cluster = clusters(measured, seed)
    known = None
    if stated is not None:
        known = np.array([stated[0], 0.0, stated[1] * math.exp(-found.centre)])
    silent = found.kappa == 0
    if silent.any() and not found.step[silent].any():
        # Replicates or a null that agree to the last digit: no noise, and no likelihood of one.
        found, known = found.select(~silent), np.zeros(3)
    moments, fit, dropped, vast = _settle(measured, found, cluster, known)
    weights = _resample(moments.counts, measured, cluster, draws, seed)
    draw = fit_noise_and_index(moments, weights, fit, stated=known)
    used = np.flatnonzero(moments.counts.sum(axis=1))
    widen = _widening(used.size)
    one = np.ones((1, len(moments.counts)))

    def interval(value: float, drawn: np.ndarray) -> Interval:
        return _interval(value, drawn, widen)

    def index_of(chosen: np.ndarray) -> Interval:
        part = moments.select(chosen)
        if not (part.kappa > 0).any():
            return Interval(math.nan, math.nan, math.nan)
        value = fit_signal(part, one, fit.noise, fit).index
        return interval(float(value[0]), fit_signal(part, weights, draw.noise, draw).index)

    learned = moments.kappa > 0
    counts = np.where(learned, moments.counts.sum(axis=0), 0)
    order = np.argsort(moments.middle)
    half = moments.middle[order][np.searchsorted(np.cumsum(counts[order]), counts.sum() / 2)]
    power = fit_signal(moments, weights, draw.noise, draw).log_likelihood
    mixture = fit_mixture(moments, weights, draw.noise, draw)
    bend = fit_signal(moments, one, fit.noise, fit, curved=True).bend
    bends = fit_signal(moments, weights, draw.noise, draw, curved=True).bend
    share = _share(measured, found, moments, fit, draw, weights, cluster)
    noise = [interval(float(fit.noise[0, k]), draw.noise[:, k]) for k in range(3)]
    return Estimate(
        source=source,
        index=interval(float(fit.index[0]), draw.index),
        signal=interval(math.exp(fit.log_signal[0] / 2), np.exp(draw.log_signal / 2)),
        noise=(noise[0], noise[1], noise[2]),
        share=interval(share[0], share[1]),
        small=index_of(learned & (moments.middle <= half)),
        large=index_of(learned & (moments.middle > half)),
        by_lag={lag: index_of(moments.lag == lag) for lag in lags},
        over_time=_over_time(measured, found, cluster, fit, draw, weights, widen),
        power_wins=float(np.mean(power > mixture)),
        bend=interval(float(bend[0]), bends),
        too_large=vast,
        clusters=int(used.size),
        grouped=measured.groups is not None,
        centre=found.centre,
        pairs_used=int(moments.counts[:, moments.lag > 0].sum()),
        dropped=(*measured.dropped, *dropped),
        moments=moments,
        fit=fit,
        draws=draw,
        weights=weights,
    )


def _settle(
    measured: Measurements, found: Pairs, cluster: np.ndarray, known: np.ndarray | None
) -> tuple[Moments, Fit, tuple[Dropped, ...], float]:
    """Fit, remove drift with that fit's weights, leave out what it calls unfit, and again."""
    changes = found.lag > 0
    variance = np.full(found.step.size, found.step[changes].var())
    index, fit = 1.0, None
    moments = size_resolved(found, variance, index, cluster)
    used, near, vast = moments, 0.0, 0.0
    for turn in range(_ROUNDS):
        fit = fit_noise_and_index(used, np.ones((1, len(used.counts))), fit, stated=known)
        index = float(np.clip(fit.index[0], -2, 4))
        start = np.clip(fit.index, -2, 4)
        signal = signal_at(start, fit.log_signal, found.middle)[0]
        noise = noise_at(fit.noise, found.middle)[0]
        variance = np.maximum(found.kappa * signal + found.nu * noise, 1e-12)
        moments = size_resolved(found, variance, index, cluster)
        if turn == 0:
            used = moments
            continue
        close, large = _unfit(measured, found.centre, moments.middle, fit)
        # What is learned only about noise stays; a signal too large or a noise too near does not.
        fine = ~close & ~(large & (moments.kappa > 0))
        total = moments.counts[:, moments.kappa > 0].sum()
        near = float(moments.counts[:, close & (moments.kappa > 0)].sum())
        vast = float(moments.counts[:, ~close & large & (moments.kappa > 0)].sum())
        if total - near - vast < _FEWEST_PAIRS:
            used, vast = moments, vast / max(total, 1)
            break
        used = moments.select(fine)
        if turn == _ROUNDS - 1:
            vast /= max(total, 1)
    assert fit is not None
    fit = fit_noise_and_index(used, np.ones((1, len(used.counts))), fit, stated=known)
    dropped = (
        Dropped(
            round(near),
            "changes near the noise",
            f"size within {_NEAR_NOISE:g} noise sd of the detection threshold",
        ),
        Dropped(
            round(vast * moments.counts[:, moments.kappa > 0].sum()),
            "changes too large",
            f"signal sd of log size above {_LARGE:g} a session: not small against the size",
        ),
        Dropped(
            round(changes.sum() - moments.counts[:, moments.lag > 0].sum()),
            "changes alone in their group",
            "too few synapses in a group and session to tell drift from change",
        ),
    )
    return used, fit, dropped, vast


def _unfit(
    measured: Measurements, centre: float, middle: np.ndarray, fit: Fit
) -> tuple[np.ndarray, np.ndarray]:
    noise = np.sqrt(noise_at(fit.noise, middle)[0])
    size = np.exp(middle + centre)
    threshold = measured.detection_limit or 0.0
    close = size - threshold < _NEAR_NOISE * noise * size
    large = np.sqrt(signal_at(np.clip(fit.index, -4, 6), fit.log_signal, middle)[0]) > _LARGE
    return close, large


def _resample(
    counts: np.ndarray, measured: Measurements, cluster: np.ndarray, draws: int, seed: int
) -> Float[np.ndarray, "b c"]:
    """Multiplicities of clusters in each resample; null and treated groups are drawn apart."""
    rng = np.random.default_rng([seed, 2])
    number = len(counts)
    null = np.zeros(number, dtype=bool)
    null[cluster[measured.null]] = True
    mixed = np.zeros(number, dtype=bool)
    mixed[cluster[~measured.null]] = True
    strata = [null & ~mixed, mixed]
    weights = np.zeros((draws, number))
    for stratum in strata:
        members = np.flatnonzero(stratum & (counts.sum(axis=1) > 0))
        if members.size:
            weights[:, members] = rng.multinomial(
                members.size, np.full(members.size, 1 / members.size), size=draws
            )
    return weights


def _share(
    measured: Measurements,
    found: Pairs,
    moments: Moments,
    fit: Fit,
    draw: Fit,
    weights: np.ndarray,
    cluster: np.ndarray,
) -> tuple[float, Float[np.ndarray, " b"]]:
    """Share of the signal in the variance of change: by products where there are four sessions."""
    if measured.sessions >= 4 and not measured.null.any():
        step = _about_drift(found, fit)
        products, squares = product_share(found, step, cluster)
        if squares.sum() > 0:
            with np.errstate(invalid="ignore"):
                drawn = resampled(weights, np.stack([products, squares], axis=1))
                return float(products.sum() / squares.sum()), drawn[:, 0] / drawn[:, 1]
    lag = moments.lag[moments.kappa > 0].min()
    part = moments.select((moments.lag == lag) & (moments.kappa > 0))

    def of(fitted: Fit, weight: np.ndarray) -> np.ndarray:
        count = resampled(weight, part.counts)
        noise = part.nu * noise_at(fitted.noise, part.middle)
        return 1 - (count * noise).sum(axis=1) / resampled(weight, part.squares).sum(axis=1)

    return float(of(fit, np.ones((1, weights.shape[1])))[0]), of(draw, weights)


def _about_drift(found: Pairs, fit: Fit) -> Float[np.ndarray, " p"]:
    """Changes less the precision-weighted drift of their group and session."""
    signal = signal_at(np.clip(fit.index, -2, 4), fit.log_signal, found.middle)[0]
    variance = found.kappa * signal + found.nu * noise_at(fit.noise, found.middle)[0]
    precision = 1 / np.maximum(variance, 1e-12)
    total = np.bincount(found.cell, precision)
    mean = np.bincount(found.cell, precision * found.step) / np.maximum(total, 1e-300)
    return found.step - mean[found.cell]


def _over_time(
    measured: Measurements,
    found: Pairs,
    cluster: np.ndarray,
    fit: Fit,
    draw: Fit,
    weights: np.ndarray,
    widen: float,
) -> tuple[Interval, ...]:
    """The index of each step from one session to the next, with the noise curve of all."""
    if measured.sessions < 3 or measured.null.any():
        return ()
    signal = signal_at(np.clip(fit.index, -2, 4), fit.log_signal, found.middle)[0]
    variance = np.maximum(
        found.kappa * signal + found.nu * noise_at(fit.noise, found.middle)[0], 1e-12
    )
    index = float(np.clip(fit.index[0], -2, 4))
    moments = size_resolved(found, variance, index, cluster, by_session=True)
    close, large = _unfit(measured, found.centre, moments.middle, fit)
    steps = []
    for start in range(measured.sessions - 1):
        chosen = (moments.lag == 1) & (moments.start == start) & ~close & ~large
        part = moments.select(chosen)
        if part.counts.sum() < _FEWEST_PAIRS:
            steps.append(Interval(math.nan, math.nan, math.nan))
            continue
        one = np.ones((1, weights.shape[1]))
        value = fit_signal(part, one, fit.noise, fit).index
        drawn = fit_signal(part, weights, draw.noise, draw).index
        steps.append(_interval(float(value[0]), drawn, widen))
    return tuple(steps)


def _widening(number: int) -> float:
    """Student's t over the normal, and the small-sample factor of the bootstrap's variance."""
    if number < 3:
        return math.inf
    return float(student_t.ppf(0.975, number - 1) / _NORMAL_95 * math.sqrt(number / (number - 1)))


def _interval(value: float, drawn: np.ndarray, widen: float) -> Interval:
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
