"""The one idea: a geometry says which direction is steepest, and descent follows it."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from steepest.arrays.entry import readable
from steepest.arrays.numbers import Coordinates, as_coordinates, floating
from steepest.geometry.domain import AbstractDomain, Everywhere

__all__ = ["AbstractGeometry", "velocity"]


class AbstractGeometry(eqx.Module):
    """Whatever has steepest directions: a metric, or a norm that is not quadratic.

    `sharp(point, differential of a cost)` is the direction of steepest ascent times its slope, so
    that `velocity` is steepest descent (Surace et al. 2020, Eqs 3-7). Add a metric by deriving
    from `AbstractMetric`, a mirror potential from `AbstractPotential`, another length from
    `AbstractNorm`; each docstring says what to define.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import AbstractGeometry, Weber
    >>> geometry = Weber()
    >>> isinstance(geometry, AbstractGeometry), geometry.index, geometry.freezes_signs
    (True, 2.0, True)
    >>> geometry.sharp(jnp.array([1.0, 3.0]), jnp.array([1.0, 1.0])).tolist()
    [1.0, 9.0]
    """

    # Not annotated, so no fields: a subclass says otherwise by a field or by a property.
    domain = cast(AbstractDomain, Everywhere())
    """Where it is defined."""
    index = cast("float | None", None)
    """The power of its size with which a coordinate moves; None where there is no such power."""

    @abstractmethod
    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        """Covector to vector: the steepest direction times its slope."""

    @abstractmethod
    def norm(self, point: Coordinates, vector: Coordinates) -> Float[Array, ""]:
        """Length of a vector at a point."""

    def dual_norm(self, point: Coordinates, covector: Coordinates) -> Float[Array, ""]:
        """Length of a covector: the steepest slope that a cost with this differential has."""
        return jnp.sqrt(jnp.sum(covector * self.sharp(point, covector)))

    @property
    def name(self) -> str:
        """What messages and records call it: its class, unless it says otherwise."""
        return type(self).__name__

    @property
    def freezes_signs(self) -> bool:
        """Whether a coordinate keeps its sign for ever and never moves from 0: index 1 and up."""
        return self.index is not None and self.index >= 1

    def check(self, point: Any) -> None:
        """Raise a `DomainError` where a concrete point lies outside the domain."""
        self.domain.check(as_coordinates(point, "the point"), self.name)


@readable
def velocity(
    cost: Callable[[Any], Any], geometry: AbstractGeometry, point: Coordinates
) -> Float[Array, "*n"]:
    """Steepest descent at a point, -sharp(point, dC): a kernel to jit or vmap.

    `cost`: point -> scalar, in jax.numpy. Not a number under jit where the geometry is undefined;
    otherwise raises what its `sharp` raises. Surace et al. 2020, Eq 5.

    >>> import jax.numpy as jnp
    >>> from steepest.descent import velocity
    >>> from steepest.geometry import Euclidean, Weber
    >>> point = jnp.array([1.0, 3.0])
    >>> velocity(jnp.sum, Euclidean(), point).tolist()
    [-1.0, -1.0]
    >>> velocity(jnp.sum, Weber(), point).tolist()
    [-1.0, -9.0]
    """
    point = as_coordinates(point, "point")
    point = point.astype(floating(point.dtype))
    return -geometry.sharp(point, jax.grad(cost)(point))
