"""Reading time series of several units from a file, and checking that they are evenly sampled."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from steepest.data.header import HeaderRow
from steepest.data.table import Table, number, shown
from steepest.data.tables import open_file, take_columns
from steepest.errors import DataError, UsageError

__all__ = ["Series", "check_series", "read_series"]

JITTER = 1e-3  # of the sampling step: what rounding of printed times leaves
_TIME_NAMES = ("time", "t", "seconds", "time_s", "time (s)")


@dataclass(frozen=True, eq=False)
class Series:
    """Activity of n units (t, n), evenly sampled every `dt`, and the units' names.

    >>> Series(np.array([[0.1, 0.5], [0.2, 0.3]]), dt=0.5, names=("a", "b")).values.shape
    (2, 2)
    """

    values: Float[np.ndarray, "t n"]
    dt: float
    names: tuple[str, ...]


def read_series(
    path: str | Path,
    *,
    columns: Sequence[str | int] | None = None,
    time: str | int | None = None,
    step: float | None = None,
    transpose: bool = False,
    part: str | None = None,
    header_row: HeaderRow = None,
) -> Series:
    """The units' columns of a file (all but the time column, unless named), and the time step.

    `time` names the column of times, `step` is the step where there is none; with neither, a
    column called time, t or seconds is taken. With `transpose` the units are the rows, named by
    the first column where it holds words, and every column is a time; then `columns` are rows by
    name or number. `part` and `header_row` are as for `read_columns`.

    Raises `DataError` naming row and column for cells that are no numbers, times that do not rise
    evenly, and constant columns, and where there are more units than times; `UsageError` where the
    step is not given at all, or given twice.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "activity.csv"
    ...     _ = path.write_text("time,a,b\\n0,0.1,0.5\\n0.5,0.2,0.3\\n1,0.4,0.2\\n")
    ...     series = read_series(path)
    >>> series.names, series.dt, series.values.shape
    (('a', 'b'), 0.5, (3, 2))
    """
    asked = [*map(str, columns or ()), *([] if time is None else [str(time)])]
    table = open_file(path, part, header_row=header_row, asked=asked)
    path = table.path
    if transpose:
        return _transposed(table, columns, time, step)
    if time is not None and step is not None:
        raise UsageError("give a time column or a step, not both")
    if time is None and step is None:
        time = next((n for n in table.names if n.strip().lower() in _TIME_NAMES), None)
        if time is None:
            raise UsageError(
                f"{path} has no column called time: name it with --time COLUMN, or give the"
                " sampling step with --step"
            )
    cure = "fill the gap, or cut the series there"
    clock = None if time is None else take_columns(table, [time], cure=cure)
    if columns is None:
        taken = clock.names[0] if clock is not None else None
        counts = Counter(table.names)
        wanted: list[str | int] = [
            name if counts[name] == 1 else place
            for place, name in enumerate(table.names)
            if name != taken
        ]
    else:
        wanted = list(columns)
    if not wanted:
        raise DataError(f"{path} has no column beside the time: give one column per unit")
    if columns is None and clock is None and len(wanted) > len(table.labels(0)):
        raise DataError(
            f"{path} has {len(table.labels(0))} rows and {len(wanted)} columns, and a row is one"
            " time of all units: if a row is one unit, add --transpose"
        )
    units = take_columns(table, wanted, cure=cure)
    values = np.column_stack(units.arrays)
    if clock is not None:
        dt = _even_step(clock.arrays[0], clock.rows, clock.names[0], path)
    else:
        assert step is not None
        dt = step
    return check_series(values, dt, units.names, str(path))


def _transposed(
    table: Table, columns: Sequence[str | int] | None, time: str | int | None, step: float | None
) -> Series:
    """The series whose units are the rows of a table."""
    if time is not None or step is None:
        raise UsageError("with --transpose every column is a time: give the sampling step, --step")
    first = table.labels(0).texts().tolist()
    named = not any(math.isfinite(number(cell)) for cell in first)
    cure = "fill the gap, or leave the unit out"
    times = take_columns(table, list(range(named, len(table.names))), cure=cure)
    values = np.stack(times.arrays)
    names = first if named else [str(row) for row in range(values.shape[1])]
    if columns is not None:
        places = {name: row for row, name in enumerate(names)}
        unknown = [str(name) for name in columns if str(name) not in places]
        if unknown:
            raise DataError(
                f"{table.path} has no row {shown(unknown[0])}: its units are"
                f" {', '.join(map(shown, names[:20]))}"
            )
        rows = [places[str(name)] for name in columns]
        values, names = values[:, rows], [names[row] for row in rows]
    return check_series(values, step, names, str(table.path))


def check_series(
    values: Float[np.ndarray, "t n"], dt: float, names: Sequence[str], source: str = "the series"
) -> Series:
    """The series, if its step is positive and no column is constant."""
    if not (np.isfinite(dt) and dt > 0):
        raise UsageError(f"the sampling step is {dt}: give a positive number")
    flat = np.flatnonzero(np.ptp(values, axis=0) == 0)
    if flat.size:
        raise DataError(
            f"{source}: column {names[flat[0]]!r} is constant ({values[0, flat[0]]:g}): a unit that"
            " does not change says nothing about its connections; leave it out"
        )
    return Series(values, float(dt), tuple(names))


def _even_step(times: np.ndarray, rows: np.ndarray, name: str, path: Path) -> float:
    steps = np.diff(times)
    if not steps.size:
        raise DataError(f"{path} has one row of data: a series needs many")
    back = np.flatnonzero(steps <= 0)
    if back.size:
        at = int(back[0])
        raise DataError(
            f"{path}: time does not rise in row {rows[at + 1]} of column {name!r}"
            f" ({times[at]:g}, then {times[at + 1]:g}): sort the rows by time, without repeats"
        )
    dt = float(np.median(steps))
    uneven = np.flatnonzero(np.abs(steps - dt) > JITTER * dt + 1e-9 * np.abs(times).max())
    if uneven.size:
        at = int(uneven[0])
        raise DataError(
            f"{path}: a gap before row {rows[at + 1]} of column {name!r}: {steps[at]:g} where the"
            f" step is {dt:g} ({uneven.size} such rows): resample evenly, or cut the series there"
        )
    return float((times[-1] - times[0]) / steps.size)
