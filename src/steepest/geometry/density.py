"""Fisher's metric of any density on the line, by autodiff and adaptive quadrature."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.numbers import as_number
from steepest.arrays.quadrature import integrate, to_line
from steepest.errors import MetricError
from steepest.geometry.domain import AbstractDomain, Everywhere
from steepest.geometry.matrix import AbstractMatrixMetric

__all__ = ["FisherDensity"]

_OFF = 1e-6  # how far mass may be from 1, and the mean score from 0 in its own units
_GRID = 1999
_UNDERFLOW = 1e-250


class FisherDensity(AbstractMatrixMetric):
    """Fisher's metric of densities on (lower, upper), G = int f s s' dx with s the score.

    `log_density(x, point)` -> log f, scalar, in jax.numpy, normalised; the support (lower, upper)
    is the same at every point. `centre` and `scale`: point -> where on an infinite line the bulk
    lies and how wide it is (0 and 1 unless given). `tolerance` is the error of the entries
    relative to the largest.

    Raises `MetricError` (NaN under jit) where the density is not positive or not normalised, where
    its support moves with the parameters (no Fisher metric exists: a uniform density, a binomial
    count times a quantal size), where the quadrature cannot keep the tolerance, and where the
    metric is singular (names the direction: a mixture with coinciding components, say).

    >>> import jax.numpy as jnp
    >>> import jax
    >>> from steepest.geometry import FisherDensity
    >>> exponential = FisherDensity(lambda x, p: jnp.log(p[0]) - p[0] * x, lower=0.0)
    >>> with jax.enable_x64(True):
    ...     matrix = exponential.matrix(jnp.array([2.0]))
    >>> matrix.round(8).tolist()
    [[0.25]]
    """

    log_density: Callable[[Any, Any], Any]
    lower: float = eqx.field(static=True, converter=as_number, default=-np.inf)
    upper: float = eqx.field(static=True, converter=as_number, default=np.inf)
    centre: Callable[[Any], Any] | None = None
    scale: Callable[[Any], Any] | None = None
    tolerance: float = eqx.field(static=True, converter=as_number, default=1e-11)
    domain: AbstractDomain = Everywhere()

    def compute_matrix(self, point: Float[Array, " n"]) -> Float[Array, "n n"]:
        mass, mean, matrix, error = self._moments(point)
        spread = jnp.sqrt(jnp.diagonal(matrix))
        sound = (
            (jnp.abs(mass - 1) <= _OFF)
            & jnp.all(jnp.abs(mean) <= _OFF * (1 + spread))
            & (error <= 10 * self.tolerance * (1 + jnp.max(jnp.abs(matrix))))
        )
        return jnp.where(sound, matrix, jnp.nan)

    def error(self, point: Float[Array, " n"] | Float[np.ndarray, " n"]) -> Float[Array, ""]:
        """The quadrature's estimate of the largest absolute error among the matrix's entries."""
        return self._moments(jnp.asarray(point))[3]

    @eqx.filter_jit
    def _moments(self, point: Array) -> tuple[Array, Array, Array, Array]:
        """Mass, mean score, its second moment and the error of the latter."""
        n = point.shape[0]

        def integrand(x: Array) -> Array:
            density = jnp.exp(self.log_density(x, point))
            score = jax.jacfwd(self.log_density, argnums=1)(x, point)
            # Where the density all but underflows, its logarithm has no reliable slope.
            score = jnp.where(density > _UNDERFLOW, score, 0.0)
            second = density * jnp.outer(score, score).ravel()
            return jnp.concatenate([density[None], density * score, second])

        centre, scale = self._place(point)
        total = integrate(
            integrand,
            self.lower,
            self.upper,
            centre=centre,
            scale=scale,
            tolerance=self.tolerance,
        )
        matrix = total.value[n + 1 :].reshape(n, n)
        return total.value[0], total.value[1 : n + 1], matrix, jnp.max(total.error)

    def _place(self, point: Array) -> tuple[Any, Any]:
        centre = 0.0 if self.centre is None else self.centre(point)
        return centre, 1.0 if self.scale is None else self.scale(point)

    def explain(self, point: Float[Array, " n"]) -> None:
        self.domain.check(point, self.name)
        where = np.array2string(np.asarray(point), precision=6)
        x = np.asarray(to_line(np.linspace(-1, 1, _GRID + 2)[1:-1], self.lower, self.upper,
                               *self._place(point))[0])  # fmt: skip
        logs = self._logs(x, point)
        strange = np.flatnonzero(np.isnan(logs) | (logs == np.inf))
        if strange.size:
            raise MetricError(
                f"FisherDensity: the log-density is {logs[strange[0]]} at x = "
                f"{x[strange[0]]:.6g} for parameters {where}; it must be a number on the whole "
                f"support ({self.lower:g}, {self.upper:g})"
            )
        if np.isneginf(logs).any():
            self._explain_zeros(x, logs, point, where)
        mass, mean, matrix, error = (np.asarray(part) for part in self._moments(point))
        if not abs(mass - 1) <= _OFF:
            raise MetricError(
                f"FisherDensity: the density is not normalised for parameters {where}: its mass on "
                f"({self.lower:g}, {self.upper:g}) is {mass:.9g}; add the normalising constant to "
                "the log-density, or, if its bulk was missed, say with `centre` and `scale` "
                "where it lies"
            )
        off = np.abs(mean) / (1 + np.sqrt(np.diagonal(matrix)))
        if not (off <= _OFF).all():
            i = int(np.argmax(off))
            raise MetricError(
                f"FisherDensity: the mean score in coordinate {i} is {mean[i]:.6g} instead of 0 "
                f"for parameters {where}: the normalisation or the support depends on the "
                "parameters; with a moving support there is no Fisher metric"
            )
        allowed = 10 * self.tolerance * (1 + np.abs(matrix).max())
        if not error <= allowed:
            raise MetricError(
                f"FisherDensity: the quadrature's error is {error:.2g}, more than {allowed:.2g}, "
                f"for parameters {where}; say with `centre` and `scale` where the density lies, "
                "or allow a larger `tolerance`"
            )

    @eqx.filter_jit
    def _evaluate(self, x: Array, point: Array) -> Array:
        return jax.vmap(lambda y: self.log_density(y, point))(x)

    def _logs(self, x: np.ndarray, point: Array) -> np.ndarray:
        return np.asarray(self._evaluate(jnp.asarray(x), point))

    def _explain_zeros(self, x: np.ndarray, logs: np.ndarray, point: Array, where: str) -> None:
        """Raise what zeros of the density inside the declared support mean."""
        edges = self._edges(x, point)
        if not edges.size:
            return
        scale = 1 + np.abs(edges).max(initial=0.0)
        for i in range(point.shape[0]):
            step = 1e-4 * (1 + abs(float(point[i])))
            for moved in (point.at[i].add(step), point.at[i].add(-step)):
                others = self._edges(x, moved)
                if others.shape != edges.shape or (np.abs(others - edges) > 1e-9 * scale).any():
                    raise MetricError(
                        f"FisherDensity: the support moves with coordinate {i} of the parameters "
                        f"{where} (its edges are at x = {edges}): no Fisher metric exists; give "
                        "the observation noise of its own, or choose another metric, "
                        "Wasserstein's for example"
                    )
        zero = x[np.flatnonzero(np.isneginf(logs))[0]]
        raise MetricError(
            f"FisherDensity: the density is not positive at x = {zero:.6g}, inside its support "
            f"({self.lower:g}, {self.upper:g}), for parameters {where}; declare the interval on "
            "which it is, with `lower` and `upper`"
        )

    def _edges(self, x: np.ndarray, point: Array) -> np.ndarray:
        """Where between neighbours of the grid the density starts or ends, by bisection.

        Where it only underflows, being positive and tiny, there is no edge.
        """
        inside = np.isfinite(self._logs(x, point))
        at = np.flatnonzero(inside[1:] != inside[:-1])
        left, right = x[at].copy(), x[at + 1].copy()
        for _ in range(60 if at.size else 0):
            middle = (left + right) / 2
            same = np.isfinite(self._logs(middle, point)) == inside[at]
            left, right = np.where(same, middle, left), np.where(same, right, middle)
        last = self._logs(np.where(inside[at], left, right), point)
        return ((left + right) / 2)[last > np.log(_UNDERFLOW)]
