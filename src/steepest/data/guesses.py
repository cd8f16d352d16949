"""What the columns of a table seem to be: a guess, which is only said, and never acted upon."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from steepest.data.facts import Facts
from steepest.data.sessions import dates_of, numbers_in

__all__ = [
    "LongGuess",
    "WideGuess",
    "before_and_after",
    "guess_condition",
    "guess_groups",
    "guess_long",
    "guess_one_session",
    "guess_times",
    "guess_wide",
    "speaks_of",
]

_WORDS = {
    "identity": "spine|synapse|synapses|roi|bouton|puncta|punctum|id|uid|name|label|object|index",
    "session": "session|day|days|date|time|timepoint|tp|week|imaging|visit|scan|stage|hour|t"
    "|sitzung|tag|datum|zeit",
    "outer": "animal|mouse|mice|rat|subject|donor|patient|fish|fly|tier|maus|ratte",
    "group": "dendrite|dend|dendrit|branch|segment|cell|zelle|neuron|slice|fov|field|section|axon"
    "|preparation|group|gruppe|file",
    "cell": "cell|zelle|neuron",
    "condition": "condition|treatment|arm|genotype|paradigm|trained|stimulation|drug|cohort",
    "size": "size|vol|volume|area|intensity|int|fluorescence|psd|weight|head|mean|amplitude|epsp"
    "|brightness|integrated|strength|dff",
    "no size": "x|y|z|pos|position|distance|dist|angle|row|frame|length|px|pixel|centroid|age",
}
_FEW = 6
"""Values that a condition may have."""
_NULL = re.compile(
    r"sham|control|ctrl|ctl|naive|untrained|baseline|vehicle|saline|home ?cage", re.I
)
_BEFORE = re.compile(
    r"\b(before|pre|baseline|vor|initial)|_(before|pre)\b|^w0$|^t0$", re.IGNORECASE
)
_AFTER = re.compile(r"\b(after|post|nach|final)|_(after|post)\b|^w1$|^t1$", re.IGNORECASE)


@dataclass(frozen=True)
class LongGuess:
    """Columns of a long table: identity (perhaps OUTER/INNER), session, and what may be the size.

    `copies` are the rows that one synapse has in one session: replicates, where more than one.
    """

    identity: str
    session: Facts
    sizes: tuple[Facts, ...]
    synapses: int
    copies: int


@dataclass(frozen=True)
class WideGuess:
    """Columns of sizes, one a session; `ordered` where their names tell the order."""

    sizes: tuple[Facts, ...]
    ordered: bool


def speaks_of(name: str, what: str) -> bool:
    """Whether a word of a column's name speaks of an identity, a session, a size and the like.

    >>> speaks_of("spine_ID", "identity"), speaks_of("mouseName", "outer"), speaks_of("x", "size")
    (True, True, False)
    >>> speaks_of("mouse.volume.0", "size"), speaks_of("mouse.volume.0", "outer")
    (True, False)
    """
    # A column of a matrix in a struct (mouse.volume.0) holds volumes, and not mice.
    own = re.sub(r"^.*\.([^.]*[a-zA-Z][^.]*)\.\d+$", r"\1", name)
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", own)
    words = re.split(r"[^a-zA-Zµ]+", spaced.lower())
    pattern = re.compile(_WORDS[what])
    return any(pattern.fullmatch(word) for word in words if word)


def guess_long(columns: Sequence[Facts]) -> LongGuess | None:
    """The long table that this may be: one row per synapse and session, sizes in a column."""
    rows = max((column.rows for column in columns), default=0)
    sessions = [c for c in columns if _may_be_session(c, rows)]
    sessions.sort(key=lambda c: (not _says(c, "session"), c.kind != "date"))
    replicated: LongGuess | None = None
    for session in sessions:
        for parts in _identities(columns, session):
            code = _joined(parts)
            n = int(code.max()) + 1
            pairs = np.unique(code * session.codes.max() + code + session.codes).size
            copies = max(1, round(rows / pairs))
            # Nearly every row is another synapse or session, or all are measured equally often.
            if n < 2 or rows < 1.5 * n * copies or not 0.98 <= copies * pairs / rows <= 1.02:
                continue
            taken = {session.place, *(part.place for part in parts)}
            sizes = [c for c in columns if c.place not in taken and _may_be_size(c)]
            sizes.sort(key=lambda c: (not _says(c, "size"), c.kind != "number"))
            if sizes:
                named = [c for c in sizes if _says(c, "size")]
                names = "/".join(part.name for part in parts)
                guess = LongGuess(names, session, tuple(named or sizes), n, copies)
                if copies == 1:
                    return guess
                replicated = replicated or guess
    return replicated


def guess_wide(columns: Sequence[Facts], named: bool) -> WideGuess | None:
    """The columns that may be the sizes of all synapses in each session."""
    sizes = [c for c in columns if _may_be_size(c)]
    numeric = [c for c in columns if c.numeric]
    if not named and len(numeric) > max(c.rows for c in columns):
        return WideGuess(tuple(numeric), True)
    if not named:
        return WideGuess(tuple(sizes), True) if len(sizes) >= 2 else None
    family = _family(sizes)
    if family is not None:
        return family
    pair = before_and_after([column.name for column in sizes])
    if pair is not None:
        return WideGuess(tuple(c for name in pair for c in sizes if c.name == name), True)
    like = [c for c in sizes if _says(c, "size")]
    if len(like) < 2:
        like = [c for c in sizes if not (_says(c, "group") or _says(c, "identity"))]
    return WideGuess(tuple(like), False) if len(like) >= 2 else None


def before_and_after(names: Sequence[str]) -> tuple[str, str] | None:
    """The two of some names that say before and after, if there is one of each.

    >>> before_and_after(["post", "pre"])
    ('pre', 'post')
    """
    before = [name for name in names if _BEFORE.search(name)]
    after = [name for name in names if _AFTER.search(name)]
    if len(before) == len(after) == 1 and before != after:
        return before[0], after[0]
    return None


def guess_groups(columns: Sequence[Facts], taken: Iterable[int]) -> list[Facts]:
    """Columns that may be the dendrite, cell or animal of a synapse, the outermost first."""
    used = set(taken)
    groups = [
        c
        for c in columns
        if c.place not in used
        and not (c.distinct <= _FEW and any(map(_NULL.search, c.names)))
        and 2 <= c.distinct <= max(2, c.rows // 2)
        and c.kind in ("text", "whole number")
        and (_says(c, "outer") or _says(c, "group"))
    ]
    return sorted(groups, key=lambda c: (not _says(c, "outer"), c.distinct))


def guess_one_session(columns: Sequence[Facts]) -> tuple[Facts, tuple[Facts, ...]] | None:
    """The names of synapses and what may be their size, in a file of one session."""
    names = [
        c
        for c in columns
        if _says(c, "identity")
        and c.kind in ("text", "whole number")
        and not c.empty
        and c.distinct == c.rows
    ]
    sizes = [c for c in columns if c not in names and _may_be_size(c) and _says(c, "size")]
    return (names[0], tuple(sizes)) if names and sizes else None


def guess_times(columns: Sequence[Facts], sessions: Sequence[Facts]) -> list[str]:
    """The times of the sessions, where a column for each holds one number throughout."""
    constant: dict[str, list[Facts]] = {}
    for column in columns:
        if column.numeric and column.distinct == 1 and not column.empty and column not in sessions:
            constant.setdefault(re.sub(r"\d+", "#", column.name), []).append(column)
    for family in constant.values():
        if len(family) == len(sessions) > 2:
            times = np.array([float(column.numbers[0]) for column in family])
            if np.all(np.diff(times) > 0):
                return [f"{time:.15g}" for time in times]
    return []


def guess_condition(columns: Sequence[Facts], taken: Iterable[int]) -> tuple[Facts, str] | None:
    """A column that may be a condition, and which of its values may be the null ("" if none)."""
    used = set(taken)
    for column in columns:
        few = 2 <= column.distinct <= _FEW and column.rows >= 5 * column.distinct
        if column.place in used or not few or column.kind not in ("text", "whole number"):
            continue
        nulls = [name for name in column.names if _NULL.search(name)]
        if nulls or _says(column, "condition"):
            return column, nulls[0] if len(nulls) == 1 else ""
    return None


def _family(sizes: Sequence[Facts]) -> WideGuess | None:
    """The largest set of columns whose names differ in a number or are dates."""
    families: dict[str, list[Facts]] = {}
    for column in sizes:
        date = dates_of([column.name]) is not None
        shape = "date" if date else re.sub(r"[-+]?\d+(\.\d+)?", "#", column.name)
        families.setdefault(shape, []).append(column)
    several = [family for family in families.values() if len(family) >= 2]
    if not several:
        return None
    family = max(several, key=len)
    names = [column.name for column in family]
    known = dates_of(names) or numbers_in(names)
    others = [column for column in sizes if column not in family]
    if others and any(_alike(column, family[0]) for column in others):
        # More columns look like these sizes: which of them are sessions is not known.
        return WideGuess(tuple(sizes), False)
    # "pre5, pre10" may count down to what comes after.
    if known is None or all(map(_BEFORE.search, names)):
        return WideGuess(tuple(family), False)
    order = sorted(range(len(family)), key=known.__getitem__)
    return WideGuess(tuple(family[at] for at in order), True)


def _alike(column: Facts, other: Facts) -> bool:
    """Whether two columns of numbers are of one order of magnitude."""
    typical = [np.nanmedian(c.numbers) for c in (column, other)]
    return bool(min(typical) > 0 and max(typical) < 5 * min(typical))


def _identities(columns: Sequence[Facts], session: Facts) -> list[tuple[Facts, ...]]:
    """Columns, and two or three of them together, that may name a synapse, the likeliest first."""
    alone = [
        c
        for c in columns
        if c.place != session.place and c.kind in ("text", "whole number") and c.distinct >= 2
    ]
    named = [c for c in alone if _says(c, "identity")]
    outer = [c for c in alone if _says(c, "outer") or _says(c, "group")]
    outer.sort(key=lambda c: (not _says(c, "outer"), c.distinct))
    pairs = [(group, c) for c in named for group in outer if group is not c]
    triples = [(*two, c) for c in named for two in combinations(outer, 2) if c not in two]
    rest = [c for c in alone if c.kind == "text" and c not in named]
    return [*((c,) for c in named), *pairs, *triples, *((c,) for c in rest)]


def _joined(parts: Sequence[Facts]) -> np.ndarray:
    code = parts[0].codes
    for part in parts[1:]:
        code = code * (int(part.codes.max()) + 1) + part.codes
    return np.unique(code, return_inverse=True)[1]


def _may_be_session(column: Facts, rows: int) -> bool:
    if column.kind not in ("date", "whole number", "number", "text") or column.empty:
        return False
    few = 2 <= column.distinct <= max(2, min(500, rows // 3))
    return few and (column.kind == "date" or _says(column, "session"))


def _may_be_size(column: Facts) -> bool:
    """Numbers that are mostly positive, differ, and are not called something else."""
    if not column.numeric or column.distinct < 5 or _says(column, "no size"):
        return False
    if column.kind == "whole number" and _says(column, "identity"):
        return False
    if _says(column, "outer") or (_says(column, "group") and column.kind == "whole number"):
        return False
    numbers = column.numbers[np.isfinite(column.numbers)]
    return bool(np.mean(numbers >= 0) >= 0.5)


def _says(column: Facts, what: str) -> bool:
    return speaks_of(column.name, what)
