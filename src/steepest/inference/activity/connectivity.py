"""From activity to connectivity: the weights of a rate network from time series of its units.

Galtier & Wainrib 2013: the W of least relative entropy between the recorded flow and that of
v' = -l v + W S(v). Its uncertainty comes from resampling blocks of time; what the recording leaves
undetermined is reported, and the network found is set to play by itself against the data.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import norm
from scipy.stats import t as student

from steepest.arrays.numbers import Numbers
from steepest.data.series import Series, check_series
from steepest.errors import DataError, FlowError, UsageError
from steepest.recurrent.entropy import Minimum, relative_entropy
from steepest.recurrent.inputs import Inputs, Scheme
from steepest.recurrent.network import AbstractAdditive, RateNetwork, replay, rk4
from steepest.recurrent.nonlinearity import TANH, Nonlinearity

__all__ = ["Connectivity", "infer_connectivity"]

_REPLAYED = 5000
_TOGETHER = 2_000_000  # numbers per table of draws taken at once
_ROUGH = 1.5  # between 2, a smooth series, and 1, a diffusion


@dataclass(frozen=True, eq=False)
class Connectivity:
    """Weights W (n, n), W[i, j] from unit j to unit i, with what supports them.

    `interval` (2, n, n): 95 % intervals, percentiles over `draws` resamplings of `blocks` blocks
    of time, widened for the number of blocks. `minimum`: spectrum of C, rank, and
    `minimum.undetermined`. `explained` (n): the share of each unit's v' + l v that W S(v) accounts
    for. `roughness`: 2 for a smooth series, 1 for a diffusion, below 1 where measurement noise
    dominates; it chose the `derivative` unless one was given. `step_error` is the largest change
    of a weight with another difference formula: what the sampling step leaves open, and no
    resampling shows. `replayed` (k, n) starts from the first row of `series` and lasts for all or
    its first 5000, NaN where the network's activity explodes; `correlation` (n) compares the two,
    `follows` is the time until their difference exceeds half the spread of the data, `stays` the
    same for a network that never leaves the first row: the null baseline.
    """

    weights: Float[np.ndarray, "n n"]
    interval: Float[np.ndarray, "2 n n"]
    series: Series = field(repr=False)
    minimum: Minimum = field(repr=False)
    decay: float
    nonlinearity: str
    derivative: str
    roughness: float
    step_error: float
    explained: Float[np.ndarray, " n"]
    replayed: Float[np.ndarray, "k n"] = field(repr=False)
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
        return self.derivative == "forward" and self.roughness <= _ROUGH

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

    def lines(self) -> list[str]:
        """What was found, in plain words and one table of weights with their intervals."""
        n, names = len(self.weights), self.series.names
        width = max(8, *(len(name) + 2 for name in names))
        spectrum = self.minimum.spectrum
        shown = (len(self.replayed) - 1) * self.series.dt
        found = [
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
            + ", ".join("-" if np.isnan(c) else f"{c:.2f}" for c in self.correlation[:12]),
        ]
        if self._diffusing:
            found.append("the series is noisy: a replay without noise drifts out of phase with it")
        if self.minimum.rank < n:
            found.append(f"outgoing weights not covered, as a share: {self.uncovered}")
        if self.caution:
            found.append(f"caution: {self.caution}")
        if n <= 12:
            found += ["", "to \\ from".ljust(width) + "".join(f"{name:>{width}}" for name in names)]
            for i, name in enumerate(names):
                cells = "".join(f"{w:>{width}.3f}" for w in self.weights[i])
                found.append(f"{name:<{width}}" + cells + f"   explains {self.explained[i]:.1%}")
                low = "".join(f"{w:>{width}.3f}" for w in self.interval[0, i])
                high = "".join(f"{w:>{width}.3f}" for w in self.interval[1, i])
                found += [" " * (width - 4) + "from" + low, " " * (width - 4) + "  to" + high]
        return found

    def csv(self) -> str:
        """One row per weight: to, from, weight, interval, and whether it is `clear`ly not 0."""
        buffer = io.StringIO()
        table = csv.writer(buffer, lineterminator="\n")
        table.writerow(["to", "from", "weight", "low", "high", "clear"])
        names = self.series.names
        for i, j in np.ndindex(*self.weights.shape):
            numbers = (self.weights[i, j], *self.interval[:, i, j])
            texts = [f"{value:.9g}" for value in numbers]
            table.writerow([names[i], names[j], *texts, int(self.clear[i, j])])
        return buffer.getvalue()

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


def infer_connectivity(
    series: Series | Numbers,
    dt: float | None = None,
    *,
    names: Sequence[str] | None = None,
    decay: float = 1.0,
    nonlinearity: Nonlinearity = TANH,
    derivative: Scheme | None = None,
    ridge: float = 0.0,
    cut: float = 0.0,
    blocks: int = 20,
    draws: int = 500,
    seed: int = 0,
) -> Connectivity:
    """The connectivity of v' = -l v + W S(v) from activity (t, n) sampled every `dt`.

    `decay` is l, in 1/time. `derivative` is chosen by the series' roughness: differences of fourth
    order for a smooth one, forward ones for a diffusion, in which symmetric ones are biased.
    `ridge` and `cut` are relative to the largest eigenvalue of C, and recorded.

    Raises `DataError` for gaps, constant or too short series, and recordings that leave directions
    undetermined (named) without a ridge or a cut; `UsageError` for settings that make no sense.
    """
    if not isinstance(series, Series):
        series = _series(series, dt, names)
    if not (np.isfinite(decay) and decay >= 0):
        raise UsageError(f"decay is {decay}: give l, in 1/time, not negative")
    if blocks < 8 or draws < 40:
        raise UsageError(f"blocks {blocks}, draws {draws}: give at least 8 blocks and 40 draws")
    values, n = series.values, series.values.shape[1]
    if len(values) < 3 * blocks or len(values) < 4 * n:
        raise DataError(
            f"the series has {len(values)} rows, too few for {n} units and {blocks} blocks of time:"
            f" give at least {max(3 * blocks, 4 * n)}"
        )
    roughness = _roughness(values)
    scheme: Scheme = derivative or ("fourth" if roughness > _ROUGH else "forward")
    network = RateNetwork(decay, nonlinearity)
    inputs = Inputs.sampled(values, series.dt, scheme)
    cost = relative_entropy(inputs, network)
    minimum = cost.minimum(ridge=ridge, cut=cut, names=series.names)
    other: Scheme = "fourth" if scheme == "central" else "central"
    compared = relative_entropy(Inputs.sampled(values, series.dt, other), network)
    step_error = np.abs(compared.minimum(ridge=ridge, cut=cut).weights - minimum.weights).max()
    drive = inputs.velocities - network.intrinsic(inputs.states)
    miss = drive - network.nonlinearity(inputs.states) @ minimum.weights.T
    explained = 1 - np.mean(miss**2, axis=0) / np.mean(drive**2, axis=0)
    interval = _bootstrap(inputs, network, minimum, blocks, draws, seed)
    shown = values[:_REPLAYED]
    played = _play(network, minimum.weights, shown, series.dt)
    correlation, follows = _score(played, shown, series.dt)
    _, stays = _score(np.broadcast_to(shown[0], shown.shape), shown, series.dt)
    return Connectivity(
        weights=minimum.weights,
        interval=interval,
        series=series,
        minimum=minimum,
        decay=decay,
        nonlinearity=nonlinearity.name,
        derivative=scheme,
        roughness=roughness,
        step_error=float(step_error),
        explained=explained,
        replayed=played,
        correlation=correlation,
        follows=follows,
        stays=stays,
        blocks=blocks,
        draws=draws,
        seed=seed,
    )


def _series(values: Numbers, dt: float | None, names: Sequence[str] | None) -> Series:
    array = np.asarray(values, dtype=np.float64)
    if dt is None:
        raise UsageError("give the sampling step dt")
    if array.ndim != 2:
        raise DataError(f"the series has shape {array.shape}: rows are times, columns are units")
    if not np.isfinite(array).all():
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise DataError(
            f"row {row}, column {column} of the series is {array[row, column]}: fill the gap, or"
            " cut the series there"
        )
    columns = getattr(values, "columns", None)
    given = names if names is not None else columns
    labels = [str(k) for k in (range(array.shape[1]) if given is None else given)]
    return check_series(array, dt, labels)


def _roughness(values: np.ndarray) -> float:
    """<(u[k+2] - u[k])^2> over 2 <(u[k+1] - u[k])^2>, the mean over units."""
    one = np.mean(np.diff(values, axis=0) ** 2, axis=0)
    two = np.mean((values[2:] - values[:-2]) ** 2, axis=0)
    return float(np.mean(two / (2 * one)))


def _bootstrap(
    inputs: Inputs,
    network: AbstractAdditive,
    minimum: Minimum,
    blocks: int,
    draws: int,
    seed: int,
) -> np.ndarray:
    """95 % intervals of W over resamplings of whole blocks of time, with the same ridge or cut."""
    rates = network.nonlinearity(inputs.states)
    target = inputs.velocities - network.intrinsic(inputs.states)
    parts = np.array_split(np.arange(len(rates)), blocks)
    covariances = np.array([rates[p].T @ rates[p] for p in parts])
    crosses = np.array([target[p].T @ rates[p] for p in parts])
    random, top = np.random.default_rng(seed), minimum.spectrum[0] * len(rates)
    kept = minimum.directions[:, : minimum.rank]
    # In the modes that were used: the same directions count in every draw.
    inner, outer = kept.T @ covariances @ kept, crosses @ kept
    shift = minimum.ridge * top * np.eye(minimum.rank)
    found, together = [], max(1, _TOGETHER // outer[0].size)
    for first in range(0, draws, together):
        drawn = random.integers(0, blocks, (min(together, draws - first), blocks))
        picks = (drawn[:, :, None] == np.arange(blocks)).sum(axis=1).astype(np.float64)
        gram = np.tensordot(picks, inner, 1) + shift
        # Draws that leave a direction out take the least weights there, as least squares would.
        inverse = np.linalg.pinv(gram, rcond=minimum.rank * np.finfo(float).eps, hermitian=True)
        found.extend(np.tensordot(picks, outer, 1) @ inverse @ kept.T)
    # Few blocks make percentiles narrow: widened by Student's quantile and the sd's own bias.
    wider = student.ppf(0.975, blocks - 1) / norm.ppf(0.975) * np.sqrt(blocks / (blocks - 1))
    return minimum.weights + wider * (np.quantile(found, [0.025, 0.975], axis=0) - minimum.weights)


def _play(
    network: RateNetwork, weights: np.ndarray, values: np.ndarray, dt: float
) -> Float[np.ndarray, "t n"]:
    played = np.full_like(values, np.nan)
    try:
        played[:] = replay(network, weights, values[0], dt, len(values) - 1, integrator=rk4)
    except (FlowError, DataError):
        played[0] = values[0]
    return played


def _score(played: np.ndarray, values: np.ndarray, dt: float) -> tuple[np.ndarray, float]:
    spread = np.sqrt(values.var(axis=0).sum())
    off = np.linalg.norm(played - values, axis=1)
    gone = ~(off <= spread / 2)
    follows = float(np.argmax(gone) if gone.any() else len(values) - 1) * dt
    correlation = np.full(values.shape[1], np.nan)
    if np.isfinite(played).all():
        for unit, (a, b) in enumerate(zip(played.T, values.T, strict=True)):
            if np.ptp(a) > 0:
                correlation[unit] = np.corrcoef(a, b)[0, 1]
    return correlation, follows
