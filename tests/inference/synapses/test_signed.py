"""Weights of either sign: those that cross zero are kept, where a geometry lets them."""

import math

import numpy as np
import pytest

from steepest.errors import DataError, UsageError
from steepest.inference import infer_geometry
from steepest.inference.synapses.dual import Signs, dual_change
from steepest.inference.synapses.grouped import interval_over_groups
from steepest.inference.synapses.likelihood import ExactLikelihood
from steepest.inference.synapses.log_root import root_of


def signed_change(n, index, *, change=0.6, spread=0.8, drift=0.3, seed=0):
    """Weights that move by independent steps of their signed dual, through zero too."""
    rng = np.random.default_rng(seed)
    sign = np.where(rng.random(n) < 0.7, 1.0, -1.0)
    log_size = spread * rng.standard_normal(n)
    power = 1 - index
    dual = sign * np.exp(power * log_size) / power
    dual += change * math.exp(-((power * spread) ** 2)) * (drift + rng.standard_normal(n))
    return sign * np.exp(log_size), np.sign(dual) * (power * np.abs(dual)) ** (1 / power)


def brute_dual_change(before, after, index):
    power = 1 - index
    first, second = (np.sign(w) * np.abs(w) ** power / power for w in (before, after))
    return second - first


@pytest.fixture(scope="module")
def euclidean():
    return signed_change(600, 0.0, seed=1)


@pytest.fixture(scope="module")
def verdict(euclidean):
    return infer_geometry(*euclidean, signed=True)


def logs(before, after):
    return np.log(np.abs(before)), np.log(np.abs(after)), Signs.of(before, after)


@pytest.mark.parametrize("index", [-1.0, 0.0, 0.5, 0.9])
def test_the_signed_dual_change_is_that_of_the_odd_dual(euclidean, index):
    log_before, log_after, signs = logs(*euclidean)
    assert signs.crossed.sum() > 10
    change = dual_change(log_before, log_after, index, signs)
    np.testing.assert_allclose(change, brute_dual_change(*euclidean, index), rtol=1e-10)


def test_from_an_index_of_one_on_a_crossing_is_infinitely_long(euclidean):
    log_before, log_after, signs = logs(*euclidean)
    infinite = np.isinf(dual_change(log_before, log_after, 1.0, signs))
    np.testing.assert_array_equal(infinite, signs.crossed)


@pytest.mark.parametrize(("index", "outcome"), [(0.0, "named"), (0.5, "mixture")])
def test_the_truth_is_found_and_named_with_the_weights_that_crossed(index, outcome):
    sizes = signed_change(400, index, change=0.9, seed=3)
    verdict = infer_geometry(*sizes, signed=True, noise_cv=0)
    assert verdict.crossed > 5
    assert verdict.n == 400
    low, high = verdict.interval
    assert low < index < high
    assert verdict.index == pytest.approx(index, abs=0.1)
    assert verdict.outcome == outcome


def test_leaving_them_out_would_bias_the_index():
    # Eight files of truth -1: with those that crossed, and without.
    kept, without = [], []
    for seed in range(8):
        before, after = signed_change(400, -1.0, change=1.6, drift=0.0, seed=seed)
        log_before, log_after, signs = logs(before, after)
        same = ~signs.crossed
        kept.append(root_of(log_before, log_after, signs))
        without.append(root_of(log_before[same], log_after[same], signs.take(np.flatnonzero(same))))
    error = np.std(kept) / math.sqrt(8)
    assert abs(np.mean(kept) + 1) < 3 * error
    assert np.mean(without) + 1 > 3 * error


def test_the_likelihood_is_that_of_the_weights_after(euclidean):
    # The density of w1 given w0: Gaussian in the dual, times the derivative of the dual.
    before, after = euclidean
    likelihood = ExactLikelihood(*logs(before, after))

    def brute(index):
        change = brute_dual_change(before, after, index)
        density = -np.log(change.std()) - index * np.log(np.abs(after)).mean()
        return before.size * density

    gap = likelihood(-0.5) - likelihood(0.5)
    assert gap == pytest.approx(brute(-0.5) - brute(0.5), rel=1e-9)


def test_weights_that_keep_their_sign_may_have_any_index():
    rng = np.random.default_rng(5)
    before = rng.choice([-1.0, 1.0], 300) * np.exp(0.8 * rng.standard_normal(300))
    after = before * np.exp(0.2 * rng.standard_normal(300))
    verdict = infer_geometry(before, after, signed=True, noise_cv=0)
    assert (verdict.outcome, verdict.verdict, verdict.crossed) == ("named", "multiplicative", 0)


def test_where_some_crossed_no_geometry_of_index_one_and_above_is_ranked(verdict):
    assert {fit.name for fit in verdict.geometries} == {"3-norm", "euclidean", "1.5-norm"}
    assert {at.name for at in verdict.delta_cdf} == {"3-norm", "euclidean", "1.5-norm"}


def test_signed_sizes_with_an_index_of_one_and_above_are_refused():
    rng = np.random.default_rng(0)
    before = np.exp(0.8 * rng.standard_normal(500))
    after = before**1.0 * np.exp(0.2 * before * rng.standard_normal(500))
    after[np.argsort(before)[240:243]] *= -1
    with pytest.raises(DataError, match=r"signed sizes with an index of 1 and above: 3 of 500"):
        infer_geometry(before, after, signed=True, noise_cv=0)


def test_one_near_one_is_refused_by_the_rules():
    from steepest.inference.synapses import Noise
    from steepest.inference.synapses.pair_rules import decide

    decision = decide(0.9, (0.8, 0.99), Noise("none"), crossed=4)
    assert decision.outcome == "refused"
    assert "Signed sizes with an index of 1 and above" in decision.verdict


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"noise_cv": 0.1}, "noise_cv"),
        ({"noise_sd": 0.1}, "noise_sd"),
        ({"detection_limit": 0.1}, "detection_limit"),
        ({"rates": np.ones(600)}, "rates"),
    ],
)
def test_what_works_on_logarithms_is_refused_with_signed_weights(euclidean, options, said):
    with pytest.raises(UsageError, match=f"signed and {said}"):
        infer_geometry(*euclidean, signed=True, **options)


def test_unsigned_sizes_below_zero_are_still_refused_by_row():
    with pytest.raises(DataError, match=r"row 1 .* of before is -2, which is negative"):
        infer_geometry([1.0, -2.0, *range(1, 10)], [1.0, 2.0, *range(2, 11)])


def test_absent_weights_are_counted_whatever_the_sign_of_the_other():
    before, after = signed_change(60, 0.0, seed=2)
    verdict = infer_geometry([*before, -1, 0, 0], [*after, 0, -1, 0], signed=True)
    counts = verdict.counts
    assert (counts.vanished, counts.new, counts.absent, counts.usable) == (1, 1, 1, 60)


def test_resamples_of_groups_keep_the_signs(euclidean):
    log_before, log_after, signs = logs(*euclidean)
    index = root_of(log_before, log_after, signs)
    (low, high), method = interval_over_groups(
        log_before, log_after, np.arange(600) % 12, index=index, draws=30, signs=signs
    )
    assert low < index < high < 0.5
    assert "12 groups" in method


def test_the_picture_and_the_methods_say_what_crossed(verdict):
    labels = [text.get_text() for text in verdict.plot().axes[0].get_legend().get_texts()]
    assert f"{verdict.crossed} crossed zero" in labels
    assert f"{verdict.crossed} that crossed zero were kept" in verdict.methods()
    assert verdict.to_dict()["crossed"] == verdict.crossed
