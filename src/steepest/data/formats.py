"""The file formats that hold columns of sizes, each recognised by how its content begins."""

import io
import re
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from steepest.data import workbooks
from steepest.data.table import ArrayTable, Table, TextTable
from steepest.errors import DataError

__all__ = ["open_table"]

_UNSUPPORTED = {
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", "save the sheet as CSV"),
    b"\x1f\x8b": ("gzip-compressed", "unpack it first"),
    b"BZh": ("bzip2-compressed", "unpack it first"),
    b"MATLAB 5.0": ("a MATLAB file", "write the columns to CSV"),
    b"%PDF": ("a PDF", "give the table as CSV"),
}
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_UNPICKLED = "holds pickled Python objects, which are never loaded: save plain numeric arrays"


def open_table(path: Path, part: str | None = None) -> Table:
    """The table in a file, told by its first bytes. Raises DataError where there is none.

    `part` names the sheet of a workbook or the table of an NWB file, and contradicts other files.
    """
    with path.open("rb") as file:
        start = file.read(128)
        file.seek(0)
        if not start.strip():
            raise DataError(f"{path} is empty")
        if start.startswith(b"\x89HDF\r\n\x1a\n"):
            return workbooks.nwb_table(path, file, part)
        if start.startswith(b"PK\x03\x04") and _is_workbook(file):
            return workbooks.sheet_table(path, file, part)
        if part is not None:
            raise DataError(
                f"{path} is one table, and --table {part} names a part of it: leave it out (only"
                " Excel workbooks and NWB files hold several)"
            )
        return _whole(path, file, start)


def _whole(path: Path, file: BinaryIO, start: bytes) -> Table:
    """The table in a file that holds one."""
    if start.startswith(b"\x93NUMPY"):
        return _table(_load(file, path, path.name), path)
    if start.startswith(b"PAR1"):
        return _parquet(path, file)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zipped(path, file)
    if start.startswith(_PICKLES):
        raise DataError(f"{path} {_UNPICKLED}")
    for magic, (kind, cure) in _UNSUPPORTED.items():
        if start.startswith(magic):
            raise DataError(f"{path} is {kind}, which is not read here: {cure}")
    return _text(path, file.read())


def _is_text(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return bool(cell)
    return False


def _text(path: Path, raw: bytes) -> TextTable:
    text = _decode(path, raw)
    content = text.lstrip("\r\n ")
    if not content:
        raise DataError(f"{path} is empty")
    import pandas as pd  # only for a table of text, and only for one that is text

    skipped = text[: len(text) - len(content)].count("\n")
    separator = _separator(content)
    try:
        frame = pd.read_csv(
            io.StringIO(content),
            sep=separator,
            header=None,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
            skipinitialspace=True,
        )
    except pd.errors.ParserError as error:
        raise DataError(f"{path} is not a table: {_ragged(str(error), skipped)}") from error
    cells = [_stripped(frame[place]) for place in frame.columns]
    first = [str(column[0]) for column in cells]
    named = any(map(_is_text, first))
    filled = np.any([column != "" for column in cells], axis=0)
    filled[0] &= not named
    if not filled.any():
        raise DataError(f"{path} has a header and no rows of data")
    return TextTable(
        names=first if named else [str(place) for place in range(len(cells))],
        named=named,
        cells=[column[filled] for column in cells],
        file_rows=np.flatnonzero(filled) + 1 + skipped,
        decimal_comma=separator == ";",
        path=path,
    )


def _stripped(column: Any) -> np.ndarray:
    return np.char.strip(np.asarray(column.fillna(""), dtype=str))


def _decode(path: Path, content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    else:
        encoding = "utf-8-sig"
        if b"\x00" in content:
            raise DataError(
                f"{path} is neither text nor a known format: give CSV, TSV, NPY, NPZ or Parquet"
            )
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        # Spreadsheets on Windows; only names can differ, numbers are the same in both.
        return content.decode("latin-1")


def _separator(content: str) -> str:
    """Tab, semicolon or comma, the first that the first row holds outside quotes, else spaces."""
    first, *others = content[:10_000].splitlines()
    bare = re.sub(r'"[^"]*"', "", first)
    mark = next((mark for mark in "\t;," if mark in bare), None)
    if mark:
        return mark
    spaced = [len(line.split()) > 1 for line in others[:5] if line.strip()] or [" " in first]
    return r"\s+" if all(spaced) else ","


def _ragged(error: str, skipped: int) -> str:
    found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", error)
    if not found:
        return " ".join(error.split())
    expected, line, saw = map(int, found.groups())
    return (
        f"row {line + skipped} has {saw} cells where the first row has {expected}: give every row"
        " the same number"
    )


def _is_workbook(file: BinaryIO) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return "[Content_Types].xml" in archive.namelist()
    except zipfile.BadZipFile:
        return False
    finally:
        file.seek(0)


def _zipped(path: Path, file: BinaryIO) -> ArrayTable:
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.namelist()
            if not members:
                raise DataError(f"{path} is empty")
            if not all(member.endswith(".npy") for member in members):
                raise DataError(f"{path} is a zip file but no NPZ: unpack it and give one table")
            arrays = {}
            for member in members:
                content = io.BytesIO(archive.read(member))
                arrays[member.removesuffix(".npy")] = _load(content, path, member)
    except (zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"{path} begins like an NPZ but cannot be read: {error}") from error
    if len(arrays) == 1:
        ((key, array),) = arrays.items()
        if array.ndim != 1 or array.dtype.names:
            return _table(array, path)
        return ArrayTable([key], True, [array], path)
    return ArrayTable(list(arrays), True, list(arrays.values()), path)


def _load(file: BinaryIO | io.BytesIO, path: Path, member: str) -> np.ndarray:
    try:
        return np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        if "Object arrays" in str(error):
            raise DataError(f"{path} ({member}) {_UNPICKLED}") from error
        raise DataError(f"{path} ({member}) cannot be read as a NumPy array: {error}") from error


def _table(array: np.ndarray, path: Path) -> ArrayTable:
    if array.dtype.names:
        names = list(array.dtype.names)
        return ArrayTable(names, True, [array[name] for name in names], path)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise DataError(
            f"{path} holds an array of {array.ndim} dimensions: give rows of synapses and columns"
            " of sessions"
        )
    columns = list(array.T)
    return ArrayTable([str(place) for place in range(len(columns))], False, columns, path)


def _parquet(path: Path, file: BinaryIO) -> ArrayTable:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise DataError(
            f'{path} is Parquet, which needs one more package: pip install "steepest[io]"'
        ) from error
    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} begins like Parquet but cannot be read: {error}") from error
    numeric = (pa.types.is_floating, pa.types.is_integer, pa.types.is_boolean, pa.types.is_decimal)
    arrays = []
    for column in table.columns:
        if any(test(column.type) for test in numeric):
            # A null becomes NaN, which is then named with its row.
            column = column.cast(pa.float64())
        arrays.append(column.to_numpy())
    return ArrayTable(list(table.column_names), True, arrays, path)
