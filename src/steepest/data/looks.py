"""What a table is, before anything is judged: its columns, its shape, and which command would ask.

Whatever is said here is a guess from names and cells. Nothing is judged from it: it proposes
commands, and says what it does not know.
"""

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from steepest._version import __version__
from steepest.data.facts import Facts, Kind, facts_of
from steepest.data.guesses import (
    LongGuess,
    WideGuess,
    guess_condition,
    guess_groups,
    guess_long,
    guess_one_session,
    guess_times,
    guess_wide,
)
from steepest.data.header import HeaderRow
from steepest.data.proposals import Rest, commands_of, unknown_of
from steepest.data.table import ArrayTable, Table
from steepest.data.tables import open_file
from steepest.errors import DataError
from steepest.files import plain

__all__ = ["SCHEMA", "ColumnLook", "Look", "Mark", "look"]

SCHEMA = "steepest.look/1"

Role = Literal["identity", "session", "group", "condition", "size"]
_MOST_COLUMNS = 2000
_HERE = Path("table")  # where a table is that comes from no file


@dataclass(frozen=True)
class ColumnLook:
    """One column: its `kind`, an example, how many cells differ and are empty, what it `seems`.

    >>> ColumnLook("day 0", 1, "number", "0.5", 200, 3, "size").kind
    'number'
    """

    name: str
    place: int
    kind: Kind
    example: str
    distinct: int
    empty: int
    seems: Role | None


@dataclass(frozen=True)
class Mark:
    """What stands in a column of sizes beside sizes, how often, and what it would be taken for.

    >>> Mark("day4", "NA", 3, "not measured").count
    3
    """

    column: str
    written: str
    count: int
    taken: str


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a table seems to be, and which commands would judge it.

    - `source`: the file; `header`: what was taken for its header, where that is not its first line;
      `rows`: of data; `columns`: each with its kind and what it seems to be.
    - `shape`: "wide" (a column for each session), "long" (a row for each synapse and session), or
      "unknown"; `synapses`, `sessions`: how many there seem to be, and the sessions' names.
    - `marks`: what stands in place of sizes; `unknown`: what cannot be told from the table.
    - `commands`: to be copied, the likeliest first; none where there is no guess.

    >>> table = {"day0": [0.5, 1.2, 0.7, 2.0, 1.0], "day4": [0.6, 1.1, 0.7, 2.4, 0.9]}
    >>> looked = look(table)
    >>> looked.shape, looked.synapses, looked.sessions
    ('wide', 5, ('day0', 'day4'))
    """

    source: str
    header: str | None
    rows: int
    columns: tuple[ColumnLook, ...]
    shape: Literal["wide", "long", "unknown"]
    synapses: int | None
    sessions: tuple[str, ...]
    marks: tuple[Mark, ...]
    unknown: tuple[str, ...]
    commands: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The look as plain JSON values, in the form of `steepest.look/1`."""
        said = {"sentence": self.sentence, "version": __version__}
        return plain({"schema": SCHEMA, **asdict(self), **said})

    @property
    def sentence(self) -> str:
        """What the table seems to be, in one sentence."""
        called = _listed(self.sessions)
        if self.shape == "wide" and not self.sessions:
            count = sum(column.seems == "size" for column in self.columns)
            return f"It seems to be wide: {self.synapses} synapses, one a row, {count} sizes each."
        if self.shape == "wide":
            return (
                f"It seems to be wide: {self.synapses} synapses, one a row, in"
                f" {len(self.sessions)} sessions ({called})."
            )
        if self.shape == "long":
            return (
                f"It seems to be long: {self.synapses} synapses in {len(self.sessions)} sessions"
                f" ({called}), a row for each synapse and session."
            )
        if any(column.seems == "size" for column in self.columns):
            return f"It seems to be of one session: {self.rows} synapses, one a row."
        return "What this table holds cannot be told from its names and cells."


def look(
    table: Any,
    *,
    part: str | None = None,
    header_row: HeaderRow = None,
    typed: Sequence[str] = (),
    files: Sequence[str] = (),
) -> Look:
    """What a table seems to be: a file, a data frame, or a mapping of names to columns.

    `part` and `header_row` are as for `read_columns`; `typed` are the words by which
    a command line would name the file, or the files of which this is the first, and `files` what
    each of several is called.

    Nothing is judged, and what cannot be told is said. Raises DataError where a file holds no
    table.

    >>> cells = {
    ...     "spine": ["a", "b", "c", "d", "e", "a", "b", "c", "d", "e"],
    ...     "day": [0, 0, 0, 0, 0, 4, 4, 4, 4, 4],
    ...     "volume": [0.5, 1.2, 0.7, 2.0, 1.1, 0.6, 1.0, 0.7, 2.4, 1.3],
    ... }
    >>> look(cells).commands
    ('steepest infer FILE --id spine --session day --size volume',)
    """
    opened = _table(table, part, header_row)
    if len(opened.names) > _MOST_COLUMNS:
        raise DataError(
            f"{opened.path} has {len(opened.names)} columns: a table of sizes has one a session;"
            " are its rows and columns exchanged?"
        )
    every = range(len(opened.names))
    opened.prepare(every, every)
    columns = [facts_of(opened, place) for place in range(len(opened.names))]
    typed_as = {column.place: _option(opened, column) for column in columns}
    words = list(typed) or ([str(table)] if isinstance(table, str | Path) else ["FILE"])
    if part is not None:
        words += ["--table", part]
    if header_row is not None:
        words += ["--header-row", str(header_row)]
    call = ["steepest", "infer", *words]
    long = guess_long(columns)
    wide = None if long is not None else guess_wide(columns, opened.named)
    roles: dict[int, Role] = {}
    if long is not None:
        parts = [c.place for c in columns if c.name in long.identity.split("/")]
        roles.update(dict.fromkeys(parts, "identity"))
        roles[long.session.place] = "session"
    told = long is not None or (wide is not None and wide.ordered)
    single = guess_one_session(columns) if len(files) > 1 and not told else None
    if single is not None:
        wide = None
        roles[single[0].place] = "identity"
    for size in long.sizes if long else wide.sizes if wide else single[1] if single else ():
        roles[size.place] = "size"
    free = [c for c in roles if roles[c] != "identity"]
    groups = guess_groups(columns, free)
    condition = guess_condition(columns, [*roles, *(column.place for column in groups)])
    for column in groups:
        roles.setdefault(column.place, "group")
    if condition is not None:
        roles[condition[0].place] = "condition"
    _name_identity(columns, roles, wide)
    marks = [mark for c in columns if roles.get(c.place) == "size" for mark in _marks(c)]
    rest = Rest(
        named=opened.named,
        single=single,
        files=tuple(files),
        times=guess_times(columns, wide.sizes) if wide else [],
        rows=max((column.rows for column in columns), default=0),
        groups=tuple(groups),
        condition=condition,
        marks={mark.written: mark.taken for mark in marks},
    )
    return Look(
        source=opened.path.name if isinstance(table, str | Path) else "table",
        header=opened.note,
        rows=rest.rows,
        columns=tuple(
            ColumnLook(c.name, c.place, c.kind, c.example, c.distinct, c.empty, roles.get(c.place))
            for c in columns
        ),
        shape="long" if long else "wide" if wide else "unknown",
        synapses=long.synapses if long else wide.sizes[0].rows if wide else None,
        sessions=_sessions(long, wide),
        marks=tuple(marks),
        unknown=tuple(unknown_of(long, wide, rest)),
        commands=tuple(
            shlex.join(words) for words in commands_of(call, typed_as, long, wide, rest)
        ),
    )


def _table(table: Any, part: str | None, header_row: HeaderRow) -> Table:
    if isinstance(table, str | Path):
        return open_file(table, part, header_row=header_row)
    if part is not None:
        raise DataError(f"a part ({part!r}) is looked for in a file, and this is no path")
    if not (hasattr(table, "keys") and hasattr(table, "__getitem__")):
        raise DataError(
            f"{type(table).__name__} is no table: give a path, a data frame, or columns by name"
        )
    names = list(table.keys())
    return ArrayTable([str(name) for name in names], True, [_array(table[n]) for n in names], _HERE)


def _array(column: Any) -> np.ndarray:
    """A column as numbers, or as texts in which what is missing is empty."""
    array = np.asarray(column)
    if array.dtype.kind in "biuf":
        return array.astype(np.float64) if array.dtype.kind == "f" else array
    missing = [value is None or value != value or str(value) == "<NA>" for value in array.tolist()]
    texts = ["" if gone else str(v) for v, gone in zip(array.tolist(), missing, strict=True)]
    return np.array(texts, dtype=object)


def _option(table: Table, column: Facts) -> str:
    """A column as an option names it: by its name, or by its number where that is not its own."""
    own = table.names.count(column.name) == 1 and column.name.strip() == column.name
    return column.name if own and column.name else str(column.place)


def _name_identity(
    columns: Sequence[Facts], roles: dict[int, Role], wide: WideGuess | None
) -> None:
    """In a wide table the identity is a column of which every cell differs."""
    if wide is None:
        return
    for column in columns:
        if column.place not in roles and column.kind == "text" and column.distinct == column.rows:
            roles[column.place] = "identity"
            return


def _sessions(long: LongGuess | None, wide: WideGuess | None) -> tuple[str, ...]:
    if long is not None:
        return long.session.names
    if wide is None or not wide.ordered:
        return ()
    return tuple(column.name for column in wide.sizes)


def _marks(column: Facts) -> list[Mark]:
    """What a column of sizes holds beside positive numbers."""
    marks = []
    if column.empty:
        marks.append(Mark(column.name, "empty", column.empty, "not measured"))
    zeros = int((column.numbers == 0).sum())
    if zeros:
        marks.append(Mark(column.name, "0", zeros, "absent"))
    negative = column.numbers[column.numbers < 0]
    if negative.size and np.ptp(negative) == 0 and negative[0] == round(negative[0]):
        marks.append(Mark(column.name, f"{negative[0]:g}", negative.size, "refused"))
    elif negative.size:
        marks.append(Mark(column.name, "negative", negative.size, "refused"))
    marks += [Mark(column.name, text, count, "refused") for text, count in column.texts.items()]
    return marks


def _listed(names: Sequence[str]) -> str:
    if len(names) <= 10:
        return ", ".join(names)
    return f"{', '.join(names[:8])}, ... {names[-1]}"
