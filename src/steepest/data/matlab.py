"""MATLAB files: arrays of numbers and of texts by name, structs opened, code never run."""

import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from steepest.data.named_arrays import table_of
from steepest.data.opening import check_size, length, refusing
from steepest.data.table import ArrayTable

__all__ = ["as_columns", "matlab_table"]

_COMPRESSED = 15  # the type of an element that zlib packed
_NUMBERS = {"double", "single", "logical", "cell", "struct", "char"} | {
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}


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
        told = [(name, shape) for name, shape, kind in whosmat(stream) if kind in _NUMBERS]
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
        arrays = dict(_flat({n: v for n, v in content.items() if not n.startswith("__")}))
        return table_of(path, "a MATLAB file", arrays, part)


def as_columns(array: np.ndarray) -> np.ndarray | None:
    """A MATLAB array as rows: a vector lies as it may, a cell of texts is one; None for others.

    >>> as_columns(np.ones((1, 3))).shape
    (3,)
    """
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


def _flat(content: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Arrays by name, those within structs (s.field) and cells (c{1}) too."""
    for name, value in content.items():
        array = np.asarray(value)
        if array.dtype.names:
            entries = array.reshape(-1)
            if entries.size == 1:
                fields = {field: entries[0][field] for field in array.dtype.names}
            else:
                fields = {field: _stacked(entries[field]) for field in array.dtype.names}
            own = {field: v for field, v in fields.items() if v is not None}
            yield from _flat(own, f"{prefix}{name}.")
            continue
        column = as_columns(array)
        if column is not None:
            yield f"{prefix}{name}", column
        elif array.dtype.kind == "O":
            parts = {f"{name}{{{at}}}": item for at, item in enumerate(array.reshape(-1), start=1)}
            yield from _flat({part: v for part, v in parts.items() if _is_part(v)}, prefix)


def _stacked(values: np.ndarray) -> np.ndarray | None:
    """What a field holds in all entries of a struct: a text each, or as many numbers; or None."""
    arrays = [np.asarray(value) for value in values]
    sizes = {array.size for array in arrays}
    if len(sizes) == 1 and sizes != {0} and all(array.dtype.kind in "fiub" for array in arrays):
        return np.stack([array.reshape(-1) for array in arrays])
    return as_columns(values)


def _is_part(value: Any) -> bool:
    return isinstance(value, np.ndarray) and (bool(value.dtype.names) or value.dtype.kind in "fiub")


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
