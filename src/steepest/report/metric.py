"""An inferred metric as one self-contained HTML page."""

from collections.abc import Sequence

from steepest._version import __version__
from steepest.inference.flows.verdict import IN_LOGS, MetricVerdict
from steepest.papers.surace2020 import CITATION as METHOD
from steepest.report import page

__all__ = ["metric_page"]


def metric_page(
    verdict: MetricVerdict,
    *,
    source: str,
    cost: str,
    position: Sequence[str],
    driven: str,
    picture: bytes,
    command: str,
) -> str:
    """The verdict as one HTML page; every text is escaped.

    `source` is the file's name, `cost` the cost's as it was given, `position` the columns, `driven`
    what was measured of the motion ("velocities vx, vy"), `picture` the verdict's plot as PNG and
    `command` the command line that repeats it.
    """
    best = verdict.fit(verdict.consistent[0]) if verdict.consistent else None
    coefficients = []
    if best is not None:
        for name, value, known, (low, high) in zip(
            best.labels, best.fit.coefficients, best.fit.identified,
            best.fit.intervals(), strict=True,
        ):  # fmt: skip
            coefficients.append(
                {
                    "name": name,
                    "value": f"{value:.5g}" if known else "not identified",
                    "interval": f"{low:.5g} to {high:.5g}" if known else "",
                }
            )
    rows = ", ".join(str(row) for row in verdict.climbing[:50])
    more = len(verdict.climbing) - 50
    return page.render(
        "metric.html",
        source=source,
        question=(
            f"Asked of {source}: {len(verdict.samples)} samples, positions {', '.join(position)},"
            f" {driven}. The cost that is descended: {cost}."
        ),
        sentence=verdict.sentence,
        tone="good" if len(verdict.consistent) == 1 else "open",
        climbing=(f"rows {rows}" + (f" and {more} more" if more > 0 else "")) if rows else "",
        picture=picture,
        best=best.family.name if best is not None else "",
        chart=_chart(best.family.name) if best is not None else "",
        coefficients=coefficients,
        families=_families(verdict),
        command=command,
        citations=[METHOD, page.SOFTWARE],
        version=__version__,
        seed=None,
    )


def _chart(family: str) -> str:
    return "constant in log coordinates" if family.endswith(IN_LOGS) else ""


def _families(verdict: MetricVerdict) -> list[dict[str, str]]:
    tests = {test.hypothesis: test for test in verdict.tests}
    least = min(fit.aicc for fit in verdict.fits)
    rows = []
    for fit in verdict.fits:
        name = fit.family.name
        test = tests.get(name)
        behind = fit.aicc - least
        rows.append(
            {
                "mark": "consistent" if name in verdict.consistent else "",
                "name": name,
                "rank": str(fit.fit.rank),
                "behind": f"{behind:.1f}" if behind < float("inf") else "-",
                "statistic": "-" if test is None else f"{test.statistic:.3g}",
                "p": "-" if test is None else f"{test.p_value:.3g}",
            }
        )
    return rows
