"""The online rule in the natural metric of relative entropy: recursive least squares.

In the metric C (x) I (`entropy.InputCovariance`) the rule needs, beside its three terms, one
matrix P = inverse of the covariance of s so far, shared by all postsynaptic units:
P loses s as each sample comes, then W += [dB - dt (W s) s'] P with that new P. With the rate 1/t
it equals B (C + ridge I / t)^-1 at every moment.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from steepest.arrays.numbers import Numbers
from steepest.errors import UsageError
from steepest.progress import progress_bar
from steepest.recurrent._kernels import natural_steps
from steepest.recurrent.inputs import checked
from steepest.recurrent.limits import check_filters
from steepest.recurrent.online import CHUNK, TERMS, OnlineRule, State

__all__ = ["NaturalLearning", "cramer_rao", "natural_learn"]


@dataclass(frozen=True, eq=False)
class NaturalLearning:
    """W (k, n, n) at `times` (k,), and P (n, n) at the end."""

    times: Float[np.ndarray, " k"]
    weights: Float[np.ndarray, "k n n"]
    inverse: Float[np.ndarray, "n n"]


def natural_learn(
    rule: OnlineRule,
    inputs: Numbers,
    dt: float,
    *,
    ridge: float,
    passes: float | int = 1,
    gain: float = 0.0,
    record: Numbers = (),
) -> NaturalLearning:
    """Run rule (5) in the metric C + ridge I on `inputs` (t, n) shown `passes` times.

    - `rule`: an `OnlineRule` without options; `inputs`: one row per sample, `dt` apart.
    - `ridge`: positive; P starts as I / ridge. In the unit of s^2 times time for the default rate
      1/t, of s^2 with a `gain`.
    - `passes`: how often the inputs are shown.
    - `gain`: eps > 0 for a constant rate; P is then the inverse of the covariance that is
      forgotten with time constant 1/eps.
    - `record`: times at which W is kept (the end always is).

    Raises `UsageError` past a stability limit or for a rule with options that this form lacks.

    >>> from steepest.recurrent import RateNetwork
    >>> rule = OnlineRule(RateNetwork(), gamma=10.0, decay_net=10.0)
    >>> run = natural_learn(rule, np.ones((40, 2)), dt=0.01, ridge=0.1)
    >>> run.weights.shape
    (1, 2, 2)
    """
    if rule.filtered or rule.diffusion is not None or set(rule.terms) != set(TERMS):
        raise UsageError("the natural rule knows no filtered terms, no diffusion and no term less")
    if not ridge > 0 or gain < 0 or gain * dt >= 1:
        raise UsageError(
            f"ridge {ridge:g}, gain {gain:g}: give a positive ridge, and a gain from 0 to below"
            f" 1/dt = {1 / dt:g}"
        )
    check_filters(dt, rule.gamma, rule.decay_net)
    shown = checked(inputs, dt)
    n, total = shown.shape[1], round(passes * len(shown))
    marks = {min(total, round(t / dt)) for t in np.ravel(record)} | {total}
    chunk = max(1, CHUNK // n)
    ends = sorted(marks | set(range(chunk, total, chunk)))
    state, inverse = State.silent(n), np.eye(n) / ridge
    times, kept, first = [], [], 0
    with progress_bar("learning", float(total)) as advance:
        for last in ends:
            stretch = shown[np.arange(first, last) % len(shown)]
            signals, state = rule.signals(stretch, dt, state)
            push = signals.stdp_push + signals.hebbian_push
            natural_steps(
                state.weights,
                inverse,
                signals.left,
                signals.traces,
                push,
                signals.rates,
                dt,
                gain,
            )
            if last in marks:
                times.append(last * dt)
                kept.append(state.weights.copy())
            advance(float(last - first))
            first = last
    return NaturalLearning(np.array(times), np.array(kept), inverse)


def cramer_rao(
    covariance: Float[np.ndarray, "n n"], diffusion: Float[np.ndarray, "n n"], duration: float
) -> Float[np.ndarray, "n n"]:
    """The least variance of each W_ij that any unbiased estimate from a path of `duration` has.

    2 D_ii (C^-1)_jj / T: the Fisher information of the path is T (2 D)^-1 (x) C.

    >>> cramer_rao(np.diag([1.0, 2.0]), 0.1 * np.eye(2), duration=10.0)
    array([[0.02, 0.01],
           [0.02, 0.01]])
    """
    return np.outer(2 * np.diag(diffusion), np.diag(np.linalg.inv(covariance))) / duration
