"""Sizes of synapses in sessions, from whatever shape of table they came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool

from steepest.data.labels import Labels, stack
from steepest.data.table import Table
from steepest.data.tables import NamedColumn, place_of, take_columns
from steepest.errors import DataError

__all__ = ["SizeTable", "stacked", "wide_sizes"]


@dataclass(frozen=True, eq=False, kw_only=True)
class SizeTable:
    """One row a synapse: its sizes in every session, and its labels.

    - `source`: the file's name, or how many files; `path`: where it is, for messages.
    - `names`: the sessions, in order.
    - `sessions`: for each session its columns, which are replicates of one another. NaN is a size
      that was not measured, 0 an absent synapse.
    - `times`: of the sessions, in days where they are dates; None: not known.
    - `labels`: of every synapse, by what they say: "group", "cluster" (what groups lie in),
      "condition", "compare".
    - `rates`: presynaptic rates, or None; `notes`: sentences on how the table was understood.

    >>> column = NamedColumn("day 0", np.array([2, 3]), np.array([0.5, 1.0]))
    >>> SizeTable(source="a.csv", names=("day 0",), sessions=((column,),)).rows
    2
    """

    source: str
    path: str = ""
    names: tuple[str, ...]
    sessions: tuple[tuple[NamedColumn, ...], ...] = field(repr=False)
    times: tuple[float, ...] | None = None
    labels: Mapping[str, Labels] = field(repr=False, default_factory=dict)
    rates: NamedColumn | None = field(repr=False, default=None)
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many synapses there are."""
        return self.sessions[0][0].values.size

    def row_names(self) -> list[Any]:
        """The row of the file in which each synapse stands (first), with the file if several."""
        return self.sessions[0][0].index.tolist()

    def texts(self, role: str) -> np.ndarray | None:
        """What every synapse is labelled with, as texts; None where nothing says it."""
        return self.labels[role].texts() if role in self.labels else None

    @property
    def replicated(self) -> bool:
        """Whether any session was measured more than once."""
        return any(len(columns) > 1 for columns in self.sessions)

    def select(self, chosen: Bool[np.ndarray, " rows"]) -> "SizeTable":
        """Only some of the synapses."""
        return replace(
            self,
            sessions=tuple(
                tuple(_some(column, chosen) for column in columns) for columns in self.sessions
            ),
            labels={role: labels.select(chosen) for role, labels in self.labels.items()},
            rates=None if self.rates is None else _some(self.rates, chosen),
        )


def wide_sizes(
    table: Table,
    sessions: Sequence[Sequence[str]],
    *,
    names: Sequence[str],
    labels: Mapping[str, Labels] | None = None,
    rates: str | None = None,
    absent: Sequence[str] = (),
    not_measured: Sequence[str] = (),
) -> SizeTable:
    """The sizes in a table of one row a synapse.

    - `sessions`: for each session its columns; `names`: what the sessions are called.
    - `labels`: of every row, by what they say; `rates`: the column of presynaptic rates.
    - `absent`, `not_measured`: codes for sizes, as in `read_columns`.

    Raises DataError, naming row and column, where a column is not there or cannot be used, or is
    to be two measurements: they would agree as if there were no noise.
    """
    wanted = [column for columns in sessions for column in columns]
    places = [place_of(table, column) for column in wanted]
    for at, place in enumerate(places):
        if place in places[:at]:
            raise DataError(
                f"{table.path}: {wanted[places.index(place)]!r} and {wanted[at]!r} are one column,"
                " which cannot be two measurements: name a column for each"
            )
    taken = take_columns(
        table,
        [*wanted, *([] if rates is None else [rates])],
        absent=absent,
        not_measured=not_measured,
        missing=True,
    ).labelled()
    given = iter(taken)
    columns = tuple(tuple(next(given) for _ in columns) for columns in sessions)
    own = dict(labels or {})
    for role, label in own.items():
        if len(label) != taken[0].values.size:
            raise DataError(
                f"{table.path}: column {taken[0].name!r} has {taken[0].values.size} rows and the"
                f" {role}s have {len(label)}: columns must be of one length"
            )
    return SizeTable(
        source=table.path.name,
        path=str(table.path),
        names=tuple(names),
        sessions=columns,
        labels=own,
        rates=None if rates is None else taken[-1],
    )


def stacked(tables: Sequence[SizeTable]) -> SizeTable:
    """The synapses of several tables of the same sessions, one table below the other.

    Raises DataError where one has other sessions, or another number of replicates, than the first.
    """
    first, *others = tables
    for other in others:
        if len(other.sessions) != len(first.sessions):
            raise DataError(
                f"{first.source} has {len(first.sessions)} sessions and {other.source} has"
                f" {len(other.sessions)}: files of one experiment have the same"
            )
    if not others:
        return first
    return replace(
        first,
        source=f"{len(tables)} files",
        path=f"{len(tables)} files",
        sessions=tuple(
            tuple(
                _joined([table.sessions[at][place] for table in tables], tables)
                for place in range(len(first.sessions[at]))
            )
            for at in range(len(first.sessions))
        ),
        labels={role: stack([table.labels[role] for table in tables]) for role in first.labels},
        rates=None
        if first.rates is None
        else _joined([table.rates for table in tables if table.rates is not None], tables),
        notes=tuple(dict.fromkeys(note for table in tables for note in table.notes)),
    )


def _some(column: NamedColumn, chosen: np.ndarray) -> NamedColumn:
    return NamedColumn(column.name, column.index[chosen], column.values[chosen])


def _joined(columns: Sequence[NamedColumn], tables: Sequence[SizeTable]) -> NamedColumn:
    rows = [
        [f"{row} of {table.source}" for row in column.index.tolist()]
        for column, table in zip(columns, tables, strict=True)
    ]
    return NamedColumn(
        columns[0].name,
        np.array([row for part in rows for row in part], dtype=object),
        np.concatenate([column.values for column in columns]),
    )
