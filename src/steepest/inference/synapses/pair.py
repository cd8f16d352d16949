"""From the sizes of the same synapses before and after learning to the geometry they moved in."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float

from steepest.arrays.given import refuse_tracers, same_labels
from steepest.errors import DataError, UsageError
from steepest.inference.synapses.checks import Change, checks_of_pair
from steepest.inference.synapses.covariate import rate_exponent
from steepest.inference.synapses.deltacdf import delta_cdf_floor, delta_cdf_of_geometries
from steepest.inference.synapses.dual import Signs, dual_change
from steepest.inference.synapses.geometries import BELOW_ONE, GEOMETRIES
from steepest.inference.synapses.grouped import interval_over_groups
from steepest.inference.synapses.likelihood import (
    CensoredLikelihood,
    ExactLikelihood,
    Likelihood,
    MidpointLikelihood,
    fit_likelihood,
    rank_geometries,
)
from steepest.inference.synapses.log_root import interval_of, root_of
from steepest.inference.synapses.noise import (
    Noise,
    check_noise,
    noise_variance,
    stated_limit,
    stated_noise,
)
from steepest.inference.synapses.pair_rules import decide
from steepest.inference.synapses.sizes import columns_of, groups_of
from steepest.inference.synapses.verdict import Check, Counts, LikelihoodFit, Verdict

__all__ = ["infer_geometry"]

_FEWEST = 8
_WIDEST_SPAN = 1e30  # beyond, a tenth power of size leaves double precision
# Half the 95 % point of chi-squared with the two degrees of freedom that signal adds to noise.
_SILENT = 2.996


def infer_geometry(
    before: Any,
    after: Any,
    *,
    noise_cv: Any = None,
    noise_sd: Any = None,
    noise: Any = None,
    detection_limit: Any = None,
    groups: Any = None,
    rates: Any = None,
    signed: bool = False,
    seed: int = 0,
) -> Verdict:
    """In which geometry did these synapses move, judging from their sizes before and after?

    - `before`, `after`: the sizes of the same synapses, row by row, in any one unit: lists, arrays,
      pandas Series or xarray DataArrays of one index (which then names the rows in errors). 0 is an
      absent synapse, never a size; NaN is a size that was not measured, and such rows are left out
      and counted.
    - `noise_cv`, `noise_sd`: measurement noise as a coefficient of variation (0 says that sizes are
      exact), or as an additive standard deviation in the unit of size; one number each.
    - `noise`: instead of these, a table of noise by session or by size; see `noise_of_table`.
    - `detection_limit`: synapses that start below it are left out, and those that end below it, or
      vanish, enter the likelihood as fallen below it, except with a positive stated noise: they are
      then left out too, as the reason says.
    - `groups`: the dendrite, cell or animal of each synapse.
    - `rates`: presynaptic rates, for the verdict's `rate`: the index at equal rate, and the
      exponent of rate (`rate_exponent`); they do not change the verdict.
    - `signed`: before and after are weights of either sign. Those that cross zero are kept through
      the signed dual sign(w) |w|^(1-a) / (1-a), which is defined for an index below 1; leaving them
      out would bias it. Weights that all keep their sign may have any index. No noise can be stated
      with them but 0, nor a detection limit, nor rates.
    - `seed`: of the resamples.

    Where the noise is not stated it is unknown, and no geometry is named. Nor is one where sizes
    are rounded too coarsely for their changes (the check "rounded"), or lie in two clouds as if
    their unit had changed (the check "units").

    The index is the logroot estimate with its 95 % bootstrap interval, drawn from `seed`: synapses
    are resampled, or groups where they are given. With a positive stated noise it is the midpoint
    errors-in-variables likelihood's, with its profile interval, which knows no groups. Raises
    DataError, naming row and column, for sizes that are negative, masked, infinite or no real
    numbers, lengths or row names that differ, fewer than 8 usable pairs, sizes that are all equal
    before, or span 30 decades, or did not change, or all changed alike, and for contradictory,
    negative or extreme noise or limit; for signed weights that cross zero although they change as
    in a geometry of index 1 and above. Raises UsageError inside jit, vmap or grad, and for what
    `signed` weights do not allow.

    Source: Pogodin et al. 2024 for the geometries and Delta CDF; the estimators are this
    package's own.

    >>> from steepest.inference import simulate_change
    >>> before, after = simulate_change(500, index=1, seed=1)
    >>> verdict = infer_geometry(before, after, noise_cv=0)
    >>> verdict.outcome, verdict.verdict, round(verdict.index, 1)
    ('named', 'multiplicative', 1.1)
    """
    refuse_tracers("infer_geometry", noise_cv, noise_sd, detection_limit)
    stated, limit = stated_noise(noise_cv, noise_sd, noise), stated_limit(detection_limit)
    if signed:
        _check_signed(stated, limit, rates)
    first, second = columns_of(
        "infer_geometry", limited=signed or limit is not None, before=before, after=after
    )
    same_labels({"before": before, "groups": groups})
    codes = None if groups is None else groups_of(groups, first.size, "before and after")[0]
    rows = _sort(first, second, limit, signed=signed)
    w0, w1 = first[rows.usable], second[rows.usable]
    signs = Signs.of(w0, w1) if signed else None
    s0, s1 = np.abs(w0), np.abs(w1)
    _check_usable(s0, s1, rows.counts, signs)
    check_noise(stated, s0, s1)
    l0, l1 = np.log(s0), np.log(s1)

    likelihood: Likelihood
    if stated.positive:
        # With one session noisier, the mean whose noise is unrelated to that of the change.
        middle = np.average([l0, l1], axis=0, weights=stated.ratios[::-1])
        likelihood = MidpointLikelihood(middle, l1 - l0, noise_variance(w0, w1, stated))
    elif limit is not None and rows.lost.any():
        likelihood = CensoredLikelihood(l0, l1, np.log(first[rows.lost]), math.log(limit))
    else:
        likelihood = ExactLikelihood(l0, l1, signs)
    fit = fit_likelihood(likelihood)

    resampled: Literal["synapses", "groups"] | None = None
    if isinstance(likelihood, MidpointLikelihood):
        estimator, interval_method = "midpoint errors-in-variables likelihood", "profile likelihood"
        if codes is not None:
            interval_method += ", in which synapses of one group count as independent"
        index, interval = _audible(likelihood, fit)
    else:
        estimator = "logroot"
        index = root_of(l0, l1, signs)
        if signs is not None:
            _check_crossed(index, signs)
        interval, interval_method = (math.nan, math.nan), "none"
        if math.isfinite(index) and codes is not None:
            resampled = "groups"
            interval, interval_method = interval_over_groups(
                l0, l1, codes[rows.usable], index=index, seed=seed, signs=signs
            )
        elif math.isfinite(index):
            resampled = "synapses"
            interval, interval_method = interval_of(l0, l1, index=index, seed=seed, signs=signs)

    change = Change(s0, s1, index, likelihood, stated, signs)
    checks = checks_of_pair(change)
    crossed = None if signs is None else int(signs.crossed.sum())
    decision = decide(
        index,
        interval,
        stated,
        rounding=change.too_coarse,
        two_units=change.jump is not None,
        crossed=crossed or 0,
    )
    left_out = rows.counts.censored if stated.positive else 0
    return Verdict(
        index=index if math.isfinite(index) else math.nan,
        interval=interval,
        outcome=decision.outcome,
        verdict=decision.verdict,
        reason=decision.reason + _afterthoughts(checks, left_out),
        geometries=rank_geometries(likelihood),
        checks=checks,
        n=w0.size,
        counts=rows.counts,
        likelihood=fit,
        delta_cdf=delta_cdf_of_geometries(l0, l1, signs),
        delta_cdf_floor=delta_cdf_floor(w0.size),
        noise=stated,
        estimator=estimator,
        interval_method=interval_method,
        detection_limit=limit,
        seed=seed,
        rate=None
        if rates is None
        else rate_exponent(before, after, rates, groups=groups, seed=seed),
        before=w0,
        after=w1,
        vanished=first[(second == 0) & ((first > 0) | (signed & (first < 0)))],
        new=second[(first == 0) & ((second > 0) | (signed & (second < 0)))],
        resampled=resampled,
        groups=None if codes is None else int(np.unique(codes[rows.usable]).size),
        crossed=crossed,
    )


def _check_signed(noise: Noise, limit: float | None, rates: Any) -> None:
    """Refuse what a weight that may change its sign does not allow."""
    given = {
        "noise" if noise.kind == "table" else f"noise_{noise.kind}": noise.positive,
        "detection_limit": limit is not None,
        "rates": rates is not None,
    }
    clashes = [name for name, is_given in given.items() if is_given]
    if clashes:
        raise UsageError(
            f"signed and {', '.join(clashes)} contradict each other: these work on the logarithm of"
            " a size, which a weight that changes its sign does not keep; leave out one of them"
        )


def _check_crossed(index: float, signs: Signs) -> None:
    crossed = int(signs.crossed.sum())
    if not crossed or index < 1:
        return
    raise DataError(
        f"signed sizes with an index of 1 and above: {crossed} of {signs.crossed.size} weights"
        f" crossed zero, but the others change as in a geometry of index {BELOW_ONE:g} or more, in"
        " which zero is infinitely far; leave out those that crossed, if their sign was mistaken,"
        " and infer from the absolute values"
    )


@dataclass(frozen=True, eq=False)
class _Rows:
    """What became of the rows: counts, the usable pairs, and those that fell below the limit."""

    counts: Counts
    usable: Bool[np.ndarray, " rows"]
    lost: Bool[np.ndarray, " rows"]


def _sort(
    before: Float[np.ndarray, " rows"],
    after: Float[np.ndarray, " rows"],
    limit: float | None,
    *,
    signed: bool,
) -> _Rows:
    unknown = np.isnan(before) | np.isnan(after)
    # A size that a background left negative is there, below the limit.
    had, has = (before > 0) | (before < 0), (after > 0) | (after < 0)
    if not signed:
        has = after > 0
    usable, lost, low = had & has, np.zeros_like(had), np.zeros_like(had)
    if limit is not None:
        low = had & (before < limit) & ~unknown
        lost = had & ~low & (after < limit)
        usable &= ~low & ~lost
    counts = Counts(
        rows=before.size,
        usable=int(usable.sum()),
        vanished=int((had & (after == 0)).sum()),
        new=int(((before == 0) & has).sum()),
        absent=int(((before == 0) & (after == 0)).sum()),
        below_limit=int(low.sum()),
        censored=int(lost.sum()),
        not_measured=int(unknown.sum()),
    )
    return _Rows(counts, usable, lost)


def _afterthoughts(checks: dict[str, Check], left_out: int) -> str:
    """What is added to any reason: failing checks, and synapses that a stated noise leaves out."""
    failed = [
        f"{name} ({check.meaning})" for name, check in checks.items() if check.passed is False
    ]
    said = f"; checks that fail: {', '.join(failed)}" if failed else ""
    if left_out:
        said += (
            f"; the {left_out} synapses that ended below the detection limit are left out:"
            " with a stated noise they do not enter the likelihood"
        )
    return said


def _check_usable(
    before: Float[np.ndarray, " n"],
    after: Float[np.ndarray, " n"],
    counts: Counts,
    signs: Signs | None,
) -> None:
    if before.size < _FEWEST:
        unknown = f", {counts.not_measured} not measured" if counts.not_measured else ""
        raise DataError(
            f"only {before.size} of {counts.rows} rows have a positive size before and after"
            f" ({counts.vanished} vanished, {counts.new} new, {counts.absent} absent in both,"
            f" {counts.below_limit + counts.censored} below the detection limit{unknown}): at least"
            f" {_FEWEST} are needed, and some hundreds to tell geometries apart"
        )
    if np.ptp(before) == 0:
        raise DataError(
            f"all {before.size} usable sizes before are {before[0]:g}: a geometry shows in how"
            " change depends on size, so sizes must differ"
        )
    least, largest = min(before.min(), after.min()), max(before.max(), after.max())
    if float(largest) / float(least) > _WIDEST_SPAN:
        raise DataError(
            f"sizes span from {least:g} to {largest:g}, more than {_WIDEST_SPAN:g}-fold: no synapse"
            " does; look for a wrong unit, or for zeros that were written as tiny numbers"
        )
    if np.array_equal(before, after) and (signs is None or not signs.crossed.any()):
        raise DataError("after is identical to before in every usable row: give two sessions")
    centre = np.log(before).mean()
    sizes = np.log(before) - centre, np.log(after) - centre
    for name, index in GEOMETRIES.items():
        if signs is not None and index > signs.searched[1]:
            continue
        change = dual_change(*sizes, index, signs)
        if change.std() <= 1e-10 * math.sqrt(float(np.mean(change**2))):
            raise DataError(
                f"every synapse changed alike in the {name} geometry, to ten digits: nothing"
                " varies, so there is nothing to infer from; is one column computed from the other?"
            )


def _audible(
    likelihood: MidpointLikelihood, fit: LikelihoodFit
) -> tuple[float, tuple[float, float]]:
    """The fit's index and interval; NaN where noise alone explains the changes as well."""
    if fit.log_likelihood - likelihood.silence() < _SILENT:
        return math.nan, (math.nan, math.nan)
    return fit.index, fit.interval
