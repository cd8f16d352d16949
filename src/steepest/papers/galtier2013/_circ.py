"""The three-unit network whose activity Figs 4 and others learn.

The paper draws its W0 without printing numbers; this one has one limit cycle, which random starts
reach, and inputs of full rank, so that it can be retrieved.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Float

from steepest.papers.galtier2013._errors import relative_error
from steepest.recurrent import Inputs, RateNetwork, limit_cycle

__all__ = ["NETWORK", "TRUTH", "cycle", "error"]

TRUTH = np.array([[1.0, -2.0, 0.0], [0.0, 1.0, -2.0], [-2.0, 0.0, 1.0]])
NETWORK = RateNetwork(decay=1.0)


@lru_cache
def cycle(dt: float) -> Inputs:
    """One period of u' = -u + W0 tanh(u) (l0 = 1), at about `dt`, a whole number of samples."""

    def field(u: np.ndarray) -> np.ndarray:
        return -u + TRUTH @ np.tanh(u)

    coarse = limit_cycle(field, [0.1, 0.2, -0.3], 3, transient=100.0, longest=20.0)
    samples = round(coarse.duration / dt)
    return limit_cycle(field, [0.1, 0.2, -0.3], samples, transient=100.0, longest=20.0)


def error(weights: Float[np.ndarray, "3 3"]) -> float:
    """||W - W0|| / ||W0||, Frobenius."""
    return relative_error(weights, TRUTH)
