"""A verdict on measured noise as one HTML page, or as tables for the terminal."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from steepest import report
from steepest._version import __version__
from steepest.inference.estimate import Interval
from steepest.inference.measured import MeasuredVerdict
from steepest.papers.pogodin2024 import CITATION as METHOD

__all__ = ["measured_page", "measured_table"]


def measured_page(verdict: MeasuredVerdict, *, source: str, picture: bytes, command: str) -> str:
    """The verdict as one HTML page; `source` is the file's name, `picture` its plot as PNG.

    `command` is the command line that repeats it.
    """
    geometries = [
        {
            "name": fit.name,
            "index": report.fixed(fit.index),
            "below": report.short(-fit.log_likelihood),
            "weight": report.share(fit.weight),
        }
        for fit in verdict.geometries
    ]
    return report.render(
        "measured.html",
        verdict=verdict,
        source=source,
        question=f"Asked of {source}. Measurement noise: {verdict.noise_statement}.",
        sentence=report.sentence(verdict.outcome, verdict.verdict),
        tone=report.tone(verdict.outcome),
        picture=picture,
        numbers=_numbers(verdict),
        geometries=geometries,
        used=_used(verdict),
        command=command,
        citations=[METHOD, report.SOFTWARE],
        version=__version__,
        seed=verdict.seed,
    )


def measured_table(verdict: MeasuredVerdict) -> Group:
    """The verdict as terminal tables: sentence, numbers, what was used and dropped, checks."""
    head = Table.grid(padding=(0, 2))
    style = report.terminal_style(verdict.outcome)
    words = report.sentence(verdict.outcome, verdict.verdict)
    head.add_row(Text(verdict.outcome, style=style), Text(words, style="bold"))
    head.add_row("why", Text(report.capital(verdict.reason)))
    head.add_row("to settle", Text(verdict.settle))
    for name, value, how in _numbers(verdict):
        head.add_row(name, Text(f"{value}  ({how})" if how else value))
    for name, value in _used(verdict):
        head.add_row(name, Text(value))
    for item in verdict.dropped:
        head.add_row("dropped", Text(f"{item.count} {item.what}: {item.why}"))
    ranking = report.plain_table("Geometry", "Index", "Log-likelihood", "Share", numbers=1)
    for fit in verdict.geometries:
        ranking.add_row(
            fit.name,
            report.fixed(fit.index),
            report.short(fit.log_likelihood),
            report.share(fit.weight),
        )
    checks = report.plain_table("", "Check", "What it means")
    for name, check in verdict.checks.items():
        checks.add_row(report.check_mark(check.passed), name.replace("_", " "), Text(check.meaning))
    return Group(head, "", ranking, "", checks)


def _numbers(verdict: MeasuredVerdict) -> list[tuple[str, str, str]]:
    found = verdict.estimate
    unit = "groups" if found.grouped else "synapses"
    rows = [
        ("index", _said(found.index), f"noise taken out; {found.clusters} {unit} resampled"),
        ("signal share", _said(found.share), "of the variance of change, the rest is noise"),
        (
            "signal",
            _said(found.signal),
            "sd of log size gained from session to session, typical size",
        ),
    ]
    for name, part in zip(("multiplicative", "shot", "additive"), found.noise, strict=True):
        rows.append(
            (f"{name} noise", _said(part), "sd of log size of one measurement, typical size")
        )
    rows += [
        ("small synapses", _said(found.small), "index in the smaller half"),
        ("large synapses", _said(found.large), "index in the larger half"),
    ]
    if len(found.by_lag) > 1:
        rows += [
            (f"lag {lag}", _said(at), "index of changes over so many sessions")
            for lag, at in sorted(found.by_lag.items())
        ]
    rows.append(("noise", verdict.noise_statement, ""))
    return rows


def _used(verdict: MeasuredVerdict) -> list[tuple[str, str]]:
    measured, found = verdict.measured, verdict.estimate
    null = int(measured.null.sum())
    rows = [
        (
            "synapses",
            f"{verdict.n} with two sessions or more, of {len(measured.log_sizes)} rows"
            + (f"; {null} rows of the null condition" if null else ""),
        ),
        ("changes", f"{found.pairs_used} between sessions"),
        ("sessions", ", ".join(measured.names)),
    ]
    if measured.replicates.max() > 1:
        rows.append(("replicates", f"up to {measured.replicates.max()} a session"))
    if found.grouped:
        rows.append(("groups", f"{len(measured.group_names)}"))
    if measured.detection_limit is not None:
        rows.append(("detection limit", f"{measured.detection_limit:g}"))
    return rows


def _said(found: Interval) -> str:
    return (
        f"{report.fixed(found.value)}, 95 % {report.fixed(found.low)} to {report.fixed(found.high)}"
    )
