"""Fisher's metric on the weights of a Poisson neuron: how well its spikes tell weights apart.

Kreutzer et al. 2022, Secs 6.5-6.6. Per second of spikes G(w) = E[phi'^2/phi x x'] with USPs x; for
independent afferents and a Gaussian voltage it is

    G = c1 (e e' + S) + c2 (S w e' + e w' S) + c3 S w w' S,    e = E[x], S = diag(Var[x])   (Eq 34)

whose inverse is diagonal plus rank 2. The printed inverse has errors ((88) middle form, (89) last
sign, (99) must read c1 mu + c2 sigma^2, (40) and (110) lack a minus), and dt (Eq 67) does not
belong into G: the metric here is per second.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.given import real_numbers
from steepest.arrays.numbers import Coordinates, as_field, is_concrete, like
from steepest.errors import MetricError
from steepest.geometry.metric import AbstractMetric
from steepest.spiking.kernel import AbstractKernel
from steepest.spiking.neuron import PoissonNeuron

__all__ = ["FisherCoefficients", "NeuronFisher", "inverse_coefficients", "quadratic_inverse"]


class FisherCoefficients(NamedTuple):
    """What the metric and its inverse are made of at one weight vector; all of them scalars.

    `c1`, `c2`, `c3`: the metric's (Hz/mV^2, /mV^3, /mV^4); `g1`, `g2`, `g4`: the inverse's, g3 = g2
    (Eqs 102-105); `mean`, `variance`: of V (mV, mV^2), without the neuron's bias; `q`: e' S^-1 e.

    >>> import numpy as np
    >>> fisher = NeuronFisher(PoissonNeuron(), [10.0, 50.0])
    >>> coefficients = fisher.coefficients(np.array([0.1, 0.2]))
    >>> round(float(coefficients.mean), 3), round(float(coefficients.q), 3)
    (11.0, 1.56)
    """

    c1: Float[Array, ""]
    c2: Float[Array, ""]
    c3: Float[Array, ""]
    g1: Float[Array, ""]
    g2: Float[Array, ""]
    g4: Float[Array, ""]
    mean: Float[Array, ""]
    variance: Float[Array, ""]
    q: Float[Array, ""]


class NeuronFisher(AbstractMetric):
    """Fisher's metric of a neuron's input-output distribution, per second, at somatic weights (n,).

    `rates` (n,) in Hz; `means` (mV) and `variances` (mV^2) of the USPs are eps0 r and r/c_eps of
    independent Poisson afferents unless given (temporally correlated spikes raise the variance).
    `sharp` and `flat` cost O(n). A silent afferent, rate 0, is the limit of a vanishing rate: it
    adds nothing to V or q, its heterosynaptic plasticity stays, and a covector on it (x/r in the
    rule) is 0; any other covector there has no vector, as the metric does not see the weight.
    Raises `MetricError` that names the afferent or the cure where rates or weights leave the
    metric undefined; under jit it is NaN there.

    >>> fisher = NeuronFisher(PoissonNeuron(), [10.0, 50.0])
    >>> weights = np.array([0.1, 0.2])
    >>> vector = fisher.sharp(weights, np.array([1.0, 0.0]))
    >>> abs(np.asarray(fisher.flat(weights, vector), dtype=float).round(3))
    array([1., 0.])
    """

    neuron: PoissonNeuron
    rates: np.ndarray = eqx.field(converter=as_field)
    means: Any = eqx.field(converter=lambda x: None if x is None else as_field(x), default=None)
    variances: Any = eqx.field(converter=lambda x: None if x is None else as_field(x), default=None)

    def __check_init__(self) -> None:
        if not is_concrete(self.rates, self.means, self.variances):
            return
        if self.rates.ndim != 1 or self.rates.size == 0:
            raise MetricError(f"NeuronFisher: rates are one per afferent, not {self.rates.shape}")
        for name in ("rates", "means", "variances"):
            value = getattr(self, name)
            if value is None:
                continue
            if value.shape != self.rates.shape:
                raise MetricError(
                    f"NeuronFisher: {name} of shape {value.shape} beside rates of shape "
                    f"{self.rates.shape}; give one per afferent"
                )
            bad = ~(np.isfinite(value) & ((value >= 0) | (name == "means")))
            if bad.any():
                i = int(np.flatnonzero(bad)[0])
                raise MetricError(f"NeuronFisher: {name}[{i}] is {value[i]:g}: not a usable number")
        mean, variance = np.asarray(self.usp_means()), np.asarray(self.usp_variances())
        lost = (variance == 0) & (mean != 0)
        if lost.any():
            i = int(np.flatnonzero(lost)[0])
            raise MetricError(
                f"NeuronFisher: afferent {i} has a mean USP of {mean[i]:g} mV and no variance; a "
                "silent afferent has neither, a spiking one has both"
            )

    def usp_means(self) -> Float[Array, " n"] | Float[np.ndarray, " n"]:
        """E[x], in mV."""
        return self.neuron.kernel.mean(self.rates) if self.means is None else self.means

    def usp_variances(self) -> Float[Array, " n"] | Float[np.ndarray, " n"]:
        """Var[x], in mV^2."""
        return self.neuron.kernel.variance(self.rates) if self.variances is None else self.variances

    def _inputs(self, point: Coordinates) -> tuple[Array, Array, Array, Array]:
        """The weights, E[x], Var[x] and S^-1 E[x], whose limit for a silent afferent is c eps0."""
        w = jnp.asarray(point)
        mean, variance = like(self.usp_means(), w), like(self.usp_variances(), w)
        kernel = self.neuron.kernel
        silent = variance == 0
        ratio = mean / jnp.where(silent, jnp.ones_like(variance), variance)
        return w, mean, variance, jnp.where(silent, like(kernel.c_eps * kernel.integral, w), ratio)

    def precision_mean(self, point: Coordinates) -> Float[Array, " n"]:
        """S^-1 E[x] (1/mV), the paper's r~: c_eps eps0 for Poisson afferents, silent or not."""
        return self._inputs(point)[3]

    def normalised(self, point: Coordinates, usps: Coordinates) -> Float[Array, " n"]:
        """S^-1 x (1/mV), c_eps x/r for Poisson afferents: 0 for a silent one."""
        variance = self._inputs(point)[2]
        silent = variance == 0
        value = usps / jnp.where(silent, jnp.ones_like(variance), variance)
        return jnp.where(silent, jnp.where(usps == 0, like(0, value), like(jnp.nan, value)), value)

    def voltage_moments(self, point: Coordinates) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Mean (mV) and variance (mV^2) of V = w.x, without the neuron's bias."""
        w, mean, variance, _ = self._inputs(point)
        return jnp.sum(w * mean), jnp.sum(w**2 * variance)

    def coefficients(self, point: Coordinates) -> FisherCoefficients:
        """c1..c3 and g1..g4 at a point."""
        w, mean, variance, ratio = self._inputs(point)
        mu, s2, q = jnp.sum(w * mean), jnp.sum(w**2 * variance), jnp.sum(ratio * mean)
        return inverse_coefficients(self.neuron.moments(mu, s2), mu, s2, q)

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, " n"]:
        w, e, variance, _ = self._inputs(point)
        v = jnp.asarray(vector)
        c = self.coefficients(w)
        Sw = variance * w
        a, b = jnp.sum(e * v), jnp.sum(Sw * v)
        return c.c1 * variance * v + (c.c1 * a + c.c2 * b) * e + (c.c2 * a + c.c3 * b) * Sw

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, " n"]:
        w = jnp.asarray(point)
        p = jnp.asarray(covector)
        ratio = self.precision_mean(w)
        c = self.coefficients(w)
        a, b = jnp.sum(ratio * p), jnp.sum(w * p)
        inverse = self.normalised(w, p)
        return (inverse + (c.g1 * a + c.g2 * b) * ratio + (c.g2 * a + c.g4 * b) * w) / c.c1

    def check(self, point: Any) -> None:
        point = jnp.asarray(point)
        self.domain.check(point, type(self).__name__)
        if point.shape != self.rates.shape:
            raise MetricError(
                f"NeuronFisher: weights of shape {point.shape} for {self.rates.size} afferents"
            )
        self.coefficients(point)


def inverse_coefficients(
    c: Float[Array, "3"], mean: Any, variance: Any, q: Any
) -> FisherCoefficients:
    """g1, g2, g4 of G^-1 from c = (c1, c2, c3), the mean and variance of V, and q; all scalars.

    [[g1, g2], [g2, g4]] = -(c1 I + C Q)^-1 C with C = [[c1, c2], [c2, c3]] and
    Q = [[q, mean], [mean, variance]]: unlike the paper's Eq 106 it needs no inverse of C, which is
    singular for a quadratic transfer function. Raises `MetricError` where G is not positive
    definite, which coefficients that do not belong to these moments can bring about (a variance
    that is too large is safe, too small is not); under jit the g's are NaN there.

    >>> quadratic = jnp.array([1.0, 0.0, 0.0])
    >>> coefficients = inverse_coefficients(quadratic, mean=0.0, variance=1.0, q=3.0)
    >>> float(coefficients.g1)
    -0.25
    """
    c1, c2, c3 = c
    # In units of c1, which goes down to 1e-300 far below threshold.
    k2, k3 = c2 / c1, c3 / c1
    minor = k3 - k2**2
    # Trace and determinant of I + C Q / c1: G is positive definite where both are positive.
    trace = 2 + q + 2 * k2 * mean + k3 * variance
    D = 1 + q + 2 * k2 * mean + k3 * variance + minor * (q * variance - mean**2)
    if is_concrete(c1, D):
        _explain(float(c1), float(trace), float(D), float(mean), float(variance))
    sound = (c1 > 0) & (trace > 0) & (D > 0)
    safe = jnp.where(sound, D, like(jnp.nan, D))
    g1 = -(1 + minor * variance) / safe
    g2 = -(k2 - minor * mean) / safe
    g4 = -(k3 + q * minor) / safe
    return FisherCoefficients(c1, c2, c3, g1, g2, g4, mean, variance, q)


def _explain(c1: float, trace: float, determinant: float, mean: float, variance: float) -> None:
    """Raise what is wrong where the coefficients are not those of a metric."""
    where = f"at a mean voltage of {mean:g} mV and a variance of {variance:g} mV^2"
    if not (np.isfinite(mean) and np.isfinite(variance)):
        raise MetricError(f"NeuronFisher: the voltage's moments are not finite ({where})")
    if np.isnan(c1):
        raise MetricError(
            f"NeuronFisher: {where} E[phi'^2/phi] is not a number: the voltage spreads further "
            "than the transfer function is defined, or than its quadrature reaches "
            "(`transfer.widest`, in mV); start from smaller weights, or lower the learning rate"
        )
    if not c1 > 0:
        raise MetricError(
            f"NeuronFisher: {where} the firing says nothing about the voltage (c1 = {c1:g}): the "
            "transfer function is flat there; start from weights nearer to its slope, or change "
            "the neuron's bias"
        )
    if not (trace > 0 and determinant > 0):
        raise MetricError(
            f"NeuronFisher: {where} the metric is not positive definite (determinant "
            f"{determinant:g}): the coefficients c1..c3 do not belong to this mean and variance; "
            "compute them for the same, with a fine enough quadrature"
        )


def quadratic_inverse(kernel: AbstractKernel, rates: Any) -> Float[np.ndarray, "n n"]:
    """G^-1 = S^-1 - c_eps^2 eps0^2 / (q + 1) 1 1' for phi'^2/phi = 1 (Eq 122); rates (n,) in Hz.

    Of a rectified quadratic transfer function of gain 1/4 Hz/mV^2, far above its threshold; the
    weights do not matter there. Raises `MetricError` for a rate that is not positive.

    >>> from steepest.spiking import DifferenceOfExponentials
    >>> quadratic_inverse(DifferenceOfExponentials(), [10.0, 50.0]).round(5)
    array([[ 0.00234, -0.00026],
           [-0.00026,  0.00026]])
    """
    r = real_numbers(rates, "rates")
    if r.ndim != 1 or not (np.isfinite(r) & (r > 0)).all():
        raise MetricError(f"quadratic_inverse: rates are positive numbers (n,) in Hz, not {r}")
    c, eps0 = float(kernel.c_eps), float(kernel.integral)
    q = c * eps0**2 * r.sum()
    return np.diag(c / r) - c**2 * eps0**2 / (q + 1)
