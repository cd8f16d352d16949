"""One step of learning, in a metric or in a potential's dual: kernels for the caller to jit."""

from typing import Any

from jaxtyping import Array, Float

from steepest.arrays.entry import readable
from steepest.arrays.given import same_axes
from steepest.arrays.numbers import Coordinates, as_coordinates, like
from steepest.geometry.directions import AbstractGeometry, velocity
from steepest.geometry.potential import AbstractPotential

__all__ = ["mirror_step", "riemannian_step", "velocity"]


@readable
def riemannian_step(
    geometry: AbstractGeometry,
    point: Coordinates,
    covector: Coordinates,
    rate: float | Float[Array, ""],
) -> Float[Array, "*n"]:
    """Explicit Euler step of steepest descent: point - rate * sharp(point, covector).

    The covector is the cost's differential at the point. Follows the flow to first order in the
    rate, so it depends on the chart at second order. Raises what the geometry's `sharp` raises.

    >>> import jax.numpy as jnp
    >>> from steepest.descent import riemannian_step
    >>> from steepest.geometry import Weber
    >>> riemannian_step(Weber(), jnp.array([1.0, 2.0]), jnp.ones(2), 0.25).tolist()
    [0.75, 1.0]
    """
    point, covector = _pair(point, covector)
    vector = geometry.sharp(point, covector)
    return point - like(rate, vector) * vector


@readable
def mirror_step(
    potential: AbstractPotential,
    point: Coordinates,
    covector: Coordinates,
    rate: float | Float[Array, ""],
) -> Float[Array, "*n"]:
    """Mirror descent step: the dual moves by -rate * covector (Pogodin et al. 2024, Eqs 5-6).

    Agrees with `riemannian_step` in the potential's Hessian metric to first order in the rate, and
    exactly for a quadratic potential. Raises `DomainError` where the point is outside the domain.

    >>> import jax.numpy as jnp
    >>> from steepest.descent import mirror_step
    >>> from steepest.geometry import PNorm
    >>> mirror_step(PNorm(2), jnp.array([1.0, 2.0]), jnp.ones(2), 0.25).tolist()
    [0.75, 1.75]
    """
    point, covector = _pair(point, covector)
    dual = potential.to_dual(point)
    return potential.to_primal(dual - like(rate, dual) * covector)


def _pair(point: Any, covector: Any) -> tuple[Array, Array]:
    same_axes({"point": (point, 0), "covector": (covector, 0)})
    return as_coordinates(point, "point"), as_coordinates(covector, "covector")
