"""A verdict in the words of a paper: a methods paragraph, a results sentence, a figure legend.

Verdicts call these; nothing here judges, and every number is one that the verdict holds.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from steepest._version import __version__
from steepest.inference.synapses.geometries import GEOMETRIES

if TYPE_CHECKING:
    import steepest.inference.synapses.exchangeable
    import steepest.inference.synapses.measured
    import steepest.inference.synapses.unpaired
    import steepest.inference.synapses.verdict

__all__ = [
    "measured_legend",
    "measured_methods",
    "pair_legend",
    "pair_methods",
    "pair_sentence",
    "pairs_legend",
    "pairs_methods",
    "results_sentence",
    "unpaired_legend",
    "unpaired_methods",
]

# Names in quotes: the classes write themselves with this file, and no two files import each other.
Check: TypeAlias = "steepest.inference.synapses.verdict.Check"
Verdict: TypeAlias = "steepest.inference.synapses.verdict.Verdict"
MeasuredVerdict: TypeAlias = "steepest.inference.synapses.measured.MeasuredVerdict"
PairsVerdict: TypeAlias = "steepest.inference.synapses.exchangeable.PairsVerdict"
UnpairedVerdict: TypeAlias = "steepest.inference.synapses.unpaired.UnpairedVerdict"

_MARKS = {True: "passed", False: "failed", None: "advises caution"}
_INDEX = (
    "The geometry index a says how the typical change of a synapse grows with its size, as size to"
    " the power a (0: by the same amount, Euclidean; 1: by the same fraction, multiplicative)"
)
_RULE = (
    "A geometry was named only where no other candidate ("
    + ", ".join(f"{name} {index:g}" for name, index in GEOMETRIES.items())
    + ") agreed with the interval, and only with measurement noise known"
)


def results_sentence(
    headline: str, index: float, interval: tuple[float, float], *sample: str
) -> str:
    """A verdict's sentence with its index, 95 % interval and what it rests on, in brackets.

    >>> results_sentence("The change was burg.", 2.0, (1.8, 2.3), "n = 90 synapses")
    'The change was burg (geometry index 2.00, 95 % interval 1.80 to 2.30; n = 90 synapses).'
    """
    numbers = "no geometry index could be estimated"
    if not math.isnan(index):
        numbers = f"geometry index {_number(index)}{_interval(interval)}"
    return f"{headline.removesuffix('.')} ({'; '.join([numbers, *sample])})."


def pair_sentence(verdict: Verdict, headline: str) -> str:
    """The sentence of a pair of sessions with its numbers."""
    inside = f" in {verdict.groups} groups" if verdict.groups else ""
    sample = f"n = {verdict.n} synapses{inside}"
    return results_sentence(headline, verdict.index, verdict.interval, sample)


def pair_methods(verdict: Verdict) -> str:
    """What was computed of one pair of sessions, for a methods section."""
    counts = verdict.counts
    rows = (
        f"Of {counts.rows} rows, {counts.usable} had a positive size before and after;"
        f" {counts.vanished} vanished, {counts.new} new and {counts.absent} absent in"
        " both were counted, not used"
    )
    if verdict.crossed is not None:
        rows = rows.replace("a positive size", "a weight")
        rows += f"; {verdict.crossed} that crossed zero were kept, through the signed dual"
    if counts.not_measured:
        rows += f"; {counts.not_measured} were not measured"
    if verdict.detection_limit is not None:
        rows += (
            f"; sizes below a detection limit of {verdict.detection_limit:g} ({counts.below_limit}"
            f" before, {counts.censored} after) were treated as censored"
        )
    return _paragraph(
        f"Sizes of the same synapses before and after were compared with {_software()}",
        rows,
        f"{_INDEX}; it was estimated by {verdict.estimator}, with a 95 % interval by"
        f" {verdict.interval_method}",
        f"Measurement noise: {verdict.noise.statement.replace(': ', ', ')}",
        _RULE,
        _checked(verdict.checks),
        f"Random seed {verdict.seed}",
    )


def measured_methods(verdict: MeasuredVerdict) -> str:
    """What was computed of measurements whose noise is known, for a methods section."""
    measured, estimate = verdict.measured, verdict.estimate
    resampled = f"{estimate.clusters} {'groups' if estimate.grouped else 'synapses'}"
    rows = (
        f"Of {len(measured.log_sizes)} rows, {verdict.n} synapses were present in two or more of"
        f" {measured.sessions} sessions and gave {estimate.pairs_used} changes of log size"
    )
    if measured.replicates.max() > 1:
        rows += f", with up to {measured.replicates.max()} replicates a session"
    if null := int(measured.null.sum()):
        rows += f"; {null} rows were of the null condition"
    if measured.detection_limit is not None:
        rows += f"; sizes below {measured.detection_limit:g} counted as absent"
    left_out = [f"{item.count} {item.what} ({item.why})" for item in verdict.dropped]
    return _paragraph(
        f"Sizes of the same synapses were compared across sessions with {_software()}",
        rows,
        f"Left out: {', '.join(left_out)}" if left_out else "",
        f"{_INDEX}; it was estimated together with multiplicative, shot and additive measurement"
        " noise from how the variance of change depends on size and on the time between sessions"
        f" (size-resolved variance components), with a 95 % interval from {verdict.draws}"
        f" resamples of {resampled}, widened by Student's t",
        f"Measurement noise: {verdict.noise_statement}",
        _RULE,
        _checked(verdict.checks),
        f"Random seed {verdict.seed}",
    )


def unpaired_methods(verdict: UnpairedVerdict) -> str:
    """What was computed of two distributions of different synapses, for a methods section."""
    return _paragraph(
        f"Two distributions of sizes of different synapses ({verdict.n_before} before,"
        f" {verdict.n_after} after) were compared with {_software()}",
        f"Absent synapses ({verdict.absent_before} before, {verdict.absent_after} after) were left"
        " out",
        f"{_INDEX}; the index is the one in which a Gaussian change of the dual weights brings the"
        " first distribution nearest to the second (Cramér-von Mises distance), with a 95 %"
        f" interval from {verdict.draws} resamples of both samples",
        "No geometry is named from sizes that are not paired",
        _checked(verdict.checks),
        f"Random seed {verdict.seed}",
    )


def pairs_methods(verdict: PairsVerdict) -> str:
    """What was computed of exchangeable pairs of synapses, for a methods section."""
    return _paragraph(
        f"Sizes of two synapses of the same axon and dendrite were compared with {_software()}",
        f"{verdict.n} pairs had two sizes; {verdict.absent} with an absent synapse and"
        f" {verdict.not_measured} that were not measured were left out",
        f"{_INDEX}; the index is the one at which the absolute difference and the sum of the dual"
        " weights have no rank correlation (Spearman), with a 95 % interval by inversion",
        f"Measurement noise: {verdict.noise.statement.replace(': ', ', ')}",
        _RULE,
        _checked(verdict.checks),
    )


def pairs_legend(verdict: PairsVerdict) -> str:
    """What the picture of exchangeable pairs shows, panel by panel."""
    return (
        f"{verdict.n} pairs of synapses of the same axon and dendrite. A: both sizes of every pair."
        " B: the rank correlation of difference and sum of the duals at every index; the grey band"
        f" holds no correlation, and the index is where the line crosses 0; {_shown(verdict)}."
    )


def pair_legend(verdict: Verdict) -> str:
    """What the picture of a pair shows, panel by panel."""
    return (
        f"Sizes of {verdict.n} synapses before and after. A: every synapse; on the line nothing"
        " changed. B: the absolute change against the size before; circles are binned medians with"
        " 95 % intervals, and the lines are what each named geometry would show. C: the"
        " log-likelihood of each index below its peak, and where the named geometries lie;"
        f" {_shown(verdict)}."
    )


def measured_legend(verdict: MeasuredVerdict) -> str:
    """What the picture of a verdict on measured noise shows, panel by panel."""
    shortest = min(verdict.estimate.by_lag)
    return (
        f"Changes of {verdict.n} synapses over {verdict.measured.sessions} sessions. A: every"
        f" change of log size over {shortest} session{'s' if shortest > 1 else ''}, less the drift"
        " of its group, against size; broken lines hold 95 % of what measurement noise alone would"
        " make, full lines 95 % of all change as fitted. B: the standard deviation of change with"
        " the noise taken out, in classes of size, with 95 % intervals from the resamples; the band"
        " is the fitted signal, and the named geometries are drawn through it at the typical size."
        " C: the dual in which every synapse changes alike, with its 95 % band, and the named"
        " geometries. D: the index of all changes and of parts of them, with 95 % intervals; a"
        f" named geometry must fit them all. Of all changes {_shown(verdict)}."
        f"{_crosses(verdict)}{_group_panel(verdict)}"
    )


def _crosses(verdict: MeasuredVerdict) -> str:
    number = len(verdict.estimate.outliers.listed)
    if not number:
        return ""
    return f" Crosses in A are {number} outlying measurements, which were left out."


def _group_panel(verdict: MeasuredVerdict) -> str:
    if verdict.estimate.groups is None:
        return ""
    return (
        " E: the index of every group of 30 synapses or more, shrunken towards that of all (grey)"
        " by how far groups differ at all, with 95 % intervals."
    )


def unpaired_legend(verdict: UnpairedVerdict) -> str:
    """What the picture of two distributions shows, panel by panel."""
    return (
        f"Sizes of {verdict.n_before} synapses before and {verdict.n_after} others after. A: the"
        " distributions before and after. B: how far a Gaussian change of the dual is from turning"
        f" the first into the second, for every index; {_shown(verdict)}."
    )


def _paragraph(*sentences: str) -> str:
    return " ".join(f"{sentence.removesuffix('.')}." for sentence in sentences if sentence)


def _software() -> str:
    return f"steepest {__version__}, after Pogodin et al. (2024)"


def _checked(checks: Mapping[str, Check]) -> str:
    said = [f"{name.replace('_', ' ')} {_MARKS[check.passed]}" for name, check in checks.items()]
    return f"Checks of the assumptions: {', '.join(said)}" if said else ""


def _shown(verdict: "Verdict | MeasuredVerdict | PairsVerdict | UnpairedVerdict") -> str:
    if math.isnan(verdict.index):
        return "there is no index"
    return f"the index is {_number(verdict.index)}{_interval(verdict.interval)}"


def _interval(ends: tuple[float, float]) -> str:
    if math.isnan(ends[0]) or math.isnan(ends[1]):
        return ", without an interval"
    return f", 95 % interval {_number(ends[0])} to {_number(ends[1])}"


def _number(value: float) -> str:
    return "unbounded" if math.isinf(value) else f"{value:.2f}"
