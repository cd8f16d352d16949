"""What was measured, whatever the design: sessions, replicates, groups, and a null condition.

Everything is checked here, once. What leaves this door are log sizes with NaN where a synapse was
absent, how many replicates each is the mean of, and what was dropped and why.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from steepest.errors import DataError

__all__ = ["Dropped", "Measurements", "measure"]

_FEWEST_NULL_GROUPS = 8


@dataclass(frozen=True)
class Dropped:
    """How many of something were left out of the estimate, and why."""

    count: int
    what: str
    why: str


@dataclass(frozen=True, eq=False)
class Measurements:
    """Log sizes of synapses (rows) in sessions (columns), NaN where a synapse was absent.

    Each is the mean of `replicates` log sizes; `within` is the sum of squares of those about their
    mean, with replicate effects removed. `groups` numbers the group of each synapse (None: no
    groups), `null` marks synapses of the null condition, `times` are those of the sessions in any
    unit. `detection_limit` is in the unit of size.
    """

    log_sizes: Float[np.ndarray, "n t"]
    replicates: Int[np.ndarray, "n t"] = field(repr=False)
    within: Float[np.ndarray, "n t"] = field(repr=False)
    times: Float[np.ndarray, " t"]
    groups: Int[np.ndarray, " n"] | None = field(repr=False)
    group_names: tuple[str, ...]
    null: Bool[np.ndarray, " n"] = field(repr=False)
    detection_limit: float | None
    names: tuple[str, ...]
    dropped: tuple[Dropped, ...]

    @property
    def n(self) -> int:
        """Synapses present in at least two sessions."""
        return int((np.isfinite(self.log_sizes).sum(axis=1) >= 2).sum())

    @property
    def sessions(self) -> int:
        return self.log_sizes.shape[1]


def measure(
    sessions: Sequence[Any],
    *,
    groups: Any = None,
    null: Any = None,
    times: Any = None,
    detection_limit: float | int | None = None,
    names: Sequence[str] | None = None,
) -> Measurements:
    """Measurements of synapses in two or more sessions, checked.

    `sessions` holds one entry a session, in order of time: the sizes of all synapses, or several
    columns of them (synapses x replicates, or a list of replicates). 0 and NaN mark an absent
    synapse. `groups` labels the dendrite, cell or animal of each synapse; `null` is true for
    synapses of a null condition (sham, control); `times` are those of the sessions, by default
    0, 1, 2... With a `detection_limit`, sizes below it count as absent.

    Raises DataError, naming session and row, for sizes that are negative, infinite or no numbers,
    sessions or replicates of different length, times that do not increase, fewer than two
    sessions, labels of another length, a limit that is not positive or above every size, and
    synapses that are all lost.
    """
    if len(sessions) < 2:
        raise DataError(f"{len(sessions)} session is given: a change needs at least two")
    called = list(names) if names is not None else [f"session {t}" for t in range(len(sessions))]
    tables = [_table(session, name) for session, name in zip(sessions, called, strict=True)]
    n = len(tables[0])
    for table, name in zip(tables, called, strict=True):
        if len(table) != n:
            raise DataError(
                f"{name} has {len(table)} rows and {called[0]} has {n}: give the same synapses,"
                " row by row, with 0 where one is absent"
            )
    dropped: list[Dropped] = []
    if detection_limit is not None:
        if not (np.isfinite(detection_limit) and detection_limit > 0):
            raise DataError(
                f"detection_limit is {detection_limit:g}: give a positive size in the unit of the"
                " data"
            )
        low = [(table > 0) & (table < detection_limit) for table in tables]
        tables = [np.where(at, 0.0, table) for at, table in zip(low, tables, strict=True)]
        dropped.append(
            Dropped(
                sum(int(at.sum()) for at in low),
                "sizes below the detection limit",
                "what is below the limit was not measured; counted as absent",
            )
        )
    logs, replicates, within = (
        np.stack(part, axis=1) for part in zip(*map(_mean, tables), strict=True)
    )
    labels, group_names = _labels(groups, n)
    marks = np.zeros(n, dtype=bool) if null is None else np.asarray(null, dtype=bool)
    if marks.shape != (n,):
        raise DataError(f"null has {marks.size} rows and the sizes have {n}: give one per synapse")
    found = Measurements(
        log_sizes=logs,
        replicates=replicates,
        within=within,
        times=_times(times, called),
        groups=labels,
        group_names=group_names,
        null=marks,
        detection_limit=None if detection_limit is None else float(detection_limit),
        names=tuple(called),
        dropped=(*dropped, *_never_paired(logs)),
    )
    _check(found)
    return found


def _table(values: Any, name: str) -> Float[np.ndarray, "n r"]:
    """Sizes as synapses x replicates, 0 where absent; DataError names the first bad row."""
    if isinstance(values, list | tuple) and values and np.ndim(values[0]) == 1:
        lengths = [len(column) for column in values]
        if len(set(lengths)) > 1:
            raise DataError(
                f"replicates of {name} have {' and '.join(map(str, lengths))} rows: give the same"
                " synapses, row by row, in every replicate, with 0 where one is absent"
            )
        values = np.column_stack([np.asarray(column) for column in values])
    cells = np.asarray(values)
    if cells.ndim == 1:
        cells = cells[:, None]
    if cells.ndim != 2:
        raise DataError(
            f"{name} has {cells.ndim} dimensions: give one size per synapse, or synapses x"
            " replicates"
        )
    if cells.dtype.kind not in "fiub":
        raise DataError(f"{name} holds values of type {cells.dtype}: sizes must be numbers")
    sizes = np.nan_to_num(cells.astype(np.float64), nan=0.0, posinf=np.inf, neginf=-np.inf)
    for bad, problem in ((np.isinf(sizes), "is not finite"), (sizes < 0, "is negative")):
        if bad.any():
            row, column = (int(at[0]) for at in np.nonzero(bad))
            raise DataError(
                f"row {row} (counted from 0) of {name} is {sizes[row, column]:g}, which {problem}:"
                " sizes are positive, and 0 or empty for an absent synapse"
            )
    return sizes


def _mean(
    sizes: Float[np.ndarray, "n r"],
) -> tuple[Float[np.ndarray, " n"], Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Mean log size, number of replicates, and sum of squares within, replicate effects removed."""
    there = sizes > 0
    count = there.sum(axis=1)
    logs = np.log(np.where(there, sizes, 1.0))
    with np.errstate(invalid="ignore"):
        mean = np.where(count > 0, logs.sum(axis=1) / np.maximum(count, 1), np.nan)
    several = there & (count >= 2)[:, None]
    rest = np.where(several, logs - mean[:, None], 0.0)
    seen = np.maximum(several.sum(axis=0), 1)
    rest -= np.where(several, rest.sum(axis=0) / seen, 0.0)
    return mean, count, (rest**2).sum(axis=1)


def _labels(groups: Any, n: int) -> tuple[Int[np.ndarray, " n"] | None, tuple[str, ...]]:
    if groups is None:
        return None, ()
    given = np.asarray(groups)
    if given.shape != (n,):
        raise DataError(
            f"groups has {given.size} labels and the sizes have {n} rows: give one per synapse"
        )
    names, codes = np.unique(given.astype(str), return_inverse=True)
    empty = np.flatnonzero((names == "") | (names == "nan") | (names == "None"))
    if empty.size:
        row = int(np.flatnonzero(codes == empty[0])[0])
        raise DataError(f"row {row} (counted from 0) has no group: label it, or leave the row out")
    return codes, tuple(map(str, names))


def _times(times: Any, names: Sequence[str]) -> Float[np.ndarray, " t"]:
    if times is None:
        return np.arange(len(names), dtype=np.float64)
    given = np.asarray(times, dtype=np.float64)
    if given.shape != (len(names),):
        raise DataError(f"{given.size} times for {len(names)} sessions: give one time per session")
    back = np.flatnonzero(~(np.diff(given) > 0))
    if back.size:
        at = int(back[0])
        raise DataError(
            f"sessions are out of order: {names[at]} is at time {given[at]:g} and {names[at + 1]},"
            f" after it, at {given[at + 1]:g}; give the sessions in order of time"
        )
    return given


def _never_paired(logs: Float[np.ndarray, "n t"]) -> tuple[Dropped, ...]:
    present = np.isfinite(logs).sum(axis=1)
    return (
        Dropped(int((present == 0).sum()), "synapses never seen", "absent in every session"),
        Dropped(
            int((present == 1).sum()),
            "synapses seen once",
            "a change of size needs two sessions; losses and gains are counted apart",
        ),
    )


def _check(found: Measurements) -> None:
    logs = found.log_sizes
    present = np.isfinite(logs)
    if not present.any():
        limit = found.detection_limit
        below = "" if limit is None else f" (below the detection limit {limit:g} counts as absent)"
        raise DataError(f"no synapse has a size in any session{below}: nothing was measured")
    treated = ~found.null
    if not (present[treated].sum(axis=1) >= 2).any():
        raise DataError(
            f"all {int(present[treated].any(axis=1).sum())} synapses were lost: none has a size in"
            " two sessions, and an estimate needs some hundreds"
        )
    paired = treated & (present.sum(axis=1) >= 2)
    if np.ptp(logs[paired][present[paired]]) == 0:
        raise DataError("all sizes are equal: a geometry shows in how change depends on size")
    if all(
        np.array_equal(logs[:, 0], logs[:, t], equal_nan=True) for t in range(1, found.sessions)
    ):
        raise DataError("every session is identical: give measurements of different times")
    if found.null.any():
        if found.sessions > 2:
            raise DataError(
                f"a null condition and {found.sessions} sessions contradict each other: give a"
                " null with before and after, or a series of sessions without it"
            )
        if found.groups is None:
            raise DataError(
                "a null condition is given without groups: how far it may be subtracted is judged"
                " over dendrites, cells or animals; say which column holds them"
            )
        count = np.unique(found.groups[found.null]).size
        if count < _FEWEST_NULL_GROUPS:
            raise DataError(
                f"the null condition has {count} groups: at least {_FEWEST_NULL_GROUPS} are needed"
                " to know how variable it is; measure more, or leave the null out"
            )
