"""Two distributions of sizes, not the same synapses: what can be said of the geometry at all.

If every dual weight changes alike, the distribution of duals after is that before, smeared by the
change. That shows the geometry only where the change is comparable to the spread.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr

from steepest.errors import DataError
from steepest.inference.dual import dual_change
from steepest.inference.verdict import SCHEMA, plain

__all__ = ["UnpairedVerdict", "infer_unpaired"]

_FEWEST = 50
_USABLE = 0.5
_GRID = np.linspace(-2.0, 3.0, 51)
_POINTS = 200
_DRAWS = 100


@dataclass(frozen=True)
class UnpairedVerdict:
    """The index that best turns one distribution into the other, and whether it can be trusted.

    `relative_change` is the sd of the change over the spread of the duals before: below .5 the
    index is biased and only printed. An unpaired file never names.
    """

    index: float
    interval: tuple[float, float]
    relative_change: float
    usable: bool
    n_before: int
    n_after: int
    seed: int

    @property
    def verdict(self) -> str:
        if math.isnan(self.index):
            return "The second distribution is no wider than the first in any geometry."
        return "No geometry is named from unpaired sizes."

    @property
    def reason(self) -> str:
        if math.isnan(self.index):
            return "change can only widen the distribution of duals; here it did not"
        low, high = self.interval
        found = f"index {self.index:.2f} (95 % {low:.2f} to {high:.2f})"
        size = f"change of {self.relative_change:.2f} of the spread of sizes"
        if self.usable:
            return f"{found}, from a {size}: usable, to within about .25"
        return f"{found}, from a {size}: below {_USABLE:g} the index is biased and means nothing"

    def to_dict(self) -> dict[str, Any]:
        """The verdict as plain JSON values, with the keys that every verdict has."""
        outcome = "undecided" if self.usable else "refused"
        return plain(
            {
                "schema": SCHEMA,
                "index": self.index,
                "interval": self.interval,
                "outcome": outcome,
                "verdict": self.verdict,
                "reason": self.reason,
                "settle": "Follow the same synapses from before to after.",
                "geometries": [],
                "checks": {
                    "usable_range": {
                        "statistic": self.relative_change,
                        "p_value": None,
                        "passed": self.usable,
                        "meaning": f"change over spread; at least {_USABLE:g} to be usable",
                    }
                },
                "n": self.n_before + self.n_after,
                "seed": self.seed,
            }
        )

    def __str__(self) -> str:
        return f"{'undecided' if self.usable else 'refused'}: {self.verdict}\n  why  {self.reason}"


def infer_unpaired(
    before: Any, after: Any, *, draws: int = _DRAWS, seed: int = 0
) -> UnpairedVerdict:
    """The index at which the distribution before, widened by a Gaussian, is that after.

    Sizes are positive; zeros and NaN are left out. Mean and sd of the dual change are matched, and
    the index is that of the smallest Cramer-von Mises distance; both samples are bootstrapped.
    Raises DataError for negative or infinite sizes, and fewer than 50 in a sample.
    """
    samples = []
    for values, name in ((before, "before"), (after, "after")):
        sizes = np.asarray(values, dtype=np.float64).ravel()
        if (sizes < 0).any() or np.isinf(sizes).any():
            raise DataError(f"{name} holds a negative or infinite size: sizes are positive")
        sizes = sizes[sizes > 0]
        if sizes.size < _FEWEST:
            raise DataError(f"{name} has {sizes.size} sizes: at least {_FEWEST} are needed")
        samples.append(np.log(sizes))
    centre = samples[0].mean()
    first, second = samples[0] - centre, samples[1] - centre
    index, relative = _best(first, second)
    rng = np.random.default_rng([seed, 4])
    drawn = np.array(
        [
            _best(rng.choice(first, first.size), rng.choice(second, second.size))[0]
            for _ in range(draws)
        ]
    )
    fine = drawn[np.isfinite(drawn)]
    low, high = (math.nan, math.nan)
    if fine.size >= draws / 2:
        low, high = (float(end) for end in np.quantile(fine, [0.025, 0.975]))
    usable = math.isfinite(index) and relative >= _USABLE
    return UnpairedVerdict(index, (low, high), relative, usable, first.size, second.size, seed)


def _best(first: Float[np.ndarray, " n"], second: Float[np.ndarray, " m"]) -> tuple[float, float]:
    """The best index and the relative change there; NaN where no geometry shows a widening."""
    best = (math.inf, math.nan, math.nan)
    start = np.quantile(first, (np.arange(_POINTS) + 0.5) / _POINTS)
    end = np.quantile(second, (np.arange(_POINTS) + 0.5) / _POINTS)
    zero = np.zeros_like
    for index in _GRID:
        dual, after = dual_change(zero(start), start, index), dual_change(zero(end), end, index)
        widening = after.var() - dual.var()
        if widening <= 0:
            continue
        sd = math.sqrt(widening)
        shifted = after[:, None] - dual[None, :] - (after.mean() - dual.mean())
        expected = ndtr(shifted / sd).mean(axis=1)
        distance = float(np.sum((expected - (np.arange(_POINTS) + 0.5) / _POINTS) ** 2))
        if distance < best[0]:
            best = (distance, float(index), sd / float(dual.std()))
    return best[1], best[2]
