"""A pile-up below the largest size: a ceiling of the synapse, or of the instrument."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from steepest.inference.synapses.estimation import Estimate
from steepest.inference.synapses.signal import resampled
from steepest.inference.synapses.verdict import Check
from steepest.machine import compiled

__all__ = ["Ranks", "check_ceiling", "tail_ratios"]

_TAILS = {0.25: 0.6, 0.1: 1.0, 0.04: 1.0}  # and the ratio below which each is cut off
_FEWEST = 10  # measurements beyond the outermost quantile
_DRAWS = 200
_BLOCK = 512  # measurements


def check_ceiling(estimate: Estimate) -> Check | None:
    """Whether sizes pile up below a maximum, which bends the index downwards in large synapses.

    The statistic is one of the `tail_ratios`, of the largest quarter, tenth or 25th, whichever is
    lowest against its limit. Gaussian log sizes have 1.3, 1.7 and 1.9, exponential sizes .9, 1.4
    and 1.4;
    it fails where 97.5 % of the resamples lie below .6, 1 or 1. None where there are too few sizes
    to tell.
    """
    logs = estimate.measured.log_sizes
    row, _ = np.nonzero(np.isfinite(logs))
    sizes = logs[np.isfinite(logs)]
    tails = [tail for tail in _TAILS if sizes.size * tail / 10 >= _FEWEST]
    if not tails:
        return None
    order = np.argsort(sizes, kind="stable")
    sizes, cluster = sizes[order], estimate.cluster[row][order]
    weights = np.concatenate([np.ones((1, estimate.weights.shape[1])), estimate.weights[:_DRAWS]])
    ratios = tail_ratios(sizes, Ranks.of(cluster, weights), tails)
    limits = np.array([_TAILS[tail] for tail in tails])
    if np.isnan(ratios[0]).all():
        return None
    lowest = int(np.nanargmin(ratios[0] / limits))
    value = float(ratios[0, lowest])
    drawn = ratios[1:, lowest]
    high = float(np.quantile(drawn[np.isfinite(drawn)], 0.975)) if np.isfinite(drawn).any() else 1.0
    if high >= limits[lowest]:
        return Check(value, None, True, "sizes do not pile up below the largest")
    largest = math.exp(sizes[min(math.ceil(0.99 * sizes.size), sizes.size) - 1])
    return Check(
        value,
        None,
        False,
        f"sizes pile up below {largest:.3g}: a ceiling, of synapses or of the instrument, under"
        " which large synapses seem to change less",
    )


@dataclass(frozen=True, eq=False)
class Ranks:
    """Where the quantiles of sorted measurements lie, for every row of cluster weights.

    Weights cumulated over all measurements would be a number for each and every row. `sums` are
    those over blocks of 512, `cluster` that of each measurement; within the one block that holds a
    quantile, measurements are counted singly. Multiplicities are whole numbers, so sums are exact.

    >>> Ranks.of(np.array([0, 1, 0]), np.array([[1.0, 1.0], [0.0, 3.0]])).at(0.5).tolist()
    [1, 1]
    """

    cluster: Int[np.ndarray, " m"]
    weights: Float[np.ndarray, "b c"]
    sums: Float[np.ndarray, "b k"]

    @classmethod
    def of(cls, cluster: Int[np.ndarray, " m"], weights: Float[np.ndarray, "b c"]) -> "Ranks":
        """Ranks of measurements in ascending order, `cluster` the column of each in `weights`."""
        block = np.arange(cluster.size) // _BLOCK
        clusters, blocks = weights.shape[1], int(block[-1]) + 1
        counts = np.bincount(cluster * blocks + block, minlength=clusters * blocks)
        sums = resampled(weights, counts.reshape(clusters, blocks).astype(float))
        return cls(cluster, weights, np.cumsum(sums, axis=1))

    def at(self, share: float) -> Int[np.ndarray, " b"]:
        """The first measurement up to which so large a share of the whole weight lies, by row."""
        return _first_up_to(self.cluster, self.weights, self.sums, share)


@compiled(cache=True)
def _first_up_to(cluster, weights, sums, share):  # pragma: no cover - compiled
    rows, blocks = sums.shape
    first = np.empty(rows, dtype=np.int64)
    for b in range(rows):
        wanted = share * sums[b, blocks - 1]
        block = 0
        while block < blocks - 1 and sums[b, block] < wanted:
            block += 1
        total = sums[b, block - 1] if block > 0 else 0.0
        at = block * _BLOCK
        total += weights[b, cluster[at]]
        while total < wanted and at < cluster.size - 1:
            at += 1
            total += weights[b, cluster[at]]
        first[b] = at
    return first


def tail_ratios(
    sizes: Float[np.ndarray, " m"], ranks: Ranks, tails: Sequence[float]
) -> Float[np.ndarray, "b t"]:
    """How far the largest sizes reach beyond a quantile, over how far it lies above the next.

    (q(1 - tail/10) - q(1 - tail)) / (q(1 - tail) - q(1 - 2.5 tail)) of sorted log sizes, for every
    row of `ranks` and each of the `tails`.
    """
    ratios = []
    for tail in tails:
        far, edge, near = (
            sizes[ranks.at(share)] for share in (1 - tail / 10, 1 - tail, 1 - 2.5 * tail)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios.append(np.where(edge > near, (far - edge) / (edge - near), np.nan))
    return np.stack(ratios, axis=1)
