"""The rule in pure spikes: its map as documented, and where it ends."""

from dataclasses import replace

import numpy as np
import pytest

from steepest.errors import DataError, UsageError
from steepest.recurrent import AdditiveNetwork, OnlineRule, RateNetwork, learn_from_spikes
from steepest.recurrent._kernels import spike_steps

RULE = OnlineRule(RateNetwork(), gamma=5.0, decay_net=50.0)
TURNS = 2 * np.pi * np.arange(400) / 400
SHOWN = np.stack([np.cos(TURNS), np.sin(TURNS)], axis=1)


def test_the_compiled_steps_are_the_rule_as_documented():
    random = np.random.default_rng(0)
    x, y = random.standard_normal((2, 50, 3))
    start = random.standard_normal((3, 3))
    w, push, square = start.copy(), np.zeros((3, 3)), np.zeros((3, 3))
    spike_steps(w, x, y, np.zeros(3), np.zeros(3), 0.1, 6.0, 4.0, 0.02, push, square)
    expected, X, Y = start.copy(), np.zeros(3), np.zeros(3)
    drive, load = np.zeros((3, 3)), np.zeros((3, 3))
    for now, pre in zip(x, y, strict=True):
        change = 6 * np.outer(now, Y) - 4 * np.outer(X, pre)
        scaled = np.outer(expected @ pre, Y) + np.outer(expected @ Y, pre)
        drive += change / 2
        load += (np.outer(pre, Y) + np.outer(Y, pre)) / 2
        expected += 0.02 * (change - scaled) / 2
        X, Y = X + 0.1 * (now - X), Y + 0.1 * (pre - Y)
    np.testing.assert_allclose(w, expected, atol=1e-12)
    np.testing.assert_allclose(push, drive, atol=1e-12)
    np.testing.assert_allclose(square, load, atol=1e-12)


@pytest.fixture(scope="module")
def truth():
    """W of the circle in continuous time, where u' = -u + W tanh(u) as well as it can."""
    from steepest.recurrent import Inputs, relative_entropy

    inputs = Inputs.cycle(SHOWN, dt=0.01)
    return relative_entropy(inputs, RateNetwork()).minimum().weights


def test_the_balance_of_many_spikes_is_the_minimum_of_relative_entropy(truth):
    run = learn_from_spikes(RULE, SHOWN, 0.01, intensity=1e7, rate=1e-3, passes=50)
    apart = np.linalg.norm(run.solved - truth) / np.linalg.norm(truth)
    assert apart < 0.02
    noisier = learn_from_spikes(RULE, SHOWN, 0.01, intensity=1e3, rate=1e-3, passes=50)
    assert np.linalg.norm(noisier.solved - truth) > 2 * np.linalg.norm(run.solved - truth)


def test_online_it_arrives_where_the_spikes_balance():
    run = learn_from_spikes(RULE, SHOWN, 0.01, intensity=1e7, rate=0.05, passes=200, record=[40.0])
    assert run.times.tolist() == [40.0, 800.0]
    away = [np.linalg.norm(w - run.solved) for w in run.weights]
    assert away[1] < 0.05 * np.linalg.norm(run.solved) < away[0]


def test_the_same_seed_gives_the_same_spikes_however_the_run_is_cut(monkeypatch):
    options = {"intensity": 1e3, "rate": 0.01, "passes": 2, "seed": 3}
    whole = learn_from_spikes(RULE, SHOWN, 0.01, **options)
    again = learn_from_spikes(RULE, SHOWN, 0.01, **options)
    np.testing.assert_array_equal(again.weights, whole.weights)
    other = learn_from_spikes(RULE, SHOWN, 0.01, **(options | {"seed": 4}))
    assert not np.array_equal(other.weights, whole.weights)


@pytest.mark.parametrize(
    ("rule", "options", "message"),
    [
        (replace(RULE, filtered=True), {}, "without options"),
        (replace(RULE, terms=("stdp", "hebbian")), {}, "without options"),
        (
            replace(RULE, network=AdditiveNetwork(lambda v: -v, RateNetwork().nonlinearity)),
            {},
            "RateNetwork",
        ),
        (RULE, {"intensity": 0.0}, "intensity is 0.0: give a positive number"),
        (RULE, {"baseline": 0.5}, "goes down to -1, .* give a baseline above 1"),
        (RULE, {"intensity": 1e-3, "rate": 1e4}, "run away"),
    ],
)
def test_what_cannot_be_said_in_spikes_is_refused(rule, options, message):
    with pytest.raises(UsageError, match=message):
        learn_from_spikes(rule, SHOWN, 0.01, **({"intensity": 1e3, "rate": 0.01} | options))


def test_spikes_too_few_to_solve_for_the_weights_are_told():
    with pytest.raises(DataError, match="all directions"):
        learn_from_spikes(RULE, SHOWN[:2], 0.01, intensity=1e-6, rate=1e-9)
