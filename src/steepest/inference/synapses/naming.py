"""The rules by which measurements with known noise dare to name a geometry.

A wrong name is worse than none: each rule was kept because it stopped wrong names in simulation
(see `steepest reproduce ours.calibration`). Every answer says what would settle the question.
"""

import math
from dataclasses import dataclass

from steepest.inference.synapses.estimation import Estimate, Interval
from steepest.inference.synapses.units import check_units
from steepest.inference.synapses.verdict import GEOMETRIES, Outcome

__all__ = ["OUTCOMES", "Decision", "candidates", "decide_measured", "judge"]

OUTCOMES = ("right", "wrong", "none", "undecided", "unstable", "refused")
"""What `judge` makes of a verdict on synapses whose geometry is known."""

_SHARE = 0.25
_FEWEST_GROUPS = 8
_WINS = 0.975
_LARGE_SHARE = 0.5
_LARGE_PAIR = 0.25
_APART = 0.1


@dataclass(frozen=True)
class Decision:
    """Outcome, one plain sentence (or the name), the numbers behind it, what would settle it."""

    outcome: Outcome
    verdict: str
    reason: str
    settle: str


def candidates(interval: Interval, further: float = 0.0) -> dict[str, float]:
    """The named geometries inside an interval widened by .05 (1 + |1 - a|), and a `further` bit."""
    if math.isinf(interval.value) or math.isnan(interval.low) or math.isnan(interval.high):
        return dict(GEOMETRIES)
    margin = 0.05 * (1 + abs(1 - interval.value)) + further
    return {
        name: c
        for name, c in GEOMETRIES.items()
        if interval.low - margin <= c <= interval.high + margin
    }


def decide_measured(found: Estimate) -> Decision:
    """The verdict on measurements whose noise was learned from sessions, replicates or a null.

    Raises nothing: what cannot be judged is refused, with the reason.
    """
    refusal = _refusal(found)
    if refusal is not None:
        return refusal
    index = found.index
    said = f"index {_said(index)}, signal share {_said(found.share)}"
    if found.jump is not None and not found.grouped:
        return Decision(
            "undecided",
            "No geometry is named: the sizes mix two units.",
            f"{said}; {check_units(found.jump, grouped=False).meaning}",
            "The unit of every size, or the column of what differs (dendrite, cell, animal).",
        )
    inside = candidates(index)
    if not inside:
        return Decision(
            "none",
            "None of the named geometries fits.",
            f"{said}; widened by {0.05 * (1 + abs(1 - index.value)):.2f} the interval holds no"
            f" named geometry{_trend(found)}",
            "A larger number of synapses will not bring a name: ask which other metric, or which"
            " mixture of processes, has this index.",
        )
    pair = found.source != "sessions"
    if pair:
        inside = candidates(index, _APART)
    if len(inside) > 1:
        return Decision(
            "undecided",
            f"Undecided between {' and '.join(inside)}.",
            f"{said}; the widened interval holds {len(inside)} named geometries",
            "More synapses, groups or sessions, or a wider range of sizes; `steepest plan` says"
            " how many.",
        )
    ((name, c),) = inside.items()
    if abs(index.value - c) > (0.3 if c <= 0 else 0.15):
        return Decision(
            "undecided",
            f"Undecided: {name} is not excluded, and not close enough to be named.",
            f"{said}; the index is {abs(index.value - c):.2f} from {name}",
            "More synapses or sessions: the interval must shrink onto one geometry, or off it.",
        )
    rivals = [other for other in GEOMETRIES.values() if other != c]
    margin = 0.05 * (1 + abs(1 - index.value)) if pair else 0.0
    beyond = [other for other in rivals if not _nearer(index, c, other, margin)]
    if beyond:
        return Decision(
            "undecided",
            f"Undecided: {name} is not excluded, and not certain enough to be named.",
            f"{said}; the interval reaches past the middle between {c:g} and"
            f" {min(beyond, key=lambda other: abs(other - c)):g}",
            "More synapses or sessions, until the interval is nearer to one geometry than to any"
            " other.",
        )
    if found.source == "stated" and any(part.value > 0 for part in found.noise):
        return Decision(
            "undecided",
            "No geometry is named from a stated noise alone.",
            f"{said}, corrected for the stated noise, but a wrong form of the noise would name a"
            " wrong geometry",
            "Replicates, a third session, or a null condition.",
        )
    if pair:
        return _name_pair(found, name, c, said)
    return _name_series(found, name, c, said)


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


def _refusal(found: Estimate) -> Decision | None:
    share, index = found.share, found.index
    if found.grouped and found.clusters < _FEWEST_GROUPS:
        return Decision(
            "refused",
            f"{found.clusters} groups are too few to judge by.",
            f"index {_said(index)}; synapses of one group share scale and drift, so the interval"
            f" rests on groups, and needs at least {_FEWEST_GROUPS} of them",
            f"Measure at least {_FEWEST_GROUPS} dendrites, cells or animals.",
        )
    if not share.low >= _SHARE:
        return Decision(
            "refused",
            "Too little of the change is more than measurement noise.",
            f"signal share {_said(share)}: its lower limit must be at least {_SHARE:g}, or noise"
            " makes the geometry",
            "Less noise (average replicates), longer intervals between sessions, or a stronger"
            " manipulation.",
        )
    if found.too_large > _LARGE_SHARE:
        return Decision(
            "refused",
            "The changes are too large for a local geometry.",
            f"{found.too_large:.0%} of the changes have a signal above .4 of log size a session",
            "Sessions closer in time.",
        )
    if not math.isfinite(index.value):
        return Decision(
            "refused",
            "These sizes do not determine a geometry index.",
            "the index runs out of the searched range",
            "A wider range of sizes, or more synapses.",
        )
    return None


def _name_series(found: Estimate, name: str, c: float, said: str) -> Decision:
    halves = {"smaller": found.small, "larger": found.large}
    for size, half in halves.items():
        if not half.holds(c):
            return Decision(
                "unstable",
                f"The index is not the same for small and large synapses, so {name} is not named.",
                f"{said}; in the {size} half the index is {_said(half)}, which excludes {c:g}",
                "More synapses at both ends of the range of sizes show where the geometry bends.",
            )
    lag = max(found.by_lag)
    longest = found.by_lag[lag]
    if lag > 1 and not longest.holds(c):
        return Decision(
            "unstable",
            f"The index changes with the time between sessions, so {name} is not named.",
            f"{said}; over {lag} sessions the index is {_said(longest)}, which excludes {c:g}",
            "Sessions at several intervals tell slow noise and reversion from change.",
        )
    if name == "1.5-norm" and found.power_wins < _WINS:
        return Decision(
            "mixture",
            "The 1.5-norm, or a mixture of additive and multiplicative change.",
            f"{said}; one power of size explains change better than a mixture in only"
            f" {found.power_wins:.1%} of resamples",
            "A wider range of sizes, or more of the smallest and largest synapses.",
        )
    return Decision(
        "named",
        name,
        f"{said}; small and large synapses and every lag agree",
        "A second preparation, to see whether it holds there.",
    )


def _name_pair(found: Estimate, name: str, c: float, said: str) -> Decision:
    if c < 1 and found.signal.value > _LARGE_PAIR:
        return Decision(
            "refused",
            f"The changes are too large to tell {name} from noise in one pair of sessions.",
            f"{said}; signal sd of log size {found.signal.value:.2f}, above {_LARGE_PAIR:g}",
            "Sessions closer in time, or a series of at least four.",
        )
    if name == "1.5-norm":
        return Decision(
            "mixture",
            "The 1.5-norm, or a mixture of additive and multiplicative change.",
            f"{said}; one pair of sessions cannot tell the two apart",
            "A series of at least four sessions.",
        )
    return Decision(
        "named",
        name,
        f"{said}; every other named geometry is excluded by a further {_APART:g}",
        "A series of sessions, to see whether the index stays.",
    )


def _nearer(interval: Interval, c: float, other: float, margin: float) -> bool:
    """Whether the whole interval, widened by a margin, lies nearer to c than to the other index."""
    middle = (c + other) / 2
    return interval.low - margin > middle if other < c else interval.high + margin < middle


def _trend(found: Estimate) -> str:
    if len(found.by_lag) < 2:
        return ""
    lags = [f"{lag}: {interval.value:.2f}" for lag, interval in sorted(found.by_lag.items())]
    return f"; by lag {', '.join(lags)}"


def _said(interval: Interval) -> str:
    return f"{interval.value:.2f} (95 % {interval.low:.2f} to {interval.high:.2f})"
