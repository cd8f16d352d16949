# pyright: reportIndexIssue=false
"""Compiled loops of the online rule. Without annotations: the compiler types them itself."""

import numpy as np

from steepest.machine import compiled

__all__ = ["lowpass", "natural_steps", "rank_two_steps", "spike_steps"]


# Sums may be reordered, so that they are taken several numbers at a time.
_KEPT = {"cache": True, "fastmath": {"reassoc", "contract"}}


@compiled(**_KEPT)
def lowpass(signal, state, gain, out):  # pragma: no cover - compiled
    """x += gain (signal - x) along time; out[k] is x before step k. `state` is updated."""
    steps, n = signal.shape
    for k in range(steps):
        for i in range(n):
            x = state[i]
            out[k, i] = x
            state[i] = x + gain * (signal[k, i] - x)


@compiled(**_KEPT)
def rank_two_steps(  # pragma: no cover - compiled
    weights, left, traces, stdp, hebbian, rates, pre, filtered, slopes, diffusion, step, scaling
):
    """W += step [left traces' + stdp rates' + (hebbian - W pre) pre'], sample after sample.

    `pre` is `traces` where filtered, else `rates`, so each sample is a change of rank two, made
    in one pass over each row of W. With a diffusion, diffusion diag(slopes) is taken off as well;
    not `scaling`, W pre is left out.
    """
    steps, n = rates.shape
    noisy = diffusion.shape[0] > 0
    for k in range(steps):
        for i in range(n):
            row = weights[i]
            drive = 0.0
            if scaling:
                for j in range(n):
                    drive += row[j] * pre[k, j]
            rest = hebbian[k, i] - drive
            a, b = left[k, i], stdp[k, i]
            if filtered:
                a += rest
            else:
                b += rest
            a *= step
            b *= step
            for j in range(n):
                row[j] += a * traces[k, j] + b * rates[k, j]
            if noisy:
                for j in range(n):
                    row[j] -= step * diffusion[i, j] * slopes[k, j]


@compiled(**_KEPT)
def natural_steps(  # pragma: no cover - compiled
    weights, inverse, left, traces, push, rates, dt, gain
):
    """Recursive least squares: P loses s, then W += gain [dB - dt (W s) s'] P with the new P.

    dB = dt (left traces' + push s'). With gain 0 the rate is 1/t (P shrinks for ever); with
    gain > 0, P is the inverse of the exponentially forgotten covariance, memory 1 / gain.
    """
    steps, n = rates.shape
    m = weights.shape[0]
    ps = np.empty(n)
    py = np.empty(n)
    forget = gain * dt
    for k in range(steps):
        s = rates[k]
        keep = 1.0 - forget
        weight = dt if gain == 0.0 else forget
        norm = 0.0
        for i in range(n):
            total = 0.0
            for j in range(n):
                total += inverse[i, j] * s[j]
            ps[i] = total
            norm += s[i] * total
        scale = weight / (keep + weight * norm)
        for i in range(n):
            for j in range(i, n):
                value = (inverse[i, j] - scale * ps[i] * ps[j]) / keep
                inverse[i, j] = value
                inverse[j, i] = value
        for i in range(n):
            a = 0.0
            b = 0.0
            for j in range(n):
                a += inverse[i, j] * s[j]
                b += inverse[i, j] * traces[k, j]
            ps[i] = a
            py[i] = b
        for i in range(m):
            drive = 0.0
            for j in range(n):
                drive += weights[i, j] * s[j]
            a = weight * left[k, i]
            b = weight * (push[k, i] - drive)
            for j in range(n):
                weights[i, j] += a * py[j] + b * ps[j]


@compiled(**_KEPT)
def spike_steps(  # pragma: no cover - compiled
    weights, post, pre, filtered_post, filtered_pre, gain, causal, acausal, step, push, square
):
    """The rule in spikes: W += step {causal x Y' - acausal X y' - (W y) Y' - (W Y) y'} / 2.

    X, Y hold the past only and gain `gain` of each sample after it; `push` and `square` gather
    what does not depend on W, and what multiplies it: (causal x Y' - acausal X y')/2 and
    (y Y' + Y y')/2.
    """
    steps, n = pre.shape
    now = np.empty(n)
    past = np.empty(n)
    for k in range(steps):
        for i in range(n):
            a = 0.0
            b = 0.0
            for j in range(n):
                a += weights[i, j] * pre[k, j]
                b += weights[i, j] * filtered_pre[j]
            now[i] = a
            past[i] = b
        for i in range(n):
            x = causal * post[k, i]
            X = acausal * filtered_post[i]
            for j in range(n):
                y = pre[k, j]
                Y = filtered_pre[j]
                push[i, j] += (x * Y - X * y) / 2
                square[i, j] += (pre[k, i] * Y + filtered_pre[i] * y) / 2
                weights[i, j] += step * ((x - now[i]) * Y - (X + past[i]) * y) / 2
        for i in range(n):
            filtered_post[i] += gain * (post[k, i] - filtered_post[i])
            filtered_pre[i] += gain * (pre[k, i] - filtered_pre[i])
