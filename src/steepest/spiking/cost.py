"""What learning lowers: the divergence of the teacher's output from the neuron's, and distances.

Kernels on rates in Hz. The paper's costs (contour levels of Fig 3, the threshold 5e-5 of Fig 9)
are those per bin of 0.5 ms.
"""

from typing import Any

import jax.numpy as jnp
from jax.scipy.special import kl_div
from jaxtyping import Array, Float

from steepest.arrays.numbers import like

__all__ = ["cost_per_bin", "cost_per_second", "rate_distance", "weight_distance"]


def cost_per_bin(target: Any, rate: Any, dt: Any = 5e-4) -> Float[Array, "*n"]:
    """Mean over the last axis (test USPs) of KL(Bernoulli(target dt) || Bernoulli(rate dt)), nats.

    `target`, `rate` (..., m) in Hz, `dt` in s (Eq 9, with the expectation over output spikes
    taken analytically).

    >>> round(float(cost_per_bin([20.0], [25.0])), 6)
    0.000272
    """
    p = jnp.asarray(target)
    p, q = p * like(dt, p), jnp.asarray(rate) * like(dt, p)
    return jnp.mean(kl_div(p, q) + kl_div(1 - p, 1 - q), axis=-1)


def cost_per_second(target: Any, rate: Any) -> Float[Array, "*n"]:
    """Mean over the last axis of target log(target/rate) - target + rate, in nats per second.

    The divergence of two Poisson processes, the limit of `cost_per_bin`/dt (within 3 % at 0.5 ms).

    >>> round(float(cost_per_second([20.0], [25.0])), 4)
    0.5371
    """
    return jnp.mean(kl_div(jnp.asarray(target), jnp.asarray(rate)), axis=-1)


def rate_distance(target: Any, rate: Any) -> Float[Array, "*n"]:
    """Root mean squared difference of rates (Hz) over the last axis (test USPs).

    >>> round(float(rate_distance([20.0, 30.0], [25.0, 30.0])), 4)
    3.5355
    """
    return jnp.sqrt(jnp.mean((jnp.asarray(rate) - jnp.asarray(target)) ** 2, axis=-1))


def weight_distance(target: Any, weights: Any) -> Float[Array, "*n"]:
    """Euclidean distance of weight vectors along the last axis.

    >>> float(weight_distance([0.0, 3.0], [4.0, 0.0]))
    5.0
    """
    return jnp.sqrt(jnp.sum((jnp.asarray(weights) - jnp.asarray(target)) ** 2, axis=-1))
