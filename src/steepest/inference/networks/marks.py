"""What a trainer leaves in a layer's weights: the marks that tell trainers apart.

Before and after of one layer are seen as rows (postsynaptic units) by columns (inputs); D is the
change. Weight decay shrinks all weights by one share, so it shows as a negative slope of D on the
weights before; gradient descent changes weights by products of a row's and a column's scale; sign
rules change all by the same amount; orthogonalised momentum by all singular directions alike.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from steepest.inference.networks.independence import Panel, independence_index

__all__ = ["Marks", "evenly_spaced", "marks_of"]

_SHRUNK = -8.0  # t-value from which weights count as shrunk by one share
_LARGEST_SIDE = 1024  # singular values of more rows and columns say the same
_LARGEST_PANEL = 2**20  # weights
_RESEMBLES, _ENOUGH = 0.7, 16  # correlation of two rows of so many columns, far beyond chance
_ALIKE = 1e-4  # changes that differ by less than this share of their rms are one number
_ALIKE_RATIO, _UNLEARNED = 1e-5, 0.01  # what one ratio is, and the share that is no chance
_COMPARED = 4096  # changes: of many more, any two would be alike


@dataclass(frozen=True)
class Marks:
    """Numbers that one layer's two matrices have, whatever made them.

    `correlation` of the weights before and after; `exchanged`, the share of rows that resemble
    another row of the other file and not their own (NaN with too few columns to tell); `flips`,
    the share that changed sign; `zeros`, the share that became exactly 0.

    `shrink` is b, the slope of the change D on the weights before (through the origin), with its
    t-value `shrink_t`; `grow_back` the same slope with the files exchanged. `index` and
    `index_back` are the index forward and with the files exchanged, and `index_corrected` that
    with the shrinking b W0 taken out where it is clear (t < -8).

    `kurtosis` of D (excess), `distinct`, the share of different |D|; `same_ratio`, the share of
    weights that have the commonest ratio after/before (those that learned nothing, if weights
    decay). `full_rank`, the share of D's squared singular values that is not in the largest
    quarter of them (NaN for few rows or columns; 0 where two factors of a low-rank adapter were
    trained). Of D without the shrinking and without those: `flatness` of its singular values, 1
    for a random matrix; `shared`, the share of the variance of log|D| that rows and columns
    explain, and `spread`, its sd. `unit_spread`, the sd of row and column effects on log|d log w|.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> before = rng.standard_normal((40, 50))
    >>> marks = marks_of(before, before + 1e-3 * np.sign(rng.standard_normal((40, 50))))
    >>> round(marks.kurtosis, 2), marks.distinct < 0.01
    (-2.0, True)
    """

    weights: int
    correlation: float
    exchanged: float
    flips: float
    zeros: float
    shrink: float
    shrink_t: float
    grow_back: float
    index: float
    index_back: float
    index_corrected: float
    kurtosis: float
    distinct: float
    same_ratio: float
    flatness: float
    full_rank: float
    shared: float
    spread: float
    unit_spread: float


def marks_of(
    before: Float[np.ndarray, "r *c"],
    after: Float[np.ndarray, "r *c"],
    *,
    panel: Panel | None = None,
) -> Marks:
    """The marks of one layer; axes after the first are one input axis.

    Of more than a million weights, evenly spaced rows and columns stand for all. NaN where a
    number does not exist. A `panel` of the same weights, where there is one, is not made again.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> before = rng.standard_normal((40, 50))
    >>> round(marks_of(before, 0.98 * before).shrink, 3)
    -0.02
    """
    w0, w1 = _thinned(before), _thinned(after)
    if panel is None or w0.size < before.size:
        panel = Panel.of(w0, w1)
    change = w1 - w0
    moved = change != 0
    shrink, shrink_t = _slope(change, w0)
    shrunk = (1 + min(shrink, 0.0)) * w0 if shrink_t < _SHRUNK else w0
    learned = np.where(moved, w1 - shrunk, 0.0)
    changes = change[moved]
    unlearned, same_ratio = _same_ratio(w0, w1)
    told = (learned != 0) & ~unlearned
    logs = np.log(np.abs(np.where(told, learned, 1.0)))
    flatness, rest = _spectrum(learned)
    index = independence_index(panel)
    return Marks(
        weights=w0.size,
        correlation=_correlation(w0, w1),
        exchanged=_exchanged(w0, w1),
        flips=float((w0 * w1 < 0).mean()),
        zeros=float(((w1 == 0) & (w0 != 0)).mean()),
        shrink=shrink,
        shrink_t=shrink_t,
        grow_back=_slope(-change, w1)[0],
        index=index,
        index_back=independence_index(Panel.of(w1, w0)),
        index_corrected=index if shrunk is w0 else independence_index(Panel.of(shrunk, w1)),
        kurtosis=_kurtosis(changes),
        distinct=_distinct(changes),
        same_ratio=same_ratio,
        flatness=flatness,
        full_rank=_spectrum(change)[1] if shrink_t < _SHRUNK else rest,
        shared=_two_way(logs, told)[0],
        spread=float(logs[told].std()) if told.any() else math.nan,
        unit_spread=_unit_spread(w0, w1),
    )


def evenly_spaced(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows and columns that stand for a layer: all of them up to a million weights.

    >>> [len(chosen) for chosen in evenly_spaced(4096, 1024)]
    [2048, 512]
    """
    share = math.sqrt(min(1.0, _LARGEST_PANEL / max(rows * columns, 1)))
    chosen_rows, chosen_columns = (
        np.unique(np.linspace(0, n - 1, math.ceil(n * share)).astype(int)) for n in (rows, columns)
    )
    return chosen_rows, chosen_columns


def _thinned(weights: np.ndarray) -> np.ndarray:
    flat = np.asarray(weights, float).reshape(len(weights), -1)
    return flat if flat.size <= _LARGEST_PANEL else flat[np.ix_(*evenly_spaced(*flat.shape))]


def _slope(change: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    square = float(np.vdot(weights, weights))
    if square == 0 or weights.size < 3:
        return math.nan, math.nan
    slope = float(np.vdot(change, weights)) / square
    left = change - slope * weights
    error = math.sqrt(float(np.vdot(left, left)) / (weights.size - 1) / square)
    return slope, slope / error if error else math.copysign(math.inf, slope)


def _correlation(w0: np.ndarray, w1: np.ndarray) -> float:
    a, b = w0 - w0.mean(), w1 - w1.mean()
    size = math.sqrt(float(np.vdot(a, a)) * float(np.vdot(b, b)))
    return float(np.vdot(a, b)) / size if size else math.nan


def _exchanged(w0: np.ndarray, w1: np.ndarray) -> float:
    rows = min(len(w0), _LARGEST_SIDE)
    if w0.shape[1] < _ENOUGH or rows < 2:
        return math.nan
    a, b = (w[:rows] - w[:rows].mean(axis=1, keepdims=True) for w in (w0, w1))
    sizes = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)
    alike = np.divide(a @ b.T, sizes, out=np.zeros_like(sizes), where=sizes > 0)
    best = alike.argmax(axis=1)
    return float(np.mean((best != np.arange(rows)) & (alike.max(axis=1) > _RESEMBLES)))


def _kurtosis(changes: np.ndarray) -> float:
    """As `scipy.stats.kurtosis`, whose import alone takes longer than all marks of a layer."""
    if changes.size <= 3:
        return math.nan
    mean = changes.mean()
    squares = (changes - mean) ** 2
    variance = float(squares.mean())
    if variance <= (np.finfo(float).eps * float(mean)) ** 2:  # all alike, up to rounding
        return math.nan
    return float(np.mean(squares**2)) / variance**2 - 3


def _distinct(changes: np.ndarray) -> float:
    if not changes.size:
        return math.nan
    changes = changes[:: max(1, changes.size // _COMPARED)]
    grain = _ALIKE * math.sqrt(float(np.mean(changes**2)))
    return float(np.unique(np.round(np.abs(changes) / grain)).size / changes.size)


def _same_ratio(w0: np.ndarray, w1: np.ndarray) -> tuple[np.ndarray, float]:
    """Which weights were multiplied by the commonest factor other than 1, and their share.

    None where that factor is not much commoner than its neighbours.
    """
    kept = (w0 != 0) & (w0 != w1)
    if not kept.any():
        return kept, math.nan
    ratio = np.round(np.divide(w1, w0, out=np.zeros_like(w0), where=kept) / _ALIKE_RATIO)
    factors, counts = np.unique(ratio[kept], return_counts=True)
    share = float(counts.max() / w0.size)
    alike = kept & (ratio == factors[counts.argmax()]) & (share > _UNLEARNED)
    return alike, share


def _spectrum(change: np.ndarray) -> tuple[float, float]:
    """Flatness of the singular values, and the share of their squares past the largest quarter.

    The first is the participation ratio of the squares over that of a random matrix.
    """
    rows, columns = (min(n, _LARGEST_SIDE) for n in change.shape)
    part = change[:rows, :columns]
    # Their squares are what is asked for: the eigenvalues of a product are much cheaper.
    squares = np.linalg.eigvalsh(part @ part.T if rows < columns else part.T @ part)[::-1]
    squares = np.maximum(squares, 0.0)
    few, many = sorted((rows, columns))
    total, fourth = float(np.sum(squares)), float(np.sum(squares**2)) * few
    if not fourth:
        return math.nan, math.nan
    rest = float(np.sum(squares[max(few // 4, 1) :])) / total if few >= _ENOUGH else math.nan
    return total**2 / fourth * (1 + few / many), rest


def _two_way(values: np.ndarray, kept: np.ndarray) -> tuple[float, float]:
    """Share of the variance that rows and columns explain, and the sd that they make."""
    count = kept.sum()
    if count < 4:
        return math.nan, math.nan
    mask = kept.astype(float)
    centred = np.where(kept, values - values[kept].mean(), 0.0)
    left = centred.copy()
    in_row, in_column = (np.maximum(mask.sum(axis=axis), 1) for axis in (1, 0))
    for _ in range(20):
        left -= mask * (left.sum(axis=1) / in_row)[:, None]
        left -= mask * (left.sum(axis=0) / in_column)
    total, rest = float(np.sum(centred**2)), float(np.sum(left**2))
    if not total:
        return math.nan, math.nan
    return 1 - rest / total, math.sqrt(max(total - rest, 0.0) / count)


def _unit_spread(w0: np.ndarray, w1: np.ndarray) -> float:
    kept = (w0 * w1 > 0) & (w0 != w1)
    step = np.abs(np.log(np.where(kept, w1, 1.0) / np.where(kept, w0, 1.0)))
    kept = kept & (step > 0)
    return _two_way(np.log(np.where(kept, step, 1.0)), kept)[1]
