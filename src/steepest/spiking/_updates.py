"""One step of the learning rules for all lanes, on the scalars that stand for all synapses.

X[quantity * LANES + lane] holds everything of a lane in one array with LANES known to the compiler,
so that the loops over lanes become vector instructions. The derivation is in `_lockstep`.
"""

from steepest.machine import compiled
from steepest.spiking._moments import DRIFT
from steepest.spiking._random import FAST, polynomial_exp, wide_vectors

# Rows of X. V, the teacher's V and sum x are kappa (row M - row S); QMM is sum k m^2, and so on.
VM, VS, TM, TS, RM, RS, QMM, QMS, QSS = range(9)
MEAN, SQUARE = 9, 10  # sum w r, sum w^2 r
L, U, A, B = range(11, 15)
COUNT, LAM = 15, 16  # the teacher's spikes of this step; 1 + g gamma_w of the last
MEAN0, HALF0, H = 17, 18, 19  # where E[h], E[h'], ... were computed (mV, mV^2 / 2), and they
# Sums over the spikes of the step before, not yet in the rows above: of P, k M, k S, w*, 1 and k.
SUM_P, SUM_M, SUM_S, SUM_W, NUMBER, GAINS = range(H + 7, H + 13)
CHANGE = H + 13  # what a spike at a gain of 1 adds to P
ROWS = CHANGE + 1

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

# Steepness times distance from threshold, or times the sd of V: beyond, exponentials are cut, and
# the quadrature is refused.
MOST_EXPONENT = 300.0


@compiled(inline="always")
def spiking_weights(lanes, X, i):
    """The sum of the weights of a lane's synapses that spiked in the step before."""
    N = len(lanes)
    change = X[A * N + i] * X[SUM_M * N + i] - X[B * N + i] * X[SUM_S * N + i]
    return X[L * N + i] * (X[SUM_P * N + i] + change - X[U * N + i] * X[NUMBER * N + i])


@compiled(fastmath=FAST)
def rebase_sums(lanes, width, X, aj, bj):
    """Write what is not yet in the scalars as it reads after a rebase, when L = 1 and a^j = 1."""
    wide_vectors()
    N = len(lanes)
    for i in range(width):
        X[SUM_P * N + i] = spiking_weights(lanes, X, i)
        X[SUM_M * N + i] *= aj
        X[SUM_S * N + i] *= bj


@compiled(fastmath=FAST)
def update_euclidean(lanes, width, X, par, powers, phase):
    """One step of dw = eta (y - phi dt) phi'/phi x for every lane; nothing can go wrong in it.

    Where the exponential is cut, phi or 1 - phi/maximum is below 1e-130 with and without the cut.
    """
    wide_vectors()
    N = len(lanes)
    a, b, kappa, slope, offset = par[DECAY_M], par[DECAY_S], par[KAPPA], par[SLOPE], par[OFFSET]
    eta_slope, expected = par[ETA] * par[SLOPE], par[MAXIMUM] * par[DT]
    a2, ab, b2 = a * a, a * b, b * b
    aj, bj = powers[0, phase], powers[1, phase]
    change_m, change_s = powers[2, phase + 1], powers[3, phase + 1]
    for i in range(width):
        spiking, number = spiking_weights(lanes, X, i), X[GAINS * N + i]
        m, s = aj * X[SUM_M * N + i], bj * X[SUM_S * N + i]
        vm, vs = X[VM * N + i] + spiking, X[VS * N + i] + spiking
        qmm = X[QMM * N + i] + (2.0 * m + number)
        qms = X[QMS * N + i] + (m + s + number)
        qss = X[QSS * N + i] + (2.0 * s + number)
        v = kappa * (vm - vs)
        e = polynomial_exp(min(max(offset - slope * v, -MOST_EXPONENT), MOST_EXPONENT))
        p = 1.0 / (1.0 + e)
        al = eta_slope * (X[COUNT * N + i] - expected * p) * (e * p) * kappa
        X[COUNT * N + i] = 0.0
        X[VM * N + i] = a * (vm + al * (qmm - qms))
        X[VS * N + i] = b * (vs + al * (qms - qss))
        big_a, big_b = X[A * N + i] + al * aj, X[B * N + i] + al * bj
        X[A * N + i] = big_a
        X[B * N + i] = big_b
        X[CHANGE * N + i] = change_s * big_b - change_m * big_a
        X[TM * N + i] = a * (X[TM * N + i] + X[SUM_W * N + i])
        X[TS * N + i] = b * (X[TS * N + i] + X[SUM_W * N + i])
        X[QMM * N + i] = a2 * qmm
        X[QMS * N + i] = ab * qms
        X[QSS * N + i] = b2 * qss


@compiled(fastmath=FAST)
def update_natural(lanes, width, X, par, powers, phase, approximate, flags):
    """One step of the natural rule, or of its approximation, for every lane.

    `flags` (LANES,) adds 1 where E[h] needs a new quadrature, 2 where lambda = 1 + g gamma_w is
    not positive, 4 where the metric is not positive definite and 8 where a voltage is so far from
    the threshold that the exponential was cut, and 16 where it spreads as far.
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
    widest = 0.5 * (MOST_EXPONENT / slope) ** 2
    a2, ab, b2 = a * a, a * b, b * b
    aj, bj = powers[0, phase], powers[1, phase]
    change_m, change_s = powers[2, phase + 1], powers[3, phase + 1]
    for i in range(width):
        spiking = spiking_weights(lanes, X, i)
        number, gains = X[NUMBER * N + i], X[GAINS * N + i]
        m, s = aj * X[SUM_M * N + i], bj * X[SUM_S * N + i]
        vm, vs = X[VM * N + i] + spiking, X[VS * N + i] + spiking
        rm, rs = X[RM * N + i] + number, X[RS * N + i] + number
        qmm = X[QMM * N + i] + (2.0 * m + gains)
        qms = X[QMS * N + i] + (m + s + gains)
        qss = X[QSS * N + i] + (2.0 * s + gains)
        mean, square = X[MEAN * N + i], X[SQUARE * N + i]
        v = kappa * (vm - vs)
        total = kappa * (rm - rs)
        e = polynomial_exp(min(max(offset - slope * v, -MOST_EXPONENT), MOST_EXPONENT))
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
            trace = 1.0
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
            trace = c1 * (2.0 + q) + 2.0 * c2 * mu + c3 * variance
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
        big_a = X[A * N + i] + al * over_new * aj
        big_b = X[B * N + i] + al * over_new * bj
        X[A * N + i] = big_a
        X[B * N + i] = big_b
        X[CHANGE * N + i] = change_s * big_b - change_m * big_a
        X[TM * N + i] = a * (X[TM * N + i] + X[SUM_W * N + i])
        X[TS * N + i] = b * (X[TS * N + i] + X[SUM_W * N + i])
        X[RM * N + i] = a * rm
        X[RS * N + i] = b * rs
        X[QMM * N + i] = a2 * qmm
        X[QMS * N + i] = ab * qms
        X[QSS * N + i] = b2 * qss
        far = abs(eps0 * mean - X[MEAN0 * N + i]) > drift
        far |= abs(half * X[SQUARE * N + i] - X[HALF0 * N + i]) > half_drift
        flag = 1 if far else 0
        flag |= 0 if lam > 0.0 else 2
        flag |= 0 if (denominator > 0.0) & (trace > 0.0) & (c1 > 0.0) else 4
        near = (abs(offset - slope * v) <= MOST_EXPONENT) & (
            abs(offset - slope * mu) <= MOST_EXPONENT
        )
        flag |= 0 if near else 8
        # Past lambda = 0 it is the learning rate that is named.
        flag |= 16 if (half * X[SQUARE * N + i] > widest) & (lam > 0.0) else 0
        flags[i] = flag
