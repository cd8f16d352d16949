"""What one thread of a GPU computes of a neuron in a step: numbers in, numbers out.

Plain functions that Numba compiles for a GPU and for a CPU alike, so that a machine without a GPU
tests the very source. `par` is a tuple, which a kernel gets by value. The formulae are those of
`_updates` and `_moments`.
"""

import math

from steepest.machine import compiled
from steepest.spiking._moments import DRIFT, R
from steepest.spiking._updates import MOST_EXPONENT

EUCLIDEAN, NATURAL, APPROXIMATE = range(3)
FINE, LAMBDA, METRIC, FLAT, SPREAD = range(5)  # what ended a trial

# Places in `par`.
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


@compiled()
def cut_exp(x):
    """exp(x), the exponent cut at +-300; what lies beyond is refused, or too small to matter."""
    return math.exp(min(max(x, -MOST_EXPONENT), MOST_EXPONENT))


@compiled()
def accepts(chance, v, par):
    """Whether a candidate spike of the teacher is one, at its voltage v."""
    return chance * (1.0 + cut_exp(par[TEACHER_OFFSET] - par[SLOPE] * v)) <= 1.0


@compiled()
def quadrature(variance, slope):
    """Standard deviation, step (mV) and half the number of nodes of a Gaussian mean of h."""
    deviation = math.sqrt(max(variance, 0.0))
    if deviation > 0.0:
        step = min(deviation / 1.6, 0.45 / slope)
        return deviation, step, int(8.5 * deviation / step) + 1
    return deviation, 0.0, 0


@compiled()
def sum_nodes(centre, deviation, step, half, slope, first, stride):
    """Sums over nodes -half + first, + stride, ... of w, and of w s (1-s)^2 R_k(s), k = 0..6.

    `centre` is the mean voltage from the threshold, in mV.
    """
    inverse = 1.0 / deviation if deviation > 0.0 else 0.0
    total = m0 = m1 = m2 = m3 = m4 = m5 = m6 = 0.0
    for i in range(first - half, half + 1, stride):
        x = i * step
        z = x * inverse
        e = cut_exp(-slope * (centre + x))
        w = cut_exp(-0.5 * z * z)
        s = 1.0 / (1.0 + e)
        total += w
        w *= s * (e * s) * (e * s)
        m0 += w
        m1 += w * (R[1][0] + s * R[1][1])
        m2 += w * (R[2][0] + s * (R[2][1] + s * R[2][2]))
        m3 += w * (R[3][0] + s * (R[3][1] + s * (R[3][2] + s * R[3][3])))
        m4 += w * (R[4][0] + s * (R[4][1] + s * (R[4][2] + s * (R[4][3] + s * R[4][4]))))
        inner = R[5][3] + s * (R[5][4] + s * R[5][5])
        m5 += w * (R[5][0] + s * (R[5][1] + s * (R[5][2] + s * inner)))
        inner = R[6][3] + s * (R[6][4] + s * (R[6][5] + s * R[6][6]))
        m6 += w * (R[6][0] + s * (R[6][1] + s * (R[6][2] + s * inner)))
    return total, m0, m1, m2, m3, m4, m5, m6


@compiled()
def scale_moments(sums, slope, maximum):
    """E[h^(k)], k = 0..6, of the sums over all nodes."""
    f = slope * slope * maximum / sums[0]
    f1 = f * slope
    f2 = f1 * slope
    f3 = f2 * slope
    f4 = f3 * slope
    f5 = f4 * slope
    return (
        f * sums[1],
        f1 * sums[2],
        f2 * sums[3],
        f3 * sums[4],
        f4 * sums[5],
        f5 * sums[6],
        f5 * slope * sums[7],
    )


@compiled()
def has_drifted(d, t, slope):
    """Whether the mean (by d, mV) or half the variance (by t) has left the Taylor series' range."""
    drift = DRIFT / slope
    return (abs(d) > drift) | (abs(t) > 0.5 * drift * drift)


@compiled()
def expand(d, t, h):
    """c1 = E[h], c2 = E[h'] and c3 = E[h''] by the Taylor series around the last quadrature."""
    d2 = 0.5 * d * d
    q2 = d2 + t
    q3 = d * (d2 * (1.0 / 3.0) + t)
    q4 = d2 * (d2 * (1.0 / 6.0) + t) + 0.5 * t * t
    c1 = h[0] + d * h[1] + q2 * h[2] + q3 * h[3] + q4 * h[4]
    c2 = h[1] + d * h[2] + q2 * h[3] + q3 * h[4] + q4 * h[5]
    c3 = h[2] + d * h[3] + q2 * h[4] + q3 * h[5] + q4 * h[6]
    return c1, c2, c3


@compiled()
def is_near(v, mu, par):
    """Whether V and its mean are so near the threshold that no exponential was cut."""
    reach = MOST_EXPONENT
    slope, offset = par[SLOPE], par[OFFSET]
    return (abs(offset - slope * v) <= reach) & (abs(offset - slope * mu) <= reach)


@compiled()
def is_wide(square, par):
    """Whether the voltage spreads further than the quadrature reaches."""
    return 0.5 / par[C_EPS] * square > 0.5 * (MOST_EXPONENT / par[SLOPE]) ** 2


@compiled()
def postsynaptic(y, v, par):
    """eta (y - phi dt) phi'/phi at the voltage v, for y spikes of the teacher."""
    e = cut_exp(par[OFFSET] - par[SLOPE] * v)
    p = 1.0 / (1.0 + e)
    return par[ETA] * par[SLOPE] * (y - par[MAXIMUM] * par[DT] * p) * (e * p)


@compiled()
def coefficients(rule, v, total, mean, square, d, t, h, par):
    """gamma_s, gamma_u, gamma_w of a natural rule, and whether the metric is positive definite.

    `total` is sum x, `mean` sum w r, `square` sum w^2 r; d, t and h as in `expand`.
    """
    c_eps, eps0 = par[C_EPS], par[EPS0]
    scale = c_eps * eps0
    c1, c2, c3 = expand(d, t, h)
    if rule == APPROXIMATE:
        return 1.0 / c1, par[C_U] * scale, par[C_W] * v, c1 > 0.0
    q = scale * eps0 * par[TOTAL_RATE]
    mu, variance = eps0 * mean, square / c_eps
    delta = c1 * c3 - c2 * c2
    denominator = (
        c1 * c1 * (1.0 + q)
        + c1 * (2.0 * c2 * mu + c3 * variance)
        + delta * (q * variance - mu * mu)
    )
    trace = c1 * (2.0 + q) + 2.0 * c2 * mu + c3 * variance
    over = -1.0 / denominator
    g1 = over * (c1 * c1 + delta * variance)
    g2 = over * (c1 * c2 - delta * mu)
    g4 = over * (c1 * c3 + q * delta)
    gamma_u = -scale * (scale * g1 * total + g2 * v)
    gamma_w = scale * g2 * total + g4 * v
    sound = (denominator > 0.0) & (trace > 0.0) & (c1 > 0.0)
    return 1.0 / c1, gamma_u, gamma_w, sound


@compiled()
def judge(lam, sound, near, wide):
    """What ended a trial, if anything: the engine on CPUs names the same in this order."""
    happened = FINE
    if not lam > 0.0:
        happened = LAMBDA
    if not sound:
        happened = METRIC
    if wide and lam > 0.0:
        happened = SPREAD
    if not near:
        happened = FLAT
    return happened
