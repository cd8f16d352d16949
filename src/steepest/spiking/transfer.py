"""Transfer functions phi: voltage (mV) to firing rate (Hz), and what Fisher's metric needs of them.

h = phi'^2/phi is the information that a second of Poisson spikes has about the voltage, in
Hz/mV^2. With V ~ N(mean, variance) the metric's coefficients are c1 = E[h], c2 = E[h'] and
c3 = E[h''] by Stein's lemma. That is Eq 82 of Kreutzer et al. 2022, which divides differences by
sigma^4 and loses every digit at small sigma; this form is exact at sigma = 0 too.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from jaxtyping import Array, Float

from steepest.arrays.entry import double_precision
from steepest.arrays.numbers import Coordinates, as_field, is_concrete, like
from steepest.errors import DomainError

__all__ = ["AbstractTransfer", "Exponential", "RectifiedQuadratic", "Sigmoid", "Transfer"]

_REACH = 9.0  # standard deviations: the density beyond is 1e-18 of its peak
_BLOCK = 20  # nodes of each sign at a time
MOST_SPREAD = 800.0  # of V, in widest steps of the trapezoid: 7200 nodes of each sign


def _slope(function: Callable[[Any], Any], voltage: Any) -> Any:
    """Derivative of an elementwise function."""
    return jax.jvp(function, (voltage,), (jnp.ones_like(voltage),))[1]


class AbstractTransfer(eqx.Module):
    """A smooth, increasing, positive function phi from voltage (mV) to rate (Hz), elementwise.

    A subclass defines `__call__`; the rest follows by differentiation and quadrature. One with
    closed forms overrides them.

    >>> class Cubic(AbstractTransfer):
    ...     def __call__(self, voltage):
    ...         return jnp.asarray(voltage) ** 3
    >>> float(Cubic().slope(jnp.array(2.0)))
    12.0
    """

    @abstractmethod
    def __call__(self, voltage: Coordinates) -> Float[Array, "*n"]:
        """The firing rate, in Hz."""

    @property
    def resolution(self) -> Any:
        """The widest step (mV) of the trapezoid rule that resolves h: 1.25 for the paper's phi."""
        return 1.25

    @property
    def widest(self) -> Any:
        """The largest standard deviation of V (mV) at which `moments` are computed."""
        return MOST_SPREAD * self.resolution

    def slope(self, voltage: Coordinates) -> Float[Array, "*n"]:
        """phi', in Hz/mV."""
        return _slope(self, jnp.asarray(voltage))

    def log_slope(self, voltage: Coordinates) -> Float[Array, "*n"]:
        """phi'/phi, in 1/mV; NaN where the rate is 0 in floating point."""
        return self.slope(voltage) / self(voltage)

    def information(self, voltage: Coordinates) -> Float[Array, "*n"]:
        """h = phi'^2/phi, in Hz/mV^2."""
        return self.slope(voltage) * self.log_slope(voltage)

    def information_derivatives(self, voltage: Coordinates) -> Float[Array, "3 *n"]:
        """h, h' and h'', stacked."""
        V = jnp.asarray(voltage)

        def first(v: Any) -> Any:
            return _slope(self.information, v)

        return jnp.stack([self.information(V), first(V), _slope(first, V)])

    def moments(self, mean: Any, variance: Any) -> Float[Array, "3"]:
        """(c1, c2, c3) = (E[h], E[h'], E[h'']) for V ~ N(mean, variance), in mV and mV^2.

        Trapezoid rule over +-9 standard deviations with step min(sigma/2, `resolution`): for the
        paper's sigmoid at most 6e-9 off up to sigma = 30 mV. Gauss-Hermite is poor here, because
        the sigmoid has a pole 10.5 mV off the real line. NaN where the standard deviation is above
        `widest`, which would take forever. Forward differentiable.
        """
        mean = jnp.asarray(mean)
        return _trapezoid(self, mean, jnp.asarray(variance, dtype=mean.dtype))


@eqx.filter_jit  # a loop of its own would be compiled anew at each call outside jit
def _trapezoid(transfer: AbstractTransfer, mean: Array, variance: Array) -> Float[Array, "3"]:
    one, zero = jnp.ones_like(mean), jnp.zeros_like(mean)
    held = variance <= like(transfer.widest, mean) ** 2
    sd = jnp.sqrt(jnp.where(held, variance, zero))
    step = jnp.minimum(one / 2, like(transfer.resolution, mean) / jnp.where(sd > 0, sd, one))
    last = jnp.ceil(_REACH / step)

    def unfinished(state: Any) -> Any:
        return state[0] <= last

    def block(state: Any) -> Any:
        start, total, weight = state
        index = start + jnp.arange(_BLOCK, dtype=mean.dtype)
        u = index * step
        w = jnp.where(index <= last, jnp.exp(-(u**2) / 2), zero)
        w = jnp.where(index == 0, w / 2, w)  # the middle is its own mirror image
        right = transfer.information_derivatives(mean + sd * u)
        left = transfer.information_derivatives(mean - sd * u)
        return start + _BLOCK, total + (right + left) @ w, weight + 2 * jnp.sum(w)

    start = (zero, jnp.zeros(3, dtype=mean.dtype), zero)
    _, total, weight = jax.lax.while_loop(unfinished, block, start)
    return jnp.where(held, total / weight, like(jnp.nan, mean))


def _check_positive(what: str, **values: Any) -> None:
    for name, value in values.items():
        if is_concrete(value) and not (value.shape == () and np.isfinite(value) and value > 0):
            raise DomainError(f"{what}: {name} is a positive, finite number, not {value}")


def _check_threshold(what: str, threshold: Any) -> None:
    if is_concrete(threshold) and not (threshold.shape == () and np.isfinite(threshold)):
        raise DomainError(f"{what}: the threshold is one finite voltage (mV), not {threshold}")


class Sigmoid(AbstractTransfer):
    """maximum / (1 + exp(-steepness (V - threshold))): Eq 24, the paper's transfer function.

    `maximum` in Hz, `steepness` (beta) in 1/mV, `threshold` in mV above rest.

    >>> sigmoid = Sigmoid(maximum=100.0, steepness=0.3, threshold=10.0)
    >>> float(sigmoid(jnp.array(10.0))), float(sigmoid.slope(jnp.array(10.0)))
    (50.0, 7.5)
    """

    maximum: np.ndarray = eqx.field(converter=as_field, default=100.0)
    steepness: np.ndarray = eqx.field(converter=as_field, default=0.3)
    threshold: np.ndarray = eqx.field(converter=as_field, default=10.0)

    def __check_init__(self) -> None:
        _check_positive("Sigmoid", maximum=self.maximum, steepness=self.steepness)
        _check_threshold("Sigmoid", self.threshold)

    @property
    def resolution(self) -> Any:
        return 0.375 / self.steepness

    def _argument(self, voltage: Any) -> Any:
        V = jnp.asarray(voltage)
        return V, like(self.steepness, V) * (V - like(self.threshold, V))

    def __call__(self, voltage: Coordinates) -> Float[Array, "*n"]:
        V, z = self._argument(voltage)
        return like(self.maximum, V) * jax.nn.sigmoid(z)

    def slope(self, voltage: Coordinates) -> Float[Array, "*n"]:
        V, z = self._argument(voltage)
        factor = like(self.maximum * self.steepness, V)
        return factor * jax.nn.sigmoid(z) * jax.nn.sigmoid(-z)

    def log_slope(self, voltage: Coordinates) -> Float[Array, "*n"]:
        # Not slope / rate: both are 0 below -2350 mV.
        V, z = self._argument(voltage)
        return like(self.steepness, V) * jax.nn.sigmoid(-z)

    def information_derivatives(self, voltage: Coordinates) -> Float[Array, "3 *n"]:
        V, z = self._argument(voltage)
        beta = like(self.steepness, V)
        s, rest = jax.nn.sigmoid(z), jax.nn.sigmoid(-z)
        h = like(self.maximum, V) * beta**2 * s * rest**2
        bend = 1 - 3 * s
        return jnp.stack([h, beta * h * bend, beta**2 * h * (bend**2 - 3 * s * rest)])


class RectifiedQuadratic(AbstractTransfer):
    """gain (V - threshold)^2 above the threshold, else 0: Eq 116, with h = 4 gain above it.

    `threshold` in mV above rest (the paper only asks for one far below the mean voltage), `gain`
    in Hz/mV^2. The paper sets c2 = c3 = 0, its limit of a threshold far below the voltage; here
    the coefficients are the exact ones of the rectified function, whose h is a step.

    >>> quadratic = RectifiedQuadratic(gain=0.25, threshold=0.0)
    >>> quadratic(jnp.array([4.0, -4.0])).tolist()
    [4.0, 0.0]
    """

    threshold: np.ndarray = eqx.field(converter=as_field, default=-10.0)
    gain: np.ndarray = eqx.field(converter=as_field, default=0.25)

    def __check_init__(self) -> None:
        _check_positive("RectifiedQuadratic", gain=self.gain)
        _check_threshold("RectifiedQuadratic", self.threshold)

    def _above(self, voltage: Any) -> Any:
        V = jnp.asarray(voltage)
        return V, jnp.maximum(V - like(self.threshold, V), like(0, V))

    def __call__(self, voltage: Coordinates) -> Float[Array, "*n"]:
        V, above = self._above(voltage)
        return like(self.gain, V) * above**2

    def slope(self, voltage: Coordinates) -> Float[Array, "*n"]:
        V, above = self._above(voltage)
        return 2 * like(self.gain, V) * above

    def log_slope(self, voltage: Coordinates) -> Float[Array, "*n"]:
        V, above = self._above(voltage)
        safe = jnp.where(above > 0, above, jnp.ones_like(above))
        return jnp.where(above > 0, 2 / safe, like(jnp.nan, V))

    def information(self, voltage: Coordinates) -> Float[Array, "*n"]:
        V, above = self._above(voltage)
        return jnp.where(above > 0, 4 * like(self.gain, V), like(0, V))

    def information_derivatives(self, voltage: Coordinates) -> Float[Array, "3 *n"]:
        # Away from the step at the threshold; `moments` knows the step.
        h = self.information(voltage)
        return jnp.stack([h, jnp.zeros_like(h), jnp.zeros_like(h)])

    @property
    def widest(self) -> Any:
        return np.inf

    def moments(self, mean: Any, variance: Any) -> Float[Array, "3"]:
        mean = jnp.asarray(mean)
        sd = jnp.sqrt(jnp.asarray(variance, dtype=mean.dtype))
        above = mean - like(self.threshold, mean)
        spread = sd > 0
        safe = jnp.where(spread, sd, jnp.ones_like(sd))
        z = above / safe
        density = jnp.exp(-(z**2) / 2) / (np.sqrt(2 * np.pi) * safe)
        zero = jnp.zeros_like(mean)
        certain = jnp.where(above > 0, jnp.ones_like(mean), zero)
        c1 = jnp.where(spread, ndtr(z), certain)
        c2 = jnp.where(spread, density, zero)
        c3 = jnp.where(spread, -z / safe * density, zero)
        return 4 * like(self.gain, mean) * jnp.stack([c1, c2, c3])


class Exponential(AbstractTransfer):
    """rate exp(steepness (V - threshold)): h = steepness^2 phi, and closed coefficients.

    `rate_at_threshold` in Hz, `steepness` in 1/mV, `threshold` in mV above rest.

    >>> exponential = Exponential(rate_at_threshold=10.0, steepness=0.2, threshold=5.0)
    >>> round(float(exponential(jnp.array(10.0))), 2)
    27.18
    """

    rate_at_threshold: np.ndarray = eqx.field(converter=as_field, default=50.0)
    steepness: np.ndarray = eqx.field(converter=as_field, default=0.3)
    threshold: np.ndarray = eqx.field(converter=as_field, default=10.0)

    def __check_init__(self) -> None:
        _check_positive(
            "Exponential", rate_at_threshold=self.rate_at_threshold, steepness=self.steepness
        )
        _check_threshold("Exponential", self.threshold)

    def __call__(self, voltage: Coordinates) -> Float[Array, "*n"]:
        V = jnp.asarray(voltage)
        z = like(self.steepness, V) * (V - like(self.threshold, V))
        return like(self.rate_at_threshold, V) * jnp.exp(z)

    def slope(self, voltage: Coordinates) -> Float[Array, "*n"]:
        V = jnp.asarray(voltage)
        return like(self.steepness, V) * self(V)

    def log_slope(self, voltage: Coordinates) -> Float[Array, "*n"]:
        V = jnp.asarray(voltage)
        return jnp.broadcast_to(like(self.steepness, V), V.shape)

    def information_derivatives(self, voltage: Coordinates) -> Float[Array, "3 *n"]:
        V = jnp.asarray(voltage)
        beta = like(self.steepness, V)
        h = beta**2 * self(V)
        return jnp.stack([h, beta * h, beta**2 * h])

    @property
    def widest(self) -> Any:
        return np.inf

    def moments(self, mean: Any, variance: Any) -> Float[Array, "3"]:
        mean = jnp.asarray(mean)
        beta = like(self.steepness, mean)
        spread = jnp.exp(beta**2 * jnp.asarray(variance, dtype=mean.dtype) / 2)
        return self.information_derivatives(mean) * spread


class Transfer(AbstractTransfer):
    """Any smooth increasing function of the user, voltage (mV) -> rate (Hz), in jax.numpy.

    `log_function`, if given, is its logarithm: phi'/phi is then stable where the rate underflows.
    `step` (mV) is the quadrature's widest step; 1.25 is for functions as smooth as the paper's
    sigmoid. Raises `DomainError` where the function, looked at from -40 to 60 mV, is not finite,
    negative or decreasing.

    >>> softplus = Transfer(lambda voltage: 10 * jax.nn.softplus(0.2 * voltage))
    >>> round(float(softplus(jnp.array(0.0))), 3)
    6.931
    """

    function: Callable[[Any], Any]
    log_function: Callable[[Any], Any] | None = None
    step: np.ndarray = eqx.field(converter=as_field, default=1.25)

    def __check_init__(self) -> None:
        _check_positive("Transfer", step=self.step)
        with double_precision():
            V = jnp.linspace(-40.0, 60.0, 201)
            rates = np.asarray(self.function(V))
            slopes = np.asarray(self.slope(V)) if rates.shape == V.shape else rates
        if rates.shape != (201,):
            raise DomainError(
                f"Transfer: the function gave shape {rates.shape} for 201 voltages; it works "
                "elementwise, with jax.numpy"
            )
        bad = ~(np.isfinite(rates) & np.isfinite(slopes) & (rates >= 0) & (slopes >= 0))
        if bad.any():
            where = int(np.flatnonzero(bad)[0])
            raise DomainError(
                f"Transfer: at {float(V[where]):g} mV the function gives {rates[where]:.6g} Hz "
                f"with slope {slopes[where]:.6g}; a transfer function is finite, not negative and "
                "not decreasing from -40 to 60 mV"
            )

    @property
    def resolution(self) -> Any:
        return self.step

    def __call__(self, voltage: Coordinates) -> Float[Array, "*n"]:
        return self.function(jnp.asarray(voltage))

    def log_slope(self, voltage: Coordinates) -> Float[Array, "*n"]:
        V = jnp.asarray(voltage)
        if self.log_function is not None:
            return _slope(self.log_function, V)
        return self.slope(V) / self(V)
