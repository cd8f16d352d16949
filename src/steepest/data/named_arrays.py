"""A table from arrays with names, as MATLAB and NWB files hold them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from steepest.data.table import MOST_COLUMNS, ArrayTable, shown
from steepest.errors import DataError

__all__ = ["array_table", "chosen", "table_of"]


def array_table(array: np.ndarray, path: Path, name: str | None = None) -> ArrayTable:
    """The columns of one array: fields of records, columns of a matrix, or the one that it is.

    >>> array_table(np.ones((3, 2)), Path("a.npy")).names
    ['0', '1']
    """
    if array.dtype.names:
        names = list(array.dtype.names)
        return ArrayTable(names, True, [array[name] for name in names], path)
    if array.ndim == 1:
        return ArrayTable([name or "0"], name is not None, [array], path)
    if array.ndim != 2:
        raise DataError(
            f"{path} holds an array of {array.ndim} dimensions: give rows of synapses and columns"
            " of sessions"
        )
    if array.shape[1] > MOST_COLUMNS:
        raise DataError(f"{path} has {array.shape[1]:,} columns: a table has one synapse a row")
    return ArrayTable([str(place) for place in range(array.shape[1])], False, list(array.T), path)


def table_of(
    path: Path, kind: str, arrays: Mapping[str, np.ndarray], part: str | None
) -> ArrayTable:
    """The table that arrays of one length make; a matrix `a` is columns a.0, a.1, ...

    `part` names the array to take alone, or the struct of which all are taken. Raises DataError,
    listing the arrays, where they are of several lengths and none is named.
    """
    if not arrays:
        raise DataError(f"{path} is {kind} without any array of numbers: save the sizes as one")
    if part is not None and part not in arrays:
        inside = {name: array for name, array in arrays.items() if name.startswith(f"{part}.")}
        if inside:
            return table_of(path, kind, inside, None)
    if part is not None:
        return array_table(arrays[chosen(path, "array", list(arrays), part)], path, part)
    lengths = {name: len(array) for name, array in arrays.items()}
    matrices = {len(array) for array in arrays.values() if array.ndim == 2}
    wanted = set(lengths.values()) if len(matrices) != 1 else matrices
    if len(wanted) > 1:
        told = ", ".join(
            f"{name} ({' x '.join(map(str, array.shape))})" for name, array in arrays.items()
        )
        raise DataError(f"{path} holds arrays of several lengths, {told}: say which with --table")
    columns: dict[str, Any] = {}
    for name, array in arrays.items():
        if lengths[name] not in wanted:
            continue
        if array.ndim == 1:
            columns[name] = array
        else:
            columns |= {f"{name}.{k}": column for k, column in enumerate(array.T)}
    return ArrayTable(list(columns), True, list(columns.values()), path)


def chosen(path: Path, kind: str, names: list[str], wanted: str | None) -> str:
    """The part of a file that is wanted, or the only one. Raises DataError that lists them all."""
    some = names if len(names) <= 20 else names[:20]
    listed = ", ".join(map(shown, some))
    listed += f" and {len(names) - 20} more" if len(names) > 20 else ""
    if wanted is None:
        if len(names) > 1:
            raise DataError(f"{path} has {len(names)} {kind}s, {listed}: say which with --table")
        return names[0]
    if wanted not in names:
        raise DataError(f"{path} has no {kind} {wanted!r}; it has {listed}")
    return wanted
