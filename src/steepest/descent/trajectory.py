"""Where a flow went: plain arrays, and a labelled dataset at the boundary."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int

from steepest._version import __version__
from steepest.errors import UsageError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Trajectory"]


@dataclass(frozen=True)
class Trajectory:
    """A flow at the times asked for, as NumPy float64.

    For one start: `times` (m,), `points` (m, n), `costs` (m,); a flow that was stopped ends with
    the row at which it stopped. For b starts: `times` (m,), `points` (b, m, n), `costs` (b, m),
    NaN after a stop. `end_time` and `end` say when and where each flow ended, `boundary_time` when
    the edge of the domain would be reached (extrapolated from a `Boundary` stop, else NaN).
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

    def to_dataset(self, coordinates: list[str] | None = None) -> "xr.Dataset":
        """Label the arrays: dimensions time and coordinate (and start), settings as attributes.

        `coordinates` names the n coordinates (default x0, x1, ...). Raises `UsageError` if their
        number differs.
        """
        import xarray as xr

        n = self.points.shape[-1]
        names = [f"x{i}" for i in range(n)] if coordinates is None else list(coordinates)
        if len(names) != n:
            raise UsageError(f"{len(names)} coordinate names for {n} coordinates: {names}")
        lead = ("start",) if self.batched else ()
        attributes: dict[str, Any] = {**self.settings, "steepest_version": __version__}
        return xr.Dataset(
            {
                "point": ((*lead, "time", "coordinate"), self.points),
                "cost": ((*lead, "time"), self.costs),
                "stopped": (lead, self.stopped),
                "end_time": (lead, self.end_time),
                "boundary_time": (lead, self.boundary_time),
                "solver_steps": (lead, self.steps),
            },
            coords={"time": self.times, "coordinate": names},
            attrs=attributes,
        )
