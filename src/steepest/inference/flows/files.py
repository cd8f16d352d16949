"""From the user's files to samples of a flow: columns of a table, and a cost by name or file.

JAX is imported once the columns are read: what is wrong with them is said at once.
"""

import runpy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from steepest.data.header import HeaderRow
from steepest.data.table import Table
from steepest.data.tables import Columns, open_file, take_columns
from steepest.data.turning import turned
from steepest.errors import DataError, UsageError

if TYPE_CHECKING:
    from steepest.inference.flows.samples import FlowSamples

__all__ = ["COSTS", "load_cost", "read_flow"]

Cost = Callable[[Any], Any]

_CURE = "leave the row out"


def _quadratic(point: Any) -> Any:
    import jax.numpy as jnp

    return jnp.sum(point**2) / 2


def _gaussian() -> Cost:
    from steepest.models import GaussianModel

    return GaussianModel().cost


def _intrinsic() -> Cost:
    from steepest.models import IntrinsicModel

    return IntrinsicModel().cost


def _release() -> Cost:
    from steepest.models import ReleaseModel

    return ReleaseModel().cost


COSTS: dict[str, Callable[[], Cost]] = {
    "gaussian": _gaussian,
    "intrinsic": _intrinsic,
    "release": _release,
    "quadratic": lambda: _quadratic,
}
"""Costs that the command line knows by name: the models with their defaults, and |x|^2/2."""


def load_cost(name: str) -> Cost:
    """The cost of this name, or the function `cost` of a Python file ("FILE.py", "FILE.py:NAME").

    The file is run. Raises `UsageError` for an unknown name, a file that is not there, that raises,
    or that does not define the function.
    """
    if name in COSTS:
        return COSTS[name]()
    file, _, function = name.partition(":")
    path = Path(file)
    if path.suffix != ".py":
        raise UsageError(
            f"no cost is called {name!r}; known: {', '.join(COSTS)}, or a Python file that defines "
            "cost(point)"
        )
    if not path.is_file():
        raise UsageError(f"no such file: {path}, which should define the cost")
    try:
        names = runpy.run_path(str(path))
    except Exception as error:
        raise UsageError(
            f"the cost file {path} raises {type(error).__name__}: {error}; it must run by itself"
        ) from error
    wanted = function or "cost"
    if not callable(names.get(wanted)):
        raise UsageError(f"the cost file {path} defines no function {wanted}(point)")
    return names[wanted]


def read_flow(
    path: str | Path,
    cost: Cost,
    position: Sequence[str],
    *,
    velocity: Sequence[str] | None = None,
    time: str | None = None,
    flow: str | None = None,
    part: str | None = None,
    header_row: HeaderRow = None,
    transpose: bool = False,
) -> "FlowSamples":
    """Samples of a flow from columns of a file: velocities at positions, or trajectories.

    Give either `velocity` (as many columns as `position`) or `time` (with `flow` where the file
    holds several trajectories). `part` and `header_row` are as for `read_columns`; with `transpose`
    a row of the file is one coordinate, named in the first column.

    Raises `UsageError` for neither or both, and `DataError` naming row and column for what cannot
    be used.
    """
    if (velocity is None) == (time is None):
        raise UsageError("give either the columns of the velocity, or the column of the time")
    if flow is not None and time is None:
        raise UsageError("a column that tells flows apart is for trajectories: give the time too")

    def read(wanted: list[str], labels: Sequence[str] = ()) -> Columns:
        asked = [*wanted, *labels]
        table = open_file(path, part, header_row=header_row, asked=[] if transpose else asked)
        if transpose:
            table = turned(table, _CURE)
        else:
            _check_rows(table, asked)
        return take_columns(table, wanted, labels=labels, cure=_CURE)

    if velocity is not None:
        if len(velocity) != len(position):
            raise UsageError(
                f"{len(position)} columns of position but {len(velocity)} of velocity: one each"
            )
        columns = read([*position, *velocity])
        n = len(position)
        x, v = (np.stack(part, axis=1) for part in (columns.arrays[:n], columns.arrays[n:]))
        from steepest.inference.flows.samples import flow_samples

        return flow_samples(x, v, cost, rows=columns.rows)
    assert time is not None
    names = [] if flow is None else [flow]
    columns = read([*position, time], names)
    n = len(position)
    if len(columns.rows) < 2:
        raise DataError(f"{path}: a trajectory has at least two rows")
    points = np.stack(columns.arrays[:n], axis=1)
    labels = None if flow is None else np.array(columns.labels[0])
    from steepest.inference.flows.samples import trajectory_samples

    return trajectory_samples(columns.arrays[n], points, cost, flows=labels, rows=columns.rows)


def _check_rows(table: Table, asked: Sequence[str]) -> None:
    """DataError where a row of a table seems to be a coordinate: there are as many as asked for."""
    columns, rows = len(table.names), len(table.labels(0))
    if rows >= columns:
        return
    names = not set(asked) <= set(table.names) and set(asked) <= set(table.labels(0).names)
    if names or (rows == len(asked) and not table.named):
        raise DataError(
            f"{table.path} has {rows} rows and {columns} columns, and a row is one sample of all"
            " coordinates: if a row is one coordinate, add --transpose"
        )
