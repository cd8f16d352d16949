"""What an opened file holds: columns of text or of arrays, with their names and rows.

Only the columns that are asked for are ever turned into numbers or labels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from steepest.data.labels import Labels
from steepest.data.opening import refusing
from steepest.errors import DataError

__all__ = ["ArrayTable", "Column", "Table", "TextTable", "listed", "number", "shown", "stripped"]

MOST_COLUMNS = 1_000_000
"""A file with more columns is no table of synapses or units."""

Column = tuple[Float[np.ndarray, " rows"], Callable[[int], str]]


Cells = Callable[[Sequence[int], Sequence[int]], dict[int, np.ndarray]]
"""Takes columns by place, as arrays of str without blanks at the ends of a cell, or of bytes.

The second argument says which may come as float64 instead, NaN where a cell says nothing.
"""


def listed(columns: list[list[str]]) -> Cells:
    """Cells that are lists of texts already, one for each column."""
    return lambda places, _: {place: stripped(columns[place]) for place in places}


def shown(text: str) -> str:
    """A cell or a name as messages quote it, cut where it is long.

    >>> shown("lost"), len(shown("x" * 1000))
    ("'lost'", 65)
    """
    return repr(text if len(text) <= 60 else f"{text[:60]}...")


def stripped(cells: list[str]) -> np.ndarray:
    """Cells without blanks at their ends; an array of str objects, each of its own length."""
    array = np.empty(len(cells), dtype=object)
    array[:] = [cell.strip() for cell in cells]
    return array


@dataclass(frozen=True, eq=False)
class TextTable:
    """Cells of text; a column is its numbers, NaN where a cell is none, and its cells.

    `header` is the line of the file that names the columns, None where there is none.
    """

    names: list[str]
    header: int | None
    cells: Cells
    file_rows: np.ndarray
    decimal_comma: bool
    path: Path
    _read: dict[int, np.ndarray] = field(default_factory=dict, repr=False)
    _labels: dict[int, Labels] = field(default_factory=dict, repr=False)

    counted_from_1 = True

    @property
    def named(self) -> bool:
        return self.header is not None

    @property
    def note(self) -> str | None:
        """What was taken for the header, as a sentence, where that is not the first line."""
        if self.header is None:
            return (
                f"{self.path.name} has no header: its columns go by number, and line"
                f" {self.file_rows[0]} is data; --header-row says otherwise."
            )
        if self.header > 1:
            return (
                f"The columns are named in line {self.header} of {self.path.name}; what stands"
                " above it is left out."
            )
        return None

    @cached_property
    def places(self) -> dict[str, list[int]]:
        """Where the columns of each name are."""
        return _places(self.names)

    def select(self, rows: Int[np.ndarray, " k"]) -> "TextTable":
        """Some rows, which keep the numbers that they have in the file."""

        def cells(places: Sequence[int], floats: Sequence[int]) -> dict[int, np.ndarray]:
            return {place: array[rows] for place, array in self.cells(places, floats).items()}

        labels = {place: labels.select(rows) for place, labels in self._labels.items()}
        read = {place: array[rows] for place, array in self._read.items()}
        kept = self.file_rows[rows]
        return replace(self, cells=cells, file_rows=kept, _read=read, _labels=labels)

    def prepare(self, places: Sequence[int], labels: Sequence[int] = ()) -> None:
        """Read several columns at one go; those asked for later are read when they are."""
        wanted = [place for place in dict.fromkeys([*places, *labels]) if place not in self._read]
        if wanted:
            texts = set(labels)
            self._read.update(self.cells(wanted, [at for at in wanted if at not in texts]))

    def column(self, place: int) -> Column:
        self.prepare([place])
        array = self._read[place]
        numbers = array if array.dtype == np.float64 else self._parsed(place)
        return numbers, lambda at: self.labels(place)[at]

    def labels(self, place: int) -> Labels:
        """The cells of a column, which is read once more where it came as numbers."""
        if place not in self._labels:
            array = self._read.get(place)
            if array is None or array.dtype == np.float64:
                array = self.cells([place], [])[place]
            self._labels[place] = Labels.of(array)
        return self._labels[place]

    def rows(self, count: int) -> Int[np.ndarray, " rows"]:
        return self.file_rows[:count]

    def _parsed(self, place: int) -> np.ndarray:
        labels = self.labels(place)
        texts = labels.names
        if self.decimal_comma:
            texts = [text.replace(",", ".") for text in texts]
        numbers = np.fromiter(map(number, texts), dtype=np.float64, count=len(texts))
        if self.decimal_comma:
            self._refuse_two_marks(place, labels, np.isfinite(numbers))
        return numbers[labels.codes]

    def _refuse_two_marks(self, place: int, labels: Labels, is_number: np.ndarray) -> None:
        # 1,234 beside 2.5 may be a thousand: only a column of one mark can be read safely.
        marked = [is_number & np.array([mark in cell for cell in labels.names]) for mark in ",."]
        if not (marked[0].any() and marked[1].any()):
            return
        first, second = sorted(int(having[labels.codes].argmax()) for having in marked)
        raise DataError(
            f"{self.path}: row {self.file_rows[second]} of column {shown(self.names[place])} is"
            f" {shown(labels[second])}, where row {self.file_rows[first]} is"
            f" {shown(labels[first])}: write either a decimal comma or a decimal point throughout,"
            " and nothing between thousands"
        )


@dataclass(frozen=True, eq=False)
class ArrayTable:
    """Arrays of a file of numbers, each of one dimension where it is used as a column.

    `convert` makes an array of what a library holds, when it is asked for.
    """

    names: list[str]
    named: bool
    arrays: Sequence[Any]
    path: Path
    convert: Callable[[Any], np.ndarray] = np.asarray
    file_rows: np.ndarray | None = None

    counted_from_1 = False
    note = None

    @cached_property
    def places(self) -> dict[str, list[int]]:
        """Where the columns of each name are."""
        return _places(self.names)

    def select(self, rows: Int[np.ndarray, " k"]) -> "ArrayTable":
        """Some rows, which keep the numbers that they have in the file.

        Raises DataError where the columns are of several lengths.
        """
        lengths = sorted({len(array) for array in self.arrays})
        if len(lengths) > 1:
            raise DataError(
                f"{self.path}: its columns have {' and '.join(map(str, lengths))} rows: columns"
                " must be of one length"
            )
        kept = self.rows(max(lengths, default=0))[rows]
        return replace(self, convert=lambda array: self.convert(array)[rows], file_rows=kept)

    def prepare(self, places: Sequence[int], labels: Sequence[int] = ()) -> None:
        """Nothing: arrays are at hand."""

    def column(self, place: int) -> Column:
        array = self.array(place)
        if array.dtype.kind not in "fiub":
            raise DataError(
                f"{self.path}: column {shown(self.names[place])} holds values of type"
                f" {array.dtype}, not real numbers"
            )
        with np.errstate(over="ignore"):  # what is too large for float64 is infinite, and refused
            return array.astype(np.float64, copy=False), lambda at: str(array[at])

    def labels(self, place: int) -> Labels:
        """The cells of a column as texts; whole numbers without a decimal point."""
        array = self.array(place)
        whole = array.dtype.kind == "f" and np.all(
            np.isfinite(array) & (array == np.round(array)) & (np.abs(array) < 2**63)
        )
        return Labels.of(array.astype(np.int64) if whole else array)

    def rows(self, count: int) -> Int[np.ndarray, " rows"]:
        return np.arange(count) if self.file_rows is None else self.file_rows[:count]

    def array(self, place: int) -> np.ndarray:
        """A column of any kind. Raises DataError where it is none of one dimension."""
        name = self.names[place]
        with refusing(self.path, f"column {shown(name)} cannot be read"):
            array = self.convert(self.arrays[place])
        if array.ndim != 1:
            raise DataError(
                f"{self.path}: array {shown(name)} has {array.ndim} dimensions: a column has one"
            )
        return array


Table = TextTable | ArrayTable


def _places(names: Sequence[str]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        places.setdefault(name, []).append(place)
    return places


def number(cell: str) -> float:
    """The number in a cell, NaN where there is none; 1_000, a number to Python alone, is none."""
    if "_" in cell:
        return np.nan
    try:
        return float(cell)
    except ValueError:
        return np.nan
