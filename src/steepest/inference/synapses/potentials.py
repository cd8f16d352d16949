"""The likelihood of any separable potential, beyond the powers of size that the index covers."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from steepest.arrays.entry import double_precision
from steepest.errors import DataError
from steepest.geometry import AbstractPotential, Fermi, HyperbolicEntropy, Logit, Power
from steepest.inference.synapses.likelihood import ExactLikelihood, likeliest, or_unbounded
from steepest.inference.synapses.sizes import positive_pairs

__all__ = ["PotentialFit", "potential_likelihood", "rank_potentials"]

_GRID = 24
_SCALES = (1e-2, 1e2)  # of the hyperbolic entropy, over the smallest and the largest size
_BOUNDS = (1 + 1e-6, 1e3)  # of the bounded potentials, over the largest size


@dataclass(frozen=True, eq=False)
class PotentialFit:
    """A family of potentials at its best parameter.

    `aic` is Akaike's criterion less that of the best family (2 for a parameter, mean and variance
    being common to all), `weight` the share exp(-aic / 2) of all families. `at_edge` says that the
    parameter ran to the edge of its range, where the family is another one.

    >>> from steepest.geometry import Power
    >>> PotentialFit("power", Power(1), 1.0, -12.0, 0.0, 0.9, False).name
    'power'
    """

    name: str
    potential: AbstractPotential
    parameter: float
    log_likelihood: float
    aic: float
    weight: float
    at_edge: bool


def potential_likelihood(potential: AbstractPotential, before: Any, after: Any) -> float:
    """Log-likelihood of exact sizes after learning, given those before, in a separable potential.

    The dual changes of all synapses share a Gaussian, its mean and variance profiled out:
    -n/2 log(2 pi e var) + sum log phi''(w1). For a power of size it is `ExactLikelihood`. Raises
    DataError where lengths differ, sizes are not positive, or no dual changes; DomainError where a
    size lies outside the potential's domain. Pairs with NaN were not measured and are left out.

    >>> from steepest.geometry import Power
    >>> round(potential_likelihood(Power(1), [1.0, 2.0, 3.0], [1.1, 2.0, 3.5]), 2)
    1.97
    """
    first, second = positive_pairs("potential_likelihood", before, after)
    with double_precision():
        change = np.asarray(potential.dual_change(first, second))
        slope = np.asarray(potential.flat(second, np.ones_like(second)))
    spread = float(change.var())
    if not spread > 0:
        raise DataError("every dual weight changed alike: there is nothing to infer from")
    return float(-first.size / 2 * (math.log(2 * math.pi * spread) + 1) + np.log(slope).sum())


def rank_potentials(before: Any, after: Any) -> tuple[PotentialFit, ...]:
    """Power of size, hyperbolic entropy, Fermi and logit potentials, the best first by AIC.

    Each has one parameter (index, scale, bound), found by maximum likelihood on exact positive
    sizes; measurement noise bends all of them, so read the ranking beside the check of curvature.
    Pairs with NaN were not measured and are left out. Raises DataError as `potential_likelihood`.

    >>> from steepest.inference import simulate_change
    >>> rank_potentials(*simulate_change(300, index=1, seed=2))[0].name
    'power'
    """
    first, second = positive_pairs("rank_potentials", before, after)
    largest = float(max(first.max(), second.max()))
    smallest = float(min(first.min(), second.min()))
    index, likelihood = likeliest(ExactLikelihood(np.log(first), np.log(second)))
    fitted = []
    if math.isfinite(or_unbounded(index)):
        fitted.append(("power", Power(index), index, likelihood, False))
    families: dict[str, tuple[Callable[[float], AbstractPotential], float, float]] = {
        "hyperbolic entropy": (HyperbolicEntropy, smallest * _SCALES[0], largest * _SCALES[1]),
        "fermi": (Fermi, largest * _BOUNDS[0], largest * _BOUNDS[1]),
        "logit": (Logit, largest * _BOUNDS[0], largest * _BOUNDS[1]),
    }
    for name, (family, low, high) in families.items():

        def cost(log: float, family: Callable[[float], AbstractPotential] = family) -> float:
            return -potential_likelihood(family(math.exp(log)), first, second)

        # Bounds are felt only near the largest size: the grid is fine there.
        offset = 0.0 if name == "hyperbolic entropy" else largest
        grid = np.log(offset + np.geomspace(low - offset, high - offset, _GRID))
        at = int(np.argmin([cost(log) for log in grid]))
        ends = grid[max(at - 1, 0)], grid[min(at + 1, _GRID - 1)]
        best: Any = minimize_scalar(cost, bounds=ends, method="bounded", options={"xatol": 1e-6})
        value = math.exp(float(best.x))
        edge = at in (0, _GRID - 1)
        fitted.append((name, family(value), value, -float(best.fun), edge))
    top = max(row[3] for row in fitted)
    total = sum(math.exp(row[3] - top) for row in fitted)
    fits = [
        PotentialFit(name, potential, value, level, 2 * (top - level), weight, edge)
        for name, potential, value, level, edge in fitted
        for weight in (math.exp(level - top) / total,)
    ]
    return tuple(sorted(fits, key=lambda fit: fit.aic))
