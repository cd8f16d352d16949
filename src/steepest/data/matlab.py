"""MATLAB files: arrays of numbers and of texts by name, structs opened, code never run."""

import io
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from steepest.data.named_arrays import table_of
from steepest.data.opening import check_size, length, refusing
from steepest.data.table import ArrayTable

__all__ = ["NUMBERS", "flat", "matlab_table", "stacked"]

_COMPRESSED = 15  # the type of an element that zlib packed
NUMBERS = {"double", "single", "logical", "cell", "struct", "char"} | {
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}
"""The classes of MATLAB that are read; tables, strings and dates are objects, which are not."""


def matlab_table(path: Path, file: io.BufferedIOBase, part: str | None) -> ArrayTable:
    """The arrays of a MATLAB 5 to 7.2 file as a table; those in structs are called struct.field.

    Raises DataError for a file without arrays of numbers, and for what unpacks past the limit.
    """
    from scipy.io import loadmat, whosmat

    stream: Any = file  # the types of scipy know names of files only

    with refusing(path, "begins like a MATLAB file but cannot be read"):
        check_size(path, _unpacked_size(path, file), "unpacks to")
        file.seek(0)
        # The header's shape is believed by scipy, which makes room for it.
        told = [(name, shape) for name, shape, kind in whosmat(stream) if kind in NUMBERS]
        for name, shape in told:
            size = 1
            for side in shape:
                size *= int(side)
            check_size(path, 8 * size, f"declares {name} to be of")
        file.seek(0)
        content = loadmat(
            stream,
            variable_names=[name for name, _ in told],
            squeeze_me=False,
            chars_as_strings=True,
        )
        arrays = dict(flat({n: v for n, v in content.items() if not n.startswith("__")}))
        return table_of(path, "a MATLAB file", arrays, part)


def flat(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Arrays by name as rows, those within structs (s.field) and cells (c{1}) too.

    A struct is a mapping or an array with fields, a cell an array of objects.

    >>> [(name, rows.shape) for name, rows in flat({"s": {"volume": np.ones((3, 2))}})]
    [('s.volume', (3, 2))]
    """
    for name, value in content.items():
        if isinstance(value, np.ndarray) and value.dtype.names:
            value = _fields(value)
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
            continue
        array = np.asarray(value)
        column = _as_columns(array)
        if column is not None:
            yield f"{prefix}{name}", column
        elif array.dtype.kind == "O":
            parts = {f"{name}{{{at}}}": item for at, item in enumerate(array.reshape(-1), start=1)}
            yield from flat({part: v for part, v in parts.items() if _is_part(v)}, prefix)


def stacked(values: np.ndarray) -> np.ndarray | None:
    """What a field holds in all entries of a struct: a text each, or as many numbers; or None.

    >>> values = np.empty(2, dtype=object)
    >>> values[:] = [np.array([[1.0]]), np.array([[2.0]])]
    >>> stacked(values).tolist()
    [[1.0], [2.0]]
    """
    arrays = [np.asarray(value) for value in values]
    sizes = {array.size for array in arrays}
    if len(sizes) == 1 and sizes != {0} and all(array.dtype.kind in "fiub" for array in arrays):
        return np.stack([array.reshape(-1) for array in arrays])
    return _as_columns(values)


def _as_columns(array: np.ndarray) -> np.ndarray | None:
    """A MATLAB array as rows: a vector lies as it may, a cell of texts is one; None for others."""
    if array.dtype.kind not in "fiubUO" or array.ndim > 2 or array.size < 2:
        return None
    if array.ndim == 2 and 1 in array.shape:
        array = array.reshape(-1)
    if array.dtype.kind == "O":
        texts = [np.asarray(item).reshape(-1) for item in array.reshape(-1)]
        if array.ndim != 1 or any(t.size > 1 or t.dtype.kind not in "Ufiub" for t in texts):
            return None
        labels = np.empty(len(texts), dtype=object)
        labels[:] = [str(t[0]) if t.size else "" for t in texts]
        return labels
    return array


def _fields(array: np.ndarray) -> dict[str, Any]:
    """The fields of a struct, or of an array of structs."""
    entries = array.reshape(-1)
    names = array.dtype.names or ()
    if entries.size == 1:
        return {field: entries[0][field] for field in names}
    fields = {field: stacked(entries[field]) for field in names}
    return {field: value for field, value in fields.items() if value is not None}


def _is_part(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return bool(value.dtype.names) or value.dtype.kind in "fiubO"
    return isinstance(value, Mapping)


def _unpacked_size(path: Path, file: io.BufferedIOBase) -> int:
    """The bytes that the packed elements of a file unpack to, counted without keeping them."""
    total = end = length(file)
    head = file.read(128)
    order = ">" if head[126:128] == b"MI" else "<"
    at = 128
    while at + 8 <= end:
        file.seek(at)
        kind, size = np.frombuffer(file.read(8), dtype=f"{order}u4").tolist()
        if kind == _COMPRESSED:
            unpacker = zlib.decompressobj()
            packed = file.read(size)
            while packed and not unpacker.eof:
                total += len(unpacker.decompress(packed, 1 << 20))
                packed = unpacker.unconsumed_tail
                check_size(path, total, "unpacks to at least")
        at += 8 + size
    return total
