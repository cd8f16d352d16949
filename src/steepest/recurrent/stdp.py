"""Spike-timing dependent plasticity as a differential operator (Galtier & Wainrib 2013, Methods).

delta[x, y] = (gamma/2) [x (y * g) - (x * g) y] with g(t) = gamma exp(-gamma t), t > 0. Averaged
over time it is the velocity of x, seen through g, against y seen through g:
<delta[x, y]> = <(x' * g) (y * g)>, whose gain for a sine of angular frequency w is
gamma^2 / (gamma^2 + w^2). After Eq 15 the paper prints xi(u~) * g: read (du~/dt) * g.
"""

import numpy as np
from jaxtyping import Float

from steepest.arrays.given import real_numbers
from steepest.arrays.numbers import Numbers

__all__ = ["gain", "periodic_lowpass", "window"]


def window(lag: Numbers, gamma: float, decay: float = 0.0) -> Float[np.ndarray, "*n"]:
    """The weight change by one spike pair `lag` = t_post - t_pre apart, per unit of learning rate.

    gamma (gamma + l)/2 exp(-gamma lag) after the presynaptic spike, -gamma (gamma - l)/2
    exp(gamma lag) before it: antisymmetric for decay l = 0, asymmetric when the Hebbian term with
    both factors seen through g is counted in (Discussion). At lag 0 the two halves' mean.
    """
    lag = real_numbers(lag, "lag")
    causal = gamma * (gamma + decay) / 2 * np.exp(-gamma * np.abs(lag))
    acausal = -gamma * (gamma - decay) / 2 * np.exp(-gamma * np.abs(lag))
    return np.where(lag > 0, causal, np.where(lag < 0, acausal, (causal + acausal) / 2))


def gain(frequency: Numbers, gamma: float) -> Float[np.ndarray, "*n"]:
    """How much of the velocity at angular frequency w STDP sees: gamma^2 / (gamma^2 + w^2)."""
    squared = np.square(real_numbers(frequency, "frequency"))
    return np.asarray(gamma**2 / (gamma**2 + squared))


def periodic_lowpass(
    signal: Float[np.ndarray, "t n"], rate: float, dt: float, *, discrete: bool = False
) -> Float[np.ndarray, "t n"]:
    """signal * g of one period (t, n), in its periodic steady state.

    g(t) = rate exp(-rate t). Exact for band-limited signals; with `discrete` the filter is the
    Euler map x += rate dt (signal - x), out before the step, that the online rule runs.
    """
    frequencies = 2 * np.pi * np.fft.rfftfreq(len(signal), dt)
    if discrete:
        response = rate * dt / (np.exp(1j * frequencies * dt) - 1 + rate * dt)
    else:
        response = rate / (rate + 1j * frequencies)
    return np.fft.irfft(np.fft.rfft(signal, axis=0) * response[:, None], n=len(signal), axis=0)
