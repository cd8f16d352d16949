"""Lifts: boxes, affine maps, and the dual form of the weights."""

import numpy as np
import pytest

from steepest.errors import DataError, UsageError
from steepest.recurrent import (
    AffineLift,
    BoxCode,
    Inputs,
    RateNetwork,
    euler,
    fit_dual,
    lifted,
    relative_entropy,
    replay,
    simulate,
)

T = np.arange(50) * 2 * np.pi / 50
CURVE = np.column_stack([-3 * np.cos(T), np.sin(T) + np.cos(2 * T)])


def test_the_box_of_a_point_is_its_nearest_node():
    code = BoxCode.over(CURVE, 7)
    nodes = np.array([[a, b] for a in code.nodes[0] for b in code.nodes[1]])
    scale = [code.nodes[d][1] - code.nodes[d][0] for d in range(2)]
    distance = np.abs((CURVE[:, None] - nodes[None]) / scale).max(axis=-1)
    found = code.box(CURVE)
    assert np.all(distance[np.arange(50), found] <= 0.5 + 1e-12)
    active = code.encode(CURVE)
    assert active.shape == (50, 49)
    np.testing.assert_array_equal(active.sum(axis=1), 1)
    np.testing.assert_array_equal(code.decode(active), nodes[found])


def test_fifty_points_have_fifty_boxes_of_their_own_first_at_k_44():
    counts = {k: len(np.unique(BoxCode.over(CURVE, k).box(CURVE))) for k in (10, 43, 44, 58)}
    assert counts[43] < 50
    assert counts[44] == counts[58] == 50
    assert counts[10] < 35


def test_bad_grids_are_refused():
    with pytest.raises(UsageError, match="at least 2"):
        BoxCode.over(CURVE, 1)
    with pytest.raises(DataError, match=r"coordinate 1 .* constant"):
        BoxCode.over(CURVE * [1, 0], 5)


def test_an_affine_lift_comes_back_and_lifts_velocities():
    lift = AffineLift.random(2, 30, seed=1)
    np.testing.assert_allclose(lift.decode(lift.encode(CURVE)), CURVE, atol=1e-12)
    flat = Inputs.cycle(CURVE, dt=T[1])
    high = lifted(flat, lift)
    direct = Inputs.cycle(lift.encode(CURVE), dt=T[1])
    np.testing.assert_allclose(high.velocities, direct.velocities, atol=1e-10)


@pytest.mark.parametrize("options", [{"ridge": 1e-3}, {"cut": 1e-2}, {"ridge": 0.1}])
def test_the_dual_form_is_the_primal_one(options):
    random = np.random.default_rng(0)
    inputs = Inputs.cycle(random.standard_normal((12, 20)), dt=0.1, xi="forward")
    network = RateNetwork(0.7)
    dual = fit_dual(inputs, network, **options)
    primal = relative_entropy(inputs, network).minimum(**options)
    np.testing.assert_allclose(dual.dense(), primal.weights, atol=1e-9)
    np.testing.assert_allclose(dual.spectrum / 12, primal.spectrum[:12], atol=1e-12)
    vector, table = random.standard_normal(20), random.standard_normal((20, 3))
    np.testing.assert_allclose(dual @ vector, dual.dense() @ vector, atol=1e-10)
    np.testing.assert_allclose(dual @ table, dual.dense() @ table, atol=1e-10)
    values, modes = dual.modes()
    for value, mode in zip(values[:5], modes.T[:5], strict=True):
        np.testing.assert_allclose(dual.dense() @ mode, value * mode, atol=1e-9)
    dense = np.sort(np.abs(np.linalg.eigvals(dual.dense())))[::-1]
    np.testing.assert_allclose(np.abs(values)[:5], dense[:5], rtol=1e-8)


def test_an_exact_dual_fit_replays_its_frames():
    frames = np.random.default_rng(3).uniform(0.2, 1.0, (6, 40))
    network = RateNetwork()
    dual = fit_dual(Inputs.cycle(frames, dt=0.5, xi="forward"), network)
    assert dual.rank == 6
    played = replay(network, dual, frames[0], 0.5, 5, integrator=euler)
    np.testing.assert_allclose(played, frames, atol=1e-9)


@pytest.mark.parametrize(("scheme", "expected"), [("forward", 0.0), ("central", 1.7)])
def test_only_the_discrete_map_passes_activity_from_box_to_box(scheme, expected):
    """Fig 5's error d over one period; a silent network scores .02."""
    shown, network = np.eye(50), RateNetwork(0.1)
    fit = fit_dual(Inputs.cycle(shown, dt=T[1], xi=scheme), network, cut=1e-10)
    played = simulate(network, fit, shown[0], T[1], 50)
    off = np.abs(played - shown[np.arange(51) % 50]).sum() / 50**2
    assert off == pytest.approx(expected, abs=0.02)


def test_a_large_lift_never_forms_its_matrix():
    frames = np.random.default_rng(3).uniform(0.2, 1.0, (4, 50_000))
    dual = fit_dual(Inputs.cycle(frames, dt=0.5, xi="forward"), RateNetwork(), ridge=1e-6)
    assert dual.left.nbytes + dual.right.nbytes < 4e6
    assert (dual @ frames[0]).shape == (50_000,)


def test_repeated_and_blank_frames_are_refused_by_number():
    frames = np.random.default_rng(3).uniform(0.2, 1.0, (6, 40))
    twice = np.concatenate([frames, frames[2:3]])
    with pytest.raises(DataError, match=r"6 of 7 frames .*2, .*6 repeat"):
        fit_dual(Inputs.cycle(twice, dt=0.5, xi="forward"), RateNetwork())
    blank = frames.copy()
    blank[4] = 0
    with pytest.raises(DataError, match=r"frame 4 .* blank"):
        fit_dual(Inputs.cycle(blank, dt=0.5, xi="forward"), RateNetwork())
    with pytest.raises(UsageError, match="give one of them"):
        fit_dual(Inputs.cycle(frames, dt=0.5, xi="forward"), RateNetwork(), ridge=1.0, cut=0.1)
