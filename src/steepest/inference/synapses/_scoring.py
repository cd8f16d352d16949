# pyright: reportIndexIssue=false
"""Compiled Fisher scoring of variance components. Without annotations: the compiler types them."""

import math

import numpy as np

from steepest.machine import compiled

__all__ = ["DEEP", "score_rows"]

DEEP = 30.0  # bound of a log variance
_STEPS = 100
_SMALLEST = 1e-4  # of log-likelihood
_TINY = 1e-300


@compiled(cache=True)
def _model(
    value, power, middle, width, kappa, noises, rate, slope, total
):  # pragma: no cover - compiled
    """Variance of every class into `total`, its slopes in the parameters into `slope`.

    Parameters are (index, log signal, three noise variances, bend) where `power`, else (additive,
    multiplicative, three noise variances, -); `rate` is the 1 / (4 spread^2) of `shown_signal`.
    A power e^(cm) of size has the mean e^(cm + c^2 width / 2) in a class of that variance of m.
    """
    for j in range(middle.size):
        m = middle[j]
        noise = value[2] * noises[0, j] + value[3] * noises[1, j] + value[4] * noises[2, j]
        signal = 0.0
        if kappa[j] > 0:
            if power:
                index = value[0]
                steep = 2 * (index - 1)
                log = value[1] + steep * m + steep * steep * width[j] / 2 + 2 * value[5] * m * m
                true = kappa[j] * math.exp(min(max(log, -2 * DEEP), 2 * DEEP))
                signal = true / (1 + ((1 - index) ** 2 / 2 + rate) * true)
                by_log = signal * signal / true
                slope[0, j] = 2 * (m + steep * width[j]) * by_log + signal * signal * (1 - index)
                slope[1, j] = by_log
                slope[5, j] = 2 * m * m * by_log
            else:
                # The dual's curvature is that of the additive share.
                small = math.exp(-2 * m + 2 * width[j])
                whole = max(value[0] * small + value[1], _TINY)
                true = kappa[j] * whole
                signal = true / (1 + ((1 - value[1] / whole) ** 2 / 2 + rate) * true)
                by_whole = kappa[j] * (signal / true) ** 2
                slope[0, j] = small * by_whole
                slope[1, j] = by_whole
        else:
            slope[0, j] = slope[1, j] = slope[5, j] = 0.0
        total[j] = max(signal + noise, _TINY)


@compiled(cache=True)
def _cost(squares, counts, total):  # pragma: no cover - compiled
    """Minus the Gaussian log-likelihood of the squared changes."""
    cost = 0.0
    for j in range(total.size):
        cost += counts[j] * math.log(total[j]) + squares[j] / total[j]
    return 0.5 * cost


@compiled(cache=True)
def _solve(matrix, vector, number):  # pragma: no cover - compiled
    """Solve a small positive definite system in place, by Cholesky; False where it is not."""
    for i in range(number):
        for k in range(i + 1):
            rest = matrix[i, k]
            for q in range(k):
                rest -= matrix[i, q] * matrix[k, q]
            if i == k:
                if not rest > 0:
                    return False
                matrix[i, i] = math.sqrt(rest)
            else:
                matrix[i, k] = rest / matrix[k, k]
    for i in range(number):
        for q in range(i):
            vector[i] -= matrix[i, q] * vector[q]
        vector[i] /= matrix[i, i]
    for i in range(number - 1, -1, -1):
        for q in range(i + 1, number):
            vector[i] -= matrix[q, i] * vector[q]
        vector[i] /= matrix[i, i]
    return True


@compiled(cache=True)
def score_rows(  # pragma: no cover - compiled
    squares, counts, middle, width, kappa, nu, spread, power, values, low, high, cost
):
    """Fisher scoring with Levenberg's damping inside a box, every row its own, until it settles.

    `squares` and `counts` (b, j) are the sums of every class, `values` (b, 6) the start, replaced
    by what is found, `low` and `high` the box; a parameter whose walls meet is held. `cost` takes
    minus the log-likelihood.
    """
    classes, size = middle.size, values.shape[1]
    rate = 0.25 / spread**2
    noises = np.empty((3, classes))
    for j in range(classes):
        for k in range(3):
            noises[k, j] = nu[j] * math.exp(-k * middle[j] + k * k * width[j] / 2)
    slope = np.empty((size, classes))
    slope[2:5] = noises
    total, trial_total = np.empty(classes), np.empty(classes)
    misfit = np.empty(classes)
    share = np.empty((size, classes))  # of the variance: slopes over it, so that few are divided
    matrix, step = np.empty((size, size)), np.empty(size)
    free = np.empty(size, dtype=np.int64)
    trial = np.empty(size)
    for b in range(len(values)):
        value = values[b]
        for p in range(size):
            value[p] = min(max(value[p], low[b, p]), high[b, p])
        _model(value, power, middle, width, kappa, noises, rate, slope, total)
        here = _cost(squares[b], counts[b], total)
        damping, fresh = 1e-3, True
        gradient = np.zeros(size)
        information = np.zeros((size, size))
        number = 0
        for _ in range(_STEPS):
            if fresh:
                number = 0
                for j in range(classes):
                    misfit[j] = counts[b, j] - squares[b, j] / total[j]
                for p in range(size):
                    if low[b, p] == high[b, p]:
                        continue
                    pull = 0.0
                    for j in range(classes):
                        share[p, j] = slope[p, j] / total[j]
                        pull += misfit[j] * share[p, j]
                    # A value at the box's wall that wants to leave it stays.
                    if (value[p] <= low[b, p] and pull > 0) or (
                        value[p] >= high[b, p] and pull < 0
                    ):
                        continue
                    free[number], gradient[number] = p, 0.5 * pull
                    number += 1
                for i in range(number):
                    for k in range(i + 1):
                        bend = 0.0
                        for j in range(classes):
                            bend += counts[b, j] * share[free[i], j] * share[free[k], j]
                        information[i, k] = 0.5 * bend
            for i in range(number):
                for k in range(i):
                    matrix[i, k] = information[i, k]
                own = information[i, i]
                matrix[i, i] = own * (1 + damping) + (1.0 if own < 1e-12 else 0.0)
                step[i] = -gradient[i]
            gain = -1.0
            if _solve(matrix, step, number):
                trial[:] = value
                for i in range(number):
                    p = free[i]
                    move = step[i]
                    if p < 2:
                        move = min(max(move, -1.0), 1.0)
                    trial[p] = min(max(value[p] + move, low[b, p]), high[b, p])
                _model(trial, power, middle, width, kappa, noises, rate, slope, trial_total)
                gain = here - _cost(squares[b], counts[b], trial_total)
            if gain >= 0:
                value[:] = trial
                total, trial_total = trial_total, total
                here -= gain
                fresh = True
                settled = gain < _SMALLEST and damping <= 1e-3
                damping /= 10
            else:
                # The slopes are those of the refused trial: they are not needed until one is taken.
                fresh = False
                damping *= 10
                settled = damping > 1e8
            if settled:
                break
        cost[b] = here
