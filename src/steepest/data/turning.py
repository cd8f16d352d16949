"""Tables whose rows are what others have as columns: units, or coordinates."""

import math

import numpy as np

from steepest.data.table import ArrayTable, Table, number
from steepest.data.tables import take_columns

__all__ = ["turned"]


def turned(table: Table, cure: str) -> ArrayTable:
    """The table with its rows as columns, named by the first column where that holds words.

    `cure` is what messages advise about a cell that is no finite number. Raises DataError for one.

    >>> from pathlib import Path
    >>> table = ArrayTable(["0", "1"], False, [np.array(["x", "y"]), np.array([1, 2])], Path("a"))
    >>> turned(table, "leave it out").names
    ['x', 'y']
    """
    first = table.labels(0)
    named = not any(math.isfinite(number(name)) for name in first.names)
    columns = take_columns(table, list(range(named, len(table.names))), cure=cure)
    rows = np.stack(columns.arrays, axis=1)
    names = first.texts().tolist() if named else [str(at) for at in range(len(rows))]
    return ArrayTable(names, named, list(rows), table.path)
