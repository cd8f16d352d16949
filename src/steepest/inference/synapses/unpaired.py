"""Two distributions of sizes, not the same synapses: what can be said of the geometry at all.

If every dual weight changes alike, the distribution of duals after is that before, smeared by the
change. That shows the geometry only where the change is comparable to the spread.
"""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr

from steepest.arrays.given import refuse_tracers
from steepest.errors import DataError
from steepest.inference.synapses.dual import dual_change
from steepest.inference.synapses.geometries import SHOWN
from steepest.inference.synapses.naming import Outcome
from steepest.inference.synapses.publishing import (
    results_sentence,
    unpaired_legend,
    unpaired_methods,
)
from steepest.inference.synapses.sizes import sizes_of
from steepest.inference.synapses.verdict import (
    Check,
    GeometryFit,
    attributes,
    html,
    sentence_of,
    verdict_dict,
)
from steepest.markup import brief

if TYPE_CHECKING:
    import matplotlib.figure
    import xarray

__all__ = ["UnpairedVerdict", "infer_unpaired"]

_FEWEST = 50
_USABLE = 0.5
_GRID = np.linspace(*SHOWN, 51)
_POINTS = 200
_EVERY = 4
_DRAWS = 100


@dataclass(frozen=True, eq=False)
class UnpairedVerdict:
    """The index that best turns one distribution into the other, and whether it can be trusted.

    `index` is NaN where nothing widened, and infinite where the best lies at an end of the search.
    `relative_change` is the sd of the change over the spread of the duals before: below .5 the
    index is biased and only printed. An unpaired file never names. `before` and `after` are the
    positive sizes, `absent_before` and `absent_after` how many were 0, `not_measured_before`
    and `not_measured_after` how many NaN. `profile` is the
    Cramer-von Mises distance of every index in `profile_index`, NaN where the distribution did
    not widen.

    >>> from steepest.inference import simulate_change
    >>> infer_unpaired(*simulate_change(100, index=1, seed=1), draws=3).outcome
    'refused'
    """

    index: float
    interval: tuple[float, float]
    relative_change: float
    usable: bool
    absent_before: int
    absent_after: int
    not_measured_before: int
    not_measured_after: int
    draws: int
    seed: int
    before: Float[np.ndarray, " n"] = field(repr=False)
    after: Float[np.ndarray, " m"] = field(repr=False)
    profile_index: Float[np.ndarray, " p"] = field(repr=False)
    profile: Float[np.ndarray, " p"] = field(repr=False)

    @property
    def n_before(self) -> int:
        """Positive sizes before."""
        return self.before.size

    @property
    def n_after(self) -> int:
        """Positive sizes after."""
        return self.after.size

    @property
    def outcome(self) -> Outcome:
        """Undecided where the change was large enough to mean anything, else refused."""
        return "undecided" if self.usable else "refused"

    @property
    def verdict(self) -> str:
        """One plain sentence."""
        if math.isnan(self.index):
            return "The second distribution is no wider than the first in any geometry."
        if math.isinf(self.index):
            return "The index lies outside of the range that is searched."
        return "No geometry is named from unpaired sizes."

    @property
    def reason(self) -> str:
        """The numbers behind it."""
        if math.isnan(self.index):
            return "change can only widen the distribution of duals; here it did not"
        if math.isinf(self.index):
            end = _GRID[0] if self.index < 0 else _GRID[-1]
            return (
                f"the misfit is smallest where the search ends, at index {end:g}, from a change of"
                f" {self.relative_change:.2f} of the spread of sizes: no index is given"
            )
        low, high = self.interval
        found = f"index {self.index:.2f} (95 % {low:.2f} to {high:.2f})"
        size = f"change of {self.relative_change:.2f} of the spread of sizes"
        if self.usable:
            return f"{found}, from a {size}: usable, to within about .25"
        return f"{found}, from a {size}: below {_USABLE:g} the index is biased and means nothing"

    @property
    def settle(self) -> str:
        """The measurement that would decide."""
        return "Follow the same synapses from before to after."

    @property
    def checks(self) -> dict[str, Check]:
        """Whether the change is large against the spread, and the index within the search."""
        meaning = f"change over spread; at least {_USABLE:g} to be usable"
        if math.isinf(self.index):
            meaning = (
                "the index lies where the search ends: it is not usable, however large the change"
            )
        return {"usable_range": Check(self.relative_change, None, self.usable, meaning)}

    def sentence(self) -> str:
        """The verdict as one sentence with its numbers, as a results section states it."""
        return results_sentence(
            sentence_of(self),
            self.index,
            self.interval,
            f"n = {self.n_before} and {self.n_after} synapses",
        )

    def methods(self) -> str:
        """What was computed, as a paragraph for a methods section."""
        return unpaired_methods(self)

    def legend(self) -> str:
        """The legend of the figure that `plot` draws."""
        return unpaired_legend(self)

    def to_dict(self) -> dict[str, Any]:
        """The verdict as plain JSON values, with the keys that every verdict has."""
        return verdict_dict(
            self,
            {
                "settle": self.settle,
                "n_before": self.n_before,
                "n_after": self.n_after,
                "absent_before": self.absent_before,
                "absent_after": self.absent_after,
                "not_measured_before": self.not_measured_before,
                "not_measured_after": self.not_measured_after,
                "estimator": "smallest Cramer-von Mises distance",
                "interval_method": f"percentile bootstrap of both samples, {self.draws} draws",
            },
        )

    def plot(self) -> "matplotlib.figure.Figure":
        """Draw both distributions and the misfit of every index as one matplotlib Figure."""
        from steepest.inference.synapses.unpaired_picture import draw

        return draw(self)

    @property
    def n(self) -> int:
        """Positive sizes in both samples together."""
        return self.n_before + self.n_after

    @property
    def geometries(self) -> tuple[GeometryFit, ...]:
        """None: distributions rank no geometries."""
        return ()

    def __str__(self) -> str:
        return f"{self.outcome}: {self.verdict}\n  why        {self.reason}"

    def __repr__(self) -> str:
        return brief(str(self))

    def to_dataset(self) -> "xarray.Dataset":
        """Sizes of both samples and the misfit of every index; the verdict as attributes."""
        import xarray as xr

        return xr.Dataset(
            {
                "before": ("synapse_before", self.before),
                "after": ("synapse_after", self.after),
                "misfit": ("index", self.profile),
            },
            coords={"index": self.profile_index},
            attrs=attributes(self) | {"settle": self.settle},
        )

    def _repr_html_(self) -> str:
        return html(self, f"To settle it: {self.settle}")


def infer_unpaired(
    before: Any, after: Any, *, draws: int = _DRAWS, seed: int = 0
) -> UnpairedVerdict:
    """The index at which the distribution before, widened by a Gaussian, is that after.

    Sizes are positive; zeros (absent) and NaN (not measured) are left out and counted. Mean and sd
    of the dual change are matched, and the index is that of the smallest Cramer-von Mises distance;
    both samples are bootstrapped. Raises DataError for sizes that are negative, infinite, masked or
    no real numbers, and fewer than 50 in a sample.

    >>> from steepest.inference import simulate_change
    >>> before, after = simulate_change(200, index=1, change=1.0, seed=1)
    >>> infer_unpaired(before, after, draws=5).usable
    True
    """
    refuse_tracers("infer_unpaired", before, after)
    samples, absent, unknown = [], [], []
    for values, name in ((before, "before"), (after, "after")):
        sizes = sizes_of(values, name, everything=name)
        absent.append(int((sizes == 0).sum()))
        unknown.append(int(np.isnan(sizes).sum()))
        sizes = sizes[sizes > 0]
        if sizes.size < _FEWEST:
            raise DataError(f"{name} has {sizes.size} sizes: at least {_FEWEST} are needed")
        samples.append(np.log(sizes))
    centre = samples[0].mean()
    first, second = samples[0] - centre, samples[1] - centre
    distance, change = _distances(first, second)
    index, relative = _best(distance, change)
    rng = np.random.default_rng([seed, 4])
    drawn = np.array(
        [
            _best(*_distances(rng.choice(first, first.size), rng.choice(second, second.size)))[0]
            for _ in range(draws)
        ]
    )
    known = drawn[~np.isnan(drawn)]
    low, high = (math.nan, math.nan)
    if known.size >= draws / 2:
        # Between a draw beyond the search and one within it there is no middle.
        method = "linear" if np.isfinite(known).all() else "inverted_cdf"
        low, high = (float(end) for end in np.quantile(known, [0.025, 0.975], method=method))
    return UnpairedVerdict(
        index=index,
        interval=(low, high),
        relative_change=relative,
        usable=math.isfinite(index) and relative >= _USABLE,
        absent_before=absent[0],
        absent_after=absent[1],
        not_measured_before=unknown[0],
        not_measured_after=unknown[1],
        draws=draws,
        seed=seed,
        before=np.exp(samples[0]),
        after=np.exp(samples[1]),
        profile_index=_GRID.copy(),
        profile=distance,
    )


def _distances(
    first: Float[np.ndarray, " n"], second: Float[np.ndarray, " m"]
) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """Distance and relative change of every index of the grid; NaN where no widening shows."""
    distance, relative = np.full(_GRID.size, math.nan), np.full(_GRID.size, math.nan)
    level = (np.arange(_POINTS) + 0.5) / _POINTS
    start, end = np.quantile(first, level), np.quantile(second, level)
    zero = np.zeros((_GRID.size, _POINTS))
    duals, afters = (
        dual_change(zero, np.broadcast_to(logs, zero.shape), _GRID[:, None])
        for logs in (start, end)
    )
    for at, (dual, after) in enumerate(zip(duals, afters, strict=True)):
        widening = after.var() - dual.var()
        if widening <= 0:
            continue
        sd = math.sqrt(widening)
        some = slice(_EVERY // 2, None, _EVERY)  # the distance is a smooth sum over the points
        shifted = after[some, None] - dual[None, :] - (after.mean() - dual.mean())
        expected = ndtr(shifted / sd).mean(axis=1)
        distance[at] = _EVERY * float(np.sum((expected - level[some]) ** 2))
        relative[at] = sd / float(dual.std())
    return distance, relative


def _best(
    distance: Float[np.ndarray, " p"], relative: Float[np.ndarray, " p"]
) -> tuple[float, float]:
    """The best index and the relative change there.

    NaN where no geometry shows a widening, infinite where the best is at an end of the grid.
    """
    if np.isnan(distance).all():
        return math.nan, math.nan
    at = int(np.nanargmin(distance))
    index = float(_GRID[at])
    if at in (0, _GRID.size - 1):
        index = math.copysign(math.inf, at - 1)
    return index, float(relative[at])
