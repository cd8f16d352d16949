"""Each check passes where its assumption holds, and fails where it does not."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from steepest.inference import simulate_change
from steepest.inference.synapses.checks import (
    check_curvature,
    check_gaussian,
    check_lazy,
    check_losses,
    check_reversion,
    check_rounded,
    check_sign_flips,
    check_signal,
)
from steepest.inference.synapses.dual import dual_change


def logs(*args, **kwargs):
    before, after = simulate_change(*args, **kwargs)
    return np.log(before), np.log(after)


def test_q_is_half_the_index_times_the_relative_change_of_the_larger_half():
    before = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    after = np.array([9.0, 9.0, 9.0, 5.0, 5.0])
    assert check_lazy(before, after, -1.0).statistic == pytest.approx(0.5 * math.sqrt(0.5**2 / 8))


def test_the_larger_half_is_never_empty():
    before = np.array([1.0, 2.0, 3.0, *[5.0] * 20])
    assert check_lazy(before, 1.1 * before, 1.0).statistic == pytest.approx(0.05)


@pytest.mark.parametrize("changed", [3, 4, 5])
def test_too_few_changed_synapses_show_no_bend(changed):
    before = np.log(np.arange(1.0, 13))
    after = before.copy()
    after[:changed] += 0.1 * np.arange(1, changed + 1)
    check = check_curvature(before, after, 1.0)
    assert check.passed is None
    assert math.isnan(check.statistic)
    assert f"too few changed synapses ({changed})" in check.meaning


@pytest.mark.parametrize("unit", [1e-200, 0.01, 1.0, 1e200])
def test_rounding_is_weighed_against_the_change_quarter_by_quarter(unit):
    rng = np.random.default_rng(10)
    before = np.repeat([10.0, 100.0, 1000.0, 10_000.0], 100) + rng.integers(3, size=400)
    change = rng.integers(-3, 4, size=400)
    found = check_rounded(unit * before, unit * (before + change))
    assert found is not None
    check, noise = found
    # Additive changes of variance 4 steps^2, against two roundings of a twelfth each.
    assert check.statistic == pytest.approx(1 / 6 / 4, rel=0.25)
    assert check.passed is False
    assert noise == pytest.approx(unit / math.sqrt(12), rel=1e-6)


def test_changes_smaller_than_a_step_are_all_rounding():
    before = np.arange(1.0, 101)
    after = before.copy()
    after[::5] += 1
    found = check_rounded(before + 400, after + 400)
    assert found is not None
    assert found[0].passed is False
    assert check_rounded(*simulate_change(100, 1, seed=11)) is None
    two_decimals = [np.round(100 * w, 2) for w in simulate_change(400, 1, seed=11)]
    found = check_rounded(*two_decimals)
    assert found is not None
    assert found[0].passed is True


@pytest.mark.parametrize(("change", "passed"), [(0.1, True), (0.4, None), (3.0, False)])
def test_the_lazy_regime_ends_gradually(change, passed):
    before, after = simulate_change(500, 1.0, change=change, seed=1)
    assert check_lazy(before, after, 1.0).passed is passed


def test_expected_sign_flips_are_those_of_the_fitted_gaussian():
    rng = np.random.default_rng(2)
    before = np.exp(0.8 * rng.standard_normal(20_000))
    sd = 0.05
    share = np.mean(before + sd * rng.standard_normal(20_000) < 0)
    expected = norm.cdf(-before / sd).mean()
    sizes = np.log(before), np.log(np.abs(before + sd * rng.standard_normal(20_000)))
    check = check_sign_flips(*sizes, 0.0)
    assert check.statistic == pytest.approx(expected, rel=0.1, abs=1e-4)
    assert share == pytest.approx(expected, abs=4 * math.sqrt(expected / 20_000) + 1e-4)
    assert check.passed is True
    assert check_sign_flips(*logs(500, 0, change=5.0, seed=3), 0.0).passed is False
    assert check_sign_flips(*logs(500, 1, change=1.0, seed=3), 1.0).statistic == 0


@pytest.mark.parametrize("skew", [0.0, 2.0])
@pytest.mark.parametrize("check", [check_curvature, check_reversion])
def test_false_alarms_are_as_rare_as_stated(check, skew):
    runs = 200
    alarms = sum(
        check(*logs(400, index, skew=skew, seed=[4, run]), index).passed is False
        for run, index in zip(range(runs), [0.0, 0.5, 1.0, 2.0] * 50, strict=True)
    )
    assert alarms / runs < 0.01 + 3 * math.sqrt(0.01 * 0.99 / runs)


def test_a_mixture_of_additive_and_multiplicative_change_bends():
    rng = np.random.default_rng(5)
    before = np.exp(rng.standard_normal(5000))
    change = 0.05 * before * rng.standard_normal(5000) + 0.05 * rng.standard_normal(5000)
    kept = before + change > 0
    sizes = np.log(before[kept]), np.log((before + change)[kept])
    check = check_curvature(*sizes, 0.5)
    assert check.passed is False
    assert check.statistic > 0


def test_the_bend_is_a_quadratic_coefficient_over_its_robust_error():
    before, after = logs(80, 0.5, seed=6)
    change = dual_change(before, after, 0.4)
    spread = np.log(np.abs(change - np.median(change)))
    x = (before - before.mean()) / before.std()
    fit = np.polyfit(x, spread, 2)
    assert math.copysign(1, check_curvature(before, after, 0.4).statistic) == math.copysign(
        1, fit[0]
    )
    two_sizes = np.where(before > 0, 1.0, 2.0)
    assert check_curvature(two_sizes, two_sizes + 0.1 * (after - before), 1.0).passed is None


def test_measurement_noise_shows_as_reversion():
    check = check_reversion(*logs(1000, 1, noise_cv=0.3, seed=7), 1.0)
    assert check.passed is False
    assert check.statistic < -0.1
    same = np.zeros(9)
    assert check_reversion(np.arange(9.0), np.arange(9.0) + same, 1.0).passed is None


def test_heavy_tails_are_not_gaussian():
    assert check_gaussian(*logs(2000, 1, seed=8), 1.0).passed is True
    assert check_gaussian(*logs(2000, 1, skew=2.0, seed=8), 1.0).passed is False


def test_losses_are_compared_with_those_predicted():
    assert check_losses(12, 10.0, 9.0).passed is True
    assert check_losses(50, 10.0, 9.0).passed is False
    assert check_losses(5, 0.0, 0.0).passed is False
    assert check_losses(12, 10.0, 9.0).statistic == pytest.approx(2 / 3)


def test_the_signal_is_what_the_noise_leaves_of_the_variance():
    step = np.random.default_rng(9).standard_normal(1000)
    check = check_signal(step, np.full(1000, 0.8 * step.var()))
    assert check.statistic == pytest.approx(0.2)
    assert check.passed is False
    assert check_signal(step, np.full(1000, 0.1)).passed is True
