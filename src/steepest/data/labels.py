"""Labels of rows (identities, sessions, groups, conditions): numbers that point into few names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from steepest.data.table import Table
from steepest.data.tables import place_of
from steepest.errors import DataError

__all__ = ["NOTHING", "Labels", "join", "labels_of", "levels", "stack"]

NOTHING = {"", "nan", "na", "n/a", "#n/a", "<na>", "null"}
"""Cells that say nothing; not "none", which may be a treatment."""


@dataclass(frozen=True, eq=False)
class Labels:
    """A label a row: `codes` are places in `names`, which are in order of first appearance.

    >>> labels = Labels.of(["b", "a", "b"])
    >>> labels.names, labels.codes.tolist(), labels[2]
    (('b', 'a'), [0, 1, 0], 'b')
    """

    codes: Int[np.ndarray, " rows"]
    names: tuple[str, ...]

    @classmethod
    def of(cls, values: Any) -> "Labels":
        """The labels of a sequence of texts, or of anything that has a text."""
        if isinstance(values, np.ndarray) and values.dtype.kind in "iub":
            firsts, codes = np.unique(values, return_inverse=True)
            return cls(codes.astype(np.int64), tuple(map(str, firsts.tolist())))._in_order()
        places: dict[str, int] = {}
        texts = values.tolist() if isinstance(values, np.ndarray) else values
        codes = [places.setdefault(str(text), len(places)) for text in texts]
        return cls(np.array(codes, dtype=np.int64), tuple(places))

    def __getitem__(self, row: int) -> str:
        return self.names[self.codes[row]]

    def __len__(self) -> int:
        return self.codes.size

    def texts(self) -> np.ndarray:
        """The label of every row, as an array of texts."""
        return np.array(self.names, dtype=object)[self.codes]

    def select(self, chosen: Bool[np.ndarray, " rows"] | Int[np.ndarray, " k"]) -> "Labels":
        """Labels of some of the rows; names that are no longer used go."""
        return Labels(self.codes[chosen], self.names)._in_order()

    def first_without(self) -> int | None:
        """The first row whose label says nothing (empty, NA, NaN), if there is one."""
        empty = [at for at, name in enumerate(self.names) if name.strip().lower() in NOTHING]
        rows = np.flatnonzero(np.isin(self.codes, empty)) if empty else np.empty(0, dtype=np.int64)
        return int(rows[0]) if rows.size else None

    def _in_order(self) -> "Labels":
        used, first, codes = np.unique(self.codes, return_index=True, return_inverse=True)
        order = np.argsort(first)
        rank = np.empty_like(order)
        rank[order] = np.arange(order.size)
        return Labels(rank[codes], tuple(self.names[at] for at in used[order]))


def levels(table: Table, column: str) -> list[str]:
    """The columns that OUTER/INNER names, outermost first; a column of that very name wins."""
    if "/" not in column or column in table.names:
        return [column]
    return [part.strip() for part in column.split("/")]


def labels_of(table: Table, column: str) -> Labels:
    """The labels in a column; those of OUTER/INNER are joined by a slash.

    Raises DataError where there is no such column, or a row has no label.
    """
    parts = [_one(table, part) for part in levels(table, column)]
    return join(parts)


def join(parts: Sequence[Labels]) -> Labels:
    """Labels of several levels as one, joined by a slash.

    >>> join([Labels.of(["m1", "m2"]), Labels.of(["d", "d"])]).names
    ('m1/d', 'm2/d')
    """
    if len(parts) == 1:
        return parts[0]
    code = np.zeros(len(parts[0]), dtype=np.int64)
    for part in parts:
        code = code * len(part.names) + part.codes
    _, first, codes = np.unique(code, return_index=True, return_inverse=True)
    names = tuple("/".join(part[int(row)] for part in parts) for row in first)
    return Labels(codes, names).select(np.arange(codes.size))


def stack(parts: Sequence[Labels]) -> Labels:
    """Labels of rows that follow one another, as of several files."""
    places: dict[str, int] = {}
    codes = []
    for part in parts:
        own = np.array(
            [places.setdefault(name, len(places)) for name in part.names], dtype=np.int64
        )
        codes.append(own[part.codes] if own.size else part.codes)
    return Labels(np.concatenate(codes), tuple(places))


def _one(table: Table, column: str) -> Labels:
    place = place_of(table, column)
    labels = Labels.of(table.labels(place))
    row = labels.first_without()
    if row is not None:
        counted = "" if table.counted_from_1 else " (counted from 0)"
        raise DataError(
            f"{table.path}: row {table.rows(len(labels))[row]}{counted} of column"
            f" {table.names[place]!r} is empty: label it, or leave the row out"
        )
    return labels
