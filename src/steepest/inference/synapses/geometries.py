"""The named geometries, the range in which an index is looked for, and the thresholds of checks.

A number that several estimators or checks share stands here, once, with its reason.
"""

import numpy as np
from jaxtyping import Float

__all__ = [
    "ALPHA",
    "APART",
    "BELOW_ONE",
    "DRAWN",
    "GEOMETRIES",
    "LAZY",
    "LEAST_SHARE",
    "MOST_FLIPS",
    "NOT_LAZY",
    "PRODUCTS_APART",
    "PURE",
    "SEARCHED",
    "SHOWN",
    "WEIGHING",
    "WINS",
    "inside",
    "nearest",
    "within",
]

GEOMETRIES: dict[str, float] = {
    "3-norm": -1.0,
    "euclidean": 0.0,
    "1.5-norm": 0.5,
    "multiplicative": 1.0,
    "burg": 2.0,
}
"""The named geometries and their index a = 2 - p: the sd of a synapse's change grows as size^a."""

SEARCHED = (-4.0, 6.0)
"""The range in which an index is looked for, symmetric about 1, where the family inverts sizes."""

BELOW_ONE = 0.95
"""Up to where the index of weights that crossed zero is looked for: at 1 zero is out of reach."""

SHOWN = (-2.0, 3.0)
"""The range of profiles, a unit beyond the outermost names on either side."""

WEIGHING = (-2.0, 4.0)
"""The range of the index that weighs changes when drift is removed: steeper, a few sizes rule."""

DRAWN = (-10.0, 10.0)
"""The index drawn for a resample without one, its side known: beyond any that was searched."""

ALPHA = 0.01
"""Significance of every test among the checks: a handful are made on each file."""

APART = 0.05
"""Significance at which small and large, or short and long, are apart: a name needs both alike."""

PRODUCTS_APART = 0.15
"""How far the product estimator must be from the index to say that the noise curve is wrong."""

PURE = 0.05
"""Share of the variance of change, below which a part of a mixture is next to nothing."""

LEAST_SHARE = 0.25
"""Share of signal in the variance of change; below, a slightly wrong noise makes any index."""

MOST_FLIPS = 0.05
"""Share of synapses expected to cross zero; above, positive sizes are a selection."""

LAZY, NOT_LAZY = 0.1, 0.5
"""Of q = |a|/2 rms(dw/w): lazy below the first, no longer lazy above the second."""

WINS = 0.975
"""Share of resamples in which one of two models must be the better one to be called so."""

_INSET = 0.5


def nearest(index: float) -> str:
    """The name of the geometry nearest to an index.

    >>> nearest(0.9)
    'multiplicative'
    """
    return min(GEOMETRIES, key=lambda name: abs(GEOMETRIES[name] - within(SEARCHED, index)))


def within(limits: tuple[float, float], index: float) -> float:
    """A single index moved to the nearer end of a range that it lies outside of."""
    return float(np.clip(index, *limits))


def inside(index: Float[np.ndarray, "*b"]) -> Float[np.ndarray, "*b"]:
    """Indices half a unit or more from the ends of the searched range, where fits can be begun."""
    return np.clip(index, SEARCHED[0] + _INSET, SEARCHED[1] - _INSET)
