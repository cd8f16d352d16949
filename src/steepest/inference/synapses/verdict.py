"""What an inference says, and the rule by which it dares to name a geometry."""

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from steepest._version import __version__
from steepest.files import plain
from steepest.inference.synapses.dual import SEARCHED

if TYPE_CHECKING:
    import matplotlib.figure

__all__ = [
    "GEOMETRIES",
    "SCHEMA",
    "AnyVerdict",
    "Check",
    "Counts",
    "DeltaCdf",
    "DeltaCdfFloor",
    "GeometryFit",
    "LikelihoodFit",
    "Noise",
    "Outcome",
    "Verdict",
    "decide",
    "verdict_dict",
]

Outcome = Literal["named", "mixture", "none", "undecided", "unstable", "refused"]

SCHEMA = "steepest.infer/1"
"""Name and version of the JSON of a verdict; a field that changes its meaning raises the number."""

GEOMETRIES: dict[str, float] = {
    "3-norm": -1.0,
    "euclidean": 0.0,
    "1.5-norm": 0.5,
    "multiplicative": 1.0,
    "burg": 2.0,
}
"""The named geometries and their index a = 2 - p: the sd of a synapse's change grows as size^a."""

_NO_WIDTH = 3e-4  # three times the tolerance of a bootstrap draw


@dataclass(frozen=True)
class GeometryFit:
    """How well one named geometry explains the changes; `weight` is its share of the likelihood."""

    name: str
    index: float
    log_likelihood: float
    weight: float


@dataclass(frozen=True)
class Check:
    """One assumption, tested: `passed` is None where the check cannot say or advises caution."""

    statistic: float
    p_value: float | None
    passed: bool | None
    meaning: str


@dataclass(frozen=True)
class Counts:
    """What became of every row of the table.

    `usable` pairs have two positive sizes; `vanished`, `new` and `absent` have a zero after,
    before, or in both. With a detection limit, `below_limit` rows started below it and were
    excluded, and `censored` rows started above it and ended below it or vanished.
    """

    rows: int
    usable: int
    vanished: int
    new: int
    absent: int
    below_limit: int = 0
    censored: int = 0


@dataclass(frozen=True)
class Noise:
    """What was stated about measurement noise: nothing, exact sizes, a CV, or an additive sd."""

    kind: Literal["unknown", "none", "cv", "sd"]
    value: float | None = None

    @property
    def statement(self) -> str:
        """The statement as a phrase for tables and reports."""
        if self.kind == "cv":
            return f"coefficient of variation {self.value:g} (stated)"
        if self.kind == "sd":
            return f"standard deviation {self.value:g} in the unit of size (stated)"
        return "none: sizes stated to be exact" if self.kind == "none" else "unknown: not stated"


@dataclass(frozen=True)
class LikelihoodFit:
    """The maximum-likelihood index, its 95 % profile interval, and the profile for the picture."""

    index: float
    interval: tuple[float, float]
    log_likelihood: float
    model: str
    profile_index: Float[np.ndarray, " p"] = field(repr=False)
    profile_log_likelihood: Float[np.ndarray, " p"] = field(repr=False)


@dataclass(frozen=True)
class DeltaCdf:
    """The distance of one geometry's standardised dual change from a Gaussian."""

    name: str
    index: float
    uncentred: float
    centred: float


@dataclass(frozen=True)
class DeltaCdfFloor:
    """The Delta CDF that exact Gaussian samples of this size show: mean and 95th percentile."""

    uncentred_mean: float
    uncentred_q95: float
    centred_mean: float
    centred_q95: float


@dataclass(frozen=True, eq=False)
class Verdict:
    """In which geometry the synapses moved, how sure that is, and why.

    `index` is NaN where no estimate exists; an end of `interval` is infinite where the data do
    not bound it and NaN where there is none. `geometries` are ranked, the likeliest first.
    `before` and `after` are the usable sizes, `vanished` and `new` the sizes of lost and gained
    synapses, all in the unit of the input.
    """

    index: float
    interval: tuple[float, float]
    outcome: Outcome
    verdict: str
    reason: str
    geometries: tuple[GeometryFit, ...]
    checks: dict[str, Check]
    n: int
    counts: Counts
    likelihood: LikelihoodFit
    delta_cdf: tuple[DeltaCdf, ...]
    delta_cdf_floor: DeltaCdfFloor
    noise: Noise
    estimator: str
    interval_method: str
    detection_limit: float | None
    seed: int
    before: Float[np.ndarray, " n"] = field(repr=False)
    after: Float[np.ndarray, " n"] = field(repr=False)
    vanished: Float[np.ndarray, " v"] = field(repr=False)
    new: Float[np.ndarray, " m"] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The verdict as plain JSON values; numbers that do not exist are None, never NaN."""
        return verdict_dict(
            self,
            {
                "counts": asdict(self.counts),
                "likelihood": {
                    "index": self.likelihood.index,
                    "interval": self.likelihood.interval,
                    "log_likelihood": self.likelihood.log_likelihood,
                    "model": self.likelihood.model,
                },
                "delta_cdf": {
                    "floor": asdict(self.delta_cdf_floor),
                    "geometries": [asdict(distance) for distance in self.delta_cdf],
                },
                "noise": {**asdict(self.noise), "statement": self.noise.statement},
                "estimator": self.estimator,
                "interval_method": self.interval_method,
                "detection_limit": self.detection_limit,
            },
        )

    def plot(self) -> "matplotlib.figure.Figure":
        """Draw sizes, changes and the likelihood of every index as one matplotlib Figure."""
        from steepest.inference.synapses.pair_picture import draw

        return draw(self)

    def __str__(self) -> str:
        low, high = self.interval
        lines = [
            f"{self.outcome}: {self.verdict}",
            f"  index      {_number(self.index)} (95 % {_number(low)} to {_number(high)};"
            f" {self.estimator}, {self.interval_method})",
            f"  likelihood {_number(self.likelihood.index)}"
            f" (95 % {_number(self.likelihood.interval[0])}"
            f" to {_number(self.likelihood.interval[1])})",
            f"  pairs      {self.counts.usable} usable of {self.counts.rows} rows;"
            f" {self.counts.vanished} vanished, {self.counts.new} new,"
            f" {self.counts.absent} absent in both",
            f"  noise      {self.noise.statement}",
            f"  why        {self.reason}",
            "  geometry         index   log-likelihood   share",
        ]
        best = self.geometries[0].log_likelihood
        lines += [
            f"  {fit.name:15s} {fit.index:6.1f} {fit.log_likelihood - best:16.1f} {fit.weight:7.3f}"
            for fit in self.geometries
        ]
        marks = {True: "ok", False: "FAILS", None: "caution"}
        lines += [
            f"  check {name}: {marks[check.passed]} ({check.meaning})"
            for name, check in self.checks.items()
        ]
        return "\n".join(lines)

    __repr__ = __str__


def decide(index: float, interval: tuple[float, float], noise: Noise) -> tuple[Outcome, str, str]:
    """Outcome, verdict and reason from an index, its 95 % interval, and what is known of the noise.

    A geometry is named only when the sizes are stated to be exact and the interval, widened by
    .05 (1 + |1 - a|), holds that candidate alone, no further than .15 (.3 for c <= 0) from the
    index. An interval without an end, without width or that does not exist leaves it undecided.
    The 1.5-norm cannot be told from additive plus multiplicative change in one pair of
    sessions, and is reported as "mixture".
    """
    low, high = interval
    if math.isnan(index):
        return (
            "refused",
            "The stated noise alone explains these changes.",
            "nothing is left of the change of size once the stated noise is taken out",
        )
    if math.isinf(index):
        side = f"above {SEARCHED[1]:g}" if index > 0 else f"below {SEARCHED[0]:g}"
        return (
            "refused",
            "These sizes do not determine a geometry index.",
            f"the index would lie {side}, outside the searched range",
        )
    found = f"index {index:.2f} (95 % {_number(low)} to {_number(high)})"
    if noise.kind == "unknown":
        return (
            "undecided",
            "No geometry is named while the measurement noise is unknown.",
            f"{found} holds only if the sizes are exact: noise alone can move it past any"
            " candidate; state the noise, or state that there is none (noise_cv=0)",
        )
    if noise.kind != "none":
        return (
            "undecided",
            "No geometry is named from a stated noise alone.",
            f"{found} is corrected for the stated noise, but a wrong form of the noise would name"
            " a wrong geometry: naming needs replicates, sessions or a null group",
        )
    margin = 0.05 * (1 + abs(1 - index))
    inside = {name: c for name, c in GEOMETRIES.items() if low - margin <= c <= high + margin}
    found += f", widened by {margin:.2f},"
    width = high - low
    if len(inside) > 1:
        return (
            "undecided",
            f"Undecided between {' and '.join(inside)}.",
            f"{found} holds {len(inside)} named geometries: more synapses or a wider range of"
            " sizes would tell them apart",
        )
    if not width > _NO_WIDTH:
        return (
            "undecided",
            "These sizes do not say how sure the index is.",
            f"index {index:.2f}, but no interval of any width: look for repeated or rounded sizes",
        )
    if math.isinf(width):
        return (
            "undecided",
            "These sizes do not bound the geometry index.",
            f"{found} has no end on one side: more synapses or a wider range of sizes would give"
            " it one",
        )
    if not inside:
        return (
            "none",
            "None of the named geometries fits.",
            f"{found} holds no named geometry",
        )
    ((name, candidate),) = inside.items()
    if abs(index - candidate) > (0.3 if candidate <= 0 else 0.15):
        return (
            "undecided",
            f"Undecided: {name} is not excluded, and not close enough to be named.",
            f"{found} holds {name} alone, but the index is {abs(index - candidate):.2f} from it",
        )
    if name == "1.5-norm":
        return (
            "mixture",
            "The 1.5-norm, or a mixture of additive and multiplicative change.",
            f"{found} holds the 1.5-norm alone, which one pair of sessions cannot tell from a"
            " mixture",
        )
    return "named", name, f"{found} holds {name} and no other named geometry"


@runtime_checkable
class AnyVerdict(Protocol):
    """What every verdict has, whatever it was asked of."""

    @property
    def index(self) -> float: ...
    @property
    def interval(self) -> tuple[float, float]: ...
    @property
    def outcome(self) -> Outcome: ...
    @property
    def verdict(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def geometries(self) -> tuple[GeometryFit, ...]: ...
    @property
    def checks(self) -> dict[str, Check]: ...
    @property
    def n(self) -> int: ...
    @property
    def seed(self) -> int: ...


def verdict_dict(verdict: AnyVerdict, own: dict[str, Any]) -> dict[str, Any]:
    """A verdict as plain JSON values: what every verdict has, and its `own` fields.

    Numbers that do not exist are None, never NaN. The form is that of `steepest.infer/1`.
    """
    return plain(
        {
            "schema": SCHEMA,
            "index": verdict.index,
            "interval": verdict.interval,
            "outcome": verdict.outcome,
            "verdict": verdict.verdict,
            "reason": verdict.reason,
            "geometries": [asdict(fit) for fit in verdict.geometries],
            "checks": {name: asdict(check) for name, check in verdict.checks.items()},
            "n": verdict.n,
            **own,
            "seed": verdict.seed,
            "version": __version__,
        }
    )


def _number(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.2f}"
