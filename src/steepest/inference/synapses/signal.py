"""Signal and noise told apart: the noise curve, and the geometry index free of noise.

The variance of a change is kappa S(m) + nu N(m) with S = s^2 e^(2(a-1)m) and the noise of one
measurement N = multiplicative + shot e^-m + additive e^-2m (variance of log size; sizes in units
of e^centre). Sessions tell the two by how variance grows with lag, replicates and a null by rows
that hold noise alone. All resamples are fitted at once.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from steepest.inference.synapses._scoring import DEEP, score_rows
from steepest.inference.synapses.changes import Moments
from steepest.inference.synapses.geometries import SEARCHED, inside

__all__ = [
    "Fit",
    "MixtureFit",
    "SignalFit",
    "fit_mixture",
    "fit_noise_and_index",
    "fit_signal",
    "noise_at",
    "resampled",
    "shown_signal",
    "signal_at",
    "signal_bend",
]


# Indices from which a fit is begun: the likelihood has several tops.
_GUESSES = (-1.0, 0.0, 1.0, 2.0)


@dataclass(frozen=True, eq=False)
class Fit:
    """Index, signal and noise curve of every resample (leading axis b), and the likelihood.

    `index` is -inf or inf where it ran to the edge of the searched range. `noise` are the standard
    deviations (multiplicative, shot, additive) at the central size.
    """

    index: Float[np.ndarray, " b"]
    log_signal: Float[np.ndarray, " b"]
    noise: Float[np.ndarray, "b 3"]
    log_likelihood: Float[np.ndarray, " b"]


@dataclass(frozen=True, eq=False)
class SignalFit:
    """The signal of every resample: log variance = log_signal + 2(a-1)m + 2 bend m^2."""

    index: Float[np.ndarray, " b"]
    log_signal: Float[np.ndarray, " b"]
    bend: Float[np.ndarray, " b"]
    log_likelihood: Float[np.ndarray, " b"]


@dataclass(frozen=True, eq=False)
class MixtureFit:
    """Additive plus multiplicative change in every resample: the additive share at m = 0."""

    additive_share: Float[np.ndarray, " b"]
    log_likelihood: Float[np.ndarray, " b"]


def noise_at(noise: Float[np.ndarray, "b 3"], middle: Float[np.ndarray, " j"]) -> np.ndarray:
    """Variance of the noise of one measurement at centred log sizes, one row per resample."""
    inverse = np.exp(-middle)
    flat, falling, steep = (part[:, None] for part in np.square(noise).T)
    return flat + inverse * (falling + steep * inverse)


def signal_at(
    index: Float[np.ndarray, " b"],
    log_signal: Float[np.ndarray, " b"],
    middle: Float[np.ndarray, " j"],
) -> np.ndarray:
    """Variance that one unit of time adds at centred log sizes, one row per resample."""
    return np.exp(log_signal[:, None] + 2 * (index[:, None] - 1) * middle)


def resampled(
    weights: Float[np.ndarray, "b c"], sums: Float[np.ndarray, "c j"]
) -> Float[np.ndarray, "b j"]:
    """Sums over clusters with the multiplicities of each resample.

    Not a matrix product: BLAS would start threads of its own, which on a busy machine crawl.
    """
    return np.einsum("bc,cj->bj", weights, sums)


def signal_bend(index: Float[np.ndarray, "..."] | float, spread: float) -> Float[np.ndarray, "..."]:
    """The c of `shown_signal`: by how much a large change shows less than a small one."""
    return np.asarray((1 - index) ** 2 / 2 + 0.25 / spread**2)


def shown_signal(
    variance: Float[np.ndarray, "b j"], index: Float[np.ndarray, "b #j"], spread: float
) -> Float[np.ndarray, "b j"]:
    """What a dual change of small-change variance X shows as variance of log size at its midpoint.

    X / (1 + c X), c = (1-a)^2 / 2 + 1 / (4 spread^2): to second order, the dual is curved over a
    large change, and a large change from a rare size is rarer than one from a common size (sizes
    log-normal with standard deviation `spread` of the log).
    """
    return variance / (1 + signal_bend(index, spread) * variance)


def fit_noise_and_index(
    moments: Moments,
    weights: Float[np.ndarray, "b c"],
    start: Fit | None = None,
    *,
    stated: Float[np.ndarray, " 3"] | None = None,
    index: Float[np.ndarray, " b"] | None = None,
) -> Fit:
    """Index, signal and noise curve together, for every row of cluster weights.

    A `stated` noise (standard deviations, as in `Fit`) is not fitted but taken; so is an `index`.

    Gaussian likelihood of the squared changes, class by class; only their variances are used, so
    other distributions of change cost precision, not correctness. Without `start`, several
    indices are tried and the likeliest kept.
    """
    sums = _Sums.of(moments, weights)
    box = _box(len(weights))
    if index is not None:
        box[:, :, 0] = index
    if stated is not None:
        box[:, :, 2:5] = stated**2
    first = np.zeros((len(weights), 6))
    if start is None:
        with np.errstate(invalid="ignore"):  # a draw may hold no change: it has no fit
            scale = sums.squares.sum(axis=1) / sums.counts.sum(axis=1)
        first[:, 1] = np.log(scale / 2)
        first[:, 2:5] = scale[:, None] / 8
        fits = [_climb(sums, first + np.eye(1, 6) * guess, box) for guess in _GUESSES]
        best = np.argmin([fit[1] for fit in fits], axis=0)
        values = np.choose(best[:, None], [fit[0] for fit in fits])
        cost = np.choose(best, [fit[1] for fit in fits])
    else:
        first[:, 0], first[:, 1] = inside(start.index), start.log_signal
        first[:, 2:5] = start.noise**2
        values, cost = _climb(sums, first, box)
    found = values[:, 0] if index is not None else _ended(values[:, 0])
    return Fit(found, values[:, 1], np.sqrt(values[:, 2:5]), -cost)


def fit_signal(
    moments: Moments,
    weights: Float[np.ndarray, "b c"],
    noise: Float[np.ndarray, "b 3"],
    start: Fit,
    *,
    curved: bool = False,
) -> SignalFit:
    """The signal alone, the noise curve held fixed.

    With `curved` the log of the signal's standard deviation may bend with log size by a quadratic
    term, which is 0 otherwise.
    """
    box = _box(len(weights))
    box[:, :, 2:5] = noise**2
    if curved:
        box[:, :, 5] = np.array([-math.inf, math.inf])[:, None]
    first = np.zeros((len(weights), 6))
    first[:, 0], first[:, 1] = inside(start.index), start.log_signal
    values, cost = _climb(_Sums.of(moments, weights), first, box)
    return SignalFit(_ended(values[:, 0]), values[:, 1], values[:, 5], -cost)


def fit_mixture(
    moments: Moments,
    weights: Float[np.ndarray, "b c"],
    start: Fit,
    *,
    stated: Float[np.ndarray, " 3"] | None = None,
) -> MixtureFit:
    """Additive plus multiplicative change, S = A e^-2m + M, and the noise curve that goes with it.

    The noise is fitted anew (unless `stated`): under the curve of one power of size, noise has
    taken for its own what the two kinds of change differ by.
    """
    box = np.zeros((2, len(weights), 6))
    box[1, :, :5] = math.inf
    if stated is not None:
        box[:, :, 2:5] = stated**2
    first = np.zeros((len(weights), 6))
    first[:, :2] = np.exp(start.log_signal)[:, None] / 2
    first[:, 2:5] = start.noise**2
    values, cost = _climb(_Sums.of(moments, weights), first, box, power=False)
    whole = values[:, 0] + values[:, 1]
    share = np.where(whole > 0, values[:, 0] / np.where(whole > 0, whole, 1.0), np.nan)
    return MixtureFit(share, -cost)


@dataclass(frozen=True, eq=False)
class _Sums:
    """Squared changes and counts of every resample, and the moments that they are of."""

    squares: Float[np.ndarray, "b j"]
    counts: Float[np.ndarray, "b j"]
    moments: Moments

    @classmethod
    def of(cls, moments: Moments, weights: Float[np.ndarray, "b c"]) -> "_Sums":
        return cls(resampled(weights, moments.squares), resampled(weights, moments.counts), moments)


def _box(rows: int) -> Float[np.ndarray, "2 b 6"]:
    """Walls of (index, log signal, noise variances, bend); no bend."""
    walls = np.array([[SEARCHED[0], -DEEP, 0, 0, 0, 0], [SEARCHED[1], DEEP, *[math.inf] * 3, 0]])
    return np.repeat(walls[:, None], rows, axis=1)


def _climb(
    sums: _Sums,
    first: Float[np.ndarray, "b 6"],
    box: Float[np.ndarray, "2 b 6"],
    *,
    power: bool = True,
) -> tuple[Float[np.ndarray, "b 6"], Float[np.ndarray, " b"]]:
    values, cost = first.copy(), np.empty(len(first))
    of = sums.moments
    score_rows(
        sums.squares, sums.counts, of.middle, of.width, of.kappa, of.nu, of.spread, power, values,
        *box, cost,
    )  # fmt: skip
    return values, cost


def _ended(index: Float[np.ndarray, " b"]) -> Float[np.ndarray, " b"]:
    low, high = SEARCHED
    return np.where(index <= low + 1e-6, -np.inf, np.where(index >= high - 1e-6, np.inf, index))
