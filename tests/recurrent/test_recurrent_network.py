"""Networks and their discrete maps."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from steepest.errors import DataError, FlowError, UsageError
from steepest.recurrent import (
    AdditiveNetwork,
    Kuramoto,
    Nonlinearity,
    RateNetwork,
    WilsonCowan,
    euler,
    linear_network,
    logistic,
    replay,
    rk4,
    simulate,
)

RANDOM = np.random.default_rng(0)
W = RANDOM.standard_normal((4, 4))
V = RANDOM.standard_normal((6, 4))


def slow_field(network, weights, v):
    """Each network's equation, unit by unit."""
    n = len(v)
    out = np.empty(n)
    for i in range(n):
        if isinstance(network, WilsonCowan):
            inner = sum(weights[i, j] * v[j] for j in range(n)) + network.bias[i]
            out[i] = -network.decay * v[i] + 1 / (1 + np.exp(-inner))
        elif isinstance(network, Kuramoto):
            out[i] = network.frequencies[i] + sum(
                weights[i, j] * np.sin(v[j] - v[i]) for j in range(n)
            )
        else:
            drive = sum(weights[i, j] * float(network.nonlinearity(v)[j]) for j in range(n))
            out[i] = network.intrinsic(v)[i] + drive
    return out


@pytest.mark.parametrize(
    "network",
    [
        RateNetwork(decay=0.7),
        linear_network(2.0),
        AdditiveNetwork(lambda v: v - v**3 / 3, logistic(2.0, 0.1)),
        WilsonCowan(0.5, logistic(), np.array([0.1, -0.2, 0.3, 0.0])),
        Kuramoto(np.array([1.0, 2.0, -0.5, 0.3])),
    ],
    ids=["rate", "linear", "additive", "wilson-cowan", "kuramoto"],
)
def test_a_field_is_its_equation_for_one_state_and_for_many(network):
    many = network.field(W, V)
    for state, value in zip(V, many, strict=True):
        np.testing.assert_allclose(value, slow_field(network, W, state), rtol=1e-12)
        np.testing.assert_allclose(network.field(W, state), value, rtol=1e-12)


@pytest.mark.parametrize(("integrator", "order"), [(euler, 1), (rk4, 4)])
def test_an_integrator_has_its_order(integrator, order):
    network, start = RateNetwork(), np.array([0.3, -0.2, 0.5, 0.1])
    exact = solve_ivp(
        lambda _, v: network.field(W, v), (0, 1), start, "DOP853", rtol=1e-13, atol=1e-13
    ).y[:, -1]
    errors = [
        np.abs(simulate(network, W, start, 1 / k, k, integrator=integrator)[-1] - exact).max()
        for k in (40, 80)
    ]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15)


def test_inputs_push_the_network_and_are_held_during_a_step():
    network = RateNetwork(decay=2.0)
    inputs = RANDOM.standard_normal((3, 4))
    path = simulate(network, W, V[0], 0.1, 3, inputs=inputs)
    for k in range(3):
        step = path[k] + 0.1 * (-2 * path[k] + W @ np.tanh(path[k]) + inputs[k])
        np.testing.assert_allclose(path[k + 1], step, rtol=1e-13)
    with pytest.raises(UsageError, match="3 rows, fewer than the 4 steps"):
        simulate(network, W, V[0], 0.1, 4, inputs=inputs)


def test_noise_has_the_covariance_asked_for():
    diffusion = np.array([[0.5, 0.2], [0.2, 0.3]])
    copies = simulate(
        linear_network(0.0),
        np.zeros((2, 2)),
        np.zeros((20_000, 2)),
        0.1,
        1,
        diffusion=diffusion,
        seed=1,
    )[1]
    found = copies.T @ copies / len(copies)
    error = 0.2 * np.sqrt(2 / len(copies)) * 0.5
    assert np.abs(found - 0.2 * diffusion).max() < 4 * error
    with pytest.raises(UsageError, match="seed"):
        simulate(linear_network(), np.eye(2), np.zeros(2), 0.1, 1, diffusion=diffusion)
    with pytest.raises(UsageError, match="not positive definite"):
        simulate(linear_network(), np.eye(2), np.zeros(2), 0.1, 1, diffusion=-diffusion, seed=0)


def test_a_network_cannot_be_primed_with_a_fixed_point():
    with pytest.raises(DataError, match="blank"):
        replay(RateNetwork(), W, np.zeros(4), 0.1, 10)
    decay_only = AdditiveNetwork(lambda v: v - v**3)
    with pytest.raises(DataError, match="fixed point"):
        replay(decay_only, np.zeros((2, 2)), np.ones(2), 0.1, 10)
    # With S(0) not 0 a blank state is as good as any.
    assert replay(RateNetwork(1.0, logistic()), W, np.zeros(4), 0.1, 10)[-1].any()


def test_activity_that_explodes_is_reported_with_its_time_and_unit():
    with pytest.raises(FlowError, match=r"not finite at time .* \(unit 1\)"):
        simulate(linear_network(), np.diag([0.0, 1e6]), np.ones(2), 1.0, 80)
    with pytest.raises(UsageError, match="dt is -1"):
        simulate(linear_network(), np.eye(2), np.ones(2), -1.0, 2)


def test_a_nonlinearity_without_slope_says_so_and_jax_finds_one():
    import jax.numpy as jnp

    bare = Nonlinearity(np.arctan, name="arctan")
    with pytest.raises(UsageError, match="arctan has no derivative"):
        bare.derivative(V)
    smooth = Nonlinearity.smooth(jnp.arctan)
    np.testing.assert_allclose(smooth(V), np.arctan(V), rtol=1e-14)
    np.testing.assert_allclose(smooth.derivative(V), 1 / (1 + V**2), rtol=1e-13)
    for known in (logistic(3.0, 0.2), RateNetwork().nonlinearity):
        numeric = (known(V + 1e-6) - known(V - 1e-6)) / 2e-6
        np.testing.assert_allclose(known.derivative(V), numeric, atol=1e-8)
        assert known.inverse is not None
        np.testing.assert_allclose(known.inverse(known(V)), V, atol=1e-9)
