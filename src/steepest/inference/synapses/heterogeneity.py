"""Do all groups move in one geometry? A test by efficient scores, and an index for every group.

The score of a synapse says which way its changes pull the index, whatever the levels of signal and
noise in its own group: groups that are noisier than others are not taken for another geometry.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from steepest.inference.synapses.changes import Pairs
from steepest.inference.synapses.geometries import SEARCHED, WEIGHING
from steepest.inference.synapses.intervals import Interval
from steepest.inference.synapses.measurements import Measurements
from steepest.inference.synapses.settle import about_drift, expected_variance, unfit
from steepest.inference.synapses.signal import Fit, noise_at, signal_at, signal_bend
from steepest.machine import compiled

__all__ = ["FEWEST_IN_GROUP", "GroupIndices", "compare_groups"]

FEWEST_IN_GROUP = 30
"""Synapses without which a group is not compared: with 20 the test is wrong in 10 % at .01."""

_PRIOR = 1.0  # sd of the log variance of a group's signal and noise about those of all: .5 of sd
_WINSOR = 4.0
_PERMUTATIONS = 200
_AT_ONCE = 200_000  # scores that are permuted at once
_ROUNDS = 8


@dataclass(frozen=True, eq=False)
class GroupIndices:
    """The index of every group, shrunken towards that of all, and whether groups differ.

    `names` are those of the groups compared, `small` how many had too few synapses. `statistic` is
    Cochran's Q, `p_value` that of 200 permutations of the synapses' scores, `tau` the standard
    deviation of the index between groups.

    >>> from steepest.inference import Design, simulate_design
    >>> from steepest.inference.synapses import estimate
    >>> measured = simulate_design(Design(synapses=200, sessions=4, groups=5), 1, seed=1)
    >>> estimate(measured, draws=5).groups.names
    ('0', '1', '2', '3', '4')
    """

    names: tuple[str, ...]
    synapses: Int[np.ndarray, " g"] = field(repr=False)
    indices: tuple[Interval, ...]
    statistic: float
    p_value: float
    tau: float
    small: int


def compare_groups(
    measured: Measurements, changes: Pairs, fit: Fit, *, seed: int
) -> GroupIndices | None:
    """Compare the groups that have at least 30 synapses; None where there are not two of them.

    With a null, or without groups, there is nothing to compare: None too.
    """
    index = float(fit.index[0])
    if measured.groups is None or measured.null.any() or not math.isfinite(index):
        return None
    scores = _scores(measured, changes, fit)
    every = int(measured.groups.max()) + 1
    count = np.bincount(measured.groups, scores.information > 0, every)
    compared = np.flatnonzero(count >= FEWEST_IN_GROUP)
    if compared.size < 2:
        return None
    place = np.full(every, -1)
    place[compared] = np.arange(compared.size)
    group = place[measured.groups]
    rows = np.flatnonzero((group >= 0) & (scores.information > 0))
    group, information = group[rows], scores.information[rows]
    pull = scores.pull[rows] / np.sqrt(information)
    spread = float(np.median(np.abs(pull))) / 0.6745
    pull = np.clip(pull, -_WINSOR * spread, _WINSOR * spread)

    order = np.argsort(group, kind="stable")
    information = information[order]
    starts = np.searchsorted(group[order], np.arange(compared.size))
    total = np.add.reduceat(information, starts)

    def weighed(pull: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every group's distance from the index of all, its variance, and Cochran's Q, by row."""
        distance = np.add.reduceat(pull * np.sqrt(information), starts, axis=1) / total
        square = np.add.reduceat(information * pull**2, starts, axis=1)
        pooled = square.sum(axis=1, keepdims=True) / total.sum()
        variance = (square / total + pooled) / 2 / total
        precision = 1 / variance
        mean = np.sum(distance * precision, axis=1) / np.sum(precision, axis=1)
        return distance, variance, np.sum((distance - mean[:, None]) ** 2 * precision, axis=1)

    (distance,), (variance,), (statistic,) = weighed(pull[None, order])
    rng = np.random.default_rng([seed, 4])
    more, block = 0, max(1, _AT_ONCE // pull.size)
    for first in range(0, _PERMUTATIONS, block):
        rows = range(first, min(first + block, _PERMUTATIONS))
        permuted = np.stack([rng.permutation(pull)[order] for _ in rows])
        more += int((weighed(permuted)[2] >= statistic).sum())
    weight = 1 / variance
    between = max(
        (statistic - compared.size + 1) / float(weight.sum() - np.sum(weight**2) / weight.sum()),
        0.0,
    )
    mean = float(np.sum(distance / (variance + between)) / np.sum(1 / (variance + between)))
    own = between / (between + variance)
    centre = index + mean + own * (distance - mean)
    error = np.sqrt(own * variance + (1 - own) ** 2 / np.sum(1 / (variance + between)))
    indices = [Interval(float(c), float(c - 1.96 * e), float(c + 1.96 * e))
               for c, e in zip(centre, error, strict=True)]  # fmt: skip
    return GroupIndices(
        names=tuple(measured.group_names[at] for at in compared),
        synapses=count[compared].astype(np.int64),
        indices=tuple(indices),
        statistic=float(statistic),
        p_value=(1 + more) / (1 + _PERMUTATIONS),
        tau=math.sqrt(between),
        small=int(((count > 0) & (count < FEWEST_IN_GROUP)).sum()),
    )


@dataclass(frozen=True, eq=False)
class _Scores:
    """Of every synapse: its score of the index, orthogonal to its group's levels; information."""

    pull: Float[np.ndarray, " n"]
    information: Float[np.ndarray, " n"]


def _scores(measured: Measurements, changes: Pairs, fit: Fit) -> _Scores:
    assert measured.groups is not None
    close, large = unfit(measured, changes.centre, changes.middle, fit)
    rest = about_drift(changes, fit)
    precision = 1 / expected_variance(changes, fit)
    leverage = precision / np.bincount(changes.cell, precision)[changes.cell]
    replicate = changes.lag == 0
    rest = np.where(replicate, changes.step, rest)
    leverage = np.where(replicate, 0.0, leverage)
    used = ~close & ~large & (leverage < 0.75)
    used |= replicate
    kept = changes.select(used)
    square = rest[used] ** 2 / (1 - leverage[used])
    index = np.clip(fit.index, *WEIGHING)
    spread = float(changes.middle[changes.lag > 0].std())
    signal = kept.kappa * signal_at(np.clip(fit.index, *SEARCHED), fit.log_signal, kept.middle)[0]
    noise = kept.nu * noise_at(fit.noise, kept.middle)[0]
    group = measured.groups[kept.synapse]
    groups = int(measured.groups.max()) + 1
    level = np.zeros((2, groups))

    def sums(values: np.ndarray) -> np.ndarray:
        return np.bincount(group, values, groups)

    weight = kept.weight / 2

    def solved(own: tuple[np.ndarray, np.ndarray], both: np.ndarray, pull: Sequence[np.ndarray]):
        """The information of both levels, with their priors, against a pull on each."""
        own = own[0] + 1 / _PRIOR**2, own[1] + 1 / _PRIOR**2
        return (
            np.stack([own[1] * pull[0] - both * pull[1], own[0] * pull[1] - both * pull[0]])
            / (own[0] * own[1] - both**2)
        )  # fmt: skip

    bend = float(signal_bend(index[0], spread))
    by_signal, by_noise, excess = slopes = np.empty((3, square.size))
    for _ in range(_ROUNDS):
        _set_slopes(square, kept.weight, signal, noise, group, np.exp(level), bend, slopes)
        *pull, first, second, both = _level_sums(slopes, weight, group, groups)
        pull = [of_level - own / _PRIOR**2 for of_level, own in zip(pull, level, strict=True)]
        level = level + np.clip(solved((first, second), both, pull), -1.0, 1.0)
    _set_slopes(square, kept.weight, signal, noise, group, np.exp(level), bend, slopes)
    by_index = 2 * kept.middle * by_signal
    mixed = sums(weight * by_index * by_signal), sums(weight * by_index * by_noise)
    own = sums(weight * by_signal**2), sums(weight * by_noise**2)
    along = solved(own, sums(weight * by_signal * by_noise), mixed)
    efficient = by_index - along[0][group] * by_signal - along[1][group] * by_noise
    n = len(measured.log_sizes)
    return _Scores(
        np.bincount(kept.synapse, excess * efficient, n),
        np.bincount(kept.synapse, weight * efficient**2, n),
    )


@compiled(cache=True)
def _set_slopes(
    square, weight, signal, noise, group, lift, bend, slopes
):  # pragma: no cover - compiled
    """How each log variance grows with signal and with noise, and its excess over the fit.

    `lift` are the factors of the groups' signal and noise; `bend` shows a signal as `shown_signal`.
    """
    for p in range(square.size):
        true = signal[p] * lift[0, group[p]]
        shown = true / (1 + bend * true)
        variance = max(shown + noise[p] * lift[1, group[p]], 1e-12)
        slopes[0, p] = shown**2 / true / variance if true > 0 else 0.0
        slopes[1, p] = 1 - shown / variance
        slopes[2, p] = (square[p] / variance - weight[p]) / 2


@compiled(cache=True)
def _level_sums(slopes, weight, group, groups):  # pragma: no cover - compiled
    """The pulls on every group's two levels, the information of each, and of both."""
    terms = np.zeros((5, groups))
    for p in range(group.size):
        own, first, second = group[p], slopes[0, p], slopes[1, p]
        terms[0, own] += slopes[2, p] * first
        terms[1, own] += slopes[2, p] * second
        terms[2, own] += weight[p] * first**2
        terms[3, own] += weight[p] * second**2
        terms[4, own] += weight[p] * first * second
    return terms
