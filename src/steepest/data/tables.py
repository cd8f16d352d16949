"""Reading columns of sizes from a file: text, NumPy or Parquet, told by content, not by suffix.

Everything is checked here, once: what leaves this door is finite float64 (or NaN, where a cell that
says nothing may stand for what was not measured), with the row of the file that every number came
from.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from steepest.data.formats import open_table
from steepest.data.header import HeaderRow, says_nothing
from steepest.data.table import Table, shown
from steepest.errors import DataError

__all__ = ["Columns", "NamedColumn", "open_file", "place_of", "read_columns", "take_columns"]

CURE = "leave the row out, or write 0 for an absent synapse, or say with --absent how one is marked"
"""What messages advise about a cell that is no finite number, unless told otherwise."""


@dataclass(frozen=True, eq=False)
class NamedColumn:
    """A column with its name, and the rows of the file as its index, as a pandas Series has them.

    NumPy takes it for an array.
    """

    name: str
    index: Shaped[np.ndarray, " rows"]
    values: Float[np.ndarray, " rows"]

    def __len__(self) -> int:
        return self.values.size

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype=dtype, copy=copy)


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns asked for, in that order, and for each value the row of the file it stands in.

    Rows are counted as in the file: in text the first line is row 1; in arrays and Parquet the
    first row is 0.

    >>> columns = Columns(Path("a.csv"), ("day 0",), (np.array([0.5, 1.0]),), np.array([2, 3]))
    >>> columns["day 0"].tolist(), columns.rows.tolist()
    ([0.5, 1.0], [2, 3])
    """

    path: Path
    names: tuple[str, ...]
    arrays: tuple[Float[np.ndarray, " rows"], ...] = field(repr=False)
    rows: Int[np.ndarray, " rows"] = field(repr=False)
    labels: tuple[tuple[str, ...], ...] = field(repr=False, default=())

    def __getitem__(self, name: str) -> Float[np.ndarray, " rows"]:
        return self.arrays[self.names.index(name)]

    def labelled(self) -> tuple[NamedColumn, ...]:
        """The columns with their names and rows, which later messages then tell."""
        return tuple(
            NamedColumn(name, self.rows, array)
            for name, array in zip(self.names, self.arrays, strict=True)
        )


def read_columns(
    path: str | Path,
    columns: Sequence[str | int],
    *,
    labels: Sequence[str | int] = (),
    absent: Sequence[str] = (),
    part: str | None = None,
    header_row: HeaderRow = None,
    missing: bool = False,
    cure: str = CURE,
) -> Columns:
    """The named or numbered columns of a file as finite float64 arrays of one length.

    Columns in `labels` (groups, conditions) are read as text. Cells that equal one of the `absent`
    codes, as text or as a number, become 0; the code "empty" stands for an empty cell or NaN. Other
    cells that say nothing (empty, NA, NaN) become NaN where `missing` numbers are allowed.
    `part` names the sheet of a workbook, the table of an NWB file, an array of a MATLAB file or a
    member of a zip file.

    Reads CSV, TSV and semicolon-separated text (decimal commas allowed there), JSON records, NPY,
    NPZ, MATLAB and NWB files and, with the extra `io`, Parquet and Excel workbooks, each of them
    also packed with gzip, bzip2, xz or zip. A column is given by its name, or by its number counted
    from 0; a name wins where both exist. In text, the header is told by what stands under it, or
    is the line `header_row` ("none": there is none); lines above it that are titles or comments
    (#), and rows without any entry, are skipped. In an NPZ every array of one dimension is a column
    named by its key; a single array of two dimensions is a table. `cure` is what messages advise
    about a cell that is no finite number. A file may hold, or unpack to, 1 GB; the environment
    variable STEEPEST_MAX_SIZE (as 4GB) says otherwise.

    Raises DataError, naming row and column, where the file, a column or a number is not there or
    cannot be used. Never unpickles.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "sizes.csv"
    ...     _ = path.write_text("day 0,day 4\\n0.5,0.75\\n1.25,1\\n")
    ...     columns = read_columns(path, ["day 4", 0])
    >>> columns.names, columns["day 4"].tolist(), columns.rows.tolist()
    (('day 4', 'day 0'), [0.75, 1.0], [2, 3])
    """
    asked = [str(column) for column in (*columns, *labels)]
    table = open_file(path, part, header_row=header_row, asked=asked)
    return take_columns(
        table,
        columns,
        labels=labels,
        absent=absent,
        missing=missing,
        cure=cure,
    )


def open_file(
    path: str | Path,
    part: str | None = None,
    *,
    header_row: HeaderRow = None,
    asked: Sequence[str] = (),
) -> Table:
    """The table in a file, which is opened once. Raises DataError where there is none.

    `part` names the sheet of a workbook, the table of an NWB file, or the like; `header_row` is the
    line of the header or "none", where neither it nor the names `asked` for are given it is found.
    """
    return open_table(Path(path), part, header_row=header_row, asked=asked)


def take_columns(
    table: Table,
    columns: Sequence[str | int],
    *,
    labels: Sequence[str | int] = (),
    absent: Sequence[str] = (),
    not_measured: Sequence[str] = (),
    missing: bool = False,
    cure: str = CURE,
) -> Columns:
    """The named or numbered columns of a table, checked as `read_columns` says.

    Cells that equal a `not_measured` code become NaN.
    """
    path = table.path
    places = [place_of(table, column) for column in columns]
    label_places = [place_of(table, column) for column in labels]
    table.prepare(places, label_places)
    codes = {0.0: tuple(absent), np.nan: tuple(not_measured)}
    arrays = [_numbers(table, place, path, cure, codes, missing) for place in places]
    names = tuple(table.names[place] for place in places)
    for name, array in zip(names, arrays, strict=True):
        if array.size != arrays[0].size:
            raise DataError(
                f"{path}: column {shown(names[0])} has {arrays[0].size} rows and column"
                f" {shown(name)} has {array.size}: columns must be of one length"
            )
    if arrays and not arrays[0].size:
        raise DataError(f"{path} has no rows of data")
    texts = tuple(tuple(table.labels(place).texts().tolist()) for place in label_places)
    for column, text in zip(labels, texts, strict=True):
        if arrays and len(text) != arrays[0].size:
            raise DataError(
                f"{path}: column {shown(names[0])} has {arrays[0].size} rows and column"
                f" {shown(str(column))} has {len(text)}: columns must be of one length"
            )
    rows = table.rows(arrays[0].size) if arrays else np.empty(0, dtype=np.int64)
    return Columns(path=path, names=names, arrays=tuple(arrays), rows=rows, labels=texts)


def place_of(table: Table, column: str | int) -> int:
    """Where a column stands, by its name or its number. Raises DataError, naming the near ones."""
    wanted, path = str(column), table.path
    places = table.places.get(wanted, [])
    if not places and not wanted.isascii():  # é is one character to some programs, two to others
        composed = unicodedata.normalize("NFC", wanted)
        places = [
            place
            for place, name in enumerate(table.names)
            if unicodedata.normalize("NFC", name) == composed
        ]
    if len(places) > 1:
        raise DataError(
            f"{path} has {len(places)} columns named {shown(wanted)}: give the number of one,"
            f" counted from 0: {', '.join(map(str, places[:20]))}"
        )
    if places:
        return places[0]
    if wanted.isascii() and wanted.isdigit() and int(wanted[:20]) < len(table.names):
        return int(wanted)
    numbered = f"{len(table.names)} columns, numbered 0 to {len(table.names) - 1}"
    if not table.named:
        cure = "; if a line names them, say which with --header-row" if table.counted_from_1 else ""
        raise DataError(
            f"{path} has no column {shown(wanted)}: it has {numbered}, and no names{cure}"
        )
    near = get_close_matches(wanted, table.names[:2000], n=3, cutoff=0.6)
    near += [
        n for n in table.names if n.lower().strip() == wanted.lower().strip() and n not in near
    ]
    hint = f"; did you mean {' or '.join(map(shown, near))}?" if near else "."
    listed = ", ".join(map(shown, table.names[:20])) + (", ..." if len(table.names) > 20 else "")
    raise DataError(f"{path} has no column {shown(wanted)}{hint} It has {numbered}: {listed}")


def _numbers(
    table: Table,
    place: int,
    path: Path,
    cure: str,
    codes: Mapping[float, tuple[str, ...]],
    missing: bool,
) -> Float[np.ndarray, " rows"]:
    name = table.names[place]
    values, cells = table.column(place)
    said = np.zeros(values.size, dtype=bool)
    for meaning, written in codes.items():
        if written:
            coded = _coded(values, cells, written) & ~said
            values, said = np.where(coded, meaning, values), said | coded
    bad = np.flatnonzero(~np.isfinite(values) & ~said)
    if missing:
        told = np.array([not says_nothing(cells(int(at))) for at in bad], dtype=bool)
        bad = bad[told]
    if not bad.size:
        return values
    at = int(bad[0])
    row = f"row {table.rows(values.size)[at]}" + (
        "" if table.counted_from_1 else " (counted from 0)"
    )
    others = f"; {bad.size - 1} more such rows" if bad.size > 1 else ""
    cell = cells(at)
    what = "is empty" if cell == "" else f"is {shown(cell)}, not a finite number"
    if "," in cell:
        cure = "write numbers with a decimal point, or separate the columns with semicolons"
    raise DataError(f"{path}: {row} of column {shown(name)} {what}{others}: {cure}")


def _coded(
    values: Float[np.ndarray, " rows"], cells: Callable[[int], str], codes: Sequence[str]
) -> Bool[np.ndarray, " rows"]:
    """Which cells are one of the codes, as text or as a number."""
    coded = np.zeros(values.size, dtype=bool)
    for code in codes:
        try:
            coded |= values == float(code)
        except ValueError:
            continue
    for at in np.flatnonzero(np.isnan(values)):
        cell = cells(int(at))
        coded[at] = cell in codes or ("empty" in codes and cell.lower() in ("", "nan", "none"))
    return coded
