"""The costs of Wilson-Cowan and Kuramoto networks."""

import numpy as np
import pytest

from steepest.errors import DataError, UsageError
from steepest.recurrent import (
    Inputs,
    Kuramoto,
    KuramotoEntropy,
    Nonlinearity,
    WilsonCowan,
    WilsonCowanEntropy,
    limit_cycle,
    pooled,
    rk4,
    simulate,
)

WC = np.array([[10.0, -12, 0], [0, 9, -11], [-12, 0, 10]])


@pytest.fixture(scope="module")
def wilson_cowan():
    network = WilsonCowan(bias=-WC.sum(axis=1) / 2)

    def field(u):  # network.field, without its run-time type checks
        return -u + 1 / (1 + np.exp(-(WC @ u + network.bias)))

    inputs = limit_cycle(field, [0.3, 0.6, 0.4], 400, transient=80.0, longest=40.0)
    return WilsonCowanEntropy(inputs, network)


def test_wilson_cowans_differential_is_that_of_finite_differences(wilson_cowan):
    w = WC + np.random.default_rng(0).standard_normal((3, 3))
    found = wilson_cowan.differential(w)
    for i, j in np.ndindex(3, 3):
        step = np.zeros((3, 3))
        step[i, j] = 1e-5
        slope = (wilson_cowan(w + step) - wilson_cowan(w - step)) / 2e-5
        assert found[i, j] == pytest.approx(slope, abs=1e-9)


def test_the_matching_loss_is_convex_and_exact_where_relative_entropy_is_not_convex(wilson_cowan):
    np.testing.assert_allclose(wilson_cowan.minimum(), WC, atol=1e-7)
    random, convex, entropy = np.random.default_rng(1), [], []
    for _ in range(200):
        a, b = 15 * random.standard_normal((2, 3, 3))
        gap = b - a
        convex.append(
            np.sum(
                (wilson_cowan.matching_differential(b) - wilson_cowan.matching_differential(a))
                * gap
            )
        )
        entropy.append(np.sum((wilson_cowan.differential(b) - wilson_cowan.differential(a)) * gap))
    assert min(convex) >= 0
    assert min(entropy) < 0


def test_wilson_cowan_refuses_what_it_cannot_fit(wilson_cowan):
    inputs = Inputs(
        wilson_cowan.inputs.states, wilson_cowan.inputs.velocities + 3.0, 0.1, periodic=True
    )
    with pytest.raises(DataError, match="range of S"):
        WilsonCowanEntropy(inputs, wilson_cowan.network).minimum()
    bare = WilsonCowan(1.0, Nonlinearity(np.arctan), 0.0)
    with pytest.raises(UsageError, match="no derivative"):
        WilsonCowanEntropy(wilson_cowan.inputs, bare).differential(WC)


def oscillators(coupling_scale, frequency_scale, seed=3, n=4):
    random = np.random.default_rng(seed)
    coupling = coupling_scale * (0.5 + random.uniform(0, 1, (n, n)))
    np.fill_diagonal(coupling, 0)
    return Kuramoto(frequency_scale * random.standard_normal(n)), coupling, random


def phases(network, coupling, random, steps):
    start = random.uniform(0, 2 * np.pi, len(coupling))
    return simulate(network, coupling, start, 0.01, steps, integrator=rk4)


def test_incoherent_oscillators_give_their_couplings_away():
    network, coupling, random = oscillators(0.1, 2.0)
    cost = KuramotoEntropy(Inputs.sampled(phases(network, coupling, random, 1500), 0.01, "fourth"))
    fit = cost.minimum()
    np.testing.assert_allclose(fit.coupling, coupling, atol=1e-6)
    np.testing.assert_allclose(fit.frequencies, network.frequencies, atol=1e-6)
    other = coupling + 0.1
    np.fill_diagonal(other, 0)
    slope, push = cost.differential(other, fit.frequencies + 0.2)
    for i, j in [(0, 1), (2, 3), (3, 0)]:
        step = np.zeros_like(other)
        step[i, j] = 1e-4
        near = [cost(other + s * step, fit.frequencies + 0.2) for s in (1, -1)]
        assert slope[i, j] == pytest.approx((near[0] - near[1]) / 2e-4, abs=1e-8)
    nudge = np.array([1e-4, 0, 0, 0])
    near = [cost(other, fit.frequencies + 0.2 + s * nudge) for s in (1, -1)]
    assert push[0] == pytest.approx((near[0] - near[1]) / 2e-4, abs=1e-8)


@pytest.mark.slow
def test_phase_locked_oscillators_are_refused_and_pooled_transients_are_not():
    network, coupling, random = oscillators(1.0, 0.2)
    locked = phases(network, coupling, random, 1500)[1200:]
    with pytest.raises(DataError, match=r"unit 0 is phase-locked with 1, 2, 3.*pool transients"):
        KuramotoEntropy(Inputs.sampled(locked, 0.01)).minimum()
    runs = [
        Inputs.sampled(phases(network, coupling, random, 150), 0.01, "fourth") for _ in range(8)
    ]
    fit = KuramotoEntropy(pooled(runs)).minimum()
    np.testing.assert_allclose(fit.coupling, coupling, atol=1e-5)
    assert fit.conditioning.min() > 1e-3


def test_oscillators_that_move_as_one_are_told_apart_from_phase_lock():
    t = np.linspace(0, 20, 2000)
    theta = np.column_stack([t, t + np.sin(t), t + np.sin(t)])
    with pytest.raises(DataError, match=r"unit 0 .*linearly dependent|do not determine.*unit 0"):
        KuramotoEntropy(Inputs.sampled(theta, t[1])).minimum()
