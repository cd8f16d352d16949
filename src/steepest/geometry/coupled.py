"""A potential that couples weights: an elementwise one, seen through a linear map."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.dense import LARGEST_CONDITION, require_double
from steepest.arrays.numbers import Coordinates, as_field, is_concrete, like
from steepest.errors import MetricError
from steepest.geometry.chart import Linear
from steepest.geometry.domain import AbstractDomain, Preimage
from steepest.geometry.potential import AbstractPotential

__all__ = ["Coupled"]


class Coupled(AbstractPotential):
    """phi(w) = potential(M w): weights move as groups, and the Hessian M' h M is dense.

    `mixing` is M (n, n), for example the electrotonic coupling of a dendrite's synapses. Float64
    only. Raises `MetricError` where it is made if M is not square or has condition past 1e12.

    >>> from steepest.descent import bregman_projection
    >>> from steepest.geometry import Coupled, PNorm
    >>> potential = Coupled(PNorm(2), [[1.0, 0.0], [1.0, 1.0]])  # the second moves with the first
    >>> bregman_projection([[1.0, 0.0]], [1.0], [0.0, 0.0], potential).weights.round(6).tolist()
    [1.0, -1.0]
    """

    potential: AbstractPotential
    mixing: np.ndarray = eqx.field(converter=as_field)

    def __check_init__(self) -> None:
        if not is_concrete(self.mixing):
            return
        if self.mixing.ndim != 2 or self.mixing.shape[0] != self.mixing.shape[1]:
            raise MetricError(f"Coupled: mixing is square, not of shape {self.mixing.shape}")
        condition = np.linalg.cond(self.mixing)
        if not condition < LARGEST_CONDITION:
            raise MetricError(
                f"Coupled: mixing has condition number {condition:.2g}: it cannot be inverted"
            )

    @property
    def domain(self) -> AbstractDomain:
        return Preimage(self.potential.domain, Linear(self.mixing))

    def __call__(self, point: Coordinates) -> Float[Array, ""]:
        point = jnp.asarray(point)
        return self.potential(like(self.mixing, point) @ point)

    def to_dual(self, point: Coordinates) -> Float[Array, "*n"]:
        point = jnp.asarray(point)
        require_double(point, "Coupled")
        mixing = like(self.mixing, point)
        return mixing.T @ self.potential.to_dual(mixing @ point)

    def to_primal(self, dual: Coordinates) -> Float[Array, "*n"]:
        dual = jnp.asarray(dual)
        require_double(dual, "Coupled")
        mixing = like(self.mixing, dual)
        return jnp.linalg.solve(mixing, self.potential.to_primal(jnp.linalg.solve(mixing.T, dual)))

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        point = jnp.asarray(point)
        mixing = like(self.mixing, point)
        there = jnp.linalg.solve(mixing.T, jnp.asarray(covector))
        return jnp.linalg.solve(mixing, self.potential.sharp(mixing @ point, there))
