"""An answer as one self-contained HTML page.

The pages hold their pictures, files, style and script, load nothing from outside (the browser is
told to refuse it), and escape every text.
"""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from steepest._version import __version__
from steepest.inference.synapses.verdict import sentence_of
from steepest.markup import visible
from steepest.papers import Citation
from steepest.papers.pogodin2024 import CITATION as POGODIN
from steepest.report.terms import TERMS, explained, terms_in
from steepest.report.words import (
    CHECK_MARKS,
    NO_ANSWER,
    Mark,
    Tone,
    capital,
    meaning,
    short,
    spaced,
    tone,
)

if TYPE_CHECKING:
    from jinja2 import Environment

    from steepest.inference.synapses.verdict import AnyVerdict, Check

__all__ = [
    "SOFTWARE",
    "Light",
    "Page",
    "Section",
    "fill",
    "lights",
    "ranking",
    "render",
    "render_page",
    "templates",
    "verdict_page",
]

_TYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "pdf": "application/pdf",
    "svg": "image/svg+xml",
}
_EMBEDDED = 40_000
"""Bytes of a table up to which it is in the page; a larger one is only beside it."""

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

    Cells are texts, numbers or `Mark`s; `note` stands below. Without rows there is no section. A
    `folded` section opens on demand; `greyed` says why it is no answer, and shows it as none.

    >>> Section("The numbers", ("Quantity", "Value"), [("index", "0.98")], numbers=(1,)).rows
    [('index', '0.98')]
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    numbers: tuple[int, ...] = ()
    note: str = ""
    folded: bool = True
    greyed: str = ""


@dataclass(frozen=True)
class Light:
    """A check of a page: its name, whether it holds, what that means, and its statistic.

    >>> Light("lazy", CHECK_MARKS[True], "changes are small against the sizes").numbers
    ''
    """

    name: str
    mark: Mark
    meaning: str
    numbers: str = ""


@dataclass(frozen=True, kw_only=True)
class Page:
    """All that a page says, as texts: every answer is put on a page by the same template.

    - `title`: of the window; `question`: the page's heading; `asked`: what was asked of which file.
    - `statement`: the answer in one sentence, coloured by its `tone`; `reason`: what is behind it.
    - `meaning`: that in plain sentences, without a number.
    - `notes`: paragraphs that follow, each with words in bold before it ("" for none).
    - `paper`: texts to copy into a paper, each with its title.
    - `alt`, `caption`: what the picture shows, for who cannot see it and for who does.
    - `lights`: what was checked.
    - `sections`: the tables; `citations`: what to cite; `seed`: of everything random, if any was.

    >>> page = Page(
    ...     title="Toy", question="Does it hold?", asked="Asked of a.csv.", statement="It does.",
    ...     tone="good", alt="A line", sections=[], citations=[],
    ... )
    >>> "<h1>Does it hold?</h1>" in render_page(page, panels=[], files={}, command="steepest toy")
    True
    """

    title: str
    question: str
    asked: str
    statement: str
    tone: Tone
    reason: str = ""
    meaning: Sequence[str] = ()
    notes: Sequence[tuple[str, str]] = ()
    paper: Sequence[tuple[str, str]] = ()
    alt: str
    caption: str = ""
    lights: Sequence[Light] = ()
    sections: Sequence[Section]
    citations: Sequence[Citation]
    seed: int | None = None


def render_page(
    page: Page, *, panels: Sequence[str], files: Mapping[str, bytes], command: str
) -> str:
    """The page as HTML, with the panels of its picture (SVG) and the command line that repeats it.

    `files` are offered for download by their names: from the page itself, or from beside it where
    they are large.
    """
    return render(
        "answer.html",
        page=page,
        sections=[section for section in page.sections if section.rows],
        panels=_Panel.all_of(panels),
        downloads=[_Download(name, content) for name, content in files.items()],
        glossary=[(term, TERMS[term]) for term in terms_in(_texts(page))],
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
) -> Page:
    """The page of a verdict on sizes, whatever it was asked of; `source` is the file's name.

    `settle` is the measurement that would decide what is open; the rest goes to the page as it is.
    A ranking of geometries, which holds the named ones, is no answer where none is named.
    """
    leading = [("What would settle it:", settle)] if settle else []
    return Page(
        title=f"Geometry of {source}",
        question="In which geometry did these synapses change?",
        asked=asked,
        statement=sentence_of(verdict),
        tone=tone(verdict.outcome),
        reason=capital(verdict.reason),
        meaning=meaning(verdict.outcome, verdict.verdict),
        notes=[*leading, *(("", note) for note in notes)],
        paper=[
            ("Results", verdict.sentence()),
            ("Methods", verdict.methods()),
        ],
        alt=alt,
        caption=verdict.legend(),
        lights=lights(verdict.checks),
        sections=sections,
        citations=[POGODIN],
        seed=verdict.seed,
    )


def ranking(verdict: "AnyVerdict") -> dict[str, Any]:
    """How a page shows a ranking of geometries: as an answer only where one of them is named."""
    if verdict.outcome == "named":
        return {"folded": False}
    return {"folded": False, "greyed": f"{NO_ANSWER}. {capital(verdict.reason)}"}


def lights(checks: "Mapping[str, Check]") -> list[Light]:
    """What was checked, as lights of a page.

    >>> from steepest.inference.synapses import Check
    >>> lights({"sign_flips": Check(0.02, 0.4, True, "few changed direction")})[0].numbers
    'Statistic 0.02, p = 0.40.'
    """
    return [
        Light(
            spaced(name),
            CHECK_MARKS[check.passed],
            check.meaning,
            f"Statistic {short(check.statistic)}"
            + ("." if check.p_value is None else f", p = {short(check.p_value)}."),
        )
        for name, check in checks.items()
    ]


def render(template: str, **values: Any) -> str:
    """One of the package's HTML templates, filled in; every text is made visible and escaped."""
    return fill(templates(), template, ("copy.js",), **values)


def fill(environment: "Environment", template: str, scripts: Sequence[str], **values: Any) -> str:
    """A template with the only scripts that a browser may run on its page, and their hash."""
    loader = environment.loader
    sources = [loader.get_source(environment, name)[0] for name in scripts]  # pyright: ignore[reportOptionalMemberAccess]
    script = "\n".join(sources)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    own = {"script": environment.filters["trusted"](script), "script_hash": f"sha256-{digest}"}
    return environment.get_template(template).render(**values, **own)


@dataclass(frozen=True)
class _Panel:
    """A panel of a picture, which grows with its width over its height, and up to `most` points.

    Panels grow by 1 on the average: those that grow by less than 1 together leave room empty.
    """

    grow: str
    most: str
    markup: str

    @classmethod
    def all_of(cls, sources: Sequence[str]) -> list["_Panel"]:
        sizes = [
            tuple(map(float, re.findall(r'\b(?:width|height)="([\d.]+)pt"', source.split(">")[0])))
            for source in sources
        ]
        shapes = [width / height for width, height in sizes]
        return [
            cls(f"{shape * len(shapes) / sum(shapes):.4f}", f"{1.5 * width:.0f}pt", source)
            for shape, (width, _), source in zip(shapes, sizes, sources, strict=True)
        ]


class _Download:
    """A file that a page offers."""

    def __init__(self, name: str, content: bytes) -> None:
        suffix = name.rpartition(".")[2]
        self.name, self.label = name, suffix.upper()
        beside = suffix in ("csv", "json") and len(content) > _EMBEDDED
        self.address = quote(name) if beside else _data_uri(content, _TYPES[suffix])


def _data_uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _texts(page: Page) -> Iterator[str]:
    """All prose of a page, and the first cells of its tables, which name things."""
    yield from (page.statement, page.reason, *page.meaning, page.caption)
    yield from (note for _, note in page.notes)
    yield from (light.meaning for light in page.lights)
    for section in page.sections:
        yield section.note
        yield from (str(row[0]) for row in section.rows if row)


@cache
def templates() -> "Environment":
    """The templates of pages, which escape every text and make it visible."""
    # Only a page needs jinja2: a verdict in the terminal does not wait for it.
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def finalize(value: Any) -> Any:
        if isinstance(value, Markup):
            return value
        return visible(str(value), lines=True)

    def cell(value: Any, seen: list[str]) -> Any:
        """A cell of a table, with what it says explained where that is not among the `seen`."""
        if isinstance(value, Mark):
            return Markup('<span class="{}">{}</span>').format(value.kind, visible(value.word))
        words = TERMS.get(value) if isinstance(value, str) and value not in seen else None
        if words is None:
            return value
        seen.append(value)
        return Markup("{}<small>{}</small>").format(value, words)

    def terms(text: str) -> Markup:
        return Markup().join(
            visible(words)
            if term is None
            else Markup(
                '<span class="term" tabindex="0" aria-describedby="term-{}" data-is="{}">{}</span>'
            ).format(identifier(term), TERMS[term], words)
            for words, term in explained(text)
        )

    def identifier(title: str) -> str:
        return re.sub(r"\W+", "-", title).lower()

    def tally(shown: Sequence[Light]) -> str:
        counts = Counter(light.mark.word for light in shown)
        return f"{', '.join(f'{count} {word}' for word, count in counts.items())}."

    environment = Environment(
        loader=PackageLoader("steepest.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        data_uri=_data_uri,
        cell=cell,
        terms=terms,
        identifier=identifier,
        tally=tally,
        trusted=Markup,
    )
    return environment
