"""Tables inside larger files: a sheet of an Excel workbook, a table of an NWB file."""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from steepest.data.table import ArrayTable, TextTable
from steepest.errors import DataError

__all__ = ["nwb_table", "sheet_table"]


def sheet_table(path: Path, file: BinaryIO, sheet: str | None) -> TextTable:
    """A sheet of an Excel workbook as cells of text; its first row with any entry is the header.

    Raises DataError for a sheet that is not there, for several sheets and none named, and for
    headers that are merged over columns.
    """
    try:
        import openpyxl
    except ImportError as error:
        raise DataError(
            f'{path} is an Excel workbook, which needs one more package: pip install "steepest[io]"'
        ) from error
    try:
        book = openpyxl.load_workbook(file, data_only=True)
    except Exception as error:
        raise DataError(
            f"{path} begins like an Excel workbook but cannot be read: {error}"
        ) from error
    names = book.sheetnames
    chosen = _chosen(path, "sheet", names, sheet)
    page: Any = book[chosen]
    rows = [
        (number, ["" if cell is None else str(cell) for cell in row])
        for number, row in enumerate(page.iter_rows(values_only=True), start=1)
    ]
    rows = [(number, cells) for number, cells in rows if any(cell.strip() for cell in cells)]
    if not rows:
        raise DataError(f"{path}: sheet {chosen!r} is empty")
    header_at, header = rows[0]
    merged = [str(r) for r in page.merged_cells.ranges if r.min_row <= header_at <= r.max_row]
    if merged:
        raise DataError(
            f"{path}: sheet {chosen!r} has merged headers ({', '.join(merged)}): unmerge them and"
            " give every column a name of its own in one row"
        )
    named = any(_is_word(cell) for cell in header)
    body = rows[1:] if named else rows
    if not body:
        raise DataError(f"{path}: sheet {chosen!r} has a header and no rows of data")
    cells = np.array([cells for _, cells in body], dtype=str)
    return TextTable(
        names=[cell.strip() for cell in header] if named else list(map(str, range(len(header)))),
        named=named,
        cells=[np.char.strip(column) for column in cells.T],
        file_rows=np.array([number for number, _ in body]),
        decimal_comma=False,
        path=path,
    )


def nwb_table(path: Path, file: BinaryIO, table: str | None) -> ArrayTable:
    """A table (DynamicTable) of an NWB file; its columns of one value a row.

    Raises DataError for a file that is HDF5 but not NWB, a table that is not there, and several
    tables and none named.
    """
    import h5py

    try:
        content = h5py.File(file, "r")
    except OSError as error:
        raise DataError(f"{path} begins like HDF5 but cannot be read: {error}") from error
    with content:
        if "nwb_version" not in content.attrs:
            raise DataError(
                f"{path} is HDF5 but no NWB file (MATLAB 7.3, NetCDF), which is not read here:"
                " write the columns to CSV or NPZ"
            )
        return _dynamic_table(path, content, table)


def _dynamic_table(path: Path, content: Any, table: str | None) -> ArrayTable:
    try:
        from hdmf.common import DynamicTable
        from pynwb import NWBHDF5IO
    except ImportError as error:
        raise DataError(
            f'{path} is NWB, which needs one more package: pip install "steepest[io]"'
        ) from error
    reader: Any = NWBHDF5IO
    with reader(file=content, mode="r", load_namespaces=True) as io:
        tables = {
            str(item.name): item
            for item in io.read().objects.values()
            if isinstance(item, DynamicTable)
        }
        if not tables:
            raise DataError(f"{path} is an NWB file without any table: save the sizes as one")
        chosen = tables[_chosen(path, "table", list(tables), table)]
        columns: dict[str, np.ndarray] = {}
        for name in chosen.colnames:
            array = np.asarray(chosen[name][:])
            if array.ndim == 1:
                columns[str(name)] = array.astype(str) if array.dtype.kind in "OSU" else array
    if not columns:
        raise DataError(f"{path}: table {chosen.name!r} has no column of one value a row")
    return ArrayTable(list(columns), True, list(columns.values()), path)


def _chosen(path: Path, kind: str, names: list[str], wanted: str | None) -> str:
    listed = ", ".join(map(repr, names))
    if wanted is None:
        if len(names) > 1:
            raise DataError(f"{path} has {len(names)} {kind}s, {listed}: say which with --table")
        return names[0]
    if wanted not in names:
        raise DataError(f"{path} has no {kind} {wanted!r}; it has {listed}")
    return wanted


def _is_word(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return bool(cell.strip())
    return False
