"""Where a flow went: plain arrays, a few lines of text, a picture, a labelled dataset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int

from steepest._version import __version__
from steepest.errors import UsageError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Trajectory", "coordinate_names", "short"]


def short(values: np.ndarray) -> str:
    """An array in one line of text, the middle of a long one left out."""
    return np.array2string(values, precision=4, threshold=6, edgeitems=3, max_line_width=1000)


@dataclass(frozen=True, repr=False)
class Trajectory:
    """A flow at the times asked for, as NumPy float64.

    For one start: `times` (m,), `points` (m, n), `costs` (m,); a flow that was stopped ends with
    the row at which it stopped. For b starts: `times` (m,), `points` (b, m, n), `costs` (b, m),
    NaN after a stop. `end_time` and `end` say when and where each flow ended, `boundary_time` when
    the edge of the domain would be reached (extrapolated from a `Boundary` stop, else NaN).

    >>> from steepest import gradient_flow
    >>> from steepest.geometry import Euclidean
    >>> gradient_flow(lambda x: (x ** 2).sum() / 2, Euclidean(), [1.0, 2.0], [0.0, 1.0])
    Trajectory: 1 flow(s) in Euclidean, 2 coordinate(s) at 2 time(s)
      time 0: [1. 2.], cost 2.5
      time 1: [0.3679 0.7358], cost 0.3383
    """

    times: Float[np.ndarray, " m"]
    points: Float[np.ndarray, "... m n"]
    costs: Float[np.ndarray, "... m"]
    stopped: Bool[np.ndarray, "..."]
    end_time: Float[np.ndarray, "..."]
    end: Float[np.ndarray, "... n"]
    boundary_time: Float[np.ndarray, "..."]
    steps: Int[np.ndarray, "..."]
    settings: dict[str, str | float] = field(default_factory=dict)

    @property
    def batched(self) -> bool:
        """Whether there were several starts."""
        return self.points.ndim == 3

    def __repr__(self) -> str:
        count, n = self.stopped.size, self.points.shape[-1]
        head = (
            f"Trajectory: {count} flow(s)"
            f" in {self.settings.get('metric', 'a geometry')},"
            f" {n} coordinate(s) at {self.times.size} time(s)"
        )
        if self.batched:
            ends = short(np.sort(self.end_time)) if self.stopped.any() else f"{self.times[-1]:.6g}"
            return f"{head}\n  {int(self.stopped.sum())} stopped, ends at time {ends}"
        rows = [
            f"  time {time:.6g}: {short(point)}, cost {cost:.4g}"
            for time, point, cost in zip(
                self.times[[0, -1]], self.points[[0, -1]], self.costs[[0, -1]], strict=True
            )
        ]
        if self.stopped:
            edge = f"; the edge at time {self.boundary_time:.6g}"
            rows.append(f"  stopped{edge if np.isfinite(self.boundary_time) else ''}")
        return "\n".join([head, *rows])

    def plot(self, coordinates: Sequence[str] | None = None) -> Any:
        """A matplotlib Figure: coordinates and cost against time, and for two of them the path.

        `coordinates` names the n coordinates (default x0, x1, ...). Raises `UsageError` if their
        number differs.
        """
        from steepest.descent.picture import draw_flow

        points, costs = (x if self.batched else x[None] for x in (self.points, self.costs))
        return draw_flow(self.times, points, costs, self._names(coordinates))

    def to_dataset(
        self,
        coordinates: Sequence[str] | None = None,
        *,
        units: Mapping[str, str] | None = None,
    ) -> "xr.Dataset":
        """Label the arrays: dimensions time and coordinate (and start), settings as attributes.

        `coordinates` names the n coordinates (default x0, x1, ...); `units` those of "point",
        "cost" and "time" that are not dimensionless ("1"). Raises `UsageError` if the number of
        names differs, or for units of something else.
        """
        import xarray as xr

        unit = {"point": "1", "cost": "1", "time": "1", **(units or {})}
        if len(unit) > 3:
            given = ", ".join(units or {})
            raise UsageError(f"units are those of point, cost and time, not of {given}")
        lead = ("start",) if self.batched else ()
        attributes: dict[str, Any] = {**self.settings, "steepest_version": __version__}
        time = {"units": unit["time"]}
        return xr.Dataset(
            {
                "point": ((*lead, "time", "coordinate"), self.points, {"units": unit["point"]}),
                "cost": ((*lead, "time"), self.costs, {"units": unit["cost"]}),
                "stopped": (lead, self.stopped),
                "end_time": (lead, self.end_time, time),
                "boundary_time": (lead, self.boundary_time, time),
                "solver_steps": (lead, self.steps, {"units": "1"}),
            },
            coords={
                "time": ("time", self.times, time),
                "coordinate": self._names(coordinates),
            },
            attrs=attributes,
        )

    def _names(self, coordinates: Sequence[str] | None) -> list[str]:
        return coordinate_names(self.points.shape[-1], coordinates)


def coordinate_names(n: int, given: Sequence[str] | None) -> list[str]:
    """The names of n coordinates: those given, or x0, x1... UsageError if their number differs."""
    names = [f"x{i}" for i in range(n)] if given is None else list(given)
    if len(names) != n:
        raise UsageError(f"{len(names)} coordinate names for {n} coordinates: {names}")
    return names
