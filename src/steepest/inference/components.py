"""Signal and noise told apart: the noise curve, and the geometry index free of noise.

The variance of a change is kappa S(m) + nu N(m) with S = s^2 e^(2(a-1)m) and the noise of one
measurement N = multiplicative + shot e^-m + additive e^-2m (variance of log size; sizes in units
of e^centre). Sessions tell the two by how variance grows with lag, replicates and a null by rows
that hold noise alone. All resamples are fitted at once.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from steepest.inference.dual import SEARCHED
from steepest.inference.moments import Moments

__all__ = [
    "Fit",
    "SignalFit",
    "fit_mixture",
    "fit_noise_and_index",
    "fit_signal",
    "noise_at",
    "resampled",
    "shown_signal",
    "signal_at",
]

Model = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, list[np.ndarray]]]

_STEPS = 100
_SMALLEST = 1e-4  # of log-likelihood
_DEEP = 30.0  # bound of a log variance


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


def noise_at(noise: Float[np.ndarray, "b 3"], middle: Float[np.ndarray, " j"]) -> np.ndarray:
    """Variance of the noise of one measurement at centred log sizes, one row per resample."""
    powers = np.exp(-np.arange(3)[:, None] * middle)
    return np.einsum("bk,kj->bj", noise**2, powers)


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


def shown_signal(
    variance: Float[np.ndarray, "b j"], index: Float[np.ndarray, "b #j"], spread: float
) -> Float[np.ndarray, "b j"]:
    """What a dual change of small-change variance X shows as variance of log size at its midpoint.

    X / (1 + c X), c = (1-a)^2 / 2 + 1 / (4 spread^2): to second order, the dual is curved over a
    large change, and a large change from a rare size is rarer than one from a common size (sizes
    log-normal with standard deviation `spread` of the log).
    """
    return variance / (1 + ((1 - index) ** 2 / 2 + 0.25 / spread**2) * variance)


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
    squares, counts = resampled(weights, moments.squares), resampled(weights, moments.counts)
    box = np.empty((2, len(weights), 5))
    box[:, :, 0] = np.array(SEARCHED)[:, None] if index is None else index
    box[:, :, 1] = np.array([-_DEEP, _DEEP])[:, None]
    box[:, :, 2:] = np.array([0.0, math.inf])[:, None, None] if stated is None else stated**2
    if start is None:
        scale = squares.sum(axis=1) / counts.sum(axis=1)
        fits = []
        for guess in (0.0, 1.0):
            first = np.empty((len(weights), 5))
            first[:, 0] = guess
            first[:, 1] = np.log(scale / 2)
            first[:, 2:] = scale[:, None] / 8
            fits.append(_climb(squares, counts, moments, first, box))
        best = np.argmin([fit[1] for fit in fits], axis=0)
        values = np.choose(best[:, None], [fit[0] for fit in fits])
        cost = np.choose(best, [fit[1] for fit in fits])
    else:
        first = np.column_stack([_inside(start.index), start.log_signal, start.noise**2])
        first = np.broadcast_to(first, (len(weights), 5)).copy()
        values, cost = _climb(squares, counts, moments, first, box)
    found = values[:, 0] if index is not None else _ended(values[:, 0])
    return Fit(found, values[:, 1], np.sqrt(values[:, 2:]), -cost)


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
    squares, counts = resampled(weights, moments.squares), resampled(weights, moments.counts)
    fixed = moments.nu * noise_at(noise, moments.middle)
    first = np.column_stack([_inside(start.index), start.log_signal, np.zeros(len(start.index))])
    first = np.broadcast_to(first, (len(weights), 3)).copy()

    def model(values: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        bend = moments.middle**2 if curved else np.zeros_like(moments.middle)
        log_signal = (
            values[:, 1:2] + 2 * (values[:, :1] - 1) * moments.middle + 2 * values[:, 2:] * bend
        )
        signal, by_log, by_index = _shown(moments, log_signal, values[:, :1])
        slopes = [2 * moments.middle * by_log + by_index, by_log]
        return signal + fixed[rows], [*slopes, 2 * bend * by_log]

    bent = math.inf if curved else 0.0
    box = np.array([[SEARCHED[0], -_DEEP, -bent], [SEARCHED[1], _DEEP, bent]])
    values, cost = _minimise(squares, counts, model, first, box)
    return SignalFit(_ended(values[:, 0]), values[:, 1], values[:, 2], -cost)


def fit_mixture(
    moments: Moments, weights: Float[np.ndarray, "b c"], noise: Float[np.ndarray, "b 3"], start: Fit
) -> Float[np.ndarray, " b"]:
    """Log-likelihood of additive plus multiplicative change, S = A e^-2m + M, noise held fixed."""
    squares, counts = resampled(weights, moments.squares), resampled(weights, moments.counts)
    fixed = moments.nu * noise_at(noise, moments.middle)
    half = np.exp(start.log_signal) / 2
    first = np.broadcast_to(np.column_stack([half, half]), (len(weights), 2)).copy()
    small = np.exp(-2 * moments.middle)

    def model(values: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        additive, rest = values[:, :1] * small, values[:, 1:]
        total = np.maximum(additive + rest, 1e-300)
        # The dual's curvature is that of the additive share.
        shown = shown_signal(moments.kappa * total, rest / total, moments.spread)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(moments.kappa > 0, shown / (moments.kappa * total), 0.0) ** 2
        by_total = moments.kappa * ratio
        return shown + fixed[rows], [small * by_total, by_total]

    box = np.array([[0.0, 0.0], [math.inf, math.inf]])
    return -_minimise(squares, counts, model, first, box)[1]


def _climb(
    squares: np.ndarray, counts: np.ndarray, moments: Moments, first: np.ndarray, box: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    powers = moments.nu * np.exp(-np.arange(3)[:, None] * moments.middle)

    def model(values: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        exponent = values[:, 1:2] + 2 * (values[:, :1] - 1) * moments.middle
        signal, by_log, by_index = _shown(moments, exponent, values[:, :1])
        noise = np.einsum("bk,kj->bj", values[:, 2:], powers)
        slopes = [2 * moments.middle * by_log + by_index, by_log]
        slopes += [np.broadcast_to(power, signal.shape) for power in powers]
        return signal + noise, slopes

    return _minimise(squares, counts, model, first, box)


def _shown(
    moments: Moments, log_signal: np.ndarray, index: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The signal that shows, and its slopes in log signal and in the index (at fixed signal)."""
    variance = moments.kappa * np.exp(np.clip(log_signal, -2 * _DEEP, 2 * _DEEP))
    shown = shown_signal(variance, index, moments.spread)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(variance > 0, shown / variance, 1.0)
    return shown, shown * ratio, shown**2 * (1 - index)


def _minimise(
    squares: np.ndarray, counts: np.ndarray, model: Model, first: np.ndarray, box: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fisher scoring with Levenberg's damping inside a box, every row its own, until all settle."""
    low, high = (np.broadcast_to(wall, first.shape) for wall in box)
    values, active = np.clip(first, low, high), np.arange(len(first))
    damping = np.full(len(first), 1e-3)

    def cost_of(variance: np.ndarray, rows: np.ndarray) -> np.ndarray:
        variance = np.maximum(variance, 1e-300)
        return 0.5 * (counts[rows] * np.log(variance) + squares[rows] / variance).sum(axis=1)

    cost = cost_of(model(values, active)[0], active)
    free = np.arange(first.shape[1])
    for _ in range(_STEPS):
        here, n = values[active], counts[active]
        variance, slopes = model(here, active)
        variance = np.maximum(variance, 1e-300)
        jacobian = np.stack(slopes, axis=1) / variance[:, None, :]
        misfit = 0.5 * (n - squares[active] / variance)
        gradient = np.einsum("bpj,bj->bp", jacobian, misfit)
        information = np.einsum("bpj,bqj->bpq", jacobian * (0.5 * n)[:, None, :], jacobian)
        # A value at the box's wall that wants to leave it stays.
        held = (here <= low[active]) & (gradient > 0)
        held |= (here >= high[active]) & (gradient < 0)
        gradient[held] = 0.0
        information[held[:, :, None] | held[:, None, :]] = 0.0
        diagonal = np.einsum("bpp->bp", information)
        information[:, free, free] += damping[active, None] * diagonal + (diagonal < 1e-12)
        step = -np.linalg.solve(information, gradient[..., None])[..., 0]
        step[:, :2] = np.clip(step[:, :2], -1.0, 1.0)
        trial = np.clip(here + step, low[active], high[active])
        fresh = cost_of(model(trial, active)[0], active)
        gain = cost[active] - fresh
        better = gain >= 0
        taken = active[better]
        values[taken], cost[taken] = trial[better], fresh[better]
        settled = better & (gain < _SMALLEST) & (damping[active] <= 1e-3)
        settled |= damping[active] > 1e8
        damping[active] = np.where(better, damping[active] / 10, damping[active] * 10)
        active = active[~settled]
        if not active.size:
            break
    return values, cost


def _inside(index: Float[np.ndarray, " b"]) -> Float[np.ndarray, " b"]:
    return np.clip(index, SEARCHED[0] + 0.5, SEARCHED[1] - 0.5)


def _ended(index: Float[np.ndarray, " b"]) -> Float[np.ndarray, " b"]:
    low, high = SEARCHED
    return np.where(index <= low + 1e-6, -np.inf, np.where(index >= high - 1e-6, np.inf, index))
