"""Text as laboratories write it: what stands above the header, lines, and numbers."""

import tracemalloc
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from steepest.data import read_columns
from steepest.data.text import text_table
from steepest.errors import DataError


@pytest.fixture
def read(tmp_path):
    def read(text, columns, **options):
        path = tmp_path / "sizes.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_columns(path, columns, **options)

    return read


ROWS = "s1,0.5,1.5\ns2,0.75,2\n"
ABOVE = {
    "comments": "# mouse 3\n# day, 4\nid,before,after\n",
    "a title": "Mouse 3\nid,before,after\n",
    "a title over columns": "Mouse 3,,\n,,\nid,before,after\n",
    "the separator": "sep=,\nid,before,after\n",
    "a header in a comment": "# made by hand\n#id,before,after\n",
    "blank lines": "\n\nid,before,after\n",
}


@pytest.mark.parametrize("kind", ABOVE)
def test_what_stands_above_the_rows_is_understood(kind, read):
    columns = read(ABOVE[kind] + ROWS, ["before", "after"], labels=["id"])
    np.testing.assert_array_equal(columns["after"], [1.5, 2])
    assert columns.labels == (("s1", "s2"),)
    assert columns.rows[0] == ABOVE[kind].count("\n") + 1


def test_a_stated_separator_is_taken_whatever_the_cells_hold(read):
    columns = read("sep=;\nbefore;after\n0,5;1,5\n", ["before", "after"])
    assert [*columns["before"], *columns["after"]] == [0.5, 1.5]


@pytest.mark.parametrize(
    ("first", "header"),
    [
        ("spine,0,4", 1),  # a word over labels that are numbered
        (",0,4", 1),  # a corner left empty
        ("m1,-15,-10,2", 1),  # days that rise over sizes
        ("m1,1,2", None),
        ("d0,0.61,0.59", None),  # a synapse like the others
        ("d0,NA,0.59", None),
    ],
)
def test_a_header_is_told_by_what_stands_under_it(first, header, tmp_path):
    more = ",3.5" * (first.count(",") - 2)
    text = f"{first}\nd1,0.5,1.5{more}\nd2,0.75,2.5{more}\n"
    table = text_table(tmp_path, text.encode())
    assert table.header == header
    assert table.file_rows[0] == (2 if header else 1)


def test_names_that_are_asked_for_make_a_header_of_numbers(read):
    text = "7,9,11\n0.5,0.6,0.7\n1.5,1.6,1.7\n"
    np.testing.assert_array_equal(read(text, ["9"]).arrays[0], [0.6, 1.6])
    np.testing.assert_array_equal(read(text, ["1"]).arrays[0], [9, 0.6, 1.6])


def test_the_line_of_the_header_can_be_said(read):
    text = "1,2\n3,4\n5,6\n"
    assert read(text, ["4"], header_row=2).arrays[0].tolist() == [6]
    assert read("id,a\ns,2\n", ["1"], header_row="none", missing=False, absent=["a"]).arrays[
        0
    ].tolist() == [0, 2]
    with pytest.raises(DataError, match="nothing in line 9, which should be its header"):
        read(text, ["4"], header_row=9)


@pytest.mark.parametrize(("written", "typed"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_a_name_is_the_same_however_its_accents_are_stored(written, typed, read):
    header = unicodedata.normalize(written, "größe")
    columns = read(f"id,{header}\ns1,2\n", [unicodedata.normalize(typed, "größe")])
    assert columns.arrays[0].tolist() == [2]


def test_underscores_make_no_number(read):
    with pytest.raises(DataError, match="row 2 of column 'before' is '1_000', not a finite"):
        read("id,before\na,1_000\nb,2\n", ["before"])


def test_lines_are_counted_as_an_editor_counts_them(read):
    text = 'id,before\n"two\nlines",1\n\x0c s,2\n\n"x ""y""\n",3\n'
    columns = read(text.replace("\n", "\r\n"), ["before"], labels=["id"])
    assert columns.rows.tolist() == [2, 4, 6]
    assert columns.labels[0][0] == "two lines"
    assert columns.labels[0][2].strip() == 'x "y"'


def test_rows_that_are_too_long_are_named_by_their_line(read):
    with pytest.raises(DataError, match="row 5 has 3 cells where the first row has 2"):
        read('# note\na,b\n1,"2,5"\n\n1,2,3\n', ["a"])


def test_only_the_columns_in_use_are_converted(read):
    note = "n" * 1_000_000
    text = f"note,before,after\n{note},1,2\n" + "x,3,4\n" * 2000
    tracemalloc.start()
    columns = read(text, ["before", "after"])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert columns.rows.size == 2001
    assert most < 20 * len(text)
    with pytest.raises(DataError, match=r"row 2 of column 'note' is 'n{60}\.\.\.'"):
        read(text, ["note"])


def test_a_very_long_cell_costs_its_length_whatever_is_asked_of_it(read):
    # Rows as long as one another: each is cut straight out of the text.
    first, second = "n" * 20_000, "m" * 20_000
    text = f"note,before\n{first},1\n{second},2\n{first},3\n"
    columns = read(text, ["before"], labels=["note"])
    assert columns.arrays[0].tolist() == [1, 2, 3]
    assert columns.labels[0] == (first, second, first)
    with pytest.raises(DataError, match=r"row 2 of column 'note' is 'n{60}\.\.\.'"):
        read(text, ["note"])


def test_many_columns_are_read_by_those_in_use(read):
    count = 2100
    text = ",".join(f"c{i}" for i in range(count)) + "\n"
    text += "\n".join(",".join(map(str, range(row, count + row))) for row in range(3))
    assert read(text, ["c7", f"c{count - 1}"]).arrays[0].tolist() == [7, 8, 9]
    every = read(text, [f"c{i}" for i in range(count)])
    assert every.arrays[2099].tolist() == [2099, 2100, 2101]


def test_a_line_that_holds_everything_is_refused(read):
    with pytest.raises(DataError, match="line 1 has 1,000,002 cells: a table has one synapse"):
        read("1," * 1_000_001, [0])


@pytest.mark.parametrize("start", [0, 1])
def test_an_empty_corner_over_the_numbers_of_the_rows_is_a_header(start):
    # What a data frame of pandas writes, here with days as names.
    rows = "".join(f"{start + at},{0.5 + at},{1.5 + at}\n" for at in range(4))
    table = text_table(Path("a.csv"), f",1,4\n{rows}".encode(), asked=["1", "4"])
    assert (table.names, table.header) == (["", "1", "4"], 1)


def test_an_empty_first_cell_over_sizes_is_data():
    table = text_table(Path("a.csv"), b",1,4\n0.5,1.5,2.5\n0.75,1.5,2\n")
    assert table.header is None
