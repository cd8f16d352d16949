"""Metrics that treat each coordinate alone: `sharp` divides, at any precision and any size."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.numbers import Coordinates, as_field, is_concrete, like, matched
from steepest.errors import MetricError
from steepest.geometry.domain import AbstractDomain, Box, Nonzero
from steepest.geometry.metric import AbstractMetric

__all__ = ["Diagonal", "Euclidean", "Metabolic", "Weber"]


class Euclidean(AbstractMetric):
    """The metric that is implied when partial derivatives are called the gradient: G = I.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Euclidean
    >>> Euclidean().sharp(jnp.array([2.0, 3.0]), jnp.array([1.0, -1.0])).tolist()
    [1.0, -1.0]
    """

    index = 0.0

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        return jnp.asarray(vector)

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        return jnp.asarray(covector)


class Diagonal(AbstractMetric):
    """One constant, positive factor per coordinate: G = diag(factors), learning rates 1/factors.

    Raises `MetricError` that names the coordinate of a factor that is not positive.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Diagonal
    >>> Diagonal([1.0, 4.0]).sharp(jnp.zeros(2), jnp.ones(2)).tolist()
    [1.0, 0.25]
    """

    factors: np.ndarray = eqx.field(converter=as_field)

    def __check_init__(self) -> None:
        if is_concrete(self.factors) and not (
            np.isfinite(self.factors).all() and (self.factors > 0).all()
        ):
            where = int(np.flatnonzero(~(np.isfinite(self.factors) & (self.factors > 0)))[0])
            raise MetricError(
                f"Diagonal: factor {where} is {self.factors.flat[where]:.6g}; "
                "a metric's eigenvalues are positive and finite"
            )

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        return self._factors(vector) * jnp.asarray(vector)

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        return jnp.asarray(covector) / self._factors(covector)

    def _factors(self, vector: Coordinates) -> Array:
        if self.factors.shape not in ((), vector.shape):
            raise MetricError(
                f"Diagonal: factors of shape {self.factors.shape} for a vector of shape "
                f"{vector.shape}"
            )
        return like(self.factors, vector)


class Weber(AbstractMetric):
    """Changes of the same relative size are equally long: G = diag(1/x^2).

    It is Euclidean in log size; for a constant, non-Euclidean metric in log size pull one back
    through `Elementwise(jnp.log, jnp.exp)`. Singular at 0 (`DomainError`). Surace et al. 2020,
    "On choosing a metric".

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Weber
    >>> Weber().sharp(jnp.array([1.0, 3.0]), jnp.ones(2)).tolist()
    [1.0, 9.0]
    """

    domain = Nonzero()
    index = 2.0

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        return jnp.asarray(vector) / self.domain.require(point, "Weber") ** 2

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        return jnp.asarray(covector) * self.domain.require(point, "Weber") ** 2


class Metabolic(AbstractMetric):
    """Changes cost more the nearer a coordinate is to its maximum: G = diag((1 - x/max)^-exponent).

    The defaults describe a release probability; a coordinate without a maximum (`inf`) is
    Euclidean, so `Metabolic(2, maximum=(1, inf))` is diag((1-P)^-2, 1) on (P, q). Singular at the
    maximum (`DomainError`). Surace et al. 2020, "Gradient descent in neuroscience".

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Metabolic
    >>> Metabolic(2.0).sharp(jnp.array([0.0, 0.5]), jnp.ones(2)).tolist()
    [1.0, 0.25]
    """

    exponent: np.ndarray = eqx.field(converter=as_field, default=1.0)
    maximum: np.ndarray = eqx.field(converter=as_field, default=1.0)

    def __check_init__(self) -> None:
        if is_concrete(self.exponent, self.maximum) and not (
            np.isfinite(self.exponent).all()
            and (self.exponent >= 0).all()
            and (self.maximum > 0).all()
        ):
            raise MetricError(
                "Metabolic: exponents are finite and not negative and maxima positive, not "
                f"{self.exponent} and {self.maximum}"
            )

    @property
    def domain(self) -> AbstractDomain:
        return Box(upper=self.maximum)

    def _factor(self, point: Coordinates) -> Float[Array, "*n"]:
        point = self.domain.require(point, "Metabolic")
        return (1 - point / matched(self.maximum, point, "Metabolic: maximum")) ** -matched(
            self.exponent, point, "Metabolic: exponent"
        )

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        return self._factor(point) * vector

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        return jnp.asarray(covector) / self._factor(point)
