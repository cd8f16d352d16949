"""Two ways to add geometries, which are two different things.

Adding metrics adds what a change costs: G = sum of w G_k. Adding inverse metrics adds what several
mechanisms can move at once: G^-1 = sum of w G_k^-1. With diag(1, 4) and diag(4, 1), each with
weight 1/2, the covector (1, 1) moves a point by (.4, .4) under the first and (.625, .625) under
the second.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.dense import check_spd, require_double, solve
from steepest.arrays.numbers import Coordinates, as_field, is_concrete, like
from steepest.errors import MetricError
from steepest.geometry.domain import AbstractDomain, Intersection
from steepest.geometry.metric import AbstractMetric

__all__ = ["SumOfInverseMetrics", "SumOfMetrics"]


def _checked(metrics: Any, what: str) -> tuple[AbstractMetric, ...]:
    parts = metrics if isinstance(metrics, list | tuple) else ()
    if not parts or not all(isinstance(metric, AbstractMetric) for metric in parts):
        raise MetricError(f"{what}: give a list of metrics, such as [Euclidean(), Weber()]")
    return tuple(parts)


def _weights(weights: Any, metrics: Sequence[AbstractMetric], what: str) -> np.ndarray:
    values = as_field(np.ones(len(metrics)) if weights is None else weights)
    if values.shape != (len(metrics),):
        raise MetricError(f"{what}: {len(metrics)} metrics but weights of shape {values.shape}")
    if is_concrete(values) and not (np.isfinite(values).all() and (values > 0).all()):
        raise MetricError(f"{what}: weights are positive and finite, not {values}")
    return values


class SumOfMetrics(AbstractMetric):
    """G = sum of weights[k] G_k; float64 only, since `sharp` solves a dense system.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Diagonal, SumOfMetrics
    >>> metric = SumOfMetrics([Diagonal([1.0, 4.0]), Diagonal([4.0, 1.0])], [0.5, 0.5])
    >>> metric.flat(jnp.zeros(2), jnp.ones(2)).tolist()
    [2.5, 2.5]
    """

    metrics: tuple[AbstractMetric, ...]
    weights: np.ndarray

    def __init__(self, metrics: Any, weights: Any = None) -> None:
        self.metrics = _checked(metrics, "SumOfMetrics")
        self.weights = _weights(weights, self.metrics, "SumOfMetrics")

    @property
    def domain(self) -> AbstractDomain:
        return Intersection(tuple(metric.domain for metric in self.metrics))

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        vector = jnp.asarray(vector)
        terms = [metric.flat(point, vector) for metric in self.metrics]
        return sum(
            (w * t for w, t in zip(like(self.weights, vector), terms, strict=True)),
            start=jnp.zeros_like(vector),
        )

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        require_double(jnp.asarray(point), "SumOfMetrics")
        matrix = self.matrix(point)
        if is_concrete(matrix):
            check_spd(np.asarray(matrix), np.asarray(point), "SumOfMetrics")
        return solve(matrix, jnp.asarray(covector))


class SumOfInverseMetrics(AbstractMetric):
    """G^-1 = sum of weights[k] G_k^-1; float64 only for `flat`, which solves a dense system.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Diagonal, SumOfInverseMetrics
    >>> metric = SumOfInverseMetrics([Diagonal([1.0, 4.0]), Diagonal([4.0, 1.0])], [0.5, 0.5])
    >>> metric.sharp(jnp.zeros(2), jnp.ones(2)).tolist()
    [0.625, 0.625]
    """

    metrics: tuple[AbstractMetric, ...]
    weights: np.ndarray

    def __init__(self, metrics: Any, weights: Any = None) -> None:
        self.metrics = _checked(metrics, "SumOfInverseMetrics")
        self.weights = _weights(weights, self.metrics, "SumOfInverseMetrics")

    @property
    def domain(self) -> AbstractDomain:
        return Intersection(tuple(metric.domain for metric in self.metrics))

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        covector = jnp.asarray(covector)
        terms = [metric.sharp(point, covector) for metric in self.metrics]
        return sum(
            (w * t for w, t in zip(like(self.weights, covector), terms, strict=True)),
            start=jnp.zeros_like(covector),
        )

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        point = jnp.asarray(point)
        require_double(point, "SumOfInverseMetrics")
        basis = jnp.eye(point.shape[0], dtype=point.dtype)
        inverse = jax.vmap(lambda covector: self.sharp(point, covector), out_axes=1)(basis)
        if is_concrete(inverse):
            check_spd(np.asarray(inverse), np.asarray(point), "SumOfInverseMetrics (its inverse)")
        return solve(inverse, jnp.asarray(vector))
