"""A metric is the pair of musical maps: `flat` lowers a vector, `sharp` raises a covector."""

from abc import abstractmethod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.numbers import Coordinates, as_coordinates
from steepest.errors import MetricError
from steepest.geometry.directions import AbstractGeometry

__all__ = ["AbstractMetric"]


class AbstractMetric(AbstractGeometry):
    """A Riemannian metric on a parameter space, as the maps between vectors and covectors.

    `sharp(point, differential of a cost)` is the direction of steepest ascent times its rate
    (Surace et al. 2020, Eqs 3-7). To add a metric, define `flat` and `sharp`, each the inverse of
    the other, and, if it is not defined everywhere, `domain`; the rest follows. Then let
    `check_metric` look at it. One that is known by its matrix derives from `AbstractMatrixMetric`.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import AbstractMetric, Box, check_metric
    >>> class Hyperbolic(AbstractMetric):
    ...     domain = Box(lower=0.0)
    ...     def flat(self, point, vector):
    ...         return vector / point[-1] ** 2
    ...     def sharp(self, point, covector):
    ...         return covector * point[-1] ** 2
    >>> check_metric(Hyperbolic(), [1.0, 0.5]).holds
    True
    >>> float(Hyperbolic().norm(jnp.array([1.0, 0.5]), jnp.array([3.0, 4.0])))
    10.0
    """

    @abstractmethod
    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        """Vector to covector: G(point) v."""

    @abstractmethod
    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        """Covector to vector: G(point)^-1 p."""

    def inner(self, point: Coordinates, u: Coordinates, v: Coordinates) -> Float[Array, ""]:
        """Inner product of two vectors at a point."""
        return jnp.sum(u * self.flat(point, v))

    def norm(self, point: Coordinates, vector: Coordinates) -> Float[Array, ""]:
        """Length of a vector at a point."""
        return jnp.sqrt(self.inner(point, vector, vector))

    def matrix(self, point: Float[Array, " n"] | Float[np.ndarray, " n"]) -> Float[Array, "n n"]:
        """The matrix G(point): n x n, so meant for small n."""
        point = jnp.asarray(point)
        basis = jnp.eye(point.shape[0], dtype=point.dtype)
        return jax.vmap(lambda vector: self.flat(point, vector), out_axes=1)(basis)

    def logarithm(
        self, point: Float[Array, " n"], other: Float[Array, " n"]
    ) -> Float[Array, " n"] | None:
        """The velocity that `logarithm_map` looks for, where a closed form is known; else None."""
        return None

    def check(self, point: Any) -> None:
        """Raise the error that says what is wrong with the metric at a concrete point.

        `DomainError` or `MetricError`, which name the coordinate, or nothing.
        """
        point = as_coordinates(point, "the point")
        self.domain.check(point, self.name)
        raised = np.asarray(self.sharp(point, jnp.ones_like(point)))
        if not np.isfinite(raised).all():
            where = int(np.flatnonzero(~np.isfinite(raised))[0])
            raise MetricError(
                f"{self.name} is singular at {np.asarray(point)}: the vector that "
                f"belongs to a covector is not finite in coordinate {where}; "
                "move the point or stop the flow before it"
            )
