"""The lines of a text, and the cells in them, found and counted as bytes.

A long cell, a long line or many columns cost their own size and no more.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int, UInt8, UInt64

from steepest.data.header import Line

__all__ = ["Lines"]

_SAMPLE = 20  # lines that tell what a table is like
_FIRST = 2000  # lines among which they are looked for


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines of a text in UTF-8: where each begins and ends in it, and its number in the file."""

    content: bytes
    bounds: Int[np.ndarray, " bounds"]
    numbers: Int[np.ndarray, " lines"]
    _cells: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, repr=False)
    _widths: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    _marks: dict[bytes, bool] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, content: bytes) -> "Lines":
        if not content.endswith(b"\n"):
            content += b"\n"
        ends = _places(np.frombuffer(content, dtype=np.uint8) == ord("\n"))
        bounds = np.zeros(ends.size + 1, dtype=ends.dtype)
        bounds[1:] = ends + 1
        return cls(content, bounds, np.arange(1, ends.size + 1, dtype=ends.dtype))

    @property
    def codes(self) -> UInt8[np.ndarray, " bytes"]:
        """The bytes as numbers."""
        return np.frombuffer(self.content, dtype=np.uint8)

    def has(self, mark: bytes) -> bool:
        """Whether a byte stands anywhere in the text, which is looked through once for each."""
        if mark not in self._marks:
            self._marks[mark] = mark in self.content
        return self._marks[mark]

    @cached_property
    def words(self) -> UInt64[np.ndarray, " bytes"]:
        """Eight bytes from every place in the text on, to ten places past its end; zeros there."""
        places = len(self.content) + 10
        return np.ndarray(places, "<u8", self.content + bytes(17), strides=(1,))

    def sample(self, places: Int[np.ndarray, " k"]) -> list[Line]:
        """Some lines, by place: their numbers and texts."""
        spans = [(self.bounds[at], self.bounds[at + 1] - 1) for at in places]
        texts = [self.content[start:end].decode() for start, end in spans]
        return list(zip(self.numbers[places].tolist(), texts, strict=True))

    def first(self) -> Int[np.ndarray, " k"]:
        """The first lines that tell what the table is like, comments (#) counted apart."""
        places = self._beginning.filled()[:_FIRST]
        if places.size < _FIRST < self.numbers.size:
            places = self.filled()[:_FIRST]
        rows = np.cumsum(self.codes[self.bounds[places]] != ord("#"))
        return places[rows <= _SAMPLE]

    def line(self, number: int) -> str | None:
        """The text of the line with this number in the file."""
        places = np.flatnonzero(self.numbers == number)
        return self.sample(places)[0][1] if places.size else None

    def counts(self, mark: bytes) -> Int[np.ndarray, " lines"]:
        """How often a byte stands in each line."""
        if not self.has(mark):
            return np.zeros(self.numbers.size, dtype=np.int64)
        marks = np.flatnonzero(self.codes == ord(mark))
        return np.diff(np.searchsorted(marks, self.bounds))

    def filled(self, separator: str = "") -> Int[np.ndarray, " k"]:
        """Which lines hold more than separators, blanks and quotes."""
        marks = b' \t"' + (separator.encode() if len(separator) == 1 else b"")
        present = [mark for mark in map(bytes, zip(set(marks), strict=True)) if self.has(mark)]
        if len(present) > 1 or present == [b'"']:  # a pass for each would cost more
            table = bytes(code not in b"\n" + marks for code in range(256))
            other = np.frombuffer(self.content.translate(table), dtype=bool)
            return np.flatnonzero(np.logical_or.reduceat(other, self.bounds[:-1]))
        blank = 1 + (self.widths(separator) - 1 if present == [separator.encode()] else 0)
        if present and present != [separator.encode()]:
            blank = 1 + self.counts(present[0])
        return np.flatnonzero(np.diff(self.bounds) > blank)

    def widths(self, separator: str) -> Int[np.ndarray, " lines"]:
        """The number of cells in each line; separators within quotes are none."""
        if separator not in self._widths:
            self._widths[separator] = self._counted(separator)
        return self._widths[separator]

    def _counted(self, separator: str) -> Int[np.ndarray, " lines"]:
        if len(separator) == 1:
            return np.diff(self.cells(separator)[1], prepend=-1)
        codes = self.codes
        word = (codes != ord(" ")) & (codes != ord("\t")) & (codes != ord("\n"))
        if self.has(b'"'):
            word |= self._quoted
        starts = word.copy()
        starts[1:] &= ~word[:-1]
        return np.diff(np.searchsorted(np.flatnonzero(starts), self.bounds))

    def cells(self, separator: str) -> tuple[Int[np.ndarray, " cells"], Int[np.ndarray, " lines"]]:
        """Where every cell ends in the text, and which is the last of each line."""
        if separator not in self._cells:
            codes = self.codes
            marks = codes == ord(separator)
            if self.has(b'"'):
                marks &= ~self._quoted
            stops = self.bounds[1:] - 1
            marks[stops] = True
            ends = _places(marks)
            width = ends.size // stops.size
            last = np.arange(width - 1, ends.size, width, dtype=ends.dtype)
            if last.size != stops.size or not np.array_equal(ends[last], stops):  # of unlike widths
                last = _places(codes[ends] == ord("\n"))
            self._cells[separator] = ends, last
        return self._cells[separator]

    def joined(self, kept: Int[np.ndarray, " k"]) -> bytes:
        """The lines that are kept, one after the other."""
        if kept.size == kept[-1] - kept[0] + 1:
            return self.content[self.bounds[kept[0]] : self.bounds[kept[-1] + 1]]
        keep = np.zeros(self.numbers.size, dtype=bool)
        keep[kept] = True
        return self.codes[np.repeat(keep, np.diff(self.bounds))].tobytes()

    @property
    def _beginning(self) -> "Lines":
        some = 2 * _FIRST
        if self.numbers.size <= some:
            return self
        content = self.content[: self.bounds[some]]
        return Lines(content, self.bounds[: some + 1], self.numbers[:some])

    @property
    def _quoted(self) -> Bool[np.ndarray, " bytes"]:
        """Which bytes stand within quotes, the first of which is one of them."""
        return np.logical_xor.accumulate(self.codes == ord('"'))


def _places(chosen: Bool[np.ndarray, " n"]) -> Int[np.ndarray, " k"]:
    """Where something is, in half the memory where a place fits: cells may be of one byte."""
    small = chosen.size < np.iinfo(np.int32).max
    return np.flatnonzero(chosen).astype(np.int32 if small else np.int64)
