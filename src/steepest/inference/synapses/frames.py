"""Long tables in Python: a data frame with a row for each synapse and session."""

import re
from collections.abc import Sequence
from typing import Any

from steepest.data.conditions import parse_condition
from steepest.data.conditions import where as rows_where
from steepest.data.frames import frame_table, is_frame
from steepest.data.long import NO_ROW, long_rows, pivoted
from steepest.data.size_table import SizeTable
from steepest.errors import DataError, UsageError
from steepest.inference.synapses.shapes import row_labels

__all__ = ["long_frame"]


def long_frame(
    frame: Any,
    *,
    id: str | None,
    session: str | None,
    size: str | None,
    group: str | None = None,
    order: Sequence[Any] = (),
    where: str | Sequence[str] = (),
    replicates: bool = False,
    absent: str | Sequence[str] = (),
    limited: bool = False,
) -> SizeTable:
    """The sizes in a data frame of one row for each synapse and session, by its columns' names.

    - `id`, `session`, `size`, `group`: columns; OUTER/INNER joins two levels.
    - `order`: the sessions in order of time, where neither numbers nor dates tell it.
    - `where`: conditions on rows, as "day<=12"; `replicates`: whether sizes were measured again.
    - `absent`: marks of absent synapses beside 0; "no-row": those without a row in a session.
    - `limited`: whether sizes may be negative, below a detection limit.

    Raises UsageError where one of the three columns is not named or this is no data frame, and
    DataError as long tables in files do.

    >>> import pandas as pd
    >>> cells = {"spine": ["a", "a"], "day": [4, 0], "volume": [0.6, 0.5]}
    >>> long_frame(pd.DataFrame(cells), id="spine", session="day", size="volume").names
    ('day 0', 'day 4')
    """
    if id is None or session is None or size is None:
        columns = {"id": id, "session": session, "size": size}
        given = [name for name, column in columns.items() if column is not None]
        missing = [name for name, column in columns.items() if column is None]
        raise UsageError(
            f"{' and '.join(given) or 'a long table'} without {' and '.join(missing)}: a long table"
            " is read by id, session and size (a column each)"
        )
    if not is_frame(frame):
        raise UsageError(
            f"id, session and size name the columns of a data frame, and a"
            f" {type(frame).__name__} has none: give a data frame, or the sizes session by session"
        )
    marks = _several(absent)
    conditions = [parse_condition(text) for text in _several(where)]
    try:
        table = rows_where(frame_table(frame), conditions)
        rows = long_rows(
            table,
            identity=id,
            session=session,
            size=size,
            labels=row_labels(table, group=group),
            absent=marks,
            negative=limited,
        )
        return pivoted(
            rows,
            order=[str(label) for label in order],
            replicates=replicates,
            no_row_is_absent=NO_ROW in marks,
        )
    except DataError as error:
        raise DataError(_in_python(str(error))) from error


def _several(texts: str | Sequence[str]) -> list[str]:
    return [texts] if isinstance(texts, str) else [*texts]


def _in_python(message: str) -> str:
    """A message that names options of the command line, with Python's arguments in their place."""
    message = message.replace("--replicates", "replicates=True")
    return re.sub(r"--([a-z]+)(?:-([a-z]+))?", _argument, message)


def _argument(option: re.Match[str]) -> str:
    return "_".join(filter(None, option.groups())) + "="
