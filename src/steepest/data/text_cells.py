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

from steepest.data.header import NOTHING
from steepest.data.lines import Lines
from steepest.data.opening import refusing
from steepest.data.table import stripped

__all__ = ["TextCells"]

_WIDE = 2000  # columns; pandas takes .1 ms for each, however few its rows
_WORD = 8  # bytes
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
        if not self._has_quotes:
            return True
        codes = self.lines.codes
        quotes = np.flatnonzero(codes == ord('"'))
        edge = (codes == ord(self.separator)) | (codes == ord("\n"))
        edge = np.concatenate([[True], edge])  # before the place, not at it
        opening, closing = quotes[::2], quotes[1::2]
        return bool(edge[opening].all() and edge[closing + 2].all())

    # What is asked of the whole text is asked once, however many its columns.
    @cached_property
    def _has_quotes(self) -> bool:
        return b'"' in self.lines.content

    @cached_property
    def _odd(self) -> list[bytes]:
        """Marks in the text with which a cell may be a number to Python, and none to us."""
        odd = (b"_", b",") if self.separator == ";" else (b"_",)
        return [mark for mark in odd if mark in self.lines.content]

    @cached_property
    def _every(self) -> np.ndarray:
        """Eight bytes from every place in the text on; those beyond a cell are cut off."""
        padded = self.lines.content + bytes(_WORD * _LONG)
        return np.ndarray(len(padded) - _WORD + 1, "<u8", padded, strides=(1,))

    def _cut(self, place: int, number: bool) -> np.ndarray:
        """A column as bytes, or as numbers if all its cells are that or say nothing."""
        start, stop = self._spans(place)
        content = self.lines.content
        if self._has_quotes:
            quoted = self.lines.codes[start] == ord('"')
            start, stop = start + quoted, stop - quoted
        length = stop - start
        words = -(-max(int(length.max()), 1) // _WORD)
        if words > _LONG:
            spans = zip(start.tolist(), stop.tolist(), strict=True)
            texts = np.array([content[first:last] for first, last in spans])
            return self._parsed(texts, length > 0) if number else texts
        cells = np.empty((length.size, words), dtype="<u8")
        for at in range(words):
            cells[:, at] = self._every[start + _WORD * at]
            left = length if words == 1 else np.clip(length - _WORD * at, 0, _WORD)
            cells[:, at] &= _FIRST_BYTES[left]
        texts = cells.view(f"S{_WORD * words}")[:, 0]
        return self._parsed(texts, length > 0) if number else texts

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

    def _parsed(self, cells: np.ndarray, said: np.ndarray) -> np.ndarray:
        """Bytes as numbers, or as they are where one is none."""
        # 1_000 is a number to Python alone; a decimal comma is looked at apart.
        if cells.dtype.itemsize > _LONGEST:
            return cells
        if self._odd and any(mark in cells.tobytes() for mark in self._odd):
            return cells
        try:
            if said.all():
                return cells.astype(np.float64)
            numbers = np.full(cells.size, np.nan)
            numbers[said] = cells[said].astype(np.float64)
        except ValueError:
            return cells
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
