"""The two kernels for GPUs. This file alone imports numba.cuda, and `gpu_engine` this file.

One launch runs thousands of steps; nothing but the state goes from one to the next. Under Numba's
simulator (NUMBA_ENABLE_CUDASIM=1), which has no shuffles, sums go through shared memory in the same
order.
"""

import functools
from typing import Any

import numpy as np
from numba import cuda as numba_cuda
from numba.core import config

from steepest.machine import compiled
from steepest.spiking import _gpu_rows as row
from steepest.spiking._device import (
    C_EPS,
    DECAY_M,
    DECAY_S,
    DT,
    EPS0,
    EUCLIDEAN,
    FINE,
    KAPPA,
    MAXIMUM,
    OFFSET,
    SLOPE,
    SPREAD,
    TEACHER_HAZARD,
    accepts,
    coefficients,
    has_drifted,
    is_near,
    is_wide,
    judge,
    postsynaptic,
    quadrature,
    scale_moments,
    sum_nodes,
)
from steepest.spiking._gpu_threads import run_trial
from steepest.spiking._philox import INPUTS, TEACHER, count_spikes, draw

cuda: Any = numba_cuda  # a type checker sees what stands in for it outside kernels
SIMULATED = bool(vars(config)["ENABLE_CUDASIM"])
WARP = 32
ALL = 0xFFFFFFFF
SUMS = 5  # added at once
PER_THREAD = 4  # synapses that a thread keeps in registers, as long as a block has room
MOST_THREADS = 256  # of a team: more would leave too few registers for each


@functools.cache
def thread_kernel() -> Any:
    """The kernel in which a thread runs a trial."""
    body = run_trial if SIMULATED else compiled()(run_trial)

    def threads(
        trials,
        until,
        rule,
        origin,
        period,
        draws_inputs,
        draws_teacher,
        key,
        par,
        classes,
        powers,
        numbers,
        counters,
        records,
        silent,
        given_steps,
        given_places,
        taught_steps,
        stops,
    ):
        trial = cuda.grid(1)
        if trial < trials:
            body(
                trial,
                until,
                rule,
                origin,
                period,
                draws_inputs,
                draws_teacher,
                key,
                par,
                classes,
                powers,
                numbers,
                counters,
                records,
                silent,
                given_steps,
                given_places,
                taught_steps,
                stops,
            )

    return cuda.jit(threads)


def team_of(n: int) -> tuple[int, int]:
    """Threads of a trial, whole warps, and the synapses of each: 32 x 4 to n = 128."""
    warps = min(-(-n // (WARP * PER_THREAD)), MOST_THREADS // WARP)
    return warps * WARP, -(-n // (warps * WARP))


@cuda.jit(device=True)
def fold_warp(a, b, c, d, e):
    """Five sums over a warp, each the same to the bit in all of its threads."""
    offset = WARP // 2
    while offset > 0:
        a += cuda.shfl_xor_sync(ALL, a, offset)
        b += cuda.shfl_xor_sync(ALL, b, offset)
        c += cuda.shfl_xor_sync(ALL, c, offset)
        d += cuda.shfl_xor_sync(ALL, d, offset)
        e += cuda.shfl_xor_sync(ALL, e, offset)
        offset //= 2
    return a, b, c, d, e


@cuda.jit(device=True)
def fold_warp_of_two(a, b):
    """Two sums over a warp."""
    offset = WARP // 2
    while offset > 0:
        a += cuda.shfl_xor_sync(ALL, a, offset)
        b += cuda.shfl_xor_sync(ALL, b, offset)
        offset //= 2
    return a, b


def fold_simulated(cache, threads, me, values):
    """The same sums where there are no shuffles: thread 0 adds what they would, in their order."""
    count = len(values)
    for k in range(count):
        cache[me * SUMS + k] = values[k]
    cuda.syncthreads()
    if me == 0:
        for k in range(count):
            for warp in range(0, threads, WARP):
                offset = WARP // 2
                while offset > 0:
                    for i in range(warp, warp + offset):
                        cache[i * SUMS + k] += cache[(i + offset) * SUMS + k]
                    offset //= 2
            total = 0.0
            for warp in range(0, threads, WARP):
                total += cache[warp * SUMS + k]
            cache[k] = total
    cuda.syncthreads()
    sums = [cache[k] for k in range(count)]
    cuda.syncthreads()
    return sums


def make_folds(threads: int) -> tuple[Any, Any]:
    """Sums of five numbers, and of two, over a team: functions (cache, me, numbers...)."""
    if SIMULATED:
        return (
            lambda cache, me, *values: fold_simulated(cache, threads, me, values),
            lambda cache, me, *values: fold_simulated(cache, threads, me, values),
        )
    if threads == WARP:
        return (
            cuda.jit(device=True)(lambda cache, me, a, b, c, d, e: fold_warp(a, b, c, d, e)),
            cuda.jit(device=True)(lambda cache, me, a, b: fold_warp_of_two(a, b)),
        )
    warps = threads // WARP

    @cuda.jit(device=True)
    def fold(cache, me, a, b, c, d, e):
        a, b, c, d, e = fold_warp(a, b, c, d, e)
        if me % WARP == 0:
            place = me // WARP * SUMS
            cache[place] = a
            cache[place + 1] = b
            cache[place + 2] = c
            cache[place + 3] = d
            cache[place + 4] = e
        cuda.syncthreads()
        a, b, c, d, e = 0.0, 0.0, 0.0, 0.0, 0.0
        for warp in range(warps):
            a += cache[warp * SUMS]
            b += cache[warp * SUMS + 1]
            c += cache[warp * SUMS + 2]
            d += cache[warp * SUMS + 3]
            e += cache[warp * SUMS + 4]
        cuda.syncthreads()
        return a, b, c, d, e

    @cuda.jit(device=True)
    def fold_two(cache, me, a, b):
        a, b = fold_warp_of_two(a, b)
        if me % WARP == 0:
            cache[me // WARP * SUMS] = a
            cache[me // WARP * SUMS + 1] = b
        cuda.syncthreads()
        a, b = 0.0, 0.0
        for warp in range(warps):
            a += cache[warp * SUMS]
            b += cache[warp * SUMS + 1]
        cuda.syncthreads()
        return a, b

    return fold, fold_two


@functools.cache
def team_kernel(rule: int, threads: int, each: int) -> Any:
    """The kernel in which a team of `threads` runs a trial, each with `each` synapses.

    Dense: every synapse in every step, its weight, its two traces and the hazard left to its next
    spike in registers.
    """
    fold, fold_two = make_folds(threads)
    room = threads * SUMS if SIMULATED else threads // WARP * SUMS
    natural = rule != EUCLIDEAN

    def teams(
        until,
        draws_inputs,
        draws_teacher,
        key,
        par,
        rates,
        gains,
        numbers,
        counters,
        synapses,
        drawn,
        given_steps,
        given_places,
        taught_steps,
        stops,
    ):
        trial = cuda.blockIdx.x
        me = cuda.threadIdx.x
        if counters[row.HAPPENED, trial] != FINE:
            return
        cache = cuda.shared.array(room, np.float64)
        w = cuda.local.array(each, np.float64)
        m = cuda.local.array(each, np.float64)
        s = cuda.local.array(each, np.float64)
        target = cuda.local.array(each, np.float64)
        left = cuda.local.array(each, np.float64)
        rate = cuda.local.array(each, np.float64)
        gain = cuda.local.array(each, np.float64)
        events = cuda.local.array(each, np.int64)
        n = rates.shape[0]
        for k in range(each):
            i = me + k * threads
            if i < n:
                w[k] = synapses[0, trial, i]
                m[k] = synapses[1, trial, i]
                s[k] = synapses[2, trial, i]
                target[k] = synapses[3, trial, i]
                left[k] = synapses[4, trial, i]
                rate[k] = rates[i]
                gain[k] = gains[i]
                events[k] = drawn[trial, i]
            else:
                w[k], m[k], s[k], target[k] = 0.0, 0.0, 0.0, 0.0
                left[k], rate[k], gain[k] = 0.0, 0.0, 0.0
                events[k] = 0
        k0, k1 = key
        a, b, kappa, dt = par[DECAY_M], par[DECAY_S], par[KAPPA], par[DT]
        eps0, half, slope = par[EPS0], 0.5 / par[C_EPS], par[SLOPE]
        teacher_hazard = par[TEACHER_HAZARD]
        teacher_left = numbers[row.TEACHER_LEFT, trial]
        mean0, half0 = numbers[row.MEAN0, trial], numbers[row.HALF0, trial]
        h = (
            numbers[row.H, trial],
            numbers[row.H + 1, trial],
            numbers[row.H + 2, trial],
            numbers[row.H + 3, trial],
            numbers[row.H + 4, trial],
            numbers[row.H + 5, trial],
            numbers[row.H + 6, trial],
        )
        teacher_events = counters[row.TEACHER_EVENTS, trial]
        given, taught = counters[row.GIVEN, trial], counters[row.TAUGHT, trial]
        given_stop, taught_stop = stops[0, trial], stops[1, trial]
        step = counters[row.STEP, trial]
        if draws_teacher and teacher_events < 0:
            teacher_events = 0
            teacher_left, _ = draw(0, 0, trial, TEACHER, k0, k1)
        for k in range(each):
            if draws_inputs and events[k] < 0:
                events[k] = 0
                left[k], _ = draw(0, me + k * threads, trial, INPUTS, k0, k1)
        cuda.syncthreads()  # all have read what the first one writes
        while step < until:
            v, taught_v, total, mean, square = 0.0, 0.0, 0.0, 0.0, 0.0
            for k in range(each):
                x = kappa * (m[k] - s[k])
                v += w[k] * x
                taught_v += target[k] * x
                if natural:
                    total += x
                    mean += w[k] * rate[k]
                    square += w[k] * w[k] * rate[k]
            if natural:
                v, taught_v, total, mean, square = fold(cache, me, v, taught_v, total, mean, square)
            else:
                v, taught_v = fold_two(cache, me, v, taught_v)
            y = 0.0
            if draws_teacher:
                while teacher_left <= teacher_hazard:
                    teacher_events += 1
                    gap, chance = draw(teacher_events, 0, trial, TEACHER, k0, k1)
                    teacher_left += gap
                    if accepts(chance, taught_v, par):
                        y += 1.0
                teacher_left -= teacher_hazard
            else:
                while taught < taught_stop and taught_steps[taught] == step:
                    y += 1.0
                    taught += 1
            g = postsynaptic(y, v, par)
            if natural:
                mu = eps0 * mean
                wide = is_wide(square, par)
                if not wide and has_drifted(mu - mean0, half * square - half0, slope):
                    mean0, half0 = mu, half * square
                    deviation, width, nodes = quadrature(2.0 * half0, slope)
                    centre = mu - par[OFFSET] / slope
                    s0, s1, s2, s3, s4, s5, s6, s7 = sum_nodes(
                        centre, deviation, width, nodes, slope, me, threads
                    )
                    s0, s1, s2, s3, s4 = fold(cache, me, s0, s1, s2, s3, s4)
                    s5, s6, s7, _, _ = fold(cache, me, s5, s6, s7, 0.0, 0.0)
                    sums = (s0, s1, s2, s3, s4, s5, s6, s7)
                    h = scale_moments(sums, slope, par[MAXIMUM])
                d, t = mu - mean0, half * square - half0
                gamma_s, gamma_u, gamma_w, sound = coefficients(
                    rule, v, total, mean, square, d, t, h, par
                )
                g *= gamma_s
                lam, bu = 1.0 + g * gamma_w, g * gamma_u
                happened = judge(lam, sound, is_near(v, mu, par), False)
                if wide:  # since the step before
                    happened = SPREAD
                    step -= 1
                if happened != FINE:
                    if me == 0:
                        counters[row.HAPPENED, trial] = happened
                        numbers[row.LAM, trial] = lam
                        numbers[row.LOST_V, trial] = v
                        numbers[row.LOST_MEAN, trial] = mean
                        numbers[row.LOST_SQUARE, trial] = square
                    break
                for k in range(each):
                    w[k] = lam * w[k] + g * kappa * gain[k] * (m[k] - s[k]) - bu
            else:
                for k in range(each):
                    w[k] += g * kappa * gain[k] * (m[k] - s[k])
            for k in range(each):
                m[k] *= a
                s[k] *= b
                hazard = rate[k] * dt
                if draws_inputs and hazard > 0.0:
                    count, left[k], events[k] = count_spikes(
                        left[k], hazard, events[k], me + k * threads, trial, k0, k1
                    )
                    m[k] += count
                    s[k] += count
            if not draws_inputs:
                while given < given_stop and given_steps[given] == step:
                    place = given_places[given]
                    for k in range(each):
                        if place == me + k * threads:
                            m[k] += 1.0
                            s[k] += 1.0
                    given += 1
            step += 1
        for k in range(each):
            i = me + k * threads
            if i < n:
                synapses[0, trial, i] = w[k]
                synapses[1, trial, i] = m[k]
                synapses[2, trial, i] = s[k]
                synapses[4, trial, i] = left[k]
                drawn[trial, i] = events[k]
        if me == 0:
            numbers[row.TEACHER_LEFT, trial] = teacher_left
            numbers[row.MEAN0, trial], numbers[row.HALF0, trial] = mean0, half0
            for k in range(7):
                numbers[row.H + k, trial] = h[k]
            counters[row.TEACHER_EVENTS, trial] = teacher_events
            counters[row.GIVEN, trial], counters[row.TAUGHT, trial] = given, taught
            counters[row.STEP, trial] = step

    return cuda.jit(teams)
