"""The logroot estimate finds the index, whatever the shape of the change, and knows its error."""

import math
import os

import numpy as np
import pytest

from steepest.errors import DataError
from steepest.inference import simulate_change
from steepest.inference.synapses.dual import dual_change
from steepest.inference.synapses.log_root import (
    logroot,
    logroot_bootstrap,
    logroot_interval,
    logroot_slope,
    nearest_roots,
)

INDICES = [-1.0, 0.0, 0.5, 1.0]


def logs(*args, **kwargs):
    before, after = simulate_change(*args, **kwargs)
    return np.log(before), np.log(after)


def slope_by_hand(log_before, log_after, index):
    change = dual_change(log_before, log_after, index)
    pairs = [
        (size, math.log(abs(d - np.median(change))))
        for size, d in zip(log_before, change, strict=True)
        if d != np.median(change)
    ]
    return np.polyfit(*zip(*pairs, strict=True), 1)[0]


@pytest.mark.parametrize("n", [8, 9, 50, 51])
@pytest.mark.parametrize("index", [-1.0, 0.3, 1.0, 2.0])
def test_the_slope_is_the_least_squares_slope_without_the_median_itself(n, index):
    sizes = logs(n, 0.5, seed=n)
    assert float(logroot_slope(*sizes, np.array(index))) == pytest.approx(
        slope_by_hand(*sizes, index), rel=1e-9
    )


def test_ties_with_the_median_are_dropped_not_sent_to_minus_infinity():
    before, after = logs(40, 1, seed=3)
    after[:15] = before[:15]
    assert float(logroot_slope(before, after, np.array(0.5))) == pytest.approx(
        slope_by_hand(before, after, 0.5), rel=1e-9
    )


@pytest.mark.parametrize("index", INDICES)
def test_the_estimate_is_a_downward_crossing_of_the_slope(index):
    sizes = logs(500, index, seed=4)
    estimate = logroot(*sizes)
    assert slope_by_hand(*sizes, estimate - 1e-3) > 0 > slope_by_hand(*sizes, estimate + 1e-3)


@pytest.mark.parametrize("unit", [1e-12, 0.02, 700.0, 1e15])
def test_the_estimate_and_its_interval_do_not_depend_on_the_unit(unit):
    before, after = simulate_change(300, 0.5, seed=5)
    here, there = ((np.log(before * u), np.log(after * u)) for u in (1.0, unit))
    index = logroot(*here)
    assert logroot(*there) == pytest.approx(index, abs=1e-6)
    interval, _ = logroot_interval(*here, index=index, draws=200)
    elsewhere, _ = logroot_interval(*there, index=index, draws=200)
    assert elsewhere == pytest.approx(interval, abs=1e-3)


def test_swapping_powers_of_size_maps_the_index_about_one():
    # With sizes inverted, w -> 1/w, the dual of index a becomes that of index 2 - a.
    before, after = logs(400, 0.25, seed=6)
    assert logroot(-before, -after) == pytest.approx(2 - logroot(before, after), abs=1e-6)


def test_a_resample_s_estimate_is_a_crossing_of_its_own_slope():
    before, after = logs(300, 0.5, seed=7)
    chosen = np.random.default_rng(7).integers(300, size=(40, 300))
    fast = nearest_roots(before, after, chosen, logroot(before, after))
    for rows, root in zip(chosen, fast, strict=True):
        ends = [slope_by_hand(before[rows], after[rows], root + side) for side in (-2e-4, 2e-4)]
        assert ends[0] > 0 > ends[1]
    # The slope jumps where a synapse passes the median, so a few resamples have two crossings.
    slow = np.array([logroot(before[rows], after[rows]) for rows in chosen])
    assert np.mean(np.abs(fast - slow) < 2e-4) > 0.9
    assert np.std(slow) > 0.05  # the comparison is not vacuous


def test_the_same_seed_gives_the_same_draws_whatever_the_number_of_threads(monkeypatch):
    sizes = logs(3000, 0.5, seed=8)
    draws = []
    for processors in (1, 2, 5):
        monkeypatch.setattr(os, "cpu_count", lambda p=processors: p)
        draws.append(logroot_bootstrap(*sizes, index=0.5, draws=50, seed=3))
    np.testing.assert_array_equal(draws[0], draws[1])
    np.testing.assert_array_equal(draws[0], draws[2])
    assert not np.array_equal(draws[0], logroot_bootstrap(*sizes, index=0.5, draws=50, seed=4))


def test_few_and_repeated_sizes_do_not_degenerate_the_bootstrap():
    before = np.log([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0])
    after = before + np.array([0.1, -0.2, 0.15, 0.0, -0.05, 0.3, 0.02, 0.2])
    # Every third resample has one size only.
    draws = logroot_bootstrap(before, after, index=1.0, draws=500)
    assert not np.any(np.isnan(draws))


def test_three_changed_synapses_are_the_fewest_that_leave_a_slope():
    before = np.log(np.arange(1.0, 11))
    after = before.copy()
    after[:2] += 0.3
    with pytest.raises(DataError, match="fewer than three synapses"):
        logroot(before, after)
    after[2] += 0.1
    draws = logroot_bootstrap(before, after, index=logroot(before, after), draws=2000)
    assert not np.any(np.isnan(draws))


def test_an_index_outside_the_searched_range_is_not_clamped_into_it():
    rng = np.random.default_rng(9)
    before = 0.5 * rng.standard_normal(2000)
    for steep, answer in ((9, math.inf), (-8, -math.inf)):
        step = 1e-6 * rng.standard_normal(2000) * np.exp((steep - 1) * before)
        assert logroot(before, before + step) == answer
    # An index just inside: the bootstrap runs over the edge and says so.
    step = 1e-6 * rng.standard_normal(100) * np.exp(4.9 * before[:100])
    small = before[:100], before[:100] + step
    interval, _ = logroot_interval(*small, index=logroot(*small), draws=400)
    assert math.isinf(interval[1])
    assert math.isfinite(interval[0])


def test_batches_agree_with_the_bootstrap_on_many_synapses():
    sizes = logs(51_000, 0.5, seed=10)
    index = logroot(*sizes)
    (low, high), method = logroot_interval(*sizes, index=index)
    assert method == "50 random batches"
    draws = logroot_bootstrap(*sizes, index=index, draws=60, seed=1)
    # Each standard error is itself known to about 10 %.
    assert (high - low) / 4.02 == pytest.approx(draws.std(), rel=0.4)
    assert low < 0.5 < high


def test_batches_too_small_to_hold_an_index_give_way_to_larger_ones():
    # A batch of 1200 knows the index to +-3, and often finds none in the searched range.
    sizes = logs(60_000, 0.0, spread=0.01, seed=1)
    index = logroot(*sizes)
    (low, high), method = logroot_interval(*sizes, index=index)
    assert method == "10 random batches"
    expected = 1.11 / (0.01 * math.sqrt(60_000))
    assert (high - low) / 2 == pytest.approx(2.26 * expected, rel=0.6)


def test_batches_with_too_few_changes_give_way_to_the_bootstrap():
    before, after = logs(51_000, 1.0, seed=13)
    after[20:] = before[20:]
    (low, high), method = logroot_interval(
        before, after, index=logroot(before, after), draws=20, seed=2
    )
    assert method == "percentile bootstrap, 20 draws"
    assert low < high


def estimates(index, runs, **kwargs):
    return np.array([logroot(*logs(1000, index, seed=[11, run], **kwargs)) for run in range(runs)])


@pytest.mark.parametrize(
    ("index", "runs"),
    [
        *((index, 60) for index in (-1.0, 1.0)),
        *(
            pytest.param(index, 200, id=f"full-{index}", marks=pytest.mark.slow)
            for index in INDICES
        ),
    ],
)
def test_the_index_is_within_a_tenth_of_the_truth_in_95_percent_of_runs(index, runs):
    found = estimates(index, runs)
    assert np.mean(np.abs(found - index) < 0.1) >= 0.95
    # The reference standard error, 1.11 / (sd of log size, sqrt K).
    assert found.std() == pytest.approx(1.11 / (0.8 * math.sqrt(1000)), rel=4 / math.sqrt(2 * runs))


@pytest.mark.parametrize(
    ("index", "runs"),
    [
        *((index, 60) for index in (-1.0, 1.0)),
        *(
            pytest.param(index, 200, id=f"full-{index}", marks=pytest.mark.slow)
            for index in INDICES
        ),
    ],
)
def test_a_skewed_change_leaves_it_unbiased(index, runs):
    found = estimates(index, runs, skew=2.0)
    error = found.std() / math.sqrt(runs)
    print(f"a={index:g}: bias {found.mean() - index:+.4f}, standard error {error:.4f}")
    assert abs(found.mean() - index) < 0.05 - 2 * error


@pytest.mark.slow
@pytest.mark.parametrize("skew", [0.0, 2.0])
@pytest.mark.parametrize("index", [0.0, 1.0])
def test_the_bootstrap_interval_covers_the_truth_as_often_as_it_says(index, skew):
    runs = 200
    covered = 0
    for run in range(runs):
        sizes = logs(1000, index, skew=skew, seed=[12, run])
        (low, high), _ = logroot_interval(*sizes, index=logroot(*sizes), draws=1000, seed=run)
        covered += low <= index <= high
    share = covered / runs
    error = math.sqrt(share * (1 - share) / runs)
    print(f"a={index:g}, skew {skew:g}: coverage {share:.3f}, standard error {error:.3f}")
    assert 0.92 <= share <= 0.98
