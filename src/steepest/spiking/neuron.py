"""Poisson neurons: transfer functions, synaptic kernels, and the neuron made of one of each.

Kreutzer et al. 2022, Sec 6.1. Units throughout the room: time in s, rates in Hz, voltages in mV,
weights without unit. The scaling factor eps0 of the kernel is printed as "1 mV ms"; it is 1 mV s,
which gives the paper's own 60 mV peak and its 0.3 mV EPSP of a weight of 0.005.
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.numbers import Coordinates, as_field, is_concrete, like
from steepest.errors import DomainError
from steepest.spiking.kernel import AbstractKernel, DifferenceOfExponentials
from steepest.spiking.transfer import AbstractTransfer, Sigmoid

__all__ = ["PoissonNeuron"]


class PoissonNeuron(eqx.Module):
    """A neuron that fires as a Poisson process of rate transfer(V + bias), V = sum_i w_i x_i.

    `bias` (mV) is what a constant input current adds to the voltage, negative for tonic
    inhibition. V, and with it everything that a learning rule calls the voltage, leaves the bias
    out: the metric describes how the *weights* move the output (with the bias counted in, the
    sign map of Fig 7 is lost).

    >>> neuron = PoissonNeuron()
    >>> voltage = np.array(10.0)
    >>> float(neuron.rate(voltage)), float(neuron.slope(voltage))
    (50.0, 7.5)
    """

    transfer: AbstractTransfer = Sigmoid()
    kernel: AbstractKernel = DifferenceOfExponentials()
    bias: np.ndarray = eqx.field(converter=as_field, default=0.0)

    def __check_init__(self) -> None:
        if is_concrete(self.bias) and not (self.bias.shape == () and np.isfinite(self.bias)):
            raise DomainError(f"PoissonNeuron: the bias is a finite voltage (mV), not {self.bias}")

    def rate(self, voltage: Coordinates) -> Float[Array, "*n"]:
        """Firing rate (Hz) at a voltage V (mV) without the bias."""
        return self.transfer(self._biased(voltage))

    def slope(self, voltage: Coordinates) -> Float[Array, "*n"]:
        """phi' (Hz/mV) at a voltage V (mV) without the bias."""
        return self.transfer.slope(self._biased(voltage))

    def log_slope(self, voltage: Coordinates) -> Float[Array, "*n"]:
        """phi'/phi (1/mV) at a voltage V (mV) without the bias."""
        return self.transfer.log_slope(self._biased(voltage))

    def score(self, voltage: Coordinates, count: Any, dt: Any) -> Float[Array, "*n"]:
        """Derivative by V (1/mV) of the log-likelihood of `count` spikes in a bin of `dt` s.

        (count - phi dt) phi'/phi, the factor that every rule shares (Eqs 10, 13, 57). Without
        spikes it is -phi' dt, also where the neuron is silent and phi'/phi is undefined.
        """
        V = self._biased(voltage)
        count = like(count, V)
        seen = jnp.where(count > 0, count * self.transfer.log_slope(V), like(0, V))
        return seen - self.transfer.slope(V) * like(dt, V)

    def moments(self, mean: Any, variance: Any) -> Float[Array, "3"]:
        """(c1, c2, c3) of Fisher's metric for V ~ N(mean, variance), without the bias in `mean`."""
        mean = jnp.asarray(mean)
        return self.transfer.moments(mean + like(self.bias, mean), variance)

    def _biased(self, voltage: Coordinates) -> Float[Array, "*n"]:
        V = jnp.asarray(voltage)
        return V + like(self.bias, V)
