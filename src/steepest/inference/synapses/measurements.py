"""What was measured, whatever the design: sessions, replicates, groups, and a null condition.

Everything is checked here, once. What leaves this door are log sizes with NaN where a synapse was
absent, how many replicates each is the mean of, and what was dropped and why.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from steepest.arrays.given import real_numbers, refuse_tracers, same_labels
from steepest.data.frames import is_frame
from steepest.errors import DataError, UsageError
from steepest.inference.synapses.frames import long_frame
from steepest.inference.synapses.noise import stated_limit
from steepest.inference.synapses.sizes import groups_of, sizes_of, truths_of

__all__ = ["FEWEST_CHANGES", "Dropped", "Measurements", "Source", "measure", "of_replicates"]

Source = Literal["sessions", "replicates", "null"]

FEWEST_CHANGES = 50
"""Changes of size without which nothing is estimated."""

_FEWEST_NULL_GROUPS = 8
_EVERYTHING = "every session"


@dataclass(frozen=True)
class Dropped:
    """How many of something were left out of the estimate, and why."""

    count: int
    what: str
    why: str


@dataclass(frozen=True, eq=False)
class Measurements:
    """Log sizes of synapses (rows) in sessions (columns), NaN where a synapse has none.

    It was absent there, or `not_measured`. Each is the mean of `replicates` log sizes; `within` is
    the sum of squares of those about their mean, with replicate effects removed. `groups` numbers
    the group of each synapse (None: no groups), `clusters` what holds several groups (an animal of
    dendrites) and is resampled in their place, `null` marks synapses of the null condition,
    `times` are those of the sessions in any unit. `detection_limit` is in the unit of size.
    `single` are the log sizes of every replicate, None where each session is measured once.

    >>> measured = measure([[1.0, 2.0, 0.0], [1.1, 2.5, 3.0], [1.2, 2.4, 2.9]])
    >>> measured.sessions, measured.source
    (3, 'sessions')
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
    not_measured: Bool[np.ndarray, "n t"] = field(repr=False)
    single: Float[np.ndarray, "n t r"] | None = field(repr=False, default=None)
    clusters: Int[np.ndarray, " n"] | None = field(repr=False, default=None)

    @property
    def n(self) -> int:
        """Synapses present in at least two sessions."""
        return int((np.isfinite(self.log_sizes).sum(axis=1) >= 2).sum())

    @property
    def sessions(self) -> int:
        """How many sessions were measured."""
        return self.log_sizes.shape[1]

    @property
    def resampled(self) -> Literal["clusters", "groups", "synapses"]:
        """What intervals resample together."""
        if self.clusters is not None:
            return "clusters"
        return "synapses" if self.groups is None else "groups"

    @cached_property
    def source(self) -> Source | None:
        """Where the noise can be learned from: a null, sessions or replicates; None: nowhere."""
        if self.null.any():
            return "null"
        if self.sessions >= 3:
            return "sessions"
        if ((self.replicates >= 2).sum(axis=0) >= FEWEST_CHANGES).any():
            return "replicates"
        return None


def measure(
    sessions: Any,
    *,
    groups: Any = None,
    clusters: Any = None,
    null: Any = None,
    times: Any = None,
    detection_limit: Any = None,
    names: Sequence[str] | None = None,
    id: str | None = None,
    session: str | None = None,
    size: str | None = None,
    group: str | None = None,
    order: Sequence[Any] = (),
    where: Sequence[str] = (),
    replicates: bool = False,
    absent: Sequence[str] = (),
) -> Measurements:
    """Measurements of synapses in two or more sessions, checked.

    `sessions` are sizes of the same synapses, in order of time, or a long table: a data frame of
    one row for each synapse and session. 0 is an absent synapse, NaN one that was not measured:
    neither lost nor gained.

    - `sessions`: one entry a session: the sizes of all synapses, or several columns of them
      (synapses x replicates, or a list of replicates); the columns of a data frame are its
      sessions.
    - `groups`: the dendrite, cell or animal of each synapse, whose scale and drift are taken out.
    - `clusters`: what holds whole groups (the animal of a dendrite); resampled in their place.
    - `null`: true for synapses of a null condition (sham, control).
    - `times`: of the sessions, by default 0, 1, 2..., or days where a long table holds dates.
    - `detection_limit`: sizes below it count as absent; `names`: of the sessions, for messages.
    - `id`, `session`, `size`: of a long table, the columns of the synapse's name ("animal/spine"
      where names repeat between animals), of the session (numbers, dates or names) and of the size.
    - `group`: of a long table, the column of the group; "animal/dendrite" makes animals the
      clusters.
    - `order`: of a long table, the sessions in order, where neither numbers nor dates tell it.
    - `where`: of a long table, the rows to be used, such as "group=trained" or ["day<=12"].
    - `replicates`: of a long table, whether rows of one synapse and session measure it again.
    - `absent`: of a long table, marks of absent synapses beside 0; "no-row": those without a row.

    Raises DataError, naming session and row, for sizes that are negative, infinite, masked or no
    numbers, sessions or replicates of different length or labels, times that do not increase, fewer
    than two sessions, labels of another length, truth values that are none, a limit that is not
    positive or above every size, and synapses that are all lost; of a long table, for two rows of
    one synapse and session, sessions without an order, and columns that are not there.

    >>> measure([[1.0, 2.0, 0.0], [1.1, 2.5, 3.0]], names=["day 0", "day 4"]).n
    2

    A long table:

    >>> import pandas as pd
    >>> table = pd.DataFrame({"spine": [1, 1, 2, 2], "day": [0, 4, 0, 4], "area": [2, 3, 5, 4]})
    >>> measure(table, id="spine", session="day", size="area").names
    ('day 0', 'day 4')
    """
    if id is not None or session is not None or size is not None:
        if any(labels is not None for labels in (groups, clusters, null, names)):
            raise UsageError(
                "groups, clusters, null and names go with sizes session by session: of a long"
                " table name the column, group"
            )
        long = long_frame(
            sessions,
            id=id,
            session=session,
            size=size,
            group=group,
            order=order,
            where=where,
            replicates=replicates,
            absent=absent,
            limited=detection_limit is not None,
        )
        sessions, names = [[*copies] for copies in long.sessions], long.names
        groups, clusters = (long.texts(role) for role in ("group", "cluster"))
        times = long.times if times is None else times
    elif group is not None or len(order) or len(where) or len(absent) or replicates:
        raise UsageError(
            "group, order, where, absent and replicates are for long tables: give id, session and"
            " size too (a column each)"
        )
    elif is_frame(sessions):
        names = [str(name) for name in sessions.columns] if names is None else names
        sessions = [sessions.iloc[:, place] for place in range(len(sessions.columns))]
    if len(sessions) < 2:
        raise DataError(f"{len(sessions)} session is given: a change needs at least two")
    called = list(names) if names is not None else [f"session {t}" for t in range(len(sessions))]
    refuse_tracers("measure", *sessions)
    limit = stated_limit(detection_limit)
    tables = [
        _table(session, name, limit is not None)
        for session, name in zip(sessions, called, strict=True)
    ]
    n = len(tables[0])
    for table, name in zip(tables, called, strict=True):
        if len(table) != n:
            raise DataError(
                f"{name} has {len(table)} rows and {called[0]} has {n}: give the same synapses,"
                " row by row, with 0 where one is absent"
            )
    columns = dict(zip(called, sessions, strict=True)) | {
        "groups": groups,
        "clusters": clusters,
        "null": null,
    }
    same_labels(columns)
    dropped: list[Dropped] = []
    if limit is not None:
        low = [(table != 0) & (table < limit) for table in tables]
        tables = [np.where(at, 0.0, table) for at, table in zip(low, tables, strict=True)]
        dropped.append(
            Dropped(
                sum(int(at.sum()) for at in low),
                "sizes below the detection limit",
                "what is below the limit was not measured; counted as absent",
            )
        )
    unknown = sum(int(np.isnan(table).sum()) for table in tables)
    if unknown:
        dropped.append(
            Dropped(unknown, "sizes not measured", "neither a size nor known to be absent")
        )
    single = _single(tables)
    logs, copies, within = (
        np.stack(part, axis=1)
        for part in zip(*(of_replicates(single[:, t]) for t in range(len(tables))), strict=True)
    )
    # One replicate that says a synapse is absent is a measurement.
    not_measured = np.stack([np.isnan(table).all(axis=1) for table in tables], axis=1)
    labels, group_names = (None, ()) if groups is None else groups_of(groups, n)
    whole = _clusters(clusters, labels, group_names, n)
    marks = np.zeros(n, dtype=bool) if null is None else truths_of(null, "null", _EVERYTHING)
    if marks.shape != (n,):
        raise DataError(f"null has {marks.size} rows and the sizes have {n}: give one per synapse")
    measured = Measurements(
        log_sizes=logs,
        replicates=copies,
        within=within,
        times=_times(times, called),
        groups=labels,
        group_names=group_names,
        null=marks,
        detection_limit=limit,
        names=tuple(called),
        dropped=(*dropped, *_never_paired(logs, not_measured)),
        not_measured=not_measured,
        single=single if single.shape[2] > 1 else None,
        clusters=whole,
    )
    _check(measured)
    return measured


def _table(values: Any, name: str, limited: bool) -> Float[np.ndarray, "n r"]:
    """Sizes as synapses x replicates, 0 where absent, NaN where not measured."""
    if isinstance(values, list | tuple) and values and np.ndim(values[0]) == 1:
        lengths = [len(column) for column in values]
        if len(set(lengths)) > 1:
            raise DataError(
                f"replicates of {name} have {' and '.join(map(str, lengths))} rows: give the same"
                " synapses, row by row, in every replicate, with 0 where one is absent"
            )
        same_labels({f"replicate {at} of {name}": column for at, column in enumerate(values)})
        columns = [
            sizes_of(column, name, everything=_EVERYTHING, limited=limited) for column in values
        ]
        return np.column_stack(columns)
    sizes = sizes_of(values, name, everything=_EVERYTHING, axes=2, limited=limited)
    return sizes[:, None] if sizes.ndim == 1 else sizes


def _single(tables: Sequence[Float[np.ndarray, "n _"]]) -> Float[np.ndarray, "n t r"]:
    """Log sizes of every replicate, NaN where there is none."""
    most = max(table.shape[1] for table in tables)
    single = np.full((len(tables[0]), len(tables), most), np.nan)
    for at, table in enumerate(tables):
        there = table > 0
        single[:, at, : table.shape[1]] = np.where(
            there, np.log(np.where(there, table, 1.0)), np.nan
        )
    return single


def of_replicates(
    logs: Float[np.ndarray, "n r"],
) -> tuple[Float[np.ndarray, " n"], Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Mean log size of a session's replicates, their number, and their sum of squares.

    The squares are about the mean, replicate effects removed; NaN marks what has no size.
    """
    there = np.isfinite(logs)
    count = there.sum(axis=1)
    total = np.where(there, logs, 0.0).sum(axis=1)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    several = there & (count >= 2)[:, None]
    rest = np.where(several, logs - mean[:, None], 0.0)
    seen = np.maximum(several.sum(axis=0), 1)
    rest -= np.where(several, rest.sum(axis=0) / seen, 0.0)
    return mean, count, (rest**2).sum(axis=1)


def _clusters(
    clusters: Any, groups: Int[np.ndarray, " n"] | None, names: Sequence[str], n: int
) -> Int[np.ndarray, " n"] | None:
    """Numbers of what holds whole groups. Raises DataError where a group lies in two of them."""
    if clusters is None:
        return None
    if groups is None:
        raise DataError("clusters are given without groups: give what lies in them as groups")
    numbers, called = groups_of(clusters, n, name="clusters")
    own = np.zeros(groups.max() + 1, dtype=np.int64)
    own[groups] = numbers
    astray = np.flatnonzero(own[groups] != numbers)
    if astray.size:
        at = int(astray[0])
        raise DataError(
            f"group {names[groups[at]]!r} lies in {called[numbers[at]]!r} and in"
            f" {called[own[groups[at]]]!r}: give groups of different clusters different names"
        )
    return numbers


def _times(times: Any, names: Sequence[str]) -> Float[np.ndarray, " t"]:
    if times is None:
        return np.arange(len(names), dtype=np.float64)
    given = real_numbers(times, "times", error=DataError)
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


def _never_paired(
    logs: Float[np.ndarray, "n t"], not_measured: Bool[np.ndarray, "n t"]
) -> tuple[Dropped, ...]:
    present = np.isfinite(logs).sum(axis=1)
    why = "absent or not measured" if not_measured[present == 0].any() else "absent"
    return (
        Dropped(int((present == 0).sum()), "synapses never seen", f"{why} in every session"),
        Dropped(
            int((present == 1).sum()),
            "synapses seen once",
            "a change of size needs two sessions; losses and gains are counted apart",
        ),
    )


def _check(measured: Measurements) -> None:
    logs = measured.log_sizes
    present = np.isfinite(logs)
    if not present.any():
        limit = measured.detection_limit
        below = "" if limit is None else f" (below the detection limit {limit:g} counts as absent)"
        raise DataError(f"no synapse has a size in any session{below}: nothing was measured")
    treated = ~measured.null
    if not (present[treated].sum(axis=1) >= 2).any():
        once = present[treated].any(axis=1)
        unknown = int((once & measured.not_measured[treated].any(axis=1)).sum())
        fate = f"were lost, or not measured twice ({unknown})" if unknown else "were lost"
        raise DataError(
            f"all {int(once.sum())} synapses {fate}: none has a size in"
            " two sessions, and an estimate needs some hundreds"
        )
    paired = treated & (present.sum(axis=1) >= 2)
    if np.ptp(logs[paired][present[paired]]) == 0:
        raise DataError("all sizes are equal: a geometry shows in how change depends on size")
    if all(
        np.array_equal(logs[:, 0], logs[:, t], equal_nan=True) for t in range(1, measured.sessions)
    ):
        raise DataError("every session is identical: give measurements of different times")
    if measured.null.any():
        if measured.sessions > 2:
            raise DataError(
                f"a null condition and {measured.sessions} sessions contradict each other: give a"
                " null with before and after, or a series of sessions without it"
            )
        if measured.groups is None:
            raise DataError(
                "a null condition is given without groups: how far it may be subtracted is judged"
                " over dendrites, cells or animals; say which column holds them"
            )
        whole = measured.groups if measured.clusters is None else measured.clusters
        count = np.unique(whole[measured.null]).size
        if count < _FEWEST_NULL_GROUPS:
            raise DataError(
                f"the null condition has {count} groups: at least {_FEWEST_NULL_GROUPS} are needed"
                " to know how variable it is; measure more, or leave the null out"
            )
