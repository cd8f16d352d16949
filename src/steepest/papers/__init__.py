"""The papers whose figures are reproduced here: which there are, and how to load one.

A paper is a package `steepest.papers.<key>` with its `CITATION`; each of its modules is a figure
(see `steepest.study`) unless its name begins with an underscore. Our own findings are the paper
`ours`. Listing imports no figure: titles are read from the source.
"""

import ast
import csv
import difflib
import pkgutil
import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING

from steepest.errors import UsageError

if TYPE_CHECKING:
    from steepest.study import Figure

# Keys of figures that have become several: what to type now.
_MOVED = {
    "galtier2013.extensions": ("linear_network", "wilson_cowan", "kuramoto", "lorenz"),
    "galtier2013.noise": ("noisy_network", "noisy_linear_network", "girsanov"),
    "kreutzer2022.predictions": (
        "paired_spikes",
        "transfer_slopes",
        "redundant_afferents",
        "equal_dendritic_weights",
        "fading_teacher",
        "silent_partners",
    ),
}

__all__ = ["Citation", "FigureTitle", "Paper", "available", "load"]


@dataclass(frozen=True)
class Citation:
    """How to cite a paper: authors as "Family, Given Names"; `pages` may be an article's number.

    >>> Citation(("Hebb, Donald O.",), 1949, "The Organization of Behavior", "Wiley", doi="").short
    'Hebb 1949, Wiley'
    """

    authors: tuple[str, ...]
    year: int
    title: str
    journal: str
    doi: str
    volume: str = ""
    pages: str = ""
    kind: str = "article"

    def __str__(self) -> str:
        authors = ", ".join(_initialled(name) for name in self.authors)
        place = " ".join(part for part in (self.journal, self.volume) if part)
        place += f":{self.pages}" if self.pages else ""
        doi = f" doi:{self.doi}" if self.doi else ""
        return f"{authors} ({self.year}). {self.title}. {place}.{doi}"

    @property
    def short(self) -> str:
        """First author, year and journal: "Surace et al. 2020, PLoS Computational Biology"."""
        others = " et al." if len(self.authors) > 1 else ""
        return f"{self._family}{others} {self.year}, {self.journal}"

    @property
    def bibtex(self) -> str:
        """The citation as a BibTeX entry."""
        fields = {
            "author": " and ".join(a if "," in a else f"{{{a}}}" for a in self.authors),
            "year": str(self.year),
            "title": f"{{{self.title}}}",
            "journal": self.journal,
            "volume": self.volume,
            "pages": self.pages,
            "doi": self.doi,
        }
        lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
        key = self._family.split()[-1].lower()
        return "\n".join([f"@{self.kind}{{{key}{self.year},", *lines, "}"])

    @property
    def _family(self) -> str:
        return self.authors[0].partition(",")[0]


def _initialled(name: str) -> str:
    """ "Pfister, Jean-Pascal" as "Pfister J-P"; a name without a comma stays as it is."""
    family, _, given = name.partition(", ")
    initials = "".join("-".join(part[0] for part in word.split("-")) for word in given.split())
    return f"{family} {initials}".rstrip()


@dataclass(frozen=True)
class FigureTitle:
    """A figure's key, such as "surace2020.fig2", the first line of its docstring, and its time.

    `seconds` of processor time at the quick scale, with nothing compiled before; None where it was
    not measured. `times.csv` says on which machine (`benchmarks/figures.py`).

    >>> available()[1].figures[0].key
    'galtier2013.fig2'
    """

    key: str
    title: str
    seconds: float | None = None


@dataclass(frozen=True)
class Paper:
    """A paper (or our own results, which have no citation) with the figures that exist here.

    >>> paper = available()[1]
    >>> paper.key, paper.citation.year
    ('galtier2013', 2013)
    """

    key: str
    title: str
    citation: Citation | None
    figures: tuple[FigureTitle, ...]


@cache
def available() -> tuple[Paper, ...]:
    """Every paper with at least one figure here, our own results last; figures in its order.

    >>> [paper.key for paper in available()]
    ['cornford2024', 'galtier2013', 'kreutzer2022', 'pogodin2024', 'surace2020', 'ours']
    """
    keys = [
        info.name
        for info in pkgutil.iter_modules(__path__)
        if info.ispkg and not info.name.startswith("_")
    ]
    seconds = {row["figure"]: float(row["seconds"]) for row in _times()}
    papers = []
    for key in sorted(keys, key=lambda key: (key == "ours", key)):
        package = f"{__name__}.{key}"
        module = import_module(package)
        figures = tuple(
            FigureTitle(
                f"{key}.{info.name}",
                _title(f"{package}.{info.name}"),
                seconds.get(f"{key}.{info.name}"),
            )
            for info in sorted(pkgutil.iter_modules(module.__path__), key=lambda i: _place(i.name))
            if not info.name.startswith("_")
        )
        if figures:
            citation = getattr(module, "CITATION", None)
            title = citation.title if citation else _title(package)
            papers.append(Paper(key, title, citation, figures))
    return tuple(papers)


def load(name: str) -> "list[Figure]":
    """The figures of "PAPER", or the one of "PAPER.FIGURE", imported and checked to be figures.

    Raises `UsageError` for an unknown name, listing those that are near it.

    >>> (figure,) = load("surace2020.fig2")
    >>> figure.title
    'The wicked map (Fig 2): one hill, two maps, and two routes that both look steepest'
    """
    from steepest.study import Figure

    papers = available()
    for paper in papers:
        keys = [figure.key for figure in paper.figures]
        wanted = keys if name == paper.key else [key for key in keys if key == name]
        if wanted:
            return [Figure(key, import_module(f"{__name__}.{key}")) for key in wanted]
    paper, dot, figure = name.partition(".")
    if paper == "results":
        raise UsageError(f"{name} is now called ours{dot}{figure}: type that")
    if name in _MOVED:
        names = ", ".join(f"{paper}.{each}" for each in _MOVED[name])
        raise UsageError(f"{name} is now several figures: type {names} or, for all, {paper}")
    raise _unknown(name, papers)


def _unknown(name: str, papers: tuple[Paper, ...]) -> UsageError:
    of_paper = [f.key for p in papers if p.key == name.partition(".")[0] for f in p.figures]
    everything = [key for p in papers for key in (p.key, *(f.key for f in p.figures))]
    near = difflib.get_close_matches(name.lower(), everything, n=6, cutoff=0.6)
    # A known paper with an unknown figure: all its figures are near, the likeliest first.
    near += [key for key in of_paper if key not in near]
    names = f"near it: {', '.join(near)}" if near else f"known: {', '.join(everything)}"
    return UsageError(
        f"no paper or figure is called {name!r}; {names} (`steepest papers` lists all)"
    )


def _place(name: str) -> tuple[int, int, str]:
    """Where a figure stands in its paper: figures, tables, what has a name, then appendices."""
    kind, number = re.fullmatch(r"(.*?)(\d*)", name).groups()  # pyright: ignore[reportOptionalMemberAccess]
    if kind in ("fig", "table") and number:
        return ("fig", "table").index(kind), int(number), ""
    return 3 if name.startswith("appendix") else 2, 0, name


def _times() -> list[dict[str, str]]:
    text = files(__name__).joinpath("times.csv").read_text("utf-8")
    return [*csv.DictReader(text.splitlines())]


def _title(module: str) -> str:
    spec = find_spec(module)
    source = spec.loader.get_source(module) if spec and spec.loader else None  # pyright: ignore[reportAttributeAccessIssue]
    docstring = ast.get_docstring(ast.parse(source or "")) or ""
    return docstring.partition("\n")[0]
