"""How far a path strays from the straight way."""

import numpy as np
from jaxtyping import Float

__all__ = ["detour"]


def detour(path: Float[np.ndarray, "points 2"], target: Float[np.ndarray, "2"]) -> float:
    """Greatest distance of a path from the straight line to the target, over that line's length."""
    way, away = target - path[0], path - path[0]
    return float(np.abs(away[:, 0] * way[1] - away[:, 1] * way[0]).max() / (way @ way))
