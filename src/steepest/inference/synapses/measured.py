"""The verdict on measurements whose noise is known from the data themselves."""

import math
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from steepest.errors import DataError
from steepest.inference.synapses.directed import Directed, directed_change
from steepest.inference.synapses.estimation import Estimate, estimate
from steepest.inference.synapses.geometries import GEOMETRIES, SHOWN, inside
from steepest.inference.synapses.heterogeneity import GroupIndices
from steepest.inference.synapses.intervals import Interval
from steepest.inference.synapses.kesten import Kesten, fit_kesten
from steepest.inference.synapses.measured_checks import checks_of
from steepest.inference.synapses.measured_rules import decide_measured
from steepest.inference.synapses.measurements import Dropped, Measurements
from steepest.inference.synapses.naming import Decision, Outcome
from steepest.inference.synapses.noise import Noise, stated_noise
from steepest.inference.synapses.outlying import Outliers
from steepest.inference.synapses.publishing import (
    measured_legend,
    measured_methods,
    results_sentence,
)
from steepest.inference.synapses.signal import fit_noise_and_index
from steepest.inference.synapses.turnover import Tally, tally
from steepest.inference.synapses.verdict import (
    Check,
    GeometryFit,
    attributes,
    html,
    marked,
    sentence_of,
    verdict_dict,
)
from steepest.markup import brief, visible

if TYPE_CHECKING:
    import matplotlib.figure
    import xarray

__all__ = ["MeasuredVerdict", "infer_measured"]

_GRID = np.linspace(*SHOWN, 41)
_SOURCES = {
    "sessions": "learned from how the variance of change grows from session to session",
    "replicates": "learned from replicates",
    "null": "learned from the null condition, whose changes are all counted as noise",
    "stated": "stated",
}


@dataclass(frozen=True, eq=False)
class MeasuredVerdict:
    """In which geometry synapses moved, with the noise of the measurement known; and why.

    The fields shared with `Verdict` mean the same. `settle` says which measurement would decide
    what is open. `profile` is the log-likelihood of each index in `profile_index`, noise fitted
    anew for each, scaled so that its curvature agrees with the resamples.

    >>> from steepest.inference import Design, simulate_design
    >>> measured = simulate_design(Design(synapses=200, sessions=4, groups=10), 1)
    >>> infer_measured(measured, draws=20).verdict
    'multiplicative'
    """

    index: float
    interval: tuple[float, float]
    outcome: Outcome
    verdict: str
    reason: str
    settle: str
    geometries: tuple[GeometryFit, ...]
    checks: dict[str, Check]
    n: int
    estimate: Estimate = field(repr=False)
    measured: Measurements = field(repr=False)
    profile_index: Float[np.ndarray, " p"] = field(repr=False)
    profile: Float[np.ndarray, " p"] = field(repr=False)
    draws: int
    seed: int

    @property
    def noise_statement(self) -> str:
        """Where the noise is known from, and how large it is at the typical size."""
        fitted = self.estimate
        total = math.sqrt(sum(part.value**2 for part in fitted.noise))
        words = _SOURCES[fitted.source]
        return f"{words}; {total:.0%} of a typical size" if total else f"{words}; none"

    @property
    def dropped(self) -> tuple[Dropped, ...]:
        """What was left out, and why; only what occurred."""
        return tuple(item for item in self.estimate.dropped if item.count)

    @property
    def counts(self) -> Tally:
        """What became of every row and of every measurement of the table; both add up."""
        return tally(self.measured, self.estimate.outliers)

    @cached_property
    def directed(self) -> Directed | None:
        """The mean change by size, from the first session to the last; see `directed_change`."""
        return directed_change(self.estimate)

    @cached_property
    def kesten(self) -> Kesten | None:
        """The pull to a set point and the fluctuations about it: a description; `fit_kesten`."""
        return fit_kesten(self.estimate)

    def sentence(self) -> str:
        """The verdict as one sentence with its numbers, as a results section states it."""
        return results_sentence(sentence_of(self), self.index, self.interval, *_sample(self))

    def methods(self) -> str:
        """What was computed, as a paragraph for a methods section."""
        return measured_methods(self)

    def legend(self) -> str:
        """The legend of the figure that `plot` draws."""
        return measured_legend(self)

    def to_dict(self) -> dict[str, Any]:
        """The verdict as plain JSON values; numbers that do not exist are None, never NaN."""
        fitted, measured = self.estimate, self.measured
        names = ("multiplicative", "shot", "additive")
        return verdict_dict(
            self,
            {
                "settle": self.settle,
                "noise": {
                    "kind": fitted.source,
                    "statement": self.noise_statement,
                    "typical_size": math.exp(fitted.centre),
                    "parts": {
                        name: _triple(part) for name, part in zip(names, fitted.noise, strict=True)
                    },
                },
                "signal_share": _triple(fitted.share),
                "signal_sd": _triple(fitted.signal),
                "index_of_small": _triple(fitted.small),
                "index_of_large": _triple(fitted.large),
                "index_by_lag": {str(lag): _triple(at) for lag, at in fitted.by_lag.items()},
                "index_by_products": _triple(fitted.by_products),
                "index_over_time": [_triple(at) for at in fitted.over_time],
                "index_by_group": _groups(fitted.groups),
                "directed_change": None if self.directed is None else asdict(self.directed),
                "kesten": None if self.kesten is None else asdict(self.kesten),
                "power_law_beats_mixture": fitted.power_wins,
                "curvature": _triple(fitted.bend),
                "used": {
                    "rows": len(measured.log_sizes),
                    "synapses": self.n,
                    "null_synapses": int(measured.null.sum()),
                    "changes": fitted.pairs_used,
                    "sessions": list(measured.names),
                    "times": measured.times.tolist(),
                    "replicates": int(measured.replicates.max()),
                    "groups": list(measured.group_names),
                    "resampled": measured.resampled,
                },
                "counts": asdict(self.counts),
                "dropped": [asdict(item) for item in fitted.dropped],
                "outliers": _outliers(fitted.outliers, measured.names),
                "estimator": "size-resolved variance components",
                "interval_method": f"cluster bootstrap, {self.draws} draws, widened by Student's t",
                "detection_limit": measured.detection_limit,
            },
        )

    def plot(self) -> "matplotlib.figure.Figure":
        """Draw the spread of change by size and lag, the mirror map, and the index."""
        from steepest.inference.synapses.measured_picture import draw

        return draw(self)

    def __str__(self) -> str:
        low, high = self.interval
        lines = [
            f"{self.outcome}: {self.verdict}",
            f"  why        {self.reason}",
            f"  to settle  {self.settle}",
            f"  index      {self.index:.2f} (95 % {low:.2f} to {high:.2f})",
            f"  noise      {self.noise_statement}",
            f"  synapses   {self.n} of {len(self.measured.log_sizes)} rows,"
            f" {self.estimate.pairs_used} changes",
        ]
        if self.directed is not None:
            lines.append(f"  directed   {self.directed.sentence}")
        lines += [f"  dropped    {item.count} {item.what}: {item.why}" for item in self.dropped]
        return "\n".join(map(visible, [*lines, *marked(self)]))

    def __repr__(self) -> str:
        return brief(str(self))

    def to_dataset(self) -> "xarray.Dataset":
        """Log sizes by synapse and session, and the profile; the verdict as attributes."""
        import xarray as xr

        return xr.Dataset(
            {
                "log_size": (("synapse", "session"), self.measured.log_sizes),
                "time": ("session", self.measured.times),
                "log_likelihood": ("index", self.profile),
            },
            coords={"session": list(self.measured.names), "index": self.profile_index},
            attrs=attributes(self) | {"settle": self.settle},
        )

    def _repr_html_(self) -> str:
        noise = f"Measurement noise: {self.noise_statement}."
        return html(self, noise, f"To settle it: {self.settle}")


def _sample(verdict: MeasuredVerdict) -> tuple[str, str]:
    measured, groups = verdict.measured, len(verdict.measured.group_names)
    inside = f" in {groups} groups" if groups else ""
    return (
        f"n = {verdict.n} synapses{inside}, {measured.sessions} sessions",
        f"measurement noise {verdict.noise_statement}",
    )


def infer_measured(
    measured: Measurements,
    *,
    noise_cv: Any = None,
    noise_sd: Any = None,
    draws: int = 400,
    seed: int = 0,
    keep_outliers: bool = False,
) -> MeasuredVerdict:
    """In which geometry did these synapses move, measurement noise taken out?

    The noise is learned from a null condition, from three or more sessions, or from replicates;
    only where there is none of these may it be stated, and a positive stated noise never names.
    Intervals resample groups (synapses where there are no groups) `draws` times from `seed`.
    Measurements that are far from all that surrounds them are left out, counted and listed
    (`outliers` of the estimate) unless `keep_outliers`.

    Raises DataError where the noise is neither measured nor stated or both, is negative, fewer
    than 50 changes can be used, or more than a fifth of a session is outlying.

    >>> from steepest.inference import Design, simulate_design
    >>> measured = simulate_design(Design(synapses=200, sessions=4, groups=10), 1)
    >>> infer_measured(measured, draws=50).verdict
    'multiplicative'
    """
    noise = stated_noise(noise_cv, noise_sd)
    stated = None if noise.kind == "unknown" else noise
    source = measured.source
    if stated is not None and source is not None:
        option = "noise_cv" if noise_cv is not None else "noise_sd"
        raise DataError(
            f"{option} and {source} contradict each other: the noise is learned from the"
            f" {source}; leave out {option}, or the {source}"
        )
    fitted = estimate(measured, stated=stated, draws=draws, seed=seed, keep_outliers=keep_outliers)
    decision = decide_measured(fitted)
    grid, profile, ranked = _ranked(fitted, stated)
    checks = checks_of(fitted)
    return MeasuredVerdict(
        index=fitted.index.value,
        interval=(fitted.index.low, fitted.index.high),
        outcome=decision.outcome,
        verdict=decision.verdict,
        reason=decision.reason,
        settle=_settle(decision, checks),
        geometries=ranked,
        checks=checks,
        n=fitted.measured.n,
        estimate=fitted,
        measured=measured,
        profile_index=grid,
        profile=profile,
        draws=draws,
        seed=seed,
    )


def _settle(decision: Decision, checks: dict[str, Check]) -> str:
    """What would settle it; a ceiling and errors of measurement are to be looked at first."""
    said = [decision.settle]
    outliers, ceiling = checks["outliers"], checks.get("ceiling")
    if ceiling is not None and ceiling.passed is False:
        said.append("Look at the ceiling: is the instrument saturated, or are synapses full?")
    if outliers.passed is not True and outliers.statistic > 0 and "outlying" not in decision.settle:
        said.append("Look at the outlying measurements: mis-segmented synapses?")
    return " ".join(said)


def _ranked(
    fitted: Estimate, stated: Noise | None
) -> tuple[np.ndarray, np.ndarray, tuple[GeometryFit, ...]]:
    """Log-likelihood of a grid of indices and of the named ones, calibrated by the resamples.

    Changes of one synapse over several lags are counted as if independent, so the likelihood is
    too sharp; it is scaled to the variance of the index among the resamples (Pauli et al. 2011).
    """
    named = np.array(list(GEOMETRIES.values()))
    near = inside(np.full(3, fitted.index.value)) + np.array([-0.05, 0.0, 0.05])
    every = np.concatenate([_GRID, named, near])
    weights = np.ones((every.size, len(fitted.moments.counts)))
    known = None
    if stated is not None:
        known = stated.at(fitted.centre)
    fit = fit_noise_and_index(fitted.moments, weights, fitted.fit, stated=known, index=every)
    values = fit.log_likelihood
    curvature = -(values[-3] - 2 * values[-2] + values[-1]) / 0.05**2
    finite = fitted.draws.index[np.isfinite(fitted.draws.index)]
    spread = float(finite.var()) if finite.size > 1 else math.inf
    scale = 1 / (curvature * spread) if curvature > 0 and spread > 0 else 1.0
    scale = min(scale, 1.0) if math.isfinite(scale) else 1.0
    values = (values - values[:-3].max()) * scale
    named_values = values[_GRID.size : -3]
    shares = np.exp(named_values - named_values.max())
    shares /= shares.sum()
    fits = [
        GeometryFit(name, index, float(value), float(share))
        for (name, index), value, share in zip(
            GEOMETRIES.items(), named_values, shares, strict=True
        )
    ]
    return (
        _GRID.copy(),
        values[: _GRID.size],
        tuple(sorted(fits, key=lambda fit: -fit.log_likelihood)),
    )


def _groups(groups: GroupIndices | None) -> dict[str, Any] | None:
    if groups is None:
        return None
    return {
        "groups": [
            {"name": name, "synapses": int(synapses), **_triple(index)}
            for name, synapses, index in zip(
                groups.names, groups.synapses, groups.indices, strict=True
            )
        ],
        "tau": groups.tau,
        "statistic": groups.statistic,
        "p_value": groups.p_value,
        "not_compared": groups.small,
    }


def _outliers(outliers: Outliers, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "looked_for": outliers.searched,
        "kept": outliers.kept,
        "measurements": outliers.measurements,
        "share": outliers.share,
        "prevail": outliers.gate,
        "list": [
            asdict(outlier) | {"session": names[outlier.session]} for outlier in outliers.listed
        ],
    }


def _triple(fitted: Interval) -> dict[str, float]:
    return asdict(fitted)
