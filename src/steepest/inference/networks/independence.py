"""Two-way dual independence: the geometry index of a weight matrix, its units' scales removed.

In a network the dual change of a weight is nearly a product of a scale of its postsynaptic unit
(row) and one of its presynaptic unit (column), so its distribution over a layer is not Gaussian
even in the true geometry. But in the true geometry it does not depend on the weight's own size.
The index is where log|dual change|, its row and column means removed, has no slope on log|w|.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import brentq

from steepest.arrays.given import real_numbers
from steepest.errors import DataError
from steepest.inference.synapses.geometries import SEARCHED

__all__ = ["Panel", "independence_index", "independence_interval"]

_SCAN = np.arange(SEARCHED[0], SEARCHED[1] + 0.01, 0.5)
_OFFSETS = np.array([-2.0, -1.0, -0.5, -0.25, -0.1, 0.0, 0.1, 0.25, 0.5, 1.0, 2.0])
_SWEEPS = 100
_PART = 2**15  # weights that the processor's cache holds
_DEMEANED = 1e-9
_DEMEANED_DRAW = 1e-4  # of a bootstrap draw, far below its standard error


@dataclass(frozen=True, eq=False)
class Panel:
    """A layer's weights as rows (postsynaptic units) by columns (inputs), with those that count.

    `used` are the weights that are not 0, before or after, and changed. `log_size` is log|w|
    before; `ratio` is w after / w before, negative where a weight crossed 0. Rows and columns
    without a weight that counts are left out.

    >>> import numpy as np
    >>> Panel.of(np.ones((2, 3)), np.full((2, 3), 1.5)).used.shape
    (2, 3)
    """

    log_size: Float[np.ndarray, "r c"]
    ratio: Float[np.ndarray, "r c"]
    used: Bool[np.ndarray, "r c"]

    @classmethod
    def of(cls, before: Any, after: Any) -> "Panel":
        """The panel of two weight arrays; axes after the first are one input axis."""
        w0 = real_numbers(before, "before", error=DataError).reshape(len(before), -1)
        w1 = real_numbers(after, "after", error=DataError).reshape(len(after), -1)
        used = (w0 != 0) & (w1 != 0) & (w0 != w1)
        rows, columns = used.any(axis=1), used.any(axis=0)
        w0, w1, used = (array[rows][:, columns] for array in (w0, w1, used))
        with np.errstate(divide="ignore", invalid="ignore"):
            log_size = np.where(used, np.log(np.abs(w0)), 0.0)
            ratio = np.where(used, w1 / w0, 2.0)
        centre = log_size.sum() / max(used.sum(), 1)
        return cls(np.where(used, log_size - centre, 0.0), ratio, used)

    @cached_property
    def _same(self) -> Bool[np.ndarray, "r c"]:
        """Which weights did not cross 0."""
        return self.ratio > 0

    @cached_property
    def _step(self) -> Float[np.ndarray, "r c"]:
        """log|w after / w before|."""
        return np.log(np.abs(self.ratio))

    def log_change(
        self, index: float, rows: slice = slice(None)
    ) -> tuple[Float[np.ndarray, "r c"], Bool[np.ndarray, "r c"]]:
        """log|g(w1) - g(w0)| in the power family, and which weights have one; of some rows.

        A weight that crossed 0 has a signed dual below index 1, and none from there on.
        """
        power = 1 - index
        same, step, used = self._same[rows], self._step[rows], self.used[rows]
        if index >= 1:
            kept = used & same
            change = np.abs(np.expm1(power * step) / power) if power else np.abs(step)
        else:
            kept = used
            change = np.abs(np.expm1(power * step))
            if not same.all():
                change[~same] = 1 + np.exp(power * step[~same])
            change = change / power
        kept = kept & (change > 0)
        with np.errstate(divide="ignore"):
            logs = np.log(np.where(kept, change, 1.0)) + power * self.log_size[rows]
        return np.where(kept, logs, 0.0), kept


def independence_index(panel: Panel) -> float:
    """The index at which the dual change is independent of size within rows and columns (root-FE).

    Infinite where the slope keeps one sign over the searched range, NaN where rows and columns
    leave nothing to compare.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> before = np.exp(rng.standard_normal((12, 12)))
    >>> after = before * np.exp(0.05 * rng.standard_normal((12, 12)))
    >>> round(independence_index(Panel.of(before, after)), 1)
    0.8
    """
    rows, columns = panel.used.shape
    step = max(1, _PART // max(columns, 1))
    parts = [slice(first, first + step) for first in range(0, rows, step)]
    regressors: dict[bool, tuple[np.ndarray, float]] = {}

    def slope(index: float) -> float:
        # Below index 1 all weights with a dual are the same ones; from 1 on, those of one sign.
        if (index >= 1) not in regressors:
            regressors[index >= 1] = _regressor(panel.log_size, panel.log_change(index)[1])
        held, square = regressors[index >= 1]
        if math.isnan(square):
            return math.nan
        # Frisch-Waugh: with the regressor demeaned, the regressand need not be.
        return (
            sum(_product(held[part], panel.log_change(index, part)[0]) for part in parts) / square
        )

    slopes = np.array([slope(index) for index in _SCAN])
    if not np.isfinite(slopes).all():
        return math.nan
    crossings = np.flatnonzero((slopes[:-1] > 0) & (slopes[1:] <= 0))
    if not crossings.size:
        return math.inf if slopes[-1] > 0 else -math.inf
    first = crossings[crossings.size // 2]
    return brentq(slope, float(_SCAN[first]), float(_SCAN[first + 1]), xtol=1e-6)


def independence_interval(
    panel: Panel, index: float, *, draws: int = 200, seed: int = 0
) -> tuple[float, float]:
    """95 % percentile interval of the index over resampled rows and columns (both at once).

    Units, not weights, are resampled, because weights that share a unit change together.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> before = np.exp(rng.standard_normal((12, 12)))
    >>> after = before * np.exp(0.05 * rng.standard_normal((12, 12)))
    >>> low, high = independence_interval(Panel.of(before, after), 0.8, draws=20)
    >>> low < 1 < high
    True
    """
    rng = np.random.default_rng(seed)
    rows, columns = panel.used.shape
    by_row, by_column = np.empty((rows, draws)), np.empty((columns, draws))
    for draw in range(draws):  # how often each unit is in the resample
        by_row[:, draw] = np.bincount(rng.integers(rows, size=rows), minlength=rows)
        by_column[:, draw] = np.bincount(rng.integers(columns, size=columns), minlength=columns)
    places = index + _OFFSETS
    slopes = np.empty((len(places), draws))
    resampled: dict[bytes, _Resampled] = {}
    for at, place in enumerate(places):
        logs, kept = panel.log_change(place)
        # Below index 1 all weights with a dual are the same ones; from 1 on, those of one sign.
        key = np.packbits(kept).tobytes()
        if key not in resampled:
            resampled[key] = _Resampled.of(panel.log_size, kept, by_row, by_column)
        slopes[at] = resampled[key].slopes(logs)
    roots = np.array([_interpolated_root(places, column) for column in slopes.T])
    roots = roots[~np.isnan(roots)]
    if not roots.size:
        return math.nan, math.nan
    low, high = np.quantile(roots, [0.025, 0.975], method="inverted_cdf")
    return float(low), float(high)


@dataclass(frozen=True, eq=False)
class _Resampled:
    """Slopes on size in every resample (d) at once, its row and column means taken out.

    A weight counts r_i c_j times, so all sums over weights are matrix products with the resamples'
    row counts r (r, d) and column counts c (c, d): nothing is refitted, and no resample is laid
    out. `row` and `column` are the effects on size; `square` is the sum of what is left, squared.
    """

    size: np.ndarray
    kept: np.ndarray
    by_row: np.ndarray
    by_column: np.ndarray
    row: np.ndarray
    column: np.ndarray
    square: np.ndarray

    @classmethod
    def of(
        cls, size: np.ndarray, kept: np.ndarray, by_row: np.ndarray, by_column: np.ndarray
    ) -> "_Resampled":
        mask = kept.astype(float)
        held = size * mask
        in_row, in_column = mask @ by_column, mask.T @ by_row
        by_rows, by_columns = held @ by_column, held.T @ by_row
        row, column = np.zeros_like(by_row), np.zeros_like(by_column)
        for _ in range(_SWEEPS):
            row = _ratio(by_rows - mask @ (by_column * column), in_row)
            last, column = column, _ratio(by_columns - mask.T @ (by_row * row), in_column)
            if np.abs(column - last).max(initial=0.0) < _DEMEANED_DRAW:
                break
        square = _total(by_row, held * size, by_column)
        square -= 2 * (by_row * row * by_rows).sum(0) + 2 * (by_column * column * by_columns).sum(0)
        square += (by_row * row**2 * in_row).sum(0) + (by_column * column**2 * in_column).sum(0)
        square += 2 * (by_row * row * (mask @ (by_column * column))).sum(0)
        count = (by_row * in_row).sum(0)
        square = np.where(square > 1e-12 * count, square, math.nan)
        return cls(held, kept, by_row, by_column, row, column, square)

    def slopes(self, logs: np.ndarray) -> np.ndarray:
        """The slope of `logs` (0 where a weight is not kept) in each resample; NaN without any."""
        # Frisch-Waugh: with the regressor demeaned, the regressand need not be.
        with_size = _total(self.by_row, self.size * logs, self.by_column)
        with_row = (self.by_row * self.row * (logs @ self.by_column)).sum(0)
        with_column = (self.by_column * self.column * (logs.T @ self.by_row)).sum(0)
        return (with_size - with_row - with_column) / self.square


def _total(by_row: np.ndarray, values: np.ndarray, by_column: np.ndarray) -> np.ndarray:
    return (by_row * (values @ by_column)).sum(axis=0)


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def _regressor(size: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray, float]:
    """What rows and columns leave of log size, and its square; NaN where they leave nothing."""
    held = kept * _demean(size, kept.astype(float), _DEMEANED)
    square = _product(held, held)
    return held, square if square > 1e-12 * float(kept.sum()) else math.nan


def _product(first: np.ndarray, second: np.ndarray) -> float:
    """The sum of products, without BLAS: its threads cost more than such a sum is work."""
    return float(np.einsum("rc,rc->", first, second))


def _demean(values: np.ndarray, weight: np.ndarray, tolerance: float) -> np.ndarray:
    """Row and column means taken out, by turns until both are gone (missing cells weigh 0)."""
    by_row, by_column = weight.sum(axis=1), weight.sum(axis=0)
    inverse_row = np.divide(1, by_row, out=np.zeros_like(by_row), where=by_row > 0)
    inverse_column = np.divide(1, by_column, out=np.zeros_like(by_column), where=by_column > 0)
    left = values.copy()
    for _ in range(_SWEEPS):
        left -= ((weight * left).sum(axis=1) * inverse_row)[:, None]
        column = (weight * left).sum(axis=0) * inverse_column
        left -= column
        if np.abs(column).max(initial=0.0) < tolerance:
            break
    return left


def _interpolated_root(places: np.ndarray, slopes: np.ndarray) -> float:
    """The downward crossing nearest the middle, by linear interpolation; infinite past the ends."""
    if not np.isfinite(slopes).all():
        return math.nan
    crossings = np.flatnonzero((slopes[:-1] > 0) & (slopes[1:] <= 0))
    if not crossings.size:
        return math.inf if slopes[-1] > 0 else -math.inf
    at = crossings[np.argmin(np.abs(crossings - (len(places) - 1) / 2))]
    share = slopes[at] / (slopes[at] - slopes[at + 1])
    return float(places[at] + share * (places[at + 1] - places[at]))
