"""Single measurements that are far from all that surrounds them: found, left out, and counted.

A spine that was outlined wrongly once is large in one session and as before in the next. Change
that happened stays. So a measurement that is far from the session before *and* from the one after,
on the same side, is taken for an error of measurement, and one whose two distances have opposite
signs for a run of change. Change with heavy tails makes as many of either kind; errors make the
first kind only, and where they prevail (the gate) the ends of a series are looked at too, and what
is left is kept from ruling the fit.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import bdtrc

from steepest.errors import DataError
from steepest.inference.synapses.geometries import SEARCHED
from steepest.inference.synapses.measurements import Measurements, of_replicates

__all__ = ["FAR", "MOST_OUTLYING", "Outlier", "Outliers", "find_outliers"]

FAR = 3.0
"""How many robust standard deviations of change make a measurement outlying."""

MOST_OUTLYING = 0.03
"""Share of isolated measurements above which nothing is named: 2 % tripled read at most .026."""

_FAR_REPLICATE = 4.0
_OPENS = 0.01
_MOST_OF_COLUMN = 0.2
_CLASSES = 12
_IN_CLASS = 20  # fewer, and a median deviation is too rough
_IN_CELL = 5
_WINDOW = 4
_ROUNDS = 3  # of the spread by size and the power that follows from it
_STRAIGHT = 1e-6  # powers below are the log's
_MAD = 0.6744898  # median |z| of a Gaussian


@dataclass(frozen=True)
class Outlier:
    """One measurement that was left out: where it stands, and how far from its neighbours it lies.

    `row`, `session` and `replicate` are counted from 0; `replicate` is None where the session is a
    single measurement. `distance` is in robust standard deviations of change, above or below.

    >>> Outlier(row=3, session=1, replicate=None, distance=7.5).session
    1
    """

    row: int
    session: int
    replicate: int | None
    distance: float


@dataclass(frozen=True, eq=False)
class Outliers:
    """The measurements without those that are outlying, and the list of these.

    `isolated` and `runs` are how many of the `tried` measurements inside a series lie far from both
    neighbours, on the same side and on either. `gate` tells whether the isolated ones prevail.
    `searched` is False where nothing in the design shows an error of measurement (one pair of
    sessions), `kept` is True where all were to be kept.

    >>> from steepest.inference import Design, simulate_design
    >>> found = find_outliers(simulate_design(Design(synapses=200, sessions=4), 1, seed=1))
    >>> found.searched, found.gate, len(found.listed)
    (True, False, 0)
    """

    measured: Measurements = field(repr=False)
    listed: tuple[Outlier, ...] = ()
    isolated: int = 0
    runs: int = 0
    tried: int = 0
    gate: bool = False
    searched: bool = False
    kept: bool = False

    @property
    def measurements(self) -> int:
        """How many measurements there were, replicates counted one by one."""
        single = self.measured.single
        there = self.measured.log_sizes if single is None else single
        return int(np.isfinite(there).sum()) + len(self.listed)

    @property
    def share(self) -> float:
        """Share of the measurements that are outlying beyond what change alone makes."""
        return max(self.isolated - self.runs, 0) / self.tried if self.tried else 0.0


def find_outliers(measured: Measurements) -> Outliers:
    """Leave out what is outlying: among replicates, and inside a series.

    A replicate is left out where it lies more than 4 robust standard deviations from the median of
    the others of its session (all of them where half of them do), a session where it lies more than
    3 from both of its neighbours, on the same side. One pair of sessions shows neither.

    Raises DataError where more than a fifth of a session is outlying.

    >>> from steepest.inference import measure
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> logs = np.cumsum(0.1 * rng.standard_normal((5, 300)), axis=0) + rng.standard_normal(300)
    >>> logs[2, 7] += 2
    >>> [(item.row, item.session) for item in find_outliers(measure(list(np.exp(logs)))).listed]
    [(7, 2)]
    """
    single = measured.single
    listed: list[Outlier] = []
    cleaned, tried = measured, 0
    if single is not None:
        kept, listed = _agreeing(single)
        tried = int(np.isfinite(single).sum())
        _refuse(listed, np.isfinite(single), measured.names)
        if listed:
            cleaned = _with_replicates(measured, kept)
    if measured.sessions < 3 or measured.null.any():
        return Outliers(
            cleaned,
            tuple(listed),
            isolated=len(listed),
            tried=tried,
            searched=single is not None,
        )
    series = _series(cleaned)
    at = np.argwhere(np.isfinite(series.distance))
    errors = [Outlier(int(i), int(t), None, round(float(series.distance[i, t]), 2)) for i, t in at]
    _refuse(errors, np.isfinite(cleaned.log_sizes)[:, :, None], measured.names)
    listed += errors
    if len(at):
        cleaned = _without(cleaned, np.isfinite(series.distance))
    return Outliers(
        cleaned, tuple(listed), series.isolated, series.runs, series.tried, series.gate, True
    )


def _refuse(
    listed: list[Outlier], there: Bool[np.ndarray, "n t r"], names: tuple[str, ...]
) -> None:
    """A fifth of a column is no error of single measurements: shuffled rows make .2 to .4."""
    tried = there.sum(axis=0)
    outlying = np.zeros(tried.shape, dtype=np.int64)
    for outlier in listed:
        outlying[outlier.session, outlier.replicate or 0] += 1
    worst = np.argwhere(outlying > _MOST_OF_COLUMN * tried)
    if not len(worst):
        return
    session, replicate = worst[0]
    which = "" if tried.shape[1] == 1 else f", replicate {replicate} (counted from 0)"
    raise DataError(
        f"{outlying[session, replicate]} of {tried[session, replicate]} sizes of"
        f" {names[session]}{which} are far from all that surrounds them: these are no single"
        " errors; are its rows the same synapses, in the same unit?"
    )


def _with_replicates(measured: Measurements, single: np.ndarray) -> Measurements:
    sessions = [of_replicates(single[:, t]) for t in range(single.shape[1])]
    logs, count, within = (np.stack(part, axis=1) for part in zip(*sessions, strict=True))
    gone = np.isfinite(measured.log_sizes) & ~np.isfinite(logs)
    return replace(
        measured,
        log_sizes=logs,
        replicates=count,
        within=within,
        single=single,
        not_measured=measured.not_measured | gone,
    )


def _without(measured: Measurements, outlying: Bool[np.ndarray, "n t"]) -> Measurements:
    """What was left out is not measured: it is neither lost nor gained."""
    single = measured.single
    return replace(
        measured,
        log_sizes=np.where(outlying, np.nan, measured.log_sizes),
        replicates=np.where(outlying, 0, measured.replicates),
        within=np.where(outlying, 0.0, measured.within),
        single=None if single is None else np.where(outlying[:, :, None], np.nan, single),
        not_measured=measured.not_measured | outlying,
    )


def _agreeing(single: Float[np.ndarray, "n t r"]) -> tuple[np.ndarray, list[Outlier]]:
    """Replicates without those far from the median of the others; the farthest first.

    Where half of a session's are far, no majority says which are right, and all go: two of four
    that are wrong alike would be a change that never was.
    """
    kept, first = single.copy(), np.zeros(single.shape)
    listed: list[Outlier] = []
    spread = None
    for _ in range(single.shape[2]):
        others = _others(kept)
        typical = _median(kept)[..., None] + np.zeros(kept.shape)
        several = np.isfinite(kept) & np.isfinite(others)
        if spread is None:
            if several.sum() < _IN_CLASS:
                return single, []
            spread = _Spread(others[several], kept[several], typical[several])
        distance = np.where(several, spread.distance(others, kept, typical), 0.0)
        first = distance if not listed else first
        farthest = np.abs(distance).max(axis=2)
        far = farthest > _FAR_REPLICATE
        if not far.any():
            break
        # Of two replicates that disagree, none is known to be the right one: both go.
        out = far[..., None] & (np.abs(distance) >= farthest[..., None] - 1e-9)
        listed += [
            Outlier(int(i), int(t), int(r), round(float(distance[i, t, r]), 2))
            for i, t, r in np.argwhere(out)
        ]
        kept[out] = np.nan
    there, left = np.isfinite(single), np.isfinite(kept)
    gone = (there & ~left).sum(axis=2)
    doubtful = left & ((gone > 0) & (2 * gone >= there.sum(axis=2)))[..., None]
    listed += [
        Outlier(int(i), int(t), int(r), round(float(first[i, t, r]), 2))
        for i, t, r in np.argwhere(doubtful)
    ]
    kept[doubtful] = np.nan
    return kept, listed


def _others(values: Float[np.ndarray, "n t r"]) -> Float[np.ndarray, "n t r"]:
    """Of every replicate, the median of the others; NaN where there are none."""
    count = values.shape[2]
    every = np.arange(count)
    middle = [_median(values[..., every != r]) for r in range(count)]
    return np.where(np.isfinite(values), np.stack(middle, axis=-1), np.nan)


@dataclass(frozen=True, eq=False)
class _Series:
    distance: Float[np.ndarray, "n t"]
    isolated: int
    runs: int
    tried: int
    gate: bool


def _series(measured: Measurements) -> _Series:
    """How far every outlying measurement of a series is from its neighbours; NaN for all others."""
    logs = _without_drift(measured)
    distance = np.full(logs.shape, np.nan)
    step = logs[:, 1:] - logs[:, :-1]
    there = np.isfinite(step)
    if there.sum() < _IN_CLASS:
        return _Series(distance, 0, 0, 0, False)
    typical = _running(logs)
    duration = np.round(np.diff(measured.times), 9)
    near = _scaled(logs[:, :-1], logs[:, 1:], _at_steps(typical), duration)
    # Of the session before and of the one after, in standard deviations of such a change.
    before, after = near[:, :-1], -near[:, 1:]
    with np.errstate(invalid="ignore"):
        far = (np.abs(before) > FAR) & (np.abs(after) > FAR)
        alone, run = far & (before * after > 0), far & (before * after < 0)
    isolated, runs = int(alone.sum()), int(run.sum())
    tried = int((there[:, :-1] & there[:, 1:]).sum())
    nearest = np.where(np.abs(before) < np.abs(after), before, after)
    distance[:, 1:-1] = np.where(alone, nearest, np.nan)
    gate = isolated > 0 and float(bdtrc(isolated - 1, isolated + runs, 0.5)) < _OPENS
    if gate:
        cleaned = np.where(np.isfinite(distance), np.nan, logs)
        for end, (second, third) in ((0, (1, 2)), (-1, (-2, -3))):
            gaps = [
                _end_gap(cleaned, typical, measured.times, end, other) for other in (second, third)
            ]
            with np.errstate(invalid="ignore"):
                far = (np.abs(gaps[0]) > FAR) & (np.abs(gaps[1]) > FAR) & (gaps[0] * gaps[1] > 0)
            least = np.where(np.abs(gaps[0]) < np.abs(gaps[1]), *gaps)
            distance[:, end] = np.where(far, least, np.nan)
    return _Series(distance, isolated, runs, tried, gate)


def _end_gap(
    logs: np.ndarray, typical: np.ndarray, times: np.ndarray, end: int, other: int
) -> Float[np.ndarray, " n"]:
    """Of the first or the last session, the distance from another, in sd of all such changes."""
    lag = abs(end - other)
    duration = np.round(times[lag:] - times[:-lag], 9)
    scaled = _scaled(logs[:, :-lag], logs[:, lag:], _at_steps(typical, lag), duration)
    return -scaled[:, 0] if end == 0 else scaled[:, -1]


def _at_steps(typical: np.ndarray, lag: int = 1) -> Float[np.ndarray, "n s"]:
    """The size at which a change is: the window of its first session holds its last one too."""
    return typical[:, :-lag]


def _scaled(first: np.ndarray, last: np.ndarray, typical: np.ndarray, duration: np.ndarray):
    """Changes over their robust standard deviation at that size and over that time."""
    there = np.isfinite(first) & np.isfinite(last) & np.isfinite(typical)
    if there.sum() < _IN_CLASS:
        return np.full(first.shape, np.nan)
    spread = _Spread(first[there], last[there], typical[there])
    scaled = spread.distance(first, last, typical)
    lengths = np.unique(duration)
    if lengths.size > 1:
        for length in lengths:
            columns = duration == length
            part = np.abs(scaled[:, columns])
            level = np.median(part[np.isfinite(part)]) / _MAD if np.isfinite(part).any() else 1.0
            scaled[:, columns] /= level if level > 0 else np.nan
    return np.where(np.isfinite(scaled), scaled, np.nan)


class _Spread:
    """How far sizes move at every size: medians in classes of log size, their log a parabola.

    Where an index below 1, or additive noise, carries small synapses next to zero, their log falls
    without bound and comes back: no error, for sizes have a floor. So distances are taken in the
    dual w^p / p with p the power in which the spread is the same a little below and above, 1 less
    the local index of all that moves a size, noise among it. Where p would be below 0 it is 0, the
    log: sizes have no ceiling.
    """

    def __init__(self, first: np.ndarray, last: np.ndarray, place: np.ndarray):
        self.classes = max(1, min(_CLASSES, place.size // _IN_CLASS))
        order = np.argsort(place, kind="stable")
        parts = np.array_split(order, self.classes)
        middle = np.array([place[part].mean() for part in parts])
        self.centre, self.ends = float(middle.mean()), (middle[0], middle[-1])
        self.line = np.zeros(1)
        self.fine = True
        for _ in range(_ROUNDS):
            moved = np.abs(self._moved(first, last, place))
            spread = np.array([np.median(moved[part]) for part in parts]) / _MAD
            # Where most sizes did not change there is no spread to be far by.
            self.fine = bool(np.all(spread > 0))
            if not self.fine:
                break
            self.line = _parabola(middle - self.centre, np.log(spread), min(2, self.classes - 1))

    def distance(self, first: np.ndarray, last: np.ndarray, place: np.ndarray) -> np.ndarray:
        """From first to last, in standard deviations of what moves a synapse of that size."""
        if not self.fine:
            return np.zeros(place.shape)
        with np.errstate(invalid="ignore", divide="ignore"):
            sd = np.exp(np.polyval(self.line, place - self.centre))
            return self._moved(first, last, place) / sd

    def _moved(self, first: np.ndarray, last: np.ndarray, place: np.ndarray) -> np.ndarray:
        """The change in the local dual, over the dual slope at that size; at first, of log."""
        # Beyond the outermost classes their powers hold; no index is looked for below SEARCHED.
        at = np.clip(place, *self.ends) - self.centre
        power = np.clip(-np.polyval(np.polyder(self.line), at), 0, 1 - SEARCHED[0])
        straight = np.abs(power) < _STRAIGHT
        power = np.where(straight, 1.0, power)
        curved = (np.expm1(power * (last - place)) - np.expm1(power * (first - place))) / power
        return np.where(straight, last - first, curved)


def _parabola(place: np.ndarray, values: np.ndarray, degree: int) -> np.ndarray:
    if degree < 1 or np.ptp(place) == 0:
        return np.array([values.mean()])
    design = np.vander(place, degree + 1)
    return np.linalg.lstsq(design, values)[0]


def _without_drift(measured: Measurements) -> Float[np.ndarray, "n t"]:
    """Log sizes less the median change of group and session, summed up."""
    logs = measured.log_sizes
    step = logs[:, 1:] - logs[:, :-1]
    drift = np.zeros(step.shape)
    groups = np.zeros(len(logs), dtype=np.int64) if measured.groups is None else measured.groups
    drift[:] = np.nan_to_num(_median(step.T))
    for group in range(int(groups.max()) + 1):
        rows = groups == group
        part = step[rows]
        enough = np.isfinite(part).sum(axis=0) >= _IN_CELL
        middle = _median(part.T)
        drift[np.ix_(rows, enough)] = middle[enough]
    return logs - np.concatenate([np.zeros((len(logs), 1)), np.cumsum(drift, axis=1)], axis=1)


def _running(logs: Float[np.ndarray, "n t"]) -> Float[np.ndarray, "n t"]:
    """At every session the median of the four about it: what one wrong session cannot move far."""
    sessions = logs.shape[1]
    width = min(_WINDOW, sessions)
    starts = np.clip(np.arange(sessions) - (width - 1) // 2, 0, sessions - width)
    windows = np.lib.stride_tricks.sliding_window_view(logs, width, axis=1)
    return _median(windows)[:, starts]


def _median(values: Float[np.ndarray, "*a r"]) -> Float[np.ndarray, "*a"]:
    """Median along the last axis of what is not NaN; NaN where nothing is."""
    ordered = np.sort(values, axis=-1)
    count = np.isfinite(ordered).sum(axis=-1)
    low = np.maximum((count - 1) // 2, 0)[..., None]
    high = np.maximum(count // 2, 0)[..., None]
    high = np.minimum(high, values.shape[-1] - 1)
    middle = (np.take_along_axis(ordered, low, -1) + np.take_along_axis(ordered, high, -1)) / 2
    return np.where(count > 0, middle[..., 0], math.nan)
