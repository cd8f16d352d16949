"""A call for each synapse: which grew, which shrank, which stayed, at a stated rate of errors.

A ratio of two noisy sizes beyond 1.25 is no proof of change: on pure noise hundreds of synapses
pass it, and all are false. Here every synapse has the posterior of its true change, given how much
synapses of its size change and how noisy its sizes are, and calls are made until their expected
share of errors reaches the rate asked for.
"""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
from jaxtyping import Float

from steepest._version import __version__
from steepest.errors import DataError, UsageError
from steepest.files import plain, to_csv
from steepest.inference.synapses.estimation import Estimate
from steepest.inference.synapses.measured import MeasuredVerdict
from steepest.inference.synapses.noise import stated_number
from steepest.inference.synapses.outlying import MOST_OUTLYING
from steepest.inference.synapses.posterior import Two, changes_of, largest_set, surer_than_null
from steepest.inference.synapses.verdict import AnyVerdict
from steepest.markup import brief, fragment, table

if TYPE_CHECKING:
    import matplotlib.figure
    import xarray

__all__ = ["CALLS", "Call", "Calls", "LaboratoryRule", "check_asked", "classify"]

Call: TypeAlias = Literal["potentiated", "depressed", "stable", "lost", "new", "cannot say"]
CALLS: tuple[Call, ...] = get_args(Call)

_GREW, _SHRANK = 1.25, 0.75
_ENDS = (0.025, 0.975)


@dataclass(frozen=True)
class LaboratoryRule:
    """The usual rule, a ratio of 1.25 and more or .75 and less: its calls, and how many are false.

    `false` is the expected number of its calls that did not change by the number asked about in the
    direction called, given the noise.

    >>> LaboratoryRule(called=40, false=12.5).rate
    0.3125
    """

    called: int
    false: float

    @property
    def rate(self) -> float:
        """The expected share of false calls; 0 where there are none."""
        return self.false / self.called if self.called else 0.0


@dataclass(frozen=True, eq=False, repr=False)
class Calls:
    """What each synapse (a row of the table) did from the first session to the last.

    `change` is how much the log of size must have changed to be called changed, `fdr` the share of
    calls that may be wrong. `probability` is that of the call, the smaller under two priors;
    `posterior`, `low` and `high` are the true change of log size with its 95 % interval, `observed`
    the measured one; NaN where a synapse lacks a size at either end. `expected_false` is the number
    of changed calls expected to be wrong. `sessions` are the two compared. `withheld` says why
    nothing is called, where that is so, `as_in_null` how many would be called but for a null
    condition in which changes are as sure.

    >>> from steepest.inference import Design, infer_measured, simulate_design
    >>> measured = simulate_design(Design(synapses=200, sessions=4, groups=10), 1, seed=1)
    >>> calls = classify(infer_measured(measured, draws=20))
    >>> calls.counts["potentiated"] > 0, calls.counts["lost"]
    (True, 0)
    """

    call: tuple[Call, ...]
    probability: Float[np.ndarray, " n"] = field(repr=False)
    posterior: Float[np.ndarray, " n"] = field(repr=False)
    low: Float[np.ndarray, " n"] = field(repr=False)
    high: Float[np.ndarray, " n"] = field(repr=False)
    observed: Float[np.ndarray, " n"] = field(repr=False)
    size: Float[np.ndarray, " n"] = field(repr=False)
    noise: Float[np.ndarray, " n"] = field(repr=False)
    group: tuple[str, ...] = field(repr=False)
    change: float
    fdr: float
    expected_false: float
    laboratory: LaboratoryRule
    sessions: tuple[str, str]
    noise_statement: str
    seed: int
    withheld: str = ""
    as_in_null: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """How many synapses got each call."""
        return {call: self.call.count(call) for call in CALLS}

    @property
    def changed(self) -> int:
        """How many synapses were called potentiated or depressed."""
        return self.counts["potentiated"] + self.counts["depressed"]

    @property
    def sentence(self) -> str:
        """The calls in one sentence."""
        counts = ", ".join(f"{number} {call}" for call, number in self.counts.items() if number)
        return f"Of {len(self.call)} synapses: {counts}."

    @property
    def reason(self) -> str:
        """The rule that was used, and the usual one beside it."""
        rule = self.laboratory
        nothing = f"nothing is called, as {self.withheld}; " if self.withheld else ""
        doubted = (
            f"; {self.as_in_null} more are as sure, but so are changes of the null condition, which"
            " are noise"
            if self.as_in_null
            else ""
        )
        return nothing + (
            f"changed means that log size truly changed by more than {self.change:g}; of"
            f" {self.changed} called changed {self.expected_false:.1f} are expected to be wrong"
            f" (at most {self.fdr:.0%}); a ratio of 1.25 and more or .75 and less calls"
            f" {rule.called}, of which {rule.false:.1f} ({rule.rate:.0%}) are expected to be wrong"
            f"{doubted}"
        )

    def rows(self) -> list[dict[str, Any]]:
        """One dict a synapse: row (from 0), group, call, probability, changes of log size."""
        return [
            {
                "row": at,
                "group": self.group[at] if self.group else None,
                "call": call,
                "probability": float(self.probability[at]),
                "change": float(self.posterior[at]),
                "low": float(self.low[at]),
                "high": float(self.high[at]),
                "observed": float(self.observed[at]),
            }
            for at, call in enumerate(self.call)
        ]

    def to_dict(self) -> dict[str, Any]:
        """The calls as plain JSON values; numbers that do not exist are None, never NaN."""
        return plain(
            {
                "schema": "steepest.calls/1",
                "change": self.change,
                "fdr": self.fdr,
                "sessions": self.sessions,
                "counts": self.counts,
                "expected_false": self.expected_false,
                "laboratory_rule": {
                    "called": self.laboratory.called,
                    "expected_false": self.laboratory.false,
                    "rate": self.laboratory.rate,
                },
                "noise": self.noise_statement,
                "synapses": self.rows(),
                "seed": self.seed,
                "version": __version__,
            }
        )

    def to_csv(self) -> str:
        """The calls as text, a synapse a line; empty where a number does not exist."""
        rows = self.rows()
        return to_csv(list(rows[0]), ([_cell(value) for value in row.values()] for row in rows))

    def to_dataset(self) -> "xarray.Dataset":
        """Calls, probabilities and changes by synapse."""
        import xarray as xr

        columns = {
            "call": list(self.call),
            "probability": self.probability,
            "change": self.posterior,
            "low": self.low,
            "high": self.high,
            "observed": self.observed,
        }
        return xr.Dataset(
            {name: ("synapse", values) for name, values in columns.items()},
            attrs={"least_change": self.change, "fdr": self.fdr, "seed": self.seed},
        )

    def plot(self) -> "matplotlib.figure.Figure":
        """Draw the changes against size with their calls, and the counts beside the usual rule."""
        from steepest.inference.synapses.calls_picture import draw

        return draw(self)

    def __str__(self) -> str:
        return f"{self.sentence}\n  {self.reason}\n  noise: {self.noise_statement}"

    def __repr__(self) -> str:
        return brief(str(self))

    def _repr_html_(self) -> str:
        counts = [(call, str(number)) for call, number in self.counts.items()]
        return fragment(self.sentence, [f"{self.reason}."], [table(("call", "synapses"), counts)])


def _cell(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return None if math.isnan(value) else float(f"{value:.6g}")


def classify(verdict: AnyVerdict, change: float = 0.2, fdr: float = 0.05) -> Calls:
    """Which synapses changed from the first session to the last, given the noise of the verdict.

    A synapse has changed where its true log size did so by more than `change` (.2 is 22 %). Its
    posterior is taken under a Gaussian signal of the fitted variance at its size, and under a
    mixture of such signals, smaller and larger, fitted to all changes; the smaller probability
    counts. The largest set of calls is made whose expected share of errors is at most `fdr`. The
    change that all groups have in common counts as change, what single groups add to it (a
    brighter image) does not; with a null condition, its mean change is subtracted.

    A null condition shows errors of measurement that no Gaussian noise has: its synapses are judged
    as the treated ones are, and no more is called than at most `fdr` of it would be wrong if as
    many of the treated were as sure by noise alone (`surer_than_null`). That takes 1 / `fdr` calls
    at least.

    Where no index can be estimated there is no signal to expect, and where more than 3 % of a
    series are outlying, those that are not found look like changes: there nothing is called.

    Raises UsageError for a change that is not positive, and an fdr outside 0 to 1 (both excluded);
    DataError for a verdict that knows no noise.

    >>> from steepest.inference import Design, infer_measured, simulate_design
    >>> measured = simulate_design(Design(synapses=200, sessions=4, groups=10), 1, seed=1)
    >>> classify(infer_measured(measured, draws=20), change=0.5).change
    0.5
    """
    least, rate = check_asked(change, fdr)
    if not isinstance(verdict, MeasuredVerdict):
        raise DataError(
            "calls need a known noise, and this verdict knows none: give three sessions or more,"
            " replicates, or a null condition (infer_measured)"
        )
    estimate = verdict.estimate
    changes = changes_of(estimate)
    both = Two.of(changes)
    first, second = both.gaussian, both.mixture
    grew, shrank, still = both.beyond(least)
    moved = np.maximum(grew, shrank)
    withheld = _withheld(estimate)
    if withheld:
        moved, still = np.zeros(moved.size), np.zeros(still.size)
    called, as_in_null = largest_set(moved, rate), 0
    if estimate.source == "null":
        idle = Two.of(changes_of(estimate, null=True), both.shares).beyond(least)
        surer = surer_than_null(moved, np.maximum(idle[0], idle[1]), rate)
        as_in_null = int((called & ~surer).sum())
        called &= surer
    stable = largest_set(still, rate) & ~called
    call: list[Call] = _without_both(estimate)
    probability = np.full(len(call), np.nan)
    for at, row in enumerate(changes.rows):
        if called[at]:
            call[row] = "potentiated" if grew[at] >= shrank[at] else "depressed"
            probability[row] = moved[at]
        elif stable[at]:
            call[row], probability[row] = "stable", still[at]
        else:
            probability[row] = max(moved[at], still[at])
    low = np.minimum(first.quantile(_ENDS[0]), second.quantile(_ENDS[0]))
    high = np.maximum(first.quantile(_ENDS[1]), second.quantile(_ENDS[1]))
    ratio = np.exp(changes.observed)
    by_ratio = np.where(ratio >= _GREW, second.above(least), second.below(-least))
    by_rule = (ratio >= _GREW) | (ratio <= _SHRANK)
    measured = estimate.measured

    def spread_out(values: np.ndarray) -> np.ndarray:
        every = np.full(len(call), np.nan)
        every[changes.rows] = values
        return every

    groups = measured.groups
    return Calls(
        call=tuple(call),
        probability=probability,
        posterior=spread_out(second.mean()),
        low=spread_out(low),
        high=spread_out(high),
        observed=spread_out(changes.observed),
        size=spread_out(np.exp(changes.middle + estimate.centre)),
        noise=spread_out(np.sqrt(changes.noise)),
        group=() if groups is None else tuple(measured.group_names[at] for at in groups),
        change=least,
        fdr=rate,
        expected_false=float(np.sum(1 - moved[called])),
        laboratory=LaboratoryRule(int(by_rule.sum()), float(np.sum(1 - by_ratio[by_rule]))),
        sessions=(measured.names[0], measured.names[-1]),
        noise_statement=verdict.noise_statement,
        seed=verdict.seed,
        withheld=withheld,
        as_in_null=as_in_null,
    )


def _withheld(estimate: Estimate) -> str:
    if not math.isfinite(estimate.fit.index[0]):
        return "the index cannot be estimated"
    if estimate.source == "sessions" and estimate.outliers.share > MOST_OUTLYING:
        return f"more than {MOST_OUTLYING:.0%} of the measurements are outlying"
    return ""


def check_asked(change: Any, fdr: Any) -> tuple[float, float]:
    """The least change and the rate of errors, as numbers; raises UsageError for others."""
    least, rate = stated_number(change, "change"), stated_number(fdr, "fdr")
    if least is None or not (math.isfinite(least) and least > 0):
        raise UsageError(f"change is {change}: give a positive change of log size, such as .2")
    if rate is None or not 0 < rate < 1:
        raise UsageError(f"fdr is {fdr}: give a share of wrong calls between 0 and 1, such as .05")
    return least, rate


def _without_both(estimate: Estimate) -> list[Call]:
    """Lost and new synapses; what else lacks a size at either end cannot be said."""
    measured = estimate.measured
    here, unknown = np.isfinite(measured.log_sizes), measured.not_measured
    first, last = here[:, 0], here[:, -1]
    lost = first & ~last & ~unknown[:, -1]
    new = ~first & last & ~unknown[:, 0]
    return ["lost" if lost[at] else "new" if new[at] else "cannot say" for at in range(len(here))]
