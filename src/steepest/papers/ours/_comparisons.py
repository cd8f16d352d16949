"""Two conditions of known geometries: how often are they said to differ?"""

import math
from dataclasses import dataclass

from steepest.errors import DataError
from steepest.inference.designs.design import Design
from steepest.inference.designs.spoiling import Spoiling, simulate_spoiled
from steepest.inference.synapses.comparison import compare_conditions

__all__ = ["ANSWERS", "COMPARISONS", "Pairing", "compared"]

ANSWERS = ("differ", "alike", "cannot say")
"""What a comparison may say of two conditions."""


@dataclass(frozen=True)
class Pairing:
    """The indices of two conditions, and in what else the second is unlike the first.

    `noise` and `synapses` are factors, `outliers` the share of its measurements that are tripled.
    """

    first: float
    second: float
    noise: float = 1.0
    synapses: float = 1.0
    outliers: float = 0.0


COMPARISONS: dict[str, Pairing] = {
    "1 and 1": Pairing(1.0, 1.0),
    ".5 and .5": Pairing(0.5, 0.5),
    "0 and 0": Pairing(0.0, 0.0),
    "1 and 1, more noise": Pairing(1.0, 1.0, noise=1.5),
    "1 and 1, fewer synapses": Pairing(1.0, 1.0, synapses=0.5),
    "1 and 1, outliers 2 %": Pairing(1.0, 1.0, outliers=0.02),
    "1 and .75": Pairing(1.0, 0.75),
    "1 and .5": Pairing(1.0, 0.5),
    "1 and 0": Pairing(1.0, 0.0),
}
"""Every kind of comparison by name."""


def compared(
    planned: Design, pairing: Pairing, *, draws: int, seed: list[int]
) -> tuple[str, float]:
    """What was said of two conditions, and whether the interval holds the true difference."""
    conditions = {
        "first": (planned, pairing.first, Spoiling()),
        "second": (
            planned.with_change(
                synapses=round(planned.synapses * pairing.synapses),
                multiplicative=planned.multiplicative * pairing.noise,
                shot=planned.shot * pairing.noise,
            ),
            pairing.second,
            Spoiling(outliers=pairing.outliers),
        ),
    }
    try:
        measured = {
            name: simulate_spoiled(design, index, spoiling, seed=[*seed, at])[0]
            for at, (name, (design, index, spoiling)) in enumerate(conditions.items())
        }
        (difference,) = compare_conditions(measured, draws=draws, seed=seed[-1]).differences
    except DataError:
        return "cannot say", math.nan
    if difference.outcome == "cannot say":
        return "cannot say", math.nan
    return difference.outcome, float(difference.index.holds(pairing.first - pairing.second))
