"""Who trained this checkpoint? A list of decisions over the marks of its layers.

First whether the two files are before and after one another at all, then the geometry by the
index, then the marks that the rules of one geometry leave.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np

from steepest.files import plain
from steepest.inference.networks.marks import Marks

__all__ = ["LARGE", "Trainer", "name_trainer"]

LARGE = 900
"""Weights of a layer whose marks can be told from chance."""
# Unrelated files stay under .10 and over .46, trained ones (from their start or fine-tuned) over
# .50 and under .32.
_RELATED, _FLIPPED = 0.3, 0.4
_EXCHANGED = 0.5
_NEW_ZEROS = 0.01
# What rounding in float32 leaves of a product of two factors; what was trained keeps 1e-4 or more.
_LOW_RANK = 1e-7
_SHRUNK, _CLEAR = -0.05, -8.0  # b and its t-value: what is learned makes weights grow, not shrink
_SWAPPED, _STILL = -0.1, 0.12
_FROZEN_SIGNS, _MULTIPLICATIVE = 0.002, (0.75, 1.25)
_CUBIC = (-1.4, -0.6)
# Additive rules stay within .06, a hyperbolic entropy starts at .22; weight decay, where it shows,
# leaves more of itself in the index once it is taken out.
_ADDITIVE, _ADDITIVE_DECAYED = 0.15, 0.25
_UNLEARNED = 0.01  # share of weights that learned nothing and shrank by one ratio
_FEW_SIZES = 0.25  # of |D|
_FLAT, _PATTERNLESS, _GAUSSIAN = 0.85, 0.12, 0.5
_BY_UNITS, _BY_UNITS_EG = 0.8, 0.58

Outcome = Literal["named", "none", "refused", "too small"]


@dataclass(frozen=True)
class Trainer:
    """Which rule made the second checkpoint out of the first, or why none is named.

    `outcome` is "named", "none" (no geometry that has a name), "refused" (the files are not before
    and after one another: `name` says what they are) or "too small". `decay` tells whether weight
    decay was taken out of the index. `marks` are the averages over the `layers` that are large
    enough, `alone` the name that each of these would get by itself.

    >>> Trainer("too small", "", "no layer can be used", False, {}, {}).sentence
    'No trainer is named: no layer can be used.'
    """

    outcome: Outcome
    name: str
    reason: str
    decay: bool
    marks: dict[str, float]
    alone: dict[str, str]

    @property
    def sentence(self) -> str:
        """One sentence: who trained, or why that is not said."""
        if self.outcome == "named":
            return f"Trained by {self.name}: {self.reason}."
        if self.outcome == "refused":
            return (
                f"The checkpoints are not before and after one another, but {self.name}:"
                f" {self.reason}."
            )
        return f"No trainer is named: {self.reason}."

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values; a number that does not exist is None."""
        return plain(asdict(self) | {"sentence": self.sentence})


def name_trainer(marks: dict[str, Marks]) -> Trainer:
    """The trainer by the marks of a network's layers, averaged over those of 900 weights or more.

    Where all are smaller, they can only tell whether the files belong to one another.

    >>> import numpy as np
    >>> from steepest.inference.networks.marks import marks_of
    >>> rng = np.random.default_rng(0)
    >>> before = rng.standard_normal((40, 50))
    >>> after = before + 1e-3 * np.sign(rng.standard_normal((40, 50)))
    >>> name_trainer({"hidden": marks_of(before, after)}).name
    'the sign of the gradient, or Lion'
    """
    if not marks:
        return Trainer("too small", "", "no layer can be used", False, {}, {})
    large = {name: layer for name, layer in marks.items() if layer.weights >= LARGE}
    together = _average(list((large or marks).values()))
    outcome, name, reason, decay = _decide(together)
    if not large and outcome != "refused":
        reason = f"no layer of {LARGE} weights or more changed, and smaller ones cannot tell"
        return Trainer("too small", "", reason, False, together, {})
    alone = {layer: _decide(_average([numbers]))[1] or "none" for layer, numbers in large.items()}
    return Trainer(outcome, name, reason, decay, together, alone)


def _average(layers: Sequence[Marks]) -> dict[str, float]:
    return {
        field.name: float(np.mean([getattr(layer, field.name) for layer in layers]))
        for field in fields(Marks)
    }


def _decide(m: dict[str, float]) -> tuple[Outcome, str, str, bool]:
    """Outcome, name, reason, and whether weight decay was taken out."""
    refusal = _not_one_history(m)
    if refusal is not None:
        return ("refused", *refusal, False)
    decay = m["shrink"] < _SHRUNK and m["shrink_t"] < _CLEAR
    decay |= m["same_ratio"] > _UNLEARNED
    index, raw = m["index_corrected"], m["index"]
    if m["flips"] < _FROZEN_SIGNS and _within(raw, _MULTIPLICATIVE):
        if m["unit_spread"] > _BY_UNITS_EG:
            return _named("exponentiated gradient", f"index {raw:.2f}, and {_SCALES}")
        return _named("adaptive exponentiated gradient", f"index {raw:.2f}, and {_ALIKE}")
    if _within(raw, _CUBIC) or _within(index, _CUBIC):
        return _named("mirror descent in the 3-norm", f"index {raw:.2f}: small weights move most")
    if not abs(index) <= (_ADDITIVE_DECAYED if decay else _ADDITIVE):
        said = f"index {index:.2f} is that of no rule known here"
        return "none", "", said + (_TAKEN_OUT if decay else ""), decay
    additive = f"additive (index {index:.2f}{_TAKEN_OUT if decay else ''})"
    if m["distinct"] < _FEW_SIZES:
        return _named(
            "the sign of the gradient, or Lion", f"{additive}, in steps of one size", decay
        )
    if m["flatness"] > _FLAT:
        if m["shared"] <= _PATTERNLESS and m["kurtosis"] <= _GAUSSIAN:
            said = "the change has no structure of rows, columns or directions, as learning leaves"
            return "refused", "noise added to one another", said, False
        said = f"{additive}, and all singular directions of the change are alike"
        return _named("Muon, or another orthogonalised momentum", said, decay)
    if m["shared"] + m["spread"] / 2 > _BY_UNITS:
        name = "SGD with weight decay" if decay else "SGD, with or without momentum"
        return _named(name, f"{additive}, and {_SCALES}; {_TELL}", decay)
    return _named("AdamW" if decay else "Adam", f"{additive}, and {_ALIKE}; {_TELL}", decay)


_SCALES = "changes are products of a scale of the row and one of the column"
_ALIKE = "rows and columns change alike"
_TELL = "that alone tells SGD from Adam"
_TAKEN_OUT = " once the weight decay is taken out"


def _named(name: str, reason: str, decay: bool = False) -> tuple[Outcome, str, str, bool]:
    return "named", name, reason, decay


def _within(value: float, ends: tuple[float, float]) -> bool:
    return ends[0] <= value <= ends[1]


def _not_one_history(m: dict[str, float]) -> tuple[str, str] | None:
    """What the files are to one another, and the numbers that say so, if not before and after."""
    if m["exchanged"] > _EXCHANGED:
        share = f"{m['exchanged']:.0%} of the rows resemble another row and not their own"
        return "one network with its units in another order", share
    if m["zeros"] > _NEW_ZEROS:
        said = f"{m['zeros']:.1%} of the weights became exactly 0, which no training does"
        return "dense and pruned", said
    if m["full_rank"] < _LOW_RANK:
        said = (
            "the change has less than a quarter of the rank that it could have, so two factors"
            " were trained and not the weights, whose geometry does not show in their product"
        )
        return "one network without and with a low-rank adapter merged into it", said
    if m["correlation"] < _RELATED or m["flips"] > _FLIPPED:
        said = f"weights correlate by {m['correlation']:.2f} and {m['flips']:.0%} differ in sign"
        return "unrelated, or trained so long that nothing is left of the start", said
    # Seen backwards, any change shrinks weights, and far more than it then grows them; decay does
    # not, and shrinks what learned nothing by one ratio.
    shrinks = m["shrink"] < _SWAPPED and m["shrink_t"] < _CLEAR and m["same_ratio"] < _UNLEARNED
    swapped = shrinks and 0 < m["grow_back"] < -m["shrink"] / 2
    if swapped and abs(m["index_back"]) < _STILL < abs(m["index"]):
        said = (
            f"weights shrink by {-m['shrink']:.0%} forward and grow backward, where the index is"
            f" {m['index_back']:.2f}"
        )
        return "after and before: give them in the other order", said
    return None
