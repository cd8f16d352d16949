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

import numpy as np
from numba import njit

from steepest.spiking._moments import DRIFT, information_moments
from steepest.spiking._random import (
    FIRST,
    GAIN,
    RATE,
    SIZE,
    draw_candidates,
    draw_spikes,
    polynomial_exp,
    wide_vectors,
)

# Rows of X. V, the teacher's V and sum x are kappa (row M - row S); QMM is sum k m^2, and so on.
VM, VS, TM, TS, RM, RS, QMM, QMS, QSS = range(9)
MEAN, SQUARE = 9, 10  # sum w r, sum w^2 r
L, U, A, B = range(11, 15)
COUNT, LAM = 15, 16  # the teacher's spikes of this step; 1 + g gamma_w of the last
MEAN0, HALF0, H = 17, 18, 19  # where E[h], E[h'], ... were computed (mV, mV^2 / 2), and they
ROWS = H + 7

# Rows of a class's sums over its spikes of a step, and what one adds to P.
SUM_P, SUM_M, SUM_S, SUM_W, NUMBER, CHANGE = range(6)
SLOTS = 6

# Rows of the parameters.
(
    DECAY_M,
    DECAY_S,
    KAPPA,
    C_EPS,
    EPS0,
    SLOPE,
    OFFSET,
    MAXIMUM,
    DT,
    ETA,
    TOTAL_RATE,
    C_U,
    C_W,
    TEACHER_OFFSET,
    TEACHER_HAZARD,
) = range(15)
PARAMETERS = 15

# Counters of a block.
STEP, PHASE, BASE, SPIKES, SPIKE, CANDIDATES, CANDIDATE = range(7)
COUNTERS = 7

EUCLIDEAN, NATURAL, APPROXIMATE = range(3)
FINE, SPIKES_DO_NOT_FIT, CANDIDATES_DO_NOT_FIT, LAMBDA, METRIC = range(5)
GROWTH = 1e5  # how far b^-rebase may grow
FAST = {"contract"}


@njit(error_model="numpy", fastmath=FAST)
def update_euclidean(lanes, width, X, par, aj, bj):
    """One step of dw = eta (y - phi dt) phi'/phi x for every lane; nothing can go wrong in it."""
    wide_vectors()
    N = len(lanes)
    a, b, kappa, slope, offset = par[DECAY_M], par[DECAY_S], par[KAPPA], par[SLOPE], par[OFFSET]
    eta_slope, expected = par[ETA] * par[SLOPE], par[MAXIMUM] * par[DT]
    a2, ab, b2 = a * a, a * b, b * b
    for i in range(width):
        v = kappa * (X[VM * N + i] - X[VS * N + i])
        e = polynomial_exp(min(max(offset - slope * v, -300.0), 300.0))
        p = 1.0 / (1.0 + e)
        al = eta_slope * (X[COUNT * N + i] - expected * p) * (e * p) * kappa
        X[COUNT * N + i] = 0.0
        qmm, qms, qss = X[QMM * N + i], X[QMS * N + i], X[QSS * N + i]
        X[VM * N + i] = a * (X[VM * N + i] + al * (qmm - qms))
        X[VS * N + i] = b * (X[VS * N + i] + al * (qms - qss))
        X[A * N + i] += al * aj
        X[B * N + i] += al * bj
        X[TM * N + i] *= a
        X[TS * N + i] *= b
        X[QMM * N + i] = a2 * qmm
        X[QMS * N + i] = ab * qms
        X[QSS * N + i] = b2 * qss


@njit(error_model="numpy", fastmath=FAST)
def update_natural(lanes, width, X, par, aj, bj, approximate, flags):
    """One step of the natural rule, or of its approximation, for every lane.

    `flags` (LANES,) becomes 1 where E[h] needs a new quadrature, 2 where lambda = 1 + g gamma_w is
    not positive and 4 where the metric is not positive definite.
    """
    wide_vectors()
    N = len(lanes)
    a, b, kappa, slope, offset = par[DECAY_M], par[DECAY_S], par[KAPPA], par[SLOPE], par[OFFSET]
    eta_slope, expected = par[ETA] * par[SLOPE], par[MAXIMUM] * par[DT]
    c_eps, eps0, total_rate = par[C_EPS], par[EPS0], par[TOTAL_RATE]
    half = 0.5 / c_eps
    scale = c_eps * eps0
    q = scale * eps0 * total_rate
    c_u, c_w = par[C_U] * scale, par[C_W]
    drift, half_drift = DRIFT / slope, 0.5 * (DRIFT / slope) ** 2
    a2, ab, b2 = a * a, a * b, b * b
    for i in range(width):
        vm, vs, rm, rs = X[VM * N + i], X[VS * N + i], X[RM * N + i], X[RS * N + i]
        qmm, qms, qss = X[QMM * N + i], X[QMS * N + i], X[QSS * N + i]
        mean, square = X[MEAN * N + i], X[SQUARE * N + i]
        v = kappa * (vm - vs)
        total = kappa * (rm - rs)
        e = polynomial_exp(min(max(offset - slope * v, -300.0), 300.0))
        # The drifting Taylor expansion of c1 = E[h], c2 = E[h'], c3 = E[h''].
        mu = eps0 * mean
        d = mu - X[MEAN0 * N + i]
        t = half * square - X[HALF0 * N + i]
        d2 = 0.5 * d * d
        q2 = d2 + t
        q3 = d * (d2 * (1.0 / 3.0) + t)
        q4 = d2 * (d2 * (1.0 / 6.0) + t) + 0.5 * t * t
        h2, h3, h4 = X[(H + 2) * N + i], X[(H + 3) * N + i], X[(H + 4) * N + i]
        h1, h5 = X[(H + 1) * N + i], X[(H + 5) * N + i]
        c1 = X[H * N + i] + d * h1 + q2 * h2 + q3 * h3 + q4 * h4
        if approximate:
            inverse = 1.0 / ((1.0 + e) * c1)
            p = inverse * c1
            gamma_s = inverse * (1.0 + e)
            gamma_u = c_u
            gamma_w = c_w * v
            denominator = 1.0
        else:
            c2 = h1 + d * h2 + q2 * h3 + q3 * h4 + q4 * h5
            c3 = h2 + d * h3 + q2 * h4 + q3 * h5 + q4 * X[(H + 6) * N + i]
            variance = 2.0 * half * square
            delta = c1 * c3 - c2 * c2
            denominator = (
                c1 * c1 * (1.0 + q)
                + c1 * (2.0 * c2 * mu + c3 * variance)
                + delta * (q * variance - mu * mu)
            )
            inverse = 1.0 / ((1.0 + e) * c1 * denominator)
            p = inverse * c1 * denominator
            gamma_s = inverse * (1.0 + e) * denominator
            over = -inverse * (1.0 + e) * c1
            g1 = over * (c1 * c1 + delta * variance)
            g2 = over * (c1 * c2 - delta * mu)
            g4 = over * (c1 * c3 + q * delta)
            gamma_u = -scale * (scale * g1 * total + g2 * v)
            gamma_w = scale * g2 * total + g4 * v
        g = eta_slope * (X[COUNT * N + i] - expected * p) * (e * p) * gamma_s
        X[COUNT * N + i] = 0.0
        al = g * kappa
        bu = g * gamma_u
        lam = 1.0 + g * gamma_w
        # Sums over synapses of the new weights, all from the old ones.
        alc = al * c_eps
        X[SQUARE * N + i] = (
            lam * (lam * square + 2.0 * (alc * (vm - vs) - bu * mean))
            + alc * (al * (qmm - 2.0 * qms + qss) - 2.0 * bu * (rm - rs))
            + bu * bu * total_rate
        )
        mean = lam * mean + alc * (rm - rs) - bu * total_rate
        X[MEAN * N + i] = mean
        X[VM * N + i] = a * (lam * vm + al * (qmm - qms) - bu * rm)
        X[VS * N + i] = b * (lam * vs + al * (qms - qss) - bu * rs)
        new = lam * X[L * N + i]
        over_new = 1.0 / new
        X[L * N + i] = new
        X[LAM * N + i] = lam
        X[U * N + i] += bu * over_new
        X[A * N + i] += al * over_new * aj
        X[B * N + i] += al * over_new * bj
        X[TM * N + i] *= a
        X[TS * N + i] *= b
        X[RM * N + i] = a * rm
        X[RS * N + i] = b * rs
        X[QMM * N + i] = a2 * qmm
        X[QMS * N + i] = ab * qms
        X[QSS * N + i] = b2 * qss
        far = abs(eps0 * mean - X[MEAN0 * N + i]) > drift
        far |= abs(half * X[SQUARE * N + i] - X[HALF0 * N + i]) > half_drift
        flag = 1 if far else 0
        flag |= 0 if lam > 0.0 else 2
        flag |= 0 if (denominator > 0.0) & (c1 > 0.0) else 4
        flags[i] = flag


@njit(error_model="numpy")
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


@njit(error_model="numpy", fastmath=FAST)
def prepare_changes(lanes, width, X, gain, aj_inverse, bj_inverse, sums):
    """What a spike of this class adds to P, for every lane."""
    wide_vectors()
    N = len(lanes)
    am, bm = gain * aj_inverse, gain * bj_inverse
    for i in range(width):
        sums[CHANGE * N + i] = bm * X[B * N + i] - am * X[A * N + i]


@njit(error_model="numpy", fastmath=FAST)
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


@njit(error_model="numpy", fastmath=FAST)
def fold(lanes, width, X, gain, aj, bj, sums):
    """Add a class's spiking synapses, summed in `sums`, to the lanes' scalars."""
    wide_vectors()
    N = len(lanes)
    for i in range(width):
        n = sums[NUMBER * N + i]
        sum_m, sum_s, sum_w = sums[SUM_M * N + i], sums[SUM_S * N + i], sums[SUM_W * N + i]
        m = aj * sum_m
        s = bj * sum_s
        w = gain * (X[A * N + i] * sum_m - X[B * N + i] * sum_s)
        w = X[L * N + i] * (sums[i] + w - X[U * N + i] * n)
        X[VM * N + i] += w
        X[VS * N + i] += w
        X[TM * N + i] += sum_w
        X[TS * N + i] += sum_w
        X[RM * N + i] += n
        X[RS * N + i] += n
        X[QMM * N + i] += gain * (2.0 * m + n)
        X[QMS * N + i] += gain * (m + s + n)
        X[QSS * N + i] += gain * (2.0 * s + n)
        sums[i] = 0.0
        sums[SUM_M * N + i] = 0.0
        sums[SUM_S * N + i] = 0.0
        sums[SUM_W * N + i] = 0.0
        sums[NUMBER * N + i] = 0.0


@njit(error_model="numpy", fastmath={"contract", "reassoc", "nsz"})
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


@njit(error_model="numpy")
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


@njit(cache=True, nogil=True, error_model="numpy")
def run_block(
    lanes,
    width,
    rule,
    real,
    period,
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
    negative. Both are drawn here, in spans of `period` steps, or given whole.
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
        if phase == 0:
            base = step
            if draw_inputs:
                counters[SPIKES] = draw_spikes(
                    random, period, real, classes, SLOTS * N, spikes, scratch
                )
                spike = 0
                if counters[SPIKES] < 0:
                    happened = SPIKES_DO_NOT_FIT
                    break
            if draw_teacher:
                counters[CANDIDATES] = draw_candidates(
                    random, period, real, par[TEACHER_HAZARD], candidates, chances
                )
                candidate = 0
                if counters[CANDIDATES] < 0:
                    happened = CANDIDATES_DO_NOT_FIT
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
                for i in range(N):
                    if flags[i] & 6 and i < real and happened == FINE:
                        happened = LAMBDA if flags[i] & 2 and not flags[i] & 4 else METRIC
                        where = i
                    if flags[i] & 1:
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
