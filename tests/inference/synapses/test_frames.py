"""A long data frame is read as the same table in a file is, and refused in the same words."""

import numpy as np
import pandas as pd
import pytest

from steepest.errors import DataError, UsageError
from steepest.inference.synapses.measurements import measure
from steepest.inference.synapses.request import Request

SIZES = np.exp(np.random.default_rng(0).standard_normal((30, 3))).round(4)
LONG = {"id": "mouse/spine", "session": "day", "size": "volume"}


def frame(days=(0, 4, 12)):
    return pd.DataFrame(
        [
            {"mouse": f"m{at % 3}", "spine": at // 3, "day": day, "volume": size}
            for at, row in enumerate(SIZES)
            for day, size in zip(days, row, strict=True)
        ]
    )


def same(measured, other):
    np.testing.assert_array_equal(measured.log_sizes, other.log_sizes)
    np.testing.assert_array_equal(measured.groups, other.groups)
    np.testing.assert_array_equal(measured.times, other.times)
    assert (measured.names, measured.group_names) == (other.names, other.group_names)


@pytest.mark.parametrize(
    "days",
    [
        (0, 4, 12),
        ("day 0", "day 4", "day 12"),
        tuple(pd.to_datetime(["2019-12-28", "2020-01-01", "2020-01-09"])),
    ],
    ids=["numbers", "names", "timestamps"],
)
def test_a_frame_is_read_as_its_file_is(tmp_path, days):
    table = frame(days).sample(frac=1, random_state=1)
    table.to_csv(tmp_path / "long.csv", index=False)
    of_file = Request(**LONG, group="mouse").measurements(tmp_path / "long.csv")
    same(measure(table, **LONG, group="mouse"), of_file)


def test_dates_say_how_far_sessions_are_apart():
    table = frame(pd.to_datetime(["2019-12-28", "2020-01-01", "2020-01-09"]))
    assert measure(table, **LONG).times.tolist() == [0, 4, 12]
    assert measure(table, **LONG, times=[0, 1, 2]).times.tolist() == [0, 1, 2]


def test_kinds_of_columns_that_pandas_has_are_the_plain_ones():
    plain = frame()
    kinds = plain.astype({"mouse": "category", "spine": "Int64", "day": "Int8"})
    kinds["volume"] = kinds["volume"].astype(object)
    same(measure(kinds, **LONG, group="mouse"), measure(plain, **LONG, group="mouse"))


def test_whole_numbers_too_long_for_floats_stay_apart():
    table = frame().assign(spine=lambda t: t["spine"] + 2**60)
    assert len(measure(table, **LONG).log_sizes) == 30


@pytest.mark.parametrize("kind", [float, "Float64", object], ids=str)
def test_missing_sizes_were_not_measured(kind):
    table = frame()
    table["volume"] = table["volume"].astype(kind)
    table.loc[4, "volume"] = None
    measured = measure(table, **LONG)
    assert np.argwhere(measured.not_measured).tolist() == [[1, 1]]


def test_a_synapse_without_a_row_was_not_measured_or_absent_as_is_said():
    table = frame().drop(index=4)
    assert measure(table, **LONG).not_measured.sum() == 1
    absent = measure(table, **LONG, absent="no-row")
    assert absent.not_measured.sum() == 0
    assert np.isnan(absent.log_sizes[1, 1])


def test_sessions_are_put_in_the_order_that_is_told():
    table = frame(("pre", "post", "late"))
    measured = measure(table, **LONG, order=["pre", "post", "late"])
    np.testing.assert_allclose(measured.log_sizes, np.log(SIZES))


def test_rows_are_chosen():
    assert measure(frame(), **LONG, where=["mouse!=m2", "day>0"]).log_sizes.shape == (20, 2)


def test_rows_of_one_synapse_and_session_are_replicates_where_that_is_said():
    twice = pd.concat([frame(), frame()])
    assert (measure(twice, **LONG, replicates=True).replicates == 2).all()
    with pytest.raises(DataError, match=r"row 0 .* and row 90 .*say replicates=True"):
        measure(twice, **LONG)


def test_two_levels_are_groups_and_what_they_lie_in():
    table = frame().assign(dendrite=lambda t: t["spine"] % 2)
    assert measure(table, **LONG, group="mouse/dendrite").resampled == "clusters"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": "volum"}, "the data frame has no column 'volum'; did you mean 'volume'"),
        ({"where": "mouse=m9"}, "the data frame: no row has mouse=m9; column 'mouse' holds m0"),
        ({"order": [0, 4]}, "order= leaves out '12'"),
        ({"id": "spine"}, "both synapse '0' in session '0'"),
    ],
)
def test_what_is_wrong_is_said_as_of_a_file_in_pythons_words(change, message):
    with pytest.raises(DataError, match=message) as error:
        measure(frame(), **(LONG | change))
    assert "--" not in str(error.value)


def test_sessions_without_an_order_ask_for_one():
    with pytest.raises(DataError, match="order=") as error:
        measure(frame(("pre", "post", "late")), **LONG)
    assert "--" not in str(error.value)


def test_the_row_of_a_negative_size_is_named():
    table = frame()
    table.loc[7, "volume"] = -0.5
    with pytest.raises(DataError, match=r"row 7 \(counted from 0\) of column 'volume' is -0.5"):
        measure(table, **LONG)
    assert np.isnan(measure(table, **LONG, detection_limit=0.01).log_sizes[2, 1])


@pytest.mark.parametrize(
    ("sessions", "given", "message"),
    [
        (frame(), {"id": "spine", "size": "volume"}, "id and size without session"),
        ([[1.0], [2.0]], LONG, "columns of a data frame, and a list has none"),
        (frame(), LONG | {"groups": ["a"] * 90}, "of a long table name the column, group"),
        (frame()[["volume"]], {"group": "mouse"}, "are for long tables"),
        ([[1.0], [2.0]], {"replicates": True}, "are for long tables"),
    ],
)
def test_arguments_of_two_shapes_contradict_each_other(sessions, given, message):
    with pytest.raises(UsageError, match=message):
        measure(sessions, **given)
