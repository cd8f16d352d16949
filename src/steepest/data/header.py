"""What stands above the rows of a text table: `sep=`, comments, a title, the names of the columns.

A header is told by what stands under it: a word over numbers, a corner left empty, whole numbers
that rise (days) over sizes. Where that leaves it open, the first row is data.
"""

import csv
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

from steepest.data.table import number
from steepest.errors import DataError, UsageError

__all__ = [
    "NOTHING",
    "HeaderRow",
    "Layout",
    "Line",
    "Row",
    "find_layout",
    "find_separator",
    "parse_header_row",
    "says_nothing",
    "split_cells",
]

HeaderRow = int | Literal["none"] | None
"""The line of the header, counted from 1 as an editor counts, "none", or None: find it."""

Row = tuple[int, list[str]]
"""A line's number in the file, and its cells."""

Line = tuple[int, str]
"""A line's number in the file, and its text."""

NOTHING = {"", "na", "n/a", "#n/a", "<na>", "nan", "null", "none"}


@dataclass(frozen=True)
class Layout:
    """The names of the columns, the line they stand in (or None), and the first line of data."""

    names: list[str]
    header: int | None
    first: int


def parse_header_row(text: str | None) -> HeaderRow:
    """The line of the header as it is typed: a number from 1, or none. Raises UsageError.

    >>> parse_header_row("3"), parse_header_row("none"), parse_header_row(None)
    (3, 'none', None)
    """
    if text is None:
        return None
    if text.strip().lower() == "none":
        return "none"
    if re.fullmatch(r"0*[1-9]\d{0,8}", text.strip(), flags=re.ASCII):
        return int(text)
    raise UsageError(
        f"--header-row {text[:40]!r}: give the number of its line, counted from 1, or none"
    )


def says_nothing(cell: str) -> bool:
    """Whether a cell is empty or says that there is no value.

    >>> says_nothing("N/A"), says_nothing("0")
    (True, False)
    """
    return cell.strip().lower() in NOTHING


def find_separator(sample: Sequence[Line]) -> tuple[str, Sequence[Line]]:
    """What separates cells, and the lines that are left: a first line `sep=;` is none of them.

    Tab, semicolon or comma, the first that the first row holds outside quotes, else blanks (as the
    pattern of any number of them).

    >>> find_separator([(1, "sep=;"), (2, "before;after")])
    (';', [(2, 'before;after')])
    """
    stated = re.fullmatch(r'"?sep=(\\t|.)"?\s*', sample[0][1][:20], flags=re.IGNORECASE)
    if stated and len(sample) > 1:
        mark = "\t" if stated[1] == "\\t" else stated[1]
        return (r"\s+" if mark == " " else mark), sample[1:]
    texts = [text[:10_000] for _, text in sample if not text.startswith("#")][:6]
    if not texts:
        return ",", sample
    first, *others = (re.sub(r'"[^"]*"', "", text) for text in texts)
    for mark in "\t;,":
        if mark in first or (others and all(mark in other for other in others)):
            return mark, sample
    spaced = [len(text.split()) > 1 for text in others] or [" " in first]
    return (r"\s+" if all(spaced) else ","), sample


def find_layout(
    path: Path,
    rows: Sequence[Row],
    *,
    header_row: HeaderRow = None,
    asked: Sequence[str] = (),
    comments: Sequence[Row] = (),
    row: Callable[[int], list[str] | None],
) -> Layout:
    """Which row names the columns, told from the first rows, and where data begin.

    `header_row` settles it. Names that were `asked` for, and that stand in the first row, make it
    the header; the last of the `comments` above a row without names can be one. `row` gives the
    cells of any line. Raises DataError for a `header_row` that holds nothing.

    >>> rows = [(1, ["Mouse 3", "", ""]), (2, ["spine", "day 0", "day 4"]), (3, ["s1", ".5", ".7"])]
    >>> find_layout(Path("a.csv"), rows, row=lambda at: None)
    Layout(names=['spine', 'day 0', 'day 4'], header=2, first=3)
    """
    if isinstance(header_row, int):
        cells = row(header_row)
        if not cells or not any(cells):
            raise DataError(f"{path} has nothing in line {header_row}, which should be its header")
        return Layout(cells, header_row, header_row + 1)
    while header_row is None and len(rows) > 1 and _is_title(rows[0][1], rows[1][1]):
        rows = rows[1:]
    (at, first), body = rows[0], [cells for _, cells in rows[1:]]
    if header_row is None and _is_header(first, body, asked):
        return Layout(first, at, at + 1)
    above = [(n, cells) for n, cells in comments if n < at]
    if header_row is None and above:
        n, names = above[-1]
        if len(names) == len(first) > 1 and all(map(_is_word, names)):
            return Layout(names, n, at)
    return Layout([str(place) for place in range(len(first))], None, at)


def split_cells(text: str, separator: str) -> list[str]:
    """The cells of a line, without blanks around them and without quotes.

    >>> split_cells('"a, b"; c', ";")
    ['a, b', 'c']
    """
    if len(separator) > 1:
        return [cell.strip('"') for cell in text.split()]
    if '"' in text:
        try:
            (cells,) = csv.reader([text], delimiter=separator, skipinitialspace=True)
        except (csv.Error, ValueError):  # a cell of more than 131,072 characters
            cells = text.split(separator)
        return [cell.strip() for cell in cells]
    return [cell.strip() for cell in text.split(separator)]


def _is_title(first: list[str], second: list[str]) -> bool:
    """Whether a row stands above the header: one entry over many, or few over a row of names."""
    few, many = (sum(map(bool, cells)) for cells in (first, second))
    if few == 1:
        return many > 1
    return many >= max(3, 2 * few) and all(_is_word(cell) for cell in second if cell)


def _is_word(cell: str) -> bool:
    return bool(cell) and cell.lower() != "nan" and math.isnan(_value(cell))


def _value(cell: str) -> float:
    return number(cell.replace(",", "."))


def _counts_rows(column: list[str]) -> bool:
    """Whether a column numbers the rows, from 0 or from 1, as tables of data frames do."""
    start = column[0] if column else ""
    return (
        len(column) > 1
        and start in ("0", "1")
        and column == [str(int(start) + at) for at in range(len(column))]
    )


def _is_header(first: list[str], body: list[list[str]], asked: Sequence[str]) -> bool:
    words = [place for place, cell in enumerate(first) if _is_word(cell)]
    columns = [
        [row[place] for row in body if place < len(row) and not says_nothing(row[place])]
        for place in range(len(first))
    ]
    numeric = [bool(column) and not any(map(_is_word, column)) for column in columns]
    if any(numeric[place] and not says_nothing(first[place]) for place in words):
        return True
    if not any(numeric):
        return bool(words)
    if first[0] == "" and _counts_rows(columns[0]):
        return True
    if asked and set(asked) <= set(first):
        return not all(name.isdecimal() and int(name) < len(first) for name in asked)
    over = [place for place in range(len(first)) if numeric[place]]
    if any(says_nothing(first[place]) for place in over):
        return False
    if not words:
        # A corner left empty over the labels of the rows.
        return first[0] == "" and bool(columns[0]) and len(over) == len(first) - 1
    if any(
        columns[place]
        and not re.search(r"\d", first[place])
        and all(re.search(r"\d", cell) for cell in columns[place])
        for place in words
    ):
        return True
    if len(over) < 3 or not all(re.fullmatch(r"[-+]?\d+", first[place]) for place in over):
        return False
    rising = all(a < b for a, b in pairwise(int(first[place]) for place in over))
    sizes = (_value(cell) for place in over for cell in columns[place])
    return rising and any(size % 1 != 0 for size in sizes)
