"""The kernel for sweeps: a thread runs a trial, and touches a synapse only when it spikes.

The scheme is that of `_lockstep`. A record {P, M, S, w*} is 32 bytes in a row, one sector of a
GPU's memory, and the records of one afferent lie side by side for all trials, so that a warp that
brings them up to date reads them as one.
"""

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
    TEACHER_HAZARD,
    TOTAL_RATE,
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
from steepest.spiking._philox import INPUTS, TEACHER, draw


def run_trial(
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
):
    """Run one trial to step `until`, or to the step in which it fails.

    `powers` (4, period + 1) holds a^j, b^j and their inverses; `records` (active, trials, 4) in the
    order of the classes, `silent` (silent, trials) weights. The record that a spike touches is
    current at the last step that was a multiple of `period` after `origin`.
    """
    if counters[row.HAPPENED, trial] != FINE:
        return
    k0, k1 = key
    a, b, kappa = par[DECAY_M], par[DECAY_S], par[KAPPA]
    c_eps, eps0, total_rate = par[C_EPS], par[EPS0], par[TOTAL_RATE]
    half = 0.5 / c_eps
    input_hazard, teacher_hazard = total_rate * par[DT], par[TEACHER_HAZARD]
    a2, ab, b2 = a * a, a * b, b * b
    kinds = classes.shape[1]
    vm, vs = numbers[row.VM, trial], numbers[row.VS, trial]
    tm, ts = numbers[row.TM, trial], numbers[row.TS, trial]
    rm, rs = numbers[row.RM, trial], numbers[row.RS, trial]
    qmm, qms, qss = numbers[row.QMM, trial], numbers[row.QMS, trial], numbers[row.QSS, trial]
    mean, square = numbers[row.MEAN, trial], numbers[row.SQUARE, trial]
    big_l, big_u = numbers[row.L, trial], numbers[row.U, trial]
    big_a, big_b = numbers[row.A, trial], numbers[row.B, trial]
    left, teacher_left = numbers[row.LEFT, trial], numbers[row.TEACHER_LEFT, trial]
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
    events, teacher_events = counters[row.EVENTS, trial], counters[row.TEACHER_EVENTS, trial]
    given, taught = counters[row.GIVEN, trial], counters[row.TAUGHT, trial]
    given_stop, taught_stop = stops[0, trial], stops[1, trial]
    step = counters[row.STEP, trial]
    phase = (step - origin) % period
    if draws_teacher and teacher_events < 0:
        teacher_events = 0
        teacher_left, _ = draw(0, 0, trial, TEACHER, k0, k1)
    if draws_inputs and events < 0:
        events = 0
        left, _ = draw(0, 0, trial, INPUTS, k0, k1)
    while step < until:
        y = 0.0
        if draws_teacher:
            while teacher_left <= teacher_hazard:
                teacher_events += 1
                gap, chance = draw(teacher_events, 0, trial, TEACHER, k0, k1)
                teacher_left += gap
                if accepts(chance, kappa * (tm - ts), par):
                    y += 1.0
            teacher_left -= teacher_hazard
        else:
            while taught < taught_stop and taught_steps[taught] == step:
                y += 1.0
                taught += 1
        v = kappa * (vm - vs)
        g = postsynaptic(y, v, par)
        aj, bj = powers[0, phase], powers[1, phase]
        if rule == EUCLIDEAN:
            al = g * kappa
            vm = a * (vm + al * (qmm - qms))
            vs = b * (vs + al * (qms - qss))
            big_a += al * aj
            big_b += al * bj
        else:
            mu = eps0 * mean
            if has_drifted(mu - mean0, half * square - half0, par[SLOPE]):
                mean0, half0 = mu, half * square
                deviation, width, nodes = quadrature(2.0 * half0, par[SLOPE])
                centre = mu - par[OFFSET] / par[SLOPE]
                sums = sum_nodes(centre, deviation, width, nodes, par[SLOPE], 0, 1)
                h = scale_moments(sums, par[SLOPE], par[MAXIMUM])
            d, t = mu - mean0, half * square - half0
            total = kappa * (rm - rs)
            gamma_s, gamma_u, gamma_w, sound = coefficients(
                rule, v, total, mean, square, d, t, h, par
            )
            g *= gamma_s
            al, bu, lam = g * kappa, g * gamma_u, 1.0 + g * gamma_w
            # Sums over synapses of the new weights, all from the old ones.
            alc = al * c_eps
            square = (
                lam * (lam * square + 2.0 * (alc * (vm - vs) - bu * mean))
                + alc * (al * (qmm - 2.0 * qms + qss) - 2.0 * bu * (rm - rs))
                + bu * bu * total_rate
            )
            mean = lam * mean + alc * (rm - rs) - bu * total_rate
            happened = judge(lam, sound, is_near(v, mu, par), is_wide(square, par))
            if happened != FINE:
                counters[row.HAPPENED, trial] = happened
                numbers[row.LAM, trial], numbers[row.LOST_V, trial] = lam, v
                numbers[row.LOST_MEAN, trial] = mean
                numbers[row.LOST_SQUARE, trial] = square
                break
            vm = a * (lam * vm + al * (qmm - qms) - bu * rm)
            vs = b * (lam * vs + al * (qms - qss) - bu * rs)
            big_l *= lam
            over = 1.0 / big_l
            big_u += bu * over
            big_a += al * over * aj
            big_b += al * over * bj
        tm, ts, rm, rs = tm * a, ts * b, rm * a, rs * b
        qmm, qms, qss = qmm * a2, qms * ab, qss * b2
        phase += 1
        aj, bj = powers[0, phase], powers[1, phase]
        dm, ds = powers[2, phase], powers[3, phase]
        while True:
            if draws_inputs:
                if left > input_hazard:
                    left -= input_hazard
                    break
                events += 1
                gap, chance = draw(events, 0, trial, INPUTS, k0, k1)
                left += gap
                fraction = 1.0 - chance  # in [0, 1)
                kind, high = 0, kinds
                while high - kind > 1:
                    middle = (kind + high) // 2
                    if fraction >= classes[row.EDGE, middle]:
                        kind = middle
                    else:
                        high = middle
                size = classes[row.SIZE, kind]
                inside = (fraction - classes[row.EDGE, kind]) * total_rate / classes[row.RATE, kind]
                place = int(classes[row.FIRST, kind] + min(max(inside, 0.0), size - 1.0))
            else:
                if given >= given_stop or given_steps[given] != step:
                    break
                place = given_places[given]
                given += 1
                kind, high = 0, kinds
                while high - kind > 1:
                    middle = (kind + high) // 2
                    if place >= classes[row.FIRST, middle]:
                        kind = middle
                    else:
                        high = middle
            gain = classes[row.GAIN, kind]
            p, m, s = records[place, trial, 0], records[place, trial, 1], records[place, trial, 2]
            w = big_l * (p + gain * (m * big_a - s * big_b) - big_u)
            target = records[place, trial, 3]
            records[place, trial, 0] = p - gain * (dm * big_a - ds * big_b)
            records[place, trial, 1] = m + dm
            records[place, trial, 2] = s + ds
            m, s = m * aj, s * bj
            vm, vs, tm, ts, rm, rs = vm + w, vs + w, tm + target, ts + target, rm + 1.0, rs + 1.0
            qmm += gain * (2.0 * m + 1.0)
            qms += gain * (m + s + 1.0)
            qss += gain * (2.0 * s + 1.0)
        step += 1
        if phase == period:
            phase = 0
            mean, square = 0.0, 0.0
            for kind in range(kinds):
                first = int(classes[row.FIRST, kind])
                ga, gb = classes[row.GAIN, kind] * big_a, classes[row.GAIN, kind] * big_b
                weights, squares = 0.0, 0.0
                for i in range(first, first + int(classes[row.SIZE, kind])):
                    m, s = records[i, trial, 1], records[i, trial, 2]
                    w = big_l * (records[i, trial, 0] + (m * ga - s * gb) - big_u)
                    records[i, trial, 0] = w
                    records[i, trial, 1] = m * aj
                    records[i, trial, 2] = s * bj
                    weights += w
                    squares += w * w
                mean += classes[row.RATE, kind] * weights
                square += classes[row.RATE, kind] * squares
            for i in range(silent.shape[0]):
                silent[i, trial] = big_l * (silent[i, trial] - big_u)
            big_l, big_u, big_a, big_b = 1.0, 0.0, 0.0, 0.0
    numbers[row.VM, trial], numbers[row.VS, trial] = vm, vs
    numbers[row.TM, trial], numbers[row.TS, trial] = tm, ts
    numbers[row.RM, trial], numbers[row.RS, trial] = rm, rs
    numbers[row.QMM, trial], numbers[row.QMS, trial], numbers[row.QSS, trial] = qmm, qms, qss
    numbers[row.MEAN, trial], numbers[row.SQUARE, trial] = mean, square
    numbers[row.L, trial], numbers[row.U, trial] = big_l, big_u
    numbers[row.A, trial], numbers[row.B, trial] = big_a, big_b
    numbers[row.LEFT, trial], numbers[row.TEACHER_LEFT, trial] = left, teacher_left
    numbers[row.MEAN0, trial], numbers[row.HALF0, trial] = mean0, half0
    for k in range(7):
        numbers[row.H + k, trial] = h[k]
    counters[row.EVENTS, trial], counters[row.TEACHER_EVENTS, trial] = events, teacher_events
    counters[row.GIVEN, trial], counters[row.TAUGHT, trial] = given, taught
    counters[row.STEP, trial] = step
