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

# Rows of Y, each over classes and lanes: sums over the synapses of a class (without gains), what
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
def spiking_class_weights(Y, size, i):
    """The sum of the weights of a class's synapses that spiked in the step before."""
    change = Y[Y_A * size + i] * Y[Y_SUM_M * size + i] - Y[Y_B * size + i] * Y[Y_SUM_S * size + i]
    past = Y[Y_SUM_P * size + i] + change - Y[Y_U * size + i] * Y[Y_NUMBER * size + i]
    return Y[Y_L * size + i] * past


@compiled(fastmath=FAST)
def gather_classes(lanes, width, X, Y, rates, aj, bj):
    """Add the spikes of the step before to the classes' sums, and the classes' to the neuron's."""
    wide_vectors()
    N = len(lanes)
    size = N * rates.shape[0]
    for row in (VM, VS, RM, RS, MEAN, SQUARE):
        for i in range(width):
            X[row * N + i] = 0.0
    for kind in range(rates.shape[0]):
        rate = rates[kind]
        for lane in range(width):
            i = kind * N + lane
            w, number = spiking_class_weights(Y, size, i), Y[Y_NUMBER * size + i]
            m, s = aj * Y[Y_SUM_M * size + i], bj * Y[Y_SUM_S * size + i]
            Y[Y_VM * size + i] += w
            Y[Y_VS * size + i] += w
            Y[Y_RM * size + i] += number
            Y[Y_RS * size + i] += number
            Y[Y_QMM * size + i] += 2.0 * m + number
            Y[Y_QMS * size + i] += m + s + number
            Y[Y_QSS * size + i] += 2.0 * s + number
            X[TM * N + lane] += Y[Y_SUM_W * size + i]
            X[TS * N + lane] += Y[Y_SUM_W * size + i]
            X[VM * N + lane] += Y[Y_VM * size + i]
            X[VS * N + lane] += Y[Y_VS * size + i]
            X[RM * N + lane] += Y[Y_RM * size + i]
            X[RS * N + lane] += Y[Y_RS * size + i]
            X[MEAN * N + lane] += rate * Y[Y_MEAN * size + i]
            X[SQUARE * N + lane] += rate * Y[Y_SQUARE * size + i]


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
def update_classes(lanes, width, X, Y, par, gains, factors, sizes, powers, phase, shared, flags):
    """One step of every class of every lane; `flags` adds 2 where a class has lambda <= 0."""
    wide_vectors()
    N = len(lanes)
    size = N * gains.shape[0]
    a, b, kappa = par[DECAY_M], par[DECAY_S], par[KAPPA]
    a2, ab, b2 = a * a, a * b, b * b
    aj, bj = powers[0, phase], powers[1, phase]
    change_m, change_s = powers[2, phase + 1], powers[3, phase + 1]
    for lane in range(width):
        X[LAM * N + lane] = 1.0
        X[TM * N + lane] *= a
        X[TS * N + lane] *= b
    for kind in range(gains.shape[0]):
        gain, factor, number = kappa * gains[kind], factors[kind], sizes[kind]
        for lane in range(width):
            i = kind * N + lane
            score = factor * X[COUNT * N + lane] - shared[EXPECTED * N + lane]
            g = shared[BASE * N + lane] * score
            al = g * gain
            bu = g * shared[GAMMA_U * N + lane]
            lam = 1.0 + g * shared[GAMMA_W * N + lane]
            vm, vs = Y[Y_VM * size + i], Y[Y_VS * size + i]
            rm, rs = Y[Y_RM * size + i], Y[Y_RS * size + i]
            qmm, qms, qss = Y[Y_QMM * size + i], Y[Y_QMS * size + i], Y[Y_QSS * size + i]
            mean, square = Y[Y_MEAN * size + i], Y[Y_SQUARE * size + i]
            Y[Y_SQUARE * size + i] = (
                lam * (lam * square + 2.0 * (al * (vm - vs) - bu * mean))
                + al * (al * (qmm - 2.0 * qms + qss) - 2.0 * bu * (rm - rs))
                + bu * bu * number
            )
            Y[Y_MEAN * size + i] = lam * mean + al * (rm - rs) - bu * number
            Y[Y_VM * size + i] = a * (lam * vm + al * (qmm - qms) - bu * rm)
            Y[Y_VS * size + i] = b * (lam * vs + al * (qms - qss) - bu * rs)
            new = lam * Y[Y_L * size + i]
            over_new = 1.0 / new
            Y[Y_L * size + i] = new
            Y[Y_U * size + i] += bu * over_new
            big_a = Y[Y_A * size + i] + al * over_new * aj
            big_b = Y[Y_B * size + i] + al * over_new * bj
            Y[Y_A * size + i] = big_a
            Y[Y_B * size + i] = big_b
            Y[Y_CHANGE * size + i] = change_s * big_b - change_m * big_a
            Y[Y_RM * size + i] = a * rm
            Y[Y_RS * size + i] = b * rs
            Y[Y_QMM * size + i] = a2 * qmm
            Y[Y_QMS * size + i] = ab * qms
            Y[Y_QSS * size + i] = b2 * qss
            X[LAM * N + lane] = min(X[LAM * N + lane], lam)
            flags[lane] |= 0 if lam > 0.0 else 2
    for lane in range(width):
        X[COUNT * N + lane] = 0.0


@compiled()
def drifted(lanes, X, par, lane):
    """Whether the mean or variance of V is far from where E[h] was computed; or no number."""
    N = len(lanes)
    drift = DRIFT / par[SLOPE]
    mean = abs(par[EPS0] * X[MEAN * N + lane] - X[MEAN0 * N + lane])
    half = abs(0.5 / par[C_EPS] * X[SQUARE * N + lane] - X[HALF0 * N + lane])
    return not (mean <= drift and half <= 0.5 * drift * drift)
