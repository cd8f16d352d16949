"""The online rule as the paper writes it, inside the running network: the reference form.

Galtier & Wainrib 2013, Eqs 2 and 5. `online.learn` gives the same W without simulating v.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from steepest.errors import UsageError
from steepest.recurrent.limits import check_filters
from steepest.recurrent.online import TERMS, OnlineRule

__all__ = ["ReferenceRun", "learn_in_network"]


@dataclass(frozen=True, eq=False)
class ReferenceRun:
    """A run inside the network: activity v and the input's estimate vbar (t, n), and final W.

    >>> from steepest.recurrent import RateNetwork
    >>> rule = OnlineRule(RateNetwork(), gamma=10.0, decay_net=10.0)
    >>> run = learn_in_network(rule, np.ones((5, 2)), dt=0.01, rate=0.1)
    >>> run.activity.shape, run.weights.shape
    ((5, 2), (2, 2))
    """

    activity: Float[np.ndarray, "t n"]
    estimate: Float[np.ndarray, "t n"]
    weights: Float[np.ndarray, "n n"]


def learn_in_network(
    rule: OnlineRule,
    inputs: Float[np.ndarray, "t n"],
    dt: float,
    rate: float,
    weights: Float[np.ndarray, "n n"] | None = None,
) -> ReferenceRun:
    """Run v, the filter z = l_net (W S(v)) * g, X, Y and W together, one sample after another.

    z' = l_net (W S(v) - z), with the weights of the moment inside the filter, makes
    vbar = l_net v - z obey vbar' = l_net (u - vbar) exactly, whatever W does. (With the current W
    outside the filter it does not.) O(t n^2) in Python: for checking, not for learning. Raises
    `UsageError` for a rule with options that the paper's Eq 5 does not have.

    >>> from steepest.recurrent import RateNetwork, learn
    >>> rule = OnlineRule(RateNetwork(), gamma=10.0, decay_net=10.0)
    >>> shown = np.random.default_rng(0).standard_normal((40, 2))
    >>> run = learn_in_network(rule, shown, dt=0.01, rate=0.1)
    >>> np.allclose(run.weights, learn(rule, shown, 0.01, rate=0.1).weights[-1])
    True
    """
    if rule.filtered or rule.diffusion is not None or set(rule.terms) != set(TERMS):
        raise UsageError(
            "the reference form is Eq 5 itself: no filtered terms, no diffusion, all three terms"
        )
    check_filters(dt, rule.gamma, rule.decay_net)
    count, n = inputs.shape
    w = np.zeros((n, n)) if weights is None else np.array(weights)
    v, z, post, pre = np.zeros((4, n))
    activity, estimate = np.empty((2, count, n))
    s_of, net, gamma = rule.network.nonlinearity, rule.decay_net, rule.gamma
    for k, u in enumerate(inputs):
        vbar = net * v - z
        activity[k], estimate[k] = v, vbar
        s, recurrent = s_of(vbar), w @ s_of(v)
        stdp = gamma / 2 * (np.outer(vbar, pre) - np.outer(post, s))
        hebbian = np.outer(-rule.network.intrinsic(vbar), s)
        v[:] = v + dt * (-net * v + recurrent + u)
        z[:] = z + net * dt * (recurrent - z)
        post[:] = post + gamma * dt * (vbar - post)
        pre[:] = pre + gamma * dt * (s - pre)
        w[:] = w + rate * dt * (stdp + hebbian - np.outer(w @ s, s))
    return ReferenceRun(activity, estimate, w)
