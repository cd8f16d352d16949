"""Means of independent repetitions, with their standard errors."""

import numpy as np
from jaxtyping import Float

__all__ = ["mean_and_error"]


def mean_and_error(
    values: Float[np.ndarray, "..."], axis: int = 0
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """Mean over an axis, and the standard error of that mean."""
    count = values.shape[axis]
    error = values.std(axis=axis, ddof=1) / np.sqrt(count)
    return np.asarray(values.mean(axis=axis)), np.asarray(error)
