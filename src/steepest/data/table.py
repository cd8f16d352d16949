"""What an opened file holds: columns of text or of arrays, with their names and rows."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from steepest.errors import DataError

__all__ = ["ArrayTable", "Column", "Table", "TextTable"]

Column = tuple[Float[np.ndarray, " rows"], Callable[[int], str]]


@dataclass(frozen=True, eq=False)
class TextTable:
    """Cells of a text file; a column is its numbers, NaN where a cell is none, and its cells."""

    names: list[str]
    named: bool
    cells: list[np.ndarray]
    file_rows: np.ndarray
    decimal_comma: bool
    path: Path

    counted_from_1 = True

    def column(self, place: int) -> Column:
        cells = self.cells[place]
        text = np.char.replace(cells, ",", ".") if self.decimal_comma else cells
        try:
            numbers = text.astype(np.float64)
        except ValueError:
            numbers = np.array([_number(cell) for cell in text.tolist()])
        if self.decimal_comma:
            self._refuse_two_marks(place, np.isfinite(numbers))
        return numbers, lambda at: str(cells[at])

    def labels(self, place: int) -> list[str]:
        return [str(cell) for cell in self.cells[place]]

    def rows(self, count: int) -> Int[np.ndarray, " rows"]:
        return self.file_rows[:count]

    def _refuse_two_marks(self, place: int, is_number: np.ndarray) -> None:
        # 1,234 beside 2.5 may be a thousand: only a column of one mark can be read safely.
        cells = self.cells[place]
        marked = [is_number & (np.char.find(cells, mark) >= 0) for mark in ",."]
        if not (marked[0].any() and marked[1].any()):
            return
        first, second = sorted(int(having.argmax()) for having in marked)
        raise DataError(
            f"{self.path}: row {self.file_rows[second]} of column {self.names[place]!r} is"
            f" {str(cells[second])!r}, where row {self.file_rows[first]} is {str(cells[first])!r}:"
            " write either a decimal comma or a decimal point throughout, and nothing between"
            " thousands"
        )


@dataclass(frozen=True, eq=False)
class ArrayTable:
    """Arrays of a NumPy or Parquet file, each of one dimension where it is used as a column."""

    names: list[str]
    named: bool
    arrays: list[np.ndarray]
    path: Path
    file_rows: np.ndarray | None = None

    counted_from_1 = False

    def column(self, place: int) -> Column:
        array, name = self.arrays[place], self.names[place]
        if array.ndim != 1:
            raise DataError(
                f"{self.path}: array {name!r} has {array.ndim} dimensions: a column has one"
            )
        if array.dtype.kind not in "fiub":
            raise DataError(
                f"{self.path}: column {name!r} holds values of type {array.dtype}, not real numbers"
            )
        return array.astype(np.float64), lambda at: str(array[at])

    def labels(self, place: int) -> list[str]:
        array = self.arrays[place]
        if array.ndim != 1:
            raise DataError(
                f"{self.path}: array {self.names[place]!r} has {array.ndim} dimensions: a column"
                " has one"
            )
        whole = array.dtype.kind == "f" and np.all(np.isfinite(array) & (array == np.round(array)))
        return [str(label) for label in (array.astype(np.int64) if whole else array).tolist()]

    def rows(self, count: int) -> Int[np.ndarray, " rows"]:
        return np.arange(count) if self.file_rows is None else self.file_rows[:count]


Table = TextTable | ArrayTable


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return np.nan
