"""Potentials with a scale of their own: hyperbolic entropy, and the two that bound the weights."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import xlogy
from jaxtyping import Array, Float

from steepest.arrays.numbers import Coordinates, as_field, is_concrete, matched
from steepest.errors import DomainError
from steepest.geometry.domain import AbstractDomain, Box
from steepest.geometry.potential import AbstractPotential

__all__ = ["Fermi", "HyperbolicEntropy", "Logit"]


def _check_scale(value: Any, what: str) -> None:
    if is_concrete(value) and not (np.isfinite(value).all() and (value > 0).all()):
        raise DomainError(f"{what} is positive and finite, not {value}")


class HyperbolicEntropy(AbstractPotential):
    """phi = w asinh(w/b) - sqrt(w^2 + b^2) + b: Euclidean below the scale b, multiplicative above.

    Weights may change sign. The Hessian is 1/sqrt(w^2 + b^2).

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import HyperbolicEntropy
    >>> HyperbolicEntropy(3.0).sharp(jnp.array([0.0, -4.0]), jnp.ones(2)).tolist()
    [3.0, 5.0]
    """

    scale: np.ndarray = eqx.field(converter=as_field, default=1.0)

    def __check_init__(self) -> None:
        _check_scale(self.scale, "HyperbolicEntropy: the scale")

    def __call__(self, point: Coordinates) -> Float[Array, ""]:
        point = jnp.asarray(point)
        b = matched(self.scale, point, "scale")
        return jnp.sum(point * jnp.arcsinh(point / b) - jnp.hypot(point, b) + b)

    def to_dual(self, point: Coordinates) -> Float[Array, "*n"]:
        point = jnp.asarray(point)
        return jnp.arcsinh(point / matched(self.scale, point, "scale"))

    def to_primal(self, dual: Coordinates) -> Float[Array, "*n"]:
        dual = jnp.asarray(dual)
        return matched(self.scale, dual, "scale") * jnp.sinh(dual)

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        point = jnp.asarray(point)
        return jnp.asarray(vector) / jnp.hypot(point, matched(self.scale, point, "scale"))

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        point = jnp.asarray(point)
        return jnp.asarray(covector) * jnp.hypot(point, matched(self.scale, point, "scale"))


class Fermi(AbstractPotential):
    """Weights between -m and m, with dual atanh(w/m).

    phi = ((m+w) log(1+w/m) + (m-w) log(1-w/m)) / 2.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Fermi
    >>> Fermi(2.0).sharp(jnp.array([0.0, 1.0]), jnp.ones(2)).tolist()
    [2.0, 1.5]
    """

    bound: np.ndarray = eqx.field(converter=as_field, default=1.0)

    def __check_init__(self) -> None:
        _check_scale(self.bound, "Fermi: the bound")

    @property
    def domain(self) -> AbstractDomain:
        return Box(lower=-self.bound, upper=self.bound, inclusive=True)

    def __call__(self, point: Coordinates) -> Float[Array, ""]:
        point = self.domain.require(point, "Fermi")
        m = matched(self.bound, point, "bound")
        return (
            jnp.sum(m * (xlogy(1 + point / m, 1 + point / m) + xlogy(1 - point / m, 1 - point / m)))
            / 2
        )

    def to_dual(self, point: Coordinates) -> Float[Array, "*n"]:
        point = self.domain.require(point, "Fermi")
        return jnp.arctanh(point / matched(self.bound, point, "bound"))

    def to_primal(self, dual: Coordinates) -> Float[Array, "*n"]:
        dual = jnp.asarray(dual)
        return matched(self.bound, dual, "bound") * jnp.tanh(dual)

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        return jnp.asarray(vector) / self._inverse_hessian(point)

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        return jnp.asarray(covector) * self._inverse_hessian(point)

    def _inverse_hessian(self, point: Coordinates) -> Float[Array, "*n"]:
        point = self.domain.require(point, "Fermi")
        m = matched(self.bound, point, "bound")
        return (m - point) * (1 + point / m)


class Logit(AbstractPotential):
    """Weights between 0 and m, with dual log(w/(m-w)).

    phi = w log(w/m) + (m-w) log(1-w/m).

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Logit
    >>> Logit(2.0).sharp(jnp.array([1.0]), jnp.ones(1)).tolist()
    [0.5]
    """

    bound: np.ndarray = eqx.field(converter=as_field, default=1.0)

    def __check_init__(self) -> None:
        _check_scale(self.bound, "Logit: the bound")

    @property
    def domain(self) -> AbstractDomain:
        return Box(lower=0.0 * self.bound, upper=self.bound, inclusive=True)

    def __call__(self, point: Coordinates) -> Float[Array, ""]:
        point = self.domain.require(point, "Logit")
        m = matched(self.bound, point, "bound")
        return jnp.sum(xlogy(point, point / m) + xlogy(m - point, 1 - point / m))

    def to_dual(self, point: Coordinates) -> Float[Array, "*n"]:
        point = self.domain.require(point, "Logit")
        return jnp.log(point) - jnp.log(matched(self.bound, point, "bound") - point)

    def to_primal(self, dual: Coordinates) -> Float[Array, "*n"]:
        dual = jnp.asarray(dual)
        return matched(self.bound, dual, "bound") / (1 + jnp.exp(-dual))

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        return jnp.asarray(vector) / self._inverse_hessian(point)

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        return jnp.asarray(covector) * self._inverse_hessian(point)

    def _inverse_hessian(self, point: Coordinates) -> Float[Array, "*n"]:
        point = self.domain.require(point, "Logit")
        return point * (1 - point / matched(self.bound, point, "bound"))
