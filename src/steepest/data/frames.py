"""Data frames (of pandas, or what has their columns) as tables: cells as they are, rows from 0."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from steepest.arrays.given import real_numbers
from steepest.data.table import ArrayTable
from steepest.errors import UsageError

__all__ = ["frame_table", "is_frame"]

_CALLED = Path("the data frame")


def is_frame(values: Any) -> bool:
    """Whether these are a data frame's columns.

    >>> is_frame([1.0, 2.0])
    False
    """
    return hasattr(values, "columns") and hasattr(values, "iloc")


def frame_table(frame: Any) -> ArrayTable:
    """A data frame as a table of a file; nothing is converted before it is asked for.

    >>> import pandas as pd
    >>> frame_table(pd.DataFrame({"day": [0, 4], "spine": ["a", None]})).labels(1).names
    ('a', '')
    """
    columns: Sequence[Any] = [frame.iloc[:, at] for at in range(len(frame.columns))]
    names = [str(name) for name in frame.columns]
    return ArrayTable(names, True, columns, _CALLED, _cells)


def _cells(column: Any) -> np.ndarray:
    """A column's cells: numbers as float64 with NaN, dates and other things as texts."""
    kind = column.dtype.kind
    if kind in "iufb" and isinstance(column.dtype, np.dtype):
        return column.to_numpy()
    if kind in "iuf":  # with missing cells of pandas' own
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    if kind == "M":
        return column.astype(str).where(column.notna(), "").to_numpy(dtype=object)
    cells = column.to_numpy()
    if cells.dtype != object:
        return cells
    missing = column.isna().to_numpy()
    try:  # numbers in a column of Python objects
        return real_numbers(np.where(missing, np.nan, cells), "column", empty=True)
    except UsageError:
        return np.where(missing, "", cells)
