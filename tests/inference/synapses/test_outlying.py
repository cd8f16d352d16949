"""Errors of single measurements are found, left out and listed; change that happened is not."""

import numpy as np
import pytest

from steepest.errors import DataError
from steepest.inference.designs.design import Design, simulate_design
from steepest.inference.synapses.estimation import estimate
from steepest.inference.synapses.measured import infer_measured
from steepest.inference.synapses.measured_rules import decide_measured
from steepest.inference.synapses.measurements import Measurements, measure
from steepest.inference.synapses.outlying import MOST_OUTLYING, find_outliers

DESIGN = Design(sessions=6, change=0.15, multiplicative=0.08, shot=0.05)


def tripled(measured: Measurements, share: float, seed: int = 0, factor: float = 3.0):
    """The same measurements, some of them wrong by a factor; and which."""
    logs = measured.log_sizes[:, :, None] if measured.single is None else measured.single
    hit = np.random.default_rng([9, seed]).random(logs.shape) < share
    sizes = np.exp(np.where(np.isfinite(logs), logs, -np.inf)) * np.where(hit, factor, 1.0)
    null = measured.null if measured.null.any() else None
    return measure(
        list(np.swapaxes(sizes, 0, 1)), groups=measured.groups, null=null, times=measured.times
    ), hit


@pytest.fixture(scope="module")
def clean():
    return simulate_design(DESIGN, 1, seed=[4, 2])


@pytest.fixture(scope="module")
def dirty(clean):
    return tripled(clean, 0.02)


def test_two_percent_tripled_are_found_and_nearly_nothing_else(dirty):
    measured, hit = dirty
    outliers = find_outliers(measured)
    marked = np.zeros(hit.shape[:2], dtype=bool)
    for outlier in outliers.listed:
        marked[outlier.row, outlier.session] = True
    assert outliers.gate
    assert (marked & hit[:, :, 0]).sum() > 0.9 * hit.sum()
    assert (marked & ~hit[:, :, 0]).sum() < 0.1 * hit.sum()
    assert np.median([outlier.distance for outlier in outliers.listed]) > 3
    assert 0.01 < outliers.share < MOST_OUTLYING
    assert outliers.measurements == np.isfinite(measured.log_sizes).sum()


def test_what_is_left_out_is_not_measured_and_no_loss(dirty):
    measured, _ = dirty
    outliers = find_outliers(measured)
    rows = [outlier.row for outlier in outliers.listed]
    sessions = [outlier.session for outlier in outliers.listed]
    assert outliers.measured.not_measured[rows, sessions].all()
    assert np.isnan(outliers.measured.log_sizes[rows, sessions]).all()
    assert not measured.not_measured.any()


def test_the_verdict_is_that_without_outliers_and_keeping_them_hides_it(clean, dirty):
    without = estimate(clean, draws=60)
    taken_out = infer_measured(dirty[0], draws=60)
    assert taken_out.index == pytest.approx(without.index.value, abs=0.1)
    assert taken_out.outcome == "named"
    kept = infer_measured(dirty[0], draws=60, keep_outliers=True)
    assert kept.outcome != "named"
    assert not kept.estimate.outliers.listed
    assert "as asked" in kept.checks["outliers"].meaning


def test_they_are_counted_listed_marked_and_named_as_what_to_look_for(dirty):
    verdict = infer_measured(dirty[0], draws=20)
    listed = verdict.to_dict()["outliers"]
    number = len(verdict.estimate.outliers.listed)
    assert len(listed["list"]) == number
    assert listed["list"][0].keys() == {"row", "session", "replicate", "distance"}
    assert listed["list"][0]["session"] in verdict.measured.names
    assert {d.what: d.count for d in verdict.dropped}["outlying measurements"] == number
    assert verdict.checks["outliers"].passed is None
    assert "mis-segmented" in verdict.settle
    spread = verdict.plot().axes[0]
    assert f"left out ({number})" in [text.get_text() for text in spread.get_legend().get_texts()]


def test_clean_series_keep_the_gate_shut_and_lose_next_to_nothing(clean):
    outliers = find_outliers(clean)
    assert not outliers.gate
    assert outliers.share < 0.002
    assert infer_measured(clean, draws=20).checks["outliers"].passed


def test_real_jumps_with_heavy_tails_are_not_taken_for_errors():
    rng = np.random.default_rng(0)
    steps = 0.15 * rng.standard_t(3, (2000, 5)) / np.sqrt(3)
    logs = np.cumsum(np.column_stack([0.7 * rng.standard_normal(2000), steps]), axis=1)
    outliers = find_outliers(measure(list(np.exp(logs).T)))
    assert not outliers.gate
    assert outliers.runs + outliers.isolated > 10


def test_more_than_three_percent_are_never_named(clean):
    found = estimate(tripled(clean, 0.06)[0], draws=40)
    assert found.outliers.share > MOST_OUTLYING
    decision = decide_measured(found)
    assert decision.outcome == "undecided"
    assert "outlying" in decision.verdict


def test_one_replicate_of_four_that_is_wrong_is_left_out():
    design = DESIGN.with_change(sessions=2, replicates=4)
    measured, hit = tripled(simulate_design(design, 1, seed=[4, 2]), 0.01)
    outliers = find_outliers(measured)
    marked = np.zeros(hit.shape, dtype=bool)
    for outlier in outliers.listed:
        marked[outlier.row, outlier.session, outlier.replicate] = True
    assert (marked & hit).sum() > 0.95 * hit.sum()
    assert (marked & ~hit).sum() < 0.2 * hit.sum()
    assert outliers.measured.replicates.sum() == marked.size - marked.sum()


def test_of_two_replicates_that_differ_both_go():
    design = DESIGN.with_change(sessions=2, replicates=2)
    measured = simulate_design(design, 1, seed=[4, 3])
    sizes = np.exp(measured.single)
    sizes[5, 1, 0] *= 4
    outliers = find_outliers(measure(list(np.swapaxes(sizes, 0, 1)), groups=measured.groups))
    assert {(o.row, o.session, o.replicate) for o in outliers.listed} >= {(5, 1, 0), (5, 1, 1)}
    assert outliers.measured.not_measured[5, 1]


def test_where_half_of_the_replicates_are_far_none_is_believed():
    measured = simulate_design(DESIGN.with_change(sessions=2, replicates=4), 1, seed=[4, 3])
    sizes = np.exp(measured.single)
    sizes[5, 1, :2] *= 4
    sizes[6, 1, 0] *= 4
    outliers = find_outliers(measure(list(np.swapaxes(sizes, 0, 1)), groups=measured.groups))
    assert outliers.measured.replicates[[5, 6], 1].tolist() == [0, 3]
    gone = {(outlier.row, outlier.replicate) for outlier in outliers.listed}
    assert gone >= {(5, replicate) for replicate in range(4)} | {(6, 0)}


def test_one_pair_with_a_null_says_what_it_cannot_do():
    measured = simulate_design(DESIGN.with_change(sessions=2, null=True), 1, seed=[4, 4])
    check = infer_measured(measured, draws=20).checks["outliers"]
    assert check.passed is None
    assert "cannot tell an error from a change" in check.meaning


def test_sessions_unevenly_apart_are_compared_with_changes_as_long(clean):
    rng = np.random.default_rng(1)
    times = np.array([0.0, 1.0, 2.0, 18.0, 19.0, 20.0])
    steps = 0.05 * np.sqrt(np.diff(times)) * rng.standard_normal((500, 5))
    logs = np.cumsum(np.column_stack([0.7 * rng.standard_normal(500), steps]), axis=1)
    outliers = find_outliers(measure(list(np.exp(logs).T), times=times))
    assert len(outliers.listed) < 10
    logs[3, 1] += 0.5
    listed = find_outliers(measure(list(np.exp(logs).T), times=times)).listed
    assert (3, 1) in {(outlier.row, outlier.session) for outlier in listed}


def test_sizes_that_mostly_did_not_change_have_no_spread_to_be_far_by():
    rng = np.random.default_rng(2)
    first = np.exp(rng.standard_normal(300))
    later = [np.where(rng.random(300) < 0.1, first * 1.3, first) for _ in range(3)]
    assert not find_outliers(measure([first, *later])).listed


def test_a_session_in_another_order_is_refused_as_another_problem(clean):
    sizes = np.exp(clean.log_sizes)
    sizes[:, 2] = np.random.default_rng(3).permutation(sizes[:, 2])
    with pytest.raises(DataError, match=r"sizes of session 2 are far.*the same synapses"):
        find_outliers(measure(list(sizes.T)))


def test_a_replicate_in_another_order_is_refused_too():
    measured = simulate_design(DESIGN.with_change(sessions=2, replicates=4), 1, seed=[4, 3])
    sizes = np.exp(measured.single)
    sizes[:, 0, 2] = np.random.default_rng(3).permutation(sizes[:, 0, 2])
    with pytest.raises(DataError, match=r"session 0, replicate 2.*are far.*the same synapses"):
        find_outliers(measure(list(np.swapaxes(sizes, 0, 1))))


def nearly_vanishing(step: float, noise: float, spread: float, seed: list[int]):
    """Index -1: half the squared size moves, down to a floor at a ten thousandth."""
    rng = np.random.default_rng(seed)
    size = np.exp(spread * rng.standard_normal(700))
    sessions = []
    for t in range(8):
        if t:
            dual = size**2 / 2 + step * rng.standard_normal(700)
            size = np.sqrt(np.maximum(2 * dual, 1e-8))
        sessions.append(size * np.exp(noise * rng.standard_normal(700)))
    return measure(sessions, groups=np.arange(700) % 14)


def test_synapses_that_nearly_vanish_and_come_back_are_no_errors():
    # Where it meets 0 the dual turns back: no floor, but falls of the log to next to nothing.
    rng = np.random.default_rng([5, 0])
    dual = np.exp(1.2 * rng.standard_normal(700)) / 2
    sessions = []
    for _ in range(8):
        sessions.append(np.sqrt(2 * dual) * np.exp(0.05 * rng.standard_normal(700)))
        dual = np.abs(dual + 0.2 * rng.standard_normal(700))
    falls = np.min(sessions, axis=0) < 0.3 * np.median(sessions, axis=0)
    assert falls.sum() > 50
    outliers = find_outliers(measure(sessions, groups=np.arange(700) % 14))
    assert not outliers.gate
    assert len(outliers.listed) < 5


def test_a_fit_does_not_run_away_from_synapses_that_vanish():
    found = estimate(nearly_vanishing(0.05, 0.1, 0.5, [16, 1]), draws=20)
    assert found.index.value == pytest.approx(-1, abs=0.15)


def spoiled(sessions, share):
    """A series in which a share of all measurements is five times too large."""
    rng = np.random.default_rng(1)
    design = Design(synapses=300, sessions=sessions, groups=10, multiplicative=0.08)
    measured = simulate_design(design, 1, seed=0)
    sizes = np.exp(measured.log_sizes) * np.where(rng.random((300, sessions)) < share, 5, 1)
    return measure(list(sizes.T), groups=measured.groups)


def test_where_more_than_half_is_outlying_the_verdict_is_refused():
    verdict = infer_measured(spoiled(5, 0.55), draws=10)
    assert verdict.outcome == "refused"


def test_where_jumps_leave_no_change_it_says_what_to_look_for():
    with pytest.raises(DataError, match="are most of the measurements outlying"):
        infer_measured(spoiled(8, 0.3), draws=10)
