"""Wasserstein's metric: how far probability has to be carried for a small change.

It is defined where Fisher's is not (a support that moves), and depends on the unit of the
observation, where Fisher's does not. Surace et al. 2020, "On choosing a metric".
"""

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.entry import readable
from steepest.arrays.given import same_axes
from steepest.arrays.numbers import Numbers, as_number, as_numbers
from steepest.arrays.quadrature import integrate
from steepest.errors import MetricError
from steepest.geometry.domain import AbstractDomain, Everywhere
from steepest.geometry.matrix import AbstractMatrixMetric

__all__ = [
    "WassersteinDistribution",
    "WassersteinGaussian",
    "WassersteinQuantile",
    "gaussian_wasserstein_distance",
]


class AbstractTransport(AbstractMatrixMetric):
    """A Wasserstein-2 metric on the line: the integral of what a small change has to carry."""

    tolerance: eqx.AbstractVar[float]

    @abstractmethod
    def line(self, point: Array) -> tuple[float, float, Any, Any]:
        """Lower and upper end of the integral, and where its bulk lies: centre and scale."""

    @abstractmethod
    def carried(self, x: Array, point: Array) -> Float[Array, "n n"]:
        """The integrand."""

    @eqx.filter_jit
    def compute_matrix(self, point: Float[Array, " n"]) -> Float[Array, "n n"]:
        lower, upper, centre, scale = self.line(point)
        total = integrate(
            lambda x: self.carried(x, point).ravel(),
            lower,
            upper,
            centre=centre,
            scale=scale,
            tolerance=self.tolerance,
        )
        n = point.shape[0]
        matrix = total.value.reshape(n, n)
        sound = jnp.max(total.error) <= 100 * self.tolerance * jnp.max(jnp.abs(matrix))
        return jnp.where(sound, matrix, jnp.nan)

    def explain(self, point: Float[Array, " n"]) -> None:
        self.domain.check(point, self.name)
        if not np.isfinite(np.asarray(self.compute_matrix(point))).all():
            raise MetricError(
                f"{type(self).__name__}: the integral does not converge at {np.asarray(point)}: "
                "the density has a gap where its distribution function moves, or tails too heavy "
                "to be carried; restrict the support, or choose Fisher's metric"
            )


class WassersteinQuantile(AbstractTransport):
    """Wasserstein-2 metric on the line through quantiles: G_ij = int_0^1 d_i Q d_j Q du.

    `quantile(u, point)` -> x, scalar, in jax.numpy, for u in (0, 1). Raises `MetricError` (NaN
    under jit) where the quadrature does not converge: the second moment of d_i Q is not finite.

    >>> import jax.numpy as jnp
    >>> import jax
    >>> from steepest.geometry import WassersteinQuantile
    >>> uniform = WassersteinQuantile(lambda u, p: p[0] + u * (p[1] - p[0]))
    >>> with jax.enable_x64(True):
    ...     matrix = 6 * uniform.matrix(jnp.array([1.0, 4.0]))
    >>> matrix.round(6).tolist()
    [[2.0, 1.0], [1.0, 2.0]]
    """

    quantile: Callable[[Any, Any], Any]
    tolerance: float = eqx.field(static=True, converter=as_number, default=1e-10)
    domain: AbstractDomain = Everywhere()

    def line(self, point: Array) -> tuple[float, float, Any, Any]:
        # Over z, u = 1/(1 + e^-z), which opens up the ends, where quantiles may run to infinity;
        # what lies past |z| = 33 weighs 5e-15 and could not be told from 1 in u.
        return -33.0, 33.0, 0.0, 1.0

    def carried(self, x: Array, point: Array) -> Float[Array, "n n"]:
        u, weight = jax.nn.sigmoid(x), jax.nn.sigmoid(x) * jax.nn.sigmoid(-x)
        slope = jax.jacfwd(self.quantile, argnums=1)(u, point)
        return weight * jnp.outer(slope, slope)


class WassersteinDistribution(AbstractTransport):
    """Wasserstein-2 metric on the line through distribution functions: int d_i F d_j F / f dx.

    `distribution(x, point)` -> F in [0, 1], scalar, in jax.numpy; the density f is its derivative.
    (lower, upper) is where the density is positive, at every point; `centre` and `scale` say where
    on an infinite line its bulk lies. Raises `MetricError` (NaN under jit) where the quadrature
    does not converge: the density has a gap, across which nothing can be carried.

    >>> import jax.numpy as jnp
    >>> import jax
    >>> from steepest.geometry import WassersteinDistribution
    >>> exponential = WassersteinDistribution(lambda x, p: -jnp.expm1(-x / p[0]), lower=0.0)
    >>> with jax.enable_x64(True):
    ...     matrix = exponential.matrix(jnp.array([1.7]))
    >>> matrix.round(6).tolist()
    [[2.0]]
    """

    distribution: Callable[[Any, Any], Any]
    lower: float = eqx.field(static=True, converter=as_number, default=-np.inf)
    upper: float = eqx.field(static=True, converter=as_number, default=np.inf)
    centre: Callable[[Any], Any] | None = None
    scale: Callable[[Any], Any] | None = None
    tolerance: float = eqx.field(static=True, converter=as_number, default=1e-10)
    domain: AbstractDomain = Everywhere()

    def line(self, point: Array) -> tuple[float, float, Any, Any]:
        centre = 0.0 if self.centre is None else self.centre(point)
        return self.lower, self.upper, centre, 1.0 if self.scale is None else self.scale(point)

    def carried(self, x: Array, point: Array) -> Float[Array, "n n"]:
        density = jax.jacfwd(self.distribution)(x, point)
        slope = jax.jacfwd(self.distribution, argnums=1)(x, point)
        product = jnp.outer(slope, slope)
        # Far out both vanish in float64; a gap has slope without density.
        empty = jnp.where(product == 0, 0.0, jnp.inf)
        return jnp.where(density > 0, product / jnp.where(density > 0, density, 1.0), empty)


class WassersteinGaussian(AbstractMatrixMetric):
    """Wasserstein-2 (Bures) metric of a Gaussian with mean and covariance functions of the point.

    `mean`: point (n,) -> (d,); `covariance`: point (n,) -> (d, d), positive definite; jax.numpy.
    G_ij = d_i m . d_j m + tr(L_i d_j S)/2 with S L_i + L_i S = d_i S.

    >>> import jax.numpy as jnp
    >>> import jax
    >>> from steepest.geometry import WassersteinGaussian
    >>> metric = WassersteinGaussian(lambda p: p[:1], lambda p: p[1:, None] ** 2)
    >>> with jax.enable_x64(True):
    ...     matrix = metric.matrix(jnp.array([1.0, 2.0]))  # flat in mean and standard deviation
    >>> matrix.round(6).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    mean: Callable[[Any], Any]
    covariance: Callable[[Any], Any]
    domain: AbstractDomain = Everywhere()

    def compute_matrix(self, point: Float[Array, " n"]) -> Float[Array, "n n"]:
        S = self.covariance(point)
        dm = jax.jacfwd(self.mean)(point)
        dS = jnp.moveaxis(jax.jacfwd(self.covariance)(point), -1, 0)
        # The Lyapunov equation as a linear system: well-defined derivatives even where
        # eigenvalues of S coincide.
        d = S.shape[0]
        eye = jnp.eye(d, dtype=S.dtype)
        L = jnp.linalg.solve(jnp.kron(S, eye) + jnp.kron(eye, S), dS.reshape(-1, d * d).T).T
        matrix = dm.T @ dm + L @ dS.reshape(-1, d * d).T / 2
        return (matrix + matrix.T) / 2

    def explain(self, point: Float[Array, " n"]) -> None:
        self.domain.check(point, self.name)
        smallest = np.linalg.eigvalsh(np.asarray(self.covariance(point)))[0]
        if not smallest > 0:
            raise MetricError(
                f"WassersteinGaussian: the covariance at {np.asarray(point)} is singular "
                f"(smallest eigenvalue {smallest:.6g}), where the metric is not defined"
            )


@readable
def gaussian_wasserstein_distance(
    mean: Numbers, covariance: Numbers, other_mean: Numbers, other_covariance: Numbers
) -> float:
    """Wasserstein-2 distance between Gaussians: |m-m'|^2 + tr(S + S' - 2 (S^1/2 S' S^1/2)^1/2).

    Means (d,), covariances (d, d), symmetric positive semidefinite. Raises `MetricError` if a
    covariance is not.

    >>> from steepest.geometry import gaussian_wasserstein_distance
    >>> gaussian_wasserstein_distance([0.0], [[1.0]], [3.0], [[1.0]])
    3.0
    """
    same_axes(
        {"the mean": (mean, 0), "the covariance": (covariance, 0), "its columns": (covariance, 1)}
        | {"the other mean": (other_mean, 0), "the other covariance": (other_covariance, 0)}
    )
    m, other_m = (np.atleast_1d(as_numbers(x, "a mean")) for x in (mean, other_mean))
    S, other_S = (
        np.atleast_2d(as_numbers(x, "a covariance")) for x in (covariance, other_covariance)
    )
    if {m.shape, other_m.shape} != {(len(S),)} or {S.shape, other_S.shape} != {(len(S), len(S))}:
        raise MetricError(
            "gaussian_wasserstein_distance: means (d,) and covariances (d, d), not of "
            f"{m.shape}, {S.shape}, {other_m.shape} and {other_S.shape}"
        )
    shift = float(np.linalg.norm(m - other_m))
    root, other_root = _root(S), _root(other_S)
    if np.array_equal(S, other_S):
        return shift
    # tr(S + S' - 2 (S^1/2 S' S^1/2)^1/2) is the least |S^1/2 - S'^1/2 U|^2 over rotations U: a
    # difference of roots, which loses no digits where two large covariances are nearly equal.
    left, _, right = np.linalg.svd(other_root @ root)
    return math.hypot(shift, float(np.linalg.norm(root - other_root @ left @ right)))


def _root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    if not np.allclose(matrix, matrix.T) or values[0] < -1e-10 * abs(values[-1]):
        raise MetricError(
            "gaussian_wasserstein_distance: a covariance is not symmetric positive semidefinite "
            f"(smallest eigenvalue {values[0]:.6g})"
        )
    return vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
