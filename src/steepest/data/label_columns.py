"""Labels in the columns of a table; OUTER/INNER joins two levels to one."""

from steepest.data.labels import Labels, join
from steepest.data.table import Table
from steepest.data.tables import place_of
from steepest.errors import DataError

__all__ = ["labels_of", "levels"]


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


def _one(table: Table, column: str) -> Labels:
    place = place_of(table, column)
    labels = table.labels(place)
    row = labels.first_without()
    if row is not None:
        counted = "" if table.counted_from_1 else " (counted from 0)"
        raise DataError(
            f"{table.path}: row {table.rows(len(labels))[row]}{counted} of column"
            f" {table.names[place]!r} is empty: label it, or leave the row out"
        )
    return labels
