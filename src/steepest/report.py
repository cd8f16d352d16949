"""A study or a verdict as one self-contained HTML page, or as tables for the terminal.

The pages hold their picture and their style, load nothing from outside, and escape every text.
"""

import base64
import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from rich.console import Group
from rich.table import Table
from rich.text import Text

from steepest._version import __version__
from steepest.inference import Verdict
from steepest.papers import Citation
from steepest.papers.pogodin2024 import CITATION as METHOD
from steepest.study import Claim, Result

__all__ = [
    "SOFTWARE",
    "capital",
    "check_mark",
    "claims_table",
    "fixed",
    "plain_table",
    "render",
    "sentence",
    "share",
    "short",
    "study_page",
    "summary",
    "terminal_style",
    "tone",
    "verdict_page",
    "verdict_table",
]

SOFTWARE = Citation(
    authors=("The steepest developers",),
    year=2026,
    title=f"steepest {__version__}: which plasticity follows from a cost and a geometry",
    journal="Software",
    doi="",
    kind="software",
)

_CLAIM_MARKS = {
    True: ("holds", "holds"),
    False: ("fails", "fails"),
    None: ("not tested", "untested"),
}
_CHECK_MARKS = {
    True: ("passed", "holds"),
    False: ("failed", "fails"),
    None: ("caution", "untested"),
}
_STYLES = {"holds": "green", "fails": "bold red", "untested": "yellow"}
_TONES = {"named": "good", "refused": "bad", "unstable": "bad"}


def study_page(
    results: Sequence[Result],
    *,
    title: str,
    command: str,
    citations: Iterable[Citation] = (),
    headline: str | None = None,
    next_steps: Iterable[tuple[str, str]] = (),
) -> str:
    """Figures that were run, as one HTML page: text, picture, claims, parameters, how to cite.

    `command` is the command line that repeats them. `headline` says what was found in one
    sentence, by default how many claims hold; `next_steps` are pairs of a sentence and a command.
    """
    return _PAGES.get_template("study.html").render(
        title=title,
        results=results,
        holds=all(result.holds for result in results),
        sentence=headline or summary(claim for result in results for claim in result.claims),
        command=command,
        citations=[*citations, SOFTWARE],
        next_steps=list(next_steps),
        version=__version__,
        seed=results[0].seed,
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
) -> str:
    """A verdict as one HTML page; `source` is the file's name, `before` and `after` its columns.

    `picture` is the verdict's plot as PNG, `command` the command line that repeats it, `notes`
    sentences that follow the verdict.
    """
    distances = {distance.name: distance for distance in verdict.delta_cdf}
    best = verdict.geometries[0].log_likelihood if verdict.geometries else 0.0
    geometries = [
        {
            "name": fit.name,
            "index": fixed(fit.index),
            "below": short(best - fit.log_likelihood),
            "weight": share(fit.weight),
            "delta_cdf": short(distances[fit.name].uncentred) if fit.name in distances else "",
            "centred": short(distances[fit.name].centred) if fit.name in distances else "",
        }
        for fit in verdict.geometries
    ]
    return _PAGES.get_template("verdict.html").render(
        verdict=verdict,
        source=source,
        question=(
            f"Asked of {source}, column {before} (before) and column {after} (after)."
            f" Measurement noise: {verdict.noise.statement.replace(': ', ', ')}."
        ),
        sentence=sentence(verdict.outcome, verdict.verdict),
        tone=tone(verdict.outcome),
        picture=picture,
        numbers=_numbers(verdict),
        geometries=geometries,
        floor=_floor(verdict),
        dropped=_dropped(verdict),
        notes=notes,
        command=command,
        citations=[METHOD, SOFTWARE],
        version=__version__,
        seed=verdict.seed,
    )


def claims_table(claims: Iterable[Claim]) -> Table:
    """Claims as a terminal table: whether each holds, its statement, expected, measured."""
    table = plain_table("", "Claim", "Expected", "Measured")
    for claim in claims:
        table.add_row(
            _marked(_CLAIM_MARKS, claim.holds),
            Text(claim.statement),
            Text(_show(claim.expected)),
            Text(_measured(claim)),
        )
    return table


def summary(claims: Iterable[Claim]) -> str:
    """How many claims hold, in one sentence, and how many this scale cannot test."""
    held = [claim.holds for claim in claims]
    tested = [holds for holds in held if holds is not None]
    good, untested = sum(tested), len(held) - len(tested)
    if not tested:
        return "No claim can be tested at this scale."
    if good < len(tested):
        sentence = f"{good} of {len(tested)} claims hold."
    else:
        sentence = "The claim holds." if good == 1 else f"All {good} claims hold."
    return sentence + (f" {untested} cannot be tested at this scale." if untested else "")


def verdict_table(verdict: Verdict) -> Group:
    """A verdict as terminal tables: the sentence, the numbers, the geometries, the checks."""
    head = Table.grid(padding=(0, 2))
    style = terminal_style(verdict.outcome)
    head.add_row(
        Text(verdict.outcome, style=style),
        Text(sentence(verdict.outcome, verdict.verdict), style="bold"),
    )
    head.add_row("why", Text(capital(verdict.reason)))
    for name, value, how in _numbers(verdict):
        head.add_row(name, Text(f"{value}  ({how})" if how else value))
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

    ranking = plain_table(
        "Geometry",
        "Index",
        "Log-likelihood, below the best",
        "Share",
        "Delta CDF",
        "centred",
        numbers=1,
    )
    distances = {distance.name: distance for distance in verdict.delta_cdf}
    best = verdict.geometries[0].log_likelihood if verdict.geometries else 0.0
    for fit in verdict.geometries:
        ranking.add_row(
            fit.name,
            fixed(fit.index),
            short(best - fit.log_likelihood),
            share(fit.weight),
            short(distances[fit.name].uncentred if fit.name in distances else None),
            short(distances[fit.name].centred if fit.name in distances else None),
        )
    parts: list[Any] = [head, "", ranking, Text(_floor(verdict), style="dim")]
    if verdict.checks:
        checks = plain_table("", "Check", "What it means")
        for name, check in verdict.checks.items():
            checks.add_row(_marked(_CHECK_MARKS, check.passed), _words(name), Text(check.meaning))
        parts += ["", checks]
    return Group(*parts)


def sentence(outcome: str, verdict: str) -> str:
    """The verdict as a sentence: a name is put into one, everything else is one already."""
    return f"The synapses changed in the {verdict} geometry." if outcome == "named" else verdict


def tone(outcome: str) -> str:
    """Whether an outcome is "good", "bad" or "open" news, for colours."""
    return _TONES.get(outcome, "open")


def terminal_style(outcome: str) -> str:
    """The outcome's colour in a terminal."""
    return {"good": "bold green", "bad": "bold red", "open": "bold yellow"}[tone(outcome)]


def check_mark(passed: bool | None) -> Text:
    """A check's result as a coloured word."""
    return _marked(_CHECK_MARKS, passed)


def render(template: str, **values: Any) -> str:
    """One of the package's HTML templates, filled in."""
    return _PAGES.get_template(template).render(**values)


def _numbers(verdict: Verdict) -> list[tuple[str, str, str]]:
    fit = verdict.likelihood
    rows = [
        (
            "index",
            f"{fixed(verdict.index)}, 95 % {_interval(verdict.interval)}",
            f"{verdict.estimator}, {verdict.interval_method}",
        ),
        ("by likelihood", f"{fixed(fit.index)}, 95 % {_interval(fit.interval)}", fit.model),
        ("noise", verdict.noise.statement, ""),
    ]
    if verdict.detection_limit is not None:
        rows.append(("detection limit", f"{verdict.detection_limit:g}", "stated"))
    return rows


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


def plain_table(*columns: str, numbers: int | None = None) -> Table:
    """A terminal table without lines; columns from `numbers` on are aligned right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for place, name in enumerate(columns):
        right = numbers is not None and place >= numbers
        table.add_column(name, justify="right" if right else "left", no_wrap=right)
    return table


def _marked(marks: dict[bool | None, tuple[str, str]], state: bool | None) -> Text:
    word, kind = marks[state]
    return Text(word, style=_STYLES[kind])


def _html_mark(marks: dict[bool | None, tuple[str, str]], state: bool | None) -> Markup:
    word, kind = marks[state]
    return Markup('<span class="{}">{}</span>').format(kind, word)


def _show(value: Any) -> str:
    """A claim's number, in full; a parameter of any kind."""
    if isinstance(value, tuple | list):
        return "(" + ", ".join(_show(item) for item in value) + ")"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.2g}" if abs(value) < 1e-6 else f"{value:.8g}"


def _measured(claim: Claim) -> str:
    """What was measured: as precise as its standard error, or as what was expected of it."""
    measured, error = claim.measured, claim.standard_error
    if isinstance(measured, float) and error:
        places = max(0, 1 - math.floor(math.log10(error)))
        return f"{measured:.{places}f} ± {error:.{places}f}"
    if isinstance(measured, float) and isinstance(claim.expected, str):
        return f"{measured:.3g}"
    return _show(measured)


def short(value: float | None) -> str:
    """A statistic, as precisely as a person reads it."""
    if value is not None and 0 < abs(value) < 0.01:
        return f"{value:.2g}"
    return "-" if value is None else fixed(value)


def fixed(value: float) -> str:
    """An index: two decimals, or words where it does not exist or has no end."""
    if math.isnan(value):
        return "-"
    return "unbounded" if math.isinf(value) else f"{value:.2f}"


def share(weight: float) -> str:
    """A share of the likelihood."""
    return "< 0.001" if weight < 0.001 else f"{weight:.3f}"


def _interval(interval: tuple[float, float]) -> str:
    return f"{fixed(interval[0])} to {fixed(interval[1])}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def capital(text: str) -> str:
    """Text as a sentence: a capital first, a full stop last."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."


def _parameters(result: Result) -> list[dict[str, Any]]:
    return [
        {"name": item.name, "value": getattr(result.parameters, item.name), **item.metadata}
        for item in dataclasses.fields(result.parameters)
    ]


def _file_names(result: Result) -> str:
    return ", ".join(path.name for path in result.files.values())


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


_PAGES = Environment(
    loader=PackageLoader("steepest", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_PAGES.filters.update(
    check_mark=lambda state: _html_mark(_CHECK_MARKS, state),
    data_uri=_data_uri,
    file_names=_file_names,
    measured=lambda claim: _measured(claim).replace(" ± ", "\u00a0±\u00a0"),
    mark=lambda state: _html_mark(_CLAIM_MARKS, state),
    parameters=_parameters,
    sentence=capital,
    short=short,
    show=_show,
    words=_words,
)
