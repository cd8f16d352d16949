"""The event-driven kernel: LANES trials side by side, touching a synapse only when it spikes.

Between its spikes a synapse's USP is a fixed combination of two exponentials that all synapses
share, x_i = kappa (M_i a^j - S_i b^j), and every rule here changes it by g (k x_i - gamma_u +
gamma_w w_i) with scalars of the neuron. So w_i = L [P_i + k (M_i A - S_i B) - U], where L, U, A, B
are the neuron's and P, M, S change only at the synapse's spikes. What the scalars need from all the
synapses (V, sum x, sum x^2/Var, mean and variance of V) obeys recursions of its own. The result is
the dense scheme's to rounding: update the weights, decay, and let the step's spikes count from the
next step.

Everything of a lane stands in one array, X[quantity * LANES + lane] with LANES known to the
compiler, so that the loops over lanes become vector instructions. Every `rebase` steps (such that
b^-rebase <= 1e5: rounding grows with it) the records are brought up to date.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.machine import compiled
from steepest.spiking import _moments, _random, _updates
from steepest.spiking._moments import information_moments
from steepest.spiking._random import (
    FAST,
    FIRST,
    GAIN,
    RATE,
    SIZE,
    digest_of,
    draw_candidates,
    draw_spikes,
    wide_vectors,
)
from steepest.spiking._updates import (
    C_EPS,
    COUNT,
    DECAY_M,
    DECAY_S,
    EPS0,
    HALF0,
    KAPPA,
    MAXIMUM,
    MEAN,
    MEAN0,
    OFFSET,
    QMM,
    QMS,
    QSS,
    RM,
    RS,
    SLOPE,
    SQUARE,
    TEACHER_HAZARD,
    TEACHER_OFFSET,
    TM,
    TS,
    VM,
    VS,
    A,
    B,
    H,
    L,
    U,
    update_euclidean,
    update_natural,
)

# Rows of a class's sums over its spikes of a step, and what one adds to P.
SUM_P, SUM_M, SUM_S, SUM_W, NUMBER, CHANGE = range(6)
SLOTS = 6

# Counters of a block.
STEP, PHASE, BASE, SPIKES, SPIKE, CANDIDATES, CANDIDATE = range(7)
COUNTERS = 7

EUCLIDEAN, NATURAL, APPROXIMATE = range(3)
FINE, SPIKES_DO_NOT_FIT, CANDIDATES_DO_NOT_FIT, LAMBDA, METRIC, FLAT, SPREAD = range(7)
GROWTH = 1e5  # how far b^-rebase may grow


@compiled()
def refresh(lanes, X, par, lane, out):
    """Compute E[h], E[h'], ... of one lane at the mean and variance of V that it has reached."""
    N = len(lanes)
    mu = par[EPS0] * X[MEAN * N + lane]
    half = 0.5 / par[C_EPS] * X[SQUARE * N + lane]
    centre = mu - par[OFFSET] / par[SLOPE]
    information_moments(centre, 2.0 * half, par[SLOPE], par[MAXIMUM], out)
    X[MEAN0 * N + lane] = mu
    X[HALF0 * N + lane] = half
    for k in range(7):
        X[(H + k) * N + lane] = out[k]


@compiled(fastmath=FAST)
def prepare_changes(lanes, width, X, gain, aj_inverse, bj_inverse, sums):
    """What a spike of this class adds to P, for every lane."""
    wide_vectors()
    N = len(lanes)
    am, bm = gain * aj_inverse, gain * bj_inverse
    for i in range(width):
        sums[CHANGE * N + i] = bm * X[B * N + i] - am * X[A * N + i]


@compiled(fastmath=FAST)
def add_spikes(lanes, records, spikes, spike, stop, now, dm, ds, sums):
    """Sum the records of the synapses that spike in this step, and move them; the next spike."""
    N = len(lanes)
    while spike < stop and spikes[0, spike] == now:
        slot = np.uint64(spikes[1, spike])
        row = np.uint64(spikes[2, spike])
        p, m, s, w = records[row, 0], records[row, 1], records[row, 2], records[row, 3]
        sums[slot] += p
        sums[slot + np.uint64(SUM_M * N)] += m
        sums[slot + np.uint64(SUM_S * N)] += s
        sums[slot + np.uint64(SUM_W * N)] += w
        sums[slot + np.uint64(NUMBER * N)] += 1.0
        records[row, 0] = p + sums[slot + np.uint64(CHANGE * N)]
        records[row, 1] = m + dm
        records[row, 2] = s + ds
        spike += 1
    return spike


@compiled(inline="always")
def add_to_lane(lanes, X, i, w, sum_w, n, gains, m, s):
    """What spikes add to a lane: sums of w, w* and 1, and of k, k m and k s."""
    N = len(lanes)
    X[VM * N + i] += w
    X[VS * N + i] += w
    X[TM * N + i] += sum_w
    X[TS * N + i] += sum_w
    X[RM * N + i] += n
    X[RS * N + i] += n
    X[QMM * N + i] += 2.0 * m + gains
    X[QMS * N + i] += m + s + gains
    X[QSS * N + i] += 2.0 * s + gains


@compiled(inline="always")
def clear(lanes, sums, i):
    N = len(lanes)
    sums[i] = 0.0
    sums[SUM_M * N + i] = 0.0
    sums[SUM_S * N + i] = 0.0
    sums[SUM_W * N + i] = 0.0
    sums[NUMBER * N + i] = 0.0


@compiled(fastmath=FAST)
def fold(lanes, width, X, gain, aj, bj, sums):
    """Add a class's spiking synapses, summed in `sums`, to the lanes' scalars."""
    wide_vectors()
    N = len(lanes)
    for i in range(width):
        n = sums[NUMBER * N + i]
        sum_m, sum_s, sum_w = sums[SUM_M * N + i], sums[SUM_S * N + i], sums[SUM_W * N + i]
        change = gain * (X[A * N + i] * sum_m - X[B * N + i] * sum_s)
        add_to_lane(
            lanes,
            X,
            i,
            X[L * N + i] * (sums[i] + change - X[U * N + i] * n),
            sum_w,
            n,
            gain * n,
            gain * aj * sum_m,
            gain * bj * sum_s,
        )
        clear(lanes, sums, i)


@compiled(fastmath=FAST)
def fold_pair(lanes, width, X, gain0, gain1, aj, bj, sums):
    """`fold` for two classes at once: the scalars are read and written once."""
    wide_vectors()
    N = len(lanes)
    M = SLOTS * N
    for i in range(width):
        n0, n1 = sums[NUMBER * N + i], sums[M + NUMBER * N + i]
        m0, m1 = gain0 * sums[SUM_M * N + i], gain1 * sums[M + SUM_M * N + i]
        s0, s1 = gain0 * sums[SUM_S * N + i], gain1 * sums[M + SUM_S * N + i]
        change = X[A * N + i] * (m0 + m1) - X[B * N + i] * (s0 + s1)
        p = sums[i] + sums[M + i]
        n = n0 + n1
        add_to_lane(
            lanes,
            X,
            i,
            X[L * N + i] * (p + change - X[U * N + i] * n),
            sums[SUM_W * N + i] + sums[M + SUM_W * N + i],
            n,
            gain0 * n0 + gain1 * n1,
            aj * (m0 + m1),
            bj * (s0 + s1),
        )
        clear(lanes, sums, i)
        clear(lanes, sums, M + i)


@compiled(fastmath={"contract", "reassoc", "nsz"})
def rebase_class(records, gain, big_l, big_u, big_a, big_b, aj, bj):
    """Bring a class's records (size, 4) up to date; the sums of the weights and their squares."""
    wide_vectors()
    total = 0.0
    square = 0.0
    ga, gb = gain * big_a, gain * big_b
    for i in range(records.shape[0]):
        p, m, s, w = records[i, 0], records[i, 1], records[i, 2], records[i, 3]
        p = big_l * (p + (m * ga - s * gb) - big_u)
        total += p
        square += p * p
        records[i, 0] = p
        records[i, 1] = m * aj
        records[i, 2] = s * bj
        records[i, 3] = w
    return total, square


@compiled()
def rebase(lanes, X, records, silent, classes, aj, bj):
    """Bring all records up to date, and compute the sums over weights afresh."""
    N = len(lanes)
    n = records.shape[0] // N
    still = silent.shape[0] // N
    for i in range(N):
        big_l, big_u, big_a, big_b = X[L * N + i], X[U * N + i], X[A * N + i], X[B * N + i]
        mean = 0.0
        square = 0.0
        for kind in range(classes.shape[1]):
            first = i * n + np.int64(classes[FIRST, kind])
            part = records[first : first + np.int64(classes[SIZE, kind])]
            total, squares = rebase_class(
                part, classes[GAIN, kind], big_l, big_u, big_a, big_b, aj, bj
            )
            mean += classes[RATE, kind] * total
            square += classes[RATE, kind] * squares
        for k in range(i * still, (i + 1) * still):
            silent[k] = big_l * (silent[k] - big_u)
        X[MEAN * N + i] = mean
        X[SQUARE * N + i] = square
        X[L * N + i] = 1.0
        X[U * N + i] = 0.0
        X[A * N + i] = 0.0
        X[B * N + i] = 0.0


@compiled()
def _run_block(
    lanes,
    width,
    rule,
    real,
    period,
    drawn,
    until,
    draw_inputs,
    draw_teacher,
    par,
    classes,
    X,
    records,
    silent,
    counters,
    random,
    spikes,
    candidates,
    chances,
    sums,
    flags,
    scratch,
):
    """Run one block of trials to step `until`; what happened, and in which lane.

    `real` lanes are trials, the others are idle. `spikes` (3, capacity): step, slot, row;
    `candidates` (2, capacity): step, lane, and `chances`: accepted when at most phi*/maximum, or
    negative. Both are drawn here, for `drawn` steps at a time, or given.
    """
    wide_vectors()
    N = len(lanes)
    kinds = classes.shape[1]
    powers = np.empty((4, period + 1))
    for j in range(period + 1):
        powers[0, j] = par[DECAY_M] ** j
        powers[1, j] = par[DECAY_S] ** j
        powers[2, j] = 1.0 / powers[0, j]
        powers[3, j] = 1.0 / powers[1, j]
    step, phase, base = counters[STEP], counters[PHASE], counters[BASE]
    spike, candidate = counters[SPIKE], counters[CANDIDATE]
    happened = FINE
    where = 0
    while step < until and happened == FINE:
        if phase % drawn == 0:
            base = step
            span = min(drawn, period - phase)
            if draw_inputs:
                fitting = draw_spikes(random, span, real, classes, SLOTS * N, spikes, scratch)
                counters[SPIKES], spike = fitting, 0
                happened = SPIKES_DO_NOT_FIT if fitting < 0 else happened
            if draw_teacher:
                hazard = par[TEACHER_HAZARD]
                fitting = draw_candidates(random, span, real, hazard, candidates, chances)
                counters[CANDIDATES], candidate = fitting, 0
                happened = CANDIDATES_DO_NOT_FIT if fitting < 0 else happened
            if happened != FINE:
                break
        if rule != EUCLIDEAN and X[MEAN0 * N] == np.inf:  # the very first step
            for i in range(N):
                refresh(lanes, X, par, i, scratch)
        now = step - base if draw_teacher else step
        while candidate < counters[CANDIDATES] and candidates[0, candidate] == now:
            i = candidates[1, candidate]
            chance = chances[candidate]
            v = par[KAPPA] * (X[TM * N + i] - X[TS * N + i])
            if chance <= 0.0 or chance * (1.0 + np.exp(par[TEACHER_OFFSET] - par[SLOPE] * v)) <= 1:
                X[COUNT * N + i] += 1.0
            candidate += 1
        aj, bj = powers[0, phase], powers[1, phase]
        if rule == EUCLIDEAN:
            update_euclidean(lanes, width, X, par, aj, bj)
        else:
            update_natural(lanes, width, X, par, aj, bj, rule == APPROXIMATE, flags)
            total = 0
            for i in range(N):
                total |= flags[i]
            if total:
                for i in range(real):  # idle lanes drift out of every range, and need no integrals
                    if flags[i] & 30:
                        if happened == FINE:
                            happened = METRIC if flags[i] & 4 else LAMBDA
                            happened = SPREAD if flags[i] & 16 else happened
                            happened = FLAT if flags[i] & 8 else happened
                            where = i
                    elif flags[i] & 1:
                        refresh(lanes, X, par, i, scratch)
                if happened != FINE:
                    break
        phase += 1
        aj, bj, dm, ds = powers[0, phase], powers[1, phase], powers[2, phase], powers[3, phase]
        now = step - base if draw_inputs else step
        if spike < counters[SPIKES] and spikes[0, spike] == now:
            for kind in range(kinds):
                part = sums[kind * SLOTS * N : (kind + 1) * SLOTS * N]
                prepare_changes(lanes, width, X, classes[GAIN, kind], dm, ds, part)
            spike = add_spikes(lanes, records, spikes, spike, counters[SPIKES], now, dm, ds, sums)
            if kinds == 2:
                fold_pair(lanes, width, X, classes[GAIN, 0], classes[GAIN, 1], aj, bj, sums)
            else:
                for kind in range(kinds):
                    part = sums[kind * SLOTS * N : (kind + 1) * SLOTS * N]
                    fold(lanes, width, X, classes[GAIN, kind], aj, bj, part)
        step += 1
        if phase == period:
            rebase(lanes, X, records, silent, classes, aj, bj)
            phase = 0
    counters[STEP], counters[PHASE], counters[BASE] = step, phase, base
    counters[SPIKE], counters[CANDIDATE] = spike, candidate
    return happened, where


def _kept_while(sources: str) -> Callable[..., Any]:
    """`_run_block`, kept on disk as long as the digest of the modules that it uses is this."""

    def run_block(*block):
        _ = sources
        return _run_block(*block)

    return compiled(cache=True, nogil=True)(run_block)


run_block = _kept_while(digest_of(_moments, _random, _updates))
