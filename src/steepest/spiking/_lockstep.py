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
from steepest.spiking import _moments, _random, _records, _updates
from steepest.spiking._moments import information_moments
from steepest.spiking._random import (
    FIRST,
    RATE,
    SIZE,
    digest_of,
    draw_candidates,
    draw_spikes,
    row_of,
    slot_of,
    wide_vectors,
)
from steepest.spiking._records import (
    move_record,
    prefetch_record,
    put_changes,
    rebase_class,
    take_sums,
)
from steepest.spiking._updates import (
    C_EPS,
    CHANGE,
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
    SLOPE,
    SQUARE,
    SUM_P,
    TEACHER_OFFSET,
    TM,
    TS,
    A,
    B,
    H,
    L,
    U,
    rebase_sums,
    update_euclidean,
    update_natural,
)

# Doubles of a slot in the sums over a step's spikes and in the changes.
SUMS, CHANGES = 8, 4

# Counters of a block: of spikes and of the teacher's candidates how many there are, which comes
# next, and the step of the first of their `numbers`.
STEP, PHASE, SPIKES, SPIKE, SPIKE_BASE, CANDIDATES, CANDIDATE, CANDIDATE_BASE = range(8)
COUNTERS = 8

EUCLIDEAN, NATURAL, APPROXIMATE = range(3)
FINE, SPIKES_DO_NOT_FIT, CANDIDATES_DO_NOT_FIT, LAMBDA, METRIC, FLAT, SPREAD = range(7)
AHEAD = 32  # spikes ahead whose records are fetched: from another core's cache, or the memory
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


@compiled()
def add_spikes(lanes, records, spikes, spike, stop, gains, sums, changes):
    """Sum the records of the synapses that spike in this step, and move them.

    Meanwhile records of spikes to come are on their way from the memory: `spikes` has AHEAD more
    places than spikes.
    """
    N = np.uint64(len(lanes))
    for k in range(spike, stop):
        slot, row = slot_of(spikes[k]), row_of(spikes[k])
        prefetch_record(records, row_of(spikes[k + AHEAD]))
        move_record(records, sums, changes, gains[slot // N], row, slot % N)


@compiled()
def rebase(lanes, X, records, silent, classes, aj, bj, scratch):
    """Bring all records up to date, and compute the sums over weights afresh."""
    N = len(lanes)
    n = records.shape[0] // N
    still = silent.shape[0] // N
    sums = scratch[:16]
    rebase_sums(lanes, N, X, aj, bj)
    for i in range(N):
        big_l, big_u, big_a, big_b = X[L * N + i], X[U * N + i], X[A * N + i], X[B * N + i]
        mean = 0.0
        square = 0.0
        for kind in range(classes.shape[1]):
            first = i * n + np.int64(classes[FIRST, kind])
            last = first + np.int64(classes[SIZE, kind])
            total, squares = rebase_class(
                records, first, last, big_l, big_a, big_b, big_u, aj, bj, sums
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
def powers_of(a, b, period):
    """a^j, b^j, a^-j and b^-j for j = 0 .. period."""
    powers = np.empty((4, period + 1))
    for j in range(period + 1):
        powers[0, j] = a**j
        powers[1, j] = b**j
        powers[2, j] = 1.0 / powers[0, j]
        powers[3, j] = 1.0 / powers[1, j]
    return powers


@compiled()
def what_failed(flag):
    """The worst of what a lane's flag of `update_natural` says."""
    happened = METRIC if flag & 4 else LAMBDA
    happened = SPREAD if flag & 16 else happened
    return FLAT if flag & 8 else happened


@compiled()
def draw_ahead(
    lanes,
    real,
    span,
    draw_inputs,
    draw_teacher,
    classes,
    input_counts,
    teacher_counts,
    afferents,
    counters,
    random,
    spike_numbers,
    spikes,
    candidate_numbers,
    candidates,
    chances,
):
    """Draw what is drawn of the spikes of `span` steps; whether they fit."""
    happened = FINE
    if draw_inputs:
        fitting = draw_spikes(
            random, span, real, len(lanes), input_counts, classes, afferents, spike_numbers, spikes
        )
        counters[SPIKES], counters[SPIKE], counters[SPIKE_BASE] = fitting, 0, counters[STEP]
        happened = SPIKES_DO_NOT_FIT if fitting < 0 else happened
    if draw_teacher:
        fitting = draw_candidates(
            random, span, real, teacher_counts, candidate_numbers, candidates, chances
        )
        counters[CANDIDATES], counters[CANDIDATE] = fitting, 0
        counters[CANDIDATE_BASE] = counters[STEP]
        happened = CANDIDATES_DO_NOT_FIT if fitting < 0 else happened
    return happened


@compiled()
def numbered(numbers, base, step):
    """How many events are this step's."""
    place = step - base
    return numbers[place] if place < numbers.shape[0] else 0


@compiled()
def hear_teacher(lanes, X, par, candidate, stop, candidates, chances):
    """Count the teacher's spikes of this step, candidates that its voltage lets pass."""
    N = len(lanes)
    for k in range(candidate, stop):
        i = candidates[k]
        v = par[KAPPA] * (X[TM * N + i] - X[TS * N + i])
        rarer = 1.0 + np.exp(par[TEACHER_OFFSET] - par[SLOPE] * v)
        if chances[k] < 0.0 or chances[k] * rarer < 1.0:
            X[COUNT * N + i] += 1.0


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
    gains,
    input_counts,
    teacher_counts,
    afferents,
    X,
    records,
    silent,
    counters,
    random,
    spike_numbers,
    spikes,
    candidate_numbers,
    candidates,
    chances,
    sums,
    changes,
    flags,
    scratch,
):
    """Run one block of trials to step `until`; what happened, and in which lane.

    `real` lanes are trials, the others are idle. `spike_numbers` of the steps from the counters'
    base on say how many of `spikes` (packed slots and rows) are theirs, `candidate_numbers` how
    many of `candidates` (lanes) with their `chances`: accepted when below phi*/maximum, or
    negative. Both are drawn here, for `drawn` steps at a time, or given.
    """
    wide_vectors()
    N = len(lanes)
    chunk = min(8, N)
    powers = powers_of(par[DECAY_M], par[DECAY_S], period)
    phase = counters[PHASE]
    happened = FINE
    where = 0
    while counters[STEP] < until and happened == FINE:
        step = counters[STEP]
        if phase % drawn == 0:
            happened = draw_ahead(
                lanes,
                real,
                min(drawn, period - phase),
                draw_inputs,
                draw_teacher,
                classes,
                input_counts,
                teacher_counts,
                afferents,
                counters,
                random,
                spike_numbers,
                spikes,
                candidate_numbers,
                candidates,
                chances,
            )
            if happened != FINE:
                break
        if rule != EUCLIDEAN and X[MEAN0 * N] == np.inf:  # the very first step
            for i in range(N):
                refresh(lanes, X, par, i, scratch)
        candidate = counters[CANDIDATE]
        stop = candidate + numbered(candidate_numbers, counters[CANDIDATE_BASE], step)
        hear_teacher(lanes, X, par, candidate, stop, candidates, chances)
        counters[CANDIDATE] = stop
        if rule == EUCLIDEAN:
            update_euclidean(lanes, width, X, par, powers, phase)
        else:
            update_natural(lanes, width, X, par, powers, phase, rule == APPROXIMATE, flags)
            total = 0
            for i in range(N):
                total |= flags[i]
            if total:
                for i in range(real):  # idle lanes drift out of every range, and need no integrals
                    if flags[i] & 30:
                        if happened == FINE:
                            happened, where = what_failed(flags[i]), i
                    elif flags[i] & 1:
                        refresh(lanes, X, par, i, scratch)
                if happened != FINE:
                    break
        phase += 1
        for first in range(0, N, chunk):
            put_changes(lanes, X, changes, first, CHANGE * N, powers[2, phase], powers[3, phase])
        spike = counters[SPIKE]
        stop = spike + numbered(spike_numbers, counters[SPIKE_BASE], step)
        add_spikes(lanes, records, spikes, spike, stop, gains, sums, changes)
        counters[SPIKE] = stop
        for first in range(0, N, chunk):
            take_sums(lanes, sums, X, first, SUM_P * N, N)
        counters[STEP] = step + 1
        if phase == period:
            rebase(lanes, X, records, silent, classes, powers[0, phase], powers[1, phase], scratch)
            phase = 0
    counters[PHASE] = phase
    return happened, where


def kept_while(sources: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A compiled function, kept on disk as long as `sources`, a digest of what it uses, is this."""

    def run_block(*block):
        _ = sources
        return function(*block)

    return compiled(cache=True, nogil=True)(run_block)


run_block = kept_while(digest_of(_moments, _random, _records, _updates), _run_block)
