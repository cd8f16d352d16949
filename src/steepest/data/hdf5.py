"""Tables in HDF5 files: those of NWB, and the arrays of MATLAB 7.3.

Read with h5py alone, and links to other files are never followed. The HDF5 library goes round in
circles for ever, or crashes, on files that are damaged: it works in a process of its own, which
can be ended.
"""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from steepest.data.matlab import as_columns
from steepest.data.named_arrays import chosen, table_of
from steepest.data.numpy_files import read_npz
from steepest.data.opening import check_size, length, refusing
from steepest.data.table import ArrayTable
from steepest.errors import DataError

__all__ = ["hdf5_table"]

_BROKEN = "begins like HDF5 but cannot be read"
_PATIENCE = 60.0  # s, beside what a large file may take
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
        content = io.BytesIO()
        arrays["told"] = np.frombuffer(json.dumps(told).encode(), dtype=np.uint8)
        np.savez(content, allow_pickle=False, **arrays)
        out.write(content.getbuffer())


def _read(path: Path, file: Any, part: str | None) -> ArrayTable:
    import h5py

    with refusing(path, _BROKEN), h5py.File(file, "r") as content:
        if "nwb_version" in content.attrs:
            return _nwb_table(path, content, part)
        if any("MATLAB_class" in item.attrs for item in _items(content)):
            return table_of(path, "a MATLAB file", dict(_matlab_arrays(path, content)), part)
        raise DataError(
            f"{path} is HDF5 but no NWB file and not of MATLAB (NetCDF, Keras), which is not read"
            " here: write the columns to CSV or NPZ"
        )


def _nwb_table(path: Path, content: Any, part: str | None) -> ArrayTable:
    """A DynamicTable, which is a group that names its columns; those of one or n values a row."""
    groups: dict[str, Any] = {}

    def note(name: str, item: Any) -> None:
        if "colnames" in item.attrs:
            short = name.rpartition("/")[2]
            groups[name if short in groups else short] = item

    content.visititems(note)  # follows no link
    if not groups:
        raise DataError(f"{path} is an NWB file without any table: save the sizes as one")
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


def _matlab_arrays(path: Path, group: Any, prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
    for name in group:
        if name.startswith("#"):  # what cells and objects refer to
            continue
        item = _own(group, name)
        if item is None:
            continue
        if not hasattr(item, "shape"):
            yield from _matlab_arrays(path, item, f"{prefix}{name}.")
            continue
        if item.attrs.get("MATLAB_class") == b"cell":
            array = _cell_texts(item)
        elif item.attrs.get("MATLAB_class") == b"char":
            continue
        else:
            array = _array(path, group, name)
        if array is not None:
            column = as_columns(array.T)
            if column is not None:
                yield f"{prefix}{name}", column


def _cell_texts(item: Any) -> np.ndarray | None:
    """A cell of texts, which are arrays of 16-bit codes that the cell refers to."""
    texts = []
    for reference in np.asarray(item[()]).reshape(-1):
        codes = item.file[reference][()]
        if np.asarray(codes).dtype != np.uint16:
            return None
        texts.append(np.asarray(codes).T.reshape(-1).tobytes().decode("utf-16-le", "replace"))
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array


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
