"""A verdict on one pair of columns, paired or not, as one HTML page, or as tables."""

from collections.abc import Sequence
from typing import Any

from rich.console import Group
from rich.text import Text

from steepest.inference import UnpairedVerdict, Verdict
from steepest.inference.synapses.assumed_noise import Sensitivity
from steepest.inference.synapses.covariate import RateFit
from steepest.report import page

__all__ = ["unpaired_page", "unpaired_table", "verdict_page", "verdict_table"]

_INDEX = (
    "The geometry index a says how the typical change of a synapse grows with its size, as size to"
    " the power a. With a = 0 large and small synapses change by the same amount (Euclidean,"
    " ordinary gradient descent); with a = 1 by the same fraction (multiplicative)."
)


def verdict_page(
    verdict: Verdict,
    *,
    source: str,
    before: str,
    after: str,
    picture: bytes,
    command: str,
    notes: Sequence[str] = (),
    rate: RateFit | None = None,
    assumed: Sensitivity | None = None,
) -> str:
    """A verdict as one HTML page; `source` is the file's name, `before` and `after` its columns.

    `picture` is the verdict's plot as PNG, `command` the command line that repeats it, `notes`
    sentences that follow the verdict, `rate` the fit with presynaptic rates where they are known,
    `assumed` the index under assumed noise where none was stated.
    """
    sections = [
        page.Section(
            "The numbers", ("Quantity", "Value", "How"), _numbers(verdict, rate), note=_INDEX
        ),
        page.Section(
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
        ),
        page.checks_section(verdict.checks),
        page.Section(
            "If there is measurement noise",
            ("Coefficient of variation", "Index", "or additive sd", "Index"),
            _assumed(assumed),
            numbers=(0, 1, 2, 3),
            note="The index with so much noise taken out; - where noise alone explains the change.",
        ),
        page.Section(
            "What was used, what was dropped, and why",
            ("Synapses", "", "Why"),
            _dropped(verdict),
            numbers=(0,),
        ),
    ]
    return page.answer_page(
        verdict,
        source=source,
        question=(
            f"Asked of {source}, column {before} (before) and column {after} (after)."
            f" Measurement noise: {verdict.noise.statement.replace(': ', ', ')}."
        ),
        notes=notes,
        picture=picture,
        alt="Sizes before and after, and the likelihood of each geometry",
        sections=sections,
        command=command,
    )


def verdict_table(verdict: Verdict, rate: RateFit | None = None) -> Group:
    """A verdict as terminal tables: the sentence, the numbers, the geometries, the checks."""
    head = page.answer_head(verdict, _numbers(verdict, rate))
    counts = verdict.counts
    synapses = (
        f"{counts.usable} usable, {counts.vanished} vanished, {counts.new} new,"
        f" {counts.absent} absent in both; {counts.rows} rows"
    )
    if verdict.detection_limit is not None:
        synapses += (
            f"; {counts.below_limit} began below the limit, {counts.censored} ended below it"
        )
    head.add_row("synapses", Text(synapses))
    ranking = page.plain_table(
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
    parts: list[Any] = [head, "", ranking, Text(_floor(verdict), style="dim")]
    if verdict.checks:
        parts += ["", page.checks_table(verdict.checks)]
    return Group(*parts)


def unpaired_page(
    verdict: UnpairedVerdict,
    *,
    source: str,
    before: str,
    after: str,
    picture: bytes,
    command: str,
) -> str:
    """A verdict on two distributions as one HTML page, with the words of `verdict_page`."""
    return page.answer_page(
        verdict,
        source=source,
        question=(
            f"Asked of {source}, column {before} (before) and column {after} (after), as two"
            " distributions of different synapses."
        ),
        settle=verdict.settle,
        picture=picture,
        alt="Both distributions of sizes, and the misfit of every index",
        caption="A: the distributions before and after. B: how far a Gaussian change of the dual is"
        " from turning the first into the second, for every index.",
        sections=[
            page.Section(
                "The numbers", ("Quantity", "Value", "How"), _unpaired(verdict), note=_INDEX
            ),
            page.checks_section(verdict.checks),
        ],
        command=command,
    )


def unpaired_table(verdict: UnpairedVerdict) -> Group:
    """A verdict on two distributions as terminal tables."""
    head = page.answer_head(verdict, _unpaired(verdict), verdict.settle)
    return Group(head, "", page.checks_table(verdict.checks))


def _unpaired(verdict: UnpairedVerdict) -> list[tuple[str, str, str]]:
    return [
        (
            "index",
            f"{page.fixed(verdict.index)}, 95 % {page.interval(verdict.interval)}",
            "smallest distance between distributions; both samples bootstrapped",
        ),
        ("change", page.fixed(verdict.relative_change), "of the spread of sizes before"),
        ("sizes before", str(verdict.n_before), _left_out(verdict.absent_before)),
        ("sizes after", str(verdict.n_after), _left_out(verdict.absent_after)),
    ]


def _left_out(absent: int) -> str:
    return f"{absent} absent (0 or empty) left out" if absent else "all positive"


def _numbers(verdict: Verdict, rate: RateFit | None) -> list[tuple[str, str, str]]:
    fit = verdict.likelihood
    rows = [
        (
            "index",
            f"{page.fixed(verdict.index)}, 95 % {page.interval(verdict.interval)}",
            f"{verdict.estimator}, {verdict.interval_method}",
        ),
        (
            "by likelihood",
            f"{page.fixed(fit.index)}, 95 % {page.interval(fit.interval)}",
            fit.model,
        ),
        ("noise", verdict.noise.statement, ""),
    ]
    if verdict.detection_limit is not None:
        rows.append(("detection limit", f"{verdict.detection_limit:g}", "stated"))
    if rate is not None:
        ends = (rate.index_low, rate.index_high), (rate.exponent_low, rate.exponent_high)
        rows += [
            (
                "index at equal rate",
                f"{page.fixed(rate.index)}, 95 % {page.interval(ends[0])}",
                f"presynaptic rate as covariate, {rate.n} synapses",
            ),
            (
                "rate exponent",
                f"{page.fixed(rate.exponent)}, 95 % {page.interval(ends[1])}",
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
            page.fixed(fit.index),
            page.short(best - fit.log_likelihood),
            page.share(fit.weight),
            page.short(distances[fit.name].uncentred if fit.name in distances else None),
            page.short(distances[fit.name].centred if fit.name in distances else None),
        )
        for fit in verdict.geometries
    ]


def _assumed(curve: Sensitivity | None) -> list[tuple[str, ...]]:
    if curve is None:
        return []
    columns = zip(curve.cv, curve.index_of_cv, curve.sd, curve.index_of_sd, strict=True)
    return [(f"{cv:.3g}", page.fixed(a), f"{sd:.3g}", page.fixed(b)) for cv, a, sd, b in columns]


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
        (counts.usable, "used", "a positive size before and after"),
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
    return [*rows, (counts.rows, "rows in all", "")]
