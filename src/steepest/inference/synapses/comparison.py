"""Whether synapses of different conditions moved in different geometries."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from steepest._version import __version__
from steepest.errors import DataError
from steepest.files import plain
from steepest.inference.synapses.intervals import Interval, interval_of, widening
from steepest.inference.synapses.measured import MeasuredVerdict, infer_measured
from steepest.inference.synapses.measurements import Measurements

if TYPE_CHECKING:
    import matplotlib.figure

__all__ = ["SCHEMA", "Comparison", "Difference", "compare_conditions"]

SCHEMA = "steepest.comparison/1"

_FEWEST_GROUPS = 8
"""Groups in a condition without which no verdict is given, nor a difference."""


@dataclass(frozen=True)
class Difference:
    """The index of one condition minus that of another, with its interval.

    `outcome` is "differ" where the interval excludes 0, "alike" where it does not, and "cannot say"
    where one of the two was refused or has no interval. Intervals of all differences hold together
    in 95 % of experiments.

    >>> Difference("trained", "sham", Interval(0.5, 0.1, 0.9), "differ").sentence
    'The indices of trained and sham differ by 0.50 (95 % 0.10 to 0.90).'
    """

    first: str
    second: str
    index: Interval
    outcome: Literal["differ", "alike", "cannot say"]
    reason: str = ""

    @property
    def sentence(self) -> str:
        """The difference in one sentence."""
        pair = f"{self.first} and {self.second}"
        numbers = f"{self.index.value:.2f} (95 % {self.index.low:.2f} to {self.index.high:.2f})"
        if self.outcome == "differ":
            return f"The indices of {pair} differ by {numbers}."
        if self.outcome == "alike":
            return (
                f"The indices of {pair} do not differ by more than chance explains: difference"
                f" {numbers}."
            )
        return f"Whether the indices of {pair} differ cannot be said: {self.reason}."


@dataclass(frozen=True, eq=False)
class Comparison:
    """A verdict for each condition, and the difference of the indices of every two of them.

    >>> from steepest.inference import Design, simulate_design
    >>> design = Design(synapses=100, sessions=3, groups=10)
    >>> measured = {name: simulate_design(design, a, seed=1) for name, a in (("x", 1), ("y", 0))}
    >>> compare_conditions(measured, draws=50).differences[0].outcome
    'differ'
    """

    verdicts: Mapping[str, MeasuredVerdict]
    differences: tuple[Difference, ...]
    draws: int
    seed: int
    resampled: str = field(default="synapses")

    @property
    def sentence(self) -> str:
        """All differences, a sentence each."""
        return " ".join(difference.sentence for difference in self.differences)

    def methods(self) -> str:
        """How it was compared, as a paragraph for a paper."""
        together = (
            ""
            if len(self.differences) == 1
            else f" Intervals of the {len(self.differences)} differences hold together"
            " (Bonferroni)."
        )
        return (
            "The geometry index of each condition was estimated by itself"
            f" (steepest {__version__}), with scale and drift of its own groups removed. Intervals"
            f" of differences are percentiles of {self.draws} bootstrap resamples of"
            f" {self.resampled}, drawn in each condition independently (seed {self.seed}) and"
            f" widened by Student's t on the number of {self.resampled} in the smaller condition."
            + together
        )

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain JSON values, in the form of `steepest.comparison/1`."""
        return plain(
            {
                "schema": SCHEMA,
                "sentence": self.sentence,
                "differences": [
                    asdict(difference) | {"sentence": difference.sentence}
                    for difference in self.differences
                ],
                "verdicts": {name: verdict.to_dict() for name, verdict in self.verdicts.items()},
                "resampled": self.resampled,
                "draws": self.draws,
                "seed": self.seed,
                "version": __version__,
            }
        )

    def plot(self) -> "matplotlib.figure.Figure":
        """Draw the index of every condition, and the differences, with their intervals."""
        from steepest.inference.synapses.comparison_picture import draw

        return draw(self)


def compare_conditions(
    measured: Mapping[str, Measurements],
    *,
    noise_cv: Any = None,
    noise_sd: Any = None,
    draws: int = 400,
    seed: int = 0,
) -> Comparison:
    """Did synapses of different conditions move in different geometries?

    `measured` holds the measurements of each condition by its name; each is judged by itself, as
    `infer_measured` does. The interval of a difference resamples the groups of both conditions.

    Raises DataError, naming the condition, where there are fewer than two, where one has fewer than
    8 groups (of those that have any), and as `infer_measured` does.

    >>> from steepest.inference import Design, simulate_design
    >>> design = Design(synapses=100, sessions=3, groups=10)
    >>> same = {name: simulate_design(design, 1, seed=4 + s) for s, name in enumerate("ab")}
    >>> compare_conditions(same, draws=50).differences[0].outcome
    'alike'
    """
    if len(measured) < 2:
        raise DataError(
            f"{len(measured)} condition ({', '.join(measured)}): a comparison needs at least two"
        )
    for name, part in measured.items():
        whole = part.groups if part.clusters is None else part.clusters
        if whole is not None and np.unique(whole).size < _FEWEST_GROUPS:
            kind = "groups" if part.clusters is None else "clusters of groups"
            raise DataError(
                f"condition {name!r} has {np.unique(whole).size} {kind}: at least"
                f" {_FEWEST_GROUPS} are needed to know how variable they are; measure more, or"
                " leave the condition out"
            )
    verdicts: dict[str, MeasuredVerdict] = {}
    for name, part in measured.items():
        try:
            verdicts[name] = infer_measured(
                part, noise_cv=noise_cv, noise_sd=noise_sd, draws=draws, seed=seed
            )
        except DataError as error:
            raise DataError(f"condition {name!r}: {error}") from error
    pairs = list(combinations(verdicts, 2))
    return Comparison(
        verdicts=verdicts,
        differences=tuple(
            _difference(first, second, verdicts, len(pairs), seed) for first, second in pairs
        ),
        draws=draws,
        seed=seed,
        resampled=next(iter(measured.values())).resampled,
    )


def _difference(
    first: str, second: str, verdicts: Mapping[str, MeasuredVerdict], many: int, seed: int
) -> Difference:
    one, other = verdicts[first], verdicts[second]
    # Both conditions draw from one seed; in another order the draws are independent.
    order = np.random.default_rng([seed, 3]).permutation(one.draws)
    with np.errstate(invalid="ignore"):
        drawn = one.estimate.draws.index - other.estimate.draws.index[order]
    widen = widening(min(one.estimate.clusters, other.estimate.clusters)) * _together(many)
    index = interval_of(one.index - other.index, drawn, widen)
    refused = [name for name in (first, second) if verdicts[name].outcome == "refused"]
    if refused:
        said = "; ".join(f"{name}: {verdicts[name].verdict.rstrip('.')}" for name in refused)
        return Difference(first, second, index, "cannot say", said)
    if not (math.isfinite(index.value) and math.isfinite(index.low) and math.isfinite(index.high)):
        return Difference(first, second, index, "cannot say", "the difference has no interval")
    return Difference(first, second, index, "alike" if index.holds(0.0) else "differ")


def _together(many: int) -> float:
    """How much wider intervals of several differences are, to hold together (Bonferroni)."""
    if many == 1:
        return 1.0
    from scipy.special import ndtri

    return float(ndtri(1 - 0.025 / many) / ndtri(0.975))
