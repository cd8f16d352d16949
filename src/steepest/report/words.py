"""Numbers, marks and sentences as a person reads them, the same on a page and in a terminal."""

import math
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "CHECK_MARKS",
    "CLAIM_MARKS",
    "INDEX",
    "NO_ANSWER",
    "Mark",
    "Tone",
    "capital",
    "fixed",
    "interval",
    "meaning",
    "share",
    "short",
    "spaced",
    "tone",
]

Tone = Literal["good", "bad", "open"]


@dataclass(frozen=True)
class Mark:
    """A word in a table that is coloured by what it means: `kind` is holds, fails or untested."""

    word: str
    kind: Literal["holds", "fails", "untested"]


CLAIM_MARKS: dict[bool | None, Mark] = {
    True: Mark("holds", "holds"),
    False: Mark("fails", "fails"),
    None: Mark("not tested", "untested"),
}
CHECK_MARKS: dict[bool | None, Mark] = {
    True: Mark("passed", "holds"),
    False: Mark("failed", "fails"),
    None: Mark("caution", "untested"),
}
INDEX = (
    "The geometry index a says how the typical change of a synapse grows with its size, as size to"
    " the power a. With a = 0 large and small synapses change by the same amount (Euclidean,"
    " ordinary gradient descent); with a = 1 by the same fraction (multiplicative)."
)
"""What the index means, below the numbers of a page."""

NO_ANSWER = "No geometry is named, so the likeliest of these is no answer"
"""Above a ranking of geometries where none is named; the reason follows."""

_NAMED = {
    "3-norm": (
        "Small synapses changed more than large ones: one half the size changed twice as much.",
        "That is steepest descent in the 3-norm of the weights.",
    ),
    "euclidean": (
        "Large and small synapses changed by the same amount.",
        "That is what ordinary gradient descent on the sizes themselves does.",
    ),
    "1.5-norm": (
        "Large synapses changed more than small ones, with the square root of size: one four times"
        " the size changed twice as much.",
        "That lies halfway between additive and multiplicative change.",
    ),
    "multiplicative": (
        "Every synapse changed by the same fraction of its size: one twice the size changed twice"
        " as much.",
        "That is what learning does that adds to the logarithm of size, as exponentiated gradient"
        " descent.",
    ),
    "burg": (
        "Change grew with the square of size: a synapse twice the size changed four times as much.",
        "That is mirror descent with Burg's entropy, which moves the inverse of size.",
    ),
}
_OPEN = {
    "mixture": (
        "Change grew with size, but less than in proportion to it.",
        "One geometry would do that, and so would a mixture of change by the same amount and change"
        " by the same fraction: sizes alone cannot tell them apart.",
    ),
    "none": (
        "How change grows with size was measured well enough, and none of the named geometries has"
        " it.",
        "The index says how change grew; another rule, or a change of rule with size, may be at"
        " work.",
    ),
    "undecided": (
        "These sizes do not single out one geometry.",
        "That is no evidence against any of those that remain: it is an answer that more data, or"
        " a known noise, could sharpen.",
    ),
    "unstable": (
        "Different parts of these data speak for different geometries.",
        "One geometry for all of them would hide that, so none is named.",
    ),
    "refused": (
        "These data cannot say in which geometry the synapses changed.",
        "Something that the answer would rest on does not hold here.",
    ),
}


def meaning(outcome: str, verdict: str) -> tuple[str, ...]:
    """What an outcome means in two plain sentences; `verdict` is the geometry's name if named.

    >>> meaning("named", "euclidean")[0]
    'Large and small synapses changed by the same amount.'
    """
    return _NAMED.get(verdict, ()) if outcome == "named" else _OPEN.get(outcome, ())


_TONES: dict[str, Tone] = {"named": "good", "refused": "bad", "unstable": "bad"}


def tone(outcome: str) -> Tone:
    """Whether an outcome is "good", "bad" or "open" news, for colours."""
    return _TONES.get(outcome, "open")


def capital(text: str) -> str:
    """Text as a sentence: a capital first, a full stop last.

    >>> capital("nothing changed")
    'Nothing changed.'
    """
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."


def spaced(name: str) -> str:
    """An identifier as words: "sign_flips" is "sign flips"."""
    return name.replace("_", " ")


def short(value: float | None) -> str:
    """A statistic with two decimals, or two digits where it is small; "-" where there is none.

    >>> short(0.00123), short(12.3456), short(None)
    ('0.0012', '12.35', '-')
    """
    if value is not None and 0 < abs(value) < 0.01:
        return f"{value:.2g}"
    return "-" if value is None else fixed(value)


def fixed(value: float) -> str:
    """An index: two decimals, or words where it does not exist or has no end.

    >>> fixed(0.5), fixed(float("inf"))
    ('0.50', 'unbounded')
    """
    if math.isnan(value):
        return "-"
    return "unbounded" if math.isinf(value) else f"{value:.2f}"


def share(weight: float) -> str:
    """A share of the likelihood, to three decimals."""
    return "< 0.001" if weight < 0.001 else f"{weight:.3f}"


def interval(ends: tuple[float, float]) -> str:
    """The two ends of an interval: "0.90 to 1.10"."""
    return f"{fixed(ends[0])} to {fixed(ends[1])}"
