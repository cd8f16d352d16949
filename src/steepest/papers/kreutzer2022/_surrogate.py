"""A few afferents with Gaussian USPs: the expected cost of their weights, and how it is descended.

The metric takes the voltage as Gaussian. With two afferents real USPs are far from it (skewness
7.6/sqrt(rate)), and the metric is off by up to a factor; Gaussian surrogates of the same mean and
variance keep cost and metric together, so that the figures show the geometry and nothing else.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.geometry import AbstractChart, Identity
from steepest.spiking import PoissonNeuron, cost_per_second

__all__ = ["ExpectedCost", "surrogate_usps"]


def surrogate_usps(
    neuron: PoissonNeuron, rates: Float[np.ndarray, " n"], samples: int, seed: int
) -> Float[np.ndarray, "samples n"]:
    """Gaussian USPs (mV) whose sample mean and covariance are exactly eps0 r and r/c_eps."""
    z = np.random.default_rng([seed, 2]).standard_normal((samples, len(rates)))
    z = z - z.mean(axis=0)
    z = np.linalg.solve(np.linalg.cholesky(z.T @ z / samples), z.T).T
    mean, variance = neuron.kernel.mean(rates), neuron.kernel.variance(rates)
    return np.asarray(mean) + np.sqrt(np.asarray(variance)) * z


class ExpectedCost(eqx.Module):
    """Divergence of a realisable teacher's spikes from the neuron's, in nats per second (Eq 9).

    Of weights seen in a `chart`, point -> somatic weights; `usps` (m, n) in mV, `target` somatic.
    """

    neuron: PoissonNeuron
    usps: Float[Array | np.ndarray, "m n"]
    target: Float[Array | np.ndarray, " n"]
    chart: AbstractChart = Identity()

    def rates(self, point: Float[Array, " n"]) -> Float[Array, " m"]:
        """Firing rate (Hz) at each sampled input."""
        return self.neuron.rate(jnp.asarray(self.usps) @ self.chart(point))

    def __call__(self, point: Float[Array, " n"]) -> Float[Array, ""]:
        wanted = self.neuron.rate(jnp.asarray(self.usps) @ jnp.asarray(self.target))
        return cost_per_second(wanted, self.rates(point))
