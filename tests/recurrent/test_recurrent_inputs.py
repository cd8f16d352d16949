"""Inputs: velocities by each scheme, limit cycles, and what is refused."""

import numpy as np
import pytest

from steepest.errors import DataError, FlowError, UsageError
from steepest.recurrent import Inputs, limit_cycle, pooled, relative_entropy, velocity


def wave(samples):
    t = np.arange(samples) * 2 * np.pi / samples
    return np.column_stack([np.sin(t), np.exp(np.cos(t))]), np.column_stack(
        [np.cos(t), -np.sin(t) * np.exp(np.cos(t))]
    )


@pytest.mark.parametrize(("scheme", "order"), [("forward", 1), ("central", 2), ("fourth", 4)])
def test_a_difference_has_its_order(scheme, order):
    errors = []
    for samples in (64, 128):
        states, exact = wave(samples)
        errors.append(np.abs(velocity(states, 2 * np.pi / samples, scheme) - exact).max())
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1)


@pytest.mark.parametrize("samples", [40, 41])
def test_the_spectral_derivative_is_exact_for_smooth_periods(samples):
    states, exact = wave(samples)
    np.testing.assert_allclose(velocity(states, 2 * np.pi / samples, "spectral"), exact, atol=1e-12)


def test_a_sampled_series_drops_the_rows_that_a_difference_reaches_past():
    states = np.random.default_rng(0).standard_normal((10, 2))
    central = Inputs.sampled(states, 0.5)
    np.testing.assert_array_equal(central.states, states[1:-1])
    np.testing.assert_allclose(central.velocities, states[2:] - states[:-2])
    forward = Inputs.sampled(states, 0.5, "forward")
    np.testing.assert_array_equal(forward.states, states[:-1])
    np.testing.assert_allclose(forward.velocities, 2 * np.diff(states, axis=0))
    assert Inputs.sampled(states, 0.5, "fourth").states.shape == (6, 2)


def test_each_scheme_finds_the_weights_to_its_error(circ):
    """At dt = .01: each scheme's error of W, measured independently; spectral is rounding."""
    for scheme, expected in {"forward": 3.1e-3, "central": 2.8e-5, "fourth": 4.0e-9}.items():
        inputs = Inputs.cycle(circ.inputs.states, dt=circ.dt, xi=scheme)
        error = circ.error(relative_entropy(inputs, circ.network).minimum().weights)
        assert error == pytest.approx(expected, rel=0.05)
    assert circ.error(relative_entropy(circ.inputs, circ.network).minimum().weights) < 1e-11


def test_a_given_xi_is_used_as_it_is_and_an_ergodic_orbit_has_the_fields_own(circ):
    def field(u):
        return -u + np.tanh(u) @ circ.truth.T

    given = Inputs.cycle(circ.inputs.states, dt=circ.dt, xi=field)
    np.testing.assert_allclose(given.velocities, circ.inputs.velocities, atol=1e-9)
    orbit = Inputs.ergodic(field, [0.1, 0.2, -0.3], 0.05, 400, transient=400)
    assert circ.error(relative_entropy(orbit, circ.network).minimum().weights) < 1e-12
    both = pooled([orbit, orbit])
    assert both.states.shape == (800, 3)
    with pytest.raises(UsageError, match="one dt"):
        pooled([orbit, given])


def test_the_limit_cycle_closes_and_has_the_known_period(circ):
    assert circ.period == pytest.approx(7.0514, abs=1e-4)
    with pytest.raises(FlowError, match="does not close"):
        limit_cycle(lambda u: -u, [1.0, 1.0], 10, transient=1.0, longest=5.0)


def test_a_period_cannot_be_taken_for_a_step(circ):
    states = circ.inputs.states
    assert Inputs.cycle(states, period=circ.period).dt == pytest.approx(circ.dt, rel=1e-14)
    with pytest.raises(TypeError):
        Inputs.cycle(states, circ.period)
    for given in ({}, {"dt": circ.dt, "period": circ.period}):
        with pytest.raises(UsageError, match="give dt, the time between samples, or the period"):
            Inputs.cycle(states, **given)
    with pytest.raises(UsageError, match="give a positive number"):
        Inputs.cycle(states, period=-1.0)


def test_random_starts_reach_the_same_cycle(circ):
    from steepest.recurrent import rk4

    states = np.random.default_rng(0).standard_normal((200, 3))
    for _ in range(1000):
        states = rk4(lambda v: -v + np.tanh(v) @ circ.truth.T, states, 0.1)
    apart = np.linalg.norm(states[:, None] - circ.inputs.states[None], axis=-1).min(axis=1)
    assert apart.max() < 0.02


@pytest.mark.parametrize(
    ("states", "dt", "xi", "message"),
    [
        ([[1.0, np.nan], [0.0, 1.0]], 0.1, "central", "row 0, column 1"),
        ([[1.0], [2.0]], 0.0, "central", "dt is 0"),
        ([1.0, 2.0], 0.1, "central", "one row per time"),
        ([[1.0], [2.0]], 0.1, "spectral", "whole period"),
        ([[1.0], [2.0]], 0.1, "central", "at least 3 rows"),
        ([[1.0], [2.0]], 0.1, np.zeros((3, 1)), "one velocity"),
    ],
)
def test_bad_inputs_are_refused(states, dt, xi, message):
    with pytest.raises((DataError, UsageError), match=message):
        Inputs.sampled(states, dt, xi)
