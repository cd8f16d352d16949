"""A normal distribution that is fitted to another one: Surace et al. 2020, Fig 3."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.numbers import as_field, is_concrete, like
from steepest.errors import DomainError
from steepest.geometry.chart import Elementwise, Pullback
from steepest.geometry.diagonal import Diagonal, Euclidean
from steepest.geometry.domain import AbstractDomain, Boundary, Box
from steepest.geometry.fisher import FisherNormal
from steepest.geometry.metric import AbstractMetric

__all__ = ["GaussianModel", "precision_chart", "variance_chart"]


class GaussianModel(eqx.Module):
    """KL divergence from N(target_mean, target_sd) to N(mu, sigma), at points (mu, sigma).

    The defaults are Fig 3's. The minimum is 0, at the target.

    >>> import jax.numpy as jnp
    >>> from steepest.models import GaussianModel
    >>> float(GaussianModel(target_mean=4.0, target_sd=2.0).cost(jnp.array([4.0, 2.0])))
    0.0
    """

    target_mean: np.ndarray = eqx.field(converter=as_field, default=4.0)
    target_sd: np.ndarray = eqx.field(converter=as_field, default=2.0)

    def __check_init__(self) -> None:
        if is_concrete(self.target_sd) and not self.target_sd > 0:
            raise DomainError(f"GaussianModel: target_sd is positive, not {self.target_sd}")

    def cost(self, point: Float[Array, "2"] | Float[np.ndarray, "2"]) -> Float[Array, ""]:
        """C = ln(sigma/sd) + (sd^2 + (mu - mean)^2) / (2 sigma^2) - 1/2."""
        mu, sigma = jnp.asarray(point)
        mean, sd = like(self.target_mean, mu), like(self.target_sd, mu)
        return jnp.log(sigma / sd) + (sd**2 + (mu - mean) ** 2) / (2 * sigma**2) - 0.5

    def log_density(self, x: Any, point: Any) -> Any:
        """Log-density of N(mu, sigma) at x."""
        mu, sigma = point
        return -(((x - mu) / sigma) ** 2) / 2 - jnp.log(sigma) - np.log(2 * np.pi) / 2

    @property
    def domain(self) -> AbstractDomain:
        """sigma > 0."""
        return Box(lower=np.array([-np.inf, 0.0]))

    def boundary(self, margin: float = 1e-3) -> Boundary:
        """The stop of a flow that would run out of the domain."""
        return self.domain.boundary(margin)

    def metrics(self) -> dict[str, AbstractMetric]:
        """Naive descent in sigma, variance and precision, Fisher's metric, and Wasserstein's.

        All as metrics on (mu, sigma): I; diag(1, 4 sigma^2); diag(1, 4/sigma^6); diag(1, 2) /
        sigma^2; I again, since the Wasserstein-2 metric of normal distributions is Euclidean in
        mean and standard deviation.
        """
        return {
            "Euclidean in sigma": Euclidean(),
            "Euclidean in variance": Pullback(Euclidean(), variance_chart()),
            "Euclidean in precision": Pullback(Euclidean(), precision_chart()),
            "Fisher": FisherNormal(),
            "Wasserstein": Diagonal(np.ones(2)),
        }


def _second(function: Any) -> Any:
    return lambda x: jnp.stack([x[0], function(x[1])])


def variance_chart() -> Elementwise:
    """(mu, sigma) -> (mu, sigma^2)."""
    return Elementwise(_second(jnp.square), _second(jnp.sqrt))


def precision_chart() -> Elementwise:
    """(mu, sigma) -> (mu, 1/sigma^2)."""
    return Elementwise(_second(lambda s: s**-2), _second(lambda t: t**-0.5))
