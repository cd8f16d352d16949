"""What speaks against naming a geometry from exchangeable pairs of synapses."""

import math
from dataclasses import dataclass

from steepest.inference.synapses.geometries import GEOMETRIES
from steepest.inference.synapses.intervals import Interval
from steepest.inference.synapses.naming import MIXTURE, Candidate, Decision, Rules
from steepest.inference.synapses.noise import Noise

__all__ = ["MOST_CROSSING", "PAIRS", "Evidence"]

MOST_CROSSING = 0.01
"""Share of synapses that may cross zero: at .016 an index of 0 reads .06, at .024 .16."""


@dataclass(frozen=True)
class Evidence:
    """The index, the expected share of zero crossings, and what is known of the noise."""

    interval: Interval
    crossing: float
    noise: Noise


def _numbers(evidence: Evidence) -> str:
    interval = evidence.interval
    return f"index {interval.value:.2f} (95 % {interval.low:.2f} to {interval.high:.2f})"


def _no_index(evidence: Evidence) -> Decision | None:
    if math.isfinite(evidence.interval.value):
        return None
    return Decision(
        "refused",
        "These pairs do not determine a geometry index.",
        "the index runs out of the searched range",
        "More pairs, or a wider range of sizes.",
    )


def _selected(evidence: Evidence) -> Decision | None:
    if not evidence.crossing >= MOST_CROSSING:
        return None
    return Decision(
        "refused",
        "What the synapses of a pair do not share is too large to tell by positive sizes.",
        f"{_numbers(evidence)}; {evidence.crossing:.1%} of synapses are expected to cross zero, and"
        " positive sizes cannot show it",
        "Pairs that are more alike, or the same synapses in several sessions.",
    )


def _noisy(evidence: Evidence) -> Decision | None:
    if evidence.noise.kind == "none":
        return None
    known = "is not taken out" if evidence.noise.positive else "is not known"
    return Decision(
        "undecided",
        "No geometry is named from pairs without exact sizes.",
        f"{_numbers(evidence)}; the measurement noise {known}, and moves the index",
        "Measure each synapse more than once and average; state noise_cv 0 where sizes are exact.",
    )


def _past_the_middle(evidence: Evidence, candidate: Candidate) -> Decision | None:
    """The whole interval must lie nearer to the candidate than to any other name."""
    interval, own = evidence.interval, candidate.index
    for other in GEOMETRIES.values():
        middle = (own + other) / 2
        if interval.low <= middle if other < own else other > own and interval.high >= middle:
            return Decision(
                "undecided",
                f"Undecided: {candidate.name} is not excluded, and not certain enough to be named.",
                f"{_numbers(evidence)}; the interval reaches past the middle between {own:g} and"
                f" {other:g}",
                "More pairs, until the interval is nearer to one geometry than to any other.",
            )
    return None


def _mixed(evidence: Evidence, candidate: Candidate) -> Decision | None:
    if candidate.name != "1.5-norm":
        return None
    return Decision(
        "mixture",
        MIXTURE,
        f"{_numbers(evidence)}; one snapshot of pairs cannot tell the two apart",
        "A series of at least four sessions.",
    )


PAIRS: Rules[Evidence] = Rules(
    interval=lambda evidence: evidence.interval,
    further=lambda _: 0.0,
    refusals=(_no_index, _selected, _noisy),
    vetoes=(_past_the_middle, _mixed),
    none=lambda evidence: (
        f"{_numbers(evidence)}; widened by its margin the interval holds no named geometry",
        "Ask which other metric, or which mixture of processes, has this index.",
    ),
    several=lambda evidence, count: (
        f"{_numbers(evidence)}; the widened interval holds {count} named geometries",
        "More pairs, or a wider range of sizes.",
    ),
    far=lambda evidence, candidate: (
        f"{_numbers(evidence)}; that is not close enough to {candidate.index:g}",
        "More pairs: the interval must shrink onto one geometry, or off it.",
    ),
    named=lambda evidence, _: (
        f"{_numbers(evidence)}; no other named geometry agrees with it",
        "The same synapses in several sessions, to see whether they move so.",
    ),
)
