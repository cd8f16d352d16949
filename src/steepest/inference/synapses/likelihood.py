"""The likelihood of a geometry index: Gaussian dual change, exact or noisy sizes, lost synapses.

Sizes are positive and enter as natural logs. Every log-likelihood is that of the sizes after,
given the sizes before, except with noise, where it is that of the change of log size given its
midpoint: differences within one model are what counts.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq, minimize, minimize_scalar
from scipy.special import log_ndtr, ndtr

from steepest.inference.synapses.dual import Signs, dual_change
from steepest.inference.synapses.geometries import GEOMETRIES, SEARCHED
from steepest.inference.synapses.verdict import GeometryFit, LikelihoodFit

__all__ = [
    "CensoredLikelihood",
    "ExactLikelihood",
    "Likelihood",
    "MidpointLikelihood",
    "fit_likelihood",
    "likeliest",
    "or_unbounded",
    "rank_geometries",
]

_NORMAL_95 = 1.959964  # the root of chi-squared's 95 % point, one degree of freedom
_GRID = 15
_BLOCK = 2**14  # pairs worked on at once: they stay in the cache
_LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True, eq=False)
class ExactLikelihood:
    """Sizes without noise: g_a(w1) - g_a(w0) is Gaussian, its mean and variance profiled out.

    >>> import numpy as np
    >>> from steepest.inference import simulate_change
    >>> logs = [np.log(sizes) for sizes in simulate_change(200, index=1, seed=1)]
    >>> likelihood = ExactLikelihood(*logs)
    >>> likelihood(1.0) > likelihood(0.0)
    True
    """

    log_before: Float[np.ndarray, " n"]
    log_after: Float[np.ndarray, " n"]
    signs: Signs | None = None

    @property
    def name(self) -> str:
        """What is assumed, in words."""
        if self.signs is not None:
            return "Gaussian signed dual change, exact weights"
        return "Gaussian dual change, exact sizes"

    @property
    def searched(self) -> tuple[float, float]:
        """The indices that it is defined at."""
        return SEARCHED if self.signs is None else self.signs.searched

    def __call__(self, index: float) -> float:
        """Log-likelihood of the index at the best mean and variance; changes by a constant with
        the unit of size."""
        n, centre = self.log_before.size, self.log_before.mean()
        mean, squares, log_after = 0.0, 0.0, 0.0
        for start in range(0, n, _BLOCK):
            block = slice(start, start + _BLOCK)
            after = self.log_after[block] - centre
            own = None if self.signs is None else self.signs.part(block)
            change = dual_change(self.log_before[block] - centre, after, index, own)
            # Mean and sum of squares about it, joined block by block (Chan, Golub and LeVeque).
            gap = change.mean() - mean
            squares += change.size * (change.var() + gap**2 * start / (start + change.size))
            mean += gap * change.size / (start + change.size)
            log_after += after.sum()
        # The Jacobian of w1 -> g(w1) is w1^-a.
        return float(
            -n / 2 * (_LOG_2PI + 1 + math.log(squares / n)) - index * log_after - n * centre
        )


@dataclass(frozen=True, eq=False)
class CensoredLikelihood:
    """Exact sizes, and synapses lost because their size fell below the detection limit.

    `lost` are the log sizes before of the lost synapses, all above `log_limit`; each adds
    log Phi((g(limit) - g(w0) - mean) / sd).

    >>> import numpy as np
    >>> from steepest.inference import simulate_change
    >>> logs = [np.log(sizes) for sizes in simulate_change(200, index=1, seed=1)]
    >>> likelihood = CensoredLikelihood(*logs, lost=np.array([-2.0]), log_limit=-2.5)
    >>> likelihood(1.0) > likelihood(0.0)
    True
    """

    log_before: Float[np.ndarray, " n"]
    log_after: Float[np.ndarray, " n"]
    lost: Float[np.ndarray, " m"]
    log_limit: float

    name = "Gaussian dual change, exact sizes, losses below the detection limit"
    searched = SEARCHED

    def __call__(self, index: float) -> float:
        """Log-likelihood of the index at the best mean and variance (two-dimensional search)."""
        return self._fit(index)[0]

    def expected_losses(self, index: float) -> tuple[float, float]:
        """Mean and variance of the number lost, were all losses falls below the limit."""
        _, mean, sd = self._fit(index)
        start = np.concatenate([self.log_before, self.lost])
        probability = ndtr((self._reach(start, index) - mean) / sd)
        return float(probability.sum()), float((probability * (1 - probability)).sum())

    def _reach(self, log_before: np.ndarray, index: float) -> np.ndarray:
        centre = self.log_before.mean()
        limit = np.full_like(log_before, self.log_limit - centre)
        return dual_change(log_before - centre, limit, index)

    def _fit(self, index: float) -> tuple[float, float, float]:
        """Log-likelihood, mean and sd of the dual change, in the unit of geometric mean 1."""
        centre = self.log_before.mean()
        log_after = self.log_after - centre
        change = dual_change(self.log_before - centre, log_after, index)
        scale = change.std()
        change /= scale
        reach = self._reach(self.lost, index) / scale
        n, total, square = change.size, change.sum(), float(np.sum(change**2))

        def cost(parameters: np.ndarray) -> tuple[float, np.ndarray]:
            mean, log_sd = parameters
            sd = math.exp(log_sd)
            z = (reach - mean) / sd
            log_tail = log_ndtr(z)
            mills = np.exp(-(z**2 + _LOG_2PI) / 2 - log_tail)
            residual = square - 2 * mean * total + n * mean**2
            value = n * log_sd + residual / (2 * sd**2) - log_tail.sum()
            by_mean = (n * mean - total) / sd**2 + mills.sum() / sd
            by_log_sd = n - residual / sd**2 + np.sum(mills * z)
            return value, np.array([by_mean, by_log_sd])

        start = [change.mean(), 0.0]
        best = minimize(cost, start, jac=True, method="BFGS", options={"gtol": 1e-6 * n})
        log_likelihood = (
            -best.fun - n * (_LOG_2PI / 2 + math.log(scale)) - index * log_after.sum() - n * centre
        )
        return float(log_likelihood), scale * best.x[0], scale * math.exp(best.x[1])


@dataclass(frozen=True, eq=False)
class MidpointLikelihood:
    """Noisy sizes: errors in variables, taken at the midpoint of the two log sizes.

    With m the midpoint and D the change of log size, D is Gaussian with mean mu e^((a-1)m) and
    variance s^2 e^(2(a-1)m) + v, where `variance` v is that of the noise in D.

    >>> import numpy as np
    >>> from steepest.inference import simulate_change
    >>> logs = [np.log(sizes) for sizes in simulate_change(200, index=1, seed=1)]
    >>> step, middle = logs[1] - logs[0], (logs[0] + logs[1]) / 2
    >>> likelihood = MidpointLikelihood(middle, step, variance=np.full(200, 2e-4))
    >>> likelihood(1.0) > likelihood(0.0)
    True
    """

    midpoint: Float[np.ndarray, " n"]
    step: Float[np.ndarray, " n"]
    variance: Float[np.ndarray, " n"]

    name = "Gaussian dual change at the midpoint, noise stated"
    searched = SEARCHED

    def __call__(self, index: float) -> float:
        """Log-likelihood of the index at the best mean and variance (search over the variance)."""
        shape = np.exp((index - 1) * (self.midpoint - self.midpoint.mean()))
        power = shape**2
        top = math.log(np.mean(self.step**2 / power) + math.ulp(0.0))

        # The likelihood in the signal's variance has one peak, or grows towards no signal at all.
        best = minimize_scalar(
            lambda log_signal: self._cost(shape, math.exp(log_signal) * power + self.variance),
            bounds=(top - 20, top + 2),
            method="bounded",
            options={"xatol": 1e-4},
        )
        return -min(float(best.fun), self._cost(shape, self.variance))  # pyright: ignore[reportAttributeAccessIssue]

    def silence(self) -> float:
        """Log-likelihood of no change at all but drift of log size: noise explains everything."""
        return -self._cost(np.ones_like(self.step), self.variance)

    def _cost(self, shape: np.ndarray, variance: np.ndarray) -> float:
        weighted = shape / variance
        mean = np.sum(weighted * self.step) / np.sum(weighted * shape)
        residual = self.step - mean * shape
        return 0.5 * float(
            np.sum(np.log(variance) + residual**2 / variance) + self.step.size * _LOG_2PI
        )


Likelihood = ExactLikelihood | CensoredLikelihood | MidpointLikelihood


def fit_likelihood(likelihood: Likelihood) -> LikelihoodFit:
    """The likeliest index in -4 .. 6, its 95 % profile interval, and the profile on a grid.

    The interval's end is infinite where the likelihood stays within 1.92 of its peak up to the
    end of the range; the index is then the peak inside the range, or infinite if it lies at the
    end.

    >>> import numpy as np
    >>> from steepest.inference import simulate_change
    >>> logs = [np.log(sizes) for sizes in simulate_change(200, index=1, seed=1)]
    >>> round(fit_likelihood(ExactLikelihood(*logs)).index, 1)
    1.0
    """
    searched = likelihood.searched
    index, top = likeliest(likelihood, searched)
    low, high = searched
    interval = (_end(likelihood, index, top, low), _end(likelihood, index, top, high))
    index = or_unbounded(index, searched)
    reach = [
        end if math.isfinite(end) else edge for end, edge in zip(interval, searched, strict=True)
    ]
    span = max(reach[1] - reach[0], 0.2)
    wide = np.linspace(min(-1.5, reach[0] - span), max(2.5, reach[1] + span), _GRID)
    close = np.linspace(reach[0] - span, reach[1] + span, _GRID)
    grid = np.unique(np.clip(np.concatenate([wide, close]), low, high))
    return LikelihoodFit(
        index=index,
        interval=interval,
        log_likelihood=top,
        model=likelihood.name,
        profile_index=grid,
        profile_log_likelihood=np.array([likelihood(a) for a in grid]),
    )


def likeliest(
    likelihood: Callable[[float], float], searched: tuple[float, float] = SEARCHED
) -> tuple[float, float]:
    """The likeliest index in -4 .. 6 (or what is `searched`), and its log-likelihood."""
    low, high = searched
    scanned = np.linspace(low, high, 11)
    values = np.array([likelihood(index) for index in scanned])
    peak = int(values.argmax())
    left, right = scanned[max(peak - 1, 0)], scanned[min(peak + 1, 10)]
    best = minimize_scalar(
        lambda a: -likelihood(a), bounds=(left, right), method="bounded", options={"xatol": 1e-6}
    )
    return float(best.x), -float(best.fun)  # pyright: ignore[reportAttributeAccessIssue]


def or_unbounded(index: float, searched: tuple[float, float] = SEARCHED) -> float:
    """The index; infinite where it lies at an end of the searched range."""
    low, high = searched
    if low + 1e-3 < index < high - 1e-3:
        return index
    return math.copysign(math.inf, index - (low + high) / 2)


def _end(likelihood: Callable[[float], float], index: float, top: float, edge: float) -> float:
    def beyond(a: float) -> float:
        # The signed root of a likelihood ratio is nearly linear, so few steps find its crossing.
        return math.sqrt(2 * max(top - likelihood(a), 0.0)) - _NORMAL_95

    if beyond(edge) < 0:
        return math.copysign(math.inf, edge - index)
    return float(brentq(beyond, index, edge, xtol=1e-6))  # pyright: ignore[reportArgumentType]


def rank_geometries(likelihood: Callable[[float], float]) -> tuple[GeometryFit, ...]:
    """The named geometries with their log-likelihood and share of it, the likeliest first.

    Of weights that crossed zero, only those that allow it (index < 1).

    >>> import numpy as np
    >>> from steepest.inference import simulate_change
    >>> logs = [np.log(sizes) for sizes in simulate_change(200, index=1, seed=1)]
    >>> rank_geometries(ExactLikelihood(*logs))[0].name
    'multiplicative'
    """
    high = likelihood.searched[1] if isinstance(likelihood, ExactLikelihood) else SEARCHED[1]
    values = {name: likelihood(index) for name, index in GEOMETRIES.items() if index <= high}
    top = max(values.values())
    total = sum(math.exp(value - top) for value in values.values())
    fits = [
        GeometryFit(name, GEOMETRIES[name], value, math.exp(value - top) / total)
        for name, value in values.items()
    ]
    return tuple(sorted(fits, key=lambda fit: -fit.log_likelihood))
