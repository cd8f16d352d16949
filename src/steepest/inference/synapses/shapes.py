"""From files of any shape, and what is asked of them, to one table of sizes by session."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from steepest.data.conditions import parse_condition, where
from steepest.data.header import parse_header_row
from steepest.data.label_columns import labels_of, levels
from steepest.data.labels import Labels, join
from steepest.data.long import NO_ROW, LongRows, long_rows, pivoted, stacked_rows
from steepest.data.nesting import outer_of
from steepest.data.sessions import dates_of, numbers_in
from steepest.data.several import check_units, expanded, file_labels
from steepest.data.size_table import SizeTable, stacked, wide_sizes
from steepest.data.table import Table
from steepest.data.tables import open_file, place_of
from steepest.errors import DataError, UsageError

if TYPE_CHECKING:
    from steepest.inference.synapses.request import Request

__all__ = ["FILE_IS", "read_sizes", "row_labels", "shape_clashes"]

FILE_IS = ("group", "session", "condition", "part")
"""What each of several files may be."""


def read_sizes(files: Sequence[str | Path], request: "Request") -> SizeTable:
    """The sizes that are asked for, of one file or of several, wide or long.

    Of several files each is a group, unless `request.file_is` says something else.

    Raises DataError as readers do, and where `times` are not one a session.
    """
    paths = expanded(files)
    conditions = [parse_condition(text) for text in request.where]
    header_row, asked = parse_header_row(request.header_row), _columns_of(request)
    tables = [
        where(open_file(path, request.table, header_row=header_row, asked=asked), conditions)
        for path in paths
    ]
    names = file_labels(paths)
    file_is = request.file_is or ("group" if len(paths) > 1 else None)
    if request.size is not None:
        sizes = _long(tables, names, file_is, request)
    else:
        sizes = _wide(tables, names, file_is, request)
    said = tuple(table.note for table in tables[:1] if table.note is not None)
    sizes = replace(sizes, notes=(*said, *sizes.notes))
    if file_is in (None, "part"):
        sizes = replace(sizes, notes=(*sizes.notes, *_pointed_out(tables, request)))
    if request.times and len(request.times) != len(sizes.names):
        raise DataError(
            f"--times gives {len(request.times)} times and there are {len(sizes.names)} sessions"
            f" ({', '.join(sizes.names)}): give one time per session, in this order"
        )
    return replace(sizes, times=tuple(sorted(request.times))) if request.times else sizes


def _columns_of(request: "Request") -> list[str]:
    """The columns of sizes and sessions that are named, in which a header can be recognised."""
    single = (request.before, request.after, request.session, request.size, request.rate)
    several = (*request.sessions, *request.replicate_before, *request.replicate_after)
    return [*several, *(name for name in single if name is not None)]


def _long(
    tables: Sequence[Table],
    names: Sequence[str],
    file_is: str | None,
    request: "Request",
) -> SizeTable:
    parts: list[LongRows] = []
    for table, name in zip(tables, names, strict=True):
        rows = long_rows(
            table,
            identity=str(request.id),
            session=request.session,
            size=str(request.size),
            labels=_labels(table, request),
            absent=request.absent,
            not_measured=request.not_measured,
            negative=request.detection_limit is not None,
        )
        file = Labels(np.zeros(len(rows.ids), dtype=np.int64), (name,))
        if file_is == "session":
            rows = replace(rows, sessions=file)
        elif file_is in ("group", "condition"):
            # Names of synapses may repeat between files, which are different preparations.
            labels = _with_file(rows.labels, file, file_is, request)
            rows = replace(rows, ids=join([file, rows.ids]), labels=labels)
        parts.append(rows)
    if file_is != "session":
        check_units([str(table.path) for table in tables], [part.sizes for part in parts])
    return pivoted(
        stacked_rows(parts),
        order=request.order,
        replicates=request.replicates,
        no_row_is_absent=NO_ROW in request.absent,
    )


def _wide(
    tables: Sequence[Table],
    names: Sequence[str],
    file_is: str | None,
    request: "Request",
) -> SizeTable:
    times = None
    if request.sessions:
        called, times = _in_order(tables[0], request)
        sessions = [(column,) for column in called]
    else:
        before, after = str(request.before), str(request.after)
        sessions = [(before, *request.replicate_before), (after, *request.replicate_after)]
        called = [f"{before} (before)", f"{after} (after)"]
    parts = []
    for table, name in zip(tables, names, strict=True):
        sizes = wide_sizes(
            table,
            sessions,
            names=called,
            labels=_labels(table, request),
            rates=request.rate,
            absent=request.absent,
            not_measured=request.not_measured,
        )
        file = Labels(np.zeros(sizes.rows, dtype=np.int64), (name,))
        if file_is is not None:
            sizes = replace(sizes, labels=_with_file(sizes.labels, file, file_is, request))
        parts.append(sizes)
    measured = [np.concatenate([c.values for s in part.sessions for c in s]) for part in parts]
    check_units([str(table.path) for table in tables], measured)
    return replace(stacked(parts), times=times)


def _in_order(table: Table, request: "Request") -> tuple[list[str], tuple[float, ...] | None]:
    """The columns of the sessions in order of time, and their times where these are dates.

    `--times` decides the order; else the names do, if they are dates or differ in one number.
    Raises DataError where they say another order than that of the columns.
    """
    wanted = list(request.sessions)
    twice = next((name for name in wanted if wanted.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"session {twice!r} is given twice: name every session once")
    if request.times:
        if len(request.times) != len(wanted):
            return wanted, None
        return [wanted[at] for at in np.argsort(request.times, kind="stable")], None
    if not table.named:
        return wanted, None
    names = [table.names[place_of(table, column)] for column in wanted]
    dates = dates_of(names)
    days = None if dates is None else [(date - dates[0]) / timedelta(days=1) for date in dates]
    when = days or numbers_in(names) or []
    for at, (earlier, later) in enumerate(pairwise(when)):
        if later < earlier:
            raise DataError(
                f"sessions are out of order: {names[at + 1]!r} comes after {names[at]!r}; give the"
                " columns in order of time, or say with --times when each was"
            )
    return wanted, None if days is None else tuple(days)


def _pointed_out(tables: Sequence[Table], request: "Request") -> tuple[str, ...]:
    """What is said of groups that lie in larger ones."""
    if request.group is None:
        return ()
    said = [outer_of(table, request.group, labels_of(table, request.group)) for table in tables]
    return tuple(dict.fromkeys(note for note in said if note is not None))


def row_labels(
    table: Table,
    *,
    group: str | None = None,
    condition: str | None = None,
    compare: str | None = None,
) -> dict[str, Labels]:
    """What columns say of every row: its group, what the group lies in ("cluster"), its condition.

    >>> from steepest.data.table import ArrayTable
    >>> table = ArrayTable(["mouse"], True, [np.array(["m1", "m2"])], Path("sizes.npz"))
    >>> row_labels(table, group="mouse")["group"].names
    ('m1', 'm2')
    """
    columns = {"group": group, "condition": condition, "compare": compare}
    if group is not None and len(outer := levels(table, group)) > 1:
        columns["cluster"] = outer[0]
    return {
        role: labels_of(table, column) for role, column in columns.items() if column is not None
    }


def _labels(table: Table, request: "Request") -> dict[str, Labels]:
    return row_labels(
        table, group=request.group, condition=request.condition, compare=request.compare
    )


def _with_file(
    labels: Mapping[str, Labels], file: Labels, file_is: str, request: "Request"
) -> dict[str, Labels]:
    """The labels of a file's rows, with what the file itself is."""
    whole = dict(labels)
    if file_is in ("group", "condition") and "group" in whole:
        # d1 in one file and d1 in another are different dendrites.
        whole["group"] = join([file, whole["group"]])
    if file_is == "group":
        if "group" in whole:
            whole["cluster"] = file
        whole.setdefault("group", file)
    elif file_is == "condition":
        whole["compare" if request.null is None else "condition"] = file
    return whole


def shape_clashes(asked: "Request") -> list[str]:
    """Contradictions among the options that say what shape the tables have."""
    clashes: list[str] = []
    long = {"id": asked.id, "session": asked.session, "size": asked.size}
    given = [f"--{name}" for name, value in long.items() if value is not None]
    if given:
        by_file = asked.file_is == "session"
        needed = ["id", "size"] if by_file else ["id", "session", "size"]
        missing = [f"--{name}" for name in needed if long[name] is None]
        if missing:
            clashes.append(
                f"{' and '.join(given)} without {' and '.join(missing)}: a long table is read by"
                " --id, --session and --size (a column each)"
            )
        if by_file and asked.session is not None:
            clashes.append(
                "--session and --file-is session contradict each other: a session is a column, or"
                " it is a file"
            )
        wide = _said(
            asked, "before", "after", "replicate_before", "replicate_after", "sessions", "rate"
        )
        if asked.unpaired:
            wide.append("--unpaired")
        if wide:
            clashes.append(
                f"{', '.join(given)} and {', '.join(wide)} contradict each other: one row holds a"
                " synapse in one session, or it holds a synapse in all sessions"
            )
    else:
        for option in _said(asked, "replicates", "order"):
            clashes.append(f"{option} is for long tables: give --id, --session and --size too")
        if asked.file_is == "session":
            clashes.append(
                "--file-is session needs --id and --size: only by its name is a synapse the same"
                " in two files"
            )
    if asked.file_is is not None and asked.file_is not in FILE_IS:
        clashes.append(f"--file-is {asked.file_is}: give one of {', '.join(FILE_IS)}")
    both = sorted(set(asked.absent) & set(asked.not_measured))
    if both:
        clashes.append(
            f"--absent and --not-measured both name {', '.join(map(repr, both))}: a synapse that is"
            " absent was measured"
        )
    return clashes + _condition_clashes(asked)


def _condition_clashes(asked: "Request") -> list[str]:
    clashes: list[str] = []
    for text in asked.where:
        try:
            parse_condition(text)
        except UsageError as error:
            clashes.append(str(error))
    compared = asked.compare is not None
    if asked.file_is == "condition" and (compared or asked.condition is not None):
        option = "--compare" if compared else "--condition"
        clashes.append(
            f"--file-is condition and {option} contradict each other: the condition is the file,"
            " or a column"
        )
    others = _said(asked, "null", "unpaired", "rate")
    if compared and others:
        clashes.append(
            f"--compare and {', '.join(others)} contradict each other: every condition is judged"
            " by itself, and their indices are compared"
        )
    return clashes


def _said(asked: "Request", *names: str) -> list[str]:
    """Which of some options were given, as they are typed."""
    values = {name: getattr(asked, name) for name in names}
    return [
        "--" + name.replace("_", "-")
        for name, value in values.items()
        if value is not None and value is not False and value != ()
    ]
