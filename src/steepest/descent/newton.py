"""Second order: the Hessian that does not depend on the chart, and Newton's step with it."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from steepest.arrays.entry import readable
from steepest.arrays.numbers import Coordinates
from steepest.geometry.geodesic import christoffel
from steepest.geometry.metric import AbstractMetric

__all__ = ["covariant_hessian", "newton_direction"]


@readable
def covariant_hessian(
    cost: Callable[[Any], Any], metric: AbstractMetric, point: Coordinates
) -> Float[Array, "n n"]:
    """d_ij C - Gamma^k_ij d_k C at a point (n,): a tensor, which d_ij C alone is only at a minimum.

    A kernel for small n: jit or vmap it. Surace et al. 2020, Conclusions.

    >>> import jax.numpy as jnp
    >>> import jax
    >>> from steepest.descent import covariant_hessian
    >>> from steepest.geometry import Weber
    >>> with jax.enable_x64(True):  # straight in log size, in which Weber is Euclidean
    ...     hessian = covariant_hessian(lambda x: jnp.log(x[0]), Weber(), jnp.array([2.0]))
    >>> hessian.tolist()
    [[0.0]]
    """
    point = jnp.asarray(point)
    plain = jax.jacfwd(jax.jacfwd(cost))(point)
    return plain - jnp.einsum("kij,k->ij", christoffel(metric, point), jax.jacfwd(cost)(point))


@readable
def newton_direction(
    cost: Callable[[Any], Any], metric: AbstractMetric, point: Coordinates
) -> Float[Array, " n"]:
    """Newton's direction -(covariant Hessian)^-1 dC at a point (n,), the same in every chart.

    The step is exact for a cost that is quadratic along geodesics when taken by `exponential_map`.
    It climbs where the covariant Hessian is not positive definite, as every plain Newton step.

    >>> import jax.numpy as jnp
    >>> import jax
    >>> from steepest.descent import newton_direction
    >>> from steepest.geometry import Euclidean
    >>> with jax.enable_x64(True):
    ...     step = newton_direction(lambda x: jnp.sum((x - 3) ** 2), Euclidean(), jnp.array([1.0]))
    >>> step.tolist()
    [2.0]
    """
    point = jnp.asarray(point)
    return -jnp.linalg.solve(covariant_hessian(cost, metric, point), jax.jacfwd(cost)(point))
