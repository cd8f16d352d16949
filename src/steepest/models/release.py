"""Synaptic transmission as a binomial release model that approaches a target response.

Costa et al. 2017; Surace et al. 2020, Fig 4C and D.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.numbers import as_field, as_number, is_concrete, like
from steepest.errors import DomainError, MetricError
from steepest.geometry.density import FisherDensity
from steepest.geometry.diagonal import Euclidean, Metabolic, Weber
from steepest.geometry.domain import AbstractDomain, Boundary, Box
from steepest.geometry.fisher import FisherGaussian
from steepest.geometry.metric import AbstractMetric
from steepest.geometry.wasserstein import WassersteinGaussian

__all__ = ["ReleaseModel"]


class ReleaseModel(eqx.Module):
    """KL divergence from a narrow Gaussian target to the response's Gaussian approximation.

    Points are (P, q): release probability in (0, 1) and quantal amplitude > 0, in the unit of
    `target`. The response has mean N P q and variance N P (1-P) q^2 + noise^2. `sites` is N (1 as
    in Costa et al.), `target` phi the response's target, `width` eps the target's standard
    deviation (0: infinitely narrow), `noise` the readout's standard deviation.

    With width and noise 0 the cost is unbounded below at (1, phi/N), and the Euclidean flow gets
    there in finite time: stop it with `boundary()`. With a width there is a minimum inside.

    >>> from steepest.models import ReleaseModel
    >>> [round(x, 4) for x in ReleaseModel(sites=3, target=2.0, width=0.5).minimum]
    [0.8421, 0.7917]
    """

    sites: float = eqx.field(static=True, converter=as_number, default=1.0)
    target: np.ndarray = eqx.field(converter=as_field, default=1.0)
    width: np.ndarray = eqx.field(converter=as_field, default=0.0)
    noise: np.ndarray = eqx.field(converter=as_field, default=0.0)

    def __check_init__(self) -> None:
        if not is_concrete(self.target, self.width, self.noise):
            return
        if not (self.sites >= 1 and self.target > 0 and self.width >= 0 and self.noise >= 0):
            raise DomainError(
                "ReleaseModel: at least 1 site, a positive target, and width and noise not "
                f"negative, not {self.sites}, {self.target}, {self.width}, {self.noise}"
            )

    def moments(self, point: Any) -> tuple[Any, Any]:
        """Mean and variance of the response at (P, q)."""
        P, q = jnp.asarray(point)
        N = self.sites
        return N * P * q, N * P * (1 - P) * q**2 + like(self.noise, P) ** 2

    def cost(self, point: Float[Array, "2"] | Float[np.ndarray, "2"]) -> Float[Array, ""]:
        """C = ln(v)/2 + ((phi - m)^2 + eps^2) / (2 v), up to a constant."""
        m, v = self.moments(point)
        miss = (like(self.target, m) - m) ** 2 + like(self.width, m) ** 2
        return jnp.log(v) / 2 + miss / (2 * v)

    @property
    def minimum(self) -> tuple[float, float]:
        """(P, q) of the least cost: P = 1/(1 + N eps^2/phi^2), q = phi/N + eps^2/phi.

        On the boundary P = 1 for a width of 0. Raises `DomainError` with readout noise, for which
        there is no closed form.
        """
        if self.noise > 0:
            raise DomainError("ReleaseModel.minimum has a closed form only without readout noise")
        ratio = float(self.width**2 / self.target)
        q = float(self.target / self.sites) + ratio
        return 1 / (1 + float(self.sites / self.target) * ratio), q

    @property
    def domain(self) -> AbstractDomain:
        """0 < P < 1, q > 0."""
        return Box(lower=np.zeros(2), upper=np.array([1.0, np.inf]))

    def boundary(self, margin: float = 1e-3) -> Boundary:
        """The stop of a flow that would run out of the domain, at P = 1 usually."""
        return self.domain.boundary(margin)

    def _mean(self, point: Any) -> Any:
        return self.moments(point)[0][None]

    def _covariance(self, point: Any) -> Any:
        return self.moments(point)[1][None, None]

    def fisher(self) -> FisherGaussian:
        """Fisher's metric of the Gaussian response, dm dm'/v + dv dv'/(2 v^2).

        The exact binomial response has none: see `fisher_exact`.
        """
        return FisherGaussian(self._mean, self._covariance, self.domain)

    def wasserstein(self) -> WassersteinGaussian:
        """Wasserstein's metric of the Gaussian response: it depends on the unit of q."""
        return WassersteinGaussian(self._mean, self._covariance, self.domain)

    def log_density(self, x: Any, point: Any) -> Any:
        """Log-density of the exact response: a binomial mixture, each count blurred by the noise.

        Raises `MetricError` without readout noise or for N that is no whole number.
        """
        from scipy.special import gammaln

        self._check_blurred()
        N = int(self.sites)
        P, q = point
        k = np.arange(N + 1.0)
        choices = gammaln(N + 1) - gammaln(k + 1) - gammaln(N - k + 1)
        logs = choices + k * jnp.log(P) + (N - k) * jnp.log1p(-P)
        sd = like(self.noise, logs)
        blur = -(((x - k * q) / sd) ** 2) / 2 - jnp.log(sd) - np.log(2 * np.pi) / 2
        return jax.scipy.special.logsumexp(logs + blur)

    def _check_blurred(self) -> None:
        blurred = not is_concrete(self.noise) or self.noise > 0
        if not (blurred and self.sites == int(self.sites)):
            raise MetricError(
                "ReleaseModel: the exact response is a count times q, whose support moves with q: "
                "it has no density, and no Fisher metric, unless `noise` is positive (and `sites` "
                "a whole number)"
            )

    def fisher_exact(self) -> FisherDensity:
        """Fisher's metric of the exact response with readout noise, by quadrature.

        Raises `MetricError` without readout noise: the support moves with q.
        """
        self._check_blurred()

        def middle(point: Any) -> Any:
            return self.moments(point)[0]

        def reach(point: Any) -> Any:
            return jnp.sqrt(self.moments(point)[1])

        return FisherDensity(self.log_density, centre=middle, scale=reach, domain=self.domain)

    def metrics(self) -> dict[str, AbstractMetric]:
        """The metrics without free parameters that were proposed for (P, q)."""
        return {
            "Euclidean": Euclidean(),
            "metabolic": Metabolic(2.0, np.array([1.0, np.inf])),
            "Weber": Weber(),
            "Fisher": self.fisher(),
            "Wasserstein": self.wasserstein(),
        }
