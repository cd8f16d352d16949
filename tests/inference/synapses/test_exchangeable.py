"""Pairs of synapses in one snapshot: the index of what they do not share, and when it is silent."""

from dataclasses import replace

import numpy as np
import pytest

from steepest.errors import DataError
from steepest.inference.synapses.exchangeable import infer_pairs, long_pairs
from steepest.inference.synapses.verdict import Check


def pairs(index: float, seed: int, n: int = 473, correlation: float = 0.6, degrees=np.inf):
    """Pairs with a common size, each synapse moved on its own in the dual of an index."""
    rng = np.random.default_rng(seed)
    common = 0.7 * np.sqrt(correlation) * rng.standard_normal(8 * n)
    step = 0.7 * np.sqrt(1 - correlation) * rng.standard_normal((2, 8 * n))
    if np.isfinite(degrees):
        step = 0.7 * np.sqrt(1 - correlation) * rng.standard_t(degrees, (2, 8 * n)) / np.sqrt(3)
    power = 1 - index
    if power == 0:
        return np.exp(common + step)[:, :n]
    dual = np.exp(power * common) + power * step
    fine = (dual > 0).all(axis=0)
    return (dual[:, fine] ** (1 / power))[:, :n]


@pytest.mark.parametrize("index", [0.5, 0.75, 1.0])
def test_the_index_of_pairs_is_found_whatever_the_order(index):
    values = []
    for seed in range(8):
        sizes = pairs(index, seed)
        verdict = infer_pairs(*sizes, noise_cv=0)
        assert verdict.index == pytest.approx(infer_pairs(*sizes[::-1], noise_cv=0).index)
        values.append(verdict.index)
    assert np.mean(values) == pytest.approx(index, abs=0.06)


def test_multiplicative_pairs_are_named_where_sizes_are_exact_and_only_there():
    sizes = pairs(1.0, 1)
    exact = infer_pairs(*sizes, noise_cv=0)
    assert (exact.outcome, exact.verdict) == ("named", "multiplicative")
    for options in ({}, {"noise_cv": 0.1}, {"noise_sd": 0.05}):
        verdict = infer_pairs(*sizes, **options)
        assert verdict.outcome == "undecided"
        assert verdict.index == exact.index
    assert "0.05" in infer_pairs(*sizes, noise_sd=0.05).noise.statement


def test_pairs_of_index_a_half_may_be_a_mixture():
    assert infer_pairs(*pairs(0.5, 2, correlation=0.8), noise_cv=0).outcome == "mixture"


def test_changes_that_would_cross_zero_are_refused():
    verdict = infer_pairs(*pairs(0.0, 3, correlation=0.3), noise_cv=0)
    assert verdict.outcome == "refused"
    assert "cross zero" in verdict.reason
    assert verdict.checks["sign_flips"].passed is False


def test_an_order_within_pairs_is_seen():
    sizes = np.sort(pairs(1.0, 4), axis=0)
    assert infer_pairs(*sizes, noise_cv=0).checks["order"].passed is False
    assert infer_pairs(*pairs(1.0, 4), noise_cv=0).checks["order"].passed is True


def test_absent_and_unmeasured_pairs_are_counted_and_left_out():
    sizes = pairs(1.0, 5)
    sizes[0, 0], sizes[1, 1] = 0, np.nan
    verdict = infer_pairs(*sizes, noise_cv=0)
    assert (verdict.n, verdict.absent, verdict.not_measured) == (471, 1, 1)


def test_a_unit_changes_nothing():
    sizes = pairs(0.75, 6)
    index = infer_pairs(*sizes).index
    assert infer_pairs(*(1e-6 * sizes)).index == pytest.approx(index, abs=1e-3)


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ((np.ones(10), np.ones(10)), "only 10 of 10 pairs"),
        ((np.arange(1.0, 99), np.arange(1.0, 99)), "every pair are equal"),
        ((np.ones(60), np.ones(61)), "60 rows"),
    ],
)
def test_pairs_that_say_nothing_are_refused(sizes, says):
    with pytest.raises(DataError, match=says):
        infer_pairs(*sizes)


def test_a_long_table_is_paired_by_name():
    first, second = long_pairs(["a", "b", "b", "a"], np.array([1.0, 2.0, 3.0, 4.0]))
    assert (first.tolist(), second.tolist()) == ([1.0, 2.0], [4.0, 3.0])
    with pytest.raises(DataError, match="pair 'b' has 1 rows"):
        long_pairs(["a", "a", "b"], np.ones(3))


def test_the_picture_and_the_texts_of_a_paper_are_there():
    verdict = infer_pairs(*pairs(1.0, 7), noise_cv=0)
    assert len(verdict.plot().axes) == 2
    assert "473 pairs" in verdict.methods()
    assert "n = 473 pairs" in verdict.sentence()
    assert verdict.to_dataset().sizes["pair"] == 473


@pytest.mark.slow
@pytest.mark.parametrize("index", [0.5, 0.75, 1.0])
@pytest.mark.parametrize("correlation", [0.3, 0.8])
@pytest.mark.parametrize("degrees", [np.inf, 3.0])
def test_bias_and_coverage_are_those_stated(index, correlation, degrees):
    verdicts = [
        infer_pairs(*pairs(index, seed, correlation=correlation, degrees=degrees))
        for seed in range(300)
    ]
    bias = np.median([verdict.index for verdict in verdicts]) - index
    held = np.mean([v.interval[0] <= index <= v.interval[1] for v in verdicts])
    print(f"a={index} rho={correlation} df={degrees}: bias {bias:.3f}, coverage {held:.3f}")
    # Of the pairs with the heaviest change some cross zero unseen: see `infer_pairs`.
    unseen = (index, correlation, degrees) == (0.5, 0.3, 3.0)
    assert abs(bias - 0.06 * unseen) <= 0.03
    assert held >= 0.9


def test_nothing_in_a_printed_verdict_is_obeyed_by_the_terminal():
    rng = np.random.default_rng(1)
    first, second = np.exp(0.8 * rng.standard_normal(300) + 0.3 * rng.standard_normal((2, 300)))
    verdict = infer_pairs(first, second, noise_cv=0)
    spoiled = Check(0.0, None, True, "a \x1b[2J in it")
    checks = {"order": spoiled}
    assert "\x1b" not in str(replace(verdict, checks=checks))
