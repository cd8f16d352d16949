"""Noise: drift and diffusion from one series, Girsanov, and fluctuation-dissipation."""

from dataclasses import replace

import numpy as np
import pytest

from steepest.errors import DataError, UsageError
from steepest.recurrent import (
    Inputs,
    OnlineRule,
    RateNetwork,
    fit_noisy,
    learn,
    learn_noisy,
    linear_network,
    path_entropy,
    relative_entropy,
    simulate,
    stationary_covariance,
)
from steepest.recurrent.noise import dissipated

D = np.array([[0.125, 0.04, 0.0], [0.04, 0.1, 0.0], [0.0, 0.0, 0.08]])


@pytest.fixture(scope="module")
def path(circ):
    """One series of the noisy cycle, T = 400, dt = .005."""
    noise = np.random.default_rng(1).standard_normal((80_000, 3)) @ np.linalg.cholesky(0.01 * D).T
    state, series = circ.inputs.states[0], np.empty((80_001, 3))
    for k in range(80_000):
        series[k] = state
        state = state + 0.005 * (circ.truth @ np.tanh(state) - state) + noise[k]
    series[-1] = state
    return series


def test_drift_and_diffusion_come_back_from_one_series(circ, path):
    fit = fit_noisy(path, 0.005, circ.network)
    rates = np.tanh(path)
    covariance = rates.T @ rates / len(rates)
    error = np.sqrt(np.outer(2 * np.diag(D), np.diag(np.linalg.inv(covariance))) / 400)
    assert np.abs((fit.weights - circ.truth) / error).max() < 3.5
    spread = np.sqrt((np.outer(np.diag(D), np.diag(D)) + D**2) / len(path))
    assert np.abs((fit.diffusion - D) / spread).max() < 4.5


def test_the_central_difference_is_biased_by_the_stratonovich_term(circ, path):
    inputs = Inputs.sampled(path, 0.005, "central")
    bias = (
        relative_entropy(inputs, circ.network).minimum().weights
        - fit_noisy(path, 0.005, circ.network).weights
    )
    rates = np.tanh(path)
    predicted = D * (1 - rates**2).mean(axis=0) @ np.linalg.inv(rates.T @ rates / len(rates))
    assert np.linalg.norm(bias - predicted) < 0.03 * np.linalg.norm(predicted)
    assert np.linalg.norm(predicted) > 0.3


def test_the_online_rule_corrects_it_with_a_known_and_with_a_learned_diffusion(circ, path):
    rule = OnlineRule(circ.network, 100.0, 50.0)
    plain = learn(rule, path, 0.005, rate=0.3).weights[-1]
    known = learn(replace(rule, diffusion=D), path, 0.005, rate=0.3).weights[-1]
    rates = np.tanh(path)
    predicted = D * (1 - rates**2).mean(axis=0) @ np.linalg.inv(rates.T @ rates / len(rates))
    assert np.linalg.norm(plain - known - predicted) < 0.25 * np.linalg.norm(predicted)
    assert circ.error(known) < circ.error(plain)
    learned, diffusion, _ = learn_noisy(rule, path, 0.005, rate=0.3)
    # du du' / (2 dt) keeps the drift's own dt f f' / 2: a few per cent here.
    np.testing.assert_allclose(diffusion, D, atol=0.01)
    assert np.linalg.norm(learned - known) < 0.25 * np.linalg.norm(predicted)


def test_the_lyapunov_equation_closes_drift_covariance_and_noise():
    network = linear_network(1.0)
    weights, noise = np.array([[0.2, -0.8], [0.9, -0.3]]), np.array([[0.2, 0.05], [0.05, 0.1]])
    drift = weights - np.eye(2)
    covariance = stationary_covariance(drift, noise)
    np.testing.assert_allclose(drift @ covariance + covariance @ drift.T, -2 * noise, atol=1e-12)
    np.testing.assert_allclose(dissipated(drift, covariance), noise, atol=1e-12)
    start = np.random.default_rng(0).multivariate_normal(np.zeros(2), covariance, 4000)
    copies = simulate(network, weights, start, 0.005, 600, diffusion=noise, seed=1)[-1]
    found = copies.T @ copies / len(copies)
    spread = np.sqrt(
        (np.outer(np.diag(covariance), np.diag(covariance)) + covariance**2) / len(copies)
    )
    assert np.abs((found - covariance) / spread).max() < 4
    with pytest.raises(DataError, match="no stationary state"):
        stationary_covariance(np.eye(2), noise)


@pytest.mark.slow
def test_girsanov_gives_the_relative_entropy_of_two_ornstein_uhlenbecks():
    """T (b - a)^2 / (4 b): .625 for drifts -2x (Q) and -x (P), and 1.25 the other way round."""
    diffusion, dt = np.array([[0.125]]), 0.005

    def entropy(q, p, seed):
        start = np.random.default_rng(seed).normal(0, np.sqrt(0.125 / q), (4000, 1))
        paths = simulate(
            linear_network(q), np.zeros((1, 1)), start, dt, 1000, diffusion=diffusion, seed=seed
        )
        return path_entropy(lambda x: -q * x, lambda x: -p * x, paths, dt, diffusion)

    for q, p, exact in ((2.0, 1.0, 0.625), (1.0, 2.0, 1.25)):
        # Euler-Maruyama's stationary variance is 1 / (1 - q dt / 2) times the exact one.
        found, exact = entropy(q, p, 3), exact / (1 - q * dt / 2)
        assert abs(found.quadratic - exact) < 3 * found.quadratic_error
        assert abs(found.log_ratio - exact) < 3 * found.log_ratio_error
        assert found.log_ratio > 5 * found.log_ratio_error  # Eq 12's sign would make it negative


def test_the_cost_with_noise_is_the_entropy_rate_of_paths(circ, path):
    other = circ.truth + 0.3
    cost = relative_entropy(
        Inputs.sampled(path, 0.005, lambda u: circ.network.field(circ.truth, u)),
        circ.network,
        diffusion=D,
    )
    rate = path_entropy(
        lambda u: circ.network.field(circ.truth, u),
        lambda u: circ.network.field(other, u),
        path[:, None].repeat(2, axis=1),
        0.005,
        D,
    )
    assert float(cost(other)) == pytest.approx(rate.quadratic / 400, rel=1e-3)


def test_different_diffusion_matrices_have_no_relative_entropy():
    paths = np.zeros((3, 2, 2))
    with pytest.raises(UsageError, match=r"entry \(1, 1\): 1 and 2.*infinite"):
        path_entropy(lambda x: -x, lambda x: x, paths, 0.1, np.eye(2), np.diag([1.0, 2.0]))
    with pytest.raises(UsageError, match="positive definite"):
        path_entropy(lambda x: -x, lambda x: x, paths, 0.1, np.diag([1.0, 0.0]))
    with pytest.raises(DataError, match="3 rows cannot determine 3 units"):
        fit_noisy(np.ones((3, 3)), 0.1, RateNetwork())
    with pytest.raises(DataError, match="no series"):
        learn_noisy(OnlineRule(RateNetwork(), 1.0, 1.0), np.ones((1, 2)), 0.1, rate=0.1)
