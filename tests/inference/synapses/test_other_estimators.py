"""Rates, unpaired sizes and assumed noise: each says what it can and no more."""

import json
import math

import numpy as np
import pytest

from steepest.errors import DataError
from steepest.inference import simulate_change
from steepest.inference.synapses.assumed_noise import sensitivity
from steepest.inference.synapses.covariate import rate_exponent
from steepest.inference.synapses.intervals import interval_of
from steepest.inference.synapses.unpaired import infer_unpaired


def confounded(rho, *, n=4000, seed=0):
    """Additive change whose spread goes as rate^rho, in synapses whose size falls with rate."""
    rng = np.random.default_rng(seed)
    log_rate = 0.6 * rng.standard_normal(n)
    before = np.exp(-0.5 * log_rate + 0.5 * rng.standard_normal(n) + 1)
    after = before + 0.05 * np.exp(rho * log_rate) * rng.standard_normal(n)
    return before, after, np.exp(log_rate)


@pytest.mark.parametrize("rho", [0.0, pytest.param(0.8, marks=pytest.mark.slow)])
def test_rates_free_the_index_of_their_confound(rho):
    before, after, rates = confounded(rho)
    fit = rate_exponent(before, after, rates, draws=40)
    assert fit.index == pytest.approx(0, abs=0.12)
    assert fit.exponent == pytest.approx(rho, abs=0.12)
    # Within three standard errors of the truth, which are a quarter of the interval's length each.
    assert abs(fit.index) < 3 * (fit.index_high - fit.index_low) / 3.92
    assert abs(fit.exponent - rho) < 3 * (fit.exponent_high - fit.exponent_low) / 3.92
    assert ("natural gradient predicts" in fit.meaning) == (rho == 0)


def test_without_rates_the_confound_shows():
    from steepest.inference.synapses.log_root import logroot

    before, after, _ = confounded(0.8)
    fine = after > 0
    assert logroot(np.log(before[fine]), np.log(after[fine])) < -0.2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda b, a, r: (b, a, r[:-1]), "have 4000, 4000, 3999 rows"),
        (lambda b, a, r: (b, a, 0 * r), "the rate of row 0 .* is 0"),
        (lambda b, a, r: (b, a, 0 * r + 1), "all rates are equal"),
        (lambda b, a, r: (b[:20], a[:20], r[:20]), "only 20 synapses"),
    ],
)
def test_bad_rates_are_refused(change, says):
    with pytest.raises(DataError, match=says):
        rate_exponent(*change(*confounded(0)))


def wide(index, seed):
    """Unpaired sizes with a change comparable to their spread."""
    rng = np.random.default_rng(seed)
    first = simulate_change(2000, index, spread=0.35, seed=[seed, 0])[0]
    after = simulate_change(2000, index, spread=0.35, change=0.35, seed=[seed, 1])[1]
    return first, rng.permutation(after)


def test_unpaired_sizes_show_a_geometry_only_after_a_large_change():
    found = [infer_unpaired(*wide(1.0, seed), draws=2) for seed in range(4)]
    assert all(f.usable for f in found)
    assert np.mean([f.index for f in found]) == pytest.approx(1, abs=0.35)
    before, after = simulate_change(2000, 1, change=0.05, seed=1)
    small = infer_unpaired(before, after, draws=20)
    assert not small.usable
    said = json.loads(json.dumps(small.to_dict(), allow_nan=False))
    assert said["outcome"] == "refused"
    assert "unpaired" in small.verdict or "wider" in small.verdict


def test_unpaired_sizes_that_narrowed_show_nothing():
    rng = np.random.default_rng(2)
    found = infer_unpaired(
        np.exp(rng.standard_normal(500)), np.exp(0.2 * rng.standard_normal(500)), draws=10
    )
    assert math.isnan(found.index)
    assert "no wider" in found.verdict
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("before", "says"),
    [(np.ones(10), "before has 10 sizes"), (-np.ones(90), "row 0 .* of before is -1 .*negative")],
)
def test_bad_unpaired_sizes_are_refused(before, says):
    with pytest.raises(DataError, match=says):
        infer_unpaired(before, np.ones(90))


def test_assumed_noise_moves_the_index_and_flips_the_name():
    # Multiplicative noise looks like an index of 1: taking more of it out lowers the index.
    before, after = simulate_change(1500, 0, change=0.15, noise_cv=0.1, seed=3)
    curve = sensitivity(before, after)
    heard = [index for index in curve.index_of_cv if not math.isnan(index)]
    assert heard[0] > 0.4
    assert min(heard) < heard[0] - 0.3
    assert "euclidean" in curve.flip_cv
    assert curve.cv[0] > 0
    with pytest.raises(DataError, match="positive sizes"):
        sensitivity([0.0, 1.0], [1.0, 1.0])


def test_an_unpaired_search_that_ends_at_its_limit_gives_no_index():
    random = np.random.default_rng(0)
    before = np.sort(np.exp(0.3 * random.standard_normal(90)))
    after = np.r_[before[:60], 8 * before[60:]]  # the large ones alone grew: steeper than Burg
    fit = infer_unpaired(before, after, draws=10)
    assert fit.index == math.inf
    assert (fit.usable, fit.outcome) == (False, "refused")
    assert "smallest where the search ends, at index 3" in fit.reason
    assert fit.checks["usable_range"].passed is False
    assert "where the search ends" in fit.checks["usable_range"].meaning
    assert fit.to_dict()["index"] is None
    assert fit.interval[1] == math.inf


def test_rates_that_follow_the_sizes_are_refused():
    before, after = simulate_change(60, 1, seed=3)
    with pytest.raises(DataError, match="cannot be told apart"):
        rate_exponent(before, after, before**2)


def test_groups_widen_the_intervals_of_rates():
    before, after = (np.repeat(sizes, 5) for sizes in simulate_change(60, 1, seed=3))
    rates = np.repeat(np.exp(np.random.default_rng(0).standard_normal(60)), 5)
    alone = rate_exponent(before, after, rates, draws=50)
    grouped = rate_exponent(before, after, rates, groups=np.repeat(np.arange(60), 5), draws=50)
    assert grouped.index == alone.index
    assert grouped.index_high - grouped.index_low > 1.3 * (alone.index_high - alone.index_low)


def test_too_few_groups_leave_everything_open_also_where_they_agree():
    same = interval_of(1.0, np.ones(10), math.inf)
    assert (same.value, same.low, same.high) == (1.0, -math.inf, math.inf)
