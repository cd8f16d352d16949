"""Synapses are named when they may be and always counted; bad sizes are refused by place."""

import math

import jax
import numpy as np
import pandas as pd
import pytest

from steepest.data.tables import read_columns
from steepest.errors import DataError, UsageError
from steepest.inference import GEOMETRIES, infer_geometry, simulate_change

BEFORE, AFTER = simulate_change(40, 0.5, seed=1)
NAMES = {index: name for name, index in GEOMETRIES.items()}


@pytest.fixture(scope="module")
def sessions(shared_data):
    path = shared_data / "melander2021-psd95" / "weight_matrices" / "quantile_4060_pyr.npz"
    return read_columns(path, ["0", "1"]).arrays


def test_real_synapses_are_counted_and_not_named_without_a_stated_noise(sessions):
    verdict = infer_geometry(*sessions)
    counts = verdict.counts
    assert (counts.usable, counts.vanished, counts.new, counts.absent) == (446, 50, 31, 194)
    assert counts.rows == 721
    assert verdict.n == 446
    assert verdict.vanished.size == 50
    assert verdict.new.size == 31
    assert verdict.outcome == "undecided"
    assert "noise" in verdict.reason
    assert verdict.interval[0] < verdict.index < verdict.interval[1]
    assert verdict.geometries[0].name == "1.5-norm"  # ranked all the same
    assert verdict.checks["reversion"].passed is False


@pytest.mark.parametrize("noise", [{"noise_cv": 0.05}, {"noise_cv": 0.15}, {"noise_sd": 0.1}])
def test_real_synapses_are_not_named_by_a_stated_noise_either(sessions, noise):
    assert infer_geometry(*sessions, **noise).outcome == "undecided"


def verdicts(index, runs, **kwargs):
    for run in range(runs):
        before, after = simulate_change(1000, index, seed=[2, run], **kwargs)
        yield infer_geometry(before, after, noise_cv=0, seed=run)


@pytest.mark.parametrize(
    ("index", "skew", "runs"),
    [
        *((-1, 0.0, 1), (0, 2.0, 1), (0.5, 0.0, 1), (1, 2.0, 1), (2, 0.0, 1)),
        *(
            pytest.param(index, skew, 100, marks=pytest.mark.slow)
            for index in (-1, 0, 0.5, 1, 2)
            for skew in (0.0, 2.0)
        ),
    ],
)
def test_exact_synapses_are_named_rightly_and_hardly_ever_wrongly(index, skew, runs):
    outcomes = [(v.outcome, v.verdict) for v in verdicts(index, runs, skew=skew)]
    if index == 0.5:
        right = sum(outcome == "mixture" for outcome, _ in outcomes)
        wrong = sum(outcome == "named" for outcome, _ in outcomes)
    else:
        right = outcomes.count(("named", NAMES[index]))
        wrong = sum(outcome in ("named", "mixture") for outcome, _ in outcomes) - right
    print(f"a={index:g}, skew {skew:g}: named rightly {right}, wrongly {wrong}, of {runs}")
    assert wrong <= 0.02 * runs
    assert right >= 0.75 * runs


@pytest.mark.parametrize(
    "index", [0.25, *(pytest.param(index, marks=pytest.mark.slow) for index in (-0.5, 0.75, 1.5))]
)
def test_between_the_named_geometries_nothing_is_named(index):
    before, after = simulate_change(2500, index, seed=3)
    verdict = infer_geometry(before, after, noise_cv=0)
    assert verdict.outcome == "none"
    assert verdict.index == pytest.approx(index, abs=0.1)


def test_lists_arrays_and_series_give_the_same_verdict():
    expected = infer_geometry(BEFORE, AFTER).to_dict()
    assert infer_geometry(BEFORE.tolist(), tuple(AFTER)).to_dict() == expected
    named = [pd.Series(w, index=np.arange(40)[::-1]) for w in (BEFORE, AFTER)]
    assert infer_geometry(*named).to_dict() == expected
    assert infer_geometry(named[0], AFTER).to_dict() == expected
    assert infer_geometry(*map(np.ma.masked_invalid, (BEFORE, AFTER))).to_dict() == expected
    whole = infer_geometry(np.array([1, 2, 3, 4, 5, 6, 7, 8, 9]), [2, 2, 3, 5, 7, 5, 9, 8, 13])
    assert whole.n == 9


def test_the_seed_alone_decides_the_interval():
    first, again, other = (infer_geometry(BEFORE, AFTER, seed=seed) for seed in (1, 1, 2))
    assert first.to_dict() == again.to_dict()
    assert first.index == other.index
    assert first.interval != other.interval


def test_a_change_of_unit_changes_no_index_and_no_name():
    here = infer_geometry(BEFORE, AFTER, noise_cv=0)
    there = infer_geometry(BEFORE * 1e-6, AFTER * 1e-6, noise_cv=0)
    assert there.index == pytest.approx(here.index, abs=1e-6)
    assert there.interval == pytest.approx(here.interval, abs=1e-3)
    assert there.likelihood.index == pytest.approx(here.likelihood.index, abs=1e-4)
    assert [g.weight for g in there.geometries] == pytest.approx(
        [g.weight for g in here.geometries]
    )
    assert there.outcome == here.outcome


def test_zeros_are_absent_synapses_and_never_sizes():
    before = [*BEFORE, 0, 0, 1.0, 0, 2.0, 3.0]
    after = [*AFTER, 0, 5.0, 0, 0, 0, 0]
    verdict = infer_geometry(before, after)
    counts = verdict.counts
    assert (counts.vanished, counts.new, counts.absent, counts.usable) == (3, 1, 2, 40)
    assert verdict.index == infer_geometry(BEFORE, AFTER).index
    np.testing.assert_array_equal(verdict.vanished, [1, 2, 3])
    np.testing.assert_array_equal(verdict.new, [5])


def test_a_detection_limit_excludes_and_censors():
    sizes = simulate_change(400, 1, seed=8)
    limit = 0.9 * min(*sizes[0], *sizes[1])
    # Two start below the limit; of six that start far above it, three fall below, three vanish.
    before = np.array([*sizes[0], limit / 2, limit / 2, *[5.0] * 6])
    after = np.array([*sizes[1], limit / 3, 0.0, *[limit / 2] * 3, *[0.0] * 3])
    verdict = infer_geometry(before, after, noise_cv=0, detection_limit=limit)
    counts = verdict.counts
    assert (counts.usable, counts.below_limit, counts.censored, counts.vanished) == (400, 2, 6, 4)
    assert "detection limit" in verdict.likelihood.model
    assert verdict.checks["losses"].passed is False  # large synapses do not drift to nothing
    without = infer_geometry(*sizes, noise_cv=0, detection_limit=limit)
    assert "losses" not in without.checks
    assert without.likelihood.index == infer_geometry(*sizes).likelihood.index


def test_a_stated_noise_leaves_lost_synapses_out_and_says_so():
    before, after = simulate_change(400, 1, seed=8)
    sizes = [*before, 5.0, 5.0], [*after, 0.0, 0.1 * after.min()]
    limit = 0.9 * min(*before, *after)
    verdict = infer_geometry(*sizes, noise_cv=0.02, detection_limit=limit)
    assert verdict.counts.censored == 2
    assert "the 2 synapses that ended below the detection limit are left out" in verdict.reason
    for stated in ({"noise_cv": 0.02}, {"noise_cv": 0, "detection_limit": limit}):
        assert "left out" not in infer_geometry(*sizes, **stated).reason


def rounded_sizes(index, median, seed):
    before, after = (np.rint(median * w) for w in simulate_change(1000, index, seed=seed))
    return before, after


@pytest.mark.parametrize(
    ("index", "median"),
    [
        (0.5, 5),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in ((-1, 100), (-1, 5), (1, 5), (-1, 20), (0.5, 20), (1, 20))
        ),
    ],
)
def test_rounding_is_never_taken_for_a_geometry(index, median):
    before, after = rounded_sizes(index, median, [9, index + 1 == 0, median])
    for unit in (1.0, np.float32(0.1)):
        verdict = infer_geometry(unit * before, unit * after, noise_cv=0)
        assert verdict.outcome == "undecided"
        assert verdict.checks["rounded"].passed is False
        assert f"--noise-sd {unit / math.sqrt(12):.3g}" in verdict.reason
    assert "rounded" in infer_geometry(before, after).checks
    assert "rounded" not in infer_geometry(before, after, noise_sd=1 / math.sqrt(12)).checks


@pytest.mark.parametrize("index", [-1, 0, 1])
def test_fine_rounding_keeps_the_name(index):
    verdict = infer_geometry(*rounded_sizes(index, 2000, 10), noise_cv=0)
    assert verdict.checks["rounded"].passed is True
    assert (verdict.outcome, verdict.verdict) == ("named", NAMES[index])


@pytest.mark.slow
def test_many_synapses_of_nearly_one_size_are_undecided():
    sizes = simulate_change(60_000, 0.0, spread=0.01, seed=1)
    verdict = infer_geometry(*sizes, noise_cv=0)
    assert verdict.outcome == "undecided"
    assert np.all(np.isfinite(verdict.interval))
    before, after = simulate_change(60_000, 1.0, seed=2)
    after[400:] = before[400:]
    assert infer_geometry(before, after, noise_cv=0).interval[0] < 1


def test_a_stated_noise_does_not_depend_on_the_unit_however_extreme():
    here = infer_geometry(BEFORE, AFTER, noise_sd=0.01)
    for unit in (1e-302, 1e-160, 1e160, 1e300):
        there = infer_geometry(BEFORE * unit, AFTER * unit, noise_sd=0.01 * unit)
        assert there.index == pytest.approx(here.index, abs=1e-5)
        assert there.interval == pytest.approx(here.interval, abs=1e-4)


def test_inside_jit_the_caller_is_told():
    for call in (
        lambda w: infer_geometry(w, AFTER).index,
        lambda w: infer_geometry(BEFORE, list(w)).index,
        lambda w: infer_geometry(BEFORE, AFTER, noise_cv=w[0]).index,
    ):
        with pytest.raises(UsageError, match="not inside jit, vmap or grad"):
            jax.jit(call)(BEFORE)


def test_a_stated_noise_corrects_the_index_and_says_how():
    before, after = simulate_change(2000, 0, change=0.19, noise_cv=0.1, seed=4)
    naive, corrected = infer_geometry(before, after), infer_geometry(before, after, noise_cv=0.1)
    assert naive.index > 0.3
    assert corrected.interval[0] < 0 < corrected.interval[1]
    assert "midpoint" in corrected.estimator
    assert corrected.interval_method == "profile likelihood"
    assert corrected.outcome == "undecided"
    assert 0 < corrected.checks["signal"].statistic < 1


def test_noise_as_large_as_the_change_is_refused():
    before, after = simulate_change(500, 1, change=0.01, noise_cv=0.3, seed=5)
    verdict = infer_geometry(before, after, noise_cv=0.3)
    assert verdict.outcome == "refused"
    assert math.isnan(verdict.index)
    assert verdict.checks == {}


def test_an_index_beyond_the_range_is_refused():
    rng = np.random.default_rng(6)
    before = np.exp(0.5 * rng.standard_normal(300))
    after = before * (1 + 1e-6 * before**8 * rng.standard_normal(300))
    verdict = infer_geometry(before, after, noise_cv=0)
    assert verdict.outcome == "refused"
    assert "above 6" in verdict.reason


def test_failing_checks_are_told_with_the_name():
    before, after = simulate_change(2000, 1, skew=2.0, seed=7)
    verdict = infer_geometry(before, after, noise_cv=0)
    assert verdict.outcome == "named"
    assert "checks that fail: gaussian" in verdict.reason


def at(values, place, value):
    changed = np.array(values)
    changed[place] = value
    return changed


BAD = {
    "negative": (
        (at(BEFORE, 3, -1.0), AFTER),
        r"row 3 \(counted from 0\) of before is -1.* neg",
    ),
    "infinite": ((BEFORE, at(AFTER, 5, np.inf)), "row 5 .* of after is inf, which is not finite"),
    "several": ((at(BEFORE, [2, 7], -1.0), AFTER), r"row 2 .* \(and 1 more\)"),
    "text": ((["a", *BEFORE[1:]], AFTER), "row 0 .* of before is 'a'|before is 'a'"),
    "number as text": ((["1.0"] * 40, AFTER), "row 0 .* of before is '1.0': sizes must be numbers"),
    "nothing": (([None, *BEFORE[1:]], AFTER), "row 0 .* of before is None"),
    "complex": ((BEFORE + 0j, AFTER), "sizes must be numbers"),
    "lengths": ((BEFORE, AFTER[:-1]), "before has 40 rows and after has 39"),
    "table": ((BEFORE[:, None], AFTER), "before has 2 dimensions"),
    "scalar": ((1.0, 2.0), "before has 0 dimensions"),
    "empty": (([], []), "only 0 of 0 rows"),
    "few": ((BEFORE[:7], AFTER[:7]), "only 7 of 7 rows .* at least 8"),
    "few usable": ((at(BEFORE, slice(33), 0.0), AFTER), "only 7 of 40 rows .* 33 new"),
    "equal": ((np.ones(40), AFTER), "all 40 usable sizes before are 1"),
    "masked": (
        (BEFORE, np.ma.masked_less(AFTER, np.sort(AFTER)[1])),
        f"row {AFTER.argmin()} .* of after is masked",
    ),
    "other rows": (
        (pd.Series(BEFORE), pd.Series(AFTER, index=np.arange(40)[::-1])),
        r"indexes differ.*align them, or pass .to_numpy\(\)",
    ),
    "decades": ((at(BEFORE, 3, 1e-300), AFTER), "sizes span from 1e-300 to"),
    "all decades": ((at(BEFORE, 3, 1e-300), at(AFTER, 4, 1e300)), "sizes span from 1e-300 to"),
    "identical": ((BEFORE, BEFORE), "after is identical to before"),
    "scaled": ((BEFORE, BEFORE * 1.3), "changed alike in the multiplicative geometry"),
    "shifted": ((BEFORE, BEFORE + 1.3), "changed alike in the euclidean geometry"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_sizes_are_refused_with_their_place(kind):
    sizes, says = BAD[kind]
    with pytest.raises(DataError, match=says):
        infer_geometry(*sizes)


def test_a_series_names_its_own_rows_and_column():
    labelled = pd.Series(at(BEFORE, 3, -1.0), index=[f"spine {i}" for i in range(40)], name="day 4")
    with pytest.raises(DataError, match=r"row spine 3 of column 'day 4' \(after\) is -1"):
        infer_geometry(BEFORE, labelled)
    with pytest.raises(DataError, match="row spine 3 of after is -1"):
        infer_geometry(BEFORE, labelled.rename("after"))


@pytest.mark.parametrize(
    ("stated", "says"),
    [
        ({"noise_cv": -0.1}, "noise_cv is -0.1"),
        ({"noise_sd": -1}, "noise_sd is -1"),
        ({"noise_cv": math.nan}, "noise_cv is nan"),
        ({"noise_sd": math.inf}, "noise_sd is inf"),
        ({"noise_cv": 1e300}, r"noise_cv is 1e\+300, more than size itself"),
        ({"noise_cv": 10}, "more than size itself: give it as a fraction"),
        ({"noise_sd": 1e200}, r"noise_sd is 1e\+200, more than the largest size"),
        ({"noise_cv": 1e-300}, "noise_cv is 1e-300, less than the digits"),
        ({"noise_sd": 1e-302}, "noise_sd is 1e-302, less than the digits"),
        ({"noise_cv": "0.1"}, "noise_cv is '0.1': give one number"),
        ({"noise_sd": np.array([0.1])}, "noise_sd is of type ndarray: give one number"),
        ({"noise_cv": True}, "noise_cv is of type bool"),
        ({"detection_limit": [1]}, "detection_limit is of type list"),
        ({"noise_cv": 0, "noise_sd": 0}, "both noise_cv and noise_sd"),
        ({"detection_limit": 0}, "detection_limit is 0"),
        ({"detection_limit": -1.0}, "detection_limit is -1"),
        ({"detection_limit": math.nan}, "detection_limit is nan"),
        ({"detection_limit": 1e9}, "only 0 of 40 rows .* 40 below the detection limit"),
    ],
)
def test_contradictory_statements_are_refused(stated, says):
    with pytest.raises(DataError, match=says):
        infer_geometry(BEFORE, AFTER, **stated)


@pytest.mark.parametrize("groups", [pytest.param(20, marks=pytest.mark.slow), 2])
def test_groups_are_resampled_and_said(groups):
    before, after = simulate_change(200, index=1.0, seed=1)
    labels = np.arange(200) % groups
    alone = infer_geometry(before, after)
    verdict = infer_geometry(before, after, groups=labels)
    assert (alone.resampled, alone.groups) == ("synapses", None)
    assert (verdict.resampled, verdict.groups) == ("groups", groups)
    assert verdict.index == alone.index
    assert verdict.interval != alone.interval
    assert f"{groups} groups" in verdict.interval_method
    assert np.isfinite(verdict.interval).all() == (groups == 20)
    content = verdict.to_dict()
    assert (content["resampled"], content["groups"]) == ("groups", groups)


@pytest.mark.slow
def test_synapses_that_change_as_one_are_as_many_as_their_groups():
    before, after = simulate_change(60, index=1.0, seed=2)
    copies = [np.repeat(sizes, 5) for sizes in (before, after)]
    single = infer_geometry(before, after)
    copied = infer_geometry(*copies)
    grouped = infer_geometry(*copies, groups=np.repeat(np.arange(60), 5))
    width = [np.ptp(verdict.interval) for verdict in (single, copied, grouped)]
    assert width[1] < 0.7 * width[0]
    assert width[2] == pytest.approx(width[0], rel=0.3)


def test_a_stated_noise_says_that_groups_are_not_used():
    before, after = simulate_change(200, index=1.0, seed=1)
    verdict = infer_geometry(before, after, noise_cv=0.02, groups=np.arange(200) % 20)
    assert verdict.interval_method.endswith("synapses of one group count as independent")
    assert verdict.resampled is None


def test_groups_of_another_length_or_order_are_refused():
    before, after = simulate_change(60, index=1.0, seed=2)
    with pytest.raises(DataError, match="groups has 3 labels and the sizes have 60 rows"):
        infer_geometry(before, after, groups=["a", "b", "c"])
    series, labels = pd.Series(before), pd.Series(np.arange(60) % 5, index=np.arange(60)[::-1])
    with pytest.raises(DataError, match="before and groups are Series whose indexes differ"):
        infer_geometry(series, pd.Series(after), groups=labels)


@pytest.mark.slow
def test_rates_give_the_index_at_equal_rate_and_leave_the_verdict_alone():
    before, after = simulate_change(300, index=1, seed=1)
    rates = np.exp(np.random.default_rng(0).standard_normal(300))
    plain = infer_geometry(before, after, noise_cv=0)
    rated = infer_geometry(before, after, noise_cv=0, rates=rates)
    assert rated.rate.n == 300
    assert (rated.index, rated.verdict) == (plain.index, plain.verdict)
    assert rated.to_dict()["rate"]["exponent"] == rated.rate.exponent
    assert "rate" not in plain.to_dict()
