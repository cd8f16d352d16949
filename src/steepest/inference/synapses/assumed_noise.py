"""What the index would be, were there noise: a curve to read where the noise is not known."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.inference.synapses.geometries import nearest
from steepest.inference.synapses.likelihood import MidpointLikelihood, likeliest, or_unbounded
from steepest.inference.synapses.noise import Noise, noise_variance
from steepest.inference.synapses.sizes import positive_pairs

__all__ = ["Sensitivity", "sensitivity"]

_POINTS = 9
_SILENT = 3.0  # of log-likelihood, above no change at all, for an index to mean anything


@dataclass(frozen=True)
class Sensitivity:
    """The index under assumed noise: a coefficient of variation, or an additive sd (unit of size).

    `flip_cv` and `flip_sd` are the smallest noise tried at which another geometry is the nearest,
    as text; NaN in the indices means that noise alone explains the changes.

    >>> curve = Sensitivity((0.1,), (1.0,), (0.2,), (0.4,), "more than 0.1", "0.2 (1.5-norm)")
    >>> curve.flip_sd
    '0.2 (1.5-norm)'
    """

    cv: tuple[float, ...]
    index_of_cv: tuple[float, ...]
    sd: tuple[float, ...]
    index_of_sd: tuple[float, ...]
    flip_cv: str
    flip_sd: str


def sensitivity(before: Any, after: Any) -> Sensitivity:
    """The index of pairs of positive sizes against assumed noise, up to all the change there is.

    Raises DataError for sizes that are not positive, or of different number or labels. Pairs with
    NaN were not measured and are left out.

    >>> from steepest.inference import simulate_change
    >>> sensitivity(*simulate_change(200, index=1, change=0.2, seed=1)).flip_cv
    '0.13 (nothing but noise)'
    """
    w0, w1 = positive_pairs("sensitivity", before, after)
    logs = np.log(w0), np.log(w1)
    step, middle = logs[1] - logs[0], (logs[0] + logs[1]) / 2
    most_cv = float(np.median(np.abs(step - np.median(step)))) / 0.6745 / math.sqrt(2)
    grids = {
        "cv": np.linspace(most_cv / 100, most_cv, _POINTS),
        "sd": np.linspace(0.01, 1, _POINTS) * most_cv * float(np.exp(np.median(middle))),
    }
    curves: dict[str, tuple[float, ...]] = {}
    flips = {}
    for kind, grid in grids.items():
        indices = []
        for value in grid:
            noise = Noise("cv" if kind == "cv" else "sd", float(value))
            likelihood = MidpointLikelihood(middle, step, noise_variance(w0, w1, noise))
            index, top = likeliest(likelihood)
            index = or_unbounded(index)
            heard = top - likelihood.silence() > _SILENT
            indices.append(index if heard and math.isfinite(index) else math.nan)
        curves[kind] = tuple(indices)
        flips[kind] = _flip(grid, indices)
    return Sensitivity(
        cv=tuple(grids["cv"].tolist()),
        index_of_cv=curves["cv"],
        sd=tuple(grids["sd"].tolist()),
        index_of_sd=curves["sd"],
        flip_cv=flips["cv"],
        flip_sd=flips["sd"],
    )


def _flip(grid: np.ndarray, indices: list[float]) -> str:
    names = [_nearest(index) for index in indices]
    for value, name in zip(grid, names, strict=True):
        if name != names[0]:
            return f"{value:.2g} ({name})"
    return f"more than {grid[-1]:.2g}"


def _nearest(index: float) -> str:
    if math.isnan(index):
        return "nothing but noise"
    return nearest(index)
