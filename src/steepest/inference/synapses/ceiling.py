"""A pile-up below the largest size: a ceiling of the synapse, or of the instrument."""

import math

import numpy as np
from jaxtyping import Float

from steepest.inference.synapses.estimation import Estimate
from steepest.inference.synapses.verdict import Check

__all__ = ["check_ceiling", "tail_ratio"]

_TAILS = {0.25: 0.6, 0.1: 1.0, 0.04: 1.0}  # and the ratio below which each is cut off
_FEWEST = 10  # measurements beyond the outermost quantile
_DRAWS = 200


def check_ceiling(estimate: Estimate) -> Check | None:
    """Whether sizes pile up below a maximum, which bends the index downwards in large synapses.

    The statistic is the `tail_ratio` of the largest quarter, tenth or 25th, whichever is lowest
    against its limit. Gaussian log sizes have 1.3, 1.7 and 1.9, exponential sizes .9, 1.4 and 1.4;
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
    sums = np.cumsum(weights[:, cluster], axis=1)
    ratios = np.stack([tail_ratio(sizes, sums, tail) for tail in tails], axis=1)
    limits = np.array([_TAILS[tail] for tail in tails])
    if np.isnan(ratios[0]).all():
        return None
    lowest = int(np.nanargmin(ratios[0] / limits))
    value = float(ratios[0, lowest])
    drawn = ratios[1:, lowest]
    high = float(np.quantile(drawn[np.isfinite(drawn)], 0.975)) if np.isfinite(drawn).any() else 1.0
    if high >= limits[lowest]:
        return Check(value, None, True, "sizes do not pile up below the largest")
    largest = math.exp(sizes[min(np.searchsorted(sums[0], 0.99 * sums[0, -1]), sizes.size - 1)])
    return Check(
        value,
        None,
        False,
        f"sizes pile up below {largest:.3g}: a ceiling, of synapses or of the instrument, under"
        " which large synapses seem to change less",
    )


def tail_ratio(
    sizes: Float[np.ndarray, " m"], sums: Float[np.ndarray, "b m"], tail: float
) -> Float[np.ndarray, " b"]:
    """How far the largest sizes reach beyond a quantile, over how far it lies above the next.

    (q(1 - tail/10) - q(1 - tail)) / (q(1 - tail) - q(1 - 2.5 tail)) of sorted log sizes, for every
    row of cumulated weights.
    """
    quantiles = []
    for share in (1 - tail / 10, 1 - tail, 1 - 2.5 * tail):
        at = np.array([np.searchsorted(row, share * row[-1]) for row in sums])
        quantiles.append(sizes[np.minimum(at, sizes.size - 1)])
    far, edge, near = quantiles
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(edge > near, (far - edge) / (edge - near), np.nan)
