"""Cells cut out of the bytes are those that a reader of CSV finds."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from steepest.data.labels import Labels
from steepest.data.lines import Lines
from steepest.data.text_cells import TextCells

CELLS = [
    ["a", "0.5", "", "day 0"],
    ["spine_0001_of_dendrite_12", "1e-3", "NA", "day 0"],
    ["é", " 2 ", "nan", " day 0 "],
    ["", "-7", "3", "day 4"],
    ["a", "12.345678901234567", "4", "day 4"],
]


def cells_of(text, separator=",", width=4, kept=None):
    lines = Lines.of(text.encode())
    kept = np.arange(lines.numbers.size) if kept is None else kept
    return TextCells(Path("a.csv"), lines, kept, separator, width)


def written(separator=",", quoting=csv.QUOTE_MINIMAL):
    text = io.StringIO()
    csv.writer(text, delimiter=separator, quoting=quoting, lineterminator="\n").writerows(CELLS)
    return text.getvalue()


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL], ids=["plain", "quoted"])
def test_texts_are_the_cells_without_blanks_around_them(separator, quoting):
    cells = cells_of(written(separator, quoting), separator)
    columns = cells(range(4), [])
    for place, column in columns.items():
        assert column.dtype.kind == "S"  # no object was made of each
        assert Labels.of(column).texts().tolist() == [row[place].strip() for row in CELLS]


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL], ids=["plain", "quoted"])
def test_numbers_are_exact_and_what_says_nothing_is_none(quoting):
    numbers = cells_of(written(quoting=quoting))([1], [1])[1]
    assert numbers.tolist() == [0.5, 1e-3, 2, -7, 12.345678901234567]
    sparse = cells_of("1,\n,2\n", width=2)([0, 1], [0, 1])
    np.testing.assert_array_equal(sparse[0], [1, np.nan])
    np.testing.assert_array_equal(sparse[1], [np.nan, 2])


@pytest.mark.parametrize("odd", ["lost", "1_000", "0x10", "NA"])
def test_a_column_with_a_cell_that_is_no_number_comes_as_text(odd):
    column = cells_of(f"1,{odd}\n2,3\n", width=2)([1], [1])[1]
    assert Labels.of(column).texts().tolist() == [odd, "3"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a,"b,c"\nd,e\n', ["b,c", "e"]),  # a separator within quotes
        ('a,"b""c"\nd,e\n', ['b"c', "e"]),  # a quote within quotes
        ('a, "b"\nd,e\n', ["b", "e"]),  # a blank before the quote
        ("a\nd,e\n", ["", "e"]),  # a row that ends early
        ("a," + "b" * 1000 + "\nd,e\n" + "f,g\n" * 50, ["b" * 1000, "e"] + ["g"] * 50),
    ],
)
def test_rows_that_are_not_alike_are_read_all_the_same(text, expected):
    column = cells_of(text, width=2)([1], [])[1]
    assert Labels.of(column).texts().tolist() == expected


def test_rows_between_others_are_left_out():
    text = "".join(",".join(row) + "\n" for row in CELLS)
    column = cells_of(text, kept=np.array([1, 4]))([1, 0], [1])
    assert column[1].tolist() == [1e-3, 12.345678901234567]
    assert Labels.of(column[0]).names == ("spine_0001_of_dendrite_12", "a")


@pytest.mark.parametrize("width", [1, 3, 8, 9, 20])
def test_labels_of_bytes_are_those_of_texts(width):
    rng = np.random.default_rng(width)
    letters = rng.choice(list("ab é"), (300, min(width, 3)))
    texts = ["x" * (width - 3) + "".join(row) for row in letters]
    of_bytes = Labels.of(np.array([text.encode() for text in texts]))
    of_texts = Labels.of([text.strip() for text in texts])
    assert of_bytes.names == of_texts.names
    np.testing.assert_array_equal(of_bytes.codes, of_texts.codes)
