"""Cells of text as arrays: straight from the bytes where rows are alike, else through pandas."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from steepest.data.decimals import plain_decimals
from steepest.data.header import NOTHING
from steepest.data.lines import Lines
from steepest.data.opening import refusing
from steepest.data.table import stripped

__all__ = ["TextCells"]

_WIDE = 2000  # columns; pandas takes .1 ms for each, however few its rows
_WORD = 8  # bytes
_BLOCK = 1 << 14  # rows that stay in a processor's cache
_FIRST_BYTES = np.array([(1 << (8 * count)) - 1 for count in range(_WORD + 1)], dtype="<u8")
_LONG = 64  # words of a cell, beyond which cells are cut one by one
_LONGEST = 4096  # bytes that a number may have
_SPARSE = 8  # how much longer the longest row may be than rows are, for all to be as long
_NOTHING = [spelled for word in NOTHING for spelled in (word, word.upper(), word.title(), "NaN")]


@dataclass(frozen=True, eq=False)
class TextCells:
    """The cells of the lines that are `kept` (rows, without their header), each of them `width`.

    Where every row has as many cells, and quotes stand around cells only, a column is cut out of
    the bytes as it is; else pandas takes it.
    """

    path: Path
    lines: Lines
    kept: Int[np.ndarray, " rows"]
    separator: str
    width: int

    def __call__(self, places: Sequence[int], floats: Sequence[int]) -> dict[int, np.ndarray]:
        with refusing(self.path, "is not a table"):
            if self._alike:
                numbers = set(floats)
                return {place: self._cut(place, place in numbers) for place in places}
            if len(places) > _WIDE:
                rows = self._rows()
                return {place: stripped([row[place] for row in rows]) for place in places}
            try:
                frame = self._read(places, floats)
            except ValueError:  # some cell is no number
                frame, floats = self._read(places, []), []
            numbers = set(floats)
            return {
                place: frame[place].to_numpy() if place in numbers else self._stripped(frame[place])
                for place in places
            }

    @cached_property
    def _content(self) -> bytes:
        return self.lines.joined(self.kept)

    @cached_property
    def _alike(self) -> bool:
        """Whether a cell of every row is what stands between two separators, or in quotes there."""
        if (
            len(self.separator) > 1
            or (self.lines.widths(self.separator)[self.kept] != self.width).any()
        ):
            return False
        lengths = np.diff(self.lines.bounds)[self.kept]
        if lengths.max() * lengths.size > _SPARSE * lengths.sum():
            return False
        if not self.lines.has(b'"'):
            return True
        codes = self.lines.codes
        quotes = np.flatnonzero(codes == ord('"'))
        edge = (codes == ord(self.separator)) | (codes == ord("\n"))
        edge = np.concatenate([[True], edge])  # before the place, not at it
        opening, closing = quotes[::2], quotes[1::2]
        return bool(edge[opening].all() and edge[closing + 2].all())

    def _cut(self, place: int, number: bool) -> np.ndarray:
        """A column as bytes, or as numbers if all its cells are that or say nothing."""
        start, stop = self._spans(place)
        if self.lines.has(b'"'):
            quoted = self.lines.codes[start] == ord('"')
            start, stop = start + quoted, stop - quoted
        length = stop - start
        numbers = self._parsed(start, length) if number else None
        return self._bytes(start, length) if numbers is None else numbers

    def _bytes(self, start: np.ndarray, length: np.ndarray) -> np.ndarray:
        """Cells as bytes, of which each holds as many as the longest."""
        words = -(-max(int(length.max()), 1) // _WORD)
        if words > _LONG:
            spans = zip(start.tolist(), (start + length).tolist(), strict=True)
            return np.array([self.lines.content[first:last] for first, last in spans])
        # Eight bytes at a time, of which those beyond the cell are cut off.
        every = self.lines.words
        cells = np.empty((length.size, words), dtype="<u8")
        for first in range(0, length.size, _BLOCK):
            block = slice(first, first + _BLOCK)
            begin, long = start[block], length[block]
            cells[block, 0] = every[begin] & _FIRST_BYTES[np.minimum(long, _WORD)]
            for at in range(1, words):
                # Where a cell is shorter than that, nothing is kept of what stands there.
                place = np.minimum(begin + _WORD * at, every.size - 1)
                left = np.clip(long - _WORD * at, 0, _WORD)
                cells[block, at] = every[place] & _FIRST_BYTES[left]
        return cells.view(f"S{_WORD * words}")[:, 0]

    def _spans(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """Where the cells of a column begin and end."""
        ends, last = self.lines.cells(self.separator)
        kept, width = self.kept, self.width
        if kept.size == kept[-1] - kept[0] + 1:
            first = last[kept[0]] - (width - 1)
            table = ends[first : last[kept[-1]] + 1].reshape(-1, width)
            before, stop = table[:, place - 1], table[:, place]
        else:
            at = last[kept] - (width - 1 - place)
            before, stop = ends[at - 1], ends[at]
        return (self.lines.bounds[kept] if place == 0 else before + 1), stop

    def _parsed(self, start: np.ndarray, length: np.ndarray) -> np.ndarray | None:
        """Cells as numbers, NaN where one says nothing; None where one is no number."""
        numbers, plain = plain_decimals(self.lines.words, start, length)
        others = np.flatnonzero(~plain)
        numbers[others] = np.nan
        others = others[length[others] > 0]
        if not others.size:
            return numbers
        cells = self._bytes(start[others], length[others])
        # 1_000 is a number to Python alone; a decimal comma is looked at apart.
        if cells.dtype.itemsize > _LONGEST:
            return None
        odd = b"_," if self.separator == ";" else b"_"
        present = [mark for mark in map(bytes, zip(odd, strict=True)) if self.lines.has(mark)]
        if present and any(mark in cells.tobytes() for mark in present):
            return None
        try:
            numbers[others] = cells.astype(np.float64)
        except ValueError:
            return None
        return numbers

    def _stripped(self, column: Any) -> np.ndarray:
        return stripped(column.tolist()) if self._padded else column.to_numpy(dtype=object)

    @cached_property
    def _padded(self) -> bool:
        """Whether blanks may stand at the end of a cell."""
        blanks = [blank for blank in (b" ", b"\t") if blank in self._content]
        ends = [self.separator.encode(), b"\n", b'"']
        return any(blank + end in self._content for blank in blanks for end in ends)

    def _read(self, places: Sequence[int], floats: Sequence[int]) -> Any:
        import pandas as pd  # only for a table of text, and only for one that is text

        exact: Any = {"dtype": dict.fromkeys(places, object) | dict.fromkeys(floats, np.float64)}
        if tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1):  # later it is exact by itself
            exact["float_precision"] = "round_trip"
        return pd.read_csv(
            io.BytesIO(self._content),
            sep=self.separator,
            header=None,
            names=range(self.width),
            usecols=sorted(set(places)),
            decimal="," if self.separator == ";" and b"," in self._content else ".",
            index_col=False,
            na_values=dict.fromkeys(floats, _NOTHING),
            keep_default_na=False,
            skip_blank_lines=False,
            skipinitialspace=True,
            **exact,
        )

    def _rows(self) -> list[list[str]]:
        text = io.StringIO(self._content.decode(), newline="")
        if len(self.separator) == 1:
            rows = list(csv.reader(text, delimiter=self.separator, skipinitialspace=True))
        else:
            rows = [line.split() for line in text]
        return [row + [""] * (self.width - len(row)) for row in rows]
