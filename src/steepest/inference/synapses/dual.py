"""The change of a synapse's dual weight in the power family, from its log sizes."""

import numpy as np
from jaxtyping import Float

__all__ = ["dual_change"]


def dual_change(
    log_before: Float[np.ndarray, "*n"],
    log_after: Float[np.ndarray, "*n"],
    index: float | Float[np.ndarray, "*#n"],
) -> Float[np.ndarray, "*n"]:
    """g(w1) - g(w0) = w0^(1-a) expm1((1-a)(l1 - l0)) / (1-a), continuous in the index a at 1.

    Sizes and changes are in the unit in which log size is 0; the change carries that unit to the
    power 1 - a. An array of indices broadcasts against the sizes.

    >>> import numpy as np
    >>> dual_change(np.zeros(2), np.log([1.1, 2.0]), 0.0).round(6)
    array([0.1, 1. ])
    """
    power = 1.0 - np.asarray(index)
    step = log_after - log_before
    at_one = power == 0
    if not np.any(at_one):
        change = np.expm1(power * step)
        change *= np.exp(power * log_before)
        change /= power
        return change
    if np.all(at_one):
        return step
    return np.where(
        at_one, step, dual_change(log_before, log_after, np.where(at_one, 0.0, np.asarray(index)))
    )
