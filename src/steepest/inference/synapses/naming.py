"""The one rule that names a geometry: evidence in, a decision out.

A wrong name is worse than none: each veto was kept because it stopped wrong names in simulation
(see `steepest reproduce ours.calibration`). The rule is the same for every kind of evidence; what
speaks against a name differs, and is listed in its `Rules`: `refusals` are asked before any name,
`vetoes` about the one name that is left, and the first that speaks decides. To add a veto, write a
function in `pair_rules` or `measured_rules` and put it into one of the lists at its end.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from steepest.inference.synapses.geometries import GEOMETRIES
from steepest.inference.synapses.intervals import Interval

__all__ = [
    "MIXTURE",
    "NOT_DETERMINED",
    "OUTCOMES",
    "STATED_ALONE",
    "TWO_UNITS",
    "Candidate",
    "Decision",
    "Outcome",
    "Rules",
    "candidates",
    "distance",
    "judge",
    "margin",
    "settled",
]

Outcome = Literal["named", "mixture", "none", "undecided", "unstable", "refused"]

OUTCOMES = ("right", "wrong", "none", "undecided", "unstable", "refused")
"""What `judge` makes of a verdict on synapses whose geometry is known."""

TWO_UNITS = "No geometry is named: the sizes mix two units."
STATED_ALONE = "No geometry is named from a stated noise alone."
NOT_DETERMINED = "These sizes do not determine a geometry index."
MIXTURE = "The 1.5-norm, or a mixture of additive and multiplicative change."

_CLOSE, _CLOSE_BELOW_0 = 0.15, 0.3  # how near an index must lie to the name it gets

E = TypeVar("E")


@dataclass(frozen=True)
class Decision:
    """Outcome, one plain sentence (or the name), the numbers behind it, what would settle it.

    >>> Decision("named", "multiplicative", "index 1.00").outcome
    'named'
    """

    outcome: Outcome
    verdict: str
    reason: str
    settle: str = ""


@dataclass(frozen=True)
class Candidate:
    """The one named geometry that is left, and its index."""

    name: str
    index: float


@dataclass(frozen=True)
class Rules(Generic[E]):
    """What speaks against a name in one kind of evidence, and how its reasons are worded.

    `interval` is the index, `further` by how much more than the margin every other name must be
    excluded. `doubts` are of the index itself: they also forbid to say that no name fits it. A
    wording gives the reason, and what would settle the question.
    """

    interval: Callable[[E], Interval]
    further: Callable[[E], float]
    refusals: tuple[Callable[[E], Decision | None], ...]
    vetoes: tuple[Callable[[E, Candidate], Decision | None], ...]
    none: Callable[[E], tuple[str, str]]
    several: Callable[[E, int], tuple[str, str]]
    far: Callable[[E, Candidate], tuple[str, str]]
    named: Callable[[E, Candidate], tuple[str, str]]
    doubts: tuple[Callable[[E], Decision | None], ...] = ()


def margin(index: float) -> float:
    """By how much an interval is widened before it is asked which names it holds.

    >>> margin(0.0)
    0.1
    """
    return 0.05 * (1 + abs(1 - index))


def candidates(interval: Interval, further: float = 0.0) -> dict[str, float]:
    """The named geometries inside an interval widened by its margin, and a `further` bit."""
    if math.isinf(interval.value) or math.isnan(interval.low) or math.isnan(interval.high):
        return dict(GEOMETRIES)
    wide = margin(interval.value) + further
    return {
        name: c
        for name, c in GEOMETRIES.items()
        if interval.low - wide <= c <= interval.high + wide
    }


def judge(outcome: str, verdict: str, truth: str) -> str:
    """Whether an outcome is "right" or "wrong" about a truth, or keeps silent (its own name).

    A truth is a named geometry, or one that no name fits: "between", "mixture", "no change".
    """
    if outcome == "named":
        return "right" if verdict == truth else "wrong"
    if outcome == "mixture":
        return "right" if truth in ("1.5-norm", "mixture") else "wrong"
    if outcome == "none" and truth in ("between", "mixture"):
        return "right"
    return outcome


def settled(evidence: E, rules: Rules[E]) -> Decision:
    """The decision on some evidence, by the rules of its kind."""
    for refusal in rules.refusals:
        if (decision := refusal(evidence)) is not None:
            return decision
    interval = rules.interval(evidence)
    if not candidates(interval):
        for doubt in rules.doubts:
            if (decision := doubt(evidence)) is not None:
                return decision
        return Decision("none", "None of the named geometries fits.", *rules.none(evidence))
    left = candidates(interval, rules.further(evidence))
    if len(left) > 1:
        return Decision(
            "undecided",
            f"Undecided between {' and '.join(left)}.",
            *rules.several(evidence, len(left)),
        )
    candidate = Candidate(*next(iter(left.items())))
    if distance(interval, candidate) > (_CLOSE_BELOW_0 if candidate.index <= 0 else _CLOSE):
        return Decision(
            "undecided",
            f"Undecided: {candidate.name} is not excluded, and not close enough to be named.",
            *rules.far(evidence, candidate),
        )
    for veto in rules.vetoes:
        if (decision := veto(evidence, candidate)) is not None:
            return decision
    return Decision("named", candidate.name, *rules.named(evidence, candidate))


def distance(interval: Interval, candidate: Candidate) -> float:
    """How far the index lies from the name that is left."""
    return abs(interval.value - candidate.index)
