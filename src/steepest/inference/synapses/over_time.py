"""The geometry index in windows of sessions: does it stay what it was?

Where the task determines the weights in the end, the index drifts from the learner's to the task's:
early windows show how synapses learn.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from steepest.errors import DataError
from steepest.files import plain
from steepest.inference.synapses.estimation import estimate
from steepest.inference.synapses.geometries import DRAWN
from steepest.inference.synapses.intervals import Interval, interval_of, widening
from steepest.inference.synapses.measurements import Measurements, measure
from steepest.inference.synapses.noise import stated_noise
from steepest.markup import brief, fragment, table, visible

if TYPE_CHECKING:
    import matplotlib.figure
    import xarray

__all__ = ["GeometryOverTime", "Window", "geometry_over_time"]


@dataclass(frozen=True)
class Window:
    """The index of the changes within some sessions in a row, by the names of the first and last.

    `time` is the middle of their times.

    >>> Window("day 0", "day 8", 4.0, Interval(1.0, 0.9, 1.1)).first
    'day 0'
    """

    first: str
    last: str
    time: float
    index: Interval


@dataclass(frozen=True, eq=False)
class GeometryOverTime:
    """The index in every window of sessions, and its slope on time, with 95 % intervals.

    Windows that overlap share changes; the slope's interval, from the same resamples, knows it.
    `slope` is NaN where fewer than two windows have an index.

    >>> from steepest.inference import Design, simulate_design
    >>> measured = simulate_design(Design(synapses=200, sessions=5, groups=10), 1)
    >>> over = geometry_over_time(measured, window=3, draws=20)
    >>> [f"{window.first} to {window.last}" for window in over.windows]
    ['session 0 to session 2', 'session 1 to session 3', 'session 2 to session 4']
    """

    windows: tuple[Window, ...]
    slope: Interval
    whole: Interval
    width: int
    n: int
    clusters: int
    draws: int
    seed: int
    drawn: Float[np.ndarray, "b w"] = field(repr=False)

    @property
    def drifts(self) -> bool | None:
        """Whether the slope differs from 0; None where it is unknown."""
        if math.isnan(self.slope.low) or math.isnan(self.slope.high):
            return None
        return not self.slope.holds(0.0)

    def sentence(self) -> str:
        """What the windows say, with the slope."""
        if self.drifts is None:
            return "The windows do not tell whether the geometry index changes over time."
        does = "changes" if self.drifts else "shows no change"
        return (
            f"The geometry index {does} over time (slope {_said(self.slope, 3)} per unit of time;"
            f" n = {self.n} synapses, {len(self.windows)} windows of {self.width} sessions)."
        )

    def to_dict(self) -> dict[str, Any]:
        """Windows and slope as plain JSON values; numbers that do not exist are None."""
        return plain(
            {
                "windows": [asdict(window) for window in self.windows],
                "slope": asdict(self.slope),
                "index": asdict(self.whole),
                "drifts": self.drifts,
                "width": self.width,
                "n": self.n,
                "clusters": self.clusters,
                "draws": self.draws,
                "seed": self.seed,
            }
        )

    def to_dataset(self) -> "xarray.Dataset":
        """The index by window and in every resample."""
        import xarray as xr

        indices = [window.index for window in self.windows]
        return xr.Dataset(
            {
                "index": ("window", [index.value for index in indices]),
                "low": ("window", [index.low for index in indices]),
                "high": ("window", [index.high for index in indices]),
                "resampled": (("draw", "window"), self.drawn),
            },
            coords={"time": ("window", [window.time for window in self.windows])},
            attrs={"slope": self.slope.value, "width": self.width, "seed": self.seed},
        )

    def plot(self) -> "matplotlib.figure.Figure":
        """Draw the index of every window against time, with intervals and the named geometries."""
        from steepest.inference.synapses.over_time_picture import draw

        return draw(self)

    def __str__(self) -> str:
        lines = [self.sentence(), f"  all sessions  {_said(self.whole)}"]
        lines += [
            f"  {window.first} to {window.last}  {_said(window.index)}" for window in self.windows
        ]
        return "\n".join(map(visible, lines))

    def __repr__(self) -> str:
        return brief(str(self))

    def _repr_html_(self) -> str:
        rows = [(f"{at.first} to {at.last}", _said(at.index)) for at in self.windows]
        return fragment(self.sentence(), [], [table(("sessions", "index"), rows)])


def geometry_over_time(
    sessions: "Measurements | Any",
    *,
    window: int = 3,
    noise_cv: Any = None,
    noise_sd: Any = None,
    draws: int = 200,
    seed: int = 0,
    keep_outliers: bool = False,
) -> GeometryOverTime:
    """The geometry index of every `window` sessions in a row, and whether it changes over time.

    - `sessions`: what `measure` returns, or what it takes: one entry a session.
    - `window`: how many sessions in a row make a window, at least 2.
    - `noise_cv`, `noise_sd`: a noise known from elsewhere (0 for exact weights); by default it is
      learned from all the sessions, and held fixed in every window.
    - `draws`, `seed`: resamples of groups (synapses where there are none) for the intervals.
    - `keep_outliers`: leave outlying measurements in.

    The slope is that of the windows' indices on time, weighted by their variances among the
    resamples. Raises DataError for fewer than three sessions, a window that is
    longer than the series or shorter than 2, and as `measure` and `estimate` do.

    >>> from steepest.inference import Design, simulate_design
    >>> measured = simulate_design(Design(synapses=200, sessions=5, groups=10), 1)
    >>> geometry_over_time(measured, window=3).drifts
    False
    """
    measured = sessions if isinstance(sessions, Measurements) else measure(sessions)
    if measured.sessions < 3:
        raise DataError(
            f"{measured.sessions} sessions: a course of time needs three or more, of one condition"
        )
    if not 2 <= window <= measured.sessions:
        raise DataError(
            f"window is {window}: give 2 to {measured.sessions} sessions, as many as there are"
        )
    noise = stated_noise(noise_cv, noise_sd)
    stated = None if noise.kind == "unknown" else noise
    fitted = estimate(measured, stated=stated, draws=draws, seed=seed, keep_outliers=keep_outliers)
    widen = widening(fitted.clusters)
    parts = fitted.in_windows(window)
    times, names = measured.times, measured.names
    windows = tuple(
        Window(
            first=names[at],
            last=names[at + window - 1],
            time=float(times[at] + times[at + window - 1]) / 2,
            index=interval_of(value, drawn, widen),
        )
        for at, (value, drawn) in enumerate(parts)
    )
    drawn = np.stack([part[1] for part in parts], axis=1)
    return GeometryOverTime(
        windows=windows,
        slope=_slope([at.time for at in windows], [part[0] for part in parts], drawn, widen),
        whole=fitted.index,
        width=window,
        n=fitted.measured.n,
        clusters=fitted.clusters,
        draws=draws,
        seed=seed,
        drawn=drawn,
    )


def _slope(
    times: Sequence[float], values: Sequence[float], drawn: Float[np.ndarray, "b w"], widen: float
) -> Interval:
    """The slope of the index on time over the windows that have one, and in every resample."""
    # A resample without an index in a window says on which side it would lie.
    index = np.clip(np.vstack([values, drawn]), *DRAWN)
    known = np.isfinite(values) & np.isfinite(index).all(axis=0)
    if known.sum() < 2:
        return Interval(math.nan, math.nan, math.nan)
    index, place = index[:, known], np.asarray(times)[known]
    variance = index[1:].var(axis=0)
    weight = 1 / np.maximum(variance, variance.max() * 1e-3 + math.ulp(0.0))
    about = place - np.average(place, weights=weight)
    slopes = index @ (weight * about) / float(np.sum(weight * about**2))
    return interval_of(float(slopes[0]), slopes[1:], widen)


def _said(interval: Interval, digits: int = 2) -> str:
    if math.isnan(interval.value):
        return "none"
    return (
        f"{interval.value:.{digits}f} (95 % {interval.low:.{digits}f} to"
        f" {interval.high:.{digits}f})"
    )
