"""Each synapse gets a call, at the rate of errors that was asked for, and noise gets none."""

import csv
import io

import numpy as np
import pytest

from steepest.errors import DataError, UsageError
from steepest.inference.designs.design import Design, simulate_design
from steepest.inference.designs.simulation import change_of_log
from steepest.inference.designs.spoiling import Spoiling, simulate_spoiled
from steepest.inference.synapses.calls import classify
from steepest.inference.synapses.measured import infer_measured
from steepest.inference.synapses.measurements import Measurements, measure
from steepest.inference.synapses.pair import infer_geometry


def known(
    seed: int,
    index: float = 1,
    *,
    change: float = 0.15,
    noise: float = 0.1,
    sessions: int = 5,
    degrees: float = np.inf,
    share: float = 1.0,
) -> tuple[Measurements, np.ndarray]:
    """A series of 600 synapses, a share of which changes, and their true changes of log size."""
    rng = np.random.default_rng(seed)
    logs = 0.7 * rng.standard_normal(600)
    first, seen = logs, []
    moves = rng.random(600) < share
    for t in range(sessions):
        if t and change:
            scale = change * np.exp(-(((index - 1) * 0.7) ** 2))
            logs = logs + moves * change_of_log(rng, logs, index, scale, degrees=degrees)
        seen.append(np.exp(logs + noise * rng.standard_normal(600)))
    return measure(seen, groups=np.arange(600) % 14), logs - first


def errors(calls, truth):
    """How many were called changed, and how many of them wrongly."""
    call = np.array(calls.call)
    up, down = call == "potentiated", call == "depressed"
    false = (up & (truth <= calls.change)).sum() + (down & (truth >= -calls.change)).sum()
    return int((up | down).sum()), int(false)


@pytest.fixture(scope="module")
def called():
    measured, truth = known(1)
    return classify(infer_measured(measured, draws=20)), truth


def test_calls_are_wrong_as_often_as_was_asked(called):
    calls, truth = called
    number, false = errors(calls, truth)
    assert number > 50
    assert false <= 0.05 * number + 3 * np.sqrt(0.05 * number)
    assert calls.expected_false <= 0.05 * number + 1e-9
    right = (truth > calls.change) & (np.array(calls.call) == "potentiated")
    assert right.sum() > 20


def test_no_size_has_changed_by_more_than_floats_hold():
    measured = simulate_design(Design(synapses=100, sessions=3), 1, seed=1)
    assert classify(infer_measured(measured, draws=5), change=1e308).changed == 0


def test_the_interval_holds_the_true_change(called):
    calls, truth = called
    assert np.mean((calls.low <= truth) & (truth <= calls.high)) > 0.92
    assert np.all(calls.low <= calls.posterior)
    assert np.all(calls.posterior <= calls.high)


def test_the_usual_rule_is_judged_on_the_same_synapses(called):
    calls, truth = called
    ratio = np.exp(calls.observed)
    by_rule = (ratio >= 1.25) | (ratio <= 0.75)
    false = by_rule & np.where(ratio >= 1.25, truth <= 0.2, truth >= -0.2)
    assert calls.laboratory.called == by_rule.sum()
    assert calls.laboratory.false == pytest.approx(false.sum(), rel=0.35)
    assert calls.laboratory.rate > 0.1


def test_nothing_is_called_changed_on_pure_noise():
    for seed in range(3):
        measured, _ = known(seed, change=0.0)
        calls = classify(infer_measured(measured, draws=5))
        assert calls.changed == 0
        assert calls.laboratory.called > 20
        assert calls.laboratory.rate > 0.9


def test_exact_sizes_are_called_by_their_change():
    measured, truth = known(4, sessions=2, noise=0.0, change=0.3)
    calls = classify(infer_measured(measured, noise_cv=0, draws=5))
    changed = np.isin(calls.call, ["potentiated", "depressed"])
    # What a group adds to the common change is not counted: a few hundredths here.
    assert changed[np.abs(truth) > 0.25].all()
    assert not changed[np.abs(truth) < 0.15].any()
    assert calls.counts["cannot say"] == 0


def test_lost_and_new_synapses_are_told_from_those_not_measured():
    measured, _ = known(5)
    sizes = np.exp(measured.log_sizes)
    sizes[0, -1], sizes[1, 0], sizes[2, -1] = 0, 0, np.nan
    calls = classify(infer_measured(measure(list(sizes.T)), draws=5))
    assert calls.call[:3] == ("lost", "new", "cannot say")
    assert np.isnan(calls.posterior[:3]).all()


def test_a_brighter_group_is_not_called_potentiated_and_a_common_change_is():
    design = Design(synapses=700, sessions=2, replicates=4, change=0.05, multiplicative=0.05)
    measured = simulate_design(design, 1, seed=6)
    sizes = np.exp(measured.single)
    sizes[measured.groups == 0, 1] *= 1.5
    columns = list(np.swapaxes(sizes, 0, 1))
    calls = classify(infer_measured(measure(columns, groups=measured.groups), draws=5))
    grown = np.array(calls.call) == "potentiated"
    assert grown[measured.groups == 0].mean() < 0.2
    sizes[measured.groups > 0, 1] *= 1.5
    columns = list(np.swapaxes(sizes, 0, 1))
    calls = classify(infer_measured(measure(columns, groups=measured.groups), draws=5))
    assert (np.array(calls.call) == "potentiated").mean() > 0.8


def test_the_csv_has_a_line_for_every_synapse(called):
    rows = list(csv.DictReader(io.StringIO(called[0].to_csv())))
    assert len(rows) == 600
    assert rows[0]["call"] == called[0].call[0]
    assert float(rows[3]["change"]) == pytest.approx(called[0].posterior[3], rel=1e-4)


def test_the_picture_shows_every_call(called):
    axes = called[0].plot().axes
    legend = " ".join(text.get_text() for text in axes[0].get_legend().get_texts())
    assert f"potentiated ({called[0].counts['potentiated']})" in legend
    assert "expected to be wrong" in str(called[0])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"change": 0}, "change is 0"),
        ({"change": -0.2}, "change is -0.2"),
        ({"change": np.inf}, "change is inf"),
        ({"fdr": 0}, "fdr is 0"),
        ({"fdr": 1}, "fdr is 1"),
        ({"fdr": 5.0}, "fdr is 5.0"),
    ],
)
def test_numbers_out_of_range_are_refused(options, says):
    measured = simulate_design(Design(synapses=100, sessions=3), 1, seed=1)
    with pytest.raises(UsageError, match=says):
        classify(infer_measured(measured, draws=5), **options)


def test_a_pair_without_noise_is_refused():
    measured = simulate_design(Design(synapses=100, sessions=2), 1, seed=1)
    with pytest.raises(DataError, match="known noise"):
        classify(infer_geometry(*np.exp(measured.log_sizes).T))


@pytest.mark.slow
@pytest.mark.parametrize("degrees", [np.inf, 3.0])
@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize("index", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("fdr", [0.05, 0.1])
def test_the_realised_rate_of_errors_is_that_asked_for(degrees, share, index, fdr):
    rates = []
    for seed in range(20):
        measured, truth = known(seed, index, degrees=degrees, share=share)
        number, false = errors(classify(infer_measured(measured, draws=5), fdr=fdr), truth)
        rates.append(false / number if number else 0.0)
    print(f"a={index:g} degrees={degrees} share={share} fdr={fdr}: {np.mean(rates):.3f}")
    assert np.mean(rates) <= fdr + 0.04


def test_nothing_is_called_where_many_measurements_are_outlying():
    design = Design(synapses=300, sessions=4, groups=10, change=0.15, multiplicative=0.08)
    spoiled, _ = simulate_spoiled(design, 1, Spoiling(outliers=0.08), seed=1)
    calls = classify(infer_measured(spoiled, draws=20))
    assert calls.changed == 0
    assert calls.reason.startswith("nothing is called, as more than 3% of the measurements")


def test_what_the_null_condition_holds_too_is_not_called():
    design = Design(synapses=300, sessions=2, null=True, change=0.2, multiplicative=0.08)
    wrong, _ = simulate_spoiled(design, 1, Spoiling(outliers=0.02), seed=1)
    calls = classify(infer_measured(wrong, draws=20))
    assert (calls.changed, calls.as_in_null > 0) == (0, True)
    assert "so are changes of the null condition" in calls.reason
    clean, change = simulate_spoiled(design.with_change(change=0.3), 1, Spoiling(), seed=1)
    number, false = errors(classify(infer_measured(clean, draws=20)), change)
    assert number >= 20
    assert false <= 0.05 * number + 3
