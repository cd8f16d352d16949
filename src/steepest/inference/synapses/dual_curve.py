"""The mirror map that synapses used: their dual as a monotone curve of size, with its band.

In a mirror geometry every synapse's dual phi'(w) changes alike, so phi' grows by 1 / sd over each
step of log size, sd being the noise-free standard deviation of change of log size there.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from steepest.errors import DataError
from steepest.inference.synapses._scoring import DEEP
from steepest.inference.synapses.estimation import Estimate
from steepest.inference.synapses.geometries import DRAWN
from steepest.inference.synapses.signal import SignalFit, fit_signal

if TYPE_CHECKING:
    from steepest.geometry import Diagonal, Power

__all__ = ["MirrorMap", "mirror_map", "power_dual"]

_POINTS = 101


@dataclass(frozen=True, eq=False)
class MirrorMap:
    """phi' over the range of sizes seen, 0 and of slope 1 per log size at the typical size.

    `low` and `high` are the 2.5 and 97.5 percentiles of the resamples, point by point. `index` is
    that of the one power of size that fits best.

    >>> import numpy as np
    >>> size = np.array([1.0, 2.0])
    >>> dual = np.log(size)
    >>> MirrorMap(size, dual, dual, dual, index=1.0, typical_size=1.5).index
    1.0
    """

    size: Float[np.ndarray, " s"] = field(repr=False)
    dual: Float[np.ndarray, " s"] = field(repr=False)
    low: Float[np.ndarray, " s"] = field(repr=False)
    high: Float[np.ndarray, " s"] = field(repr=False)
    index: float
    typical_size: float

    def potential(self) -> "Power":
        """The power potential of the best index, for `gradient_flow` and `mirror_step`."""
        from steepest.geometry import Power

        return Power(self.index)

    def metric(self, sizes: Float[np.ndarray, " n"]) -> "Diagonal":
        """The metric phi'' at these sizes, one constant factor per synapse.

        Raises DataError for a size outside the range that was measured: the curve says nothing
        there.
        """
        from steepest.geometry import Diagonal

        outside = (sizes < self.size[0]) | (sizes > self.size[-1])
        if outside.any():
            at = int(np.flatnonzero(outside)[0])
            raise DataError(
                f"size {at} is {sizes[at]:.4g}, outside the measured range {self.size[0]:.4g} to"
                f" {self.size[-1]:.4g}: the mirror map is known only inside"
            )
        slope = np.gradient(self.dual, np.log(self.size))
        return Diagonal(np.interp(np.log(sizes), np.log(self.size), slope) / sizes)


def mirror_map(estimate: Estimate) -> MirrorMap:
    """The mirror map of an estimate; a quadratic bend of log sd on log size is allowed for.

    Raises DataError where the estimate has no index.

    >>> from steepest.inference import Design, simulate_design
    >>> from steepest.inference.synapses import estimate
    >>> measured = simulate_design(Design(synapses=200, sessions=4, groups=10), 1)
    >>> round(mirror_map(estimate(measured, draws=20)).index, 2)
    0.98
    """
    if not np.isfinite(estimate.index.value):
        raise DataError("the index is not determined, so there is no mirror map to draw")
    moments = estimate.moments
    learned = moments.kappa > 0
    middle = np.linspace(moments.middle[learned].min(), moments.middle[learned].max(), _POINTS)
    one = np.ones((1, len(moments.counts)))
    best = fit_signal(moments, one, estimate.fit.noise, estimate.fit, curved=True)
    drawn = fit_signal(moments, estimate.weights, estimate.draws.noise, estimate.draws, curved=True)
    curves = _dual(drawn, middle)
    low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    return MirrorMap(
        size=np.exp(middle + estimate.centre),
        dual=_dual(best, middle)[0],
        low=low,
        high=high,
        index=estimate.index.value,
        typical_size=float(np.exp(estimate.centre)),
    )


def power_dual(middle: Float[np.ndarray, " s"], index: float) -> Float[np.ndarray, " s"]:
    """The dual of a named geometry, shifted and scaled as `MirrorMap.dual` is."""
    power = 1 - index
    return middle if power == 0 else np.expm1(power * middle) / power


def _dual(fit: SignalFit, middle: Float[np.ndarray, " s"]) -> Float[np.ndarray, "b s"]:
    index = np.clip(fit.index, *DRAWN)
    steep = (1 - index)[:, None] * middle - fit.bend[:, None] * middle**2
    # Without any signal in a resample its bend is unbounded, and so is its curve.
    slope = np.exp(np.clip(steep, -2 * DEEP, 2 * DEEP))
    steps = (slope[:, 1:] + slope[:, :-1]) / 2 * np.diff(middle)
    dual = np.concatenate([np.zeros((len(slope), 1)), np.cumsum(steps, axis=1)], axis=1)
    at_zero = np.array([np.interp(0.0, middle, row) for row in dual])
    return dual - at_zero[:, None]
