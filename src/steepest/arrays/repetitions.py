"""Means of independent repetitions, and standard errors of what is estimated from them."""

from typing import Any

import numpy as np
from jaxtyping import Float

__all__ = ["jackknife_error", "mean_and_error", "standard_error"]


def mean_and_error(
    values: Any, axis: int = 0
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """Mean over an axis, and the standard error of that mean: NaN where there is one value.

    >>> mean, error = mean_and_error([1.0, 2.0, 3.0])
    >>> float(mean), round(float(error), 3)
    (2.0, 0.577)
    """
    array = np.asarray(values)
    count = array.shape[axis]
    error = np.full(np.delete(array.shape, axis), np.nan)
    if count > 1:
        error = array.std(axis=axis, ddof=1) / np.sqrt(count)
    return np.asarray(array.mean(axis=axis)), np.asarray(error)


def standard_error(values: Any) -> float:
    """The standard error of the mean of some values: NaN where there is one.

    >>> round(standard_error([1.0, 2.0, 3.0]), 3)
    0.577
    """
    return float(mean_and_error(values)[1])


def jackknife_error(left_out: Any) -> float:
    """The standard error of an estimate, from the estimates that leave out one repetition each.

    >>> round(jackknife_error([2.5, 2.0, 1.5]), 3)  # of the mean of 1, 2 and 3
    0.577
    """
    return float(np.sqrt((len(left_out) - 1) * np.var(left_out)))
