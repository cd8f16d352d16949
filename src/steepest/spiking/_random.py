"""Random numbers and spikes for the lockstep kernel: 64 xoshiro256++ streams side by side.

The spikes of all afferents and lanes in a step are one Poisson number, drawn from a table, and each
of them falls on a line of the lanes' and afferents' hazards: one random number a spike instead of
one per afferent and step, no logarithm, and nothing that waits for the number before. In the order
in which they are drawn the spikes of a step jump between lanes, so that their sums do not wait for
one another either.
"""

import hashlib
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from scipy.special import gammaln, xlogy

from steepest.machine import compiled

STREAMS = 64  # in one array with what they last drew, so that one loop over them vectorises
FAST = {"contract"}  # no reassociation: it undoes the rounding tricks below
EDGE, WIDTH, FIRST, SIZE, RATE, GAIN = range(6)  # what is known of a class of afferents
CHANCE, ELSE, OWN = range(3)  # rows of a table to draw from


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


def alias_table(chances: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Walker's table (3, k) to draw one of k `values` with one uniform number.

    Column int(u k) is taken, its own value where the fraction of u k is below its chance, and its
    other one elsewhere (Vose's construction, exact to rounding).
    """
    share = chances / chances.sum() * len(chances)
    own = np.arange(len(chances))
    other = own.copy()
    small, large = list(np.flatnonzero(share < 1)), list(np.flatnonzero(share >= 1))
    while small and large:
        k = small.pop()
        other[k] = large[-1]
        share[large[-1]] -= 1 - share[k]
        if share[large[-1]] < 1:
            small.append(large.pop())
    share[[*small, *large]] = 1.0
    return np.stack([share, values[other], values[own]]).astype(np.float64)


def count_table(mean: float) -> np.ndarray:
    """The table of a Poisson number; what is rarer than 1e-20 is left out."""
    if mean <= 0:
        return np.array([[1.0], [0.0], [0.0]])
    reach = 12 * np.sqrt(mean + 1) + 24
    counts = np.arange(max(0, int(mean - reach)), int(mean + reach) + 1)
    chances = np.exp(xlogy(counts, mean) - mean - gammaln(counts + 1.0))
    kept = chances > 1e-20
    return alias_table(chances[kept], counts[kept])


@compiled(inline="always")
def packed(slot, row):
    """A slot and a row of records in one word."""
    return (np.int64(slot) << np.int64(32)) | np.int64(row)


@compiled(inline="always")
def slot_of(word):
    """The slot of a packed word."""
    return np.uint64(word) >> np.uint64(32)


@compiled(inline="always")
def row_of(word):
    """The row of records of a packed word."""
    return np.uint64(word) & np.uint64(0xFFFFFFFF)


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
    """A number in [0, 1) with 52 random bits."""
    return bits_as_float((word >> np.uint64(12)) | np.uint64(0x3FF0000000000000)) - 1.0


@compiled(cache=True, fastmath=FAST)
def draw_uniforms(state):
    """Leave a uniform number in [0, 1) of every stream in the last part of `state`."""
    wide_vectors()
    for i in range(STREAMS):
        state[4 * STREAMS + i] = float_as_bits(uniform(advance(state, i)))


@compiled(cache=True, fastmath=FAST)
def draw_numbers(state, steps, table, numbers):
    """Draw how many events fall in each of up to STREAMS steps, by `count_table`; the total."""
    draw_uniforms(state)
    columns = table.shape[1]
    total = 0
    for step in range(steps):
        place = bits_as_float(state[4 * STREAMS + step]) * columns
        column = np.int64(place)
        number = (
            table[OWN, column] if place - column < table[CHANCE, column] else table[ELSE, column]
        )
        numbers[step] = np.int64(number)
        total += numbers[step]
    return total


@compiled(cache=True, fastmath=FAST)
def draw_spikes(state, steps, lanes, stride, counts, classes, afferents, numbers, spikes):
    """Draw the afferents' spikes of up to STREAMS steps; how many, or -1 when they do not fit.

    A step's spikes are a Poisson number (`counts`), each of them of a lane and an afferent drawn by
    rate, so every count per step and afferent is Poisson. `classes` (6, classes) lays out a lane's
    hazard, `afferents` (3, active) is the table to draw from where there are more than two classes.
    Fills `numbers` (steps,) and `spikes` in no order within a step: `packed` slots and rows.
    """
    wide_vectors()
    kinds = classes.shape[1]
    total = draw_numbers(state, steps, counts, numbers)
    if total + STREAMS > spikes.shape[0]:
        return -1
    n = afferents.shape[1]
    last_kind = kinds - 1
    hazard = classes[EDGE, last_kind] + classes[WIDTH, last_kind]
    # What tells class 1 from class 0, and what differs between them.
    edge = classes[EDGE, last_kind] / hazard if kinds == 2 else np.inf
    scale0 = classes[SIZE, 0] / classes[WIDTH, 0] * hazard
    scale1 = classes[SIZE, last_kind] / classes[WIDTH, last_kind] * hazard
    last0 = classes[SIZE, 0] - 1.0
    last1 = classes[SIZE, last_kind] - 1.0
    first1 = classes[FIRST, last_kind]
    for first in range(0, total, STREAMS):
        draw_uniforms(state)
        here = spikes[first : first + STREAMS]
        if kinds <= 2:
            for i in range(STREAMS):
                place = bits_as_float(state[4 * STREAMS + i]) * lanes
                lane = np.floor(place)
                rest = place - lane
                second = rest >= edge
                inside = (rest - (edge if second else 0.0)) * (scale1 if second else scale0)
                inside = min(np.floor(inside), last1 if second else last0)
                row = lane * n + (first1 if second else 0.0) + inside
                here[i] = packed((stride if second else 0.0) + lane, row)
        else:
            for i in range(STREAMS):
                place = bits_as_float(state[4 * STREAMS + i]) * lanes
                lane = np.floor(place)
                place = (place - lane) * n
                afferent = np.int64(place)
                if place - afferent >= afferents[CHANCE, afferent]:
                    afferent = np.int64(afferents[ELSE, afferent])
                kind = afferents[OWN, afferent]
                here[i] = packed(kind * stride + lane, lane * n + afferent)
    return total


@compiled(cache=True, fastmath=FAST)
def draw_candidates(state, steps, lanes, counts, numbers, candidates, chances):
    """Draw the teacher's candidate spikes, each with a number in [0, 1) to be accepted by.

    They come at the teacher's highest rate: a candidate is a spike when its number is below rate /
    highest rate (thinning, so counts are exactly Poisson). Fills `numbers` (steps,) and
    `candidates` with lanes; how many, or -1 when they do not fit.
    """
    wide_vectors()
    total = draw_numbers(state, steps, counts, numbers)
    if total + STREAMS > candidates.shape[0]:
        return -1
    for first in range(0, total, STREAMS):
        draw_uniforms(state)
        for i in range(STREAMS):
            candidates[first + i] = np.int64(bits_as_float(state[4 * STREAMS + i]) * lanes)
        draw_uniforms(state)
        for i in range(STREAMS):
            chances[first + i] = bits_as_float(state[4 * STREAMS + i])
    return total
