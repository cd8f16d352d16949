"""Sheets of Excel workbooks, read row by row: a workbook in memory costs fifty times its file."""

import bisect
import datetime
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from steepest.data.header import HeaderRow, Layout, find_layout
from steepest.data.named_arrays import chosen
from steepest.data.numpy_files import unzipping
from steepest.data.opening import refusing
from steepest.data.table import TextTable, listed
from steepest.errors import DataError

__all__ = ["sheet_table"]

_BROKEN = "begins like an Excel workbook but cannot be read"


def sheet_table(
    path: Path,
    file: io.BufferedIOBase,
    sheet: str | None,
    header_row: HeaderRow = None,
    asked: Sequence[str] = (),
) -> TextTable:
    """A sheet of an Excel workbook as cells of text; dates are ISO dates, in the header too.

    Raises DataError for a sheet that is not there, for several sheets and none named, and for
    headers that are merged over columns.
    """
    try:
        import openpyxl
    except ImportError as error:
        raise DataError(
            f'{path} is an Excel workbook, which needs one more package: pip install "steepest[io]"'
        ) from error
    with refusing(path, _BROKEN):
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        name = chosen(path, "sheet", list(book.sheetnames), sheet)
        page: Any = book[name]
        if not hasattr(page, "iter_rows"):
            raise DataError(f"{path}: sheet {name!r} is a chart: name one of cells with --table")
        page.reset_dimensions()  # what a sheet says of its size may be a million empty rows
        numbers, columns = _columns(page)
    if not numbers:
        raise DataError(f"{path}: sheet {name!r} is empty")
    rows = {number: [column[at] for column in columns] for at, number in enumerate(numbers[:20])}
    layout = find_layout(path, list(rows.items()), header_row=header_row, asked=asked, row=rows.get)
    _refuse_merged(path, file, name, page, layout)
    start = bisect.bisect_left(numbers, layout.first)
    if start == len(numbers):
        raise DataError(f"{path}: sheet {name!r} has a header and no rows of data")
    return TextTable(
        names=layout.names,
        header=layout.header,
        cells=listed([column[start:] for column in columns]),
        file_rows=np.array(numbers[start:]),
        decimal_comma=False,
        path=path,
    )


def _columns(page: Any) -> tuple[list[int], list[list[str]]]:
    """The numbers of the rows with any entry, and the cells of each column in them."""
    numbers: list[int] = []
    columns: list[list[str]] = []
    for number, row in enumerate(page.iter_rows(values_only=True), start=1):
        cells = [(at, text) for at, value in enumerate(row) if (text := _text(value))]
        if not cells:
            continue
        for at, text in cells:
            columns += [[] for _ in range(at + 1 - len(columns))]
            columns[at] += [""] * (len(numbers) - len(columns[at]))
            columns[at].append(text)
        numbers.append(number)
    for column in columns:
        column += [""] * (len(numbers) - len(column))
    return numbers, columns


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat(" ")
    return str(value).strip()


def _refuse_merged(
    path: Path, file: io.BufferedIOBase, name: str, page: Any, layout: Layout
) -> None:
    """Merged headers leave columns without a name."""
    if layout.header is None:
        return
    with refusing(path, _BROKEN), unzipping(path, file) as archive:
        content = archive.read(page._worksheet_path.lstrip("/"))
    ranges = re.findall(rb"<(?:\w+:)?mergeCell [^>]*?ref=\"([A-Z]+)(\d+):([A-Z]+)(\d+)\"", content)
    merged = [
        f"{left}{top}:{right}{bottom}"
        for left, top, right, bottom in (tuple(part.decode() for part in r) for r in ranges)
        if int(top) <= layout.header <= int(bottom)
    ]
    if merged:
        raise DataError(
            f"{path}: sheet {name!r} has merged headers ({', '.join(merged)}): unmerge them and"
            " give every column a name of its own in one row"
        )
