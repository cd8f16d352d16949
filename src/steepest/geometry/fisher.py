"""Fisher's metric on families of distributions: how well a small change can be told from data.

G_ij = E[d_i log f d_j log f], the same in every parametrisation. Surace et al. 2020, "On choosing
a metric". It is not the covariance of a loss's gradients over samples, often called "empirical
Fisher": that is `LossGradientCovariance`, another tensor.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.entry import entry_point
from steepest.arrays.numbers import Coordinates, Numbers, as_field, as_numbers
from steepest.errors import MetricError, UsageError
from steepest.geometry.domain import AbstractDomain, Box, Everywhere
from steepest.geometry.matrix import AbstractMatrixMetric
from steepest.geometry.metric import AbstractMetric

__all__ = [
    "FisherEstimate",
    "FisherExponentialFamily",
    "FisherGaussian",
    "FisherNormal",
    "LossGradientCovariance",
    "monte_carlo_fisher",
]


class FisherNormal(AbstractMetric):
    """Fisher's metric of normal distributions at (mean, standard deviation): diag(1, 2)/sd^2.

    A hyperbolic plane: its geodesics are known in closed form, at any distance.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import FisherNormal
    >>> FisherNormal().matrix(jnp.array([1.0, 2.0])).tolist()
    [[0.25, 0.0], [0.0, 0.5]]
    """

    @property
    def domain(self) -> AbstractDomain:
        return Box(lower=np.array([-np.inf, 0.0]))

    def _factors(self, point: Coordinates) -> Float[Array, "2"]:
        point = self.domain.require(point, "FisherNormal")
        return jnp.asarray([1.0, 2.0], dtype=point.dtype) / point[1] ** 2

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        return self._factors(point) * jnp.asarray(vector)

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        return jnp.asarray(covector) / self._factors(point)

    def logarithm(
        self, point: Float[Array, " n"], other: Float[Array, " n"]
    ) -> Float[Array, " n"] | None:
        # At (mean/sqrt 2, sd) it is twice the hyperbolic plane's metric; the map of the half plane
        # to the disc that puts the point at the centre turns geodesics into rays.
        root = np.sqrt(2.0)
        start, end = (complex(x[0]) / root + 1j * float(x[1]) for x in (point, other))
        ray = 1j * (end - start) / (end - start.conjugate())
        if ray == 0:
            return jnp.zeros_like(point)
        distance = 2 * np.arcsinh(abs(end - start) / (2 * np.sqrt(start.imag) * np.sqrt(end.imag)))
        velocity = start.imag * distance * ray / abs(ray)
        return jnp.asarray([root * velocity.real, velocity.imag])


class FisherGaussian(AbstractMatrixMetric):
    """Fisher's metric of a Gaussian whose mean and covariance are functions of the point.

    `mean`: point (n,) -> (d,); `covariance`: point (n,) -> (d, d); both in jax.numpy.
    G_ij = d_i m' S^-1 d_j m + tr(S^-1 d_i S S^-1 d_j S)/2.

    >>> import jax.numpy as jnp
    >>> import jax
    >>> from steepest.geometry import FisherGaussian
    >>> metric = FisherGaussian(lambda p: p[:1], lambda p: p[1:, None] ** 2)
    >>> with jax.enable_x64(True):
    ...     matrix = metric.matrix(jnp.array([1.0, 2.0]))
    >>> matrix.tolist()
    [[0.25, 0.0], [0.0, 0.5]]
    """

    mean: Callable[[Any], Any]
    covariance: Callable[[Any], Any]
    domain: AbstractDomain = Everywhere()

    def compute_matrix(self, point: Float[Array, " n"]) -> Float[Array, "n n"]:
        precision = jnp.linalg.inv(self.covariance(point))
        dm = jax.jacfwd(self.mean)(point)
        dS = jnp.moveaxis(jax.jacfwd(self.covariance)(point), -1, 0)
        seen = precision @ dS
        trace = jnp.einsum("iab,jba->ij", seen, seen)
        matrix = dm.T @ precision @ dm + trace / 2
        return (matrix + matrix.T) / 2

    def explain(self, point: Float[Array, " n"]) -> None:
        self.domain.check(point, self.name)
        covariance = np.asarray(self.covariance(point))
        smallest = np.linalg.eigvalsh(covariance)[0] if np.isfinite(covariance).all() else np.nan
        if not smallest > 0:
            raise MetricError(
                f"FisherGaussian: the covariance at {np.asarray(point)} is not positive definite "
                f"(smallest eigenvalue {smallest:.6g}): there is no density, and no Fisher metric"
            )


class FisherExponentialFamily(AbstractMatrixMetric):
    """Fisher's metric of an exponential family: the Hessian of its log-partition function.

    `log_partition`: natural parameters (k,) -> scalar, in jax.numpy. `natural`: point (n,) ->
    natural parameters (k,), the identity unless given; it need not be invertible in k dimensions
    (curved families), and G = J' Hessian J with J its Jacobian.

    >>> import jax.numpy as jnp
    >>> import jax
    >>> from steepest.geometry import FisherExponentialFamily
    >>> poisson = FisherExponentialFamily(lambda eta: jnp.exp(eta[0]), natural=jnp.log)
    >>> with jax.enable_x64(True):
    ...     matrix = poisson.matrix(jnp.array([4.0]))  # at a rate of 4
    >>> matrix.round(8).tolist()
    [[0.25]]
    """

    log_partition: Callable[[Any], Any]
    natural: Callable[[Any], Any] | None = None
    domain: AbstractDomain = Everywhere()

    def compute_matrix(self, point: Float[Array, " n"]) -> Float[Array, "n n"]:
        hessian = jax.jacfwd(jax.grad(self.log_partition))
        if self.natural is None:
            matrix = hessian(point)
        else:
            jacobian = jax.jacfwd(self.natural)(point)
            matrix = jacobian.T @ hessian(self.natural(point)) @ jacobian
        return (matrix + matrix.T) / 2


@dataclass(frozen=True, repr=False)
class FisherEstimate:
    """A Monte-Carlo estimate of Fisher's matrix (n, n) with its standard error (n, n).

    >>> from steepest.geometry import monte_carlo_fisher
    >>> monte_carlo_fisher(lambda x, p: -((x - p[0]) ** 2) / 2, [0.0], [-1.0, 1.0, -1.0, 1.0])
    FisherEstimate from 4 draws
    [[1.]]
    with standard error
    [[0.]]
    """

    matrix: Float[np.ndarray, "n n"]
    standard_error: Float[np.ndarray, "n n"]
    draws: int

    def __repr__(self) -> str:
        texts = [np.array2string(x, precision=4) for x in (self.matrix, self.standard_error)]
        return (
            f"FisherEstimate from {self.draws} draws\n{texts[0]}\nwith standard error\n{texts[1]}"
        )


@entry_point(kernel="the log-density itself")
def monte_carlo_fisher(
    log_density: Callable[[Any, Any], Any], point: Numbers, samples: Numbers
) -> FisherEstimate:
    """Fisher's matrix as the mean outer product of the score over samples drawn at the point.

    `log_density(sample, point)` -> scalar; `samples` (m,) or (m, ...), drawn from the distribution
    with parameters `point` (n,). The estimate is unbiased with an error of order 1/sqrt(m); its
    *inverse*, which steepest descent uses, is biased upwards by order 1/m, so prefer quadrature
    (`FisherDensity`) where the samples are numbers. Raises `UsageError` for fewer than 2 samples
    and `MetricError` where a score is not finite (samples from another distribution, usually).

    >>> import numpy as np
    >>> from steepest.geometry import monte_carlo_fisher
    >>> draws = np.random.default_rng(0).standard_normal(1000)
    >>> estimate = monte_carlo_fisher(lambda x, p: -((x - p[0]) ** 2) / 2, [0.0], draws)
    >>> bool(abs(estimate.matrix[0, 0] - 1) < 3 * estimate.standard_error[0, 0])
    True
    """
    theta = jnp.asarray(as_numbers(point, "point"))
    drawn = jnp.asarray(as_numbers(samples, "samples"))
    if drawn.ndim == 0 or drawn.shape[0] < 2:
        raise UsageError("monte_carlo_fisher: give at least 2 samples, for a standard error")
    scores = np.asarray(_scores(log_density, drawn, theta))
    bad = np.flatnonzero(~np.isfinite(scores).all(axis=1))
    if bad.size:
        raise MetricError(
            f"monte_carlo_fisher: the score of sample {bad[0]} ({np.asarray(drawn)[bad[0]]}) is "
            "not finite; samples must be drawn from the density at the point itself"
        )
    products = scores[:, :, None] * scores[:, None, :]
    error = products.std(axis=0, ddof=1) / np.sqrt(len(scores))
    return FisherEstimate(products.mean(axis=0), error, len(scores))


@eqx.filter_jit
def _scores(
    log_density: Callable[[Any, Any], Any], samples: Array, point: Float[Array, " n"]
) -> Float[Array, "m n"]:
    return jax.vmap(jax.jacfwd(log_density, argnums=1), in_axes=(0, None))(samples, point)


class LossGradientCovariance(AbstractMatrixMetric):
    """Covariance of a loss's gradients over samples ("empirical Fisher", which it is not).

    `loss(sample, point)` -> scalar, in jax.numpy; `samples` (m,) or (m, ...). It agrees with
    Fisher's metric only where the loss is minus the log-density and the samples are drawn from
    that density; for any other loss it is another tensor. `centred=False` gives the mean outer
    product instead of the covariance.

    >>> import jax.numpy as jnp
    >>> import jax
    >>> from steepest.geometry import LossGradientCovariance
    >>> metric = LossGradientCovariance(lambda x, p: x * p[0], samples=[-1.0, 3.0])
    >>> with jax.enable_x64(True):
    ...     matrix = metric.matrix(jnp.array([0.5]))
    >>> matrix.tolist()
    [[4.0]]
    """

    loss: Callable[[Any, Any], Any]
    samples: np.ndarray = eqx.field(converter=as_field)
    centred: bool = eqx.field(static=True, default=True)

    def compute_matrix(self, point: Float[Array, " n"]) -> Float[Array, "n n"]:
        slope = jax.vmap(jax.grad(self.loss, argnums=1), in_axes=(0, None))
        gradients = slope(jnp.asarray(self.samples), point)
        if self.centred:
            gradients = gradients - gradients.mean(axis=0, keepdims=True)
        matrix = gradients.T @ gradients / gradients.shape[0]
        return (matrix + matrix.T) / 2
