"""Numbers, marks and sentences as a person reads them, the same on a page and in a terminal."""

import math
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "CHECK_MARKS",
    "CLAIM_MARKS",
    "INDEX",
    "Mark",
    "Tone",
    "capital",
    "fixed",
    "interval",
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
