"""Metrics that are known by their matrix: `flat` multiplies by it, `sharp` solves with it."""

from abc import abstractmethod
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.dense import check_spd, require_double, solve
from steepest.arrays.numbers import Coordinates, is_concrete
from steepest.geometry.metric import AbstractMetric

__all__ = ["AbstractMatrixMetric"]


class AbstractMatrixMetric(AbstractMetric):
    """A metric whose matrix G(point) is computed; float64 only, as `sharp` solves a dense system.

    A subclass defines `compute_matrix`. Raises `MetricError` that names the eigenvalue, its
    direction and the point where the matrix is not symmetric positive definite; NaN under jit.
    """

    @abstractmethod
    def compute_matrix(self, point: Float[Array, " n"]) -> Float[Array, "n n"]:
        """The matrix at a point of float64, without a look at whether it is one of a metric."""

    def explain(self, point: Float[Array, " n"]) -> None:
        """Raise what is wrong at a concrete point before its matrix is looked at."""
        self.domain.check(point, type(self).__name__)

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
        self.matrix(jnp.asarray(point))
