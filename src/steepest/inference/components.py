"""Signal and noise told apart: the noise curve, and the geometry index free of noise.

The variance of a change is kappa S(m) + nu N(m) with S = s^2 e^(2(a-1)m) and the noise of one
measurement N = multiplicative + shot e^-m + additive e^-2m (variance of log size; sizes in units
of e^centre). Sessions tell the two by how variance grows with lag, replicates and a null by rows
that hold noise alone. All resamples are fitted at once.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from steepest.inference.dual import SEARCHED
from steepest.inference.moments import Moments

__all__ = ["Fit", "fit_mixture", "fit_noise_and_index", "fit_signal", "noise_at", "signal_at"]

Model = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, list[np.ndarray]]]

_STEPS = 60
_SMALLEST = 1e-5


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

    def at(self, draw: int) -> "Fit":
        """One resample, kept as a batch of one."""
        one = slice(draw, draw + 1)
        return Fit(self.index[one], self.log_signal[one], self.noise[one], self.log_likelihood[one])


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


def fit_noise_and_index(
    moments: Moments, weights: Float[np.ndarray, "b c"], start: Fit | None = None
) -> Fit:
    """Index, signal and noise curve together, for every row of cluster weights.

    Gaussian likelihood of the squared changes, class by class; only their variances are used, so
    other distributions of change cost precision, not correctness. Without `start`, several
    indices are tried and the likeliest kept.
    """
    squares, counts = weights @ moments.squares, weights @ moments.counts
    if start is None:
        scale = squares.sum(axis=1) / counts.sum(axis=1)
        fits = []
        for index in (0.0, 1.0):
            first = np.empty((len(weights), 5))
            first[:, 0] = index
            first[:, 1] = np.log(scale / 2)
            first[:, 2:] = np.sqrt(scale / 8)[:, None]
            fits.append(_climb(squares, counts, moments, first))
        best = np.argmin([fit[1] for fit in fits], axis=0)
        values = np.choose(best[:, None], [fit[0] for fit in fits])
        cost = np.choose(best, [fit[1] for fit in fits])
    else:
        first = np.column_stack([start.index, start.log_signal, start.noise])
        first[:, 2:] = np.maximum(first[:, 2:], 0.02 * np.exp(first[:, 1:2] / 2))
        first[:, 0] = np.clip(first[:, 0], SEARCHED[0] + 0.5, SEARCHED[1] - 0.5)
        first = np.broadcast_to(first, (len(weights), 5)).copy()
        values, cost = _climb(squares, counts, moments, first)
    return Fit(_ended(values[:, 0]), values[:, 1], np.abs(values[:, 2:]), -cost)


def fit_signal(
    moments: Moments,
    weights: Float[np.ndarray, "b c"],
    noise: Float[np.ndarray, "b 3"],
    start: Fit,
    *,
    curved: bool = False,
) -> tuple[Float[np.ndarray, " b"], Float[np.ndarray, " b"], Float[np.ndarray, " b"]]:
    """Index, log-likelihood and curvature of the signal, the noise curve held fixed.

    With `curved` the log of the signal's standard deviation may bend with log size by a quadratic
    term, which is returned; it is 0 otherwise.
    """
    squares, counts = weights @ moments.squares, weights @ moments.counts
    fixed = moments.nu * noise_at(noise, moments.middle)
    first = np.column_stack([start.index, start.log_signal, np.zeros(len(start.index))])
    first[:, 0] = np.clip(first[:, 0], SEARCHED[0] + 0.5, SEARCHED[1] - 0.5)
    first = np.broadcast_to(first, (len(weights), 3)).copy()

    def model(values: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        bend = moments.middle**2 if curved else np.zeros_like(moments.middle)
        log_signal = (
            values[:, 1:2] + 2 * (values[:, :1] - 1) * moments.middle + 2 * values[:, 2:] * bend
        )
        signal = moments.kappa * np.exp(np.clip(log_signal, -60, 60))
        slopes = [2 * moments.middle * signal, signal]
        return signal + fixed[rows], [*slopes, 2 * bend * signal] if curved else slopes

    values, cost = _minimise(squares, counts, model, first)
    return _ended(values[:, 0]), -cost, values[:, 2]


def fit_mixture(
    moments: Moments, weights: Float[np.ndarray, "b c"], noise: Float[np.ndarray, "b 3"], start: Fit
) -> Float[np.ndarray, " b"]:
    """Log-likelihood of additive plus multiplicative change, S = A e^-2m + M, noise held fixed."""
    squares, counts = weights @ moments.squares, weights @ moments.counts
    fixed = moments.nu * noise_at(noise, moments.middle)
    half = np.sqrt(np.exp(start.log_signal) / 2)
    first = np.broadcast_to(np.column_stack([half, half]), (len(weights), 2)).copy()
    small = np.exp(-2 * moments.middle)

    def model(values: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        signal = moments.kappa * (values[:, :1] ** 2 * small + values[:, 1:] ** 2)
        slopes = [2 * values[:, :1] * moments.kappa * small, 2 * values[:, 1:] * moments.kappa]
        return signal + fixed[rows], slopes

    return -_minimise(squares, counts, model, first, with_index=False)[1]


def _climb(
    squares: np.ndarray, counts: np.ndarray, moments: Moments, first: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    powers = moments.nu * np.exp(-np.arange(3)[:, None] * moments.middle)

    def model(values: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        exponent = values[:, 1:2] + 2 * (values[:, :1] - 1) * moments.middle
        signal = moments.kappa * np.exp(np.clip(exponent, -60, 60))
        noise = np.einsum("bk,kj->bj", values[:, 2:] ** 2, powers)
        slopes = [2 * moments.middle * signal, signal]
        slopes += [2 * values[:, 2 + k, None] * powers[k] for k in range(3)]
        return signal + noise, slopes

    return _minimise(squares, counts, model, first)


def _minimise(
    squares: np.ndarray,
    counts: np.ndarray,
    model: Model,
    first: np.ndarray,
    *,
    with_index: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Fisher scoring with Levenberg's damping, every row its own, until no row improves."""
    values, active = first, np.arange(len(first))
    damping = np.full(len(first), 1e-2)
    q, n = squares, counts

    def cost_of(variance: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return 0.5 * (n[rows] * np.log(variance) + q[rows] / variance).sum(axis=1)

    variance, slopes = model(values, active)
    cost = cost_of(variance, active)
    for _ in range(_STEPS):
        variance, slopes = model(values[active], active)
        jacobian = np.stack(slopes, axis=1) / variance[:, None, :]
        misfit = 0.5 * (n[active] - q[active] / variance)
        gradient = np.einsum("bpj,bj->bp", jacobian, misfit)
        information = np.einsum("bpj,bqj->bpq", jacobian * (0.5 * n[active])[:, None, :], jacobian)
        diagonal = np.einsum("bpp->bp", information)
        ridge = damping[active, None] * diagonal + 1e-9 * n[active].sum(axis=1)[:, None]
        information[:, np.arange(len(slopes)), np.arange(len(slopes))] += ridge
        step = -np.linalg.solve(information, gradient[..., None])[..., 0]
        trial = values[active].copy()
        trial[:, : len(slopes)] += np.clip(step, -1.0, 1.0)
        if with_index:
            trial[:, 0] = np.clip(trial[:, 0], *SEARCHED)
        with np.errstate(over="ignore"):
            fresh, _ = model(trial, active)
        better_cost = cost_of(np.maximum(fresh, 1e-300), active)
        gain = cost[active] - better_cost
        better = gain > 0
        taken = active[better]
        values[taken], cost[taken] = trial[better], better_cost[better]
        damping[active] = np.where(better, damping[active] / 5, damping[active] * 6)
        done = (better & (gain < _SMALLEST)) | (damping[active] > 1e8)
        active = active[~done]
        if not active.size:
            break
    return values, cost


def _ended(index: Float[np.ndarray, " b"]) -> Float[np.ndarray, " b"]:
    low, high = SEARCHED
    return np.where(index <= low + 1e-6, -np.inf, np.where(index >= high - 1e-6, np.inf, index))
