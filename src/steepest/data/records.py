"""Tables in JSON: records (a list of objects, or one object a line), or an object of lists."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from steepest.data.opening import refusing
from steepest.data.table import TextTable, listed
from steepest.errors import DataError

__all__ = ["json_table"]

_BLANK = re.compile(r"[\s,]*")
_CURE = "give a list of records, [{...}, ...], or an object of lists of one length"


def json_table(path: Path, text: str) -> TextTable:
    """The table in a JSON text, a record a row; a list `a` in each record is columns a.0, a.1, ...

    Rows are counted from 1. Raises DataError for JSON that is no table.

    >>> table = json_table(Path("rois.json"), '[{"id": 7, "volume": 0.5}, {"id": 8}]')
    >>> table.names, table.labels(1).names
    (['id', 'volume'], ('0.5', ''))
    """
    content = text.strip()
    with refusing(path, "begins like JSON but cannot be read"):
        if content.startswith("["):
            columns, count = _records(path, content[1:], "]")
        else:
            columns, count = _object(path, content)
    if not columns or not count:
        raise DataError(f"{path} is JSON without a table: {_CURE}")
    for cells in columns.values():
        cells += [""] * (count - len(cells))
    return TextTable(
        names=list(columns),
        header=0,
        cells=listed(list(columns.values())),
        file_rows=np.arange(1, count + 1),
        decimal_comma=False,
        path=path,
    )


def _object(path: Path, content: str) -> tuple[dict[str, list[str]], int]:
    """Records one after the other (JSON lines), or an object of lists, or of records."""
    decoder = json.JSONDecoder()
    first, end = decoder.raw_decode(content)
    if content[end:].strip():
        return _records(path, content, "")
    lists = {str(name): value for name, value in first.items() if isinstance(value, list)}
    tables = [name for name, value in lists.items() if value and isinstance(value[0], dict)]
    if len(tables) > 1:
        raise DataError(f"{path} holds several tables, {', '.join(tables)}: give one of them")
    if tables:
        columns: dict[str, list[str]] = {}
        for at, record in enumerate(lists[tables[0]]):
            _add(path, columns, record, at)
        return columns, len(lists[tables[0]])
    lengths = {len(value) for value in lists.values()}
    if len(lengths) > 1:
        told = ", ".join(f"{name} has {len(value)}" for name, value in lists.items())
        raise DataError(f"{path}: lists of several lengths ({told}): {_CURE}")
    first.clear()  # each list goes as soon as its cells are there
    shared: dict[str, str] = {}
    columns = {}
    for name in [*lists]:
        cells = (_cell(value) or "" for value in lists.pop(name))
        columns[name] = [shared.setdefault(cell, cell) for cell in cells]
    return columns, max(lengths, default=0)


def _records(path: Path, content: str, closing: str) -> tuple[dict[str, list[str]], int]:
    """Records up to the closing bracket, one by one: together they cost 30 times as much."""
    decoder = json.JSONDecoder()
    columns: dict[str, list[str]] = {}
    at = count = 0
    while True:
        at = _BLANK.match(content, at).end()  # pyright: ignore[reportOptionalMemberAccess]
        if at >= len(content) or (closing and content[at] == closing):
            break
        record, at = decoder.raw_decode(content, at)
        _add(path, columns, record, count)
        count += 1
    if closing and content[at : at + 1] != closing:
        raise DataError(f"{path} begins like JSON but ends inside its list: it was cut off")
    return columns, count


def _add(path: Path, columns: dict[str, list[str]], record: Any, at: int) -> None:
    if not isinstance(record, dict):
        raise DataError(f"{path}: entry {at + 1} of its list is no record: {_CURE}")
    for name, value in record.items():
        items = {name: value}
        if isinstance(value, list):
            items = {f"{name}.{k}": item for k, item in enumerate(value)}
        for called, item in items.items():
            cell = _cell(item)
            if cell is None:
                continue
            column = columns.setdefault(called, [])
            if len(column) <= at:
                column += [""] * (at - len(column))
                column.append(cell)


def _cell(value: Any) -> str | None:
    """A value as a cell, None where it is a list or an object."""
    if isinstance(value, list | dict):
        return None
    return "" if value is None else str(value)
