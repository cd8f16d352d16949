"""Rounded sizes: the common step of counts, voxels, pixel values, or numbers of few decimals."""

import numpy as np
from jaxtyping import Float

__all__ = ["lattice_step"]

_FINEST = 4e-7  # of the largest size: several times the rounding of single precision
_PARTS = 100
_AT_FIRST = 64


def lattice_step(sizes: Float[np.ndarray, " n"]) -> float:
    """The step of which all sizes differ by whole multiples; 0 where there is none.

    An offset does not hide it, nor does single precision. Sizes of which no two differ by less
    than 100 steps are not seen to be rounded.
    """
    distinct = np.unique(sizes)
    gaps = np.diff(distinct)
    wide = gaps[gaps > _FINEST * distinct[-1]]
    if not wide.size:
        return 0.0
    smallest = wide.min()
    for parts in range(1, _PARTS + 1):
        counts = wide[:_AT_FIRST] * (parts / smallest)
        if np.abs(counts - np.rint(counts)).max() > 0.05:
            continue
        # One gap knows the step worse than all of them together.
        step = gaps.sum() / np.rint(gaps * (parts / smallest)).sum()
        counts = (distinct - distinct[0]) / step
        if np.abs(counts - np.rint(counts)).max() < 0.02:
            return float(step)
    return 0.0
