"""How a flow field is drawn: equipotentials in black, the flow in colour, the domain's edge."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.geometry import AbstractMetric, velocity

__all__ = ["draw_stream", "field_on"]


def field_on(
    cost: Any, metric: AbstractMetric, first: np.ndarray, second: np.ndarray
) -> tuple[Float[np.ndarray, "b a"], Float[np.ndarray, "b a 2"]]:
    """Cost and velocity of steepest descent on the grid of two coordinates, rows the second."""
    with jax.enable_x64(True):
        grid = jnp.asarray(np.stack(np.meshgrid(first, second), axis=-1).reshape(-1, 2))

        costs, velocities = _everywhere(cost, metric, grid)
    shape = (len(second), len(first))
    return np.asarray(costs).reshape(shape), np.asarray(velocities).reshape(*shape, 2)


@eqx.filter_jit
def _everywhere(cost: Any, metric: AbstractMetric, points: Array) -> tuple[Array, Array]:
    return jax.vmap(cost)(points), jax.vmap(lambda point: velocity(cost, metric, point))(points)


def draw_stream(
    axes: Any,
    first: np.ndarray,
    second: np.ndarray,
    costs: np.ndarray,
    velocity: np.ndarray,
    levels: Any,
    colour: str,
    density: float = 0.9,
) -> None:
    """One panel: black contour lines of the cost, and stream lines of a velocity (b, a, 2)."""
    axes.contour(first, second, costs, levels=levels, colors="black", linewidths=0.6,
                 linestyles="solid")  # fmt: skip
    axes.streamplot(
        first,
        second,
        velocity[..., 0],
        velocity[..., 1],
        color=colour,
        linewidth=0.9,
        arrowsize=0.8,
        density=density,
    )
    axes.set(xlim=(first[0], first[-1]), ylim=(second[0], second[-1]))
