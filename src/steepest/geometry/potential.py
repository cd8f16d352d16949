"""A mirror potential is its Hessian metric plus a global dual chart."""

from abc import abstractmethod

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from steepest.arrays.numbers import Coordinates
from steepest.geometry.metric import AbstractMetric

__all__ = ["AbstractPotential"]


class AbstractPotential(AbstractMetric):
    """A strictly convex function phi; mirror descent is steepest descent in its Hessian's metric.

    A subclass defines `__call__` (phi) and `to_primal` (the inverse of its gradient); the dual
    chart, the metric and the divergence follow by differentiation. Closed forms that override
    them must equal the derived ones. Pogodin et al. 2024, Sec 2.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import AbstractPotential, check_potential
    >>> class Exponential(AbstractPotential):
    ...     def __call__(self, point):
    ...         return jnp.sum(jnp.exp(point))
    ...     def to_primal(self, dual):
    ...         return jnp.log(dual)
    >>> check_potential(Exponential(), [0.5, -1.0]).holds
    True
    """

    @abstractmethod
    def __call__(self, point: Coordinates) -> Float[Array, ""]:
        """phi(point), summed over coordinates."""

    @abstractmethod
    def to_primal(self, dual: Coordinates) -> Float[Array, "*n"]:
        """The point whose dual this is: the inverse of `to_dual`."""

    def to_dual(self, point: Coordinates) -> Float[Array, "*n"]:
        """The dual of a point: the gradient of phi."""
        return jax.grad(lambda x: self(x))(jnp.asarray(point))

    def dual_change(self, before: Coordinates, after: Coordinates) -> Float[Array, "*n"]:
        """Dual of `after` minus dual of `before`."""
        return self.to_dual(after) - self.to_dual(before)

    def divergence(self, point: Coordinates, origin: Coordinates) -> Float[Array, ""]:
        """Bregman divergence phi(point) - phi(origin) - <to_dual(origin), point - origin>."""
        slope = jnp.sum(self.to_dual(origin) * (jnp.asarray(point) - jnp.asarray(origin)))
        return self(point) - self(origin) - slope

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        return jax.jvp(lambda x: self.to_dual(x), (jnp.asarray(point),), (jnp.asarray(vector),))[1]

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        dual = self.to_dual(point)
        return jax.jvp(lambda z: self.to_primal(z), (dual,), (jnp.asarray(covector),))[1]
