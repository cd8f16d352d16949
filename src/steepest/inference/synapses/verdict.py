"""What an inference says of one pair of sessions, and what every verdict has."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from steepest._version import __version__
from steepest.errors import UsageError
from steepest.files import plain
from steepest.inference.synapses.covariate import RateFit
from steepest.inference.synapses.naming import Outcome
from steepest.inference.synapses.noise import Noise
from steepest.inference.synapses.publishing import pair_legend, pair_methods, pair_sentence
from steepest.markup import brief, fragment, table, visible

if TYPE_CHECKING:
    import matplotlib.figure
    import xarray

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
    "attributes",
    "html",
    "marked",
    "number",
    "sentence_of",
    "verdict_dict",
]

SCHEMA = "steepest.infer/1"
"""Name and version of the JSON of a verdict; a field that changes its meaning raises the number."""

_MARKS = {True: "ok", False: "FAILS", None: "caution"}


@dataclass(frozen=True)
class GeometryFit:
    """How well one named geometry explains the changes; `weight` is its share of the likelihood.

    >>> GeometryFit("euclidean", 0.0, -12.5, 0.9).name
    'euclidean'
    """

    name: str
    index: float
    log_likelihood: float
    weight: float


@dataclass(frozen=True)
class Check:
    """One assumption, tested: `passed` is None where the check cannot say or advises caution.

    >>> Check(0.02, None, True, "q = 0.02: changes are small against the sizes").passed
    True
    """

    statistic: float
    p_value: float | None
    passed: bool | None
    meaning: str
    picture: "Callable[[], matplotlib.figure.Figure] | None" = field(
        default=None, repr=False, compare=False
    )

    def plot(self) -> "matplotlib.figure.Figure":
        """Draw what was tested; raises UsageError for a check that has no picture of its own."""
        if self.picture is None:
            raise UsageError("this check has no picture of its own: draw its verdict")
        return self.picture()

    def to_dict(self) -> dict[str, Any]:
        """The check as plain JSON values."""
        told = ("statistic", "p_value", "passed", "meaning")
        return {name: getattr(self, name) for name in told}


@dataclass(frozen=True)
class Counts:
    """What became of every row of the table.

    `usable` pairs have two positive sizes; `vanished`, `new` and `absent` have a zero after,
    before, or in both. With a detection limit, `below_limit` rows started below it and were
    excluded, and `censored` rows started above it and ended below it or vanished. Rows
    `not_measured` have no number before or after, and are in no other count.

    >>> Counts(rows=10, usable=7, vanished=2, new=1, absent=0).usable
    7
    """

    rows: int
    usable: int
    vanished: int
    new: int
    absent: int
    below_limit: int = 0
    censored: int = 0
    not_measured: int = 0

    @property
    def left_unmeasured(self) -> str:
        """Words on the rows that were not measured, to follow the other counts; "" for none."""
        return f", {self.not_measured} not measured" if self.not_measured else ""


@dataclass(frozen=True)
class LikelihoodFit:
    """The maximum-likelihood index, its 95 % profile interval, and the profile for the picture.

    >>> import numpy as np
    >>> from steepest.inference import simulate_change
    >>> logs = [np.log(sizes) for sizes in simulate_change(200, index=1, seed=1)]
    >>> from steepest.inference.synapses import ExactLikelihood, fit_likelihood
    >>> fit_likelihood(ExactLikelihood(*logs)).model
    'Gaussian dual change, exact sizes'
    """

    index: float
    interval: tuple[float, float]
    log_likelihood: float
    model: str
    profile_index: Float[np.ndarray, " p"] = field(repr=False)
    profile_log_likelihood: Float[np.ndarray, " p"] = field(repr=False)


@dataclass(frozen=True)
class DeltaCdf:
    """The distance of one geometry's standardised dual change from a Gaussian.

    >>> DeltaCdf("euclidean", 0.0, uncentred=0.2, centred=0.1).centred
    0.1
    """

    name: str
    index: float
    uncentred: float
    centred: float


@dataclass(frozen=True)
class DeltaCdfFloor:
    """The Delta CDF that exact Gaussian samples of this size show: mean and 95th percentile.

    >>> DeltaCdfFloor(0.06, 0.1, 0.04, 0.06).centred_q95
    0.06
    """

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
    synapses, all in the unit of the input. `resampled` says what the interval resampled (None:
    nothing), and `groups` how many groups of usable synapses there are (None: none were given).
    `crossed` says how many signed weights crossed zero (None: sizes, which have no sign).

    >>> from steepest.inference import infer_geometry, simulate_change
    >>> verdict = infer_geometry(*simulate_change(300, index=1, seed=1), noise_cv=0)
    >>> print(verdict.sentence().replace(" (", "\\n("))
    The synapses changed in the multiplicative geometry
    (geometry index 1.13, 95 % interval 0.90 to 1.31; n = 300 synapses).
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
    resampled: Literal["synapses", "groups"] | None = None
    rate: RateFit | None = None
    groups: int | None = None
    crossed: int | None = None

    @property
    def rate_exponent(self) -> float | None:
        """By which power of presynaptic rate changes grow at equal size; None without `rates`."""
        return None if self.rate is None else self.rate.exponent

    def sentence(self) -> str:
        """The verdict as one sentence with its numbers, as a results section states it."""
        return pair_sentence(self, sentence_of(self))

    def methods(self) -> str:
        """What was computed, as a paragraph for a methods section."""
        return pair_methods(self)

    def legend(self) -> str:
        """The legend of the figure that `plot` draws."""
        return pair_legend(self)

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
                "resampled": self.resampled,
                **({} if self.rate is None else {"rate": asdict(self.rate)}),
                "groups": self.groups,
                "crossed": self.crossed,
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
            f"  index      {number(self.index)} (95 % {number(low)} to {number(high)};"
            f" {self.estimator}, {self.interval_method})",
            f"  likelihood {number(self.likelihood.index)}"
            f" (95 % {number(self.likelihood.interval[0])}"
            f" to {number(self.likelihood.interval[1])})",
            f"  pairs      {self.counts.usable} usable of {self.counts.rows} rows;"
            f" {self.counts.vanished} vanished, {self.counts.new} new,"
            f" {self.counts.absent} absent in both{self.counts.left_unmeasured}",
            f"  noise      {self.noise.statement}",
            f"  why        {self.reason}",
            "  geometry         index   log-likelihood   share",
        ]
        best = self.geometries[0].log_likelihood
        lines += [
            f"  {fit.name:15s} {fit.index:6.1f} {fit.log_likelihood - best:16.1f} {fit.weight:7.3f}"
            for fit in self.geometries
        ]
        return "\n".join(map(visible, [*lines, *marked(self)]))

    def __repr__(self) -> str:
        return brief(str(self))

    def to_dataset(self) -> "xarray.Dataset":
        """Usable sizes and the profile of the likelihood, the verdict as attributes."""
        import xarray as xr

        return xr.Dataset(
            {
                "before": ("synapse", self.before),
                "after": ("synapse", self.after),
                "log_likelihood": ("index", self.likelihood.profile_log_likelihood),
            },
            coords={"index": self.likelihood.profile_index},
            attrs=attributes(self),
        )

    def _repr_html_(self) -> str:
        return html(self, f"Measurement noise: {self.noise.statement}.")


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
    def sentence(self) -> str: ...
    def methods(self) -> str: ...
    def legend(self) -> str: ...


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
            "checks": {name: check.to_dict() for name, check in verdict.checks.items()},
            "n": verdict.n,
            **own,
            "seed": verdict.seed,
            "version": __version__,
        }
    )


def number(value: float) -> str:
    """A number of two decimals, "none" where there is none."""
    return "none" if math.isnan(value) else f"{value:.2f}"


def sentence_of(verdict: AnyVerdict) -> str:
    """A verdict as a sentence: a geometry's name is put into one, all else is one already."""
    if verdict.outcome == "named":
        return f"The synapses changed in the {verdict.verdict} geometry."
    return verdict.verdict


def marked(verdict: AnyVerdict) -> list[str]:
    """The checks of a verdict as lines of text."""
    return [
        f"  check {name}: {_MARKS[check.passed]} ({check.meaning})"
        for name, check in verdict.checks.items()
    ]


def html(verdict: AnyVerdict, *paragraphs: str) -> str:
    """The core of a verdict's page: sentence, index, reason, `paragraphs`, geometries, checks."""
    low, high = verdict.interval
    index = (
        f"Index {number(verdict.index)} (95 % {number(low)} to {number(high)}), n = {verdict.n}."
    )
    ranked = [(fit.name, f"{fit.index:g}", f"{fit.weight:.3f}") for fit in verdict.geometries]
    checks = [(name, _MARKS[check.passed], check.meaning) for name, check in verdict.checks.items()]
    tables = [
        table(columns, rows)
        for columns, rows in (
            (("geometry", "index", "share"), ranked),
            (("check", "result", "meaning"), checks),
        )
        if rows
    ]
    return fragment(sentence_of(verdict), [index, f"{verdict.reason}.", *paragraphs], tables)


def attributes(verdict: AnyVerdict) -> dict[str, Any]:
    """What a dataset of a verdict says of it: index, interval, outcome, verdict and reason."""
    low, high = verdict.interval
    return {
        "index": verdict.index,
        "interval_low": low,
        "interval_high": high,
        "outcome": verdict.outcome,
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "seed": verdict.seed,
    }
