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
    """
    point = jnp.asarray(point)
    return -jnp.linalg.solve(covariant_hessian(cost, metric, point), jax.jacfwd(cost)(point))
