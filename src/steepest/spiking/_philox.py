"""Philox 4x32-10: four random words of 32 bits from a counter and a key, in any order, anywhere.

Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011). A number is a function of
(seed, trial, synapse, event) alone, so results do not depend on how work is split over threads.
NumPy's generator of that name is the 4x64 one; NVIDIA's in Numba keeps a state per thread instead.
"""

import math

import numpy as np

from steepest.machine import compiled

WORD = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
MULTIPLIER_0, MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
WEYL_0, WEYL_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
ROUNDS = 10
SPARE, ONE = np.uint64(12), np.uint64(1)
ULP = 2.0**-52

INPUTS, TEACHER = np.uint64(0), np.uint64(1)  # streams of a trial


@compiled()
def philox(c0, c1, c2, c3, k0, k1):
    """Four words of 32 bits for a counter and a key of such words, all as uint64."""
    for _ in range(ROUNDS):
        first = MULTIPLIER_0 * c0
        second = MULTIPLIER_1 * c2
        c0 = (second >> HALF) ^ c1 ^ k0
        c1 = second & WORD
        c2 = (first >> HALF) ^ c3 ^ k1
        c3 = first & WORD
        k0 = (k0 + WEYL_0) & WORD
        k1 = (k1 + WEYL_1) & WORD
    return c0, c1, c2, c3


@compiled()
def uniform(high, low):
    """A number in (0, 1] with 52 random bits, of two words."""
    word = (high << HALF) | low
    return float((word >> SPARE) + ONE) * ULP


@compiled()
def draw(event, synapse, trial, stream, k0, k1):
    """What an event brings: the exponential gap (mean 1) to the next one, and a number in (0, 1].

    Event 0 is the start. `synapse` and `trial` are whole numbers below 2^32, `event` below 2^63.
    """
    number = np.uint64(event)
    high = ((number >> HALF) << ONE) | stream
    w0, w1, w2, w3 = philox(number & WORD, np.uint64(synapse), np.uint64(trial), high, k0, k1)
    return -math.log(uniform(w0, w1)), uniform(w2, w3)


@compiled()
def count_spikes(left, hazard, event, synapse, trial, k0, k1):
    """The spikes of a synapse in a step, the hazard left to its next one, and the last event.

    `left` is what was left before the step and `hazard` that of the step, so counts are Poisson.
    """
    count = 0.0
    while left <= hazard:
        event += 1
        gap, _ = draw(event, synapse, trial, INPUTS, k0, k1)
        left += gap
        count += 1.0
    return count, left - hazard, event


def key_of(seed: int, step: int) -> tuple[np.uint64, np.uint64]:
    """The key of a run that draws from `seed` and begins at `step`: two words."""
    first, second = np.random.SeedSequence(seed, spawn_key=(step,)).generate_state(2, np.uint32)
    return np.uint64(first), np.uint64(second)
