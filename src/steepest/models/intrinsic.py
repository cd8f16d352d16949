"""Intrinsic plasticity: a neuron tunes gain and bias towards exponentially distributed rates.

Triesch 2007; Surace et al. 2020, Fig 4A and B.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.numbers import as_number
from steepest.errors import DomainError, MetricError
from steepest.geometry.density import FisherDensity
from steepest.geometry.diagonal import Euclidean
from steepest.geometry.domain import AbstractDomain, Boundary, Box
from steepest.geometry.matrix import AbstractMatrixMetric
from steepest.geometry.metric import AbstractMetric
from steepest.geometry.wasserstein import WassersteinQuantile
from steepest.models.inputs import AbstractInput, NormalInput, expectation

__all__ = ["IntrinsicFisher", "IntrinsicModel"]


class IntrinsicModel(eqx.Module):
    """KL divergence from y = 1/(1 + exp(-(a x + b))) to an exponential distribution of `mean`.

    Points are (a, b), a > 0: the sheet a < 0 is separated by a = 0, where the output has no
    density. `input` is the distribution of x (dimensionless, as the paper assumes).

    >>> import jax.numpy as jnp
    >>> from steepest.models import IntrinsicModel
    >>> round(float(IntrinsicModel().cost(jnp.array([1.238, -2.702]))), 4)  # near the minimum
    0.033
    """

    input: AbstractInput = NormalInput()
    mean: float = eqx.field(static=True, converter=as_number, default=0.1)

    def __check_init__(self) -> None:
        if not self.mean > 0:
            raise DomainError(f"IntrinsicModel: the mean rate is positive, not {self.mean}")

    def cost(self, point: Float[Array, "2"] | Float[np.ndarray, "2"]) -> Float[Array, ""]:
        """C = -H(x) - ln|a| + E[softplus(z) + softplus(-z)] + E[y]/mean + ln mean, z = a x + b."""
        a, b = jnp.asarray(point)

        def terms(x: Array) -> Array:
            z = a * x + b
            return jax.nn.softplus(z) + jax.nn.softplus(-z) + jax.nn.sigmoid(z) / self.mean

        return (
            expectation(terms, self.input)
            - self.input.entropy
            - jnp.log(jnp.abs(a))
            + np.log(self.mean)
        )

    def rule(self, x: Any, point: Any) -> Float[Array, "2"]:
        """Triesch's rule for one input x: (da, db); its mean over inputs is -dC."""
        a, b = jnp.asarray(point)
        y = jax.nn.sigmoid(a * x + b)
        db = 1 - (2 + 1 / self.mean) * y + y**2 / self.mean
        return jnp.stack([1 / a + x * db, db])

    def log_density(self, z: Any, point: Any) -> Any:
        """Log-density of z = a x + b, of which the output y is a fixed bijection."""
        a, b = point
        return self.input.log_density((z - b) / a) - jnp.log(jnp.abs(a))

    @property
    def domain(self) -> AbstractDomain:
        """a > 0."""
        return Box(lower=np.array([0.0, -np.inf]))

    def boundary(self, margin: float = 1e-3) -> Boundary:
        """The stop of a flow that would run into a = 0.

        Descent of this cost runs away from there, -dC/da being 1/a; it is reached backwards in
        time, after a finite time under Euclid and never under Fisher.
        """
        return self.domain.boundary(margin)

    def fisher(self) -> AbstractMetric:
        """Fisher's metric of the output distribution, in closed form.

        Raises `MetricError` for inputs for which there is none: uniform ones, whose output's
        support moves.
        """
        return IntrinsicFisher(self.input)

    def fisher_by_quadrature(self) -> FisherDensity:
        """The same from the density of z alone; for an input of bounded support it raises."""

        def middle(point: Any) -> Any:
            return point[0] * self.input.place()[0] + point[1]

        def width(point: Any) -> Any:
            return jnp.abs(point[0]) * self.input.place()[1]

        return FisherDensity(self.log_density, centre=middle, scale=width, domain=self.domain)

    def wasserstein_of_rate(self) -> WassersteinQuantile:
        """Wasserstein's metric of the output rate y, for normal inputs.

        Unlike Fisher's it is not that of z. Raises `MetricError` for other inputs.
        """
        if not isinstance(self.input, NormalInput):
            raise MetricError("wasserstein_of_rate: give the model a NormalInput")
        m, s = self.input.place()

        def quantile(u: Any, point: Any) -> Any:
            a, b = point
            return jax.nn.sigmoid(a * (m + s * jax.scipy.special.ndtri(u)) + b)

        return WassersteinQuantile(quantile=quantile, domain=self.domain)

    def metrics(self) -> dict[str, AbstractMetric]:
        """Euclid, as Triesch chose implicitly, and Fisher, where it exists."""
        metrics: dict[str, AbstractMetric] = {"Euclidean": Euclidean()}
        if self.input.unit_fisher is not None:
            metrics["Fisher"] = self.fisher()
        return metrics


class IntrinsicFisher(AbstractMatrixMetric):
    """Fisher's metric at (a, b) for an input of location m and scale s, symmetric about m.

    G_aa = (I m^2/s^2 + K)/a^2, G_ab = I m/(a s)^2, G_bb = I/(a s)^2, with I and K the information
    on location and scale of the unit distribution: (1, 2) normal, (1/3, (3 + pi^2)/9) logistic.
    Infinitely far away at a = 0.
    """

    input: AbstractInput

    def __check_init__(self) -> None:
        if self.input.unit_fisher is None:
            raise MetricError(
                f"{type(self.input).__name__}: the support of the output moves with gain and bias, "
                "so no Fisher metric exists; choose an input with a smooth density, or "
                "Wasserstein's metric"
            )

    @property
    def domain(self) -> AbstractDomain:
        return Box(lower=np.array([0.0, -np.inf]))

    def compute_matrix(self, point: Float[Array, " n"]) -> Float[Array, "n n"]:
        assert self.input.unit_fisher is not None
        of_location, of_scale = self.input.unit_fisher
        m, s = self.input.place()
        inner = np.array([[of_location * m**2 / s**2 + of_scale, of_location * m / s**2],
                          [of_location * m / s**2, of_location / s**2]])  # fmt: skip
        return jnp.asarray(inner) / point[0] ** 2
