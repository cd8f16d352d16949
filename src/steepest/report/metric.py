"""An inferred metric as an answer."""

from collections.abc import Sequence

from steepest._version import __version__
from steepest.files import plain, to_csv
from steepest.inference.flows.verdict import IN_LOGS, MetricVerdict
from steepest.papers.surace2020 import CITATION
from steepest.report.answer import Answer
from steepest.report.page import Page, Section
from steepest.report.words import capital

__all__ = ["metric_answer"]

_MEANING = (
    "A flow that descends a cost may take any direction that goes down; the metric says which it"
    " takes.",
    "The families are ways in which that metric may depend on the position; those that are"
    " consistent could each have made this flow.",
)
_CAPTION = (
    "Left: each measured velocity against the one of the best consistent metric; on the line they"
    " agree. Right: Akaike's criterion, corrected for small samples, above that of the best family:"
    " less is better, and 10 is far."
)
_FAMILIES = (
    "F and p: the family against any matrix that is constant in the same coordinates. A family is"
    " consistent if it is a metric (symmetric, positive definite), passes that test at 5 %, and is"
    " not more than 10 in AICc behind the best. The tests are exact for velocities with independent"
    " Gaussian noise of equal variance."
)
_KNOWN = (
    "Only the metric times the learning rate can be known, and only for this cost: any increasing"
    " function f of it, with the metric multiplied by f′, has the same flow."
)


def metric_answer(
    verdict: MetricVerdict, *, source: str, cost: str, position: Sequence[str], driven: str
) -> Answer:
    """The metric of a flow for terminal, JSON and page.

    `source` is the file's name, `cost` the cost's as it was given, `position` the columns, and
    `driven` what was measured of the motion ("velocities vx, vy").

    >>> import numpy as np
    >>> from steepest.inference import flow_samples, infer_metric
    >>> points = np.random.default_rng(0).standard_normal((10, 2))
    >>> samples = flow_samples(points, -points * [2, 1], lambda x: (x**2).sum() / 2)
    >>> verdict, axes = infer_metric(samples), ("x", "y")
    >>> words = {"cost": "quadratic", "position": axes, "driven": "velocities vx, vy"}
    >>> metric_answer(verdict, source="flow.csv", **words).heading
    'flow.csv: 10 samples of x, y, cost quadratic'
    """
    columns = ", ".join(position)
    return Answer(
        name="metric",
        heading=f"{source}: {len(verdict.samples)} samples of {columns}, cost {cost}",
        content=verdict.to_dict(),
        table=verdict.table,
        page=lambda: Page(
            title=f"Metric of {source}",
            question="In which metric did this flow descend its cost?",
            asked=(
                f"Asked of {source}: {len(verdict.samples)} samples, positions {columns}, {driven}."
                f" The cost that is descended: {cost}."
            ),
            statement=capital(verdict.verdict),
            tone="good" if len(verdict.consistent) == 1 else "open",
            reason=_KNOWN,
            meaning=_MEANING,
            paper=[
                ("Results", capital(verdict.sentence())),
                ("Methods", _methods(verdict, cost, position)),
            ],
            notes=_climbing(verdict),
            alt="Measured velocities against those of the best metric, and AICc of every family",
            caption=_CAPTION,
            sections=[*_mobility(verdict), _families(verdict)],
            citations=[CITATION],
        ),
        draw=lambda: verdict.plot(position),
        others={"metric.csv": lambda: _csv(verdict)},
    )


def _csv(verdict: MetricVerdict) -> str:
    tests = {test.hypothesis: test for test in verdict.tests}
    rows = []
    for fit in verdict.fits:
        name = fit.family.name
        statistic = (tests[name].statistic, tests[name].p_value) if name in tests else (None, None)
        rows.append(
            plain([name, int(name in verdict.consistent), fit.fit.rank, fit.aicc, *statistic])
        )
    return to_csv(("family", "consistent", "coefficients", "AICc", "F", "p"), rows)


def _methods(verdict: MetricVerdict, cost: str, position: Sequence[str]) -> str:
    names = ", ".join(fit.family.name for fit in verdict.fits)
    return (
        f"{len(verdict.samples)} samples of the velocity at {', '.join(position)} were fitted with"
        f" steepest {__version__} as minus a mobility times the differential of the cost ({cost})."
        f" Families of mobilities: {names}. A family is consistent if its mobility is symmetric and"
        " positive definite, passes an F test against any constant matrix at 5 %, and is not more"
        " than 10 in AICc behind the best."
    )


def _climbing(verdict: MetricVerdict) -> list[tuple[str, str]]:
    if not verdict.climbing:
        return []
    rows, more = ", ".join(map(str, verdict.climbing[:50])), len(verdict.climbing) - 50
    rows += f" and {more} more" if more > 0 else ""
    return [
        (
            "Velocities that climb the cost,",
            f"as steepest descent never does, in rows {rows}. Few are to be expected of noise near"
            " the minimum.",
        )
    ]


def _mobility(verdict: MetricVerdict) -> list[Section]:
    """The coefficients of the best consistent family; no section where none is consistent."""
    if not verdict.consistent:
        return []
    best = verdict.fit(verdict.consistent[0])
    rows = [
        (name, f"{value:.5g}", f"{low:.5g} to {high:.5g}")
        if known
        else (name, "not identified", "")
        for name, value, known, (low, high) in zip(
            best.labels,
            best.fit.coefficients,
            best.fit.identified,
            best.fit.intervals(),
            strict=True,
        )
    ]
    chart = ", constant in log coordinates" if best.family.name.endswith(IN_LOGS) else ""
    return [
        Section(
            f"The mobility of the best: {best.family.name}",
            ("Coefficient", "Value", "95 % interval"),
            rows,
            numbers=(1, 2),
            note=f"The mobility is the inverse of the metric, times the learning rate{chart}:"
            " velocity = - mobility times the cost's differential.",
        )
    ]


def _families(verdict: MetricVerdict) -> Section:
    tests = {test.hypothesis: test for test in verdict.tests}
    least = min(fit.aicc for fit in verdict.fits)
    rows = []
    for fit in verdict.fits:
        name = fit.family.name
        test, behind = tests.get(name), fit.aicc - least
        rows.append(
            (
                "consistent" if name in verdict.consistent else "",
                name,
                fit.fit.rank,
                f"{behind:.1f}" if behind < float("inf") else "-",
                "-" if test is None else f"{test.statistic:.3g}",
                "-" if test is None else f"{test.p_value:.3g}",
            )
        )
    return Section(
        "The families that were tried, the likeliest first",
        ("", "Family", "Coefficients", "AICc above the best", "F", "p"),
        rows,
        numbers=(2, 3, 4, 5),
        note=_FAMILIES,
        folded=False,
    )
