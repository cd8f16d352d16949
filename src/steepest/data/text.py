"""Tables of text: CSV, TSV, semicolons or blanks; what stands above the header; lines as counted.

The lines are found and counted as bytes, so that a long cell, a long line or many columns cost
their own size and no more; pandas takes the cells of the columns that are used.
"""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from steepest.data.header import (
    HeaderRow,
    Row,
    find_layout,
    find_separator,
    split_cells,
)
from steepest.data.lines import Lines
from steepest.data.opening import refusing
from steepest.data.table import MOST_COLUMNS, TextTable
from steepest.data.text_cells import TextCells
from steepest.errors import DataError

__all__ = ["text_table"]


def text_table(
    path: Path, raw: bytes, header_row: HeaderRow = None, asked: Sequence[str] = ()
) -> TextTable:
    """The table in the bytes of a text file. Raises DataError, naming the line, for what is none.

    `header_row` and the names `asked` for help to find the header, as `find_layout` says.

    >>> table = text_table(Path("a.csv"), b"day 0,day 4\\n0.5,0.75\\n")
    >>> table.names, table.header, table.file_rows.tolist()
    (['day 0', 'day 4'], 1, [2])
    """
    lines = Lines.of(_utf8(path, raw))
    places = lines.first()
    if not places.size:
        raise DataError(f"{path} is empty")
    separator, _ = find_separator(lines.sample(places))
    if (lines.counts(b'"') % 2).any():
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
        cells=TextCells(path, lines, kept, separator, width),
        file_rows=lines.numbers[kept],
        decimal_comma=separator == ";",
        path=path,
    )


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


def _unfold(path: Path, lines: Lines, separator: str) -> Lines:
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
    again = Lines.of(above + unfolded.getvalue().encode())
    return Lines(again.content, again.bounds, np.array(numbers, dtype=np.int64))
