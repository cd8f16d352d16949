"""A verdict on measured noise as one HTML page, or as tables for the terminal."""

import math

from rich.console import Group
from rich.text import Text

from steepest.inference.synapses.intervals import Interval
from steepest.inference.synapses.measured import MeasuredVerdict
from steepest.report import page

__all__ = ["measured_page", "measured_table"]

_CAPTION = (
    "A: how much log size changes, against size, for every time between sessions; the coloured line"
    " is what is left without measurement noise. B: the dual in which every synapse changes alike,"
    " with its 95 % band, and the named geometries. C: the index of all changes and of parts of"
    " them; a named geometry must fit them all."
)


def measured_page(verdict: MeasuredVerdict, *, source: str, picture: bytes, command: str) -> str:
    """The verdict as one HTML page; `source` is the file's name, `picture` its plot as PNG.

    `command` is the command line that repeats it.
    """
    return page.answer_page(
        verdict,
        source=source,
        question=f"Asked of {source}. Measurement noise: {verdict.noise_statement}.",
        settle=verdict.settle,
        picture=picture,
        alt="Spread of change by size, the fitted mirror map, and the index",
        caption=_CAPTION,
        sections=[
            page.Section("The numbers", ("Quantity", "Value", "How"), _numbers(verdict)),
            page.Section(
                "The named geometries, the likeliest first",
                (
                    "Geometry",
                    "Index",
                    "Log-likelihood, below the best index",
                    "Share of the likelihood",
                ),
                _geometries(verdict),
                numbers=(1, 2, 3),
            ),
            page.checks_section(verdict.checks),
            page.Section("What was used", ("What", "How many, which"), _used(verdict)),
            page.Section(
                "What was dropped, and why",
                ("How many", "What", "Why"),
                [(item.count, item.what, item.why) for item in verdict.estimate.dropped],
                numbers=(0,),
            ),
        ],
        command=command,
    )


def measured_table(verdict: MeasuredVerdict) -> Group:
    """The verdict as terminal tables: sentence, numbers, what was used and dropped, checks."""
    head = page.answer_head(verdict, _numbers(verdict), verdict.settle)
    for name, value in _used(verdict):
        head.add_row(name, Text(value))
    for item in verdict.dropped:
        head.add_row("dropped", Text(f"{item.count} {item.what}: {item.why}"))
    ranking = page.plain_table(
        "Geometry", "Index", "Log-likelihood, below the best index", "Share", numbers=1
    )
    for row in _geometries(verdict):
        ranking.add_row(*row)
    return Group(head, "", ranking, "", page.checks_table(verdict.checks))


def _geometries(verdict: MeasuredVerdict) -> list[tuple[str, ...]]:
    return [
        (
            fit.name,
            page.fixed(fit.index),
            page.short(0.0 - fit.log_likelihood),
            page.share(fit.weight),
        )
        for fit in verdict.geometries
    ]


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
    if math.isfinite(found.by_products.value):
        how = "index from changes that share no measurement, whatever the noise"
        rows.append(("by products", _said(found.by_products), how))
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
    return f"{page.fixed(found.value)}, 95 % {page.interval((found.low, found.high))}"
