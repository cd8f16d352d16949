"""Times of learning are read off curves, and the fastest learning rate is found."""

import numpy as np
import pytest

from steepest.errors import UsageError
from steepest.spiking import (
    Recording,
    State,
    first_time_below,
    mean_time_below,
    output_error,
    tune_rate,
)

TIMES = np.linspace(0.0, 100.0, 11)


def recording(error, trials=3):
    """A recording whose rate distances are the given curve in every trial."""
    weights = np.zeros((len(TIMES), trials, 2))
    state = State(0, weights[0], np.zeros((trials, 2, 2)))
    measures = {"rate_distance": np.tile(np.asarray(error)[:, None], (1, trials))}
    return Recording(TIMES, weights, weights[..., 0], measures, state, 5e-4, "none")


def test_a_crossing_between_two_times_is_exact_for_an_exponential():
    curves = np.exp(-TIMES[:, None] / np.array([10.0, 37.0, 80.0]))
    found = first_time_below(TIMES, curves, 0.3)
    np.testing.assert_allclose(found, -np.array([10.0, 37.0, 80.0]) * np.log(0.3), rtol=1e-12)


def test_the_first_crossing_counts_a_curve_above_never_falls_and_one_below_is_there_at_once():
    up_again = np.where((TIMES > 15) & (TIMES < 45), 0.1, 1.0)
    found = first_time_below(
        TIMES, np.stack([up_again, 0 * up_again + 1, 0 * up_again + 0.1], 1), 0.5
    )
    assert 10 < found[0] < 20
    assert found[1] == np.inf
    assert found[2] == 0.0


@pytest.mark.parametrize("trials", [20, 130])
def test_the_error_of_a_mean_curves_time_is_the_spread_over_repetitions(trials):
    """More trials than groups, and fewer: 400 repetitions tell a spread to 3.5 %."""
    random = np.random.default_rng(trials)
    found = []
    for _ in range(400):
        speed = 1 + 0.3 * random.standard_normal(trials)
        found.append(mean_time_below(TIMES, np.exp(-np.outer(TIMES, speed) / 20), 0.2))
    times, errors = np.array(found).T
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(times.std(), rel=0.12)
    whole = np.exp(-np.outer(TIMES, speed) / 20).mean(axis=1)
    assert times[-1] == first_time_below(TIMES, whole, 0.2)


def test_a_time_has_no_error_for_one_trial_or_where_it_hangs_on_one():
    fast, never = np.exp(-TIMES / 10), np.full(len(TIMES), 0.3)
    time, error = mean_time_below(TIMES, fast[:, None], 0.2)
    assert time == pytest.approx(-10 * np.log(0.2))
    assert np.isnan(error)
    time, error = mean_time_below(TIMES, np.stack([fast, never], axis=1), 0.2)
    assert np.isfinite(time)
    assert np.isnan(error)
    with pytest.raises(UsageError, match="shape"):
        mean_time_below(TIMES, fast, 0.2)


def test_the_output_error_is_the_root_of_the_mean_square_over_trials():
    one = recording(np.ones(len(TIMES)))
    one.measures["rate_distance"][:] = [3.0, 4.0, 0.0]
    np.testing.assert_allclose(output_error(one), np.sqrt(25 / 3))


def test_the_rate_of_the_shortest_time_is_found_and_refined():
    """Error exp(-rate t) + 0.2 rate: fastest where the floor and the speed are in balance."""

    def learn(rate):
        return recording(5 * np.exp(-rate * TIMES) + 2 * rate)

    coarse = tune_rate(learn, [0.02, 0.05, 0.3, 0.6])
    fine = tune_rate(learn, [0.02, 0.05, 0.3, 0.6], refine=4)
    dense = tune_rate(learn, np.geomspace(0.02, 0.6, 300))
    assert coarse.best == 0.3
    assert np.isinf(coarse.times[-1])
    assert set(coarse.rates) < set(fine.rates)
    assert fine.fastest <= coarse.fastest
    assert fine.fastest <= 1.02 * dense.fastest
    assert fine.best == pytest.approx(dense.best, rel=0.15)
    np.testing.assert_array_equal(coarse.errors[:-1], 0.0)  # all trials are alike
    assert np.isnan(coarse.errors[-1])


@pytest.mark.parametrize(
    ("rates", "message"),
    [([0.1], "two or more"), ([0.0, 0.1], "positive"), ([0.1, np.nan], "two or more positive")],
)
def test_rates_that_cannot_be_tried_are_refused(rates, message):
    with pytest.raises(UsageError, match=message):
        tune_rate(lambda rate: recording(np.ones(len(TIMES))), rates)


def test_an_error_that_no_rate_reaches_is_said():
    with pytest.raises(UsageError, match=r"none of the learning rates 0.1 to 0.2 .* 0.8 Hz"):
        tune_rate(lambda rate: recording(np.ones(len(TIMES))), [0.1, 0.2])


def test_curves_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match="times for curves"):
        first_time_below(TIMES, np.ones(3), 0.5)
    with pytest.raises(UsageError, match="positive"):
        first_time_below(TIMES, np.zeros(len(TIMES)), 0.5)
    bare = recording(np.ones(len(TIMES)))
    bare.measures.clear()
    with pytest.raises(UsageError, match="test set"):
        output_error(bare)
