"""Simple comparisons (`group=trained`, `day<=12`) that choose the rows of a table; never evaluated.

A condition is a column, one of = != < <= > >=, and a value; several must all hold.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from operator import ge, gt, le, lt
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from steepest.data.sessions import dates_of, same_label
from steepest.data.table import Table
from steepest.data.tables import place_of
from steepest.errors import DataError, UsageError

__all__ = ["Condition", "parse_condition", "rows_where", "select_rows", "where"]

_FORM = re.compile(r"\s*(.+?)\s*(<=|>=|!=|==|=|<|>)\s*(.*?)\s*", re.DOTALL)
_ORDERS: dict[str, Callable[[Any, Any], Any]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


@dataclass(frozen=True)
class Condition:
    """What a column is compared with, and how: `sign` is one of = != < <= > >=.

    >>> print(parse_condition("day <= 12"))
    day<=12
    """

    column: str
    sign: str
    value: str

    def __str__(self) -> str:
        return f"{self.column}{self.sign}{self.value}"


def parse_condition(text: str) -> Condition:
    """A condition as it is typed. Raises UsageError for anything else.

    >>> parse_condition("group = trained")
    Condition(column='group', sign='=', value='trained')
    """
    form = _FORM.fullmatch(text)
    if form is None or not form[3]:
        raise UsageError(
            f"--where {text!r} is no condition: write COLUMN=VALUE, or != < <= > >= in place of ="
            " (in quotation marks, for < and > mean something to a shell)"
        )
    return Condition(form[1], "=" if form[2] == "==" else form[2], form[3])


def where(table: Table, conditions: Sequence[Condition]) -> Table:
    """The rows of a table for which all conditions hold; their numbers stay those of the file.

    Raises DataError for a column that is not there, for < and > on what is neither number nor
    date, and where no row is left.
    """
    if not conditions:
        return table
    chosen = rows_where(table, conditions[0])
    for condition in conditions[1:]:
        chosen = chosen & rows_where(table, condition)
    if not chosen.any():
        said = " and ".join(map(str, conditions))
        raise DataError(f"{table.path}: no row has {said}{_near(table, conditions)}")
    return select_rows(table, np.flatnonzero(chosen))


def rows_where(table: Table, condition: Condition) -> Bool[np.ndarray, " rows"]:
    """For which rows of a table one condition holds; never where a cell is empty, but for !=.

    Numbers are compared as numbers (1 equals 1.0) and dates as dates.
    """
    place = place_of(table, condition.column)
    labels = table.labels(place)
    if condition.sign in ("=", "!="):
        equal = np.array([same_label(name, condition.value) for name in labels.names], dtype=bool)
        return (equal if condition.sign == "=" else ~equal)[labels.codes]
    compare = _ORDERS[condition.sign]
    value, values = _comparable(labels.names, condition, table, place)
    holds = [item is not None and bool(compare(item, value)) for item in values]
    return np.array(holds, dtype=bool)[labels.codes]


def select_rows(table: Table, rows: Int[np.ndarray, " k"]) -> Table:
    """Some rows of a table, which keep the numbers that they have in the file.

    >>> from pathlib import Path
    >>> from steepest.data.table import ArrayTable
    >>> table = ArrayTable(["w"], True, [np.array([1.0, 2.0, 3.0])], Path("sizes.npz"))
    >>> select_rows(table, np.array([2])).rows(1).tolist()
    [2]
    """
    return table.select(rows)


def _comparable(
    names: Sequence[str], condition: Condition, table: Table, place: int
) -> tuple[Any, list[Any]]:
    """The value, and each name or None, as numbers or as dates."""
    number = _number(condition.value)
    numbers = [_number(name) for name in names]
    if number is not None and any(item is not None for item in numbers):
        return number, numbers
    dates = dates_of([condition.value])
    if dates is not None:
        several = dates_of([condition.value, *(name for name in names if name.strip())])
        if several is not None:
            rest = iter(several[1:])
            return several[0], [next(rest) if name.strip() else None for name in names]
    kind = "number or date" if number is None else "number"
    shown = next((name for name in names if name.strip()), "nothing")
    raise DataError(
        f"{table.path}: --where {condition} compares column {table.names[place]!r}, which holds"
        f" {shown!r}, with {condition.value!r}: {condition.sign} needs numbers, or dates written"
        f" alike; {condition.value!r} is no {kind} like those in the column"
    )


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return None if np.isnan(value) else value


def _near(table: Table, conditions: Sequence[Condition]) -> str:
    """What the column of the first condition that holds nowhere does hold."""
    for condition in conditions:
        if condition.sign != "=" or rows_where(table, condition).any():
            continue
        place = place_of(table, condition.column)
        names = table.labels(place).names
        near = get_close_matches(condition.value, names, n=1)
        hint = f"did you mean {near[0]!r}? Column" if near else "column"
        shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        return f"; {hint} {condition.column!r} holds {shown}"
    return ""
