"""What speaks against naming a geometry from one pair of sessions."""

import math
from dataclasses import dataclass, replace

from steepest.inference.synapses.geometries import SEARCHED
from steepest.inference.synapses.intervals import Interval
from steepest.inference.synapses.naming import (
    MIXTURE,
    NOT_DETERMINED,
    STATED_ALONE,
    TWO_UNITS,
    Candidate,
    Decision,
    Rules,
    candidates,
    distance,
    margin,
    settled,
)
from steepest.inference.synapses.noise import Noise

__all__ = ["decide"]

_NO_WIDTH = 3e-4  # three times the tolerance of a bootstrap draw


def decide(
    index: float,
    interval: tuple[float, float],
    noise: Noise,
    *,
    rounding: float | None = None,
    two_units: bool = False,
    crossed: int = 0,
) -> Decision:
    """The verdict on one pair of sessions, from its index, the 95 % interval and the noise stated.

    A geometry is named only when the sizes are stated to be exact and the interval, widened by
    .05 (1 + |1 - a|), holds that candidate alone, no further than .15 (.3 for c <= 0) from the
    index. An interval without an end, without width or that does not exist leaves it undecided,
    and so do sizes that are `rounding` (a standard deviation) too coarsely or of `two_units`.
    Weights of which some `crossed` zero are refused where the candidate is one of index 1 and
    above, in which zero is infinitely far.
    The 1.5-norm cannot be told from additive plus multiplicative change in one pair of
    sessions, and is reported as "mixture".

    >>> decide(1.0, (0.9, 1.1), Noise("none")).verdict
    'multiplicative'
    """
    pair = _Pair(Interval(index, *interval), noise, rounding, two_units, crossed)
    return settled(pair, _PAIR)


@dataclass(frozen=True)
class _Pair:
    index: Interval
    noise: Noise
    rounding: float | None
    two_units: bool
    crossed: int

    @property
    def said(self) -> str:
        return (
            f"index {self.index.value:.2f} (95 % {_end(self.index.low)} to {_end(self.index.high)})"
        )

    @property
    def widened(self) -> str:
        return f"{self.said}, widened by {margin(self.index.value):.2f},"


def _end(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.2f}"


def _nothing_left(pair: _Pair) -> Decision | None:
    if not math.isnan(pair.index.value):
        return None
    return Decision(
        "refused",
        "The stated noise alone explains these changes.",
        "nothing is left of the change of size once the stated noise is taken out",
    )


def _outside(pair: _Pair) -> Decision | None:
    index = pair.index.value
    if not math.isinf(index):
        return None
    side = f"above {SEARCHED[1]:g}" if index > 0 else f"below {SEARCHED[0]:g}"
    return Decision(
        "refused", NOT_DETERMINED, f"the index would lie {side}, outside the searched range"
    )


def _two_units_of_pair(pair: _Pair) -> Decision | None:
    if not pair.two_units:
        return None
    otherwise = settled(replace(pair, two_units=False), _PAIR)
    return replace(otherwise, outcome="undecided", verdict=TWO_UNITS)


def _unknown_noise(pair: _Pair) -> Decision | None:
    if pair.noise.kind != "unknown":
        return None
    return Decision(
        "undecided",
        "No geometry is named while the measurement noise is unknown.",
        f"{pair.said} holds only if the sizes are exact: noise alone can move it past any"
        " candidate; state the noise, or state that there is none (noise_cv=0)",
    )


def _stated_noise(pair: _Pair) -> Decision | None:
    if not pair.noise.positive:
        return None
    return Decision(
        "undecided",
        STATED_ALONE,
        f"{pair.said} is corrected for the stated noise, but a wrong form of the noise would name"
        " a wrong geometry: naming needs replicates, sessions or a null group",
    )


def _rounded(pair: _Pair) -> Decision | None:
    if pair.rounding is None:
        return None
    return Decision(
        "undecided",
        "No geometry is named: the sizes are rounded too coarsely for their changes.",
        f"index {pair.index.value:.2f} may come from rounding; state it as noise: noise_sd="
        f"{pair.rounding:.3g} (--noise-sd {pair.rounding:.3g}), the step over the square root of"
        " 12",
    )


def _without_width(pair: _Pair) -> Decision | None:
    if pair.index.high - pair.index.low > _NO_WIDTH:
        return None
    return Decision(
        "undecided",
        "These sizes do not say how sure the index is.",
        f"index {pair.index.value:.2f}, but no interval of any width: look for repeated or rounded"
        " sizes",
    )


def _without_end(pair: _Pair) -> Decision | None:
    if math.isfinite(pair.index.high - pair.index.low) or len(candidates(pair.index)) > 1:
        return None
    return Decision(
        "undecided",
        "These sizes do not bound the geometry index.",
        f"{pair.widened} has no end on one side: more synapses or a wider range of sizes would give"
        " it one",
    )


def _crossed(pair: _Pair, candidate: Candidate) -> Decision | None:
    if not pair.crossed or candidate.index < 1:
        return None
    return Decision(
        "refused",
        "Signed sizes with an index of 1 and above: no geometry has both.",
        f"{pair.widened} holds {candidate.name} alone, but {pair.crossed} weights crossed zero,"
        " which is infinitely far from every weight there: look for noise about zero, or for signs"
        " that were mistaken",
    )


def _mixture_of_pair(pair: _Pair, candidate: Candidate) -> Decision | None:
    if candidate.name != "1.5-norm":
        return None
    return Decision(
        "mixture",
        MIXTURE,
        f"{pair.widened} holds the 1.5-norm alone, which one pair of sessions cannot tell from a"
        " mixture",
    )


_PAIR: Rules[_Pair] = Rules(
    interval=lambda pair: pair.index,
    further=lambda _: 0.0,
    refusals=(
        _nothing_left, _outside, _two_units_of_pair, _unknown_noise, _stated_noise, _rounded,
        _without_width, _without_end,
    ),
    vetoes=(_crossed, _mixture_of_pair),
    none=lambda pair: (f"{pair.widened} holds no named geometry", ""),
    several=lambda pair, number: (
        f"{pair.widened} holds {number} named geometries: more synapses or a wider range of sizes"
        " would tell them apart",
        "",
    ),
    far=lambda pair, candidate: (
        f"{pair.widened} holds {candidate.name} alone, but the index is"
        f" {distance(pair.index, candidate):.2f} from it",
        "",
    ),
    named=lambda pair, candidate: (
        f"{pair.widened} holds {candidate.name} and no other named geometry",
        "",
    ),
)  # fmt: skip
