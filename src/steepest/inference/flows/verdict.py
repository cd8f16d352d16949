"""In which metric does a flow descend its cost? From samples of the flow to a verdict.

The families that are tried are constant metrics, in the coordinates at hand and in their logs.
The parts of the answer have files of their own: `integrability` (is it a gradient at all, in a
metric that is known), `tailored` and `obstruction` (a metric made to measure, or why there is
none), `mobility`, `fit` and `shooting` (fits), `reciprocity` (several costs).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from steepest.errors import DataError
from steepest.inference.flows.fit import MobilityFit, compare_families, fit_mobility
from steepest.inference.flows.ftest import FTest
from steepest.inference.flows.mobility import (
    ANY,
    DIAGONAL,
    EXCHANGEABLE,
    ISOTROPIC,
    LOGS,
    SYMMETRIC,
    MobilityFamily,
)
from steepest.inference.flows.samples import FlowSamples
from steepest.markup import fragment, table

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from xarray import Dataset

__all__ = ["IN_LOGS", "MetricVerdict", "infer_metric"]

_LEVEL = 0.05
_FAR = 10.0  # in units of AICc: a family this far behind the best has no support
IN_LOGS = "in logs"
"""How the names of families that are constant in log coordinates end."""


@dataclass(frozen=True, eq=False, repr=False)
class MetricVerdict:
    """Which constant metrics a flow is consistent with, best first.

    `fits` are ranked by AICc; `tests` are the F-tests of each family within any matrix that is
    constant in the same coordinates. `consistent` names the families that are metrics, pass that
    test at 5 % and are not more than 10 in AICc behind the best. `climbing` lists the rows whose
    velocity climbs the cost.

    >>> import jax.numpy as jnp
    >>> from steepest.inference.flows import flow_samples
    >>> positions = np.random.default_rng(0).standard_normal((20, 2))
    >>> noise = np.random.default_rng(1).standard_normal((20, 2))
    >>> velocities = -positions * [2.0, 0.5] + 0.01 * noise
    >>> samples = flow_samples(positions, velocities, lambda x: jnp.sum(x**2) / 2)
    >>> verdict = infer_metric(samples)
    >>> verdict.consistent
    ('diagonal', 'constant metric')
    >>> verdict.to_dict()["n"]
    20
    """

    fits: tuple[MobilityFit, ...]
    tests: tuple[FTest, ...]
    consistent: tuple[str, ...]
    climbing: tuple[int, ...]
    samples: FlowSamples
    verdict: str

    def fit(self, name: str) -> MobilityFit:
        """The fit of the family with this name."""
        return next(fit for fit in self.fits if fit.family.name == name)

    def to_dict(self) -> dict[str, Any]:
        """The verdict as plain JSON values."""
        return {
            "verdict": self.verdict,
            "consistent": list(self.consistent),
            "n": len(self.samples),
            "families": [fit.to_dict() for fit in self.fits],
            "tests": [test.to_dict() for test in self.tests],
            "climbing_rows": list(self.climbing),
        }

    def _rows(self) -> list[tuple[str, int, str, str, str]]:
        """Family, coefficients, AICc behind the best, p of the F-test, and whether consistent."""
        passed = {test.hypothesis: test.p_value for test in self.tests}
        least = min(fit.aicc for fit in self.fits)
        rows = []
        for fit in self.fits:
            name, behind = fit.family.name, fit.aicc - least
            worse = f"{behind:.1f}" if np.isfinite(behind) else "-"
            p = f"{passed[name]:.3g}" if name in passed else "-"
            rows.append((name, fit.fit.rank, worse, p, "yes" if name in self.consistent else "no"))
        return rows

    def _coefficients(self) -> list[str]:
        """The mobility of the best consistent family, a coefficient a line; empty without one."""
        if not self.consistent:
            return []
        best = self.fit(self.consistent[0])
        lines = [f"{best.family.name}: mobility (inverse metric times learning rate)"]
        for label, x, known, (low, high) in zip(
            best.labels, best.fit.coefficients, best.fit.identified, best.fit.intervals(),
            strict=True,
        ):  # fmt: skip
            told = f"{x:.5g}  (95 %: {low:.5g} to {high:.5g})" if known else "not identified"
            lines.append(f"    {label} = {told}")
        return lines

    def _climbers(self) -> list[str]:
        if not self.climbing:
            return []
        rows = ", ".join(map(str, self.climbing[:12]))
        more = ", ..." if len(self.climbing) > 12 else ""
        return [f"Velocities that climb the cost, in rows: {rows}{more}"]

    def sentence(self) -> str:
        """The verdict as one sentence, by the name that every verdict has for it."""
        return self.verdict

    def table(self) -> str:
        """The verdict as text: one line per family, best first, then what else was noticed."""
        lines = [f"Verdict: {self.verdict}", ""]
        width = max(len(fit.family.name) for fit in self.fits)
        lines.append(f"{'family':{width}}  coefficients  AICc-best  F-test p  consistent")
        for name, rank, worse, p, mark in self._rows():
            lines.append(f"{name:{width}}  {rank:12d}  {worse:>9}  {p:>8}  {mark}")
        for part in (self._coefficients(), self._climbers()):
            lines += ["", *part] if part else []
        return "\n".join(lines)

    def __repr__(self) -> str:
        samples = f"{len(self.samples)} samples of {self.samples.dimension} coordinates"
        return "\n".join([f"MetricVerdict: {self.verdict}", samples, *self._climbers()])

    def _repr_html_(self) -> str:
        columns = ["family", "coefficients", "AICc-best", "F-test p", "consistent"]
        notes = [*self._coefficients(), *self._climbers()]
        return fragment(self.verdict, notes, [table(columns, self._rows())])

    def to_dataset(self) -> "Dataset":
        """The families, best first, and the samples that they were fitted to.

        Per family its coefficients, AICc, F-test p (NaN where not tested), whether it is
        consistent, and the mobility (NaN where not identified), in the family's own coordinates.
        """
        import xarray as xr

        passed = {test.hypothesis: test.p_value for test in self.tests}
        unknown = np.full((self.samples.dimension,) * 2, np.nan)
        names = [fit.family.name for fit in self.fits]
        mobility = [unknown if len(fit.fit.unidentified) else fit.mobility for fit in self.fits]
        unit = {"units": "1"}
        return xr.Dataset(
            {
                "coefficients": ("family", [fit.fit.rank for fit in self.fits], unit),
                "aicc": ("family", [fit.aicc for fit in self.fits], unit),
                "p_value": ("family", [passed.get(name, np.nan) for name in names], unit),
                "consistent": ("family", [name in self.consistent for name in names], unit),
                "mobility": (("family", "coordinate", "other"), np.array(mobility)),
                "position": (("sample", "coordinate"), self.samples.positions.mean(axis=1)),
                "velocity": (("sample", "coordinate"), self.samples.velocities),
                "row": ("sample", self.samples.rows, unit),
            },
            coords={"family": names},
            attrs={"verdict": self.verdict},
        )

    def plot(self, names: Sequence[str] = ()) -> "Figure":
        """Measured velocities against those of the best family, and AICc of all.

        `names` (n,) of the coordinates; numbers unless given.
        """
        from steepest.inference.flows.picture import draw_metric_verdict

        return draw_metric_verdict(self, names)


def infer_metric(samples: FlowSamples) -> MetricVerdict:
    """Fit constant metrics, in the coordinates and (for positive ones) in their logs, and compare.

    `samples` come from `flow_samples` or `trajectory_samples`. Only metric times learning rate is
    known, and only given the cost: a rescaled cost takes a rescaled metric. Raises `DataError` for
    fewer numbers than coefficients, and where more than half of the velocities climb the cost,
    listed by row.

    >>> import jax.numpy as jnp
    >>> from steepest.inference.flows import flow_samples
    >>> positions = np.random.default_rng(0).standard_normal((20, 2))
    >>> noise = np.random.default_rng(1).standard_normal((20, 2))
    >>> velocities = -positions * [2.0, 0.5] + 0.01 * noise
    >>> samples = flow_samples(positions, velocities, lambda x: jnp.sum(x**2) / 2)
    >>> infer_metric(samples)
    MetricVerdict: the diagonal metric is consistent with the flow; also consistent: constant metric
    20 samples of 2 coordinates
    """
    climbing = tuple(int(row) for row in samples.climbing)
    if len(climbing) > len(samples) / 2:
        shown = ", ".join(map(str, climbing[:12])) + (", ..." if len(climbing) > 12 else "")
        raise DataError(
            f"{len(climbing)} of {len(samples)} velocities climb the cost (rows {shown}): in no "
            "metric is this steepest descent; check the cost's sign and the order of the columns"
        )
    n = samples.dimension
    if samples.velocities.size <= n * n:
        raise DataError(
            f"{len(samples)} samples of {n} coordinates cannot tell the {n * n} entries of a "
            f"matrix from noise; give at least {n + 1} (better ten times as many)"
        )
    charts: list[tuple[MobilityFamily, ...]] = [(ISOTROPIC, DIAGONAL, EXCHANGEABLE, SYMMETRIC, ANY)]
    if (samples.positions > 0).all():
        charts.append(tuple(family.seen_in(LOGS, IN_LOGS) for family in charts[0]))
    fits, tests, passed = [], [], {}
    for families in charts:
        if n == 1:
            families = families[:1]
        here = [fit_mobility(samples, family) for family in families]
        fits.extend(here)
        for fit in here:
            if fit.fit.rank < here[-1].fit.rank:
                tests.append(compare_families(samples, fit.family, families[-1]))
                passed[fit.family.name] = tests[-1].p_value >= _LEVEL
    fits.sort(key=lambda fit: (np.nan_to_num(fit.aicc, nan=np.inf), fit.fit.rank))
    any_name = ANY.name
    metrics = [fit for fit in fits if not fit.family.name.startswith(any_name) and fit.is_metric]
    best = min((fit.aicc for fit in fits), default=np.nan)
    near = [fit for fit in metrics if passed.get(fit.family.name, True)
            and (fit.aicc - best <= _FAR or fit.aicc == best)]  # fmt: skip
    names = tuple(fit.family.name for fit in near)
    return MetricVerdict(
        tuple(fits), tuple(tests), names, climbing, samples, _sentence(near, fits, metrics)
    )


def _sentence(near: list[MobilityFit], fits: list[MobilityFit], metrics: list[MobilityFit]) -> str:
    if not near:
        if not metrics:
            return "no constant metric descends this cost: no fitted mobility is positive definite"
        return (
            "no constant metric, in these coordinates or their logs, is consistent with the flow: "
            "an antisymmetric part or a dependence on position is left"
        )
    simplest = min(near, key=lambda fit: (fit.fit.rank, fit.aicc))
    loose = [fit for fit in near if len(fit.fit.unidentified)]
    others = [fit.family.name for fit in near if fit is not simplest]
    also = (
        f"also consistent: {', '.join(others)}" if others else "no other metric that was tried is"
    )
    name = simplest.family.name
    kind = name if "metric" in name else f"the {name} metric"
    warning = " (some coefficients are not identified)" if loose else ""
    return f"{kind} is consistent with the flow; {also}{warning}"
