"""Presynaptic rates as a covariate: the index free of their confound, and the rate exponent.

Where size and rate go together, a dependence of change on rate passes for one on size. The natural
gradient of a spiking neuron is additive in size but lowers the exponent of rate by about 1.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq

from steepest.arrays.given import refuse_tracers, same_labels
from steepest.errors import DataError
from steepest.inference.synapses.dual import dual_change
from steepest.inference.synapses.geometries import SEARCHED
from steepest.inference.synapses.grouped import resamples
from steepest.inference.synapses.sizes import groups_of, numbers_of, sizes_of

__all__ = ["RateFit", "rate_exponent"]

_FEWEST = 30


@dataclass(frozen=True)
class RateFit:
    """sd(dw) ~ w^a r^rho: index a at equal rate, exponent rho at equal size, 95 % intervals.

    `not_measured` synapses lack a size or a rate, and are left out.

    >>> RateFit(0.1, -0.2, 0.4, 1.0, 0.8, 1.2, 300, "as for a gradient that ignores rates").exponent
    1.0
    """

    index: float
    index_low: float
    index_high: float
    exponent: float
    exponent_low: float
    exponent_high: float
    n: int
    meaning: str
    not_measured: int = 0


def rate_exponent(
    before: Any,
    after: Any,
    rates: Any,
    *,
    groups: Any = None,
    draws: int = 200,
    seed: int = 0,
) -> RateFit:
    """How the spread of change depends on size and on presynaptic rate, each with the other held.

    `before` and `after` are positive sizes (0: absent, left out), `rates` positive rates in any
    unit; NaN was not measured, left out and counted. The dual change is freed of its regression on
    (1, rate, size), then log|change| is regressed on log size and log rate; the index is that at
    which the first slope vanishes. Intervals resample synapses, or the dendrites, cells or animals
    that `groups` labels.

    Raises DataError for lengths that differ, rates that are not positive or all equal, and fewer
    than 30 usable synapses.

    >>> import numpy as np
    >>> from steepest.inference import simulate_change
    >>> rates = np.exp(np.random.default_rng(0).standard_normal(300))
    >>> fit = rate_exponent(*simulate_change(300, index=1, seed=1), rates, draws=20)
    >>> fit.n, round(fit.index, 1)
    (300, 1.0)
    """
    refuse_tracers("rate_exponent", before, after, rates)
    everything = "before, after and rates"
    sizes = [
        sizes_of(before, "before", everything=everything),
        sizes_of(after, "after", everything=everything),
        numbers_of(rates, "rates", everything=everything, what="rates"),
    ]
    if len({array.shape for array in sizes}) > 1:
        raise DataError(
            f"before, after and rates have {', '.join(str(array.size) for array in sizes)} rows:"
            " give one of each per synapse"
        )
    same_labels({"before": before, "after": after, "rates": rates, "groups": groups})
    codes = None if groups is None else groups_of(groups, sizes[0].size, everything)[0]
    unknown = np.isnan(sizes).any(axis=0)
    there = (sizes[0] > 0) & (sizes[1] > 0) & ~unknown
    bad = there & ~(sizes[2] > 0)
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"the rate of row {at} (counted from 0) is {sizes[2][at]:g}: rates are positive; leave"
            " out silent synapses"
        )
    if there.sum() < _FEWEST:
        raise DataError(
            f"only {int(there.sum())} synapses with a size before and after: {_FEWEST} are needed"
        )
    logs = np.log(np.stack([array[there] for array in sizes]))
    if np.ptp(logs[2]) == 0:
        raise DataError("all rates are equal: they say nothing; leave the rate out")
    if abs(np.corrcoef(logs[0], logs[2])[0, 1]) > 1 - 1e-9:
        raise DataError(
            "rates are a power of the sizes before: what size and rate do cannot be told apart;"
            " leave the rate out"
        )
    index, exponent = _fit(logs)
    rng = np.random.default_rng([seed, 3])
    n = logs.shape[1]
    alone = (rng.integers(n, size=n) for _ in range(draws))
    chosen = alone if codes is None else resamples(codes[there], draws, rng)
    drawn = np.array([_fit(logs[:, rows]) for rows in chosen])
    low, high = np.nanquantile(drawn, [0.025, 0.975], axis=0)
    meaning = "change grows with rate as for a gradient that ignores rates"
    if high[1] < 0.5:
        meaning = "an exponent near 0 is what the natural gradient predicts"
    elif low[1] < 0.5:
        meaning = "the exponent is too uncertain to tell the natural gradient (0) from others (1)"
    return RateFit(
        index,
        float(low[0]),
        float(high[0]),
        exponent,
        float(low[1]),
        float(high[1]),
        int(there.sum()),
        meaning,
        int(unknown.sum()),
    )


def _fit(logs: Float[np.ndarray, "3 n"]) -> tuple[float, float]:
    before, after, rate = logs[0] - logs[0].mean(), logs[1] - logs[0].mean(), logs[2]
    location = np.stack([np.ones_like(before), np.exp(rate - rate.mean()), np.exp(before)])
    spread = np.stack([np.ones_like(before), before, rate])

    def slopes(index: float) -> np.ndarray:
        change = dual_change(before, after, index)
        rest = np.abs(change - _line(location, change) @ location)
        kept = rest > 0
        return _line(spread[:, kept], np.log(rest[kept]))

    grid = np.linspace(*SEARCHED, 21)
    values = np.array([slopes(index)[1] for index in grid])
    crossing = np.flatnonzero((values[:-1] > 0) & (values[1:] <= 0))
    if not crossing.size:
        return math.nan, math.nan
    at = crossing[crossing.size // 2]
    index = float(brentq(lambda a: slopes(a)[1], grid[at], grid[at + 1], xtol=1e-4))  # pyright: ignore[reportArgumentType]
    return index, float(slopes(index)[2])


def _line(design: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Least squares by normal equations; einsum, as matrix products of this size start threads."""
    moments = np.einsum("in,jn->ij", design, design)
    return np.linalg.solve(moments, np.einsum("in,n->i", design, values))
