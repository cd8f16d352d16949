"""Distributions of a neuron's input: entropy, log-density, expectations, Fisher's metric."""

from abc import abstractmethod
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.numbers import as_number
from steepest.errors import DomainError

__all__ = ["AbstractInput", "LogisticInput", "NormalInput", "UniformInput", "expectation"]


class AbstractInput(eqx.Module):
    """A location-scale distribution of the input x = location + scale u, u of unit scale."""

    @abstractmethod
    def place(self) -> tuple[float, float]:
        """Location and scale."""

    @abstractmethod
    def unit(self) -> tuple[np.ndarray, np.ndarray]:
        """Nodes u (k,) and weights (k,) of an expectation over u; the weights add up to 1."""

    @property
    @abstractmethod
    def unit_entropy(self) -> float:
        """Differential entropy of u, nats."""

    @property
    @abstractmethod
    def unit_fisher(self) -> tuple[float, float] | None:
        """Fisher information of u's location and of its scale, at scale 1; None if there is none.

        Both distributions here are symmetric, so that location and scale do not mix.
        """

    @abstractmethod
    def unit_log_density(self, u: Any) -> Any:
        """Log-density of u."""

    @property
    def entropy(self) -> float:
        """Differential entropy H(x), nats."""
        return self.unit_entropy + float(np.log(self.place()[1]))

    def nodes(self) -> tuple[np.ndarray, np.ndarray]:
        """Nodes x (k,) and weights (k,) of an expectation over x."""
        location, scale = self.place()
        u, weights = self.unit()
        return location + scale * u, weights

    def log_density(self, x: Any) -> Any:
        """Log-density at x; scalar in, scalar out."""
        location, scale = self.place()
        return self.unit_log_density((x - location) / scale) - np.log(scale)


def _check_scale(value: float, what: str) -> None:
    if not (np.isfinite(value) and value > 0):
        raise DomainError(f"{what} is positive and finite, not {value}")


def _trapezoid(reach: float, step: float, log_density: Any) -> tuple[np.ndarray, np.ndarray]:
    """The trapezoid rule on a line: it converges exponentially for densities analytic there."""
    u = np.arange(-round(reach / step), round(reach / step) + 1) * step
    weights = np.exp(log_density(u))
    return u, weights / weights.sum()


class NormalInput(AbstractInput):
    """x ~ N(mean, sd^2).

    >>> from steepest.models import NormalInput
    >>> NormalInput(1.0, 2.0).place()  # location and scale
    (1.0, 2.0)
    """

    mean: float = eqx.field(static=True, converter=as_number, default=0.0)
    sd: float = eqx.field(static=True, converter=as_number, default=1.0)

    def __check_init__(self) -> None:
        _check_scale(self.sd, "NormalInput: the sd")

    def place(self) -> tuple[float, float]:
        return self.mean, self.sd

    def unit(self) -> tuple[np.ndarray, np.ndarray]:
        return _trapezoid(9.0, 0.08, lambda u: -(u**2) / 2)

    @property
    def unit_entropy(self) -> float:
        return float(np.log(2 * np.pi * np.e) / 2)

    @property
    def unit_fisher(self) -> tuple[float, float] | None:
        return 1.0, 2.0

    def unit_log_density(self, u: Any) -> Any:
        return -(u**2) / 2 - np.log(2 * np.pi) / 2


class LogisticInput(AbstractInput):
    """x logistic with a mean and a scale (sd = pi scale / sqrt 3).

    >>> from steepest.models import LogisticInput
    >>> LogisticInput(0.5, 0.7).place()  # location and scale
    (0.5, 0.7)
    """

    mean: float = eqx.field(static=True, converter=as_number, default=0.0)
    scale: float = eqx.field(static=True, converter=as_number, default=1.0)

    def __check_init__(self) -> None:
        _check_scale(self.scale, "LogisticInput: the scale")

    def place(self) -> tuple[float, float]:
        return self.mean, self.scale

    def unit(self) -> tuple[np.ndarray, np.ndarray]:
        return _trapezoid(40.0, 0.1, lambda u: -np.abs(u) - 2 * np.log1p(np.exp(-np.abs(u))))

    @property
    def unit_entropy(self) -> float:
        return 2.0

    @property
    def unit_fisher(self) -> tuple[float, float] | None:
        return 1 / 3, (3 + np.pi**2) / 9

    def unit_log_density(self, u: Any) -> Any:
        return -jax.nn.softplus(u) - jax.nn.softplus(-u)


class UniformInput(AbstractInput):
    """x uniform between two bounds: the output's support moves with gain and bias.

    >>> from steepest.models import UniformInput
    >>> UniformInput(-1.0, 3.0).place()  # location and scale
    (1.0, 2.0)
    """

    lower: float = eqx.field(static=True, converter=as_number, default=0.0)
    upper: float = eqx.field(static=True, converter=as_number, default=1.0)

    def __check_init__(self) -> None:
        _check_scale(self.upper - self.lower, "UniformInput: the width upper - lower")

    def place(self) -> tuple[float, float]:
        return (self.lower + self.upper) / 2, (self.upper - self.lower) / 2

    def unit(self) -> tuple[np.ndarray, np.ndarray]:
        u, weights = np.polynomial.legendre.leggauss(64)
        return u, weights / 2

    @property
    def unit_entropy(self) -> float:
        return float(np.log(2.0))

    @property
    def unit_fisher(self) -> tuple[float, float] | None:
        return None

    def unit_log_density(self, u: Any) -> Any:
        return jnp.where(jnp.abs(u) <= 1, -np.log(2.0), -jnp.inf)


def expectation(function: Any, source: AbstractInput) -> Float[Array, ""]:
    """E[function(x)], by the quadrature of the input; differentiable in what `function` closes on.

    Relative error below 1e-10 as long as `function` has no singularity nearer to the real line
    than a fifth of the input's scale.
    """
    x, weights = source.nodes()
    return jnp.sum(jax.vmap(function)(jnp.asarray(x)) * jnp.asarray(weights))
