"""What must hold for an index to mean what it says, where the noise of the measurement is known."""

import math

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr
from scipy.stats import norm

from steepest.inference.synapses.checks import check_losses
from steepest.inference.synapses.estimation import Estimate, Interval
from steepest.inference.synapses.measurements import Measurements
from steepest.inference.synapses.settle import about_drift, expected_variance
from steepest.inference.synapses.signal import noise_at, signal_at
from steepest.inference.synapses.units import check_units
from steepest.inference.synapses.verdict import Check

__all__ = ["check_losses_seen", "checks_of", "index_with_background", "reversion"]

_ALPHA = 0.01
_SHARE = 0.25
_FLIPS = 0.05
_BACKGROUND = 0.05  # of the median size


def checks_of(measured: Measurements, found: Estimate) -> dict[str, Check]:
    """Every check that these measurements allow, by name."""
    checks = {
        "signal_share": _share(found),
        "lazy": _lazy(found),
        "sign_flips": _flips(found),
        "size_halves": _halves(found),
        "curvature": _curvature(found),
        "mixture": _mixture(found),
        "background": _background(measured, found),
        "heavy_tails": _tails(found),
    }
    if found.jump is not None:
        checks["units"] = check_units(found.jump, grouped=found.grouped)
    if len(found.by_lag) > 1:
        checks["lag_stability"] = _lags(found)
    if measured.sessions >= 3 and not measured.null.any():
        checks["reversion"] = _reversion(measured)
    if measured.detection_limit is not None and math.isfinite(found.index.value):
        checks["losses"] = check_losses_seen(measured, found)
    return checks


def reversion(
    measured: Measurements,
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Slope of change on log size, and its standard error: naive, and with an instrument.

    Noise in the size makes large sizes shrink (regression to the mean). Instrumented by the size
    one session earlier, whose noise is another, the slope is that of the synapses. Standard errors
    by synapse.
    """
    logs = measured.log_sizes
    before, now, after = logs[:, :-2], logs[:, 1:-1], logs[:, 2:]
    there = np.isfinite(before) & np.isfinite(now) & np.isfinite(after)
    row = np.nonzero(there)[0]
    groups = np.zeros(len(logs), dtype=np.int64) if measured.groups is None else measured.groups
    session = np.nonzero(there)[1]
    cell = groups[row] * logs.shape[1] + session
    instrument, size, change = (
        _about(values[there], cell) for values in (before, now, after - now)
    )
    return (
        _iv(size, size, change, row),
        _iv(instrument, size, change, row),
    )


def index_with_background(measured: Measurements, found: Estimate) -> tuple[float, float]:
    """The index if the background were 5 % of the median size higher, and lower.

    The noise-free variance of log size scales with (w / (w - b))^2 when b is taken off the size, so
    the local slope moves; found by refitting S at the shifted sizes.
    """
    middle = found.moments.middle
    learned = found.moments.kappa > 0
    weight = found.moments.counts.sum(axis=0)[learned]
    size = np.exp(middle[learned])
    index, signal = found.fit.index, found.fit.log_signal
    log_signal = np.log(signal_at(np.clip(index, -4, 6), signal, middle[learned])[0])
    moved = []
    for offset in (_BACKGROUND, -_BACKGROUND):
        rest = size - offset
        fine = rest > _BACKGROUND
        shifted = np.log(rest[fine])
        spread = log_signal[fine] + 2 * (np.log(size[fine]) - shifted)
        centred = shifted - np.average(shifted, weights=weight[fine])
        slope = np.sum(weight[fine] * centred * spread) / np.sum(weight[fine] * centred**2)
        moved.append(1 + float(slope) / 2)
    return moved[0], moved[1]


def check_losses_seen(measured: Measurements, found: Estimate) -> Check:
    """Synapses lost from one session to the next, against those that change would carry below.

    A loss that change does not predict is a process of its own: then the censored likelihood,
    which counts every loss as a change of size, is not to be used.
    """
    limit = measured.detection_limit
    assert limit is not None
    logs = measured.log_sizes[~measured.null]
    here, there = logs[:, :-1], logs[:, 1:]
    alive = np.isfinite(here)
    sizes = here[alive]
    lost = int((~np.isfinite(there)[alive]).sum())
    middle = sizes - found.centre
    variance = signal_at(found.fit.index, found.fit.log_signal, middle)[0]
    variance = variance + 2 * noise_at(found.fit.noise, middle)[0]
    chance = ndtr((math.log(limit) - sizes) / np.sqrt(variance))
    return check_losses(lost, float(chance.sum()), float((chance * (1 - chance)).sum()))


def _share(found: Estimate) -> Check:
    share = found.share
    return Check(
        share.value,
        None,
        bool(share.low >= _SHARE),
        f"{share.value:.0%} of the variance of change is signal (95 % {share.low:.0%} to"
        f" {share.high:.0%})",
    )


def _lazy(found: Estimate) -> Check:
    index = found.index.value
    q = abs(index) / 2 * found.signal.value if math.isfinite(index) else math.nan
    state = True if q < 0.1 else (None if q <= 0.5 else False)
    words = {
        True: "changes are small against the sizes",
        None: "changes are not small, read with caution",
        False: "changes are too large to call the regime lazy",
    }
    return Check(q, None, state if not math.isnan(q) else None, f"q = {q:.2f}: {words[state]}")


def _flips(found: Estimate) -> Check:
    """Share of synapses that the noise-free change of a session would carry across zero."""
    index = found.index.value
    share = 0.0
    if index < 1 and math.isfinite(index):
        learned = found.moments.kappa > 0
        middle = found.moments.middle[learned]
        weight = found.moments.counts.sum(axis=0)[learned]
        sd = np.sqrt(signal_at(found.fit.index, found.fit.log_signal, middle)[0])
        share = float(np.average(ndtr(-1 / ((1 - index) * sd)), weights=weight))
    said = f"{share:.1%} of synapses expected to cross zero in a session"
    return Check(share, None, share < _FLIPS, said)


def _halves(found: Estimate) -> Check:
    small, large = found.small, found.large
    z = (large.value - small.value) / math.hypot(_error(small), _error(large))
    return _apart(z, f"index {small.value:.2f} in small synapses, {large.value:.2f} in large ones")


def _lags(found: Estimate) -> Check:
    first, last = found.by_lag[min(found.by_lag)], found.by_lag[max(found.by_lag)]
    z = (last.value - first.value) / math.hypot(_error(first), _error(last))
    words = ", ".join(f"{lag}: {at.value:.2f}" for lag, at in sorted(found.by_lag.items()))
    return _apart(z, f"index by lag {words}")


def _curvature(found: Estimate) -> Check:
    bend = found.bend
    z = bend.value / _error(bend)
    return _apart(z, f"curvature of log sd on log size {bend.value:.2f}, 0 for one power of size")


def _mixture(found: Estimate) -> Check:
    wins = found.power_wins
    state = True if wins >= 0.975 else (False if wins <= 0.025 else None)
    return Check(
        wins,
        None,
        state,
        f"one power of size beats additive plus multiplicative change in {wins:.1%} of resamples",
    )


def _background(measured: Measurements, found: Estimate) -> Check:
    if not math.isfinite(found.index.value):
        return Check(math.nan, None, None, "no index to shift")
    high, low = index_with_background(measured, found)
    shift = max(abs(high - found.index.value), abs(low - found.index.value))
    return Check(
        shift,
        None,
        True if shift < 0.1 else None,
        f"a background wrong by {_BACKGROUND:.0%} of the median size makes the index"
        f" {high:.2f} or {low:.2f}",
    )


def _reversion(measured: Measurements) -> Check:
    (naive, _), (slope, error) = reversion(measured)
    if not error > 0:
        return Check(slope, None, None, "too few synapses in three sessions running")
    p_value = float(2 * norm.sf(abs(slope / error)))
    said = f"slope of change on size {slope:.3f} per session (naive {naive:.3f})"
    if p_value >= _ALPHA:
        return Check(slope, p_value, True, said)
    return Check(slope, p_value, None, f"{said}: sizes return to a set point")


def _tails(found: Estimate) -> Check:
    """Share of the shortest changes beyond 3 standard deviations; .27 % in a Gaussian."""
    learned = found.changes.lag * (found.changes.kappa > 0)
    rows = learned == learned[learned > 0].min()
    step = about_drift(found.changes, found.fit)[rows]
    variance = expected_variance(found.changes, found.fit)[rows]
    share = float(np.mean(np.abs(step) > 3 * np.sqrt(variance)))
    return Check(
        share,
        None,
        True if share < 0.02 else None,
        f"{share:.1%} of changes lie beyond 3 standard deviations (Gaussian: 0.3 %)",
    )


def _apart(z: float, said: str) -> Check:
    if not math.isfinite(z):
        return Check(math.nan, None, None, f"{said}: too few data to compare")
    p_value = float(2 * norm.sf(abs(z)))
    return Check(z, p_value, p_value >= _ALPHA, said)


def _error(found: Interval) -> float:
    return (found.high - found.low) / 3.92


def _about(values: Float[np.ndarray, " p"], cell: np.ndarray) -> Float[np.ndarray, " p"]:
    return values - (np.bincount(cell, values) / np.maximum(np.bincount(cell), 1))[cell]


def _iv(
    instrument: np.ndarray, size: np.ndarray, change: np.ndarray, row: np.ndarray
) -> tuple[float, float]:
    moment = float(np.sum(instrument * size)) if size.size else 0.0
    if moment == 0:
        return math.nan, math.nan
    slope = float(np.sum(instrument * change)) / moment
    score = np.bincount(row, instrument * (change - slope * size))
    return slope, math.sqrt(float(np.sum(score**2))) / abs(moment)
