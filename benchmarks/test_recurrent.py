"""Rule (5) per step, in blocks and as a plain script; the lifted network; Fig 4's long run.

Ratios between medians of the one run are printed at its end.
"""

import numpy as np
import pytest

from steepest.papers.galtier2013._circ import NETWORK, cycle
from steepest.recurrent import Inputs, OnlineRule, RateNetwork, State, fit_dual, learn

SIZES = {400: 400, 3364: 48}  # units: samples that a round learns
PER_SAMPLE = {}  # (form, units): median seconds


@pytest.fixture(scope="module", autouse=True)
def ratios(request):
    """Prints, after the last benchmark, how much faster the block form was."""
    yield
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print()
        for (form, units), seconds in PER_SAMPLE.items():
            blocks = PER_SAMPLE.get(("in blocks", units), float("nan"))
            times = f"{1e3 * seconds:.3f} ms a sample, {seconds / blocks:.1f} times blocks"
            print(f"rule (5), {units} units, {form}: {times}")


def note(benchmark, form, units, samples):
    benchmark.extra_info["samples"] = samples
    PER_SAMPLE[form, units] = benchmark.stats.stats.median / samples


def rule_and_input(units):
    inputs = 0.5 * np.random.default_rng(0).standard_normal((500, units)).cumsum(axis=0) / 20
    return OnlineRule(RateNetwork(), 100.0, 50.0), inputs


@pytest.mark.parametrize("units", SIZES)
def test_per_step(benchmark, units):
    rule, inputs = rule_and_input(units)
    shown = inputs[: SIZES[units]]
    learn(rule, shown, 0.002, rate=1e-4)
    run = benchmark.pedantic(learn, (rule, shown, 0.002), {"rate": 1e-4}, rounds=3)
    note(benchmark, "per step", units, len(shown))
    assert run.weights[-1].any()


@pytest.mark.parametrize("units", SIZES)
def test_in_blocks(benchmark, units):
    rule, inputs = rule_and_input(units)
    run = benchmark.pedantic(
        learn,
        (rule, inputs, 0.002),
        {"rate": 1e-4, "block": len(inputs)},
        rounds=3,
        warmup_rounds=1,
    )
    note(benchmark, "in blocks", units, len(inputs))
    assert run.weights[-1].any()


def plain_script(inputs, dt, eps, gamma=100.0, net=50.0):
    """What a user would write from the paper: the network and Eq 5, with outer products."""
    n = inputs.shape[1]
    w, v, z, x, y = np.zeros((n, n)), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    for u in inputs:
        vbar = net * v - z
        s, drive = np.tanh(vbar), w @ np.tanh(v)
        change = gamma / 2 * (np.outer(vbar, y) - np.outer(x, s)) + np.outer(vbar, s)
        change -= np.outer(w @ s, s)
        v = v + dt * (-net * v + drive + u)
        z = z + net * dt * (drive - z)
        x, y = x + gamma * dt * (vbar - x), y + gamma * dt * (s - y)
        w = w + eps * dt * change
    return w


@pytest.mark.parametrize("units", SIZES)
def test_plain_script(benchmark, units):
    rule, inputs = rule_and_input(units)
    shown = inputs[: SIZES[units] // 4]
    found = benchmark.pedantic(plain_script, (shown, 0.002, 1e-4), rounds=3)
    note(benchmark, "plain script", units, len(shown))
    expected = learn(rule, shown, 0.002, rate=1e-4, start=State.silent(units)).weights[-1]
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_ten_million_steps_of_three_units(benchmark):
    inputs = cycle(0.002)
    rule = OnlineRule(NETWORK, 100.0, 50.0)
    passes = 1e7 / len(inputs.states)
    learn(rule, inputs.states, inputs.dt, rate=0.01)
    run = benchmark.pedantic(
        learn, (rule, inputs.states, inputs.dt), {"rate": 0.01, "passes": passes}, rounds=3
    )
    assert run.times[-1] > 19_000


@pytest.fixture(scope="module")
def lifted_movie():
    """50 frames for 100 000 units: 40 MB."""
    frames = np.random.default_rng(0).uniform(0.1, 1.0, (50, 100_000))
    return Inputs.cycle(frames, dt=1.0, xi="forward")


def test_the_fit_of_a_hundred_thousand_units(benchmark, lifted_movie):
    fit = benchmark.pedantic(fit_dual, (lifted_movie, RateNetwork()), {"ridge": 1e-6}, rounds=3)
    assert fit.rank == 50


def test_a_replay_step_of_a_hundred_thousand_units(benchmark, lifted_movie):
    network = RateNetwork()
    fit = fit_dual(lifted_movie, network, ridge=1e-6)
    state = lifted_movie.states[0]
    after = benchmark.pedantic(
        lambda: state + network.field(fit, state), rounds=20, warmup_rounds=2
    )
    assert np.isfinite(after).all()
