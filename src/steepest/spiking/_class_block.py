"""One block of trials whose classes of synapses learn differently (`_classes`), step by step."""

from steepest.machine import compiled
from steepest.spiking import _classes, _lockstep, _moments, _random, _records, _updates
from steepest.spiking._classes import (
    CLASS_ROWS,
    NOW_GAIN,
    NOW_RATE,
    Y_A,
    Y_B,
    Y_CHANGE,
    Y_L,
    Y_MEAN,
    Y_SQUARE,
    Y_SUM_M,
    Y_SUM_P,
    Y_SUM_S,
    Y_U,
    drifted,
    gather_classes,
    share_coefficients,
    spiking_class_weights,
    thin_spikes,
    update_classes,
)
from steepest.spiking._lockstep import (
    AHEAD,
    APPROXIMATE,
    CANDIDATE,
    CANDIDATE_BASE,
    EUCLIDEAN,
    FINE,
    PHASE,
    SPIKE,
    SPIKE_BASE,
    SPIKES,
    SPREAD,
    STEP,
    draw_ahead,
    hear_teacher,
    kept_while,
    numbered,
    powers_of,
    refresh,
    what_failed,
)
from steepest.spiking._random import FIRST, SIZE, digest_of, row_of, slot_of, wide_vectors
from steepest.spiking._records import (
    move_record,
    prefetch_record,
    put_changes,
    rebase_class,
    take_sums,
)
from steepest.spiking._updates import C_EPS, DECAY_M, DECAY_S, MOST_EXPONENT, SLOPE, SQUARE

__all__ = ["CLASS_ROWS", "run_classes"]


@compiled()
def add_class_spikes(records, spikes, spike, stop, sums, changes):
    """`_lockstep.add_spikes` with sums and changes of each class and lane."""
    for k in range(spike, stop):
        slot, row = slot_of(spikes[k]), row_of(spikes[k])
        prefetch_record(records, row_of(spikes[k + AHEAD]))
        move_record(records, sums, changes, 1.0, row, slot)


@compiled()
def rebase_classes(lanes, Y, records, classes, aj, bj, scratch):
    """Bring all records up to date, and compute the sums over weights afresh."""
    N = len(lanes)
    n = records.shape[0] // N
    kinds = classes.shape[1]
    size = N * kinds
    sums = scratch[:16]
    for i in range(size):
        Y[Y_SUM_P * size + i] = spiking_class_weights(Y, size, i)
        Y[Y_SUM_M * size + i] *= aj
        Y[Y_SUM_S * size + i] *= bj
    for kind in range(kinds):
        for lane in range(N):
            i = kind * N + lane
            first = lane * n + int(classes[FIRST, kind])
            last = first + int(classes[SIZE, kind])
            big_l, big_u = Y[Y_L * size + i], Y[Y_U * size + i]
            big_a, big_b = Y[Y_A * size + i], Y[Y_B * size + i]
            total, square = rebase_class(
                records, first, last, big_l, big_a, big_b, big_u, aj, bj, sums
            )
            Y[Y_MEAN * size + i] = total
            Y[Y_SQUARE * size + i] = square
            Y[Y_L * size + i] = 1.0
            Y[Y_U * size + i] = 0.0
            Y[Y_A * size + i] = 0.0
            Y[Y_B * size + i] = 0.0


@compiled()
def _run_classes(
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
    factors,
    now,
    input_counts,
    teacher_counts,
    afferents,
    X,
    Y,
    records,
    counters,
    random,
    spike_numbers,
    spikes,
    candidate_numbers,
    candidates,
    chances,
    sums,
    changes,
    shared,
    flags,
    scratch,
):
    """Run one block of trials to step `until`; what happened, and in which lane.

    As `_lockstep.run_block`; `factors` (classes,) is how much of a teacher's spike reaches a class,
    and `now` (3, steps, classes) what classes are from the present step on, the last for good.
    """
    wide_vectors()
    N = len(lanes)
    kinds = classes.shape[1]
    size = kinds * N
    begin = counters[STEP]
    last = now.shape[1] - 1
    powers = powers_of(par[DECAY_M], par[DECAY_S], period)
    widest = 0.5 * (MOST_EXPONENT / par[SLOPE]) ** 2
    happened = FINE
    where = 0
    while counters[STEP] < until and happened == FINE:
        step, phase = counters[STEP], counters[PHASE]
        row = min(step - begin, last)
        rates, gains = now[NOW_RATE, row], now[NOW_GAIN, row]
        if phase % drawn == 0:
            span = min(drawn, period - phase)
            happened = draw_ahead(
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
            )
            if happened != FINE:
                break
            if draw_inputs and last > 0:
                kept = thin_spikes(lanes, random, now, step - begin, span, spike_numbers, spikes)
                counters[SPIKES] = kept
        candidate = counters[CANDIDATE]
        stop = candidate + numbered(candidate_numbers, counters[CANDIDATE_BASE], step)
        hear_teacher(lanes, X, par, candidate, stop, candidates, chances)
        counters[CANDIDATE] = stop
        gather_classes(lanes, width, X, Y, rates, powers[0, phase], powers[1, phase])
        if rule != EUCLIDEAN:
            for i in range(real):
                if not 0.5 / par[C_EPS] * X[SQUARE * N + i] <= widest and happened == FINE:
                    happened, where = SPREAD, i
                elif drifted(lanes, X, par, i):
                    refresh(lanes, X, par, i, scratch)
        if happened != FINE:
            break
        total_rate = 0.0
        for kind in range(kinds):
            total_rate += rates[kind] * classes[SIZE, kind]
        share_coefficients(
            lanes, width, X, par, total_rate, rule == EUCLIDEAN, rule == APPROXIMATE, shared, flags
        )
        update_classes(
            lanes, width, X, Y, par, gains, factors, classes[SIZE], powers, phase, shared, flags
        )
        for i in range(real):
            if flags[i] and happened == FINE:
                happened, where = what_failed(flags[i]), i
        if happened != FINE:
            break
        phase += 1
        for first in range(0, size, 8):
            put_changes(
                lanes, Y, changes, first, Y_CHANGE * size, powers[2, phase], powers[3, phase]
            )
        spike = counters[SPIKE]
        stop = spike + numbered(spike_numbers, counters[SPIKE_BASE], step)
        add_class_spikes(records, spikes, spike, stop, sums, changes)
        counters[SPIKE] = stop
        for first in range(0, size, 8):
            take_sums(lanes, sums, Y, first, Y_SUM_P * size, size)
        if phase == period:
            rebase_classes(lanes, Y, records, classes, powers[0, phase], powers[1, phase], scratch)
            phase = 0
        counters[STEP], counters[PHASE] = step + 1, phase
    return happened, where


run_classes = kept_while(
    digest_of(_classes, _lockstep, _moments, _random, _records, _updates), _run_classes
)
