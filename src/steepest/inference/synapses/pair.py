"""From the sizes of the same synapses before and after learning to the geometry they moved in."""

import math
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from steepest.errors import DataError
from steepest.inference.synapses.checks import (
    check_curvature,
    check_gaussian,
    check_lazy,
    check_losses,
    check_reversion,
    check_rounded,
    check_sign_flips,
    check_signal,
)
from steepest.inference.synapses.deltacdf import delta_cdf_floor, delta_cdf_of_geometries
from steepest.inference.synapses.dual import dual_change
from steepest.inference.synapses.likelihood import (
    CensoredLikelihood,
    ExactLikelihood,
    Likelihood,
    MidpointLikelihood,
    fit_likelihood,
    noise_variance,
    rank_geometries,
)
from steepest.inference.synapses.log_root import logroot, logroot_interval
from steepest.inference.synapses.sizes import (
    check_noise,
    check_row_names,
    refuse_tracers,
    stated_number,
)
from steepest.inference.synapses.units import check_units, unit_jump
from steepest.inference.synapses.verdict import (
    GEOMETRIES,
    Check,
    Counts,
    LikelihoodFit,
    Noise,
    Verdict,
    decide,
)

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
    detection_limit: Any = None,
    seed: int = 0,
) -> Verdict:
    """In which geometry did these synapses move, judging from their sizes before and after?

    `before` and `after` are the sizes of the same synapses, row by row, in any one unit: lists,
    arrays, or pandas Series of one index (which then names the rows in errors). 0 is an absent
    synapse, never a size. Measurement noise is stated as a coefficient of variation (`noise_cv`;
    0 says that sizes are exact) or as an additive standard deviation in the unit of size
    (`noise_sd`); unstated, it is unknown and no geometry is named. Nor is one where sizes are
    rounded too coarsely for their changes (the check "rounded"), or lie in two clouds as if their
    unit had changed (the check "units"). With a `detection_limit`,
    synapses that start below it are left out, and those that end below it, or vanish, enter the
    likelihood as fallen below it, except with a positive stated noise: they are then left out
    too, as the reason says. Each of the three is None or one number.

    The index is the logroot estimate with its 95 % bootstrap interval, drawn from `seed`; with a
    positive stated noise it is the midpoint errors-in-variables likelihood's, with its profile
    interval. Raises DataError, naming row and column, for sizes that are negative, masked or not
    finite, lengths or row names that differ, fewer than 8 usable pairs, sizes that are all equal
    before, or span 30 decades, or did not change, or all changed alike, and for contradictory,
    negative or extreme noise or limit. Raises UsageError inside jit, vmap or grad.

    Source: Pogodin et al. 2024 for the geometries and Delta CDF; the estimators are this
    package's own.
    """
    refuse_tracers(before, after, noise_cv, noise_sd, detection_limit)
    noise = _noise(stated_number(noise_cv, "noise_cv"), stated_number(noise_sd, "noise_sd"))
    detection_limit = stated_number(detection_limit, "detection_limit")
    if detection_limit is not None and not (math.isfinite(detection_limit) and detection_limit > 0):
        raise DataError(
            f"detection_limit is {detection_limit:g}: give a positive size in the unit of the data"
        )
    first, second = _sizes(before, "before"), _sizes(after, "after")
    if first.size != second.size:
        raise DataError(
            f"before has {first.size} rows and after has {second.size}: give the same synapses,"
            " row by row, with 0 where one is absent"
        )
    check_row_names(before, after)
    counts, usable, lost = _sort(first, second, detection_limit)
    w0, w1 = first[usable], second[usable]
    _check_usable(w0, w1, counts)
    check_noise(noise, w0, w1)
    l0, l1 = np.log(w0), np.log(w1)

    likelihood: Likelihood
    if noise.kind in ("cv", "sd"):
        variance = noise_variance(w0, w1, noise)
        likelihood = MidpointLikelihood((l0 + l1) / 2, l1 - l0, variance)
    elif detection_limit is not None and lost.any():
        likelihood = CensoredLikelihood(l0, l1, np.log(first[lost]), math.log(detection_limit))
    else:
        likelihood = ExactLikelihood(l0, l1)
    fit = fit_likelihood(likelihood)

    if isinstance(likelihood, MidpointLikelihood):
        estimator, interval_method = "midpoint errors-in-variables likelihood", "profile likelihood"
        index, interval = _audible(likelihood, fit)
    else:
        estimator = "logroot"
        index = logroot(l0, l1)
        interval, interval_method = (math.nan, math.nan), "none"
        if math.isfinite(index):
            interval, interval_method = logroot_interval(l0, l1, index=index, seed=seed)

    outcome, verdict, reason = decide(index, interval, noise)
    checks = _checks(likelihood, w0, w1, index) if math.isfinite(index) else {}
    if noise.kind in ("unknown", "none") and (found := check_rounded(w0, w1)) is not None:
        checks["rounded"], rounding = found
        if checks["rounded"].passed is False and noise.kind == "none" and outcome != "refused":
            outcome = "undecided"
            verdict = "No geometry is named: the sizes are rounded too coarsely for their changes."
            reason = (
                f"index {index:.2f} may come from rounding; state it as noise: noise_sd="
                f"{rounding:.3g} (--noise-sd {rounding:.3g}), the step over the square root of 12"
            )
    jump = unit_jump((l0 + l1) / 2)
    if jump is not None:
        checks["units"] = check_units(jump, grouped=False)
        if outcome != "refused":
            outcome, verdict = "undecided", "No geometry is named: the sizes mix two units."
    failed = [
        f"{name} ({check.meaning})" for name, check in checks.items() if check.passed is False
    ]
    if failed:
        reason += f"; checks that fail: {', '.join(failed)}"
    if isinstance(likelihood, MidpointLikelihood) and lost.any():
        reason += (
            f"; the {counts.censored} synapses that ended below the detection limit are left out:"
            " with a stated noise they do not enter the likelihood"
        )
    return Verdict(
        index=index if math.isfinite(index) else math.nan,
        interval=interval,
        outcome=outcome,
        verdict=verdict,
        reason=reason,
        geometries=rank_geometries(likelihood),
        checks=checks,
        n=w0.size,
        counts=counts,
        likelihood=fit,
        delta_cdf=delta_cdf_of_geometries(l0, l1),
        delta_cdf_floor=delta_cdf_floor(w0.size),
        noise=noise,
        estimator=estimator,
        interval_method=interval_method,
        detection_limit=detection_limit,
        seed=seed,
        before=w0,
        after=w1,
        vanished=first[(first > 0) & (second == 0)],
        new=second[(first == 0) & (second > 0)],
    )


def _noise(noise_cv: float | None, noise_sd: float | None) -> Noise:
    if noise_cv is not None and noise_sd is not None:
        raise DataError("both noise_cv and noise_sd are given: state the noise one way")
    for name, value in (("noise_cv", noise_cv), ("noise_sd", noise_sd)):
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise DataError(f"{name} is {value:g}: give 0 (exact sizes) or a positive number")
    if noise_cv:
        return Noise("cv", noise_cv)
    if noise_sd:
        return Noise("sd", noise_sd)
    return Noise("unknown") if noise_cv is None and noise_sd is None else Noise("none", 0.0)


def _sizes(values: Any, side: str) -> Float[np.ndarray, " rows"]:
    """The sizes as float64, or a DataError that names the first bad row."""
    name = getattr(values, "name", None)
    column = side if name is None or name == side else f"column {name!r} ({side})"
    labels = getattr(values, "index", None)

    def row(at: int) -> str:
        # A list's `index` is a method; a Series' is the names of its rows.
        return (
            f"row {at} (counted from 0)"
            if labels is None or callable(labels)
            else f"row {labels[at]}"
        )

    if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
        at = int(np.flatnonzero(np.ma.getmaskarray(values))[0])
        raise DataError(
            f"{row(at)} of {column} is masked: leave such rows out of before and after, or write 0"
            " for an absent synapse"
        )
    cells = np.asarray(values)
    if cells.ndim != 1:
        raise DataError(f"{column} has {cells.ndim} dimensions: give one size per synapse")
    if cells.dtype.kind not in "fiub":
        for at, cell in enumerate(cells.tolist()):
            if isinstance(cell, str) or not isinstance(cell, int | float):
                raise DataError(f"{row(at)} of {column} is {cell!r}: sizes must be numbers")
    sizes = cells.astype(np.float64)
    for bad, problem, cure in (
        (
            ~np.isfinite(sizes),
            "is not finite",
            "leave the row out, or write 0 for an absent synapse",
        ),
        (sizes < 0, "is negative", "sizes are positive, and 0 for an absent synapse"),
    ):
        if bad.any():
            at = int(np.flatnonzero(bad)[0])
            others = f" (and {bad.sum() - 1} more)" if bad.sum() > 1 else ""
            raise DataError(
                f"{row(at)} of {column} is {sizes[at]:g}{others}, which {problem}: {cure}"
            )
    return sizes


def _sort(
    before: Float[np.ndarray, " rows"], after: Float[np.ndarray, " rows"], limit: float | int | None
) -> tuple[Counts, Bool[np.ndarray, " rows"], Bool[np.ndarray, " rows"]]:
    """Counts of what became of the rows, the usable pairs, and those that fell below the limit."""
    had, has = before > 0, after > 0
    usable, lost, low = had & has, np.zeros_like(had), np.zeros_like(had)
    if limit is not None:
        low = had & (before < limit)
        lost = had & ~low & (after < limit)
        usable &= ~low & ~lost
    counts = Counts(
        rows=before.size,
        usable=int(usable.sum()),
        vanished=int((had & ~has).sum()),
        new=int((~had & has).sum()),
        absent=int((~had & ~has).sum()),
        below_limit=int(low.sum()),
        censored=int(lost.sum()),
    )
    return counts, usable, lost


def _check_usable(
    before: Float[np.ndarray, " n"], after: Float[np.ndarray, " n"], counts: Counts
) -> None:
    if before.size < _FEWEST:
        raise DataError(
            f"only {before.size} of {counts.rows} rows have a positive size before and after"
            f" ({counts.vanished} vanished, {counts.new} new, {counts.absent} absent in both,"
            f" {counts.below_limit + counts.censored} below the detection limit): at least"
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
    if np.array_equal(before, after):
        raise DataError("after is identical to before in every usable row: give two sessions")
    centre = np.log(before).mean()
    sizes = np.log(before) - centre, np.log(after) - centre
    for name, index in GEOMETRIES.items():
        change = dual_change(*sizes, index)
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


def _checks(
    likelihood: Likelihood,
    before: Float[np.ndarray, " n"],
    after: Float[np.ndarray, " n"],
    index: float,
) -> dict[str, Check]:
    checks = {"lazy": check_lazy(before, after, index)}
    if isinstance(likelihood, MidpointLikelihood):
        # Noise alone breaks the other checks, which are about exact sizes.
        return checks | {"signal": check_signal(likelihood.step, likelihood.variance)}
    logs = np.log(before), np.log(after)
    checks |= {
        "sign_flips": check_sign_flips(*logs, index),
        "curvature": check_curvature(*logs, index),
        "reversion": check_reversion(*logs, index),
        "gaussian": check_gaussian(*logs, index),
    }
    if isinstance(likelihood, CensoredLikelihood):
        expected, variance = likelihood.expected_losses(index)
        checks["losses"] = check_losses(likelihood.lost.size, expected, variance)
    return checks
