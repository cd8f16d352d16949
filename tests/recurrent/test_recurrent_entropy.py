"""Relative entropy: value, differential, minimum, flow, and its natural metric."""

import jax
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from steepest.descent import gradient_flow
from steepest.errors import DataError, MetricError, UsageError
from steepest.geometry import Euclidean
from steepest.geometry.laws import check_metric
from steepest.recurrent import (
    AdditiveNetwork,
    InputCovariance,
    Inputs,
    RateNetwork,
    logistic,
    relative_entropy,
)

RANDOM = np.random.default_rng(0)
D = np.array([[0.3, 0.1, 0.0], [0.1, 0.2, 0.05], [0.0, 0.05, 0.4]])


@pytest.fixture(scope="module")
def cost(circ):
    return relative_entropy(circ.inputs, circ.network)


@pytest.mark.parametrize("diffusion", [None, D])
@pytest.mark.parametrize(
    "network", [RateNetwork(0.6), AdditiveNetwork(lambda v: v - v**3, logistic())]
)
def test_the_value_is_the_time_mean_of_the_residuals_squared_length(circ, network, diffusion):
    w = RANDOM.standard_normal((3, 3))
    total = 0.0
    inverse = np.eye(3) if diffusion is None else np.linalg.inv(2 * diffusion)
    for u, xi in zip(circ.inputs.states, circ.inputs.velocities, strict=True):
        residual = network.intrinsic(u) + w @ network.nonlinearity(u) - xi
        total += residual @ inverse @ residual / 2
    cost = relative_entropy(circ.inputs, network, diffusion=diffusion)
    assert float(cost(w)) == pytest.approx(total / len(circ.inputs.states), rel=1e-12)
    assert float(cost(w.ravel())) == float(cost(w))


@pytest.mark.parametrize("diffusion", [None, D])
def test_the_differential_is_that_of_finite_differences_and_of_jax(circ, diffusion):
    cost = relative_entropy(circ.inputs, circ.network, diffusion=diffusion)
    w = RANDOM.standard_normal((3, 3))
    found = cost.differential(w)
    np.testing.assert_allclose(found, jax.grad(cost)(w), rtol=1e-11, atol=1e-12)
    for i, j in np.ndindex(3, 3):
        step = np.zeros((3, 3))
        step[i, j] = 1e-4
        slope = (float(cost(w + step)) - float(cost(w - step))) / 2e-4
        assert found[i, j] == pytest.approx(slope, abs=1e-9)


def test_above_its_minimum_the_cost_is_the_covariances_quadratic_form(circ, cost):
    best = cost.minimum().weights
    w = RANDOM.standard_normal((3, 3))
    rise = np.trace((w - best) @ cost.covariance @ (w - best).T) / 2
    assert float(cost(w) - cost(best)) == pytest.approx(rise, rel=1e-10)


def test_the_minimum_is_the_generating_network(circ, cost):
    found = cost.minimum()
    assert circ.error(found.weights) < 1e-10
    assert (found.rank, found.ridge, found.cut) == (3, 0.0, 0.0)
    np.testing.assert_allclose(found.spectrum, [0.992, 0.992, 0.066], atol=5e-4)
    assert not found.undetermined.any()
    noisy = relative_entropy(circ.inputs, circ.network, diffusion=D).minimum()
    np.testing.assert_allclose(noisy.weights, found.weights, atol=1e-10)


def test_ridge_and_cut_do_what_they_say_and_are_reported(circ, cost):
    ridge = cost.minimum(ridge=0.1)
    top = ridge.spectrum[0]
    expected = cost.cross @ np.linalg.inv(cost.covariance + 0.1 * top * np.eye(3))
    np.testing.assert_allclose(ridge.weights, expected, rtol=1e-11)
    cut = cost.minimum(cut=0.5)
    expected = cost.cross @ np.linalg.pinv(cost.covariance, rcond=0.5, hermitian=True)
    np.testing.assert_allclose(cut.weights, expected, atol=1e-12)
    assert (cut.rank, cut.cut, ridge.ridge) == (2, 0.5, 0.1)
    assert cut.undetermined.sum() == pytest.approx(1.0)
    for bad in (
        {"ridge": -1.0},
        {"ridge": np.nan},
        {"ridge": np.inf},
        {"cut": np.nan},
        {"ridge": 0.1, "cut": 0.1},
        {"cut": 1.0},
    ):
        with pytest.raises(UsageError, match="give one of them"):
            cost.minimum(**bad)


def test_inputs_that_do_not_span_are_refused_with_the_units_named():
    t = np.linspace(0, 2 * np.pi, 50, endpoint=False)
    states = np.column_stack([np.sin(t), np.cos(t), np.cos(t)])
    cost = relative_entropy(Inputs.cycle(states, dt=t[1]), RateNetwork())
    # tanh adds harmonics, but units 1 and 2 stay the same unit.
    with pytest.raises(DataError, match=r"2 of 3 directions.*units (1|2) \(50%\), (1|2) \(50%\)"):
        cost.minimum()
    assert cost.minimum(cut=1e-10).rank == 2
    weights = cost.minimum(cut=1e-10).weights
    np.testing.assert_allclose(weights[:, 1], weights[:, 2], atol=1e-9)


def test_a_blank_frame_is_refused_by_its_number():
    states = np.array([[1.0, 0.5], [0.2, 0.4], [0.0, 0.0], [0.3, 0.1]])
    with pytest.raises(DataError, match=r"frame 2 .* blank"):
        relative_entropy(Inputs.cycle(states, dt=1.0, xi="forward"), RateNetwork())
    relative_entropy(Inputs.cycle(states, dt=1.0, xi="forward"), RateNetwork(1.0, logistic()))


def test_a_diffusion_matrix_that_is_none_is_refused(circ):
    for bad, word in ((np.eye(3) - 1, "positive"), (np.triu(np.ones((3, 3))), "symmetric")):
        with pytest.raises(UsageError, match=word):
            relative_entropy(circ.inputs, circ.network, diffusion=bad)


def test_the_exact_flow_descends_the_differential(cost):
    start, times = RANDOM.standard_normal((3, 3)), np.array([0.5, 3.0, 20.0])
    followed = solve_ivp(
        lambda _, w: -cost.differential(w).ravel(),
        (0, 20),
        start.ravel(),
        "DOP853",
        times,
        rtol=1e-10,
        atol=1e-12,
    ).y.T.reshape(3, 3, 3)
    np.testing.assert_allclose(cost.flow(times, start), followed, atol=1e-8)


@pytest.mark.slow
def test_the_exact_flow_is_euclidean_gradient_flow(cost):
    start, times = RANDOM.standard_normal((3, 3)), np.array([0.5, 3.0, 20.0])
    followed = gradient_flow(cost, Euclidean(), start.ravel(), times)
    np.testing.assert_allclose(cost.flow(times, start), followed.points.reshape(3, 3, 3), atol=1e-6)


def test_along_the_natural_metric_every_direction_is_learned_at_one_rate(circ, cost):
    """The direction of steepest descent points to the minimum from everywhere: w' = best - w."""
    metric, best = InputCovariance(cost.covariance), cost.minimum().weights
    for w in 5 * RANDOM.standard_normal((4, 3, 3)):
        descent = -np.asarray(metric.sharp(w, cost.differential(w)))
        np.testing.assert_allclose(descent, best - w, atol=1e-10)


def test_what_the_input_does_not_see_stays_for_ever():
    states = np.array([[1.0, 1.0], [0.5, 0.5], [0.7, 0.7]])
    cost = relative_entropy(Inputs.cycle(states, dt=1.0, xi="forward"), RateNetwork())
    start = np.array([[1.0, -1.0], [0.5, -0.5]])
    end = cost.flow([1e6], start)[0]
    np.testing.assert_allclose(end - start, cost.flow([1e6])[0], atol=1e-9)
    np.testing.assert_allclose(cost.flow([1e6])[0], cost.minimum(cut=1e-9).weights, atol=1e-6)


@pytest.mark.slow
def test_the_input_covariance_obeys_every_law_of_a_metric(cost):
    for metric in (InputCovariance(cost.covariance), InputCovariance(cost.covariance, 0.3)):
        assert check_metric(metric, RANDOM.standard_normal((2, 9))).holds


def test_the_input_covariance_is_the_costs_hessian_and_sharp_inverts_it(cost):
    covector = RANDOM.standard_normal((3, 3))
    metric, ridge = InputCovariance(cost.covariance, 0.3), 0.3
    # The differential is linear in W (and is JAX's, above): its differences are the Hessian.
    for step in np.eye(9):
        hessian = (cost.differential(step) - cost.differential(np.zeros(9))).ravel()
        np.testing.assert_allclose(
            metric.flat(np.zeros(9), step), hessian + ridge * step, atol=1e-12
        )
    np.testing.assert_allclose(
        metric.flat(covector, metric.sharp(covector, covector)), covector, atol=1e-12
    )
    with pytest.raises(MetricError, match="singular"):
        InputCovariance(np.ones((2, 2))).check(np.zeros((2, 2)))
