"""The file formats that hold columns of sizes, each recognised by how its content begins."""

import io
from collections.abc import Sequence
from pathlib import Path

from steepest.data.archives import COMPRESSED, unpacked, zip_members, zipped
from steepest.data.header import HeaderRow
from steepest.data.named_arrays import array_table, chosen
from steepest.data.numpy_files import UNPICKLED, read_npy, read_npz
from steepest.data.opening import check_size, length, opened, read_all, refusing
from steepest.data.table import ArrayTable, Table
from steepest.data.text import text_table
from steepest.errors import DataError

__all__ = ["open_table"]

_UNSUPPORTED = {
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", "save the sheet as CSV"),
    b"ARROW1": ("an Arrow (Feather) file", "save the table as Parquet or CSV"),
    b"%PDF": ("a PDF", "give the table as CSV"),
    b"\x89PNG": ("a picture", "measure the sizes in it, and give them as CSV"),
    b"\xff\xd8\xff": ("a picture", "measure the sizes in it, and give them as CSV"),
    b"II*\x00": ("a TIFF picture", "measure the sizes in it, and give them as CSV"),
    b"MM\x00*": ("a TIFF picture", "measure the sizes in it, and give them as CSV"),
    b"SQLite format 3": ("a database", "write the table to CSV"),
}
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_HDF5 = b"\x89HDF\r\n\x1a\n"


def open_table(
    path: Path,
    part: str | None = None,
    *,
    header_row: HeaderRow = None,
    asked: Sequence[str] = (),
) -> Table:
    """The table in a file, told by its first bytes. Raises DataError where there is none.

    `part` names the sheet of a workbook, the table of an NWB file, an array of a MATLAB file or a
    member of a zip file, and contradicts other files. `header_row` and the columns `asked` for
    settle which line of text is the header.
    """
    with opened(path) as file:
        table = _table(path, file, part, header_row, asked)
    if isinstance(header_row, int) and isinstance(table, ArrayTable):
        raise DataError(f"{path} is no text, and has no line {header_row} for a header")
    return table


def _table(
    path: Path,
    file: io.BufferedIOBase,
    part: str | None,
    header_row: HeaderRow,
    asked: Sequence[str],
    packed: bool = False,
) -> Table:
    start = file.read(128)
    file.seek(0)
    if not start.strip():
        if not read_all(path, file).strip():
            raise DataError(f"{path} is empty")
        start = b""
    if not packed:
        for magic, kind in COMPRESSED.items():
            if start.startswith(magic):
                content = unpacked(path, file, kind)
                return _table(path, content, part, header_row, asked, packed=True)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_table(path, file, part, header_row, asked, packed)
    if start.startswith((_HDF5, b"MATLAB 7.3")):
        from steepest.data.hdf5 import hdf5_table

        return hdf5_table(path, file, part)
    if start.startswith(b"MATLAB 5.0"):
        from steepest.data.matlab import matlab_table

        return matlab_table(path, file, part)
    if part is not None:
        raise DataError(
            f"{path} is one table, and --table {part} names a part of it: leave it out (only"
            " Excel workbooks, NWB, MATLAB and zip files hold several)"
        )
    return _whole(path, file, start, header_row, asked)


def _whole(
    path: Path, file: io.BufferedIOBase, start: bytes, header_row: HeaderRow, asked: Sequence[str]
) -> Table:
    """The table in a file that holds one."""
    if start.startswith(b"\x93NUMPY"):
        size = length(file)
        check_size(path, size)
        return array_table(read_npy(path, file, size), path)
    if start.startswith(b"PAR1"):
        from steepest.data.parquet import parquet_table

        return parquet_table(path, file)
    if start.startswith(_PICKLES):
        raise DataError(f"{path} {UNPICKLED}")
    for magic, (kind, cure) in {**_UNSUPPORTED, **_TWICE}.items():
        if start.startswith(magic):
            raise DataError(f"{path} is {kind}, which is not read here: {cure}")
    content = read_all(path, file)
    if start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        from steepest.data.records import json_table

        with refusing(path, "begins like JSON but is no text in UTF-8"):
            text = content.decode("utf-8-sig")
        return json_table(path, text)
    return text_table(path, content, header_row, asked)


_TWICE = {
    magic: (f"{kind}-compressed twice", "unpack it first") for magic, kind in COMPRESSED.items()
}


def _zip_table(
    path: Path,
    file: io.BufferedIOBase,
    part: str | None,
    header_row: HeaderRow,
    asked: Sequence[str],
    packed: bool,
) -> Table:
    """A workbook, the arrays of an NPZ file, or the one table (or the named one) in a zip file."""
    members = zip_members(path, file)
    if "[Content_Types].xml" in members:
        from steepest.data.workbooks import sheet_table

        return sheet_table(path, file, part, header_row, asked)
    if not members:
        raise DataError(f"{path} is empty")
    if all(member.endswith(".npy") for member in members):
        if part is not None and len(members) == 1:
            raise DataError(f"{path} is one table, and --table {part} names a part of it")
        return _npz(path, file, part)
    if packed:
        raise DataError(f"{path} holds a zip file within another: unpack it first")
    member = chosen(path, "file", members, part)
    if not member.lower().endswith(_TABLES):
        raise DataError(
            f"{path} is a zip file, but no NPZ and without a table: it holds {member!r}; unpack it"
            " and give one table"
        )
    return _table(path, zipped(path, file, member), None, header_row, asked, packed=True)


_TABLES = (".csv", ".tsv", ".txt", ".dat", ".json", ".npy", ".parquet", ".mat", ".nwb", ".xlsx")


def _npz(path: Path, file: io.BufferedIOBase, part: str | None) -> ArrayTable:
    arrays = read_npz(path, file)
    if part is not None:
        return array_table(arrays[chosen(path, "array", list(arrays), part)], path, part)
    if len(arrays) == 1:
        ((key, array),) = arrays.items()
        return array_table(array, path, key)
    return ArrayTable(list(arrays), True, list(arrays.values()), path)
