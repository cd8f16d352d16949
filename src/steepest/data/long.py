"""Long tables: one row per synapse and session becomes one row per synapse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from steepest.data.label_columns import labels_of
from steepest.data.labels import Labels, stack
from steepest.data.sessions import ordered
from steepest.data.size_table import SizeTable
from steepest.data.table import Table
from steepest.data.tables import NamedColumn, take_columns
from steepest.errors import DataError

__all__ = ["NO_ROW", "LongRows", "long_rows", "pivoted", "stacked_rows"]

NO_ROW = "no-row"
"""The code of `absent` for a synapse that has no row in a session."""


@dataclass(frozen=True, eq=False, kw_only=True)
class LongRows:
    """The rows of a long table: which synapse, which session, its size, and its labels.

    `called` are the names of the columns of identity, session and size, for messages; `rows` are
    those of the file, and `places` the file of each row where there are several.
    """

    source: str
    path: str
    called: tuple[str, str, str]
    ids: Labels
    sessions: Labels
    sizes: Float[np.ndarray, " rows"] = field(repr=False)
    rows: Int[np.ndarray, " rows"] = field(repr=False)
    counted_from_1: bool
    labels: Mapping[str, Labels] = field(repr=False)
    files: Labels | None = None

    def row(self, at: int) -> str:
        """How messages call a row."""
        counted = "" if self.counted_from_1 else " (counted from 0)"
        file = "" if self.files is None else f" of {self.files[at]}"
        return f"row {self.rows[at]}{counted}{file}"


def long_rows(
    table: Table,
    *,
    identity: str,
    session: str | None,
    size: str,
    labels: Mapping[str, Labels],
    absent: Sequence[str] = (),
    not_measured: Sequence[str] = (),
    negative: bool = False,
) -> LongRows:
    """The rows of one table, checked.

    - `identity`, `session`, `size`: columns; OUTER/INNER joins two columns to one label. Without a
      `session` the file is one.
    - `labels`: of every row, by what they say ("group", "condition").
    - `absent`, `not_measured`: codes for sizes, as in `read_columns`.
    - `negative`: whether sizes may be negative (below a detection limit).

    Raises DataError, naming row and column, for empty labels, sizes that are no numbers, and
    negative ones.
    """
    codes = [code for code in absent if code != NO_ROW]
    columns = take_columns(table, [size], absent=codes, not_measured=not_measured, missing=True)
    sizes, name = columns.arrays[0], columns.names[0]
    below = np.flatnonzero(sizes < 0)
    rows = LongRows(
        source=table.path.name,
        path=str(table.path),
        called=(identity, "file" if session is None else session, name),
        ids=labels_of(table, identity),
        sessions=Labels(np.zeros(sizes.size, dtype=np.int64), (table.path.name,))
        if session is None
        else labels_of(table, session),
        sizes=sizes,
        rows=columns.rows,
        counted_from_1=table.counted_from_1,
        labels=labels,
    )
    if below.size and not negative:
        at = int(below[0])
        more = f" (and {below.size - 1} more)" if below.size > 1 else ""
        raise DataError(
            f"{table.path}: {rows.row(at)} of column {name!r} is {sizes[at]:g}{more}, which is"
            " negative: sizes are positive, and 0 for an absent synapse; a --detection-limit says"
            " from where on sizes are measured, after a background was subtracted"
        )
    return rows


def stacked_rows(parts: Sequence[LongRows]) -> LongRows:
    """The rows of several long tables as those of one."""
    first = parts[0]
    if len(parts) == 1:
        return first
    return LongRows(
        source=f"{len(parts)} files",
        path=f"{len(parts)} files",
        called=first.called,
        ids=stack([part.ids for part in parts]),
        sessions=stack([part.sessions for part in parts]),
        sizes=np.concatenate([part.sizes for part in parts]),
        rows=np.concatenate([part.rows for part in parts]),
        counted_from_1=all(part.counted_from_1 for part in parts),
        labels={role: stack([part.labels[role] for part in parts]) for role in first.labels},
        files=stack([Labels(np.zeros(len(p.ids), dtype=np.int64), (p.source,)) for p in parts]),
    )


def pivoted(
    long: LongRows,
    *,
    order: Sequence[str] = (),
    replicates: bool = False,
    no_row_is_absent: bool = False,
) -> SizeTable:
    """One row per synapse, in the order in which they first appear, and sessions in order of time.

    A synapse without a row in a session was not measured there, unless `no_row_is_absent`.

    Raises DataError for fewer than two sessions, sessions without an order, two rows of one synapse
    and session (unless they are `replicates`), and a synapse with two labels of one kind.
    """
    identity, session, size = long.called
    count = len(long.sessions.names)
    if count < 2:
        only = long.sessions.names[0] if count else "none"
        raise DataError(
            f"{long.path}: column {session!r} holds one session ({only!r}): a change needs at"
            " least two"
        )
    places, days = ordered(long.sessions.names, order, called=f"the sessions of {session!r}")
    rank = np.empty(count, dtype=np.int64)
    rank[places] = np.arange(count)
    n = len(long.ids.names)
    cell = long.ids.codes * count + rank[long.sessions.codes]
    copies = np.bincount(cell, minlength=n * count)
    deepest = int(copies.max())
    if deepest > 1 and not replicates:
        raise DataError(_twice(long, cell, copies, identity))
    first = np.full(n, -1, dtype=np.int64)
    first[long.ids.codes[::-1]] = np.arange(len(long.ids))[::-1]
    labels = {
        role: _of_synapses(long, role, found, first, identity)
        for role, found in long.labels.items()
    }
    sizes = np.full((n * count, deepest), 0.0 if no_row_is_absent else np.nan)
    if no_row_is_absent:
        # Only the first column says that there is no row: further replicates were not taken.
        sizes[:, 1:] = np.nan
    if deepest == 1:
        sizes[cell, 0] = long.sizes
    else:
        turn = np.argsort(cell, kind="stable")
        start = np.cumsum(copies) - copies
        sizes[cell[turn], np.arange(cell.size) - start[cell[turn]]] = long.sizes[turn]
    sizes = sizes.reshape(n, count, deepest)
    told = [long.sessions.names[place] for place in places]
    names = tuple(label if days else _called(label, session) for label in told)
    index = long.rows[first]
    return SizeTable(
        source=long.source,
        path=long.path,
        names=names,
        sessions=tuple(
            tuple(NamedColumn(size, index, sizes[:, at, copy]) for copy in range(deepest))
            for at in range(count)
        ),
        times=None if days is None else tuple(days),
        labels=labels,
        notes=(
            *_missing(copies),
            *([] if days else _uneven(told)),
        ),
    )


def _called(label: str, column: str) -> str:
    """A session's name: a bare number says nothing without its column's name."""
    return f"{column} {label}" if label.replace(".", "").lstrip("+-").isdigit() else label


def _twice(long: LongRows, cell: np.ndarray, copies: np.ndarray, identity: str) -> str:
    several = np.flatnonzero(copies[cell] > 1)
    at = int(several[0])
    other = int(np.flatnonzero(cell == cell[at])[1])
    many = int((copies > 1).sum())
    more = f" (and {many - 1} more such)" if many > 1 else ""
    inside = ""
    group = long.labels.get("group")
    if group is not None and group.codes[at] != group.codes[other]:
        inside = (
            f"; they are of different groups ({group[at]} and {group[other]}): where names of"
            f" synapses repeat between groups, say --id GROUP/{identity} with the group's column"
        )
    return (
        f"{long.path}: {long.row(at)} and {long.row(other)} are both synapse {long.ids[at]!r} in"
        f" session {long.sessions[at]!r}{more}{inside}; where they measure it again, say"
        " --replicates"
    )


def _of_synapses(
    long: LongRows, role: str, labels: Labels, first: np.ndarray, identity: str
) -> Labels:
    """One label a synapse, which all its rows must have."""
    other = np.flatnonzero(labels.codes != labels.codes[first[long.ids.codes]])
    if other.size:
        at = int(other[0])
        before = int(first[long.ids.codes[at]])
        raise DataError(
            f"{long.path}: synapse {long.ids[at]!r} has the {role} {labels[before]!r} in"
            f" {long.row(before)} and {labels[at]!r} in {long.row(at)}: a synapse has one; where"
            f" names of synapses repeat, say --id OUTER/{identity} with the column that tells them"
            " apart"
        )
    return labels.select(first)


def _missing(copies: np.ndarray) -> list[str]:
    """What is said of synapses without a row in some session."""
    missing = int((copies == 0).sum())
    if not missing:
        return []
    return [
        f"{missing} of {copies.size} pairs of synapse and session have no row: not measured there"
        f" (--absent {NO_ROW} says that such synapses were absent)"
    ]


def _uneven(sessions: Sequence[str]) -> list[str]:
    """What is said of sessions that are numbered unevenly, as times are."""
    try:
        numbers = np.array([float(label) for label in sessions])
    except ValueError:
        return []
    steps = np.diff(numbers)
    if not steps.size or np.ptp(steps) <= 1e-9 * np.abs(numbers).max():
        return []
    typed = " ".join(sessions[:12]) + (" ..." if len(sessions) > 12 else "")
    return [
        f"sessions are numbered {typed}, and taken as evenly spaced: if these are times, say"
        f" --times {typed}"
    ]
