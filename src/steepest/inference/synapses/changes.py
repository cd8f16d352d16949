"""Squared changes of log size, sorted by size, lag and cluster: all that the noise fit needs.

A change of log size over a lag k has variance kappa S(m) + nu N(m) at log size m: S is what one
unit of time adds, N the noise of one measurement. Scale and drift of each group are removed by
precision-weighted regression, and the variance that this takes away is put back (leverage).
"""

import math
from dataclasses import dataclass, field, fields
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from steepest.inference.synapses.measurements import Measurements
from steepest.machine import compiled

__all__ = ["Moments", "Pairs", "pairs", "size_resolved"]

_BINS = 24
_STRETCH = 2**15  # changes
_LEVERAGE = 0.75
_CAP = 9.0
_CAPPED = 0.995015  # E min(z^2, 9) of a Gaussian


@dataclass(frozen=True, eq=False)
class Pairs:
    """Every change used: its size `step`, the centred log size `middle` halfway, and its place.

    `kappa` and `nu` say how much signal and noise it holds; `cell` numbers what shares a drift
    (group, session and lag), `epoch` what shares it across groups. Rows of lag 0 are replicates:
    `step` is then the root of their sum of squares, on `weight` degrees of freedom.
    """

    middle: Float[np.ndarray, " p"]
    step: Float[np.ndarray, " p"]
    kappa: Float[np.ndarray, " p"]
    nu: Float[np.ndarray, " p"]
    weight: Float[np.ndarray, " p"]
    lag: Int[np.ndarray, " p"]
    start: Int[np.ndarray, " p"]
    synapse: Int[np.ndarray, " p"]
    cell: Int[np.ndarray, " p"]
    epoch: Int[np.ndarray, " p"]
    centre: float

    @cached_property
    def kinds(self) -> tuple[Float[np.ndarray, "3 k"], Int[np.ndarray, " p"]]:
        """The different (kappa, nu, lag), as columns, and the number of each change's."""
        parts = (np.round(self.kappa, 6), np.round(self.nu, 6), self.lag.astype(np.float64))
        levels = [np.unique(part) for part in parts]
        code = np.zeros(self.lag.size, dtype=np.int64)
        for part, values in zip(parts, levels, strict=True):
            code = code * values.size + np.searchsorted(values, part)
        kind, found = _renumbered(code)
        places = np.unravel_index(found, [values.size for values in levels])
        return np.stack([values[at] for values, at in zip(levels, places, strict=True)]), kind

    @cached_property
    def changes(self) -> "Pairs":
        """Those over one session or more: all, or all but the replicates."""
        return self.select(self.lag > 0)

    @cached_property
    def spread(self) -> float:
        """The standard deviation of log size over all changes."""
        return float(self.changes.middle.std())

    @cached_property
    def stretches(self) -> tuple[slice, ...]:
        """Rows in stretches that the processor's cache holds; every cell and epoch lies in one."""
        moved = (np.diff(self.lag) != 0) | ((np.diff(self.start) != 0) & (self.lag[1:] > 0))
        stretches, first = [], 0
        for last in (*(np.flatnonzero(moved) + 1).tolist(), self.lag.size):
            if last - first >= _STRETCH or last == self.lag.size:
                stretches.append(slice(first, last))
                first = last
        return tuple(stretches)

    @cached_property
    def size_class(self) -> Int[np.ndarray, " p"]:
        """Which of 24 classes of size, equally full of changes, each one falls into."""
        edges = np.quantile(self.changes.middle, np.linspace(0, 1, _BINS + 1)[1:-1])
        return np.searchsorted(edges, self.middle)

    def select(self, chosen: np.ndarray) -> "Pairs":
        """Only some of the changes; where they are all, these themselves."""
        if chosen.all():
            return self
        arrays = {
            item.name: getattr(self, item.name)[chosen]
            for item in fields(self)
            if item.name != "centre"
        }
        return Pairs(**arrays, centre=self.centre)


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums of squared changes and their counts, by cluster and by class of (kind, size).

    `middle` and `width` are the mean and the variance of log size within a class, `spread` the
    standard deviation of log size over all.
    """

    squares: Float[np.ndarray, "c j"] = field(repr=False)
    counts: Float[np.ndarray, "c j"] = field(repr=False)
    middle: Float[np.ndarray, " j"]
    kappa: Float[np.ndarray, " j"]
    nu: Float[np.ndarray, " j"]
    lag: Int[np.ndarray, " j"]
    start: Int[np.ndarray, " j"]
    spread: float
    width: Float[np.ndarray, " j"]

    def select(self, chosen: np.ndarray) -> "Moments":
        """Only some of the classes."""
        return Moments(
            self.squares[:, chosen],
            self.counts[:, chosen],
            self.middle[chosen],
            self.kappa[chosen],
            self.nu[chosen],
            self.lag[chosen],
            self.start[chosen],
            self.spread,
            self.width[chosen],
        )


def pairs(measured: Measurements, lags: tuple[int, ...]) -> Pairs:
    """All changes over the given lags (in sessions) of synapses present at both ends.

    With a null condition its changes hold noise alone (kappa 0), whatever caused them; replicates
    then only make sizes more precise. Without, replicates enter as changes of lag 0.
    """
    logs, times = measured.log_sizes - scale_of_groups(measured)[:, None], measured.times
    unit = float(np.median(np.diff(times)))
    groups = np.zeros(len(logs), dtype=np.int64) if measured.groups is None else measured.groups
    with_null = bool(measured.null.any())
    parts: list[tuple[np.ndarray, ...]] = []
    sessions = measured.sessions
    for lag in lags:
        for start in range(sessions - lag):
            end = start + lag
            rows = np.flatnonzero(np.isfinite(logs[:, start]) & np.isfinite(logs[:, end]))
            first, last = logs[rows, start], logs[rows, end]
            counts = measured.replicates[rows]
            # With a null, nu counts whole changes of the null, which its replicates share.
            nu = np.ones(rows.size) if with_null else 1 / counts[:, start] + 1 / counts[:, end]
            kappa = np.where(measured.null[rows], 0.0, (times[end] - times[start]) / unit)
            epoch = np.full(rows.size, start * sessions + lag) * 2 + measured.null[rows]
            parts.append(
                (
                    (first + last) / 2,
                    last - first,
                    kappa,
                    nu,
                    np.ones(rows.size),
                    np.full(rows.size, lag),
                    np.full(rows.size, start),
                    rows,
                    groups[rows],
                    epoch,
                )
            )
    if not with_null:
        for start in range(sessions):
            rows = np.flatnonzero(measured.replicates[:, start] >= 2)
            if not rows.size:
                continue
            parts.append(
                (
                    logs[rows, start],
                    np.sqrt(measured.within[rows, start]),
                    np.zeros(rows.size),
                    np.ones(rows.size),
                    # The replicates' own means cost one degree of freedom each, shared by all rows.
                    (measured.replicates[rows, start] - 1) * (1 - 1 / rows.size),
                    np.zeros(rows.size, dtype=np.int64),
                    np.full(rows.size, start),
                    rows,
                    groups[rows],
                    np.full(rows.size, -1),
                )
            )
    middle, step, kappa, nu, weight, lag, start, synapse, group, epoch = map(
        np.concatenate, zip(*parts, strict=True)
    )
    centre = float(middle[lag > 0].mean())
    epoch, _ = _renumbered(epoch + 1)
    # By epoch first, so that a stretch of rows holds cells of neighbouring numbers.
    cell, _ = _renumbered(epoch * (int(group.max()) + 1) + group)
    return Pairs(
        middle=middle - centre,
        step=step,
        kappa=kappa,
        nu=nu,
        weight=weight,
        lag=lag.astype(np.int64),
        start=start.astype(np.int64),
        synapse=synapse,
        cell=cell,
        epoch=epoch,
        centre=centre,
    )


def _renumbered(
    code: Int[np.ndarray, " p"],
) -> tuple[Int[np.ndarray, " p"], Int[np.ndarray, " k"]]:
    """Codes as 0, 1, 2... without gaps, in the same order, and the code of each."""
    there = np.bincount(code) > 0
    return (np.cumsum(there) - 1)[code], np.flatnonzero(there)


def scale_of_groups(measured: Measurements) -> Float[np.ndarray, " n"]:
    """Each synapse's group mean of log size about the mean of all, shrunk towards 0.

    A random effect: where groups differ no more than chance makes their means differ, none is
    removed; where units differ between groups, all of it is.
    """
    logs = measured.log_sizes
    if measured.groups is None:
        return np.zeros(len(logs))
    there = np.isfinite(logs)
    seen = there.any(axis=1)
    own = np.where(
        seen, np.where(there, logs, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1), 0
    )
    count = np.bincount(measured.groups, seen)
    mean = np.bincount(measured.groups, own) / np.maximum(count, 1)
    rest = own[seen] - mean[measured.groups[seen]]
    groups = int((count > 0).sum())
    if groups < 2 or seen.sum() <= groups:
        return np.zeros(len(logs))
    inside = float((rest**2).sum() / (seen.sum() - groups))
    grand = float(np.average(mean, weights=count))
    gap = mean - grand
    excess = float(np.sum(count * gap**2)) - (groups - 1) * inside
    between = max(excess, 0.0) / (seen.sum() - float((count**2).sum()) / seen.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        kept = np.where(count > 0, between / (between + inside / np.maximum(count, 1)), 0.0)
    return (gap * kept)[measured.groups]


def size_resolved(
    found: Pairs,
    variance: Float[np.ndarray, " p"],
    index: float,
    cluster: Int[np.ndarray, " n"],
    *,
    by_session: bool = False,
    robust: bool = False,
) -> Moments:
    """Squared changes about the drift of their cell, by cluster, kind and size.

    `variance` is each change's expected variance (the weights of the drift's regression), `index`
    the geometry in which a drift common to all groups is straight, `cluster` that of each
    synapse. With `robust`, no change counts as more than 3 expected standard deviations.
    """
    changes = slice(None) if found.changes is found else found.lag > 0
    rest, leverage = _without_drift(found.changes, variance[changes], index)
    fine = leverage < _LEVERAGE
    if found.changes is found and fine.all():
        squares, weight = rest**2 / (1 - leverage), found.weight
    else:
        squares, weight = found.step**2, found.weight.copy()
        squares[changes] = np.where(fine, rest**2 / np.where(fine, 1 - leverage, 1.0), 0.0)
        weight[changes] *= fine
    if robust:
        squares = np.minimum(squares, _CAP * variance) / _CAPPED
    kinds, kind = found.kinds
    start = np.zeros(kinds.shape[1], dtype=np.int64)
    if by_session:
        sessions = int(found.start.max()) + 1
        start = np.tile(np.arange(sessions), kinds.shape[1])
        kinds, kind = np.repeat(kinds, sessions, axis=1), kind * sessions + found.start
    code = kind * _BINS + found.size_class
    classes = kinds.shape[1] * _BINS
    total = np.bincount(code, weight, classes)
    place = np.bincount(code, weight * found.middle, classes)
    square = np.bincount(code, weight * found.middle**2, classes)
    filled = total > 0
    middle = place[filled] / total[filled]
    flat = cluster[found.synapse] * classes + code
    clusters = int(cluster.max()) + 1
    shape = (clusters, classes)
    return Moments(
        squares=np.bincount(flat, squares, clusters * classes).reshape(shape)[:, filled],
        counts=np.bincount(flat, weight, clusters * classes).reshape(shape)[:, filled],
        middle=middle,
        kappa=np.repeat(kinds[0], _BINS)[filled],
        nu=np.repeat(kinds[1], _BINS)[filled],
        lag=np.repeat(kinds[2], _BINS)[filled].astype(np.int64),
        start=np.repeat(start, _BINS)[filled],
        spread=found.spread,
        width=np.maximum(square[filled] / total[filled] - middle**2, 0.0),
    )


def _without_drift(
    found: Pairs, variance: Float[np.ndarray, " p"], index: float
) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """Changes less the drift of their cell and the common drift of the dual, and their leverage."""
    rest, leverage = np.empty(found.step.size), np.empty(found.step.size)
    for rows in found.stretches:
        rest[rows], leverage[rows] = _about_drift(
            found.step[rows],
            found.middle[rows],
            1 / variance[rows],
            _from_0(found.cell[rows]),
            _from_0(found.epoch[rows]),
            index - 1,
        )
    return rest, leverage


def _about_drift(
    step: np.ndarray,
    middle: np.ndarray,
    precision: np.ndarray,
    cell: np.ndarray,
    epoch: np.ndarray,
    power: float,
) -> tuple[np.ndarray, np.ndarray]:
    line = middle if abs(power) < 1e-6 else np.expm1(power * middle) / power
    rest, leverage = step.copy(), np.empty(step.size)
    _take_out(rest, leverage, line.copy(), line**2, precision, cell, epoch, math.ulp(0.0))
    return rest, leverage


@compiled(cache=True)
def _take_out(
    rest, leverage, line, bow, precision, cell, epoch, least
):  # pragma: no cover - compiled
    """Cells, a line and a bow of every epoch are taken out of `rest`; `line` and `bow` are used up.

    Orthogonal to one another and to the cells, so each can be taken out on its own.
    """
    if not cell.size:
        return
    total, moment = np.zeros(cell.max() + 1), np.zeros(epoch.max() + 1)
    for p in range(cell.size):
        total[cell[p]] += precision[p]
    for p in range(cell.size):
        leverage[p] = precision[p] / total[cell[p]]
    _about_cells(rest, precision, total, cell)
    for second in range(2):
        shape = bow if second else line
        _about_cells(shape, precision, total, cell)
        if second:
            _about_shape(shape, line, precision, moment, epoch)
            moment[:] = 0.0
        for p in range(epoch.size):
            moment[epoch[p]] += precision[p] * shape[p] ** 2
        moment = np.maximum(moment, least)
        _about_shape(rest, shape, precision, moment, epoch)
        for p in range(epoch.size):
            leverage[p] += precision[p] * shape[p] ** 2 / moment[epoch[p]]
    for p in range(epoch.size):
        leverage[p] = min(leverage[p], 1.0)


@compiled(cache=True)
def _about_cells(values, precision, total, cell):  # pragma: no cover - compiled
    mean = np.zeros(total.size)
    for p in range(cell.size):
        mean[cell[p]] += precision[p] * values[p]
    mean /= total
    for p in range(cell.size):
        values[p] -= mean[cell[p]]


@compiled(cache=True)
def _about_shape(values, shape, precision, moment, epoch):  # pragma: no cover - compiled
    along = np.zeros(moment.size)
    for p in range(epoch.size):
        along[epoch[p]] += precision[p] * shape[p] * values[p]
    along /= moment
    for p in range(epoch.size):
        values[p] -= along[epoch[p]] * shape[p]


def _from_0(number: Int[np.ndarray, " p"]) -> Int[np.ndarray, " p"]:
    return number - number.min() if number.size else number
