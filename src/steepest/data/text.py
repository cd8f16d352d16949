"""Tables of text: CSV, TSV, semicolons or blanks; what stands above the header; lines as counted.

The lines are found and counted as bytes, so that a long cell, a long line or many columns cost
their own size and no more; pandas takes the cells of the columns that are used.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from steepest.data.header import (
    NOTHING,
    HeaderRow,
    Line,
    Row,
    find_layout,
    find_separator,
    split_cells,
)
from steepest.data.opening import refusing
from steepest.data.table import MOST_COLUMNS, TextTable, stripped
from steepest.errors import DataError

__all__ = ["text_table"]

_WIDE = 2000  # columns; pandas takes .1 ms for each, however few its rows
_NOTHING = [spelled for word in NOTHING for spelled in (word, word.upper(), word.title(), "NaN")]
_SAMPLE = 20  # lines that tell what a table is like


def text_table(
    path: Path, raw: bytes, header_row: HeaderRow = None, asked: Sequence[str] = ()
) -> TextTable:
    """The table in the bytes of a text file. Raises DataError, naming the line, for what is none.

    `header_row` and the names `asked` for help to find the header, as `find_layout` says.

    >>> table = text_table(Path("a.csv"), b"day 0,day 4\\n0.5,0.75\\n")
    >>> table.names, table.header, table.file_rows.tolist()
    (['day 0', 'day 4'], 1, [2])
    """
    lines = _Lines.of(_utf8(path, raw))
    places = lines.first()
    if not places.size:
        raise DataError(f"{path} is empty")
    separator, _ = find_separator(lines.sample(places))
    if any(lines.counts(b'"') % 2):
        lines = _unfold(path, lines, separator)
        places = lines.first()
    widths = lines.widths(separator)
    if widths[places].max() > MOST_COLUMNS:
        at = places[widths[places].argmax()]
        raise DataError(
            f"{path}: line {lines.numbers[at]} has {widths[at]:,} cells: a table has one synapse"
            " (or one time) a row, not a column"
        )
    _, sample = find_separator(lines.sample(places))
    rows: list[Row] = []
    comments: list[Row] = []
    for number, text in sample:
        is_comment = text.startswith("#") and not rows
        cells = split_cells(text.lstrip("# ") if is_comment else text, separator)
        if any(cells):
            (comments if is_comment else rows).append((number, cells))
    if not rows:
        raise DataError(f"{path} has no rows of data: every line begins with #")

    def row(number: int) -> list[str] | None:
        text = lines.line(number)
        return None if text is None else split_cells(text.lstrip("# "), separator)

    layout = find_layout(path, rows, header_row=header_row, asked=asked, comments=comments, row=row)
    first, width = int(np.searchsorted(lines.numbers, layout.first)), len(layout.names)
    kept = lines.filled(separator)
    kept = kept[kept >= first]
    if not kept.size:
        raise DataError(f"{path} has a header and no rows of data")
    ragged = kept[widths[kept] > width]
    if ragged.size:
        at = int(ragged[0])
        raise DataError(
            f"{path} is not a table: row {lines.numbers[at]} has {widths[at]} cells where the first"
            f" row has {width}: give every row the same number, or say with --header-row which line"
            " names the columns"
        )
    return TextTable(
        names=layout.names,
        header=layout.header,
        cells=_TextCells(path, lines.joined(kept), separator, width),
        file_rows=lines.numbers[kept],
        decimal_comma=separator == ";",
        path=path,
    )


@dataclass(frozen=True, eq=False)
class _Lines:
    """Lines of a text in UTF-8: where each begins and ends in it, and its number in the file."""

    content: bytes
    bounds: np.ndarray
    numbers: np.ndarray

    @classmethod
    def of(cls, content: bytes) -> "_Lines":
        if not content.endswith(b"\n"):
            content += b"\n"
        ends = np.flatnonzero(np.frombuffer(content, dtype=np.uint8) == ord("\n")) + 1
        return cls(content, np.concatenate([[0], ends]), np.arange(1, ends.size + 1))

    @property
    def codes(self) -> np.ndarray:
        return np.frombuffer(self.content, dtype=np.uint8)

    def sample(self, places: np.ndarray) -> list[Line]:
        spans = [(self.bounds[at], self.bounds[at + 1] - 1) for at in places]
        texts = [self.content[start:end].decode() for start, end in spans]
        return list(zip(self.numbers[places].tolist(), texts, strict=True))

    def first(self) -> np.ndarray:
        """The first lines that tell what the table is like, comments (#) counted apart."""
        places = self.filled()[:2000]
        rows = np.cumsum(self.codes[self.bounds[places]] != ord("#"))
        return places[rows <= _SAMPLE]

    def line(self, number: int) -> str | None:
        """The text of the line with this number in the file."""
        places = np.flatnonzero(self.numbers == number)
        return self.sample(places)[0][1] if places.size else None

    def counts(self, mark: bytes) -> np.ndarray:
        """How often a byte stands in each line."""
        if mark not in self.content:
            return np.zeros(self.numbers.size, dtype=np.int64)
        return self._per_line(self.codes == ord(mark))

    def filled(self, separator: str = "") -> np.ndarray:
        """Which lines hold more than separators, blanks and quotes."""
        blank = b' \t\n"' + (separator.encode() if len(separator) == 1 else b"")
        table = bytes(code not in blank for code in range(256))
        marks = np.frombuffer(self.content.translate(table), dtype=bool)
        return np.flatnonzero(np.logical_or.reduceat(marks, self.bounds[:-1]))

    def widths(self, separator: str) -> np.ndarray:
        """The number of cells in each line; separators within quotes are none."""
        codes = self.codes
        quoted = None
        if b'"' in self.content:
            quoted = np.logical_xor.accumulate(codes == ord('"'))
        if len(separator) == 1:
            marks = codes == ord(separator)
            if quoted is not None:
                marks &= ~quoted
            return self._per_line(marks) + 1
        word = (codes != ord(" ")) & (codes != ord("\t")) & (codes != ord("\n"))
        if quoted is not None:
            word |= quoted
        starts = word.copy()
        starts[1:] &= ~word[:-1]
        return self._per_line(starts)

    def joined(self, kept: np.ndarray) -> bytes:
        """The lines that are kept, one after the other."""
        if kept.size == kept[-1] - kept[0] + 1:
            return self.content[self.bounds[kept[0]] : self.bounds[kept[-1] + 1]]
        keep = np.zeros(self.numbers.size, dtype=bool)
        keep[kept] = True
        return self.codes[np.repeat(keep, np.diff(self.bounds))].tobytes()

    def _per_line(self, marks: np.ndarray) -> np.ndarray:
        return np.diff(np.searchsorted(np.flatnonzero(marks), self.bounds))


@dataclass(frozen=True, eq=False)
class _TextCells:
    """Rows of equal kind, without their header, of which pandas takes the columns in use."""

    path: Path
    content: bytes
    separator: str
    width: int

    def __call__(self, places: Sequence[int], floats: Sequence[int]) -> dict[int, np.ndarray]:
        with refusing(self.path, "is not a table"):
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

    def _stripped(self, column: Any) -> np.ndarray:
        ends = [self.separator.encode(), b"\n", b'"']
        if any(blank + end in self.content for blank in (b" ", b"\t") for end in ends):
            return stripped(column.tolist())
        return column.to_numpy(dtype=object)

    def _read(self, places: Sequence[int], floats: Sequence[int]) -> Any:
        import pandas as pd  # only for a table of text, and only for one that is text

        exact: Any = {}
        if tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1):  # later it is exact by itself
            exact = {"float_precision": "round_trip"}
        return pd.read_csv(
            io.BytesIO(self.content),
            sep=self.separator,
            header=None,
            names=range(self.width),
            usecols=sorted(set(places)),
            dtype=dict.fromkeys(places, object) | dict.fromkeys(floats, np.float64),
            decimal="," if self.separator == ";" and b"," in self.content else ".",
            index_col=False,
            na_values=dict.fromkeys(floats, _NOTHING),
            keep_default_na=False,
            skip_blank_lines=False,
            skipinitialspace=True,
            **exact,
        )

    def _rows(self) -> list[list[str]]:
        text = io.StringIO(self.content.decode(), newline="")
        if len(self.separator) == 1:
            rows = list(csv.reader(text, delimiter=self.separator, skipinitialspace=True))
        else:
            rows = [line.split() for line in text]
        return [row + [""] * (self.width - len(row)) for row in rows]


def _utf8(path: Path, raw: bytes) -> bytes:
    """The text in UTF-8, with a line feed at the end of a line, and no byte order mark."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        with refusing(path, "begins like UTF-16 but cannot be read"):
            raw = raw.decode("utf-16").encode()
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    if b"\x00" in raw:
        raise DataError(
            f"{path} is neither text nor a known format: give CSV, TSV, NPY, NPZ or Parquet"
        )
    if not raw.isascii():
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            # Spreadsheets on Windows; only names can differ, numbers are the same in both.
            raw = raw.decode("latin-1").encode()
    return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in raw else raw


def _unfold(path: Path, lines: _Lines, separator: str) -> _Lines:
    """The rows with one line each, where cells in quotes go over several lines."""
    mark = separator if len(separator) == 1 else " "
    start = next((at for at in lines.filled() if lines.content[lines.bounds[at]] != ord("#")), 0)
    reader = csv.reader(
        io.StringIO(lines.content[lines.bounds[start] :].decode(), newline=""),
        delimiter=mark,
        skipinitialspace=True,
        strict=True,
    )
    unfolded = io.StringIO()
    writer = csv.writer(unfolded, delimiter=mark, lineterminator="\n")
    numbers, before = list(lines.numbers[:start]), 0
    with refusing(
        path, "is not a table: it has quotes that do not match", 'write "" for a quote in a cell'
    ):
        for row in reader:
            writer.writerow([re.sub(r"\s*\n\s*", " ", cell) for cell in row])
            numbers.append(lines.numbers[start + before])
            before = reader.line_num
    above = lines.content[: lines.bounds[start]]
    again = _Lines.of(above + unfolded.getvalue().encode())
    return _Lines(again.content, again.bounds, np.array(numbers, dtype=np.int64))
