"""Tables in HDF5 files: those of NWB, and the arrays of MATLAB 7.3.

Read with h5py alone, and links to other files are never followed. The HDF5 library goes round in
circles for ever, or crashes, on files that are damaged: it works in a process of its own, which
can be ended.
"""

import io
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from steepest.data.matlab import NUMBERS, flat, stacked
from steepest.data.named_arrays import array_table, chosen, table_of
from steepest.data.numpy_files import read_npz
from steepest.data.opening import check_size, length, refusing
from steepest.data.table import ArrayTable
from steepest.errors import DataError

__all__ = ["hdf5_table"]

_BROKEN = "begins like HDF5 but cannot be read"
_CLOCKS = ("timestamps", "starting_time")
_PATIENCE = 60.0  # s, beside what a large file may take
_MOST_TOLD = 20  # arrays that are listed
_PACE = 10e6  # bytes in a second, which any disk gives


def hdf5_table(path: Path, file: io.BufferedIOBase, part: str | None) -> ArrayTable:
    """A table of an NWB file, or of the arrays of a MATLAB 7.3 file.

    Raises DataError for other HDF5 files, a table that is not there, several and none named, and
    where the library does not come back.
    """
    patience = _PATIENCE + length(file) / _PACE
    command = [sys.executable, "-P", "-m", __name__, str(path), *([] if part is None else [part])]
    given: dict[str, Any] = {"stdin": file}
    if isinstance(file, io.BytesIO):
        given = {"input": file.getvalue()}
    try:
        done = subprocess.run(command, capture_output=True, timeout=patience, check=False, **given)
    except subprocess.TimeoutExpired as error:
        raise DataError(
            f"{path} {_BROKEN}: the HDF5 library did not come back within {patience:.0f} s, as it"
            " does where a file is damaged"
        ) from error
    if done.returncode:
        raise DataError(
            f"{path} {_BROKEN}: the HDF5 library ended with {done.returncode}, as it does where a"
            " file is damaged"
        )
    arrays = read_npz(path, io.BytesIO(done.stdout))
    told = json.loads(arrays.pop("told").tobytes())
    if "error" in told:
        raise DataError(told["error"])
    columns = []
    for place in map(str, range(len(told["names"]))):
        if place in arrays:
            columns.append(arrays[place])
            continue
        texts = np.empty(len(told["texts"][place]), dtype=object)
        texts[:] = told["texts"][place]
        columns.append(texts)
    return ArrayTable(told["names"], told["named"], columns, path)


def _main() -> None:
    """What the other process does: the table in standard input, to standard output."""
    path, *part = sys.argv[1:]
    told: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {}
    try:
        source = sys.stdin.buffer
        file = source if source.seekable() else io.BytesIO(source.read())
        table = _read(Path(path), file, part[0] if part else None)
        texts = {}
        for place, array in enumerate(table.arrays):
            if array.dtype.kind == "O":
                texts[str(place)] = list(map(str, array.tolist()))
            else:
                arrays[str(place)] = array
        told = {"names": table.names, "named": table.named, "texts": texts}
    except DataError as error:
        told = {"error": str(error)}
    with sys.stdout.buffer as out:
        buffer = io.BytesIO()
        arrays["told"] = np.frombuffer(json.dumps(told).encode(), dtype=np.uint8)
        np.savez(buffer, allow_pickle=False, **arrays)
        out.write(buffer.getbuffer())


def _read(path: Path, file: Any, part: str | None) -> ArrayTable:
    import h5py

    with refusing(path, _BROKEN), h5py.File(file, "r") as content:
        if "nwb_version" in content.attrs:
            return _nwb_table(path, content, part)
        if any("MATLAB_class" in item.attrs for item in _items(content)):
            arrays = dict(flat(_Matlab(path).fields(content)))
            return table_of(path, "a MATLAB file", arrays, part)
        raise DataError(
            f"{path} is HDF5 but no NWB file and not of MATLAB (NetCDF, Keras), which is not read"
            " here: write the columns to CSV or NPZ"
        )


def _nwb_table(path: Path, content: Any, part: str | None) -> ArrayTable:
    """A DynamicTable, which is a group that names its columns; those of one or n values a row."""
    groups: dict[str, Any] = {}
    series: dict[str, Any] = {}
    arrays: dict[str, Any] = {}

    def note(name: str, item: Any) -> None:
        if hasattr(item, "shape") and item.dtype.kind in "fiu" and item.ndim in (1, 2):
            arrays[name] = item
        kept = groups if "colnames" in item.attrs else series
        if kept is series and not (
            hasattr(item, "keys") and {"data", *_CLOCKS} & {*item} > {"data"}
        ):
            return
        short = name.rpartition("/")[2]
        kept[name if short in kept else short] = item

    content.visititems(note)  # follows no link
    if series and (part in series or not groups):
        return _series(path, series[chosen(path, "time series", list(series), part)])
    if part in arrays:
        values = _array(path, content, part)
        if values is not None:
            return array_table(values, path, part)
    if not groups:
        raise DataError(f"{path} is an NWB file without any table: {_candidates(arrays)}")
    name = chosen(path, "table", list(groups), part)
    group = groups[name]
    columns: dict[str, np.ndarray] = {}
    for column in np.asarray(group.attrs["colnames"]).reshape(-1).tolist():
        called = column.decode() if isinstance(column, bytes) else str(column)
        if f"{called}_index" in group:  # lists of several values a row
            continue
        array = _array(path, group, called)
        if array is not None and array.ndim in (1, 2):
            columns[called] = array
    if not columns:
        raise DataError(f"{path}: table {name!r} has no column of one value a row")
    return table_of(path, "an NWB file", columns, None)


def _candidates(arrays: Mapping[str, Any]) -> str:
    """What is advised where no table is: the arrays that may hold sizes, a row a synapse."""
    told = [
        f"{name} ({' x '.join(map(str, item.shape))})"
        for name, item in arrays.items()
        if item.size > 1
    ]
    if not told:
        return "save the sizes as one"
    more = f" and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
    listed = ", ".join(told[:_MOST_TOLD])
    return f"say with --table if one of its arrays holds sizes, {listed}{more}"


def _series(path: Path, group: Any) -> ArrayTable:
    """A TimeSeries: its times, and a column for each unit."""
    values = _array(path, group, "data")
    if values is None or values.dtype.kind not in "fiu":
        raise DataError(f"{path}: time series {group.name!r} holds no numbers by time and unit")
    units = values[:, None] if values.ndim == 1 else values
    times = _array(path, group, "timestamps")
    if times is None:
        start = group["starting_time"]
        times = float(start[()]) + np.arange(len(units)) / float(start.attrs["rate"])
    names = ["time", *map(str, range(units.shape[1]))]
    return ArrayTable(names, True, [times, *units.T], path)


class _Matlab:
    """What a MATLAB 7.3 file holds, as `flat` takes it; cells and structs refer to their parts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._size = 0

    def fields(self, group: Any) -> dict[str, Any]:
        """The fields of a struct, or the variables of a file, without those that are not read."""
        own = {name: _own(group, name) for name in group if not name.startswith("#")}
        fields = {name: self._value(item) for name, item in own.items() if item is not None}
        return {name: value for name, value in fields.items() if value is not None}

    def _value(self, item: Any) -> Any:
        import h5py

        kind = item.attrs.get("MATLAB_class", b"")
        kind = kind.decode() if isinstance(kind, bytes) else str(kind)
        if not isinstance(item, h5py.Dataset):
            return self.fields(item)
        if (kind and kind not in NUMBERS) or "MATLAB_object_decode" in item.attrs:
            return None
        self._size += (item.size or 0) * max(item.dtype.itemsize, 1)
        check_size(self.path, self._size, f"declares {item.name} to be of")
        if item.attrs.get("MATLAB_empty", 0):
            return np.empty(0, dtype="U1" if kind == "char" else np.float64)
        if h5py.check_ref_dtype(item.dtype) is h5py.Reference:
            parts = [item.file[reference] for reference in np.asarray(item[()]).reshape(-1)]
            values = np.empty(len(parts), dtype=object)
            for at, part in enumerate(parts):
                values[at] = self._value(part)
            return values if kind == "cell" else stacked(values)  # else a field of many structs
        array = _array(self.path, item.parent, str(item.name))
        if array is not None and kind == "char":
            return np.array([array.T.tobytes().decode("utf-16-le", "replace")])
        return None if array is None else array.T


def _items(content: Any) -> list[Any]:
    return [item for name in content if (item := _own(content, name)) is not None]


def _own(group: Any, name: str) -> Any:
    """What a group holds under a name, None where that is a link."""
    import h5py

    return group[name] if isinstance(group.get(name, getlink=True), h5py.HardLink) else None


def _array(path: Path, group: Any, name: str) -> np.ndarray | None:
    """A dataset's numbers or texts; None where it is none, or lies in another file."""
    import h5py

    item = _own(group, name)
    if not isinstance(item, h5py.Dataset) or item.external or item.is_virtual:
        return None
    if h5py.check_ref_dtype(item.dtype) or item.ndim not in (1, 2) or item.dtype.names:
        return None
    check_size(path, (item.size or 0) * max(item.dtype.itemsize, 1), f"declares {name} to be of")
    if h5py.check_string_dtype(item.dtype):
        return np.asarray(item.asstr(errors="replace")[()], dtype=object)
    return item[()]


if __name__ == "__main__":
    _main()
