"""What a set of weights did while it learned, seen in the dual of a potential."""

import math
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from steepest.arrays.entry import entry_point
from steepest.arrays.given import same_axes, same_labels
from steepest.arrays.numbers import Numbers, lengthened
from steepest.errors import DataError
from steepest.geometry import AbstractPotential, Power
from steepest.inference.synapses.deltacdf import delta_cdf, delta_cdf_floor
from steepest.inference.synapses.sizes import weights_of
from steepest.inference.synapses.verdict import DeltaCdfFloor

__all__ = ["WeightStatistics", "signed_dual_change", "weight_statistics"]

_FEWEST = 3


@dataclass(frozen=True, eq=False)
class WeightStatistics:
    """How weights changed in one potential (Pogodin et al. 2024, section 4 and appendix B).

    `n` weights enter; `moved_signs` and `zeros` are counted, and left out where the potential
    keeps signs. `delta_cdf` is uncentred, as in the paper; `floor` is what exact Gaussian samples
    would show. `relative_magnitude` is |z1 - z0| / |z0| (Euclidean norms of dual weights), which
    for entropies depends on the unit of weight; `sd_log_change`, the sd of d log|w| over weights
    that keep their sign, does not. `lazy` is q = |a|/2 rms(dw/w) over the larger half: lazy below
    .1, out of the lazy regime above .5; NaN for a potential without an index.

    >>> from steepest.geometry import Power
    >>> weight_statistics([1.0, 2.0, 3.0], [1.1, 2.1, 3.4], Power(1)).moved_signs
    0
    """

    n: int
    dual_change: Float[np.ndarray, " n"]
    delta_cdf: float
    delta_cdf_centred: float
    floor: DeltaCdfFloor
    relative_magnitude: float
    sd_log_change: float
    lazy: float
    moved_signs: int
    zeros: int


@entry_point(kernel="the potential's dual_change")
def weight_statistics(
    before: Numbers, after: Numbers, potential: AbstractPotential
) -> WeightStatistics:
    """Dual change, its distance from a Gaussian with the noise floor, its size, and laziness.

    `before` and `after` are the same weights, of any shape and either sign; a potential of index 1
    and above takes the signs of `before`. Raises `DataError` where shapes differ, weights are not
    finite, fewer than three can be used, or none changed, and `DomainError` for weights outside
    the potential's domain.

    >>> from steepest.geometry import Power
    >>> weight_statistics([1.0, 2.0, 0.0, 3.0], [1.1, 2.1, 0.2, 3.4], Power(1)).zeros
    1
    """
    w0, w1 = _pair(before, after)
    change, kept, dual = signed_dual_change(w0, w1, potential)
    if kept.sum() < _FEWEST:
        raise DataError(f"only {kept.sum()} of {w0.size} weights can be used: give at least 3")
    if change.std() == 0:
        raise DataError("the weights did not change, or all changed alike: nothing to describe")
    same = w0 * w1 > 0
    log_change = np.log(w1[same] / w0[same])
    lazy = math.nan
    if potential.index is not None:
        large = np.abs(w0) > np.median(np.abs(w0))
        rms = math.sqrt(float(np.mean((w1[large] / w0[large] - 1) ** 2))) if large.any() else 0.0
        lazy = abs(potential.index) / 2 * rms
    return WeightStatistics(
        n=int(kept.sum()),
        dual_change=change,
        delta_cdf=delta_cdf(change),
        delta_cdf_centred=delta_cdf(change, centred=True),
        floor=delta_cdf_floor(change.size),
        relative_magnitude=float(np.linalg.norm(change) / np.linalg.norm(dual)),
        sd_log_change=float(log_change.std(ddof=1)) if log_change.size > 1 else math.nan,
        lazy=lazy,
        moved_signs=int((w0 * w1 < 0).sum()),
        zeros=int(((w0 == 0) | (w1 == 0)).sum()),
    )


def signed_dual_change(
    before: Float[np.ndarray, " m"], after: Float[np.ndarray, " m"], potential: AbstractPotential
) -> tuple[Float[np.ndarray, " n"], np.ndarray, Float[np.ndarray, " n"]]:
    """Dual change of the weights that have one, which those are (m,), and their dual before.

    Under a potential of index 1 and above, which keeps signs, weights at 0 and those that crossed
    it have none.
    """
    kept, sign = np.ones(before.shape, dtype=bool), np.float64(1)
    if isinstance(potential, Power) and potential.freezes_signs:
        kept = before * after > 0
        sign = np.sign(before[kept])
        potential = Power(potential.index)
    w0, w1 = before[kept] * sign, after[kept] * sign
    fields: Any = jax.tree_util.tree_leaves(potential)
    if all(np.ndim(leaf) == 0 for leaf in fields):  # one compilation serves layers of many sizes
        w0, w1 = lengthened(w0), lengthened(w1)
    count = int(kept.sum())
    change = np.asarray(potential.dual_change(w0, w1))[:count]
    return sign * change, kept, sign * np.asarray(potential.to_dual(w0))[:count]


def _pair(before: Any, after: Any) -> tuple[np.ndarray, np.ndarray]:
    same_labels({"before": before, "after": after}, rows="weights")
    same_axes({"before": (before, 1), "after": (after, 1)})
    w0, w1 = (weights_of(w, name) for w, name in ((before, "before"), (after, "after")))
    if w0.shape != w1.shape:
        raise DataError(f"before has shape {w0.shape} and after {w1.shape}: give the same weights")
    for name, w in (("before", w0), ("after", w1)):
        if not np.isfinite(w).all():
            raise DataError(f"{name}: {int((~np.isfinite(w)).sum())} weights are not finite")
    return w0.ravel(), w1.ravel()
