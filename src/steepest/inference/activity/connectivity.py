"""A connectivity that was inferred from activity: the weights, and what supports them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from steepest.data.series import Series
from steepest.files import to_csv
from steepest.markup import fragment, table, visible
from steepest.recurrent.entropy import Minimum

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from xarray import Dataset

__all__ = ["ROUGH", "Connectivity"]

ROUGH = 1.5
"""A series of more roughness is a smooth one (2), of less a diffusion (1)."""
_SATURATED = 0.5  # share of samples beyond which the user is told
_SHOWN = 12  # units of which a text or a page shows the weights


@dataclass(frozen=True, eq=False, repr=False)
class Connectivity:
    """Weights W (n, n), W[i, j] from unit j to unit i, with what supports them.

    `interval` (2, n, n): 95 % intervals, percentiles over `draws` resamplings of `blocks` blocks
    of time, widened for the number of blocks. `minimum`: spectrum of C, rank, and
    `minimum.undetermined`. `explained` (n): the share of each unit's v' + l v that W S(v) accounts
    for; `velocity_explained` (n): of v' itself, whatever l was typed in. `saturated` is the share
    of samples at which S is nearly flat. `roughness`: 2 for a smooth series, 1 for a diffusion,
    below 1 where measurement noise dominates; it chose the `derivative` unless one was given.
    `step_error` is the largest change of a weight with another difference formula: what the
    sampling step leaves open, and no resampling shows. `replayed` (k, n) starts from the first row
    of `series` and lasts for all or its first 5000, NaN where the network's activity explodes;
    `correlation` (n) compares the two, `follows` is the time until their difference exceeds half
    the spread of the data, `stays` the same for a network that never leaves the first row: the
    null baseline.

    >>> from steepest.inference.activity import infer_connectivity
    >>> from steepest.recurrent import RateNetwork, simulate
    >>> turn = np.array([[1.5, -1.0], [1.0, 1.5]])
    >>> path = simulate(RateNetwork(), turn, [0.1, 0.0], 0.05, 400)
    >>> infer_connectivity(path, 0.05)
    Connectivity: 4 of 4 weights between 2 units differ from zero, by their 95 % intervals
    alone, the network follows the data for 20 of 20
    directions covered: 2 of 2
    """

    weights: Float[np.ndarray, "n n"]
    interval: Float[np.ndarray, "2 n n"]
    series: Series
    minimum: Minimum
    decay: float
    nonlinearity: str
    derivative: str
    roughness: float
    step_error: float
    explained: Float[np.ndarray, " n"]
    velocity_explained: Float[np.ndarray, " n"]
    saturated: float
    replayed: Float[np.ndarray, "k n"]
    correlation: Float[np.ndarray, " n"]
    follows: float
    stays: float
    blocks: int
    draws: int
    seed: int

    @property
    def condition(self) -> float:
        """Largest over smallest eigenvalue of C."""
        last = self.minimum.spectrum[-1]
        return float(self.minimum.spectrum[0] / last) if last > 0 else float("inf")

    @property
    def clear(self) -> Bool[np.ndarray, "n n"]:
        """Whether each weight differs from 0: its interval leaves 0 out, beyond the step error.

        In a diffusion (forward differences) the other formula is biased by noise, and not asked.
        """
        apart = (self.interval[0] > 0) | (self.interval[1] < 0)
        return apart & ((np.abs(self.weights) > self.step_error) | self._diffusing)

    @property
    def _diffusing(self) -> bool:
        return self.derivative == "forward" and self.roughness <= ROUGH

    @property
    def weakest(self) -> str:
        """The direction that the recording covers least: its heaviest units and their loadings."""
        loadings = self.minimum.directions[:, -1]
        loadings = loadings * np.sign(loadings[np.argmax(np.abs(loadings))])
        order = np.argsort(-np.abs(loadings))[:4]
        return ", ".join(f"{loadings[k]:+.2f} {self.series.names[k]}" for k in order)

    @property
    def uncovered(self) -> str:
        """The units whose outgoing weights are not determined, and which share of them."""
        share = self.minimum.undetermined
        order = [k for k in np.argsort(-share) if share[k] > 0.005]
        return ", ".join(f"{self.series.names[k]} {share[k]:.0%}" for k in order) or "none"

    @property
    def caution(self) -> str | None:
        """What to beware of, in one sentence, or None."""
        if self.roughness < 0.8:
            return (
                f"the series is rougher than any diffusion (roughness {self.roughness:.2f}):"
                " measurement noise dominates its differences, and the weights are biased by it;"
                " smooth it, or sample more slowly"
            )
        if self.saturated > _SATURATED:
            return (
                f"{self.nonlinearity} saturates in {self.saturated:.0%} of the samples, where it is"
                " nearly flat and says little of the activity: scale the series, or take"
                " another nonlinearity"
            )
        if self.minimum.rank < len(self.weights):
            return (
                f"only {self.minimum.rank} of {len(self.weights)} directions were used: weights"
                " along the others are set to zero, not found to be zero"
            )
        if self.condition > 1e8:
            return (
                f"the recording hardly covers all directions (condition {self.condition:.1e}): look"
                " at the intervals, or ask for a ridge"
            )
        return None

    def sentence(self) -> str:
        """The answer in one sentence: how many weights differ from zero."""
        n = len(self.weights)
        return (
            f"{int(self.clear.sum())} of {n * n} weights between {n} units differ from zero, by"
            " their 95 % intervals"
        )

    def __repr__(self) -> str:
        shown = (len(self.replayed) - 1) * self.series.dt
        lines = [
            f"Connectivity: {self.sentence()}",
            f"alone, the network follows the data for {self.follows:.4g} of {shown:.4g}",
            f"directions covered: {self.minimum.rank} of {len(self.weights)}",
        ]
        return "\n".join([*lines, f"caution: {self.caution}"] if self.caution else lines)

    def _repr_html_(self) -> str:
        names = self.series.names[:_SHOWN]
        shown = self.weights[: len(names), : len(names)]
        marks = np.where(self.clear, "", " (not told from 0)")
        rows = [
            [name, *(f"{w:.3f}{marks[i, j]}" for j, w in enumerate(shown[i]))]
            for i, name in enumerate(names)
        ]
        notes = [self.caution] if self.caution else []
        return fragment(self.sentence(), notes, [table(["to \\ from", *names], rows)])

    def plot(self) -> "Figure":
        """W, the directions that the recording covers, and four units' data and replay."""
        from steepest.inference.activity.picture import connectivity_picture

        return connectivity_picture(self)

    def to_dataset(self) -> "Dataset":
        """Weights (to, from), their intervals, what is explained, and the replay, with units."""
        import xarray as xr

        names, steps = list(self.series.names), len(self.replayed)
        rate = {"units": "1/time"}
        dataset = xr.Dataset(
            {
                "weights": (("to", "from"), self.weights, rate),
                "interval": (("bound", "to", "from"), self.interval, rate),
                "clear": (("to", "from"), self.clear, {"units": "1"}),
                "explained": ("to", self.explained, {"units": "1"}),
                "velocity_explained": ("to", self.velocity_explained, {"units": "1"}),
                "correlation": ("to", self.correlation, {"units": "1"}),
                "data": (("time", "to"), self.series.values[:steps]),
                "replay": (("time", "to"), self.replayed),
            },
            coords={
                "to": names,
                "from": names,
                "bound": ["low", "high"],
                "time": np.arange(steps) * self.series.dt,
            },
        )
        settings = ("decay", "nonlinearity", "derivative", "blocks", "draws", "seed")
        return dataset.assign_attrs({name: getattr(self, name) for name in settings})

    def lines(self) -> list[str]:
        """What was found, in plain words and one table of weights with their intervals."""
        n, names = len(self.weights), [visible(name) for name in self.series.names]
        width = max(8, *(len(name) + 2 for name in names))
        spectrum = self.minimum.spectrum
        shown = (len(self.replayed) - 1) * self.series.dt
        lines = [
            f"{n} units, {len(self.series.values)} rows, step {self.series.dt:g};"
            f" l = {self.decay:g}, S = {self.nonlinearity}",
            f"derivative: {self.derivative} differences (roughness {self.roughness:.2f}; a smooth"
            " series has 2, a diffusion 1)",
            f"another difference formula changes the weights by up to {self.step_error:.2g}"
            + (" (in a diffusion the symmetric ones are biased)" if self._diffusing else ""),
            f"directions covered: {self.minimum.rank} of {n}, eigenvalues of C from"
            f" {spectrum[0]:.3g} to {spectrum[-1]:.3g}"
            + (f"; ridge {self.minimum.ridge:g}" if self.minimum.ridge else "")
            + (f"; cut {self.minimum.cut:g}" if self.minimum.cut else ""),
            f"covered least: {self.weakest} (from these units)",
            f"replay: follows the data for {self.follows:.4g} of {shown:.4g} (staying at the start:"
            f" {self.stays:.4g}); correlation by unit "
            + ", ".join("-" if np.isnan(c) else f"{c:.2f}" for c in self.correlation[:_SHOWN]),
        ]
        if self._diffusing:
            lines.append("the series is noisy: a replay without noise drifts out of phase with it")
        if self.minimum.rank < n:
            lines.append(f"outgoing weights not covered, as a share: {self.uncovered}")
        if self.caution:
            lines.append(f"caution: {self.caution}")
        if n <= _SHOWN:
            lines += ["", "to \\ from".ljust(width) + "".join(f"{name:>{width}}" for name in names)]
            for i, name in enumerate(names):
                cells = "".join(f"{w:>{width}.3f}" for w in self.weights[i])
                lines.append(f"{name:<{width}}{cells}   {self._explains(i)}")
                low = "".join(f"{w:>{width}.3f}" for w in self.interval[0, i])
                high = "".join(f"{w:>{width}.3f}" for w in self.interval[1, i])
                lines += [" " * (width - 4) + "from" + low, " " * (width - 4) + "  to" + high]
        return lines

    def _explains(self, unit: int) -> str:
        share = self.velocity_explained[unit]
        return f"explains {f'{share:.1%}' if share > 0 else 'nothing'} of its velocity"

    def csv(self) -> str:
        """One row per weight: to, from, weight, interval, and whether it is `clear`ly not 0."""
        rows = []
        names = self.series.names
        for i, j in np.ndindex(*self.weights.shape):
            numbers = (self.weights[i, j], *self.interval[:, i, j])
            texts = [f"{value:.9g}" for value in numbers]
            rows.append([names[i], names[j], *texts, int(self.clear[i, j])])
        return to_csv(["to", "from", "weight", "low", "high", "clear"], rows)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the series, as plain JSON values."""
        return {
            "units": list(self.series.names),
            "weights": self.weights.tolist(),
            "interval": self.interval.tolist(),
            "decay": self.decay,
            "nonlinearity": self.nonlinearity,
            "derivative": self.derivative,
            "roughness": self.roughness,
            "step_error": self.step_error,
            "explained": self.explained.tolist(),
            "velocity_explained": self.velocity_explained.tolist(),
            "saturated": self.saturated,
            "spectrum": self.minimum.spectrum.tolist(),
            "rank": self.minimum.rank,
            "ridge": self.minimum.ridge,
            "cut": self.minimum.cut,
            "undetermined": self.minimum.undetermined.tolist(),
            "covered_least": self.minimum.directions[:, -1].tolist(),
            "replay": {
                "correlation": [float(c) if np.isfinite(c) else None for c in self.correlation],
                "follows": self.follows,
                "stays": self.stays,
                "shown": (len(self.replayed) - 1) * self.series.dt,
            },
            "caution": self.caution,
            "n": len(self.series.values),
            "step": self.series.dt,
            "blocks": self.blocks,
            "draws": self.draws,
            "seed": self.seed,
        }
