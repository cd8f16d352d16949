"""An answer as one self-contained HTML page.

The pages hold their picture and their style, load nothing from outside, and escape every text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from steepest._version import __version__
from steepest.inference.synapses.verdict import sentence_of
from steepest.markup import visible
from steepest.papers import Citation
from steepest.papers.pogodin2024 import CITATION as POGODIN
from steepest.report.words import CHECK_MARKS, Mark, Tone, capital, short, spaced, tone

if TYPE_CHECKING:
    from jinja2 import Environment

    from steepest.inference.synapses.verdict import AnyVerdict, Check

__all__ = ["SOFTWARE", "Page", "Section", "checks_section", "render", "render_page", "verdict_page"]

SOFTWARE = Citation(
    authors=("The steepest developers",),
    year=2026,
    title=f"steepest {__version__}: which plasticity follows from a cost and a geometry",
    journal="Software",
    doi="",
    kind="software",
)


@dataclass(frozen=True)
class Section:
    """A table of a page under a title; `numbers` are the columns aligned right.

    Cells are texts, numbers or `Mark`s; `note` stands below. Without rows there is no section.

    >>> Section("The numbers", ("Quantity", "Value"), [("index", "0.98")], numbers=(1,)).rows
    [('index', '0.98')]
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    numbers: tuple[int, ...] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Page:
    """All that a page says, as texts: every answer is put on a page by the same template.

    - `title`: of the window; `question`: the page's heading; `asked`: what was asked of which file.
    - `statement`: the answer in one sentence, coloured by its `tone`; `reason`: what is behind it.
    - `notes`: paragraphs that follow, each with words in bold before it ("" for none).
    - `alt`, `caption`: what the picture shows, for who cannot see it and for who does.
    - `sections`: the tables; `citations`: what to cite; `seed`: of everything random, if any was.

    >>> page = Page(
    ...     title="Toy", question="Does it hold?", asked="Asked of a.csv.", statement="It does.",
    ...     tone="good", alt="A line", sections=[], citations=[],
    ... )
    >>> "<h1>Does it hold?</h1>" in render_page(page, picture=b"", command="steepest toy")
    True
    """

    title: str
    question: str
    asked: str
    statement: str
    tone: Tone
    reason: str = ""
    notes: Sequence[tuple[str, str]] = ()
    alt: str
    caption: str = ""
    sections: Sequence[Section]
    citations: Sequence[Citation]
    seed: int | None = None


def render_page(page: Page, *, picture: bytes, command: str) -> str:
    """The page as HTML, with a picture (PNG) and the command line that repeats it."""
    return render(
        "answer.html",
        page=page,
        sections=[section for section in page.sections if section.rows],
        picture=picture,
        command=command,
        citations=[*page.citations, SOFTWARE],
        version=__version__,
        seed=page.seed,
    )


def verdict_page(
    verdict: "AnyVerdict",
    *,
    source: str,
    asked: str,
    alt: str,
    sections: Sequence[Section],
    settle: str = "",
    notes: Sequence[str] = (),
    caption: str = "",
) -> Page:
    """The page of a verdict on sizes, whatever it was asked of; `source` is the file's name.

    `settle` is the measurement that would decide what is open; the rest goes to the page as it is.
    """
    leading = [("What would settle it:", settle)] if settle else []
    return Page(
        title=f"Geometry of {source}",
        question="In which geometry did these synapses change?",
        asked=asked,
        statement=sentence_of(verdict),
        tone=tone(verdict.outcome),
        reason=capital(verdict.reason),
        notes=[*leading, *(("", note) for note in notes)],
        alt=alt,
        caption=caption,
        sections=sections,
        citations=[POGODIN],
        seed=verdict.seed,
    )


def checks_section(checks: "Mapping[str, Check]") -> Section:
    """What was checked, as a table of a page."""
    return Section(
        "What was checked",
        ("", "Check", "Statistic", "p", "What it means"),
        [
            (
                CHECK_MARKS[check.passed],
                spaced(name),
                short(check.statistic),
                short(check.p_value),
                check.meaning,
            )
            for name, check in checks.items()
        ],
        numbers=(2, 3),
    )


def render(template: str, **values: Any) -> str:
    """One of the package's HTML templates, filled in; every text is made visible and escaped."""
    return _templates().get_template(template).render(**values)


@cache
def _templates() -> "Environment":
    # Only a page needs jinja2: a verdict in the terminal does not wait for it.
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def data_uri(png: bytes) -> str:
        import base64

        return "data:image/png;base64," + base64.b64encode(png).decode("ascii")

    def finalize(value: Any) -> Any:
        if isinstance(value, Markup):
            return value
        return visible(str(value), lines=True)

    def cell(value: Any) -> Any:
        if isinstance(value, Mark):
            return Markup('<span class="{}">{}</span>').format(value.kind, visible(value.word))
        return value

    templates = Environment(
        loader=PackageLoader("steepest.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(data_uri=data_uri, cell=cell)
    return templates
