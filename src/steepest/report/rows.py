"""What became of every row of a table of sizes, as a CSV to look it up in."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from steepest.files import to_csv
from steepest.inference.synapses.calls import Calls
from steepest.inference.synapses.measurements import Measurements

__all__ = ["calls_rows", "measured_rows", "pair_rows", "unpaired_rows"]


def pair_rows(
    names: Sequence[str],
    rows: Sequence[Any] | None,
    before: Float[np.ndarray, " n"],
    after: Float[np.ndarray, " n"],
    limit: float | None = None,
) -> str:
    """One line a row: its number in the file, both sizes, and what became of it.

    `rows` are the numbers in the file, counted from 0 unless given. `limit` is the detection limit.

    >>> sizes = np.array([1.0, 0.0]), np.array([0.0, 0.0])
    >>> print(pair_rows(["day 0", "day 4"], [2, 3], *sizes), end="")
    row,day 0,day 4,what became of it
    2,1.0,0.0,vanished
    3,0.0,0.0,absent in both
    """
    absent_before, absent_after = before == 0, after == 0
    became = np.full(before.size, "used", dtype=object)
    if limit is not None:
        became[(after < limit) & ~absent_before] = "used: ended below the detection limit"
        became[(before != 0) & (before < limit)] = "began below the detection limit"
    else:
        became[absent_after & ~absent_before] = "vanished"
    became[absent_before & ~absent_after] = "new"
    became[absent_before & absent_after] = "absent in both"
    became[np.isnan(before) | np.isnan(after)] = "not measured"
    return _table(names, rows, [before, after], became)


def measured_rows(measured: Measurements, rows: Sequence[Any] | None = None) -> str:
    """One line a row: its number in the file, its size in every session, and what became of it.

    Sizes are geometric means over replicates; an empty cell was not measured, 0 absent.

    >>> from steepest.inference import measure
    >>> measured = measure([[1.0, 2.0], [0.0, 2.5], [0.0, 2.4]], names=["a", "b", "c"])
    >>> print(measured_rows(measured), end="")
    row,a,b,c,what became of it
    0,1,0,0,seen once: a change of size needs two sessions
    1,2,2.5,2.4,used
    """
    present = np.isfinite(measured.log_sizes).sum(axis=1)
    became = np.where(measured.null, "used: null condition", "used").astype(object)
    became[present == 1] = "seen once: a change of size needs two sessions"
    became[present == 0] = "never seen"
    sizes = np.where(np.isfinite(measured.log_sizes), np.exp(measured.log_sizes), 0.0)
    sizes[measured.not_measured] = np.nan
    shown = [[_short(size) for size in column] for column in sizes.T]
    return _table(measured.names, rows, shown, became)


def unpaired_rows(
    names: Sequence[str],
    rows: Sequence[Any] | None,
    before: Float[np.ndarray, " n"],
    after: Float[np.ndarray, " n"],
) -> str:
    """One line a row: its number in the file, and both sizes with what became of each.

    >>> print(unpaired_rows(["a", "b"], None, np.array([1.0]), np.array([0.0])), end="")
    row,a,b,what became of it
    0,1.0,0.0,only a used: b is absent
    """
    used = [sizes > 0 for sizes in (before, after)]
    became = np.full(before.size, "used", dtype=object)
    for first, second in ((0, 1), (1, 0)):
        sizes = (before, after)[second]
        for why, at in (("absent", sizes == 0), ("not measured", np.isnan(sizes))):
            words = f"only {names[first]} used: {names[second]} is {why}"
            became[used[first] & at] = words
    became[~used[0] & ~used[1]] = "neither used: absent or not measured"
    return _table(names, rows, [before, after], became)


def calls_rows(calls: Calls, measured: Measurements, rows: Sequence[Any] | None = None) -> str:
    """The CSV of calls, with the row of the file of every synapse, and what became of it.

    `measured` are the sizes that were called, `rows` the numbers of their rows in the file, counted
    from 0 unless given; of several files with the file's name.

    >>> from steepest.inference import Design, classify, infer_measured, simulate_design
    >>> measured = simulate_design(Design(synapses=60, sessions=3, groups=6), 1, seed=1)
    >>> calls = classify(infer_measured(measured, draws=10))
    >>> calls_rows(calls, measured, [f"{2 + n} of m1.csv" for n in range(60)]).split(",")[1:3]
    ['row in the file', 'group']
    """
    here = np.isfinite(measured.log_sizes)
    ends = np.where(measured.not_measured, "not measured", np.where(here, "", "absent"))[:, [0, -1]]
    became = []
    for at, call in enumerate(calls.call):
        both = zip(ends[at], calls.sessions, strict=True)
        lacking = ", ".join(f"{end} in {name}" for end, name in both if end)
        if lacking:
            became.append(f"{'used' if call in ('lost', 'new') else 'dropped'}: {lacking}")
        elif np.isnan(calls.observed[at]):
            became.append("dropped: a measurement is outlying")
        else:
            became.append("used" if call != "cannot say" else "used: its sizes do not tell")
    numbers = range(len(became)) if rows is None else rows
    header, *lines = csv.reader(io.StringIO(calls.to_csv()))
    return to_csv(
        [header[0], "row in the file", *header[1:], "what became of it"],
        (
            [line[0], _row(row), *line[1:], words]
            for line, row, words in zip(lines, numbers, became, strict=True)
        ),
    )


def _table(
    names: Sequence[str], rows: Sequence[Any] | None, columns: Sequence[Any], became: np.ndarray
) -> str:
    numbers = range(became.size) if rows is None else rows
    cells = [[_empty(value) for value in column] for column in columns]
    return to_csv(
        ["row", *names, "what became of it"],
        zip([_row(row) for row in numbers], *cells, became, strict=True),
    )


def _row(row: Any) -> Any:
    """A row's number; of several files it is a text, with the file."""
    return row if isinstance(row, str) else int(row)


def _empty(value: Any) -> Any:
    return None if isinstance(value, float) and np.isnan(value) else value


def _short(value: float) -> Any:
    return None if np.isnan(value) else float(f"{value:.9g}") if value % 1 else int(value)
