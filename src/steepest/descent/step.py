"""One step of learning, in a metric or in a potential's dual: kernels for the caller to jit."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from steepest.arrays.entry import readable
from steepest.arrays.given import same_axes
from steepest.arrays.numbers import Coordinates, as_coordinates, is_concrete, like
from steepest.errors import DomainError
from steepest.geometry.directions import AbstractGeometry, velocity
from steepest.geometry.potential import AbstractPotential

__all__ = ["mirror_step", "riemannian_step", "velocity"]

# Where neighbouring floats are further apart in the dual than this, a step may have no float to
# go to. Finer than that, what rounding takes from a step is small in the dual as well.
_COARSE = 2.0**-10


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
    exactly for a quadratic potential.

    Raises `DomainError` where the point is outside the domain, and for a step that floats cannot
    hold: one to an infinite weight, or so near the edge of the domain that the point's neighbours
    in its precision lie further apart than the step, and it would stay there for ever. Under jit
    such coordinates are NaN. The optimizers of `steepest.optimizers` keep the dual and go on.

    >>> import jax.numpy as jnp
    >>> from steepest.descent import mirror_step
    >>> from steepest.geometry import PNorm
    >>> mirror_step(PNorm(2), jnp.array([1.0, 2.0]), jnp.ones(2), 0.25).tolist()
    [0.75, 1.75]
    """
    point, covector = _pair(point, covector)
    dual = potential.to_dual(point)
    change = like(rate, dual) * covector
    goal = dual - change
    reached = potential.to_primal(goal)
    asked = jnp.isfinite(covector) & jnp.isfinite(point)
    lost = asked & _lost(potential, point, change, goal, reached)
    if not is_concrete(lost, reached):
        return reached * jnp.where(lost, like(jnp.nan, reached), 1)
    if np.asarray(lost).any():
        raise DomainError(_reason(potential, point, goal, np.asarray(lost)))
    return reached


def _lost(
    potential: AbstractPotential, point: Array, change: Array, goal: Array, reached: Array
) -> Bool[Array, "*n"]:
    """Which steps no float can hold. A coordinate at the edge itself does not move: exact."""
    at_edge = ~jnp.isfinite(goal) & (reached == point)
    lost = ~jnp.isfinite(reached) | ~jnp.isfinite(goal)
    if potential.index is None or potential.index > 0:  # below, floats lose no more than Euclid's
        info = jnp.finfo(reached.dtype)
        tiny, eps = like(info.tiny, reached), like(info.eps, reached)
        inside = jnp.where(lost, point, reached)
        vanished = jnp.abs(inside) < tiny
        away = jnp.abs(potential.to_dual(inside) - goal)
        scale = jnp.maximum(jnp.abs(goal), 1)
        beside = jnp.where(vanished, jnp.copysign(tiny, inside), inside)
        gaps = jnp.abs(potential.flat(beside, jnp.maximum(eps * jnp.abs(beside), tiny)))
        coarse = vanished | ~(gaps <= like(_COARSE, scale) * scale)
        step = jnp.abs(change)
        lost |= coarse & (step > eps * scale) & ~(away <= step / 2)
    return lost & ~at_edge


def _reason(potential: AbstractPotential, point: Array, goal: Array, lost: np.ndarray) -> str:
    where: Any = np.unravel_index(np.flatnonzero(lost)[0], lost.shape)
    index = ", ".join(str(int(i)) for i in where)
    name = point.dtype.name
    more = " or float64" if name != "float64" else ""
    return (
        f"a step under {potential.name} carries {int(lost.sum())} of {lost.size} coordinates to"
        f" where {name} cannot hold them, the first of them coordinate {index or '()'} from"
        f" {float(point[where]):.6g} to the dual {float(goal[where]):.6g}: it would be infinite or"
        f" stay for ever. Take a smaller rate{more}, or an optimizer that keeps the dual:"
        " steepest.optimizers.mirror_descent or MirrorDescent"
    )


def _pair(point: Any, covector: Any) -> tuple[Array, Array]:
    same_axes({"point": (point, 0), "covector": (covector, 0)})
    return as_coordinates(point, "point"), as_coordinates(covector, "covector")
