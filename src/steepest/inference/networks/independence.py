"""Two-way dual independence: the geometry index of a weight matrix, its units' scales removed.

In a network the dual change of a weight is nearly a product of a scale of its postsynaptic unit
(row) and one of its presynaptic unit (column), so its distribution over a layer is not Gaussian
even in the true geometry. But in the true geometry it does not depend on the weight's own size.
The index is where log|dual change|, its row and column means removed, has no slope on log|w|.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import brentq

from steepest.arrays.given import real_numbers
from steepest.inference.synapses.geometries import SEARCHED

__all__ = ["Panel", "independence_index", "independence_interval"]

_SCAN = np.arange(SEARCHED[0], SEARCHED[1] + 0.01, 0.5)
_OFFSETS = np.array([-2.0, -1.0, -0.5, -0.25, -0.1, 0.0, 0.1, 0.25, 0.5, 1.0, 2.0])
_SWEEPS = 100
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
    def of(cls, before: np.ndarray, after: np.ndarray) -> "Panel":
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

    def log_change(self, index: float) -> tuple[Float[np.ndarray, "r c"], Bool[np.ndarray, "r c"]]:
        """log|g(w1) - g(w0)| in the power family, and which weights have one.

        A weight that crossed 0 has a signed dual below index 1, and none from there on.
        """
        power = 1 - index
        same = self.ratio > 0
        step = np.log(np.abs(self.ratio))
        if index >= 1:
            kept = self.used & same
            change = np.abs(np.expm1(power * step) / power) if power else np.abs(step)
        else:
            kept = self.used
            change = np.where(same, np.abs(np.expm1(power * step)), 1 + np.exp(power * step))
            change = change / power
        kept = kept & (change > 0)
        with np.errstate(divide="ignore"):
            logs = np.log(np.where(kept, change, 1.0)) + power * self.log_size
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
    ones = np.ones(panel.used.shape)

    def slope(index: float) -> float:
        logs, kept = panel.log_change(index)
        return _slope(panel.log_size, logs, kept * ones)

    slopes = np.array([slope(index) for index in _SCAN])
    if not np.isfinite(slopes).all():
        return math.nan
    crossings = np.flatnonzero((slopes[:-1] > 0) & (slopes[1:] <= 0))
    if not crossings.size:
        return math.inf if slopes[-1] > 0 else -math.inf
    first = crossings[crossings.size // 2]
    root: Any = brentq(slope, _SCAN[first], _SCAN[first + 1], xtol=1e-6)
    return float(root)


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
    places = index + _OFFSETS
    logs, kept = zip(*(panel.log_change(place) for place in places), strict=True)
    # Below index 1 all weights with a dual are the same ones; from 1 on, those that kept a sign.
    masks = {mask.tobytes(): mask for mask in kept}
    roots = np.full(draws, math.nan)
    for draw in range(draws):
        r = np.bincount(rng.integers(rows, size=rows), minlength=rows).astype(float)
        c = np.bincount(rng.integers(columns, size=columns), minlength=columns).astype(float)
        multiplicity = r[:, None] * c
        sizes = {
            key: _demean(panel.log_size, mask * multiplicity, _DEMEANED_DRAW)
            for key, mask in masks.items()
        }
        slopes = np.array(
            [
                _projected(sizes[mask.tobytes()], log, mask * multiplicity)
                for log, mask in zip(logs, kept, strict=True)
            ]
        )
        roots[draw] = _interpolated_root(places, slopes)
    roots = roots[~np.isnan(roots)]
    if not roots.size:
        return math.nan, math.nan
    low, high = np.quantile(roots, [0.025, 0.975], method="inverted_cdf")
    return float(low), float(high)


def _slope(size: np.ndarray, logs: np.ndarray, weight: np.ndarray) -> float:
    return _projected(_demean(size, weight, _DEMEANED), logs, weight)


def _projected(demeaned: np.ndarray, logs: np.ndarray, weight: np.ndarray) -> float:
    # Frisch-Waugh: with the regressor demeaned, the regressand need not be.
    weighted = weight * demeaned
    square = float(np.vdot(weighted, demeaned))
    if not square > 1e-12 * float(weight.sum()):
        return math.nan
    return float(np.vdot(weighted, logs)) / square


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
