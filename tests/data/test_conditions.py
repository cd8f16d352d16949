"""Conditions choose rows of any table, are parsed and never evaluated, and never leave nothing."""

import numpy as np
import pytest

from steepest.data.conditions import parse_condition, where
from steepest.data.tables import open_file, read_columns, take_columns
from steepest.errors import DataError, UsageError

TEXT = """\
arm,day,date,size
trained,1,2019-06-20,1
sham,2,2019-06-24,2
sham,12,,3
,3.0,2019-07-01,4
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "sizes.csv"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize(
    ("conditions", "rows"),
    [
        (["arm=sham"], [3, 4]),
        (["arm != sham"], [2, 5]),
        (["arm==sham", "day<=2"], [3]),
        (["day=3"], [5]),
        (["day>2"], [4, 5]),
        (["day>=2.0", "day<12"], [3, 5]),
        (["date<2019-06-25"], [2, 3]),
        (["date>=2019-06-24"], [3, 5]),
        (["3>1"], [3, 4, 5]),  # a column's number, where none is called 3
    ],
)
def test_rows_are_chosen_and_keep_their_numbers(path, conditions, rows):
    chosen = where(open_file(path), [parse_condition(text) for text in conditions])
    assert take_columns(chosen, ["size"]).rows.tolist() == rows


def test_arrays_are_chosen_from_as_texts_are(path, tmp_path):
    arrays = tmp_path / "sizes.npz"
    np.savez(arrays, arm=np.array(["a", "b", "a"]), size=np.array([1.0, 2.0, 3.0]))
    columns = take_columns(where(open_file(arrays), [parse_condition("arm=a")]), ["size"])
    assert (columns.rows.tolist(), columns["size"].tolist()) == ([0, 2], [1.0, 3.0])


def test_a_bad_cell_in_a_row_that_is_not_chosen_is_no_error(tmp_path):
    path = tmp_path / "sizes.csv"
    path.write_text("arm,size\na,1\nb,unclear\na,2\n")
    with pytest.raises(DataError, match="row 3"):
        read_columns(path, ["size"])
    chosen = where(open_file(path), [parse_condition("arm=a")])
    assert take_columns(chosen, ["size"])["size"].tolist() == [1, 2]


@pytest.mark.parametrize("text", ["arm", "=a", "arm=", "__import__('os').getcwd()", ""])
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(UsageError, match="is no condition: write COLUMN=VALUE"):
        parse_condition(text)


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("arm=shan", "no row has arm=shan; did you mean 'sham'. Column 'arm' holds trained, sham"),
        ("day>99", "no row has day>99"),
        ("arms=sham", "no column 'arms'; did you mean 'arm'"),
        ("arm<3", "--where arm<3 compares column 'arm', which holds 'trained', with '3'"),
        ("day<2019-06-20", "< needs numbers, or dates written alike"),
        ("arm=__import__('os').getcwd()", "no row has"),
    ],
)
def test_a_condition_that_leaves_nothing_or_cannot_be_asked_says_why(path, condition, says):
    with pytest.raises(DataError, match=says):
        where(open_file(path), [parse_condition(condition)])
