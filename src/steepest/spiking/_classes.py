"""The event-driven scheme where classes of synapses learn differently: one set of scalars a class.

Where rates vary, or a teacher's spike reaches only some synapses, or reaches them with another
strength, dw_i = g_i (k x_i - gamma_u + gamma_w w_i) has the same k and g for all synapses of a
class, of equal rates at all times and of equal strength, and others elsewhere. So each class has
the L, U, A, B and the sums over synapses that in `_lockstep` the neuron has, and the neuron's own
are sums over classes: exact again, at the price of a step's work for each class. Rates that vary
are drawn at their highest, and spikes are left out by chance (thinning).
"""

from steepest.machine import compiled
from steepest.spiking._moments import DRIFT
from steepest.spiking._random import (
    FAST,
    STREAMS,
    bits_as_float,
    draw_uniforms,
    polynomial_exp,
    wide_vectors,
)
from steepest.spiking._updates import (
    C_EPS,
    C_U,
    C_W,
    COUNT,
    DECAY_M,
    DECAY_S,
    DT,
    EPS0,
    ETA,
    HALF0,
    KAPPA,
    LAM,
    MAXIMUM,
    MEAN,
    MEAN0,
    MOST_EXPONENT,
    OFFSET,
    RM,
    RS,
    SLOPE,
    SQUARE,
    TM,
    TS,
    VM,
    VS,
    H,
)

# Rows of Y of a class, each over lanes: sums over the synapses of a class (without gains), what
# stands for its weights, what spikes of the step before add, and what a spike adds to P.
Y_VM, Y_VS, Y_RM, Y_RS, Y_QMM, Y_QMS, Y_QSS, Y_MEAN, Y_SQUARE = range(9)
Y_L, Y_U, Y_A, Y_B = range(9, 13)
Y_SUM_P, Y_SUM_M, Y_SUM_S, Y_SUM_W, Y_NUMBER, Y_GAINS = range(13, 19)
Y_CHANGE = 19
CLASS_ROWS = 20

# What a class is at a step: its rate (Hz), its gain k, and the share of drawn spikes that is kept.
NOW_RATE, NOW_GAIN, NOW_SHARE = range(3)

# Rows of what all classes of a lane share in a step.
BASE, EXPECTED, GAMMA_U, GAMMA_W = range(4)
SHARED = 4


@compiled()
def thin_spikes(lanes, state, now, first, steps, numbers, spikes):
    """Keep each of the drawn spikes with its class's share of that step; how many are left."""
    N = len(lanes)
    last = now.shape[1] - 1
    used = STREAMS
    source = 0
    kept = 0
    for step in range(steps):
        before = kept
        row = min(first + step, last)
        for _ in range(numbers[step]):
            if used == STREAMS:
                draw_uniforms(state)
                used = 0
            kind = (spikes[source] >> 32) // N
            if bits_as_float(state[4 * STREAMS + used]) < now[NOW_SHARE, row, kind]:
                spikes[kept] = spikes[source]
                kept += 1
            used += 1
            source += 1
        numbers[step] = kept - before
    return kept


@compiled(inline="always")
def rows_of(lanes, Y, kind):
    """The rows of a class: with N known to the compiler no row can be another's."""
    length = CLASS_ROWS * len(lanes)
    return Y[kind * length : (kind + 1) * length]


@compiled(inline="always")
def spiking_class_weights(lanes, y, i):
    """The sum of the weights of a class's synapses that spiked in the step before."""
    N = len(lanes)
    change = y[Y_A * N + i] * y[Y_SUM_M * N + i] - y[Y_B * N + i] * y[Y_SUM_S * N + i]
    past = y[Y_SUM_P * N + i] + change - y[Y_U * N + i] * y[Y_NUMBER * N + i]
    return y[Y_L * N + i] * past


@compiled(fastmath=FAST)
def gather_class(lanes, width, X, y, rate, aj, bj):
    """Add the spikes of the step before to a class's sums, and these to the neuron's."""
    wide_vectors()
    N = len(lanes)
    for i in range(width):
        w, number = spiking_class_weights(lanes, y, i), y[Y_NUMBER * N + i]
        m, s = aj * y[Y_SUM_M * N + i], bj * y[Y_SUM_S * N + i]
        vm, vs = y[Y_VM * N + i] + w, y[Y_VS * N + i] + w
        rm, rs = y[Y_RM * N + i] + number, y[Y_RS * N + i] + number
        y[Y_VM * N + i] = vm
        y[Y_VS * N + i] = vs
        y[Y_RM * N + i] = rm
        y[Y_RS * N + i] = rs
        y[Y_QMM * N + i] += 2.0 * m + number
        y[Y_QMS * N + i] += m + s + number
        y[Y_QSS * N + i] += 2.0 * s + number
        X[TM * N + i] += y[Y_SUM_W * N + i]
        X[TS * N + i] += y[Y_SUM_W * N + i]
        X[VM * N + i] += vm
        X[VS * N + i] += vs
        X[RM * N + i] += rm
        X[RS * N + i] += rs
        X[MEAN * N + i] += rate * y[Y_MEAN * N + i]
        X[SQUARE * N + i] += rate * y[Y_SQUARE * N + i]


@compiled()
def gather_classes(lanes, width, X, Y, rates, aj, bj):
    """`gather_class` of all classes."""
    N = len(lanes)
    for row in (VM, VS, RM, RS, MEAN, SQUARE):
        for i in range(width):
            X[row * N + i] = 0.0
    for kind in range(rates.shape[0]):
        gather_class(lanes, width, X, rows_of(lanes, Y, kind), rates[kind], aj, bj)


@compiled(fastmath=FAST)
def share_coefficients(lanes, width, X, par, total_rate, euclidean, approximate, shared, flags):
    """What all classes of a lane share in this step; `flags` as of `update_natural`."""
    wide_vectors()
    N = len(lanes)
    kappa, slope, offset = par[KAPPA], par[SLOPE], par[OFFSET]
    eta_slope, expected = par[ETA] * par[SLOPE], par[MAXIMUM] * par[DT]
    c_eps, eps0 = par[C_EPS], par[EPS0]
    half = 0.5 / c_eps
    scale = c_eps * eps0
    q = scale * eps0 * total_rate
    for i in range(width):
        v = kappa * (X[VM * N + i] - X[VS * N + i])
        e = polynomial_exp(min(max(offset - slope * v, -MOST_EXPONENT), MOST_EXPONENT))
        p = 1.0 / (1.0 + e)
        shared[EXPECTED * N + i] = expected * p
        if euclidean:
            shared[BASE * N + i] = eta_slope * (e * p)
            shared[GAMMA_U * N + i] = 0.0
            shared[GAMMA_W * N + i] = 0.0
            flags[i] = 0
            continue
        total = kappa * (X[RM * N + i] - X[RS * N + i])
        mu, variance = eps0 * X[MEAN * N + i], X[SQUARE * N + i] / c_eps
        d = mu - X[MEAN0 * N + i]
        t = half * X[SQUARE * N + i] - X[HALF0 * N + i]
        d2 = 0.5 * d * d
        q2 = d2 + t
        q3 = d * (d2 * (1.0 / 3.0) + t)
        q4 = d2 * (d2 * (1.0 / 6.0) + t) + 0.5 * t * t
        h1, h2, h3 = X[(H + 1) * N + i], X[(H + 2) * N + i], X[(H + 3) * N + i]
        h4, h5, h6 = X[(H + 4) * N + i], X[(H + 5) * N + i], X[(H + 6) * N + i]
        c1 = X[H * N + i] + d * h1 + q2 * h2 + q3 * h3 + q4 * h4
        c2 = h1 + d * h2 + q2 * h3 + q3 * h4 + q4 * h5
        c3 = h2 + d * h3 + q2 * h4 + q3 * h5 + q4 * h6
        delta = c1 * c3 - c2 * c2
        trace = c1 * (2.0 + q) + 2.0 * c2 * mu + c3 * variance
        denominator = (
            c1 * c1 * (1.0 + q)
            + c1 * (2.0 * c2 * mu + c3 * variance)
            + delta * (q * variance - mu * mu)
        )
        if approximate:
            gamma_u, gamma_w = par[C_U] * scale, par[C_W] * v
            sound = c1 > 0.0
        else:
            over = -1.0 / denominator
            g1 = over * (c1 * c1 + delta * variance)
            g2 = over * (c1 * c2 - delta * mu)
            g4 = over * (c1 * c3 + q * delta)
            gamma_u = -scale * (scale * g1 * total + g2 * v)
            gamma_w = scale * g2 * total + g4 * v
            sound = (denominator > 0.0) & (trace > 0.0) & (c1 > 0.0)
        shared[BASE * N + i] = eta_slope * (e * p) / c1
        shared[GAMMA_U * N + i] = gamma_u
        shared[GAMMA_W * N + i] = gamma_w
        near = (abs(offset - slope * v) <= MOST_EXPONENT) & (
            abs(offset - slope * mu) <= MOST_EXPONENT
        )
        flags[i] = (0 if sound else 4) | (0 if near else 8)


@compiled(fastmath=FAST)
def update_class(lanes, width, X, y, par, gain, factor, number, powers, phase, shared, flags):
    """One step of a class of `number` synapses; `flags` adds 2 where lambda is not positive."""
    wide_vectors()
    N = len(lanes)
    a, b = par[DECAY_M], par[DECAY_S]
    a2, ab, b2 = a * a, a * b, b * b
    aj, bj = powers[0, phase], powers[1, phase]
    change_m, change_s = powers[2, phase + 1], powers[3, phase + 1]
    gain = par[KAPPA] * gain
    for i in range(width):
        score = factor * X[COUNT * N + i] - shared[EXPECTED * N + i]
        g = shared[BASE * N + i] * score
        al = g * gain
        bu = g * shared[GAMMA_U * N + i]
        lam = 1.0 + g * shared[GAMMA_W * N + i]
        vm, vs, rm, rs = y[Y_VM * N + i], y[Y_VS * N + i], y[Y_RM * N + i], y[Y_RS * N + i]
        qmm, qms, qss = y[Y_QMM * N + i], y[Y_QMS * N + i], y[Y_QSS * N + i]
        mean, square = y[Y_MEAN * N + i], y[Y_SQUARE * N + i]
        y[Y_SQUARE * N + i] = (
            lam * (lam * square + 2.0 * (al * (vm - vs) - bu * mean))
            + al * (al * (qmm - 2.0 * qms + qss) - 2.0 * bu * (rm - rs))
            + bu * bu * number
        )
        y[Y_MEAN * N + i] = lam * mean + al * (rm - rs) - bu * number
        y[Y_VM * N + i] = a * (lam * vm + al * (qmm - qms) - bu * rm)
        y[Y_VS * N + i] = b * (lam * vs + al * (qms - qss) - bu * rs)
        new = lam * y[Y_L * N + i]
        over_new = 1.0 / new
        y[Y_L * N + i] = new
        y[Y_U * N + i] += bu * over_new
        big_a = y[Y_A * N + i] + al * over_new * aj
        big_b = y[Y_B * N + i] + al * over_new * bj
        y[Y_A * N + i] = big_a
        y[Y_B * N + i] = big_b
        y[Y_CHANGE * N + i] = change_s * big_b - change_m * big_a
        y[Y_RM * N + i] = a * rm
        y[Y_RS * N + i] = b * rs
        y[Y_QMM * N + i] = a2 * qmm
        y[Y_QMS * N + i] = ab * qms
        y[Y_QSS * N + i] = b2 * qss
        X[LAM * N + i] = min(X[LAM * N + i], lam)
        flags[i] |= 0 if lam > 0.0 else 2


@compiled()
def update_classes(lanes, width, X, Y, par, gains, factors, sizes, powers, phase, shared, flags):
    """`update_class` of all classes, and the teacher's voltage."""
    N = len(lanes)
    for i in range(width):
        X[LAM * N + i] = 1.0
        X[TM * N + i] *= par[DECAY_M]
        X[TS * N + i] *= par[DECAY_S]
    for kind in range(gains.shape[0]):
        y, gain, factor = rows_of(lanes, Y, kind), gains[kind], factors[kind]
        update_class(
            lanes, width, X, y, par, gain, factor, sizes[kind], powers, phase, shared, flags
        )
    for i in range(width):
        X[COUNT * N + i] = 0.0


@compiled()
def drifted(lanes, X, par, lane):
    """Whether the mean or variance of V is far from where E[h] was computed; or no number."""
    N = len(lanes)
    drift = DRIFT / par[SLOPE]
    mean = abs(par[EPS0] * X[MEAN * N + lane] - X[MEAN0 * N + lane])
    half = abs(0.5 / par[C_EPS] * X[SQUARE * N + lane] - X[HALF0 * N + lane])
    return not (mean <= drift and half <= 0.5 * drift * drift)
