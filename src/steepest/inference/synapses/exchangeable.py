"""Two synapses of one axon on one dendrite: what they do not share shows their geometry.

The two share every input, so their sizes should be equal; what they do not share is change of their
own. In the dual of the true geometry its size does not depend on theirs: the difference of the
duals is unrelated to their sum. One snapshot is enough, and the order within a pair means nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq
from scipy.special import bdtr, ndtr

from steepest.errors import DataError
from steepest.inference.synapses.checks import rank_correlation
from steepest.inference.synapses.exchangeable_rules import MOST_CROSSING, PAIRS, Evidence
from steepest.inference.synapses.geometries import ALPHA, SEARCHED
from steepest.inference.synapses.intervals import Interval
from steepest.inference.synapses.naming import Outcome, settled
from steepest.inference.synapses.noise import Noise, check_noise, stated_noise
from steepest.inference.synapses.publishing import pairs_legend, pairs_methods, results_sentence
from steepest.inference.synapses.sizes import columns_of
from steepest.inference.synapses.verdict import (
    Check,
    GeometryFit,
    attributes,
    html,
    marked,
    number,
    sentence_of,
    verdict_dict,
)
from steepest.markup import brief, visible

if TYPE_CHECKING:
    import matplotlib.figure
    import xarray

__all__ = ["PairsVerdict", "infer_pairs", "long_pairs"]

_FEWEST = 50
_GRID = np.linspace(*SEARCHED, 81)
_NORMAL_95 = 1.959964


@dataclass(frozen=True, eq=False)
class PairsVerdict:
    """The index of what two synapses of a pair do not share, and whether it may be named.

    `correlation` is that of the log sizes within pairs, `crossing` the expected share of synapses
    whose own change would carry them across zero. `absent` and `not_measured` pairs are left out.
    `profile` is the rank correlation of |difference| and sum of the duals at `profile_index`.

    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> shared = 0.8 * rng.standard_normal(300)
    >>> first, second = np.exp(shared + 0.3 * rng.standard_normal((2, 300)))
    >>> infer_pairs(first, second, noise_cv=0).n
    300
    """

    index: float
    interval: tuple[float, float]
    outcome: Outcome
    verdict: str
    reason: str
    settle: str
    checks: dict[str, Check]
    n: int
    correlation: float
    crossing: float
    absent: int
    not_measured: int
    noise: Noise
    first: Float[np.ndarray, " n"] = field(repr=False)
    second: Float[np.ndarray, " n"] = field(repr=False)
    profile_index: Float[np.ndarray, " p"] = field(repr=False)
    profile: Float[np.ndarray, " p"] = field(repr=False)
    seed: int = 0

    @property
    def geometries(self) -> tuple[GeometryFit, ...]:
        """None: rank correlations have no likelihood to rank geometries by."""
        return ()

    def sentence(self) -> str:
        """The verdict as one sentence with its numbers, as a results section states it."""
        return results_sentence(sentence_of(self), self.index, self.interval, f"n = {self.n} pairs")

    def methods(self) -> str:
        """What was computed, as a paragraph for a methods section."""
        return pairs_methods(self)

    def legend(self) -> str:
        """The legend of the figure that `plot` draws."""
        return pairs_legend(self)

    def to_dict(self) -> dict[str, Any]:
        """The verdict as plain JSON values; numbers that do not exist are None, never NaN."""
        return verdict_dict(
            self,
            {
                "settle": self.settle,
                "pairs": self.n,
                "correlation": self.correlation,
                "crossing": self.crossing,
                "absent": self.absent,
                "not_measured": self.not_measured,
                "noise": {
                    "kind": self.noise.kind,
                    "value": self.noise.value,
                    "statement": self.noise.statement,
                },
                "estimator": "rank correlation of |difference| and sum of the duals",
                "interval_method": "inverted rank correlation",
            },
        )

    def plot(self) -> "matplotlib.figure.Figure":
        """Draw the pairs, and the rank correlation at every index."""
        from steepest.inference.synapses.exchangeable_picture import draw

        return draw(self)

    def __str__(self) -> str:
        low, high = self.interval
        lines = [
            f"{self.outcome}: {self.verdict}",
            f"  index      {number(self.index)} (95 % {number(low)} to {number(high)})",
            f"  pairs      {self.n}; {self.absent} with an absent synapse left out",
            f"  noise      {self.noise.statement}",
            f"  why        {self.reason}",
            f"  to settle  {self.settle}",
        ]
        return "\n".join(map(visible, [*lines, *marked(self)]))

    def __repr__(self) -> str:
        return brief(str(self))

    def to_dataset(self) -> "xarray.Dataset":
        """Both sizes of every pair and the profile, the verdict as attributes."""
        import xarray as xr

        return xr.Dataset(
            {
                "first": ("pair", self.first),
                "second": ("pair", self.second),
                "rank_correlation": ("index", self.profile),
            },
            coords={"index": self.profile_index},
            attrs=attributes(self),
        )

    def _repr_html_(self) -> str:
        return html(self, f"Measurement noise: {self.noise.statement}.")


def infer_pairs(
    first: Any, second: Any, *, noise_cv: Any = None, noise_sd: Any = None, seed: int = 0
) -> PairsVerdict:
    """In which geometry did two synapses of the same axon and dendrite move apart?

    `first` and `second` are the sizes of both synapses of every pair, in any order within a pair;
    0 is an absent synapse, NaN one that was not measured, and such pairs are left out. The index is
    the one at which |difference| and sum of the duals have no rank correlation, which is exact for
    any distribution of sizes and any symmetric change; the interval inverts that correlation at
    1.96 / sqrt(n - 1). Measurement noise moves the index (.15 of the size moves .5 to .63), so a
    geometry is named only with sizes stated to be exact, `noise_cv=0`. Where more than 1 % of
    synapses would cross zero, the pairs are a selection and are refused. Nothing is random: `seed`
    is only carried along.

    Heavy tails carry sizes across zero that a Gaussian does not foresee and that no file shows:
    with changes of Student's t of 3 degrees of freedom and pairs correlated by .3, 1.1 % of the
    pairs are lost at an index of .5, the large differences among large pairs stay, and it reads
    .56. At .75, or correlated by .8, a quarter of that or less is lost: the bias is at most .02.

    Raises DataError for sizes that `infer_geometry` refuses, fewer than 50 pairs, pairs that are
    all equal or have all the same size, and noise that is contradictory, negative or extreme.

    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> shared = 0.8 * rng.standard_normal(500)
    >>> first, second = np.exp(shared + 0.3 * rng.standard_normal((2, 500)))
    >>> infer_pairs(first, second, noise_cv=0).verdict
    'multiplicative'
    """
    noise = stated_noise(noise_cv, noise_sd)
    w1, w2 = columns_of("infer_pairs", first=first, second=second)
    unknown = np.isnan(w1) | np.isnan(w2)
    there = (w1 > 0) & (w2 > 0) & ~unknown
    absent = int((~there & ~unknown).sum())
    if there.sum() < _FEWEST:
        raise DataError(
            f"only {int(there.sum())} of {w1.size} pairs have two sizes ({absent} with an absent"
            f" synapse, {int(unknown.sum())} not measured): at least {_FEWEST} are needed"
        )
    w1, w2 = w1[there], w2[there]
    if np.array_equal(w1, w2):
        raise DataError("both synapses of every pair are equal: what they do not share is the data")
    check_noise(noise, w1, w2)
    logs = np.log(np.stack([w1, w2]))
    logs -= logs.mean()
    if np.ptp(logs.sum(axis=0)) == 0:
        raise DataError(
            "all pairs have the same size: a geometry shows in how change depends on it"
        )
    profile = np.array([_correlation(logs, index) for index in _GRID])
    band = _NORMAL_95 / math.sqrt(w1.size - 1)
    index = _crossing(logs, profile, 0.0)
    low, high = _crossing(logs, profile, band), _crossing(logs, profile, -band)
    interval = Interval(index, low, high)
    crossing = _share_crossing(logs, index) if math.isfinite(index) else math.nan
    checks = _checks(logs, crossing)
    evidence = Evidence(interval, crossing, noise)
    decision = settled(evidence, PAIRS)
    return PairsVerdict(
        index=index,
        interval=(low, high),
        outcome=decision.outcome,
        verdict=decision.verdict,
        reason=decision.reason,
        settle=decision.settle,
        checks=checks,
        n=w1.size,
        correlation=float(np.corrcoef(logs)[0, 1]),
        crossing=crossing,
        absent=absent,
        not_measured=int(unknown.sum()),
        noise=noise,
        first=w1,
        second=w2,
        profile_index=_GRID.copy(),
        profile=profile,
        seed=seed,
    )


def long_pairs(
    pair: Sequence[str], sizes: Float[np.ndarray, " rows"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Both sizes of every pair, from a long table of a synapse a row.

    Raises DataError for a pair that has another number of synapses than two.

    >>> first, second = long_pairs(["a", "b", "a", "b"], np.array([1.0, 2.0, 3.0, 4.0]))
    >>> first.tolist(), second.tolist()
    ([1.0, 2.0], [3.0, 4.0])
    """
    names, place, count = np.unique(np.asarray(pair), return_inverse=True, return_counts=True)
    wrong = np.flatnonzero(count != 2)
    if wrong.size:
        raise DataError(
            f"pair {str(names[wrong[0]])!r} has {count[wrong[0]]} rows:"
            " give two synapses of every pair"
        )
    order = np.argsort(place, kind="stable").reshape(-1, 2)
    return sizes[order[:, 0]], sizes[order[:, 1]]


def _duals(logs: Float[np.ndarray, "2 n"], index: float) -> Float[np.ndarray, "2 n"]:
    power = 1 - index
    return logs if abs(power) < 1e-9 else np.expm1(power * logs) / power


def _correlation(logs: Float[np.ndarray, "2 n"], index: float) -> float:
    """Spearman's rank correlation of |difference| and sum of the duals; falls with the index."""
    duals = _duals(logs, index)
    return rank_correlation(np.abs(duals[0] - duals[1]), duals[0] + duals[1])[0]


def _crossing(logs: np.ndarray, profile: np.ndarray, level: float) -> float:
    """The index at which the correlation falls to a level; infinite where it does not."""
    rest = profile - level
    falls = np.flatnonzero((rest[:-1] > 0) & (rest[1:] <= 0))
    if not falls.size:
        return math.inf if rest[-1] > 0 else -math.inf
    at = falls[np.argmin(np.abs(_GRID[falls] - 1))]
    low, high = float(_GRID[at]), float(_GRID[at + 1])
    return brentq(lambda index: _correlation(logs, index) - level, low, high, xtol=1e-4)


def _share_crossing(logs: np.ndarray, index: float) -> float:
    """The share of synapses that a Gaussian change of this size would carry across zero."""
    if index >= 1:
        return 0.0
    duals = np.exp((1 - index) * logs)
    sd = math.sqrt(float(np.mean((duals[0] - duals[1]) ** 2)) / 2)
    return float(np.mean(ndtr(-duals.mean(axis=0) / sd)))


def _checks(logs: np.ndarray, crossing: float) -> dict[str, Check]:
    gap = logs[0] - logs[1]
    differ = gap[gap != 0]
    larger = int((differ > 0).sum())
    fewer = min(larger, differ.size - larger)
    p_value = min(2 * float(bdtr(fewer, differ.size, 0.5)), 1.0)
    said = f"the first is the larger in {larger} of {differ.size} pairs"
    order = Check(
        larger / differ.size,
        p_value,
        p_value >= ALPHA,
        said if p_value >= ALPHA else f"{said}: the order within pairs has a meaning",
    )
    said = f"{crossing:.1%} of synapses expected to cross zero"
    flips = Check(crossing, None, None if math.isnan(crossing) else crossing < MOST_CROSSING, said)
    return {"sign_flips": flips, "order": order}
