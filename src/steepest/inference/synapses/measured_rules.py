"""What speaks against naming a geometry where the noise was learned from the measurements."""

import math

import numpy as np

from steepest.inference.synapses.estimation import Estimate
from steepest.inference.synapses.geometries import (
    ALPHA,
    APART,
    GEOMETRIES,
    LEAST_SHARE,
    PRODUCTS_APART,
    PURE,
    WINS,
)
from steepest.inference.synapses.intervals import Contrast, Interval
from steepest.inference.synapses.naming import (
    MIXTURE,
    NOT_DETERMINED,
    STATED_ALONE,
    TWO_UNITS,
    Candidate,
    Decision,
    Rules,
    distance,
    margin,
    settled,
)
from steepest.inference.synapses.outlying import MOST_OUTLYING
from steepest.inference.synapses.units import check_units

__all__ = ["decide_measured", "mixed"]

_FEWEST_GROUPS = 8
_LARGE_SHARE = 0.5
_LARGE_PAIR = 0.25
_APART = 0.1


def decide_measured(estimate: Estimate) -> Decision:
    """The verdict on measurements whose noise was learned from sessions, replicates or a null.

    Raises nothing: what cannot be judged is refused, with the reason.

    >>> from steepest.inference import Design, simulate_design
    >>> from steepest.inference.synapses import estimate
    >>> design = Design(synapses=200, sessions=4, groups=10)
    >>> decide_measured(estimate(simulate_design(design, 1), draws=50)).verdict
    'multiplicative'
    """
    return settled(estimate, _MEASURED)


def _is_series(estimate: Estimate) -> bool:
    return estimate.source == "sessions"


def _said(interval: Interval) -> str:
    return f"{interval.value:.2f} (95 % {interval.low:.2f} to {interval.high:.2f})"


def _numbers(estimate: Estimate) -> str:
    return f"index {_said(estimate.index)}, signal share {_said(estimate.share)}"


def _trend(estimate: Estimate) -> str:
    if len(estimate.by_lag) < 2:
        return ""
    lags = [f"{lag}: {interval.value:.2f}" for lag, interval in sorted(estimate.by_lag.items())]
    return f"; by lag {', '.join(lags)}"


def _few_groups(estimate: Estimate) -> Decision | None:
    if not (estimate.grouped and estimate.clusters < _FEWEST_GROUPS):
        return None
    return Decision(
        "refused",
        f"{estimate.clusters} groups are too few to judge by.",
        f"index {_said(estimate.index)}; synapses of one group share scale and drift, so the"
        f" interval rests on groups, and needs at least {_FEWEST_GROUPS} of them",
        f"Measure at least {_FEWEST_GROUPS} dendrites, cells or animals.",
    )


def _noise_alone(estimate: Estimate) -> Decision | None:
    if estimate.share.low >= LEAST_SHARE:
        return None
    return Decision(
        "refused",
        "Too little of the change is more than measurement noise.",
        f"signal share {_said(estimate.share)}: its lower limit must be at least {LEAST_SHARE:g},"
        " or noise makes the geometry",
        "Less noise (average replicates), longer intervals between sessions, or a stronger"
        " manipulation.",
    )


def _too_large(estimate: Estimate) -> Decision | None:
    if not estimate.too_large > _LARGE_SHARE:
        return None
    return Decision(
        "refused",
        "The changes are too large for a local geometry.",
        f"{estimate.too_large:.0%} of the changes have a signal above .4 of log size a session",
        "Sessions closer in time.",
    )


def _no_index(estimate: Estimate) -> Decision | None:
    if math.isfinite(estimate.index.value):
        return None
    return Decision(
        "refused",
        NOT_DETERMINED,
        "the index runs out of the searched range",
        "A wider range of sizes, or more synapses.",
    )


def _many_outlying(estimate: Estimate) -> Decision | None:
    outliers = estimate.outliers
    if not (_is_series(estimate) and outliers.share > MOST_OUTLYING):
        return None
    return Decision(
        "undecided",
        "No geometry is named: too many measurements are outlying.",
        f"{_numbers(estimate)}; {outliers.share:.1%} of the measurements are far from the session"
        " before and the one after, more than change makes; above"
        f" {MOST_OUTLYING:.0%} those that are not found move the index",
        "Look at the measurements listed as outlying: mis-segmented or mistaken synapses.",
    )


def _two_units(estimate: Estimate) -> Decision | None:
    if estimate.jump is None or estimate.grouped:
        return None
    return Decision(
        "undecided",
        TWO_UNITS,
        f"{_numbers(estimate)}; {check_units(estimate.jump, grouped=False).meaning}",
        "The unit of every size, or the column of what differs (dendrite, cell, animal).",
    )


def _groups_differ(estimate: Estimate) -> Decision | None:
    groups = estimate.groups
    if groups is None or groups.p_value >= ALPHA:
        return None
    order = np.argsort([interval.value for interval in groups.indices])
    ends = [f"{groups.names[at]} {groups.indices[at].value:.2f}" for at in (order[0], order[-1])]
    return Decision(
        "unstable",
        "The groups differ: no one geometry is named for all of them.",
        f"{_numbers(estimate)}; between groups the index varies with sd {groups.tau:.2f}"
        f" (p = {groups.p_value:.2g}, {len(groups.names)} groups, from {ends[0]} to {ends[1]})",
        "Judge each kind of cell, dendrite or animal alone: which groups belong together?",
    )


def _past_the_middle(estimate: Estimate, candidate: Candidate) -> Decision | None:
    """The whole interval must lie nearer to the candidate than to any other name."""
    index, own = estimate.index, candidate.index
    wide = 0.0 if _is_series(estimate) else margin(index.value)
    beyond = [
        other
        for other in GEOMETRIES.values()
        if other != own
        and not (
            index.low - wide > (own + other) / 2
            if other < own
            else index.high + wide < (own + other) / 2
        )
    ]
    if not beyond:
        return None
    return Decision(
        "undecided",
        f"Undecided: {candidate.name} is not excluded, and not certain enough to be named.",
        f"{_numbers(estimate)}; the interval reaches past the middle between {own:g} and"
        f" {min(beyond, key=lambda other: abs(other - own)):g}",
        "More synapses or sessions, until the interval is nearer to one geometry than to any"
        " other.",
    )


def _stated_alone(estimate: Estimate, _: Candidate) -> Decision | None:
    if estimate.source != "stated" or not any(part.value > 0 for part in estimate.noise):
        return None
    return Decision(
        "undecided",
        STATED_ALONE,
        f"{_numbers(estimate)}, corrected for the stated noise, but a wrong form of the noise would"
        " name a wrong geometry",
        "Replicates, a third session, or a null condition.",
    )


def _large_pair(estimate: Estimate, candidate: Candidate) -> Decision | None:
    signal = estimate.signal.value
    if _is_series(estimate) or not (candidate.index < 1 and signal > _LARGE_PAIR):
        return None
    return Decision(
        "refused",
        f"The changes are too large to tell {candidate.name} from noise in one pair of sessions.",
        f"{_numbers(estimate)}; signal sd of log size {signal:.2f}, above {_LARGE_PAIR:g}",
        "Sessions closer in time, or a series of at least four.",
    )


def _differ(contrast: Contrast | None) -> bool:
    """Whether two parts of the same file have different indices, at one chance in twenty."""
    return contrast is not None and contrast.p_value < APART


def _halves(estimate: Estimate, candidate: Candidate) -> Decision | None:
    if not _is_series(estimate) or not _differ(estimate.halves_apart):
        return None
    return Decision(
        "unstable",
        f"The index is not the same for small and large synapses, so {candidate.name} is not"
        " named.",
        f"{_numbers(estimate)}; {_said(estimate.small)} in the smaller half and"
        f" {_said(estimate.large)} in the larger, p = {estimate.halves_apart.p_value:.2g}",
        "More synapses at both ends of the range of sizes show where the geometry bends.",
    )


def _lags(estimate: Estimate, candidate: Candidate) -> Decision | None:
    apart = estimate.lags_apart
    if not _is_series(estimate) or apart is None or not _differ(apart):
        return None
    return Decision(
        "unstable",
        f"The index changes with the time between sessions, so {candidate.name} is not named.",
        f"{_numbers(estimate)}{_trend(estimate)}, p = {apart.p_value:.2g}",
        "Sessions at several intervals tell slow noise and reversion from change.",
    )


def _products(estimate: Estimate, candidate: Candidate | None = None) -> Decision | None:
    """The product estimator holds for noise of any form: far from it, the noise curve is wrong."""
    apart = estimate.products_apart
    if not _is_series(estimate) or apart is None:
        return None
    if not (apart.p_value < ALPHA and abs(apart.value) > PRODUCTS_APART):
        return None
    said = "the index" if candidate is None else candidate.name
    return Decision(
        "undecided",
        f"No geometry is named: {said} holds only if the noise curve is right.",
        f"{_numbers(estimate)}; from changes that share no measurement the index is"
        f" {_said(estimate.by_products)}, {abs(apart.value):.2f} away (p = {apart.p_value:.2g})",
        "Replicates show the noise itself; look for outlying measurements and mixed populations.",
    )


def _blended(estimate: Estimate, candidate: Candidate) -> Decision | None:
    """A name is not given where a mixture of two kinds of change is as good, and is one."""
    if candidate.name == "1.5-norm" or not _is_series(estimate) or not mixed(estimate):
        return None
    share = estimate.additive_share
    return Decision(
        "undecided",
        f"Undecided: {candidate.name}, or additive and multiplicative change together.",
        f"{_numbers(estimate)}; a mixture of which {share.value:.0%} (95 % {share.low:.0%} to"
        f" {share.high:.0%}) is additive explains change as well",
        "A wider range of sizes, or more of the smallest and largest synapses.",
    )


def mixed(estimate: Estimate) -> bool:
    """Whether a mixture is no worse than one power of size, and neither part is next to nothing.

    Where it is the better of the two in most resamples its best fit is believed, else only what
    holds in the whole interval of its additive share.
    """
    wins, share = estimate.power_wins, estimate.additive_share
    if wins < 0.5 and PURE < share.value < 1 - PURE:
        return True
    return wins < WINS and share.low > PURE and share.high < 1 - PURE


def _mixture(estimate: Estimate, candidate: Candidate) -> Decision | None:
    if candidate.name != "1.5-norm":
        return None
    if not _is_series(estimate):
        return Decision(
            "mixture",
            MIXTURE,
            f"{_numbers(estimate)}; one pair of sessions cannot tell the two apart",
            "A series of at least four sessions.",
        )
    if estimate.power_wins >= WINS:
        return None
    return Decision(
        "mixture",
        MIXTURE,
        f"{_numbers(estimate)}; one power of size explains change better than a mixture in only"
        f" {estimate.power_wins:.1%} of resamples",
        "A wider range of sizes, or more of the smallest and largest synapses.",
    )


def _named(estimate: Estimate, _: Candidate) -> tuple[str, str]:
    if _is_series(estimate):
        return (
            f"{_numbers(estimate)}; small and large synapses and every lag agree",
            "A second preparation, to see whether it holds there.",
        )
    return (
        f"{_numbers(estimate)}; every other named geometry is excluded by a further {_APART:g}",
        "A series of sessions, to see whether the index stays.",
    )


_MEASURED: Rules[Estimate] = Rules(
    interval=lambda estimate: estimate.index,
    further=lambda estimate: 0.0 if _is_series(estimate) else _APART,
    refusals=(
        _few_groups,
        _noise_alone,
        _two_units,  # whichever else is seen may come of them
        _too_large,
        _no_index,
        _many_outlying,
        _groups_differ,
    ),
    vetoes=(
        _past_the_middle,
        _stated_alone,
        _large_pair,
        _halves,
        _lags,
        _products,
        _blended,
        _mixture,
    ),
    none=lambda estimate: (
        f"{_numbers(estimate)}; widened by {margin(estimate.index.value):.2f} the interval holds no"
        f" named geometry{_trend(estimate)}",
        "A larger number of synapses will not bring a name: ask which other metric, or which"
        " mixture of processes, has this index.",
    ),
    several=lambda estimate, number: (
        f"{_numbers(estimate)}; the widened interval holds {number} named geometries",
        "More synapses, groups or sessions, or a wider range of sizes; `steepest plan` says"
        " how many.",
    ),
    far=lambda estimate, candidate: (
        f"{_numbers(estimate)}; the index is {distance(estimate.index, candidate):.2f} from"
        f" {candidate.name}",
        "More synapses or sessions: the interval must shrink onto one geometry, or off it.",
    ),
    named=_named,
    doubts=(_products,),
)
