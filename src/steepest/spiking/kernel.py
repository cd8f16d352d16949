"""Synaptic kernels: the voltage (mV) that one spike evokes at a weight of 1, against time (s).

Both are two linear equations, so a time step of any train of spikes is exact: with the state z of
a synapse, x = readout . z, then z = transition z, then z += kick for each spike of the step.
"""

from abc import abstractmethod
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.linalg import solve_discrete_lyapunov

from steepest.arrays.numbers import Coordinates, as_field, is_concrete, like
from steepest.errors import DomainError, UsageError

__all__ = ["AbstractKernel", "Alpha", "DifferenceOfExponentials", "double_exponential"]


class AbstractKernel(eqx.Module):
    """A causal kernel eps(t) with integral eps0 and c_eps = 1 / integral of eps^2 (Eqs 28-31).

    >>> Alpha(0.01).time_constants == (0.01, 0.01)
    True
    """

    integral: eqx.AbstractVar[np.ndarray]

    @abstractmethod
    def __call__(self, time: Coordinates) -> Float[Array, "*n"]:
        """eps(t), in mV, at times since the spike in s; 0 before it."""

    @property
    @abstractmethod
    def c_eps(self) -> Any:
        """1 / integral of eps^2, in 1/(mV^2 s): a train of r Hz has a USP variance of r/c_eps."""

    @property
    @abstractmethod
    def time_constants(self) -> tuple[Any, Any]:
        """The two time constants, in s."""

    @property
    @abstractmethod
    def peak_time(self) -> Any:
        """When eps is largest, in s."""

    @abstractmethod
    def transition(self, dt: float, *, euler: bool = False) -> Float[Array, "2 2"]:
        """What a step of `dt` s without spikes does to a synapse's state.

        Exact; with `euler` by the forward Euler method, the paper's own, which keeps the mean but
        raises the USP variance (+4.2 % at 0.5 ms).
        """

    @property
    @abstractmethod
    def kick(self) -> Float[Array, "2"]:
        """What a spike adds to a synapse's state."""

    @property
    @abstractmethod
    def readout(self) -> Float[Array, "2"]:
        """x = readout . state, in mV."""

    @property
    def peak(self) -> Any:
        """The largest value of eps, in mV: times a weight, the amplitude of an EPSP."""
        return self(jnp.asarray(self.peak_time))

    def mean(self, rates: Any) -> Any:
        """E[x] = eps0 r (mV) of Poisson trains of constant rate r (Hz) (Eq 29)."""
        return self.integral * rates

    def variance(self, rates: Any) -> Any:
        """Var[x] = r/c_eps (mV^2) of Poisson trains of constant rate r (Hz) (Eq 30)."""
        return rates / self.c_eps

    def check_step(self, dt: float) -> None:
        """Raise a `UsageError` unless `dt` (s) is a step in which the kernel can be followed."""
        limit = float(min(self.time_constants))
        if not (np.isfinite(dt) and 0 < dt < limit):
            raise UsageError(
                f"the time step dt is {dt:g} s; it is positive and below the kernel's shortest "
                f"time constant, {limit:g} s: the kernel would not be resolved"
            )

    def discrete_moments(self, dt: float, *, euler: bool = False) -> tuple[float, float]:
        """Mean (mV) and variance (mV^2) per Hz of x in steps of `dt` s with Poisson counts.

        In continuous time they are eps0 and 1/c_eps.
        """
        self.check_step(dt)
        A = np.asarray(self.transition(dt, euler=euler), dtype=np.float64)
        kick = np.asarray(self.kick, dtype=np.float64)
        readout = np.asarray(self.readout, dtype=np.float64)
        total = np.linalg.solve(np.eye(2) - A, kick)
        squares = solve_discrete_lyapunov(A, np.outer(kick, kick))
        return float(dt * readout @ total), float(dt * readout @ squares @ readout)


def _check_times(what: str, integral: Any, **times: Any) -> None:
    for name, value in times.items():
        if is_concrete(value) and not (value.shape == () and np.isfinite(value) and value > 0):
            raise DomainError(f"{what}: {name} is a positive time in s, not {value}")
    if is_concrete(integral) and not (
        integral.shape == () and np.isfinite(integral) and integral > 0
    ):
        raise DomainError(f"{what}: the integral eps0 is positive, in mV s, not {integral}")


class DifferenceOfExponentials(AbstractKernel):
    """eps0 (exp(-t/tau_m) - exp(-t/tau_s)) / (tau_m - tau_s): Eq 28, the paper's kernel.

    `tau_m`, `tau_s` in s, `integral` = eps0 in mV s. Raises `DomainError` for time constants that
    are not positive or equal (0/0; there the kernel is `Alpha`, see `double_exponential`).

    >>> kernel = DifferenceOfExponentials()
    >>> round(float(kernel.c_eps), 6), round(float(kernel.peak_time), 6)
    (0.026, 0.00516)
    """

    tau_m: np.ndarray = eqx.field(converter=as_field, default=0.010)
    tau_s: np.ndarray = eqx.field(converter=as_field, default=0.003)
    integral: np.ndarray = eqx.field(converter=as_field, default=1.0)

    def __check_init__(self) -> None:
        what = "DifferenceOfExponentials"
        _check_times(what, self.integral, tau_m=self.tau_m, tau_s=self.tau_s)
        if is_concrete(self.tau_m, self.tau_s) and self.tau_m == self.tau_s:
            raise DomainError(
                f"{what}: tau_m and tau_s are both {float(self.tau_m):g} s, where the difference "
                "is 0/0; use Alpha(tau), its limit"
            )

    def __call__(self, time: Coordinates) -> Float[Array, "*n"]:
        t = jnp.asarray(time)
        m, s = jnp.exp(-t / like(self.tau_m, t)), jnp.exp(-t / like(self.tau_s, t))
        scale = like(self.integral / (self.tau_m - self.tau_s), t)
        return jnp.where(t >= 0, scale * (m - s), like(0, t))

    @property
    def c_eps(self) -> Any:
        return 2 * (self.tau_m + self.tau_s) / self.integral**2

    @property
    def time_constants(self) -> tuple[Any, Any]:
        return self.tau_m, self.tau_s

    @property
    def peak_time(self) -> Any:
        tau_m, tau_s = self.tau_m, self.tau_s
        return tau_m * tau_s / (tau_m - tau_s) * jnp.log(jnp.asarray(tau_m / tau_s))

    def transition(self, dt: float, *, euler: bool = False) -> Float[Array, "2 2"]:
        rates = dt / jnp.stack([jnp.asarray(self.tau_m), jnp.asarray(self.tau_s)])
        return jnp.diag(1 - rates if euler else jnp.exp(-rates))

    @property
    def kick(self) -> Float[Array, "2"]:
        return jnp.asarray([1.0, 1.0])

    @property
    def readout(self) -> Float[Array, "2"]:
        scale = jnp.asarray(self.integral / (self.tau_m - self.tau_s))
        return jnp.stack([scale, -scale])


class Alpha(AbstractKernel):
    """eps0 t exp(-t/tau) / tau^2: the limit of `DifferenceOfExponentials` for equal constants.

    `tau` in s, `integral` = eps0 in mV s. Raises `DomainError` for a tau that is not positive.

    >>> kernel = Alpha(0.01)
    >>> round(float(kernel.peak_time), 6), round(float(kernel(np.array(0.01))), 3)
    (0.01, 36.788)
    """

    tau: np.ndarray = eqx.field(converter=as_field)
    integral: np.ndarray = eqx.field(converter=as_field, default=1.0)

    def __check_init__(self) -> None:
        _check_times("Alpha", self.integral, tau=self.tau)

    def __call__(self, time: Coordinates) -> Float[Array, "*n"]:
        t = jnp.asarray(time)
        tau = like(self.tau, t)
        value = like(self.integral, t) * t / tau**2 * jnp.exp(-t / tau)
        return jnp.where(t >= 0, value, like(0, t))

    @property
    def c_eps(self) -> Any:
        return 4 * self.tau / self.integral**2

    @property
    def time_constants(self) -> tuple[Any, Any]:
        return self.tau, self.tau

    @property
    def peak_time(self) -> Any:
        return self.tau

    def transition(self, dt: float, *, euler: bool = False) -> Float[Array, "2 2"]:
        step = jnp.asarray(dt / self.tau)
        zero = jnp.zeros_like(step)
        if euler:
            return jnp.stack([jnp.stack([1 - step, zero]), jnp.stack([step, 1 - step])])
        decay = jnp.exp(-step)
        return jnp.stack([jnp.stack([decay, zero]), jnp.stack([step * decay, decay])])

    @property
    def kick(self) -> Float[Array, "2"]:
        return jnp.asarray([1.0, 0.0])

    @property
    def readout(self) -> Float[Array, "2"]:
        scale = jnp.asarray(self.integral / self.tau)
        return jnp.stack([jnp.zeros_like(scale), scale])


def double_exponential(tau_m: float, tau_s: float, integral: float = 1.0) -> AbstractKernel:
    """The kernel with two time constants (s) and integral eps0 (mV s): `Alpha` where they agree.

    For sweeps that pass through tau_s = tau_m, such as Fig 5.

    >>> [type(double_exponential(0.01, tau_s)).__name__ for tau_s in (0.003, 0.01)]
    ['DifferenceOfExponentials', 'Alpha']
    """
    if tau_m == tau_s:
        return Alpha(tau_m, integral)
    return DifferenceOfExponentials(tau_m, tau_s, integral)
