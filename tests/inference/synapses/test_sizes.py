"""One door for sizes: the same words at every function, and NaN is what was not measured."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from steepest.data.tables import read_columns
from steepest.errors import DataError, UsageError
from steepest.geometry import Power
from steepest.inference import (
    infer_geometry,
    infer_measured,
    infer_unpaired,
    measure,
    rank_potentials,
    rate_exponent,
    sensitivity,
    simulate_change,
    simulate_design,
)
from steepest.inference.designs.design import Design
from steepest.inference.synapses.measured_checks import check_losses_seen
from steepest.inference.synapses.noise import stated_limit, stated_noise
from steepest.inference.synapses.potentials import potential_likelihood

BEFORE, AFTER = simulate_change(60, 1, seed=3)
LATER = AFTER * 1.1
RATES = np.linspace(1, 2, 60)

PAIRS = {
    "infer_geometry": infer_geometry,
    "measure": lambda before, after: measure(
        [before, after, LATER], names=["before", "after", "3"]
    ),
    "rank_potentials": rank_potentials,
    "potential_likelihood": lambda before, after: potential_likelihood(Power(1), before, after),
    "sensitivity": sensitivity,
    "rate_exponent": lambda before, after: rate_exponent(before, after, RATES, draws=3),
}
DOORS = PAIRS | {"infer_unpaired": lambda before, after: infer_unpaired(before, after, draws=3)}


def at(values, place, value):
    changed = np.array(values, dtype=np.result_type(values, type(value)))
    changed[place] = value
    return changed


BAD = {
    "masked": (np.ma.masked_less(AFTER, np.sort(AFTER)[1]), f"row {AFTER.argmin()} .* is masked"),
    "complex": (AFTER + 0j, r"row 0 \(counted from 0\) of after is \(.*: sizes must be numbers"),
    "boolean": (AFTER > 1, "row 0 .* of after is (True|False): sizes must be numbers"),
    "text": (["1.0"] * 60, "row 0 .* of after is '1.0': sizes must be numbers"),
    "nothing": ([None, *AFTER[1:]], "row 0 .* of after is None: sizes must be numbers"),
    "a date": (np.array(["2020-01-01"] * 60, dtype="M8[ns]"), "sizes must be numbers"),
    "infinite": (at(AFTER, 4, np.inf), "row 4 .* of after is inf, which is not finite"),
    "negative": (at(AFTER, 4, -1.0), "row 4 .* of after is -1, which is negative"),
    "table": (np.ones((60, 2, 2)), "after has 3 dimensions"),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("door", DOORS)
def test_every_door_refuses_in_the_same_words(door, bad):
    after, says = BAD[bad]
    with pytest.raises(DataError, match=says):
        DOORS[door](BEFORE, after)


@pytest.mark.parametrize("door", PAIRS)
def test_every_door_of_pairs_refuses_other_labels_and_another_order(door):
    back = np.arange(60)[::-1]
    with pytest.raises(DataError, match=r"before and after are Series whose indexes differ"):
        PAIRS[door](pd.Series(BEFORE), pd.Series(AFTER, index=back))
    arrays = [
        xr.DataArray(sizes, dims="spine", coords={"spine": names})
        for sizes, names in ((BEFORE, np.arange(60)), (AFTER, back))
    ]
    with pytest.raises(DataError, match=r"DataArrays whose coordinates differ.*align them"):
        PAIRS[door](*arrays)
    with pytest.raises(DataError, match="before and after are labelled, and their labels differ"):
        PAIRS[door](pd.Series(BEFORE), arrays[1])
    if door not in ("rank_potentials", "sensitivity"):  # the slow ones, which share their door
        PAIRS[door](arrays[0], xr.DataArray(AFTER, dims="spine"))


def test_rates_and_labels_of_other_rows_are_refused_too():
    back = pd.RangeIndex(59, -1, -1)
    with pytest.raises(DataError, match="before and rates are Series whose indexes differ"):
        rate_exponent(pd.Series(BEFORE), AFTER, pd.Series(RATES, index=back))
    with pytest.raises(DataError, match="rates is masked"):
        rate_exponent(BEFORE, AFTER, np.ma.masked_less(RATES, 1.5))
    groups = pd.Series(["d1", "d2"] * 30, index=back)
    with pytest.raises(DataError, match="session 0 and groups are Series whose indexes differ"):
        measure([pd.Series(BEFORE), AFTER], groups=groups)
    with pytest.raises(DataError, match="groups has masked labels"):
        measure([BEFORE, AFTER], groups=np.ma.masked_equal(np.arange(60), 3))


@pytest.mark.parametrize(
    ("null", "says"),
    [
        (["False", "True"] * 30, "row 0 .* of null is 'False': give true or false"),
        ([0.0, np.nan] * 30, "row 1 .* of null is nan: give true or false"),
        ([0, 2] * 30, "row 1 .* of null is 2"),
        ([None, True] * 30, "row 0 .* of null is None"),
        (np.ma.masked_equal(np.arange(60) % 2, 1), "row 1 .* of null is masked"),
    ],
)
def test_only_truth_values_mark_the_null_condition(null, says):
    with pytest.raises(DataError, match=says):
        measure([BEFORE, AFTER], null=null, groups=np.arange(60))


def test_zeros_and_ones_are_truth_values():
    for null in ([0, 1] * 30, [False, True] * 30, np.array([0.0, 1.0] * 30)):
        measured = measure([BEFORE, AFTER], null=null, groups=np.arange(60))
        assert measured.null.tolist() == [False, True] * 30


def test_the_columns_of_a_data_frame_are_its_sessions():
    frame = pd.DataFrame({"day 0": BEFORE, "day 4": AFTER, "day 8": LATER})
    measured, expected = measure(frame), measure([BEFORE, AFTER, LATER])
    assert measured.names == ("day 0", "day 4", "day 8")
    np.testing.assert_array_equal(measured.log_sizes, expected.log_sizes)


def test_labelled_inputs_and_lists_say_the_same():
    labelled = [xr.DataArray(sizes, dims="spine", name=None) for sizes in (BEFORE, AFTER)]
    expected = infer_geometry(BEFORE, AFTER).to_dict()
    assert infer_geometry(*labelled).to_dict() == expected
    nullable = [pd.Series(sizes, dtype="Float64") for sizes in (BEFORE, AFTER)]
    assert infer_geometry(*nullable).to_dict() == expected
    names = {"s": [f"spine {k}" for k in range(60)]}
    wrong = xr.DataArray(at(BEFORE, 3, -1.0), names, "s")
    with pytest.raises(DataError, match="row spine 3 of before is -1"):
        infer_geometry(wrong, AFTER)


def test_pairs_that_were_not_measured_are_left_out_and_counted():
    before = np.array([*BEFORE, np.nan, np.nan, 1.0, 0.0, np.nan])
    after = np.array([*AFTER, np.nan, 1.0, np.nan, np.nan, 0.0])
    verdict, expected = infer_geometry(before, after), infer_geometry(BEFORE, AFTER)
    counts = verdict.counts
    assert (counts.rows, counts.usable, counts.not_measured) == (65, 60, 5)
    assert (counts.vanished, counts.new, counts.absent) == (0, 0, 0)
    assert verdict.index == expected.index
    assert verdict.interval == expected.interval
    assert verdict.to_dict()["counts"]["not_measured"] == 5
    missing = pd.array([*BEFORE, pd.NA], dtype="Float64")
    assert infer_geometry(pd.Series(missing), [*AFTER, 1.0]).counts.not_measured == 1
    with pytest.raises(DataError, match=r"only 3 of 60 rows .* 57 not measured"):
        infer_geometry(at(BEFORE, slice(57), np.nan), AFTER)


def test_a_limit_counts_no_pair_that_was_not_measured():
    before, after = [*BEFORE, 1e-6, np.nan], [*AFTER, np.nan, 1e-6]
    counts = infer_geometry(before, after, detection_limit=1e-3).counts
    assert (counts.not_measured, counts.below_limit, counts.censored) == (2, 0, 0)


def test_other_estimators_leave_out_what_was_not_measured():
    before, after = at(BEFORE, 0, np.nan), at(AFTER, 1, np.nan)
    rest = BEFORE[2:], AFTER[2:]
    assert potential_likelihood(Power(1), before, after) == potential_likelihood(Power(1), *rest)
    step = np.diff(np.log(rest), axis=0)[0]
    spread = np.median(np.abs(step - np.median(step))) / 0.6745 / np.sqrt(2)
    assert sensitivity(before, after).cv[-1] == pytest.approx(spread)
    power = next(fit for fit in rank_potentials(before, after) if fit.name == "power")
    expected = potential_likelihood(Power(power.parameter), *rest)
    assert power.log_likelihood == pytest.approx(expected)
    fit = rate_exponent(before, after, at(RATES, 2, np.nan), draws=3)
    assert (fit.n, fit.not_measured) == (57, 3)
    verdict = infer_unpaired([*before, 0.0], after, draws=3)
    assert (verdict.absent_before, verdict.absent_after) == (1, 0)
    assert (verdict.not_measured_before, verdict.not_measured_after) == (1, 1)


def test_what_was_not_measured_is_neither_lost_nor_absent():
    after = at(at(AFTER, 0, np.nan), 1, 0.0)
    measured = measure([BEFORE, after, LATER])
    assert np.argwhere(measured.not_measured).tolist() == [[0, 1]]
    assert np.isnan(measured.log_sizes[:2, 1]).all()
    assert ("sizes not measured", 1) in [(d.what, d.count) for d in measured.dropped]
    assert "sizes not measured" not in [d.what for d in measure([BEFORE, LATER]).dropped]
    never = measure([at(BEFORE, 0, np.nan), at(AFTER, 0, np.nan)])
    why = {dropped.what: dropped.why for dropped in never.dropped}["synapses never seen"]
    assert why == "absent or not measured in every session"
    one_replicate = measure([[BEFORE, at(BEFORE, 5, np.nan)], AFTER])
    assert one_replicate.replicates[5, 0] == 1
    assert not one_replicate.not_measured.any()
    with pytest.raises(DataError, match=r"60 synapses were lost, or not measured twice \(60\)"):
        measure([BEFORE, np.nan * AFTER])


def test_losses_count_only_what_was_measured():
    design = Design(synapses=150, sessions=4, groups=1, change=0.2)
    sizes = np.exp(simulate_design(design, 1, seed=1).log_sizes).T
    limit = 0.5 * np.nanmin(sizes)
    none = infer_measured(measure(sizes, detection_limit=limit), draws=20)
    sizes[2, :20] = np.nan
    unknown = infer_measured(measure(sizes, detection_limit=limit), draws=20)
    assert "0 lost" in check_losses_seen(none.estimate).meaning
    assert "0 lost" in unknown.checks["losses"].meaning
    sizes[2, :20] = 0
    lost = infer_measured(measure(sizes, detection_limit=limit), draws=20)
    assert "20 lost" in lost.checks["losses"].meaning


@pytest.mark.parametrize("cell", ["", "NA", "nan", "n/a", "null"])
def test_a_cell_that_says_nothing_is_not_measured_unless_it_is_called_absent(cell, tmp_path):
    path = tmp_path / "sizes.csv"
    path.write_text(f"before,after\n1,2\n{cell},3\n2,2\n")
    columns = read_columns(path, ["before", "after"], missing=True)
    np.testing.assert_array_equal(columns["before"], [1, np.nan, 2])
    absent = "empty" if cell in ("", "nan") else cell
    columns = read_columns(path, ["before", "after"], absent=[absent], missing=True)
    np.testing.assert_array_equal(columns["before"], [1, 0, 2])
    with pytest.raises(DataError, match="row 3 of column 'before'"):
        read_columns(path, ["before", "after"])


@pytest.mark.parametrize("cell", ["lost", "inf", "1e999", "-Infinity"])
def test_other_cells_stay_refused(cell, tmp_path):
    path = tmp_path / "sizes.csv"
    path.write_text(f"before,after\n1,2\n{cell},3\n2,2\n")
    with pytest.raises(DataError, match=r"row 3 of column 'before' .*not a finite number"):
        read_columns(path, ["before", "after"], missing=True)


def test_noise_and_limit_are_understood_in_one_place():
    said = ((None, None), (0, None), (0.1, None), (None, 2))
    assert [stated_noise(*pair).kind for pair in said] == ["unknown", "none", "cv", "sd"]
    assert stated_limit(None) is None
    measured = measure([[BEFORE, BEFORE * 1.01], AFTER])
    for stated, says in (
        ({"noise_cv": "0.1"}, "noise_cv is '0.1': give one number"),
        ({"noise_cv": 0.1, "noise_sd": 0.1}, "both noise_cv and noise_sd are given"),
        ({"noise_sd": -1}, "noise_sd is -1: give 0"),
    ):
        with pytest.raises(DataError, match=says):
            infer_measured(measured, **stated)
        with pytest.raises(DataError, match=says):
            infer_geometry(BEFORE, AFTER, **stated)
    for call in (infer_geometry, lambda *pair, **limit: measure(pair, **limit)):
        with pytest.raises(DataError, match="detection_limit is of type list: give one number"):
            call(BEFORE, AFTER, detection_limit=[1])


def test_every_door_says_that_it_is_none_for_tracers():
    import jax

    for name, door in DOORS.items():
        with pytest.raises(UsageError, match=f"{name} works on numbers, not inside jit"):
            jax.jit(lambda sizes, door=door: door(sizes, AFTER))(BEFORE)
