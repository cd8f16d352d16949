"""How far learned weights are from the true ones."""

import numpy as np
from jaxtyping import Float

__all__ = ["relative_error"]


def relative_error(
    learned: Float[np.ndarray, "*shape"], truth: Float[np.ndarray, "*shape"]
) -> float:
    """||W - W0|| / ||W0||, Frobenius."""
    return float(np.linalg.norm(learned - truth) / np.linalg.norm(truth))
