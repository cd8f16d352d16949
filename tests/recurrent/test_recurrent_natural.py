"""The natural online rule is recursive least squares, and meets the Cramer-Rao bound."""

import numpy as np
import pytest

from steepest.errors import UsageError
from steepest.recurrent import (
    OnlineRule,
    RateNetwork,
    State,
    cramer_rao,
    fit_noisy,
    learn,
    linear_network,
    natural_learn,
    simulate,
)

INPUT = np.random.default_rng(0).standard_normal((500, 3)).cumsum(axis=0) * 0.05


def sums(rule, dt):
    signals, _ = rule.signals(INPUT, dt, State.silent(3))
    push = signals.stdp_push + signals.hebbian_push
    for k in range(len(INPUT)):
        b = np.outer(signals.left[k], signals.traces[k]) + np.outer(push[k], signals.rates[k])
        yield b, np.outer(signals.rates[k], signals.rates[k])


def test_with_the_rate_one_over_t_it_is_the_ridge_solution_at_every_moment():
    rule, dt = OnlineRule(RateNetwork(), 60.0, 50.0), 0.002
    run = natural_learn(rule, INPUT, dt, ridge=0.3, record=[0.1, 0.5])
    b, c, expected = np.zeros((3, 3)), 0.3 * np.eye(3), {}
    for k, (db, dc) in enumerate(sums(rule, dt)):
        b, c = b + dt * db, c + dt * dc
        expected[k + 1] = b @ np.linalg.inv(c)
    for time, weights in zip(run.times, run.weights, strict=True):
        np.testing.assert_allclose(weights, expected[round(time / dt)], atol=1e-11)
    np.testing.assert_allclose(run.inverse, np.linalg.inv(c), rtol=1e-9)


def test_with_a_constant_gain_it_forgets_exponentially():
    rule, dt, eps = OnlineRule(RateNetwork(), 60.0, 50.0), 0.002, 0.7
    run = natural_learn(rule, INPUT, dt, ridge=0.3, gain=eps)
    c, w = 0.3 * np.eye(3), np.zeros((3, 3))
    for db, dc in sums(rule, dt):
        c = (1 - eps * dt) * c + eps * dt * dc
        w = w + eps * dt * (db - w @ dc) @ np.linalg.inv(c)
    np.testing.assert_allclose(run.inverse, np.linalg.inv(c), rtol=1e-9)
    np.testing.assert_allclose(run.weights[-1], w, atol=1e-11)


def test_it_learns_the_weak_direction_faster_than_the_euclidean_rule(circ):
    rule = OnlineRule(circ.network, 60.0, 50.0)
    shown = {"passes": 100 / circ.period}
    natural = natural_learn(rule, circ.inputs.states, circ.dt, ridge=1.0, **shown)
    euclid = learn(rule, circ.inputs.states, circ.dt, rate=0.05, **shown)
    assert circ.error(natural.weights[-1]) < 0.1 < circ.error(euclid.weights[-1])


def test_maximum_likelihood_on_a_path_meets_the_cramer_rao_bound():
    """200 linear paths of length 40: variance over bound within 4 standard errors of one."""
    weights, diffusion, dt = np.array([[-0.2, 0.5], [-0.6, 0.1]]), np.diag([0.1, 0.2]), 0.02
    network = linear_network(1.0)
    rng = np.random.default_rng(1)
    paths = simulate(
        network, weights, rng.standard_normal((200, 2)) * 0.3, dt, 2000, diffusion=diffusion, seed=2
    )
    fits = np.array([fit_noisy(paths[:, k], dt, network).weights for k in range(200)])
    flat = paths.reshape(-1, 2)
    bound = cramer_rao(flat.T @ flat / len(flat), diffusion, 2000 * dt)
    ratio = ((fits - weights) ** 2).mean(axis=0) / bound
    assert np.abs(ratio.mean() - 1) < 4 * np.sqrt(2 / (4 * 200)) + 0.05


def test_bad_settings_are_refused():
    rule = OnlineRule(RateNetwork(), 60.0, 50.0)
    for options in ({"ridge": 0.0}, {"ridge": 1.0, "gain": -1.0}, {"ridge": 1.0, "gain": 600.0}):
        with pytest.raises(UsageError, match="positive ridge"):
            natural_learn(rule, INPUT, 0.002, **options)
    with pytest.raises(UsageError, match="filtered"):
        natural_learn(OnlineRule(RateNetwork(), 60.0, 50.0, True), INPUT, 0.002, ridge=1.0)
