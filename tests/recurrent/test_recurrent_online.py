"""The online rule: its identities, forms, floor and cures, and its limits."""

from dataclasses import replace

import numpy as np
import pytest

from steepest.errors import DataError, UsageError
from steepest.recurrent import (
    AdditiveNetwork,
    Inputs,
    Nonlinearity,
    OnlineRule,
    RateNetwork,
    State,
    learn,
    learn_in_network,
    limit_cycle,
    relative_entropy,
)
from steepest.recurrent._kernels import lowpass
from steepest.recurrent.stdp import gain, periodic_lowpass, window

RANDOM = np.random.default_rng(0)
INPUT = RANDOM.standard_normal((400, 3)).cumsum(axis=0) * 0.05


@pytest.fixture(scope="module")
def rule(circ):
    return OnlineRule(circ.network, gamma=60.0, decay_net=50.0)


def plain(rule, inputs, dt, eps):
    """The docstring's map, written out."""
    w, vbar, x, y = np.zeros((3, 3)), np.zeros(3), np.zeros(3), np.zeros(3)
    for u in inputs:
        s = rule.network.nonlinearity(vbar)
        change = rule.gamma / 2 * (np.outer(vbar, y) - np.outer(x, s))
        if rule.filtered:
            change += np.outer(-rule.network.intrinsic(x), y) - np.outer(w @ y, y)
        else:
            change += np.outer(-rule.network.intrinsic(vbar), s) - np.outer(w @ s, s)
        if rule.diffusion is not None:
            change -= rule.diffusion * rule.network.nonlinearity.derivative(vbar)
        x, y = x + rule.gamma * dt * (vbar - x), y + rule.gamma * dt * (s - y)
        vbar = vbar + rule.decay_net * dt * (u - vbar)
        w = w + eps * dt * change
    return w


@pytest.mark.parametrize("filtered", [False, True])
@pytest.mark.parametrize("diffusion", [None, np.diag([0.1, 0.2, 0.3])])
@pytest.mark.parametrize(
    "network", [RateNetwork(0.8), AdditiveNetwork(lambda v: v - v**3, RateNetwork().nonlinearity)]
)
def test_the_fast_form_is_the_map_as_documented(network, filtered, diffusion):
    rule = OnlineRule(network, 60.0, 50.0, filtered, diffusion)
    found = learn(rule, INPUT, 0.002, rate=0.5)
    np.testing.assert_allclose(found.weights[-1], plain(rule, INPUT, 0.002, 0.5), atol=1e-13)


def test_the_networks_activity_does_not_disturb_learning(rule):
    """vbar = l v - z is the filtered input for every W, so v need not be simulated."""
    start = 3 * RANDOM.standard_normal((3, 3))
    inside = learn_in_network(rule, INPUT, 0.002, 0.5, start)
    state = replace(State.silent(3), weights=start)
    outside = learn(rule, INPUT, 0.002, rate=0.5, start=state)
    np.testing.assert_allclose(outside.weights[-1], inside.weights, atol=1e-13)
    filtered, vbar = np.empty_like(INPUT), np.zeros(3)
    for k, u in enumerate(INPUT):
        filtered[k] = vbar
        vbar = vbar + rule.decay_net * 0.002 * (u - vbar)
    # With the weights of the moment outside the filter the estimate would be wrong.
    pre = np.zeros(3)
    for v in inside.activity[:-1]:
        pre = pre + rule.decay_net * 0.002 * (np.tanh(v) - pre)
    wrong = rule.decay_net * inside.activity[-1] - inside.weights @ pre
    assert np.abs(wrong - inside.estimate[-1]).max() > 1e-3
    # v itself is tens of times larger than vbar here: rounding grows with it.
    np.testing.assert_allclose(inside.estimate, filtered, atol=1e-12)
    assert np.abs(inside.activity).max() > 0


@pytest.mark.parametrize("block", [1, 37, "input"])
def test_a_run_may_be_cut_and_continued(rule, block, monkeypatch):
    whole = learn(rule, INPUT, 0.002, rate=0.5, passes=2, block=block)
    first = learn(rule, INPUT, 0.002, rate=0.5, block=block)
    second = learn(rule, INPUT, 0.002, rate=0.5, block=block, start=first.state)
    if block != 37:  # 37 does not divide 400: the blocks lie differently
        np.testing.assert_allclose(second.weights[-1], whole.weights[-1], atol=1e-13)
    for name in ("CHUNK", "BLOCK_CHUNK"):
        monkeypatch.setattr(f"steepest.recurrent.online.{name}", 3 * 11)
    again = learn(rule, INPUT, 0.002, rate=0.5, passes=2, block=block)
    np.testing.assert_allclose(again.weights[-1], whole.weights[-1], atol=1e-13)


@pytest.mark.parametrize("filtered", [False, True])
@pytest.mark.parametrize("diffusion", [None, np.diag([0.1, 0.2, 0.3])])
def test_a_block_is_the_sum_of_its_samples_changes(rule, filtered, diffusion):
    rule = replace(rule, filtered=filtered, diffusion=diffusion)
    start = replace(State.silent(3), weights=RANDOM.standard_normal((3, 3)))
    found = learn(rule, INPUT, 0.002, rate=0.5, block=400, start=start).weights[-1]
    signals, _ = rule.signals(INPUT, 0.002, start)
    change = 400 * rule.mean_terms(signals, start.weights).total
    np.testing.assert_allclose(found, start.weights + 0.5 * 0.002 * change, atol=1e-13)


def test_single_precision_starts_are_learned_in_double(rule):
    """In single precision small changes are lost: at eps .001 W would stall far from its end."""
    start = replace(State.silent(3), weights=np.ones((3, 3), dtype=np.float32))
    run = learn(rule, INPUT, 0.002, rate=1e-9, start=start)
    assert run.weights.dtype == np.float64
    assert 0 < np.abs(run.weights[-1] - 1).max() < 1e-6


def test_blocks_differ_from_samples_at_first_order_in_the_rate(rule):
    def gap(eps):
        single = learn(rule, INPUT, 0.002, rate=eps).weights[-1]
        blocks = learn(rule, INPUT, 0.002, rate=eps, block=50).weights[-1]
        return np.abs(single - blocks).max() / np.abs(single).max()

    assert gap(0.5) < 0.02
    assert np.log2(gap(0.5) / gap(0.25)) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("block", [1, 50])
@pytest.mark.parametrize("filtered", [False, True])
def test_the_three_terms_add_up_to_the_change(rule, block, filtered):
    rule = replace(rule, filtered=filtered)
    run = learn(rule, INPUT, 0.002, rate=0.5, record=[0.4], terms=True, block=block)
    assert len(run.terms) == len(run.times) == 2
    changes = np.diff([np.zeros((3, 3)), *run.weights], axis=0)
    for term, change, spell in zip(run.terms, changes, np.diff([0, *run.times]), strict=True):
        np.testing.assert_allclose(term.total * 0.5 * spell, change, atol=1e-13)
    signals, _ = rule.signals(INPUT, 0.002, State.silent(3))
    whole = rule.mean_terms(signals, np.zeros((3, 3)))
    for name in ("stdp", "hebbian"):
        parts = [
            getattr(t, name) * s for t, s in zip(run.terms, np.diff([0, *run.times]), strict=True)
        ]
        np.testing.assert_allclose(sum(parts), getattr(whole, name) * run.times[-1], atol=1e-12)
    np.testing.assert_array_equal(whole.scaling, 0)


def test_whole_passes_lead_to_the_averaged_rules_equilibrium(circ, rule):
    run = learn(rule, circ.inputs.states, circ.dt, rate=0.2, passes=1200, block="input")
    goal = rule.equilibrium(circ.inputs)
    np.testing.assert_allclose(run.weights[-1], goal, atol=1e-9)
    np.testing.assert_allclose(run.mean, goal, atol=1e-9)
    terms = rule.mean_terms(rule.steady(circ.inputs), goal)
    np.testing.assert_allclose(terms.total, 0, atol=1e-12)


def test_the_floor_falls_with_the_square_of_both_time_constants(circ):
    def floor(gamma, net, filtered=False):
        rule = OnlineRule(circ.network, gamma, net, filtered)
        return circ.error(rule.equilibrium(circ.inputs, discrete=False))

    assert floor(100.0, 50.0) == pytest.approx(5.33e-4, rel=0.01)
    for net, expected in ((5.0, 3.1e-2), (10.0, 8.9e-3), (20.0, 2.4e-3)):
        assert floor(100.0, net) == pytest.approx(expected, rel=0.03)
    assert np.log2(floor(1e6, 25.0) / floor(1e6, 50.0)) == pytest.approx(2, abs=0.03)
    assert np.log2(floor(50.0, 1e6) / floor(100.0, 1e6)) == pytest.approx(2, abs=0.03)
    # a / l_net^2 + b / gamma^2, each alone.
    assert floor(1e6, 50.0) * 50**2 == pytest.approx(0.92, rel=0.01)
    assert floor(100.0, 1e6) * 100**2 == pytest.approx(1.71, rel=0.01)
    # With all terms filtered, gamma does not matter at all.
    assert floor(1.0, 1e7, filtered=True) < 1e-9
    assert floor(100.0, 50.0, filtered=True) == pytest.approx(3.67e-4, rel=0.01)


def test_the_hebbian_term_takes_the_inputs_decay_and_not_the_networks(circ):
    wrong = OnlineRule(RateNetwork(50.0), 100.0, 50.0).equilibrium(circ.inputs, discrete=False)
    assert circ.error(wrong) == pytest.approx(35.3, rel=0.01)


def test_a_weak_direction_is_learned_too_slowly_to_be_identified():
    """Near the Hopf bifurcation the activity is almost two-dimensional: W is still far at 1e4."""
    truth = np.array([[0.2, -2, 0], [0, 0.2, -2], [-2, 0, 0.2]])
    inputs = limit_cycle(
        lambda u: -u + truth @ np.tanh(u), [0.1, 0.2, -0.3], 300, transient=100.0, longest=20.0
    )
    cost = relative_entropy(inputs, RateNetwork())
    assert cost.minimum().spectrum[-1] < 0.006 * cost.minimum().spectrum[0]
    learned = cost.flow([0.01 * 1e4])[0]
    assert np.linalg.norm(learned - truth) / np.linalg.norm(truth) > 0.4
    np.testing.assert_allclose(cost.minimum().weights, truth, atol=1e-8)


def test_eulers_filters_have_the_right_gain_and_exponential_ones_do_not():
    """STDP of a slow cycle, gamma dt = .1: exponential filters are 5 % too strong or too weak."""
    gamma, dt = 100.0, 0.001
    t = np.arange(4 * 6283) * 2 * np.pi / 6283
    x = np.column_stack([np.sin(t), np.cos(t)])
    last = slice(-6283, None)

    def seen(step, late=False):
        lagged, state = np.empty_like(x), np.zeros(2)
        lowpass(x, state, step, lagged)
        if late:  # the filter sees the current sample
            lagged = np.concatenate([lagged[1:], state[None]])
        post, pre = (x[last, 0], lagged[last, 0]), (x[last, 1], lagged[last, 1])
        return 2 * gamma / 2 * np.mean(post[0] * pre[1] - post[1] * pre[0])

    assert seen(gamma * dt) == pytest.approx(1, abs=2e-4)
    assert seen(1 - np.exp(-gamma * dt)) == pytest.approx(1.051, abs=1e-3)
    assert seen(1 - np.exp(-gamma * dt), late=True) == pytest.approx(0.951, abs=1e-3)


def test_the_rules_lyapunov_function_falls_along_the_averaged_rule(circ, rule):
    stdp, hebbian, covariance = rule.averages(rule.steady(circ.inputs))
    weights, height = np.zeros((3, 3)), []
    for _ in range(400):
        height.append(
            np.trace(weights @ covariance @ weights.T) / 2 - np.sum(weights * (stdp + hebbian))
        )
        weights = weights + 0.3 * (stdp + hebbian - weights @ covariance)
    assert np.all(np.diff(height) < 0)


def test_the_schedule_of_rates_beats_the_constant_rate(circ, rule):
    def error(rate):
        run = learn(rule, circ.inputs.states, circ.dt, rate=rate, passes=2500 / circ.period)
        return circ.error(run.weights[-1])

    assert error([(0.2, 1500.0), (0.01, 3000.0)]) < error(0.2) / 4


def test_stdp_is_the_velocity_seen_through_the_window():
    t = np.arange(64) * 2 * np.pi / 64
    x = np.column_stack([np.sin(t), np.cos(3 * t) + np.sin(5 * t)])
    y = np.column_stack([np.cos(t) + np.sin(5 * t), np.cos(3 * t)])
    gamma, l = 2.5, 0.7  # noqa: E741

    def lag(z):
        return periodic_lowpass(z, gamma, t[1])

    velocity = np.column_stack([np.cos(t), -3 * np.sin(3 * t) + 5 * np.cos(5 * t)])
    stdp = gamma / 2 * (x.T @ lag(y) - lag(x).T @ y)
    np.testing.assert_allclose(stdp, lag(velocity).T @ lag(y), atol=1e-12)
    asymmetric = (gamma + l) / 2 * x.T @ lag(y) - (gamma - l) / 2 * lag(x).T @ y
    np.testing.assert_allclose(asymmetric, stdp + l * lag(x).T @ lag(y), atol=1e-12)
    sine = np.sin(3 * t)[:, None]
    through = lag(np.cos(3 * t)[:, None]).T @ lag(3 * sine) / (3 * np.sum(sine**2))
    measured = np.linalg.norm(lag(lag(sine))) / np.linalg.norm(sine)
    assert measured == pytest.approx(float(gain(3.0, gamma)), rel=1e-12)
    assert abs(through.item()) < 1


def test_the_window_is_what_pairs_of_spikes_leave():
    dt, gamma, steps = 1e-4, 20.0, 6000
    rule = OnlineRule(RateNetwork(), gamma, 1.0)
    for lag in (-0.03, -0.01, 0.01, 0.05):
        x, y = np.zeros(steps), np.zeros(steps)
        y[2000], x[2000 + round(lag / dt)] = 1 / dt, 1 / dt
        pre, post, change = 0.0, 0.0, 0.0
        for a, b in zip(x, y, strict=True):
            change += dt * gamma / 2 * (a * pre - post * b)
            post, pre = post + gamma * dt * (a - post), pre + gamma * dt * (b - pre)
        assert change == pytest.approx(float(window(lag, rule.gamma)), rel=5e-3)
    np.testing.assert_allclose(
        window([-0.1, 0.1], 5.0), [-12.5 * np.exp(-0.5), 12.5 * np.exp(-0.5)]
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dt": 0.04}, r"gamma dt < 2 .* below 0.0333"),
        ({"net": 500.0, "dt": 0.01}, r"l_net dt < 2 .* below 0.004"),
        ({"rate": 1e4}, r"eps dt .*\|s\|\^2 < 2 .* dt below"),
        ({"rate": 200.0, "block": 400}, r"sum of s s'.* eps below"),
        ({"rate": [(0.1, 0.2)]}, "does not cover"),
        ({"rate": [(0.1, 0.2), (0.1, 0.1), (0.1, 9.0)]}, "increasing"),
        ({"rate": -1.0}, "positive eps"),
        ({"block": 0}, "block 0"),
        ({"gamma": -2.0}, "gamma is -2"),
    ],
)
def test_what_cannot_run_is_refused_before_it_runs(circ, options, message):
    given = {"dt": 0.002, "rate": 0.5, "block": 1, "gamma": 60.0, "net": 50.0, **options}
    rule = OnlineRule(circ.network, given["gamma"], given["net"])
    with pytest.raises(UsageError, match=message):
        learn(rule, INPUT, given["dt"], rate=given["rate"], block=given["block"])


def test_the_limits_are_sharp():
    """Just below the limit on eps the weights stay bounded; just above, the run is refused."""
    rule = OnlineRule(RateNetwork(), 1.0, 1.0)
    steady = np.full((4000, 1), 5.0)  # s -> 1
    below = learn(rule, steady, 0.1, rate=19.9)
    assert np.abs(below.weights).max() < 1e3
    with pytest.raises(UsageError, match="eps below 20"):
        learn(rule, steady, 0.1, rate=20.1)


def test_series_shorter_than_the_filters_and_missing_slopes_are_refused(circ):
    with pytest.raises(DataError, match="slowest filter"):
        learn(OnlineRule(circ.network, 60.0, 0.5), INPUT, 0.002, rate=0.1)
    bare = RateNetwork(1.0, Nonlinearity(np.arctan, name="arctan"))
    learn(OnlineRule(bare, 60.0, 50.0), INPUT, 0.002, rate=0.1)
    with pytest.raises(UsageError, match="arctan has no derivative"):
        learn(OnlineRule(bare, 60.0, 50.0, diffusion=np.eye(3)), INPUT, 0.002, rate=0.1)
    with pytest.raises(UsageError, match="periodic"):
        OnlineRule(circ.network, 60.0, 50.0).equilibrium(Inputs.sampled(INPUT, 0.002))
    flat = Inputs.cycle(
        np.ones((100, 2)) * np.sin(np.arange(100) * 2 * np.pi / 100)[:, None], dt=0.02
    )
    with pytest.raises(DataError, match="1 of 2 directions"):
        OnlineRule(circ.network, 60.0, 50.0).equilibrium(flat)


@pytest.mark.slow
def test_the_papers_run_at_the_papers_parameters(circ):
    inputs = limit_cycle(lambda u: -u + circ.truth @ np.tanh(u), [0.1, 0.2, -0.3], 3526)
    states, dt, period = inputs.states, inputs.dt, inputs.duration
    hybrid = learn(
        OnlineRule(circ.network, 100.0, 50.0),
        states,
        dt,
        rate=0.01,
        passes=12_000 / period,
        record=[100, 1000, 2000, 4000, 6000, 10_000],
    )
    errors = [circ.error(w) for w in hybrid.weights]
    np.testing.assert_allclose(errors[:6], [0.43, 0.134, 0.069, 0.019, 7.3e-3, 5.2e-3], rtol=0.03)
    same = learn(
        OnlineRule(circ.network, 100.0, 1.0), states, dt, rate=0.01, passes=10_000 / period
    )
    assert circ.error(same.weights[-1]) == pytest.approx(0.263, abs=0.003)
    assert circ.error(relative_entropy(inputs, circ.network).minimum().weights) < 1e-10
