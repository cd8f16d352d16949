"""Where a geometry is defined, and how far a point is from leaving it."""

from abc import abstractmethod
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.numbers import (
    Coordinates,
    as_coordinates,
    as_field,
    floating,
    is_concrete,
    like,
)
from steepest.errors import DomainError

__all__ = ["AbstractDomain", "Boundary", "Box", "Everywhere", "Intersection", "Nonzero", "Preimage"]


class AbstractDomain(eqx.Module):
    """A set of admissible points, given by each coordinate's distance to its boundary.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import AbstractDomain
    >>> class Disc(AbstractDomain):
    ...     closed = False
    ...     def margin(self, point):
    ...         return 1 - jnp.sqrt(jnp.sum(point**2, keepdims=True))
    ...     def describe(self):
    ...         return "inside the unit circle"
    >>> bool(Disc().outside(jnp.array([1.0, 1.0])).any())
    True
    """

    @abstractmethod
    def margin(self, point: Coordinates) -> Float[Array, "*m"]:
        """Distance to the boundary, coordinate by coordinate: positive inside, negative outside."""

    @property
    @abstractmethod
    def closed(self) -> bool:
        """Whether points on the boundary belong to the domain."""

    @abstractmethod
    def describe(self) -> str:
        """The domain in words, as an error message would say it."""

    def around(self, point: Coordinates) -> "AbstractDomain":
        """The connected part of the domain in which a point lies: where a flow from it can go."""
        return self

    def outside(self, point: Coordinates) -> Array:
        """Which coordinates lie outside (those that are not numbers included)."""
        margin = self.margin(point)
        return ~(margin >= 0) if self.closed else ~(margin > 0)

    def require(self, point: Any, what: str) -> Array:
        """The point itself if it lies inside; otherwise raises, or under jit gives NaN there.

        `what` names the geometry in the message. Raises `DomainError`, which names the first
        coordinate outside.
        """
        point = as_coordinates(point, f"{what}: the point")
        # Inside lax.cond what is computed from a concrete point is traced all the same.
        if is_concrete(point, jnp.isnan(point), *jax.tree.leaves(self)):
            self.check(point, what)
            return point
        outside = self.outside(point)
        # Coordinates that share one margin are all wrong where it is.
        wrong = outside if outside.shape == point.shape else outside.any()
        # Multiplying by NaN, unlike putting NaN in place, makes the derivatives NaN as well.
        return point * jnp.where(wrong, like(jnp.nan, point), 1)

    def check(self, point: Any, what: str) -> None:
        """Raise a `DomainError` that names the first coordinate outside, if there is one."""
        point = np.asarray(as_coordinates(point, f"{what}: the point"))
        outside = self._outside_known(point)
        if outside.any():
            where = np.unravel_index(np.flatnonzero(outside)[0], outside.shape)
            index = ", ".join(str(int(i)) for i in where)
            value = f" = {float(point[where]):.6g}" if outside.shape == point.shape else ""
            others = int(outside.sum()) - 1
            also = f" (and {others} more)" if others else ""
            raise DomainError(
                f"{what}: coordinate {index}{value}{also} is outside the domain, which is "
                f"{self.describe()}; move the point inside or choose another geometry"
            )

    def _outside_known(self, point: np.ndarray) -> np.ndarray:
        """`outside` of a point whose numbers are known; a NumPy version costs a tenth of it."""
        return np.asarray(self.outside(point))

    def boundary(self, margin: float = 1e-3) -> "Boundary":
        """A stop condition for `gradient_flow` that ends it at this distance from the boundary."""
        return Boundary(self, margin)


class Everywhere(AbstractDomain):
    """All of space.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Everywhere
    >>> Everywhere().outside(jnp.array([-1e30, jnp.nan])).tolist()
    [False, True]
    """

    @property
    def closed(self) -> bool:
        return True

    def margin(self, point: Coordinates) -> Float[Array, "*m"]:
        point = jnp.asarray(point)
        return jnp.where(jnp.isnan(point), like(jnp.nan, point), like(jnp.inf, point))

    def _outside_known(self, point: np.ndarray) -> np.ndarray:
        return np.isnan(point)

    def describe(self) -> str:
        return "all finite numbers"


class Box(AbstractDomain):
    """Coordinates between `lower` and `upper` (numbers, or one each), the ends if `inclusive`.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Box
    >>> Box(lower=0.0, upper=1.0).margin(jnp.array([0.25, 1.5])).tolist()
    [0.25, -0.5]
    """

    lower: np.ndarray = eqx.field(converter=as_field, default=-np.inf)
    upper: np.ndarray = eqx.field(converter=as_field, default=np.inf)
    inclusive: bool = eqx.field(static=True, default=False)

    @property
    def closed(self) -> bool:
        return self.inclusive

    def margin(self, point: Coordinates) -> Float[Array, "*m"]:
        point = jnp.asarray(point)
        lower, upper = like(self.lower, point), like(self.upper, point)
        above = jnp.where(jnp.isinf(lower), jnp.inf, point - lower)
        below = jnp.where(jnp.isinf(upper), jnp.inf, upper - point)
        return jnp.where(jnp.isnan(point), jnp.nan, jnp.minimum(above, below))

    def _outside_known(self, point: np.ndarray) -> np.ndarray:
        # The ends in the point's precision, as in `margin`: .1 as float32 lies at the end .1.
        dtype = floating(point.dtype)
        lower, upper = self.lower.astype(dtype), self.upper.astype(dtype)
        beyond = np.greater_equal if self.closed else np.greater
        # An end at infinity is no end, so infinity itself is not beyond it.
        inside = np.isinf(lower) | beyond(point, lower)
        inside &= np.isinf(upper) | beyond(upper, point)
        return np.isnan(point) | ~inside

    def describe(self) -> str:
        below = "<=" if self.closed else "<"
        low, high = (np.array2string(np.asarray(b), precision=6) for b in (self.lower, self.upper))
        return f"{low} {below} coordinate {below} {high}"


class Nonzero(AbstractDomain):
    """Coordinates of either sign, but not zero.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Nonzero
    >>> Nonzero().outside(jnp.array([-1.0, 0.0])).tolist()
    [False, True]
    """

    @property
    def closed(self) -> bool:
        return False

    def margin(self, point: Coordinates) -> Float[Array, "*m"]:
        return jnp.abs(jnp.asarray(point))

    def _outside_known(self, point: np.ndarray) -> np.ndarray:
        # Compiled programs take subnormal numbers for 0.
        return ~(np.abs(point) >= np.finfo(floating(point.dtype)).tiny)

    def around(self, point: Coordinates) -> AbstractDomain:
        point = jnp.asarray(point)
        zero, infinity = like(0, point), like(jnp.inf, point)
        return Box(
            lower=jnp.where(point > 0, zero, -infinity), upper=jnp.where(point > 0, infinity, zero)
        )

    def describe(self) -> str:
        return "coordinate != 0"


class Preimage(AbstractDomain):
    """Points whose coordinates in a chart lie in the domain.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Box, Preimage, Scaling
    >>> Preimage(Box(upper=1.0), Scaling([2.0])).outside(jnp.array([0.75])).tolist()
    [True]
    """

    domain: AbstractDomain
    chart: Any

    @property
    def closed(self) -> bool:
        return self.domain.closed

    def margin(self, point: Coordinates) -> Float[Array, "*m"]:
        return self.domain.margin(self.chart(point))

    def around(self, point: Coordinates) -> AbstractDomain:
        return Preimage(self.domain.around(self.chart(point)), self.chart)

    def describe(self) -> str:
        return f"in the coordinates of {type(self.chart).__name__}: {self.domain.describe()}"


class Intersection(AbstractDomain):
    """Points that lie in every one of several domains.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Box, Intersection
    >>> Intersection((Box(lower=0.0), Box(upper=1.0))).margin(jnp.array([0.25])).tolist()
    [0.25]
    """

    domains: tuple[AbstractDomain, ...]

    @property
    def closed(self) -> bool:
        return all(domain.closed for domain in self.domains)

    def margin(self, point: Coordinates) -> Float[Array, "*m"]:
        margins = [domain.margin(point) for domain in self.domains]
        if any(margin.shape != margins[0].shape for margin in margins):
            margins = [jnp.min(margin) for margin in margins]
        return jnp.stack(margins).min(axis=0)

    def around(self, point: Coordinates) -> AbstractDomain:
        return Intersection(tuple(domain.around(point) for domain in self.domains))

    def describe(self) -> str:
        return " and ".join(sorted({domain.describe() for domain in self.domains}))


class Boundary(eqx.Module):
    """A stop condition: a scalar that falls to zero at `margin` from the edge of `domain`.

    The margin keeps the solver away from the singular edge itself, where it would exhaust its
    steps; `gradient_flow` extrapolates the time at which the edge would have been reached.

    >>> from steepest import gradient_flow
    >>> from steepest.geometry import Box, Euclidean
    >>> stop = Box(lower=0.0).boundary()
    >>> flow = gradient_flow(lambda x: x.sum(), Euclidean(), [0.5], [1.0], stop=stop)
    >>> round(float(flow.end_time), 6), round(float(flow.boundary_time), 6)
    (0.499, 0.5)
    """

    domain: AbstractDomain
    margin: np.ndarray = eqx.field(converter=as_field, default=1e-3)

    def __check_init__(self) -> None:
        if is_concrete(self.margin) and not self.margin > 0:
            raise DomainError(f"a boundary's margin is a positive distance, not {self.margin}")

    def distance(self, point: Coordinates) -> Float[Array, ""]:
        """Distance of the nearest coordinate to the edge."""
        return jnp.min(self.domain.margin(point))

    def around(self, point: Coordinates) -> "Boundary":
        """The boundary of the connected part of the domain in which a point lies."""
        return Boundary(self.domain.around(point), self.margin)

    def __call__(self, point: Coordinates) -> Float[Array, ""]:
        return self.distance(point) - like(self.margin, jnp.asarray(point))
