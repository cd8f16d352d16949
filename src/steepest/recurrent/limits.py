"""Stability limits of the online rule's discrete map, and its rates, checked before it runs."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from steepest.errors import UsageError

__all__ = ["Rates", "check_filters", "check_rate", "rate_schedule"]

Rates = float | int | Sequence[tuple[float, float]]


def check_filters(dt: float, gamma: float, decay_net: float) -> None:
    """Raise `UsageError` unless gamma dt < 2 and l_net dt < 2, naming the largest dt allowed."""
    for name, rate in (("gamma", gamma), ("decay_net (l_net)", decay_net)):
        if not (np.isfinite(rate) and rate > 0):
            raise UsageError(f"{name} is {rate}: give a positive rate, in 1/time")
    largest = 2 / max(gamma, decay_net)
    for name, rate in (("gamma", gamma), ("l_net", decay_net)):
        if rate * dt >= 2:
            raise UsageError(
                f"dt = {dt:g} is past the stability limit {name} dt < 2 ({name} = {rate:g}): take"
                f" dt below {largest:g}, at which every filter is stable"
            )


def check_rate(
    rates: Iterable[Float[np.ndarray, "t n"]], dt: float, eps: float, block: int
) -> None:
    """Raise `UsageError` unless scaling is stable: eps dt |s|^2 < 2, or its form for blocks.

    `rates` are stretches of s (t, n). Where W is held for `block` samples, |s|^2 is replaced by
    the largest eigenvalue of the sum of s s' over a block. Names the largest dt (or eps) allowed.
    """
    pieces = [
        piece
        for stretch in rates
        for piece in (
            np.split(stretch, range(block, len(stretch), block)) if block > 1 else [stretch]
        )
    ]
    squares = [np.einsum("ti,ti->t", piece, piece) for piece in pieces]
    size = max(float(each.max() if block == 1 else each.sum()) for each in squares)
    if eps * dt * size < 2:  # the trace bounds the eigenvalue, and costs next to nothing
        return
    if block > 1:
        size = max(_top(piece) for piece in pieces)
        if eps * dt * size < 2:
            return
    what = "|s|^2" if block == 1 else f"|sum of s s' over {block} samples|"
    cure = f"dt below {2 / (eps * size):g}, or eps below {2 / (dt * size):g}"
    if block > 1:
        cure = f"eps below {2 / (dt * size):g}, or shorter blocks"
    raise UsageError(
        f"eps dt = {eps * dt:g} is past the stability limit eps dt {what} < 2 (here {what} ="
        f" {size:g}): take {cure}"
    )


def _top(rates: np.ndarray) -> float:
    """The largest eigenvalue of the sum of s s'."""
    gram = rates.T @ rates if rates.shape[1] < len(rates) else rates @ rates.T
    return float(np.linalg.eigvalsh(gram)[-1])


def rate_schedule(rate: Rates, total: int, dt: float) -> list[tuple[int, float]]:
    """(sample at which it ends, eps), covering the whole run."""
    pairs = [(rate, total * dt)] if isinstance(rate, int | float) else list(rate)
    ends = [min(total, round(until / dt)) for _, until in pairs]
    bad = not pairs or any(not (np.isfinite(eps) and eps > 0) for eps, _ in pairs)
    if bad or ends[-1] < total or any(b <= a for a, b in pairwise([0, *ends])):
        raise UsageError(
            f"rate {rate!r} does not cover the run of {total * dt:g}: give a positive eps, or"
            " pairs (eps, until time) with increasing times that reach its end"
        )
    return [(end, float(eps)) for end, (eps, _) in zip(ends, pairs, strict=True)]
