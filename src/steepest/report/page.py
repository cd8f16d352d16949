"""A study or a verdict as one self-contained HTML page, or as tables for the terminal.

The pages hold their picture and their style, load nothing from outside, and escape every text.
"""

import base64
import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from rich.table import Table
from rich.text import Text

from steepest._version import __version__
from steepest.inference.synapses.verdict import AnyVerdict, Check
from steepest.papers import Citation
from steepest.papers.pogodin2024 import CITATION as METHOD
from steepest.study import Claim, Result

__all__ = [
    "SOFTWARE",
    "Section",
    "answer_head",
    "answer_page",
    "capital",
    "checks_section",
    "checks_table",
    "claims_table",
    "fixed",
    "interval",
    "plain_table",
    "render",
    "sentence",
    "share",
    "short",
    "study_page",
    "summary",
    "words",
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


@dataclass(frozen=True)
class Section:
    """A table of a verdict's page under a title; `numbers` are the columns aligned right."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    numbers: tuple[int, ...] = ()
    note: str = ""


def answer_page(
    verdict: AnyVerdict,
    *,
    source: str,
    question: str,
    picture: bytes,
    alt: str,
    sections: Sequence[Section],
    command: str,
    settle: str = "",
    notes: Sequence[str] = (),
    caption: str = "",
) -> str:
    """A verdict of any kind as one HTML page.

    `source` is the file's name, `question` what was asked of it, `settle` the measurement that
    would decide what is open, `notes` sentences that follow, `picture` a PNG with its `alt` text
    and `caption`, `command` the command line that repeats it.
    """
    return _PAGES.get_template("verdict.html").render(
        source=source,
        question=question,
        sentence=sentence(verdict.outcome, verdict.verdict),
        tone=_tone(verdict.outcome),
        reason=verdict.reason,
        settle=settle,
        notes=notes,
        picture=picture,
        alt=alt,
        caption=caption,
        sections=[section for section in sections if section.rows],
        command=command,
        citations=[METHOD, SOFTWARE],
        version=__version__,
        seed=verdict.seed,
    )


def answer_head(
    verdict: AnyVerdict, numbers: Sequence[tuple[str, str, str]], settle: str = ""
) -> Table:
    """The first lines of a verdict in the terminal: outcome, sentence, why, numbers.

    `numbers` are a name, a value and how it was found; `settle` is the measurement that would
    decide what is open.
    """
    head = Table.grid(padding=(0, 2))
    style = {"good": "bold green", "bad": "bold red", "open": "bold yellow"}[_tone(verdict.outcome)]
    words = sentence(verdict.outcome, verdict.verdict)
    head.add_row(Text(verdict.outcome, style=style), Text(words, style="bold"))
    head.add_row("why", Text(capital(verdict.reason)))
    if settle:
        head.add_row("to settle", Text(settle))
    for name, value, how in numbers:
        head.add_row(name, Text(f"{value}  ({how})" if how else value))
    return head


def checks_section(checks: Mapping[str, Check]) -> Section:
    """What was checked, as a table of a page."""
    return Section(
        "What was checked",
        ("", "Check", "Statistic", "p", "What it means"),
        [
            (
                _html_mark(_CHECK_MARKS, check.passed),
                words(name),
                short(check.statistic),
                short(check.p_value),
                check.meaning,
            )
            for name, check in checks.items()
        ],
        numbers=(2, 3),
    )


def checks_table(checks: Mapping[str, Check]) -> Table:
    """What was checked, as a table of the terminal."""
    table = plain_table("", "Check", "What it means")
    for name, check in checks.items():
        table.add_row(_marked(_CHECK_MARKS, check.passed), words(name), Text(check.meaning))
    return table


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


def sentence(outcome: str, verdict: str) -> str:
    """The verdict as a sentence: a name is put into one, everything else is one already."""
    return f"The synapses changed in the {verdict} geometry." if outcome == "named" else verdict


def _tone(outcome: str) -> str:
    """Whether an outcome is "good", "bad" or "open" news, for colours."""
    return _TONES.get(outcome, "open")


def render(template: str, **values: Any) -> str:
    """One of the package's HTML templates, filled in; every text is escaped."""
    return _PAGES.get_template(template).render(**values)


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
    if isinstance(measured, float) and error and math.isfinite(error):
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


def interval(ends: tuple[float, float]) -> str:
    """Two ends of an interval."""
    return f"{fixed(ends[0])} to {fixed(ends[1])}"


def words(name: str) -> str:
    """An identifier as words."""
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
    loader=PackageLoader("steepest.report", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_PAGES.filters.update(
    data_uri=_data_uri,
    file_names=_file_names,
    measured=lambda claim: _measured(claim).replace(" ± ", "\u00a0±\u00a0"),
    mark=lambda state: _html_mark(_CLAIM_MARKS, state),
    parameters=_parameters,
    sentence=capital,
    short=short,
    show=_show,
    words=words,
)
