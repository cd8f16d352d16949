"""Delta CDF: how far a standardised dual change lies from a Gaussian (Pogodin et al. 2024).

Even exact Gaussian samples are not at zero: the floor says how far they lie, and a distance
means something only above it.
"""

import math

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr

from steepest.inference.synapses.dual import Signs, dual_change
from steepest.inference.synapses.geometries import GEOMETRIES
from steepest.inference.synapses.verdict import DeltaCdf, DeltaCdfFloor

__all__ = ["delta_cdf", "delta_cdf_floor", "delta_cdf_of_geometries"]

_X, _DX = np.linspace(-5.0, 5.0, 1000, retstep=True)
_GAUSSIAN = ndtr(_X)


def delta_cdf(change: Float[np.ndarray, " n"], *, centred: bool = False) -> float:
    """Area between the distribution of change / sd and the standard Gaussian, over -5 .. 5.

    The sd is about the mean with n - 1 degrees of freedom; the change itself is not centred, as
    in the paper, unless `centred`. A Wasserstein-1 distance, summed over 1000 points.

    >>> import numpy as np
    >>> change = np.random.default_rng(0).standard_normal(400)
    >>> delta_cdf(change) < delta_cdf_floor(400).uncentred_q95
    True
    """
    mean = change.mean() if centred else 0.0
    standard = np.sort((change - mean) / change.std(ddof=1))
    empirical = np.searchsorted(standard, _X, side="right") / change.size
    return float(np.abs(empirical - _GAUSSIAN).sum() * _DX)


def delta_cdf_floor(n: int) -> DeltaCdfFloor:
    """The Delta CDF of `n` exact Gaussian samples: mean and 95th percentile of both versions.

    >>> delta_cdf_floor(400).uncentred_mean
    0.059
    """
    root = math.sqrt(n)
    return DeltaCdfFloor(1.18 / root, 2.1 / root, 0.82 / root, 1.18 / root)


def delta_cdf_of_geometries(
    log_before: Float[np.ndarray, " n"],
    log_after: Float[np.ndarray, " n"],
    signs: Signs | None = None,
) -> tuple[DeltaCdf, ...]:
    """Both versions of the Delta CDF in every named geometry, the closest (centred) first.

    With the `signs` of weights of which some crossed zero, in those that allow it (index < 1).

    >>> import numpy as np
    >>> from steepest.inference import simulate_change
    >>> logs = [np.log(sizes) for sizes in simulate_change(200, index=1, seed=1)]
    >>> delta_cdf_of_geometries(*logs)[0].name
    'multiplicative'
    """
    centre = log_before.mean()
    distances = []
    for name, index in GEOMETRIES.items():
        if signs is not None and index > signs.searched[1]:
            continue
        change = dual_change(log_before - centre, log_after - centre, index, signs)
        distances.append(DeltaCdf(name, index, delta_cdf(change), delta_cdf(change, centred=True)))
    return tuple(sorted(distances, key=lambda distance: distance.centred))
