"""Metrics that are known by their matrix: `flat` multiplies by it, `sharp` solves with it."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.dense import check_spd, require_double, solve
from steepest.arrays.numbers import Coordinates, as_coordinates, as_field, is_concrete, like
from steepest.errors import MetricError
from steepest.geometry.metric import AbstractMetric

__all__ = ["AbstractMatrixMetric", "Constant", "MatrixMetric"]


class AbstractMatrixMetric(AbstractMetric):
    """A metric whose matrix G(point) is computed; float64 only, as `sharp` solves a dense system.

    To add one, define `compute_matrix` (and `explain`, to raise what a bad point means). Raises
    `MetricError` that names the eigenvalue, its direction and the point where the matrix is not
    symmetric positive definite; NaN under jit. For a matrix that any function gives, take
    `MatrixMetric`.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import AbstractMatrixMetric, check_metric
    >>> class Graph(AbstractMatrixMetric):
    ...     def compute_matrix(self, point):
    ...         return jnp.eye(2) + jnp.outer(point, point)
    >>> check_metric(Graph(), [1.0, 0.5]).holds
    True
    """

    @abstractmethod
    def compute_matrix(self, point: Float[Array, " n"]) -> Float[Array, "n n"]:
        """The matrix at a point of float64, without a look at whether it is one of a metric."""

    def explain(self, point: Float[Array, " n"]) -> None:
        """Raise what is wrong at a concrete point before its matrix is looked at."""
        self.domain.check(point, self.name)

    def matrix(self, point: Float[Array, " n"] | Float[np.ndarray, " n"]) -> Float[Array, "n n"]:
        point = jnp.asarray(point)
        require_double(point, type(self).__name__)
        if not is_concrete(point):
            return self.compute_matrix(point)
        self.explain(point)
        matrix = self.compute_matrix(point)
        if is_concrete(matrix):
            check_spd(np.asarray(matrix), np.asarray(point), type(self).__name__)
        return matrix

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        return self.matrix(jnp.asarray(point)) @ jnp.asarray(vector)

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        return solve(self.matrix(jnp.asarray(point)), jnp.asarray(covector))

    def check(self, point: Any) -> None:
        self.matrix(as_coordinates(point, "the point"))


class MatrixMetric(AbstractMatrixMetric):
    """The metric whose matrix at a point is given by any function, G = function(point).

    The function takes a point (n,) and returns a symmetric positive definite (n, n) array, written
    with jax.numpy; float64 only, because `sharp` solves a dense system. Raises `MetricError` that
    names the eigenvalue and the point where the matrix is not one, or its condition number is
    past 1e12; under jit the result is NaN there.

    >>> from steepest import gradient_flow
    >>> from steepest.geometry import MatrixMetric
    >>> metric = MatrixMetric(lambda x: [[4.0, 0.0], [0.0, 1 / x[1] ** 2]])
    >>> gradient_flow(lambda x: x[0] + x[1], metric, [1.0, 1.0], [1.0]).end.round(6).tolist()
    [0.75, 0.5]
    """

    function: Callable[[Any], Any]

    def compute_matrix(self, point: Float[Array, " n"]) -> Float[Array, "n n"]:
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
        return matrix


class Constant(AbstractMatrixMetric):
    """The same symmetric positive definite matrix (n, n) at every point; float64 only.

    Raises `MetricError` where it is made if the matrix is not one.

    >>> from steepest import gradient_flow
    >>> from steepest.geometry import Constant
    >>> metric = Constant([[2.0, 1.0], [1.0, 1.0]])
    >>> gradient_flow(lambda x: x[1], metric, [0.0, 0.0], [1.0]).end.round(6).tolist()
    [1.0, -2.0]
    """

    constant: np.ndarray = eqx.field(converter=as_field)

    def __check_init__(self) -> None:
        if is_concrete(self.constant):
            check_spd(self.constant, None, "Constant")

    def compute_matrix(self, point: Float[Array, " n"]) -> Float[Array, "n n"]:
        if self.constant.shape[:1] != point.shape:
            raise MetricError(
                f"Constant: a matrix of shape {self.constant.shape} for a point of shape "
                f"{point.shape}"
            )
        return like(self.constant, point)
