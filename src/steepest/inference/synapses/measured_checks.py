"""What must hold for an index to mean what it says, where the noise of the measurement is known."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr

from steepest.inference.synapses.ceiling import check_ceiling
from steepest.inference.synapses.checks import check_losses, lazy, two_sided
from steepest.inference.synapses.directed import directed_change
from steepest.inference.synapses.estimation import Estimate
from steepest.inference.synapses.geometries import (
    ALPHA,
    APART,
    LEAST_SHARE,
    MOST_FLIPS,
    PRODUCTS_APART,
    SEARCHED,
)
from steepest.inference.synapses.heterogeneity import FEWEST_IN_GROUP
from steepest.inference.synapses.intervals import Contrast, Interval
from steepest.inference.synapses.measured_rules import mixed
from steepest.inference.synapses.measurements import Measurements
from steepest.inference.synapses.outlying import MOST_OUTLYING
from steepest.inference.synapses.settle import about_drift, expected_variance
from steepest.inference.synapses.signal import noise_at, signal_at
from steepest.inference.synapses.turnover import check_losses_by_size
from steepest.inference.synapses.units import check_units
from steepest.inference.synapses.verdict import Check

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CHECKS", "check_losses_seen", "checks_of", "index_with_background", "reversion"]

_FEW_OUTLYING = 0.005  # of replicates; 4 robust sd leave out a few of any Gaussian's
_BACKGROUND = 0.05  # of the median size


def checks_of(estimate: Estimate) -> dict[str, Check]:
    """Every check that these measurements allow, by name."""
    made = {name: check(estimate) for name, check in CHECKS.items()}

    def picture(name: str) -> "Callable[[], Figure]":
        def draw() -> "Figure":
            from steepest.inference.synapses.check_pictures import draw_check

            return draw_check(name, estimate, made[name])

        return draw

    return {
        name: replace(check, picture=picture(name))
        for name, check in made.items()
        if check is not None
    }


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


def index_with_background(estimate: Estimate) -> tuple[float, float]:
    """The index if the background were 5 % of the median size higher, and lower.

    The noise-free variance of log size scales with (w / (w - b))^2 when b is taken off the size, so
    the local slope moves; found by refitting S at the shifted sizes.
    """
    middle = estimate.moments.middle
    learned = estimate.moments.kappa > 0
    weight = estimate.moments.counts.sum(axis=0)[learned]
    size = np.exp(middle[learned])
    index, signal = estimate.fit.index, estimate.fit.log_signal
    log_signal = np.log(signal_at(np.clip(index, *SEARCHED), signal, middle[learned])[0])
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


def check_losses_seen(estimate: Estimate) -> Check:
    """Synapses lost from one session to the next, against those that change would carry below.

    A loss that change does not predict is a process of its own: then the censored likelihood,
    which counts every loss as a change of size, is not to be used.
    """
    measured = estimate.measured
    limit = measured.detection_limit
    assert limit is not None
    logs = measured.log_sizes[~measured.null]
    here, there = logs[:, :-1], logs[:, 1:]
    alive = np.isfinite(here) & ~measured.not_measured[~measured.null][:, 1:]
    sizes = here[alive]
    lost = int((~np.isfinite(there)[alive]).sum())
    middle = sizes - estimate.centre
    variance = signal_at(estimate.fit.index, estimate.fit.log_signal, middle)[0]
    variance = variance + 2 * noise_at(estimate.fit.noise, middle)[0]
    chance = ndtr((math.log(limit) - sizes) / np.sqrt(variance))
    return check_losses(lost, float(chance.sum()), float((chance * (1 - chance)).sum()))


def _losses(estimate: Estimate) -> Check | None:
    if estimate.measured.detection_limit is None or not math.isfinite(estimate.index.value):
        return None
    return check_losses_seen(estimate)


def _outliers(estimate: Estimate) -> Check:
    """Share of measurements that are outlying beyond what change makes, and what became of them."""
    outliers = estimate.outliers
    number = len(outliers.listed)
    if outliers.kept:
        return Check(math.nan, None, None, "outlying measurements were not looked for, as asked")
    if not outliers.searched:
        said = "one measurement before and one after cannot tell an error from a change"
        return Check(math.nan, None, None, f"{said}: look at the largest changes yourself")
    said = f"{number} of {outliers.measurements} measurements are outlying, and left out"
    share = outliers.share
    if estimate.source == "sessions":
        said += f"; {share:.1%} of those inside the series, beyond what change makes"
        return Check(
            share, None, False if share > MOST_OUTLYING else None if outliers.gate else True, said
        )
    return Check(share, None, True if share < _FEW_OUTLYING else None, said)


def _share(estimate: Estimate) -> Check:
    share = estimate.share
    return Check(
        share.value,
        None,
        bool(share.low >= LEAST_SHARE),
        f"{share.value:.0%} of the variance of change is signal (95 % {share.low:.0%} to"
        f" {share.high:.0%})",
    )


def _lazy(estimate: Estimate) -> Check:
    index = estimate.index.value
    q = abs(index) / 2 * estimate.signal.value if math.isfinite(index) else math.nan
    return lazy(q)


def _flips(estimate: Estimate) -> Check:
    """Share of synapses that the noise-free change of a session would carry across zero."""
    index = estimate.index.value
    share = 0.0
    if index < 1 and math.isfinite(index):
        learned = estimate.moments.kappa > 0
        middle = estimate.moments.middle[learned]
        weight = estimate.moments.counts.sum(axis=0)[learned]
        sd = np.sqrt(signal_at(estimate.fit.index, estimate.fit.log_signal, middle)[0])
        share = float(np.average(ndtr(-1 / ((1 - index) * sd)), weights=weight))
    said = f"{share:.1%} of synapses expected to cross zero in a session"
    return Check(share, None, share < MOST_FLIPS, said)


def _halves(estimate: Estimate) -> Check:
    small, large = estimate.small, estimate.large
    said = f"index {small.value:.2f} in small synapses, {large.value:.2f} in large ones"
    return _contrasted(estimate.halves_apart, said)


def _lags(estimate: Estimate) -> Check | None:
    if estimate.lags_apart is None:
        return None
    words = ", ".join(f"{lag}: {at.value:.2f}" for lag, at in sorted(estimate.by_lag.items()))
    return _contrasted(estimate.lags_apart, f"index by lag {words}")


def _groups(estimate: Estimate) -> Check | None:
    if estimate.measured.groups is None or estimate.measured.null.any():
        return None
    groups = estimate.groups
    if groups is None:
        said = f"fewer than two groups have the {FEWEST_IN_GROUP} synapses that comparing takes"
        return Check(math.nan, None, None, said)
    said = f"between {len(groups.names)} groups the index varies with sd {groups.tau:.2f}"
    if groups.small:
        said += f"; {groups.small} have fewer than {FEWEST_IN_GROUP} synapses and were not compared"
    return Check(groups.statistic, groups.p_value, groups.p_value >= ALPHA, said)


def _directed(estimate: Estimate) -> Check | None:
    directed = directed_change(estimate)
    if directed is None:
        return None
    slope = directed.slope if directed.net is None else directed.net
    return Check(slope.value, None, None if directed.clear else True, directed.sentence)


def _products(estimate: Estimate) -> Check | None:
    apart = estimate.products_apart
    if apart is None:
        return None
    said = (
        f"index {estimate.by_products.value:.2f} from changes that share no measurement,"
        f" {estimate.index.value:.2f} from all"
    )
    if math.isnan(apart.p_value):
        return Check(math.nan, None, None, f"{said}: too few data to compare")
    fails = apart.p_value < ALPHA and abs(apart.value) > PRODUCTS_APART
    return Check(apart.z, apart.p_value, not fails, said)


def _curvature(estimate: Estimate) -> Check:
    bend = estimate.bend
    z = bend.value / _error(bend)
    return _apart(z, f"curvature of log sd on log size {bend.value:.2f}, 0 for one power of size")


def _mixture(estimate: Estimate) -> Check:
    """Caution only where a mixture is no worse, and is one: neither part is next to nothing."""
    wins, share = estimate.power_wins, estimate.additive_share
    said = (
        f"one power of size beats additive plus multiplicative change in {wins:.1%} of resamples;"
        f" the best mixture is {share.value:.0%} additive"
        f" (95 % {share.low:.0%} to {share.high:.0%})"
    )
    return Check(wins, None, None if mixed(estimate) else True, said)


def _background(estimate: Estimate) -> Check:
    if not math.isfinite(estimate.index.value):
        return Check(math.nan, None, None, "no index to shift")
    high, low = index_with_background(estimate)
    shift = max(abs(high - estimate.index.value), abs(low - estimate.index.value))
    return Check(
        shift,
        None,
        True if shift < 0.1 else None,
        f"a background wrong by {_BACKGROUND:.0%} of the median size makes the index"
        f" {high:.2f} or {low:.2f}",
    )


def _reversion(estimate: Estimate) -> Check | None:
    measured = estimate.measured
    if measured.sessions < 3 or measured.null.any():
        return None
    (naive, _), (slope, error) = reversion(measured)
    if not error > 0:
        return Check(slope, None, None, "too few synapses in three sessions running")
    p_value = two_sided(slope / error)
    said = f"slope of change on size {slope:.3f} per session (naive {naive:.3f})"
    if p_value >= ALPHA:
        return Check(slope, p_value, True, said)
    return Check(slope, p_value, None, f"{said}: sizes return to a set point")


def _tails(estimate: Estimate) -> Check:
    """Share of the shortest changes beyond 3 standard deviations; .27 % in a Gaussian."""
    learned = estimate.changes.lag * (estimate.changes.kappa > 0)
    rows = learned == learned[learned > 0].min()
    step = about_drift(estimate.changes, estimate.fit)[rows]
    variance = expected_variance(estimate.changes, estimate.fit)[rows]
    share = float(np.mean(np.abs(step) > 3 * np.sqrt(variance)))
    return Check(
        share,
        None,
        True if share < 0.02 else None,
        f"{share:.1%} of changes lie beyond 3 standard deviations (Gaussian: 0.3 %)",
    )


def _contrasted(contrast: Contrast, said: str) -> Check:
    if math.isnan(contrast.p_value):
        return Check(math.nan, None, None, f"{said}: too few data to compare")
    return Check(contrast.z, contrast.p_value, contrast.p_value >= APART, said)


def _apart(z: float, said: str) -> Check:
    if not math.isfinite(z):
        return Check(math.nan, None, None, f"{said}: too few data to compare")
    p_value = two_sided(z)
    return Check(z, p_value, p_value >= ALPHA, said)


def _error(estimate: Interval) -> float:
    return (estimate.high - estimate.low) / 3.92


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


def _units(estimate: Estimate) -> Check | None:
    return None if estimate.jump is None else check_units(estimate.jump, grouped=estimate.grouped)


CHECKS: dict[str, Callable[[Estimate], Check | None]] = {
    "signal_share": _share,
    "lazy": _lazy,
    "sign_flips": _flips,
    "size_halves": _halves,
    "curvature": _curvature,
    "mixture": _mixture,
    "background": _background,
    "heavy_tails": _tails,
    "units": _units,
    "lag_stability": _lags,
    "groups": _groups,
    "products": _products,
    "outliers": _outliers,
    "reversion": _reversion,
    "directed": _directed,
    "losses": _losses,
    "losses_by_size": check_losses_by_size,
    "ceiling": check_ceiling,
}
"""Every check by name, in the order in which they are told; None where one cannot be made."""
