"""What an inference says of one pair of sessions, and what every verdict has."""

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from steepest._version import __version__
from steepest.files import plain
from steepest.inference.synapses.naming import Outcome
from steepest.inference.synapses.noise import Noise

if TYPE_CHECKING:
    import matplotlib.figure

__all__ = [
    "SCHEMA",
    "AnyVerdict",
    "Check",
    "Counts",
    "DeltaCdf",
    "DeltaCdfFloor",
    "GeometryFit",
    "LikelihoodFit",
    "Verdict",
    "verdict_dict",
]

SCHEMA = "steepest.infer/1"
"""Name and version of the JSON of a verdict; a field that changes its meaning raises the number."""


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
    excluded, and `censored` rows started above it and ended below it or vanished. Rows
    `not_measured` have no number before or after, and are in no other count.
    """

    rows: int
    usable: int
    vanished: int
    new: int
    absent: int
    below_limit: int = 0
    censored: int = 0
    not_measured: int = 0


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
