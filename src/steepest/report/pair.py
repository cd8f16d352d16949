"""A verdict on one pair of columns as an answer."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from steepest.files import plain
from steepest.inference.synapses.assumed_noise import Sensitivity
from steepest.inference.synapses.covariate import RateFit
from steepest.inference.synapses.verdict import Verdict
from steepest.report.answer import Answer
from steepest.report.page import Page, Section, ranking, verdict_page
from steepest.report.tables import (
    checks_table,
    plain_table,
    short_head,
    text,
    together,
    verdict_head,
)
from steepest.report.words import INDEX, fixed, interval, share, short

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["pair_answer"]


def pair_answer(
    verdict: Verdict,
    *,
    source: str,
    before: str,
    after: str,
    rate: RateFit | None = None,
    assumed: Sensitivity | None = None,
    request: Mapping[str, Any] | None = None,
    rows: Callable[[], str] | None = None,
) -> Answer:
    """The verdict for terminal, JSON and page.

    - `source`: the file's name; `before`, `after`: its columns.
    - `rate`: the fit with presynaptic rates, where they are known.
    - `assumed`: the index under assumed noise, where none was stated.
    - `request`: what was asked, by the names of the options, for the JSON.
    - `rows`: what became of every row, as `pair_rows` writes it, for verdict.csv.

    >>> from steepest.inference import infer_geometry, simulate_change
    >>> before, after = simulate_change(100, 1.0, seed=1)
    >>> verdict = infer_geometry(before, after, noise_cv=0)
    >>> answer = pair_answer(verdict, source="sizes.csv", before="day 0", after="day 4")
    >>> answer.page().statement
    'Undecided between 1.5-norm and multiplicative.'
    """
    content = verdict.to_dict()
    for name, part in (("request", request), ("rate", rate), ("sensitivity", assumed)):
        if part is not None:
            content[name] = dict(part) if isinstance(part, Mapping) else plain(asdict(part))
    return Answer(
        name="verdict",
        heading=f"{source}: column {before} (before), column {after} (after)",
        content=content,
        table=lambda: _table(verdict, rate, assumed),
        short=lambda: short_head(verdict, _settle(verdict)),
        page=lambda: _page(verdict, source, (before, after), rate, assumed),
        draw=verdict.plot,
        others={} if rows is None else {"verdict.csv": rows},
    )


def _page(
    verdict: Verdict,
    source: str,
    columns: tuple[str, str],
    rate: RateFit | None,
    assumed: Sensitivity | None,
) -> Page:
    sections = [
        Section(
            "The named geometries, the likeliest first",
            (
                "Geometry",
                "Index",
                "Log-likelihood, below the best",
                "Share of the likelihood",
                "Delta CDF",
                "Delta CDF, centred",
            ),
            _geometries(verdict),
            numbers=(1, 2, 3, 4, 5),
            note=_floor(verdict),
            **ranking(verdict),
        ),
        Section("The numbers", ("Quantity", "Value", "How"), _numbers(verdict, rate), note=INDEX),
        Section(
            "If there is measurement noise",
            ("Coefficient of variation", "Index", "or additive sd", "Index"),
            _assumed(assumed),
            numbers=(0, 1, 2, 3),
            note="The index with so much noise taken out; - where noise alone explains the change.",
        ),
        Section(
            "What was used, what was dropped, and why",
            ("Synapses", "", "Why"),
            _dropped(verdict),
            numbers=(0,),
        ),
    ]
    return verdict_page(
        verdict,
        source=source,
        asked=(
            f"Asked of {source}, column {columns[0]} (before) and column {columns[1]} (after)."
            f" Measurement noise: {verdict.noise.statement.replace(': ', ', ')}."
        ),
        settle=_settle(verdict),
        notes=[] if assumed is None else [_flip(assumed)],
        alt="Sizes before and after, and the likelihood of each geometry",
        sections=sections,
    )


def _table(verdict: Verdict, rate: RateFit | None, assumed: Sensitivity | None) -> "Group":
    head = verdict_head(verdict, _numbers(verdict, rate))
    counts = verdict.counts
    synapses = (
        f"{counts.usable} usable, {counts.vanished} vanished, {counts.new} new,"
        f" {counts.absent} absent in both{counts.left_unmeasured}; {counts.rows} rows"
    )
    if verdict.detection_limit is not None:
        synapses += (
            f"; {counts.below_limit} began below the limit, {counts.censored} ended below it"
        )
    head.add_row("synapses", text(synapses))
    ranking = plain_table(
        "Geometry",
        "Index",
        "Log-likelihood, below the best",
        "Share",
        "Delta CDF",
        "centred",
        numbers=1,
    )
    for row in _geometries(verdict):
        ranking.add_row(*row)
    parts: list[Any] = [head, "", ranking, text(_floor(verdict), style="dim")]
    if verdict.checks:
        parts += ["", checks_table(verdict.checks)]
    if assumed is not None:
        parts += ["", text(_flip(assumed))]
    return together(*parts)


def _settle(verdict: Verdict) -> str:
    """The measurement that would decide what is open."""
    if verdict.outcome == "named":
        return "A second preparation, to see whether it holds there."
    if verdict.outcome in ("refused", "unstable"):
        return "Look at the checks that failed: they say what these sizes would have to be."
    if verdict.noise.kind != "none":
        return (
            "Measure the noise, with three or more sessions, replicates or a null condition; or"
            " state that sizes are exact (--noise-cv 0), if they are."
        )
    return "More synapses, or larger changes: `steepest plan` says how many."


def _numbers(verdict: Verdict, rate: RateFit | None) -> list[tuple[str, str, str]]:
    fit = verdict.likelihood
    rows = [
        (
            "index",
            f"{fixed(verdict.index)}, 95 % {interval(verdict.interval)}",
            f"{verdict.estimator}, {verdict.interval_method}",
        ),
        (
            "by likelihood",
            f"{fixed(fit.index)}, 95 % {interval(fit.interval)}",
            fit.model,
        ),
        ("noise", verdict.noise.statement, ""),
    ]
    if verdict.detection_limit is not None:
        rows.append(("detection limit", f"{verdict.detection_limit:g}", "stated"))
    if verdict.crossed is not None:
        rows.append(("crossed zero", str(verdict.crossed), "weights kept through the signed dual"))
    if rate is not None:
        ends = (rate.index_low, rate.index_high), (rate.exponent_low, rate.exponent_high)
        rows += [
            (
                "index at equal rate",
                f"{fixed(rate.index)}, 95 % {interval(ends[0])}",
                f"presynaptic rate as covariate, {rate.n} synapses",
            ),
            (
                "rate exponent",
                f"{fixed(rate.exponent)}, 95 % {interval(ends[1])}",
                rate.meaning,
            ),
        ]
    return rows


def _geometries(verdict: Verdict) -> list[tuple[str, ...]]:
    distances = {distance.name: distance for distance in verdict.delta_cdf}
    best = verdict.geometries[0].log_likelihood if verdict.geometries else 0.0
    return [
        (
            fit.name,
            fixed(fit.index),
            short(best - fit.log_likelihood),
            share(fit.weight),
            short(distances[fit.name].uncentred if fit.name in distances else None),
            short(distances[fit.name].centred if fit.name in distances else None),
        )
        for fit in verdict.geometries
    ]


def _assumed(curve: Sensitivity | None) -> list[tuple[str, ...]]:
    if curve is None:
        return []
    columns = zip(curve.cv, curve.index_of_cv, curve.sd, curve.index_of_sd, strict=True)
    return [(f"{cv:.3g}", fixed(a), f"{sd:.3g}", fixed(b)) for cv, a, sd, b in columns]


def _floor(verdict: Verdict) -> str:
    floor = verdict.delta_cdf_floor
    return (
        "Delta CDF is the distance of the dual change from a Gaussian of mean zero, as in the"
        " paper; centred, from one of the change's own mean. With"
        f" {verdict.counts.usable} synapses even a perfect Gaussian shows"
        f" {floor.uncentred_mean:.3f} (centred {floor.centred_mean:.3f}) on average and up to"
        f" {floor.uncentred_q95:.3f} (centred {floor.centred_q95:.3f}) in 95 % of cases."
    )


def _dropped(verdict: Verdict) -> list[tuple[int, str, str]]:
    counts = verdict.counts
    rows = [
        (counts.usable, "used", _why_used(verdict)),
        (
            counts.vanished,
            "vanished",
            "size 0 after: a loss is no change of size; counted, not used",
        ),
        (counts.new, "new", "size 0 before: a gain is no change of size; counted, not used"),
        (counts.absent, "absent in both", "size 0 before and after: nothing was measured"),
    ]
    if verdict.detection_limit is not None:
        limit = f"the detection limit, {verdict.detection_limit:g}"
        rows += [
            (counts.below_limit, "began below the limit", f"size before was below {limit}"),
            (counts.censored, "ended below the limit", f"size after was below {limit}, or 0"),
        ]
    if counts.not_measured:
        rows.append((counts.not_measured, "not measured", "no number before, or none after"))
    return [*rows, (counts.rows, "rows in all", "")]


def _why_used(verdict: Verdict) -> str:
    if verdict.crossed is None:
        return "a positive size before and after"
    return f"a weight before and after; {verdict.crossed} crossed zero and were kept"


def _flip(curve: Sensitivity) -> str:
    return (
        f"If there is measurement noise: a coefficient of variation of {curve.flip_cv} or an"
        f" additive sd of {curve.flip_sd} makes another geometry the nearest."
    )
