"""What the page says, in HTML: the start, a table and its choices, a verdict on its way."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from steepest._version import __version__
from steepest.data.opening import size_told
from steepest.lab.choices import LAYOUTS, Choices
from steepest.markup import visible
from steepest.report.page import fill, templates

if TYPE_CHECKING:
    from jinja2 import Environment

    from steepest.lab.work import Table, Verdict

__all__ = ["Column", "choose_page", "columns_of", "command_of", "start_page", "unread_page"]
__all__ += ["waiting_page", "with_bar"]

_BODY = b"<body>\n"
_UNNAMED = "(no name)"


@dataclass(frozen=True)
class Column:
    """A column that can be chosen: the value it is chosen by, and what is shown for it."""

    value: str
    label: str


def columns_of(look: Mapping[str, Any]) -> list[Column]:
    """The columns of a look: each by its name, or by its number where that is not its own.

    >>> look = {"columns": [{"name": "d0", "place": 0}, {"name": "", "place": 1}]}
    >>> columns_of(look)
    [Column(value='d0', label='d0'), Column(value='1', label='(no name), number 1')]
    """
    names = [column["name"] for column in look["columns"]]
    shown = []
    for column in look["columns"]:
        name, place = column["name"], column["place"]
        # A form sends no line break as it was.
        own = name and names.count(name) == 1 and name.strip() == name and visible(name) == name
        label = name if own else f"{name.strip() or _UNNAMED}, number {place}"
        shown.append(Column(name if own else str(place), label))
    return shown


def command_of(table: "Table", choices: Choices) -> str:
    """The command line that judges a table by some choices, in the folder where its files are."""
    return visible(shlex.join(["steepest", "infer", *table.files, *choices.arguments()]))


def start_page(base: str, largest: int, tables: Sequence["Table"], error: str = "") -> str:
    """Where a table is dropped. `base` is the address of the page, `largest` the bytes it takes."""
    return _page(
        "start.html", base=base, largest=largest, limit=size_told(largest), tables=tables,
        error=error,
    )  # fmt: skip


def unread_page(base: str, table: "Table", asked: tuple[str, str], error: str) -> str:
    """A table that cannot be read, in the command's words, and how it could be looked at again."""
    return _page("unread.html", base=base, table=table, asked=asked, error=error)


def choose_page(
    base: str,
    table: "Table",
    look: Mapping[str, Any],
    choices: Choices,
    largest: int,
    *,
    guess: int | None = None,
    error: str = "",
    note: str = "",
) -> str:
    """What a table seems to be, and the form with what is chosen.

    - `base`: the address of the page; `largest`: the bytes it takes.
    - `table`, `look`: what was dropped, and what is said of it; `choices`: what is filled in.
    - `guess`: the number of the proposal that the choices are.
    - `error`, `note`: what became of choices that were judged.
    """
    columns = columns_of(look)
    asked = (choices.first("table"), choices.first("header_row"))
    again = urlencode({"table": asked[0], "header_row": asked[1]})
    return _page(
        "choose.html",
        base=base,
        table=table,
        look=look,
        asked=asked,
        again=f"{base}/tables/{table.key}/?{again}&",
        columns=columns,
        names=[column.value for column in columns],
        sessions=_sessions(columns, choices),
        layouts=[*LAYOUTS],
        choices=choices,
        largest=largest,
        guesses=look["commands"],
        guess=guess,
        command=command_of(table, choices),
        error=error,
        note=note,
    )


def waiting_page(base: str, verdict: "Verdict", at_once: int) -> str:
    """A verdict on its way."""
    command = command_of(verdict.table, verdict.choices)
    return _page(
        "waiting.html", base=base, verdict=verdict, table=verdict.table, at_once=at_once,
        command=command, state=verdict.run.state,
    )  # fmt: skip


def with_bar(page: bytes, base: str, verdict: "Verdict") -> bytes:
    """The page of a verdict as it was written, below a bar that leads back and saves it."""
    files = sorted(verdict.files(), key=lambda name: not name.endswith(".html"))  # the page first
    bar = _page(
        "bar.html", base=base, verdict=verdict, files=files, table=verdict.table,
        command=command_of(verdict.table, verdict.choices),
    )  # fmt: skip
    head, body, rest = page.partition(_BODY)
    return head + body + bar.encode() + rest


def _sessions(columns: Sequence[Column], choices: Choices) -> list[tuple[Column, bool]]:
    """The columns with whether each is a session: in the table's order, or the chosen one."""
    chosen = choices.values("sessions")
    places = {column.value: place for place, column in enumerate(columns)}
    order = [places[name] for name in chosen if name in places]
    if order != sorted(order):
        order += [place for place in range(len(columns)) if place not in order]
        columns = [columns[place] for place in order]
    return [(column, column.value in chosen) for column in columns]


def _page(template: str, **values: Any) -> str:
    return fill(_templates(), template, ("copy.js", "lab.js"), version=__version__, **values)


@cache
def _templates() -> "Environment":
    """The templates of answers, and beside them the page's own, which look alike."""
    from jinja2 import ChoiceLoader, PackageLoader

    shared = templates()
    loaders = [PackageLoader("steepest.lab", "templates"), shared.loader]
    return shared.overlay(loader=ChoiceLoader([each for each in loaders if each is not None]))
