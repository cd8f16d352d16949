"""Commands that would judge a table, from what it seems to be, and what they leave to be said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from steepest.data.facts import Facts
from steepest.data.guesses import LongGuess, WideGuess, before_and_after
from steepest.data.sessions import dates_of, ordered
from steepest.errors import DataError

__all__ = ["Rest", "commands_of", "unknown_of"]

_ENOUGH_GROUPS = 8


@dataclass(frozen=True, eq=False, kw_only=True)
class Rest:
    """What is known beside sizes and sessions: groups, a condition, and marks by what is taken.

    `single` are names and sizes of one session, where each of several `files` may hold one; `times`
    those of the sessions of a wide table, by columns of their own.
    """

    named: bool
    single: tuple[Facts, tuple[Facts, ...]] | None
    files: tuple[str, ...]
    times: Sequence[str]
    rows: int
    groups: tuple[Facts, ...]
    condition: tuple[Facts, str] | None
    marks: Mapping[str, str]

    @property
    def least_groups(self) -> float:
        """How many groups the condition has that has fewest; of several files, nobody knows."""
        if self.condition is None or not self.groups or len(self.files) > 1:
            return np.inf
        column, group = self.condition[0], self.groups[0]
        pairs = np.unique(np.stack([column.codes, group.codes]), axis=1)
        return float(np.bincount(pairs[0]).min())

    @property
    def codes(self) -> list[str]:
        """Marks of which the table does not tell whether they mean absent or not measured."""
        return [w for w, taken in self.marks.items() if taken == "refused" and w != "negative"]


def commands_of(
    call: Sequence[str],
    typed_as: Mapping[int, str],
    long: LongGuess | None,
    wide: WideGuess | None,
    rest: Rest,
) -> list[list[str]]:
    """One or two commands as lists of words; none where sizes or their order are not known.

    - `call`: program, command and files; `typed_as`: columns as options name them, by place.
    """
    if long is not None:
        order = _order(long.session.names)
        if order is None:
            return []
        shapes = [
            ["--id", long.identity, "--session", typed_as[long.session.place]]
            + ["--size", typed_as[size.place], *order]
            + (["--replicates"] if long.copies > 1 else [])
            for size in long.sizes[:2]
        ]
        sessions = long.session.distinct
    elif wide is not None and wide.ordered and (rest.named or len(wide.sizes) <= rest.rows):
        columns = [typed_as[column.place] for column in wide.sizes]
        sessions = len(columns)
        shapes = [
            ["--sessions", *columns]
            if sessions >= 3
            else ["--before", columns[0], "--after", columns[1]]
        ]
        uneven = _uneven([column.name for column in wide.sizes]) if rest.named else []
        times = [*rest.times] or uneven
        if times and sessions >= 3:
            shapes.append([*shapes[0], "--times", *times])
    elif rest.single is not None:
        identity, sizes = rest.single
        order = _order(rest.files)
        if order is None:
            return []
        sessions = len(rest.files)
        shapes = [
            [
                *("--file-is", "session", "--id", typed_as[identity.place]),
                *("--size", typed_as[size.place], *order),
            ]
            for size in sizes[:2]
        ]
    else:
        return []
    groups = _group(typed_as, rest)
    variants = _condition(typed_as, sessions, bool(groups), rest)
    marks: list[list[str]] = [[]]
    if "negative" in rest.marks:
        groups += ["--detection-limit", "LIMIT"]
    if rest.codes:
        marks = [["--not-measured", *rest.codes], ["--absent", *rest.codes]]
    every = [
        [*call, *shape, *groups, *variant, *mark]
        for variant in variants
        for shape in shapes
        for mark in marks
    ]
    return every[:2]


def unknown_of(long: LongGuess | None, wide: WideGuess | None, rest: Rest) -> list[str]:
    """What the table does not tell, as sentences."""
    unknown = []
    if rest.single is not None:
        sizes = [column.name for column in rest.single[1]]
        which = f"; and which of the columns {', '.join(sizes)} is the size" if sizes[1:] else ""
        unknown.append(
            f"Whether each of the {len(rest.files)} files is a session, with the same names of"
            f" synapses in all (--file-is session){which}."
        )
        if _order(rest.files) is None:
            unknown.append(
                "The order of the files in time: --order with their names"
                f" ({' '.join(rest.files[:12])}) says it."
            )
    elif long is None and wide is None:
        unknown.append(
            "Which columns hold sizes: a wide table has a column of sizes for each session"
            " (--sessions, or --before and --after), a long one a row for each synapse and session"
            " (--id, --session, --size)."
        )
    if long is not None:
        unknown += _unknown_long(long)
    if wide is not None:
        unknown += _unknown_wide(wide, rest)
    if rest.codes:
        written = ", ".join(map(repr, rest.codes))
        unknown.append(
            f"What {written} means in a column of sizes: --absent if the synapse was not there,"
            " --not-measured if nobody could tell."
        )
    if "negative" in rest.marks:
        unknown.append(
            "From where on a size is measured: some are negative, as a background leaves them; put"
            " the smallest size that can be told from the background in place of LIMIT."
        )
    if "0" in rest.marks:
        unknown.append(
            "Whether 0 is an absent synapse, as which it counts (if not, --not-measured 0)."
        )
    if "empty" in rest.marks:
        unknown.append(
            "Whether an empty cell was not measured, as which it counts, or is an absent synapse"
            " (then --absent empty)."
        )
    if not rest.groups and (len(rest.files) < 2 or rest.single is not None):
        unknown.append(
            "Which synapses belong together: no column seems to be a dendrite, cell or animal"
            " (--group COLUMN)."
        )
    elif rest.groups and len(rest.files) < 2 and rest.groups[0].distinct < _ENOUGH_GROUPS:
        group = rest.groups[0]
        unknown.append(
            f"Whether {group.distinct} groups are enough: {group.name!r} has fewer than"
            f" {_ENOUGH_GROUPS}, from which no geometry is named."
        )
    if rest.condition is not None:
        column, null = rest.condition
        values = ", ".join(column.names)
        sham = f"; {null!r} may be a null" if null else ""
        if rest.least_groups < _ENOUGH_GROUPS:
            sham += (
                f"; one of them has {rest.least_groups:.0f} groups of {rest.groups[0].name!r}, and"
                f" --compare needs {_ENOUGH_GROUPS} in each"
            )
        unknown.append(
            f"Whether {column.name!r} ({values}) is a condition to be compared{sham}; to judge one"
            f" alone, --where {column.name}={column.names[0]}."
        )
    return unknown


def _unknown_long(long: LongGuess) -> list[str]:
    unknown = []
    if len(long.sizes) > 1:
        names = ", ".join(column.name for column in long.sizes)
        unknown.append(f"Which of the columns {names} is the size.")
    if _order(long.session.names) is None:
        names = " ".join(long.session.names[:12])
        unknown.append(
            f"The order of the sessions of {long.session.name!r}: add --order with their names"
            f" ({names}) in order of time."
        )
    times = _uneven(long.session.names)
    if times:
        unknown.append(
            f"Whether the numbers in {long.session.name!r} are times: if they are, add --times"
            f" {' '.join(times)}; without, sessions are taken as evenly spaced."
        )
    if long.copies > 1:
        unknown.append(
            f"Whether the {long.copies} rows of each synapse and session are replicates of one"
            " another, as --replicates says."
        )
    if long.session.distinct == 2:
        unknown.append(_NOISE)
    return unknown


_NOISE = (
    "How large the noise of measurement is: from two sessions alone no geometry is named, unless"
    " there are replicates, a null condition, or exact sizes (--noise-cv 0)."
)


def _unknown_wide(wide: WideGuess, rest: Rest) -> list[str]:
    names = [column.name for column in wide.sizes]
    if not rest.named:
        if len(names) > rest.rows:
            return [
                f"Whether rows and columns are exchanged: there are {len(names)} columns and"
                f" {rest.rows} rows; a synapse is a row."
            ]
        said = ["Whether the columns, which have no names, are sessions in order of time."]
        return [*said, _NOISE] if len(names) == 2 else said
    if not wide.ordered:
        listed = ", ".join(map(repr, names[:8])) + (", ..." if len(names) > 8 else "")
        return [
            f"Whether {listed} are sessions, and in which order, or different measures of a"
            " synapse: sessions are named in order of time with --sessions, two of them with"
            " --before and --after."
        ]
    if len(names) == 2:
        return [_NOISE]
    if rest.times:
        return [
            f"Whether the columns that hold one number throughout ({' '.join(rest.times)}) are the"
            " times of the sessions, as the command with --times says; without, sessions are taken"
            " as evenly spaced."
        ]
    if _uneven(names):
        return [
            "Whether the numbers in the sessions' names are times, as the command with --times"
            " says; without, sessions are taken as evenly spaced."
        ]
    return []


def _group(typed_as: Mapping[int, str], rest: Rest) -> list[str]:
    if not rest.groups:
        return []
    names = [typed_as[column.place] for column in rest.groups]
    return ["--group", "/".join(names[:2]) if len(names) > 1 else names[0]]


def _condition(
    typed_as: Mapping[int, str], sessions: int, grouped: bool, rest: Rest
) -> list[list[str]]:
    """The options for a condition: compare it, take its null, or choose one value."""
    if rest.condition is None:
        return [[]]
    column, null = rest.condition
    name = typed_as[column.place]
    if sessions >= 3 and rest.least_groups >= _ENOUGH_GROUPS:
        return [["--compare", name]]
    if null and grouped and column.distinct == 2 and sessions < 3:
        return [["--condition", name, "--null", null]]
    return [["--where", f"{name}={value}"] for value in column.names]


def _order(names: Sequence[str]) -> list[str] | None:
    """What has to be typed for the sessions to be in order; None where the order is not known."""
    try:
        ordered(names)
    except DataError:
        pair = before_and_after(names)
        return None if pair is None else ["--order", *pair]
    return []


def _uneven(names: Sequence[str]) -> list[str]:
    """Names that are numbers unevenly spaced, as times are, in order; else nothing."""
    if dates_of(names) is not None:
        return []
    try:
        numbers = np.sort(np.array([float(name) for name in names]))
    except ValueError:
        return []
    steps = np.diff(numbers)
    uneven = steps.size > 1 and np.ptp(steps) > 1e-9 * np.abs(numbers).max()
    return [f"{number:.15g}" for number in numbers] if uneven else []
