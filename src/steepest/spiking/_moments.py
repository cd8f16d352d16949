"""Gaussian means of the sigmoid's information and of its derivatives, for the lockstep kernel.

h = phi'^2 / phi = beta^2 phi_max s (1-s)^2, and h^(k) = beta^(k+2) phi_max s (1-s)^2 R_k(s) with
R_0 = 1 and R_(k+1) = (1 - 3s) R_k + s (1-s) R_k'. Around a mean and variance whose E[h^(k)] are
known, E[h] at another mean and variance is a Taylor series, because d/d(variance) = half the second
derivative by the mean; so the quadrature is done only when the voltage has drifted.
"""

import math

import numpy as np

from steepest.machine import compiled
from steepest.spiking._random import FAST, polynomial_exp

ORDERS = 7  # E[h], E[h'], ..., E[h^(6)]
TILE = 32  # nodes of the quadrature at a time
DRIFT = 0.015  # in units of 1 / beta: how far the mean may drift before a new quadrature


def _polynomials() -> np.ndarray:
    table = np.zeros((ORDERS, ORDERS))
    current = np.polynomial.Polynomial([1.0])
    for order in range(ORDERS):
        table[order, : order + 1] = current.coef
        slope = current.deriv() * np.polynomial.Polynomial([0.0, 1.0, -1.0])
        current = current * np.polynomial.Polynomial([1.0, -3.0]) + slope
    return table


R = tuple(tuple(float(c) for c in row) for row in _polynomials())


@compiled(fastmath=FAST)
def _nodes(first, step, inverse, mean, slope, weights, sigmoids, products):
    """Weights w, s and w s (1-s)^2 at TILE nodes; reassociation would spoil the exponential."""
    for i in range(TILE):
        x = (first + i) * step
        z = x * inverse
        e = polynomial_exp(min(max(-slope * (mean + x), -300.0), 300.0))
        weights[i] = polynomial_exp(max(-0.5 * z * z, -300.0))
        s = 1.0 / (1.0 + e)
        sigmoids[i] = s
        products[i] = weights[i] * s * (e * s) * (e * s)


@compiled(fastmath={"contract", "reassoc", "nsz"})
def _add(weights, sigmoids, products, out):
    """Add TILE nodes to the sums of w, and of w s (1-s)^2 R_k(s)."""
    total = m0 = m1 = m2 = m3 = m4 = m5 = m6 = 0.0
    for i in range(TILE):
        s = sigmoids[i]
        total += weights[i]
        w = products[i]
        m0 += w
        m1 += w * (R[1][0] + s * R[1][1])
        m2 += w * (R[2][0] + s * (R[2][1] + s * R[2][2]))
        m3 += w * (R[3][0] + s * (R[3][1] + s * (R[3][2] + s * R[3][3])))
        m4 += w * (R[4][0] + s * (R[4][1] + s * (R[4][2] + s * (R[4][3] + s * R[4][4]))))
        inner = R[5][3] + s * (R[5][4] + s * R[5][5])
        m5 += w * (R[5][0] + s * (R[5][1] + s * (R[5][2] + s * inner)))
        inner = R[6][3] + s * (R[6][4] + s * (R[6][5] + s * R[6][6]))
        m6 += w * (R[6][0] + s * (R[6][1] + s * (R[6][2] + s * inner)))
    out[0] += m0
    out[1] += m1
    out[2] += m2
    out[3] += m3
    out[4] += m4
    out[5] += m5
    out[6] += m6
    out[7] += total


@compiled()
def information_moments(mean, variance, slope, maximum, scratch):
    """Leave E[h^(k)(V)], k = 0..6, at the start of `scratch` (8 + 3 TILE,).

    V is normal with this mean (counted from the threshold) and variance. A trapezoid over +-8.5
    sigma with step min(sigma / 1.6, .45 / slope), checked against a finer rule in the tests.
    """
    deviation = math.sqrt(variance) if variance > 0.0 else 0.0
    out, weights = scratch[:8], scratch[8 : 8 + TILE]
    sigmoids, products = scratch[8 + TILE : 8 + 2 * TILE], scratch[8 + 2 * TILE : 8 + 3 * TILE]
    out[:] = 0.0
    if deviation > 0.0:
        step = min(deviation / 1.6, 0.45 / slope)
        half = int(8.5 * deviation / step) + 1
        for first in range(-half, half + 1, TILE):
            _nodes(first, step, 1.0 / deviation, mean, slope, weights, sigmoids, products)
            _add(weights, sigmoids, products, out)
    else:
        _nodes(0, 0.0, 0.0, mean, slope, weights, sigmoids, products)
        _add(weights, sigmoids, products, out)
    scale = slope * slope * maximum / out[7]
    for k in range(ORDERS):
        out[k] *= scale
        scale *= slope
