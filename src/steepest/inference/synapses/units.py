"""A change of unit inside a column: sizes, or groups of them, in two clouds far apart."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from steepest.inference.synapses.verdict import Check

__all__ = ["UnitJump", "check_units", "jump_of_groups", "unit_jump"]

_FEWEST = 60
_LEAST_FACTOR = 5.0
# Of the variance of log size, between the clouds: .64 for one Gaussian, .75 for a uniform one.
_BETWEEN = 0.85


@dataclass(frozen=True)
class UnitJump:
    """`number` of `total` values lie about `factor` times above the others.

    `between` is the share of the variance of the logs that lies between the two clouds.
    """

    factor: float
    number: int
    total: int
    between: float


def unit_jump(
    log_sizes: Float[np.ndarray, " n"], *, fewest: int = _FEWEST, between: float = _BETWEEN
) -> UnitJump | None:
    """The split of log sizes into two clouds, where they are at least 5-fold apart; else None.

    The split is the one with the most variance `between` its sides (Otsu 1979). One cloud of
    log-normal sizes has .64 of it between its halves, so .85 is no single cloud.
    """
    n = log_sizes.size
    if n < fewest:
        return None
    sorted_logs = np.sort(log_sizes)
    below = np.arange(1, n)
    sums = np.cumsum(sorted_logs)
    low, high = sums[:-1] / below, (sums[-1] - sums[:-1]) / (n - below)
    variance = below * (n - below) / n**2 * (high - low) ** 2
    at = int(np.argmax(variance))
    total = float(sorted_logs.var())
    factor = math.exp(min(float(high[at] - low[at]), 700.0))
    if total == 0 or factor < _LEAST_FACTOR or variance[at] < between * total:
        return None
    return UnitJump(factor, int(n - below[at]), n, float(variance[at]) / total)


def jump_of_groups(
    log_sizes: Float[np.ndarray, "n t"], groups: Int[np.ndarray, " n"]
) -> UnitJump | None:
    """The same of the mean log size of every group, however few; NaN marks absent synapses."""
    there = np.isfinite(log_sizes)
    count = np.bincount(groups, there.sum(axis=1))
    total = np.bincount(groups, np.where(there, log_sizes, 0.0).sum(axis=1))
    return unit_jump(total[count > 0] / count[count > 0], fewest=3)


def check_units(jump: UnitJump, *, grouped: bool) -> Check:
    """Whether a jump of unit is taken out by a scale per group, or spoils the index."""
    what = "groups" if grouped else "sizes"
    meaning = (
        f"{jump.number} of {jump.total} {what} are about {jump.factor:.3g} times larger than the"
        " others, as if the unit had changed"
    )
    if grouped:
        return Check(jump.between, None, None, f"{meaning}: the scale of every group is taken out")
    return Check(
        jump.between,
        None,
        False,
        f"{meaning}: give what differs as groups, for a scale per group, or convert the unit",
    )
