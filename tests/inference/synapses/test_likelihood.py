"""The likelihood is a density's, has its textbook precision, and corrects what it models."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

from steepest.inference import simulate_change
from steepest.inference.synapses.dual import dual_change
from steepest.inference.synapses.likelihood import (
    CensoredLikelihood,
    ExactLikelihood,
    MidpointLikelihood,
    fit_likelihood,
    likeliest,
    or_unbounded,
    rank_geometries,
)
from steepest.inference.synapses.log_root import logroot
from steepest.inference.synapses.noise import Noise, noise_variance

INDICES = [-1.0, 0.0, 0.5, 1.0]
SMALL = simulate_change(60, 0.5, change=0.3, seed=1)
SMALL_LOGS = np.log(SMALL[0]), np.log(SMALL[1])


def best(cost, start):
    found = minimize(cost, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-11})
    return -found.fun


@pytest.mark.parametrize("index", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_the_exact_likelihood_is_the_density_of_sizes_after_at_its_best_mean_and_sd(index):
    after = SMALL[1]
    change = dual_change(*SMALL_LOGS, index)

    def cost(parameters):
        mean, log_sd = parameters
        # d g(w1) / d w1 = w1^-a turns the density of the dual change into that of the size.
        density = norm.logpdf(change, mean, math.exp(log_sd)) - index * np.log(after)
        return -density.sum()

    expected = best(cost, [change.mean(), math.log(change.std())])
    assert ExactLikelihood(*SMALL_LOGS)(index) == pytest.approx(expected, abs=1e-8)


def test_many_synapses_taken_in_blocks_give_the_same_as_all_at_once():
    before, after = (np.log(w) + 3 for w in simulate_change(40_001, 0.5, drift=3.0, seed=10))
    change = dual_change(before, after, 0.2)
    whole = norm.logpdf(change, change.mean(), change.std()).sum() - 0.2 * after.sum()
    assert ExactLikelihood(before, after)(0.2) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("unit", [1e-9, 40.0, 1e9])
def test_differences_between_indices_do_not_depend_on_the_unit(unit):
    shifted = tuple(log + math.log(unit) for log in SMALL_LOGS)
    here, there = ExactLikelihood(*SMALL_LOGS), ExactLikelihood(*shifted)
    for index in (-1.0, 0.3, 1.0, 2.0):
        assert there(index) - there(0.0) == pytest.approx(here(index) - here(0.0), abs=1e-7)


def fit_exact(n, index, seed, **kwargs):
    before, after = simulate_change(n, index, seed=seed, **kwargs)
    return fit_likelihood(ExactLikelihood(np.log(before), np.log(after)))


def test_the_interval_ends_where_the_likelihood_ratio_says():
    likelihood = ExactLikelihood(*SMALL_LOGS)
    fit = fit_likelihood(likelihood)
    for end in fit.interval:
        assert 2 * (fit.log_likelihood - likelihood(end)) == pytest.approx(3.8415, abs=1e-3)
    assert fit.log_likelihood >= max(likelihood(a) for a in np.linspace(-3, 5, 801))
    np.testing.assert_array_equal(
        fit.profile_log_likelihood, [likelihood(a) for a in fit.profile_index]
    )
    assert fit.profile_index.min() <= -1
    assert fit.profile_index.max() >= 2


@pytest.mark.parametrize(
    ("index", "runs"),
    [
        *((index, 60) for index in (-1.0, 1.0)),
        *(
            pytest.param(index, 400, id=f"full-{index}", marks=pytest.mark.slow)
            for index in INDICES
        ),
    ],
)
def test_its_standard_error_is_the_textbook_one_and_its_interval_covers(index, runs):
    fits = [fit_exact(1000, index, [2, run]) for run in range(runs)]
    found = np.array([fit.index for fit in fits])
    expected = 1 / (0.8 * math.sqrt(2 * 1000))
    print(f"a={index:g}: sd {found.std():.4f}, 1/(sd_l sqrt(2K)) {expected:.4f}")
    # The sd over runs is itself uncertain by 1 / sqrt(2 runs): 9 % quick, 3.5 % full.
    assert found.std() == pytest.approx(expected, rel=0.15 + (0.1 if runs < 200 else 0))
    widths = np.array([(fit.interval[1] - fit.interval[0]) / 3.92 for fit in fits])
    assert widths == pytest.approx(np.full(runs, expected), rel=0.15)
    covered = np.mean([fit.interval[0] <= index <= fit.interval[1] for fit in fits])
    assert covered >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / runs)


@pytest.mark.parametrize("index", [pytest.param(0.0, marks=pytest.mark.slow), 1.0])
def test_a_skewed_change_leaves_it_overconfident_where_logroot_is_not(index):
    def standard_scores(run):
        before, after = simulate_change(1000, index, skew=2.0, seed=[3, run])
        logs = np.log(before), np.log(after)
        fit = fit_likelihood(ExactLikelihood(*logs))
        return fit.index, fit.interval[0] <= index <= fit.interval[1], logroot(*logs)

    found = np.array([standard_scores(run) for run in range(60)])
    bias, robust = found[:, 0].mean() - index, found[:, 2].mean() - index
    print(f"a={index:g}: likelihood bias {bias:+.3f}, logroot {robust:+.3f}")
    assert abs(robust) < 0.03
    assert found[:, 1].mean() < 0.8  # of intervals that claim .95


def midpoint(before, after, noise):
    middle = (np.log(before) + np.log(after)) / 2
    variance = noise_variance(before, after, noise)
    return MidpointLikelihood(middle, np.log(after / before), variance)


def index_of(likelihood):
    """The likeliest index alone, without its interval and profile."""
    return or_unbounded(likeliest(likelihood)[0])


@pytest.mark.parametrize(
    ("index", "corrected"), [(-1.0, -0.5), (0.0, 0.0), (0.5, 0.49), (1.0, 0.98)]
)
@pytest.mark.parametrize(
    "runs", [pytest.param(8, id="quick"), pytest.param(60, id="full", marks=pytest.mark.slow)]
)
def test_a_stated_noise_is_taken_out_at_the_midpoint(index, corrected, runs):
    # A change of 10 % at the typical size, 1, and a coefficient of variation of 10 %.
    typical = 0.1 * math.exp(((index - 1) * 0.8) ** 2)
    naive, fits = [], []
    for run in range(runs):
        before, after = simulate_change(1000, index, change=typical, noise_cv=0.1, seed=[4, run])
        naive.append(index_of(ExactLikelihood(np.log(before), np.log(after))))
        fits.append(index_of(midpoint(before, after, Noise("cv", 0.1))))
    error = np.std(fits) / math.sqrt(runs)
    print(f"a={index:g}: naive {np.mean(naive):.2f}, corrected {np.mean(fits):.2f} +- {error:.2f}")
    assert np.mean(fits) == pytest.approx(corrected, abs=0.05 + 2 * error)
    if index < 1:
        assert np.mean(naive) > index + 0.25


def test_an_additive_noise_is_taken_out_as_well():
    fits, naive = [], []
    for run in range(8):
        before, after = simulate_change(2000, 1, spread=0.5, noise_sd=0.05, seed=[5, run])
        fits.append(index_of(midpoint(before, after, Noise("sd", 0.05))))
        naive.append(index_of(ExactLikelihood(np.log(before), np.log(after))))
    assert np.mean(naive) < 0.85
    assert np.mean(fits) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("index", [-1.0, 0.5, 1.0, 2.0])
def test_the_midpoint_likelihood_is_the_best_gaussian_density(index):
    middle, step = sum(SMALL_LOGS) / 2, SMALL_LOGS[1] - SMALL_LOGS[0]
    variance = noise_variance(*SMALL, Noise("sd", 0.05))
    shape = np.exp((index - 1) * middle)

    def cost(parameters):
        mean, log_s = parameters
        sd = np.sqrt(np.exp(2 * log_s) * shape**2 + variance)
        return -norm.logpdf(step, mean * shape, sd).sum()

    expected = best(cost, [0.0, math.log(step.std())])
    assert MidpointLikelihood(middle, step, variance)(index) == pytest.approx(expected, abs=1e-5)


def test_more_noise_than_change_leaves_the_index_unbounded():
    before, after = simulate_change(500, 0, noise_cv=0.2, change=0.01, seed=6)
    fit = fit_likelihood(midpoint(before, after, Noise("cv", 0.2)))
    assert fit.interval[1] - fit.interval[0] == math.inf


def lose(before, after, limit):
    """What a detection limit leaves: the kept pairs, and the sizes before of the lost ones."""
    seen = before >= limit
    kept, lost = seen & (after >= limit), seen & (after < limit)
    return np.log(before[kept]), np.log(after[kept]), np.log(before[lost])


@pytest.mark.parametrize("index", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_the_censored_likelihood_is_the_best_density_with_a_tail_per_lost_synapse(index):
    log_before, log_after, lost = lose(*SMALL, 0.8)
    assert lost.size >= 3
    likelihood = CensoredLikelihood(log_before, log_after, lost, math.log(0.8))
    change = dual_change(log_before, log_after, index)
    reach = dual_change(lost, np.full_like(lost, math.log(0.8)), index)

    def cost(parameters):
        mean, log_sd = parameters
        sd = math.exp(log_sd)
        kept = norm.logpdf(change, mean, sd) - index * log_after
        return -kept.sum() - norm.logcdf(reach, mean, sd).sum()

    expected = best(cost, [change.mean(), math.log(change.std())])
    assert likelihood(index) == pytest.approx(expected, abs=1e-6)


@pytest.mark.slow
def test_lost_synapses_bias_the_exact_likelihood_and_not_the_censored_one():
    exact, censored = [], []
    for run in range(10):
        rng = np.random.default_rng([7, run])
        before = np.exp(0.8 * rng.standard_normal(2000))
        # At index -1 the dual is half the square; what would cross zero is lost as well.
        square = before**2 + 2 * 0.3 * rng.standard_normal(2000)
        after = np.sqrt(np.maximum(square, 0.0))
        log_before, log_after, lost = lose(before, after, 0.4)
        assert lost.size > 20
        exact.append(index_of(ExactLikelihood(log_before, log_after)))
        full = CensoredLikelihood(log_before, log_after, lost, math.log(0.4))
        censored.append(index_of(full))
    print(f"exact {np.mean(exact):.3f}, censored {np.mean(censored):.3f}")
    assert np.mean(exact) > -0.9
    assert np.mean(censored) == pytest.approx(-1.0, abs=0.03)


def test_as_many_losses_are_expected_as_a_gaussian_change_makes():
    before, after = simulate_change(4000, 0, change=0.5, seed=8)
    log_before, log_after, lost = lose(before, after, 0.5)
    likelihood = CensoredLikelihood(log_before, log_after, lost, math.log(0.5))
    expected, variance = likelihood.expected_losses(0.0)
    assert abs(lost.size - expected) < 3 * math.sqrt(variance)
    assert lost.size > 100


@pytest.mark.parametrize("index", INDICES)
def test_the_true_geometry_ranks_first_and_shares_sum_to_one(index):
    before, after = simulate_change(300, index, seed=9)
    ranked = rank_geometries(ExactLikelihood(np.log(before), np.log(after)))
    assert ranked[0].index == index
    assert sum(fit.weight for fit in ranked) == pytest.approx(1)
    values = [fit.log_likelihood for fit in ranked]
    assert values == sorted(values, reverse=True)
    ratio = math.exp(ranked[1].log_likelihood - ranked[0].log_likelihood)
    assert ranked[1].weight / ranked[0].weight == pytest.approx(ratio)
