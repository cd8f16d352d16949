"""A verdict on measured noise (sessions, replicates, a null) as an answer."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from steepest.inference.synapses.intervals import Interval
from steepest.inference.synapses.measured import MeasuredVerdict
from steepest.report.answer import Answer
from steepest.report.page import Page, Section, ranking, verdict_page
from steepest.report.rows import measured_rows
from steepest.report.tables import (
    checks_table,
    plain_table,
    short_head,
    text,
    together,
    verdict_head,
)
from steepest.report.words import fixed, interval, share, short

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["measured_answer"]


def measured_answer(
    verdict: MeasuredVerdict,
    *,
    source: str,
    request: Mapping[str, Any] | None = None,
    rows: Sequence[Any] | None = None,
) -> Answer:
    """The verdict for terminal, JSON and page; `source` is the file's name.

    `request` is what was asked, by the names of the options, for the JSON; `rows` are the numbers
    of the file's rows, for verdict.csv.

    >>> from steepest.inference import Design, infer_measured, simulate_design
    >>> design = Design(synapses=60, sessions=3, groups=6)
    >>> verdict = infer_measured(simulate_design(design, 1.0, seed=1), draws=20)
    >>> measured_answer(verdict, source="sizes.csv").heading
    'sizes.csv: session 0, session 1, session 2'
    """
    return Answer(
        name="verdict",
        heading=f"{source}: {', '.join(verdict.measured.names)}",
        content=verdict.to_dict() | ({} if request is None else {"request": dict(request)}),
        table=lambda: _table(verdict),
        short=lambda: short_head(verdict, verdict.settle),
        page=lambda: _page(verdict, source),
        draw=verdict.plot,
        others={"verdict.csv": lambda: measured_rows(verdict.measured, rows)},
    )


def _page(verdict: MeasuredVerdict, source: str) -> Page:
    return verdict_page(
        verdict,
        source=source,
        asked=f"Asked of {source}. Measurement noise: {verdict.noise_statement}.",
        settle=verdict.settle,
        alt="Changes by size, their signal and noise, the fitted mirror map, and the index",
        sections=[
            Section(
                "The named geometries, the likeliest first",
                (
                    "Geometry",
                    "Index",
                    "Log-likelihood, below the best index",
                    "Share of the likelihood",
                ),
                _geometries(verdict),
                numbers=(1, 2, 3),
                **ranking(verdict),
            ),
            Section(
                "The groups",
                ("Group", "Synapses", "Index", "95 %"),
                _groups(verdict),
                numbers=(1, 2),
                note="Each index is shrunken towards that of all, by how far groups differ at all.",
            ),
            Section("The numbers", ("Quantity", "Value", "How"), _numbers(verdict)),
            Section("What was used", ("What", "How many, which"), _used(verdict)),
            Section(
                "What was dropped, and why",
                ("How many", "What", "Why"),
                [(item.count, item.what, item.why) for item in verdict.estimate.dropped],
                numbers=(0,),
            ),
        ],
    )


def _table(verdict: MeasuredVerdict) -> "Group":
    head = verdict_head(verdict, _numbers(verdict), verdict.settle)
    for name, value in _used(verdict):
        head.add_row(name, text(value))
    for item in verdict.dropped:
        head.add_row("dropped", text(f"{item.count} {item.what}: {item.why}"))
    ranking = plain_table(
        "Geometry", "Index", "Log-likelihood, below the best index", "Share", numbers=1
    )
    for row in _geometries(verdict):
        ranking.add_row(*row)
    return together(head, "", ranking, "", checks_table(verdict.checks))


def _geometries(verdict: MeasuredVerdict) -> list[tuple[str, ...]]:
    return [
        (
            fit.name,
            fixed(fit.index),
            short(0.0 - fit.log_likelihood),
            share(fit.weight),
        )
        for fit in verdict.geometries
    ]


def _numbers(verdict: MeasuredVerdict) -> list[tuple[str, str, str]]:
    estimate = verdict.estimate
    unit = verdict.measured.resampled
    rows = [
        ("index", _said(estimate.index), f"noise taken out; {estimate.clusters} {unit} resampled"),
        ("signal share", _said(estimate.share), "of the variance of change, the rest is noise"),
        (
            "signal",
            _said(estimate.signal),
            "sd of log size gained from session to session, typical size",
        ),
    ]
    for name, part in zip(("multiplicative", "shot", "additive"), estimate.noise, strict=True):
        rows.append(
            (f"{name} noise", _said(part), "sd of log size of one measurement, typical size")
        )
    rows += [
        ("small synapses", _said(estimate.small), "index in the smaller half"),
        ("large synapses", _said(estimate.large), "index in the larger half"),
    ]
    if len(estimate.by_lag) > 1:
        rows += [
            (f"lag {lag}", _said(at), "index of changes over so many sessions")
            for lag, at in sorted(estimate.by_lag.items())
        ]
    if math.isfinite(estimate.by_products.value):
        how = "index from changes that share no measurement, whatever the noise"
        rows.append(("by products", _said(estimate.by_products), how))
    rows.append(("noise", verdict.noise_statement, ""))
    return rows + _directed(verdict) + _kesten(verdict)


def _directed(verdict: MeasuredVerdict) -> list[tuple[str, str, str]]:
    """The mean change by size, which is no part of the geometry."""
    directed = verdict.directed
    if directed is None:
        return []
    names = verdict.measured.names
    rows = [
        ("mean change", _said(directed.mean), f"of log size, {names[0]} to {names[-1]}"),
        (
            "its slope",
            _said(directed.slope),
            f"on log size, {directed.corrected}; naive {fixed(directed.naive)}",
        ),
    ]
    if directed.index is not None:
        rows.append(("its index", _said(directed.index), "the mean change goes as size^index"))
    if directed.sham_mean is not None and directed.sham is not None and directed.net is not None:
        rows += [
            ("sham mean change", _said(directed.sham_mean), ""),
            ("sham slope", _said(directed.sham), ""),
            ("slope less sham", _said(directed.net), "what learning did"),
        ]
    return rows


def _kesten(verdict: MeasuredVerdict) -> list[tuple[str, str, str]]:
    """Sizes as a Kesten process: numbers that describe the series, and judge nothing."""
    process = verdict.kesten
    if process is None:
        return []
    how = "of a Kesten process, per session: a description, no verdict"
    return [
        ("pull", _said(process.pull), f"{how}; share of the way to the set point"),
        ("set point", _said(process.set_point), "in the unit of size"),
        ("fluctuation, relative", _said(process.multiplicative), "sd, as a share of size"),
        ("fluctuation, additive", _said(process.additive), "sd, in the unit of size"),
    ]


def _groups(verdict: MeasuredVerdict) -> list[tuple[Any, ...]]:
    groups = verdict.estimate.groups
    if groups is None:
        return []
    return [
        (name, int(count), fixed(index.value), interval((index.low, index.high)))
        for name, count, index in zip(groups.names, groups.synapses, groups.indices, strict=True)
    ]


def _used(verdict: MeasuredVerdict) -> list[tuple[str, str]]:
    measured, estimate = verdict.measured, verdict.estimate
    null = int(measured.null.sum())
    rows = [
        (
            "synapses",
            f"{verdict.n} with two sessions or more, of {len(measured.log_sizes)} rows"
            + (f"; {null} rows of the null condition" if null else ""),
        ),
        ("measurements", _measurements(verdict)),
        ("changes", f"{estimate.pairs_used} between sessions"),
        ("sessions", ", ".join(measured.names)),
    ]
    if measured.replicates.max() > 1:
        rows.append(("replicates", f"up to {measured.replicates.max()} a session"))
    if estimate.grouped:
        rows.append(("groups", f"{len(measured.group_names)}"))
    if measured.detection_limit is not None:
        rows.append(("detection limit", f"{measured.detection_limit:g}"))
    return rows


def _measurements(verdict: MeasuredVerdict) -> str:
    counts = verdict.counts
    parts = [
        f"{number} {what}"
        for number, what in (
            (counts.sizes, "sizes"),
            (counts.absent, "absent"),
            (counts.not_measured, "not measured"),
            (counts.outlying, "outlying"),
        )
        if number
    ]
    return (
        f"{counts.measurements} of {counts.rows} rows: {', '.join(parts)};"
        f" {counts.lost} lost and {counts.new} new from one session to the next"
    )


def _said(number: Interval) -> str:
    return f"{fixed(number.value)}, 95 % {interval((number.low, number.high))}"
