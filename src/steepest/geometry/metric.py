"""A metric is the pair of musical maps: `flat` lowers a vector, `sharp` raises a covector."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.dense import check_spd, require_double, solve
from steepest.arrays.numbers import Coordinates, as_field, is_concrete, like
from steepest.errors import MetricError
from steepest.geometry.domain import AbstractDomain, Everywhere

__all__ = ["AbstractMetric", "Constant", "MatrixMetric"]


class AbstractMetric(eqx.Module):
    """A Riemannian metric on a parameter space, as the maps between vectors and covectors.

    `sharp(point, differential of a cost)` is the direction of steepest ascent times its rate
    (Surace et al. 2020, Eqs 3-7). A subclass defines `flat` and `sharp`; the rest follows.
    """

    @abstractmethod
    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        """Vector to covector: G(point) v."""

    @abstractmethod
    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        """Covector to vector: G(point)^-1 p."""

    @property
    def domain(self) -> AbstractDomain:
        """Where the metric is defined."""
        return Everywhere()

    def inner(self, point: Coordinates, u: Coordinates, v: Coordinates) -> Float[Array, ""]:
        """Inner product of two vectors at a point."""
        return jnp.sum(u * self.flat(point, v))

    def norm(self, point: Coordinates, vector: Coordinates) -> Float[Array, ""]:
        """Length of a vector at a point."""
        return jnp.sqrt(self.inner(point, vector, vector))

    def dual_norm(self, point: Coordinates, covector: Coordinates) -> Float[Array, ""]:
        """Length of a covector: the steepest slope that a cost with this differential has."""
        return jnp.sqrt(jnp.sum(covector * self.sharp(point, covector)))

    def matrix(self, point: Float[Array, " n"] | Float[np.ndarray, " n"]) -> Float[Array, "n n"]:
        """The matrix G(point): n x n, so meant for small n."""
        point = jnp.asarray(point)
        basis = jnp.eye(point.shape[0], dtype=point.dtype)
        return jax.vmap(lambda vector: self.flat(point, vector), out_axes=1)(basis)

    def check(self, point: Any) -> None:
        """Raise the error that says what is wrong with the metric at a concrete point.

        `DomainError` or `MetricError`, which name the coordinate, or nothing.
        """
        point = jnp.asarray(point)
        self.domain.check(point, type(self).__name__)
        raised = np.asarray(self.sharp(point, jnp.ones_like(point)))
        if not np.isfinite(raised).all():
            where = int(np.flatnonzero(~np.isfinite(raised))[0])
            raise MetricError(
                f"{type(self).__name__} is singular at {np.asarray(point)}: the vector that "
                f"belongs to a covector is not finite in coordinate {where}; "
                "move the point or stop the flow before it"
            )


class MatrixMetric(AbstractMetric):
    """The metric whose matrix at a point is given by any function, G = function(point).

    The function takes a point (n,) and returns a symmetric positive definite (n, n) array, written
    with jax.numpy; float64 only, because `sharp` solves a dense system. Raises `MetricError` that
    names the eigenvalue and the point where the matrix is not one, or its condition number is
    past 1e12; under jit the result is NaN there.
    """

    function: Callable[[Any], Any]

    def matrix(self, point: Float[Array, " n"] | Float[np.ndarray, " n"]) -> Float[Array, "n n"]:
        point = jnp.asarray(point)
        require_double(point, "MatrixMetric")
        try:
            value = self.function(point)
        except jax.errors.TracerArrayConversionError as error:
            raise MetricError("MatrixMetric: write its function with jax.numpy") from error
        if isinstance(value, list | tuple):
            value = jnp.stack([jnp.stack([jnp.asarray(x, point.dtype) for x in r]) for r in value])
        if value is None:
            raise MetricError("MatrixMetric: its function returned nothing")
        matrix = like(value, point)
        expected = (point.shape[0], point.shape[0])
        if matrix.shape != expected:
            raise MetricError(
                f"MatrixMetric: the function returned an array of shape {matrix.shape} for a point "
                f"of shape {point.shape}; it must return {expected}"
            )
        if is_concrete(matrix):
            check_spd(np.asarray(matrix), np.asarray(point), "MatrixMetric")
        return matrix

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        return self.matrix(point) @ vector

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        return solve(self.matrix(point), jnp.asarray(covector))

    def check(self, point: Any) -> None:
        self.matrix(point)


class Constant(AbstractMetric):
    """The same symmetric positive definite matrix (n, n) at every point; float64 only.

    Raises `MetricError` where it is made if the matrix is not one.
    """

    constant: np.ndarray = eqx.field(converter=as_field)

    def __check_init__(self) -> None:
        if is_concrete(self.constant):
            check_spd(self.constant, None, "Constant")

    def matrix(self, point: Float[Array, " n"] | Float[np.ndarray, " n"]) -> Float[Array, "n n"]:
        point = jnp.asarray(point)
        require_double(point, "Constant")
        if self.constant.shape[:1] != point.shape:
            raise MetricError(
                f"Constant: a matrix of shape {self.constant.shape} for a point of shape "
                f"{point.shape}"
            )
        return like(self.constant, point)

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        return self.matrix(point) @ vector

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        return solve(self.matrix(point), jnp.asarray(covector))
