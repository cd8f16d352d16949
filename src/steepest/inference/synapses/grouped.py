"""Synapses of one dendrite, cell or animal change alike: what is resampled is then the group."""

import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int

from steepest.inference.synapses.dual import Signs
from steepest.inference.synapses.intervals import interval_of, widening
from steepest.inference.synapses.log_root import nearest_roots
from steepest.progress import progress_bar

__all__ = ["interval_over_groups", "resamples"]


def resamples(
    groups: Int[np.ndarray, " n"], draws: int, rng: np.random.Generator
) -> Iterator[Int[np.ndarray, " m"]]:
    """The rows of as many groups as there are, drawn with replacement: `draws` times.

    >>> drawn = next(resamples(np.array([0, 0, 1]), 1, np.random.default_rng(0)))
    >>> drawn.tolist()
    [2, 2]
    """
    order = np.argsort(groups, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    for _ in range(draws):
        chosen = rng.integers(len(members), size=len(members))
        yield np.concatenate([members[group] for group in chosen])


def interval_over_groups(
    log_before: Float[np.ndarray, " n"],
    log_after: Float[np.ndarray, " n"],
    groups: Int[np.ndarray, " n"],
    *,
    index: float,
    draws: int = 1000,
    seed: int = 0,
    signs: Signs | None = None,
) -> tuple[tuple[float, float], str]:
    """The 95 % interval of the logroot estimate `index`, groups resampled, and how it was found.

    Percentiles of the draws, widened by Student's t for the number of groups; without bounds where
    there are fewer than three.
    """
    count = np.unique(groups).size
    method = f"bootstrap of {count} groups, {draws} draws, widened by Student's t"
    if count < 3:
        return (-math.inf, math.inf), f"none: {count} groups do not tell how they vary"
    centre = log_before.mean()
    before, after = log_before - centre, log_after - centre
    estimates = np.full(draws, math.nan)
    rng = np.random.default_rng(seed)
    with progress_bar("Resampling groups", float(draws)) as advance:
        for at, rows in enumerate(resamples(groups, draws, rng)):
            estimates[at] = nearest_roots(before, after, rows[None], index, signs)[0]
            advance(1.0)
    interval = interval_of(index, estimates, widening(count))
    return (interval.low, interval.high), method
