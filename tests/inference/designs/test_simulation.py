"""Simulated synapses have the spread, the change and the geometry that were asked for."""

import numpy as np
import pytest
from scipy.stats import kstest, skew

from steepest.errors import UsageError
from steepest.inference import simulate_change
from steepest.inference.synapses.dual import dual_change


@pytest.mark.parametrize("index", [-1, 0, 0.5, 1, 2])
def test_the_change_has_the_geometry_and_the_size_asked_for(index):
    before, after = simulate_change(40_000, index, spread=0.5, change=0.05, seed=2)
    assert np.log(before).std() == pytest.approx(0.5, rel=0.02)
    assert np.sqrt(np.mean((after / before - 1) ** 2)) == pytest.approx(0.05, rel=0.05)
    change = dual_change(np.log(before), np.log(after), float(index))
    assert kstest(change / change.std(), "norm").pvalue > 0.01


def test_skew_and_drift_are_those_of_the_dual_change():
    before, after = simulate_change(40_000, 1, skew=1.5, drift=2.0, seed=3)
    change = dual_change(np.log(before), np.log(after), 1.0)
    assert skew(change) == pytest.approx(1.5, abs=0.1)
    assert change.mean() / change.std() == pytest.approx(2.0, abs=0.03)
    before, after = simulate_change(40_000, 1, skew=-1.5, seed=3)
    assert skew(np.log(after / before)) == pytest.approx(-1.5, abs=0.1)


def test_noise_is_added_to_both_measurements():
    exact = simulate_change(40_000, 1, change=1e-9, seed=4)
    for kind, scale in (("noise_cv", 1 / exact[0]), ("noise_sd", np.ones(40_000))):
        before, after = simulate_change(40_000, 1, change=1e-9, seed=4, **{kind: 0.05})
        errors = np.array([(before - exact[0]) * scale, (after - exact[0]) * scale])
        assert errors.std(axis=1) == pytest.approx([0.05, 0.05], rel=0.03)
        assert abs(np.corrcoef(errors)[0, 1]) < 0.02
        assert before.min() > 0
        assert after.min() > 0


def test_sizes_stay_positive_however_large_the_change():
    for index in (-1, 0, 0.5, 1, 2):
        before, after = simulate_change(2000, index, change=1.0, seed=5)
        assert before.min() > 0
        assert after.min() > 0
        assert np.all(np.isfinite(after))


def test_a_change_that_always_crosses_zero_is_refused():
    with pytest.raises(UsageError, match="across zero"):
        simulate_change(10, 0, change=1.0, drift=-1e6, seed=1)


@pytest.mark.parametrize("wrong", [{"change": -1}, {"change": 0.0}, {"spread": -0.8}])
def test_a_change_or_spread_that_is_not_positive_is_refused(wrong):
    with pytest.raises(UsageError, match="give a positive number"):
        simulate_change(10, 0, **wrong)


def test_the_same_seed_gives_the_same_synapses():
    first, again, other = (simulate_change(20, 0, seed=seed) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
