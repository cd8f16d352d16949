"""Losses against size, and what became of every measurement of the table."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from steepest.inference.synapses.checks import two_sided
from steepest.inference.synapses.estimation import Estimate
from steepest.inference.synapses.geometries import ALPHA
from steepest.inference.synapses.measurements import Measurements
from steepest.inference.synapses.outlying import Outliers
from steepest.inference.synapses.verdict import Check

__all__ = ["Tally", "check_losses_by_size", "tally"]

_FEWEST = 10
_ROUNDS = 30


@dataclass(frozen=True)
class Tally:
    """What became of every row, and of every measurement; both add up.

    `rows` = `used` + `seen_once` + `never_seen`. `measurements` (rows times sessions) = `sizes` +
    `absent` + `not_measured` + `outlying`; `absent` holds what was below the detection limit.
    `lost` and `new` count synapses from one session to the next, where both were measured.

    >>> Tally(10, 8, 1, 1, 20, 16, 3, 1, 0, 2, 1).used
    8
    """

    rows: int
    used: int
    seen_once: int
    never_seen: int
    measurements: int
    sizes: int
    absent: int
    not_measured: int
    outlying: int
    lost: int
    new: int


def tally(measured: Measurements, outliers: Outliers) -> Tally:
    """The counts of a table as it was given; `outliers` says what was left out of it.

    >>> from steepest.inference import measure
    >>> measured = measure([[1.0, 2.0, 0.0], [1.1, 2.5, 3.0], [0.0, 2.4, 2.9]])
    >>> tally(measured, Outliers(measured)).lost
    1
    """
    logs = outliers.measured.log_sizes
    present = np.isfinite(logs)
    number = present.sum(axis=1)
    outlying = int(np.isfinite(measured.log_sizes).sum() - present.sum())
    unknown = int(measured.not_measured.sum())
    gone = ~present & ~outliers.measured.not_measured
    return Tally(
        rows=len(logs),
        used=int((number >= 2).sum()),
        seen_once=int((number == 1).sum()),
        never_seen=int((number == 0).sum()),
        measurements=logs.size,
        sizes=int(present.sum()),
        absent=int(gone.sum()),
        not_measured=unknown,
        outlying=outlying,
        lost=int((present[:, :-1] & gone[:, 1:]).sum()),
        new=int((gone[:, :-1] & present[:, 1:]).sum()),
    )


def check_losses_by_size(estimate: Estimate) -> Check | None:
    """Whether small synapses are lost more often than large ones, or the other way round.

    Logistic regression of being lost by the next session on log size, with a level for every
    session; standard errors by synapse. Losses by size leave a selection behind: caution. None
    where fewer than ten synapses were lost.
    """
    measured = estimate.measured
    logs = measured.log_sizes[~measured.null]
    unknown = measured.not_measured[~measured.null]
    here = np.isfinite(logs[:, :-1]) & ~unknown[:, 1:]
    row, session = np.nonzero(here)
    size = logs[:, :-1][here]
    lost = ~np.isfinite(logs[:, 1:])[here]
    number = int(lost.sum())
    if number < _FEWEST or lost.all() or np.ptp(size) == 0:
        return None
    slope, error = _logistic(size - size.mean(), lost.astype(np.float64), session, row)
    half = np.median(size)
    shares = [float(lost[part].mean()) for part in (size <= half, size > half)]
    said = (
        f"{number} of {lost.size} were lost by the next session:"
        f" {shares[0]:.1%} of the smaller half, {shares[1]:.1%} of the larger"
    )
    if not error > 0:
        return Check(math.nan, None, None, said)
    z = slope / error
    p_value = two_sided(z)
    if p_value >= ALPHA:
        return Check(z, p_value, True, said)
    which = "small" if slope < 0 else "large"
    return Check(
        z, p_value, None, f"{said}; {which} synapses are lost more often, and those that stay are"
        " a selection",
    )  # fmt: skip


def _logistic(
    size: np.ndarray, lost: np.ndarray, session: np.ndarray, row: np.ndarray
) -> tuple[float, float]:
    """Slope of the log odds on size and its standard error by synapse; a weak prior bounds it."""
    sessions = np.flatnonzero(np.bincount(session))
    level = np.searchsorted(sessions, session)
    count = sessions.size
    share = np.clip(lost.mean(), 1e-3, 1 - 1e-3)
    levels, slope = np.full(count, math.log(share / (1 - share))), 0.0
    prior = 1e-2  # of a session in which none or all were lost
    for _ in range(_ROUNDS):
        chance = expit(levels[level] + slope * size)
        weight = chance * (1 - chance)
        rest = lost - chance
        own = np.bincount(level, weight, count) + prior
        mixed = np.bincount(level, weight * size, count)
        pull = np.bincount(level, rest, count) - prior * (levels - levels.mean())
        square = float(np.sum(weight * size**2) - np.sum(mixed**2 / own))
        if not square > 0:
            return math.nan, math.nan
        step = (float(np.sum(rest * size)) - float(np.sum(mixed * pull / own))) / square
        move = (pull - mixed * step) / own
        slope, levels = slope + step, levels + np.clip(move, -3, 3)
        if abs(step) < 1e-8:
            break
    chance = expit(levels[level] + slope * size)
    weight = chance * (1 - chance)
    own = np.bincount(level, weight, count) + prior
    centred = size - (np.bincount(level, weight * size, count) / own)[level]
    score = np.bincount(row, (lost - chance) * centred)
    return slope, math.sqrt(float(np.sum(score**2))) / float(np.sum(weight * centred * size))
