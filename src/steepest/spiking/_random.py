"""Random numbers and spikes for the lockstep kernel: 64 xoshiro256++ streams side by side.

Spikes of many afferents and lanes are one Poisson process on a line of accumulated hazard: gaps are
-log(u), and where a spike falls on the line says its step, its lane and its afferent. Drawing the
gaps costs one random number a spike instead of one per afferent and step.
"""

import hashlib
import inspect
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from steepest.machine import compiled

STREAMS = 64  # in one array with what they last drew, so that one loop over them vectorises
FAST = {"contract"}  # no reassociation: it undoes the rounding tricks below
LOG_OF_2 = math.log(2.0)
EDGE, WIDTH, FIRST, SIZE, RATE, GAIN = range(6)  # what is known of a class of afferents


def digest_of(*modules: ModuleType) -> str:
    """A digest of the modules' sources.

    Numba's cache knows when a function's own file has changed, but not the files of what it calls.
    A function that is closed over this digest is compiled anew when they change: the values of a
    closure are part of the cache's key.
    """
    sources = "\0".join(inspect.getsource(module) for module in modules)
    return hashlib.sha256(sources.encode()).hexdigest()


def builtin(function: Callable[..., Any]) -> Any:
    """numba's intrinsic, of the function itself where a run-time type checker has wrapped it."""
    return intrinsic(inspect.unwrap(function))


@builtin
def bits_as_float(typing_context, bits):
    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.uint64), codegen


@builtin
def float_as_bits(typing_context, number):
    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.uint64(types.float64), codegen


@builtin
def wide_vectors(typing_context):
    """Let LLVM use vectors of 512 bits where the machine has them; it prefers 256 on some."""

    def codegen(context, builder, signature, arguments):
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), codegen


def stream_states(seed: int, *key: int) -> np.ndarray:
    """4 words per stream, and room for a draw: the same for the same seed and key."""
    entropy = np.random.SeedSequence(seed, spawn_key=key)
    words = entropy.generate_state(4 * STREAMS, np.uint64)
    return np.concatenate([words, np.zeros(STREAMS, np.uint64)])


@compiled(inline="always")
def polynomial_exp(x):
    """exp(x) for |x| <= 700, to 2e-16: a polynomial, because a call would not vectorise."""
    shifted = x * 1.4426950408889634 + 6755399441055744.0
    n = shifted - 6755399441055744.0
    r = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10
    e = 1.0 / 6227020800.0
    e = e * r + 1.0 / 479001600.0
    e = e * r + 1.0 / 39916800.0
    e = e * r + 1.0 / 3628800.0
    e = e * r + 1.0 / 362880.0
    e = e * r + 1.0 / 40320.0
    e = e * r + 1.0 / 5040.0
    e = e * r + 1.0 / 720.0
    e = e * r + 1.0 / 120.0
    e = e * r + 1.0 / 24.0
    e = e * r + 1.0 / 6.0
    e = e * r + 0.5
    e = e * r + 1.0
    e = e * r + 1.0
    scale = (float_as_bits(shifted) + np.uint64(1023)) << np.uint64(52)
    return e * bits_as_float(scale)


@compiled(inline="always")
def minus_log(u):
    """-log(u) for a positive normal u, to 2e-16: m in [sqrt(1/2), sqrt(2)), u = m 2^k."""
    bits = float_as_bits(u)
    shifted = bits + np.uint64(0x00095F619980C433)  # carries into the exponent past sqrt(2)
    k = np.int64(shifted >> np.uint64(52)) - np.int64(1023)
    m = bits_as_float(bits - (np.uint64(k) << np.uint64(52)))
    f = (m - 1.0) / (m + 1.0)
    f2 = f * f
    s = 1.0 / 21.0
    s = s * f2 + 1.0 / 19.0
    s = s * f2 + 1.0 / 17.0
    s = s * f2 + 1.0 / 15.0
    s = s * f2 + 1.0 / 13.0
    s = s * f2 + 1.0 / 11.0
    s = s * f2 + 1.0 / 9.0
    s = s * f2 + 1.0 / 7.0
    s = s * f2 + 1.0 / 5.0
    s = s * f2 + 1.0 / 3.0
    return -(np.float64(k) * LOG_OF_2 + 2.0 * (f + f * f2 * s))


@compiled(inline="always")
def advance(state, i):
    """The next word of stream `i` of xoshiro256++."""
    s0 = state[i]
    s1 = state[STREAMS + i]
    s2 = state[2 * STREAMS + i]
    s3 = state[3 * STREAMS + i]
    total = s0 + s3
    word = ((total << np.uint64(23)) | (total >> np.uint64(41))) + s0
    shifted = s1 << np.uint64(17)
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    state[i] = s0
    state[STREAMS + i] = s1
    state[2 * STREAMS + i] = s2
    state[3 * STREAMS + i] = (s3 << np.uint64(45)) | (s3 >> np.uint64(19))
    return word


@compiled(inline="always")
def uniform(word):
    """A number in (0, 1] with 52 random bits."""
    return 2.0 - bits_as_float((word >> np.uint64(12)) | np.uint64(0x3FF0000000000000))


@compiled(cache=True, fastmath=FAST)
def draw_uniforms(state):
    """Leave a uniform number in (0, 1] of every stream in the last quarter of `state`."""
    wide_vectors()
    for i in range(STREAMS):
        state[4 * STREAMS + i] = float_as_bits(uniform(advance(state, i)))


@compiled(cache=True, fastmath=FAST)
def draw_gaps(state):
    """Leave an exponential number of mean 1 of every stream in the last part of `state`."""
    wide_vectors()
    for i in range(STREAMS):
        state[4 * STREAMS + i] = float_as_bits(minus_log(uniform(advance(state, i))))


@compiled(cache=True)
def class_of(hazard, edges):
    """The rate class whose stretch of a lane's hazard holds `hazard`; `edges` are their starts."""
    low = 0
    high = edges.shape[0]
    while high - low > 1:
        middle = (low + high) // 2
        if hazard >= edges[middle]:
            low = middle
        else:
            high = middle
    return low


@compiled(cache=True, fastmath=FAST)
def draw_spikes(state, steps, lanes, classes, stride, spikes, gaps):
    """Draw the afferents' spikes of `steps` steps; how many, or -1 when they do not fit.

    `classes` (6, number of classes) lays out a lane's hazard per step; `stride` is the slots per
    class; `spikes` (3, capacity) is filled with step, slot and row. Every count per step and
    afferent is Poisson. Spikes come out sorted by step, lane and afferent.
    """
    wide_vectors()
    kinds = classes.shape[1]
    n = np.int64(classes[FIRST, kinds - 1] + classes[SIZE, kinds - 1])
    lane_hazard = classes[EDGE, kinds - 1] + classes[WIDTH, kinds - 1]
    if lane_hazard <= 0.0:
        return 0
    step_hazard = lane_hazard * lanes
    per_step = 1.0 / step_hazard
    per_lane = 1.0 / lane_hazard
    end = step_hazard * steps
    # What tells class 1 from class 0, and what differs between them.
    edge = classes[EDGE, min(1, kinds - 1)] if kinds == 2 else np.inf
    scale0 = classes[SIZE, 0] / classes[WIDTH, 0]
    scale1 = classes[SIZE, kinds - 1] / classes[WIDTH, kinds - 1]
    last0 = classes[SIZE, 0] - 1.0
    last1 = classes[SIZE, kinds - 1] - 1.0
    first1 = classes[FIRST, kinds - 1]
    capacity = spikes.shape[1]
    step_of = spikes[0]
    slot_of = spikes[1]
    row_of = spikes[2]
    count = 0
    position = 0.0
    while position < end:
        if count + STREAMS > capacity:
            return -1
        draw_gaps(state)
        for i in range(STREAMS):
            position += bits_as_float(state[4 * STREAMS + i])
            gaps[i] = position
        steps_here = step_of[count : count + STREAMS]
        slots_here = slot_of[count : count + STREAMS]
        rows_here = row_of[count : count + STREAMS]
        if kinds <= 2:
            for i in range(STREAMS):
                step = np.floor(gaps[i] * per_step)
                rest = gaps[i] - step * step_hazard
                lane = min(max(np.floor(rest * per_lane), 0.0), lanes - 1.0)
                rest = rest - lane * lane_hazard
                second = rest >= edge
                inside = (rest - (edge if second else 0.0)) * (scale1 if second else scale0)
                inside = min(max(np.floor(inside), 0.0), last1 if second else last0)
                steps_here[i] = np.int64(step)
                slots_here[i] = np.int64((stride if second else 0) + lane)
                rows_here[i] = np.int64(lane * n + (first1 if second else 0.0) + inside)
        else:
            for i in range(STREAMS):
                step = np.floor(gaps[i] * per_step)
                rest = gaps[i] - step * step_hazard
                lane = min(max(np.floor(rest * per_lane), 0.0), lanes - 1.0)
                rest = rest - lane * lane_hazard
                kind = class_of(rest, classes[EDGE])
                size = classes[SIZE, kind]
                inside = np.floor((rest - classes[EDGE, kind]) * size / classes[WIDTH, kind])
                inside = min(max(inside, 0.0), size - 1.0)
                steps_here[i] = np.int64(step)
                slots_here[i] = kind * stride + np.int64(lane)
                rows_here[i] = np.int64(lane * n + classes[FIRST, kind] + inside)
        count += STREAMS
    while count > 0 and step_of[count - 1] >= steps:
        count -= 1
    return count


@compiled(cache=True)
def draw_candidates(state, steps, lanes, hazard, candidates, chances):
    """Draw the teacher's candidate spikes, each with a number in (0, 1] to be accepted by.

    `hazard` is a lane's hazard per step at the teacher's highest rate: a candidate is a spike when
    its number is at most rate / highest rate (thinning, so counts are exactly Poisson). Fills
    `candidates` (2, capacity) with step and lane; -1 when they do not fit.
    """
    step_hazard = hazard * lanes
    end = step_hazard * steps
    if step_hazard <= 0.0:
        return 0
    count = 0
    position = 0.0
    while position < end:
        if count + STREAMS > candidates.shape[1]:
            return -1
        draw_gaps(state)
        for i in range(STREAMS):
            position += bits_as_float(state[4 * STREAMS + i])
            step = np.floor(position / step_hazard)
            lane = np.floor((position - step * step_hazard) / hazard)
            candidates[0, count + i] = np.int64(step)
            candidates[1, count + i] = np.int64(min(max(lane, 0.0), lanes - 1.0))
        draw_uniforms(state)
        for i in range(STREAMS):
            chances[count + i] = bits_as_float(state[4 * STREAMS + i])
        count += STREAMS
    while count > 0 and candidates[0, count - 1] >= steps:
        count -= 1
    return count
