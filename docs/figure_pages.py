"""The gallery: a page per paper with a grid of its figures, and a page per figure.

A figure's page has its picture first, then text, command, claims, parameters and the code that
makes it. Sphinx writes the pages before it reads them (see conf.py). As a script (`make figures`,
`make docs`) this file computes at the quick scale what `docs/_figures` lacks, where the pages look
for pictures and tables of claims.
"""

import csv
import dataclasses
import json
import os
import re
import sys
from pathlib import Path

from renewing import renew

from steepest import papers
from steepest.papers import Paper, available, load
from steepest.study import Figure, reproduce

DOCS = Path(__file__).parent
RESULTS = DOCS / "_figures"
PAGES = DOCS / "figures"
with (Path(papers.__file__).parent / "times.csv").open(newline="", encoding="utf-8") as table:
    TIMES = {row["figure"]: row for row in csv.DictReader(table)}
MARKS = {"True": "holds", "False": "**fails**", "": "not tested at this scale"}


def write_pages(pages: Path, results: Path) -> None:
    """Write the pages of all papers and figures, and take away those of what is no more."""
    texts = {pages / "papers.md": papers_grid(results)}
    for paper in available():
        texts[pages / paper.key / "index.md"] = paper_page(paper, results)
        for figure in load(paper.key):
            texts[pages / paper.key / f"{name_of(figure)}.md"] = figure_page(figure, results)
    renew(texts, pages.rglob("*.md"))


def name_of(figure: Figure) -> str:
    """A figure's name in its paper."""
    return figure.key.partition(".")[2]


def paper_page(paper: Paper, results: Path) -> str:
    """A paper's page in Markdown: its citation, then a card for each figure, in its order."""
    parts = [f"# {short_title(paper)}"]
    if paper.citation:
        link = f"[doi:{paper.citation.doi}](https://doi.org/{paper.citation.doi})"
        parts.append(f"{plain(str(paper.citation).partition(' doi:')[0])} {link}")
    parts.append(f"```sh\nsteepest reproduce {paper.key}\n```")
    figures = load(paper.key)
    cards = "\n".join(card(figure, results) for figure in figures)
    parts.append(f"::::{{grid}} 1 2 3 3\n:gutter: 3\n\n{cards}\n::::")
    names = "\n".join(map(name_of, figures))
    parts.append(f"```{{toctree}}\n:hidden:\n\n{names}\n```")
    return "\n\n".join(parts) + "\n"


def short_title(paper: Paper) -> str:
    """First author, year and journal; the beginning of the title of what has no citation."""
    return plain(paper.citation.short if paper.citation else paper.title.partition(":")[0])


def papers_grid(results: Path) -> str:
    """A card for each paper, with the first picture of it that there is, for the gallery's page."""
    cards = []
    for paper in available():
        options = [f":link: figures/{paper.key}/index", ":link-type: doc"]
        options.append(":class-card: figure-card")
        pictures = [results / f"{figure.key}.png" for figure in paper.figures]
        for picture in [picture for picture in pictures if picture.exists()][:1]:
            options += [f":img-top: {results.name}/{picture.name}", ":img-alt:"]
        text = f"**{short_title(paper)}**: {len(paper.figures)} figures"
        if paper.citation:
            text += f". {plain(paper.title)}"
        cards.append("\n".join([":::{grid-item-card}", *options, "", text, ":::"]))
    return "\n".join(["::::{grid} 1 2 3 3", ":gutter: 3", "", *cards, "::::", ""])


def time_of(key: str) -> str:
    """What a figure takes at the quick scale, as a person says it."""
    seconds = float(TIMES[key]["seconds"])
    return f"{max(seconds, 1):.0f} s" if seconds < 90 else f"{seconds / 60:.0f} minutes"


def card(figure: Figure, results: Path) -> str:
    """A figure in a grid: its picture, where there is one, and its title, linked to its page."""
    options = [f":link: {name_of(figure)}", ":link-type: doc", ":class-card: figure-card"]
    if (results / f"{figure.key}.png").exists():
        options += [f":img-top: {from_page(results)}/{figure.key}.png", ":img-alt:"]
    foot = ["", f"*{time_of(figure.key)}*"] if figure.key in TIMES else []
    return "\n".join([":::{grid-item-card}", *options, "", plain(figure.title), *foot, ":::"])


def figure_page(figure: Figure, results: Path) -> str:
    """A figure's page in Markdown."""
    parts = [f"# {plain(figure.title)}"]
    if (results / f"{figure.key}.png").exists():
        place = f"{from_page(results)}/{figure.key}.png"
        parts.append(f"![{plain(figure.title)}]({place})")
    parts += map(plain, figure.text)
    parts.append(f"```sh\nsteepest reproduce {figure.key}\n```")
    if figure.key in TIMES:
        row = TIMES[figure.key]
        parts.append(
            f"At the quick scale it takes {time_of(figure.key)} of one processor, with nothing"
            f" compiled before ({plain(row['machine'])}, {row['date']})."
        )
    if (results / f"{figure.key}.csv").exists():
        parts += ["## Claims", claims_table(results / f"{figure.key}.csv")]
    rows = [
        (f"`{item.name}`", plain(item.metadata["doc"]), number(value), plain(item.metadata["unit"]))
        for item, value in zip(
            dataclasses.fields(figure.module.Parameters),
            dataclasses.astuple(figure.module.Parameters()),
            strict=True,
        )
    ]
    table = markdown_table(("parameter", "is", "value", "unit"), rows)
    parts += ["## Parameters", "With the values of the paper (`--scale paper`):", table]
    parts += ["## Code", listing(figure)]
    return "\n\n".join(parts) + "\n"


def listing(figure: Figure) -> str:
    """The figure's module, folded, and a copy of it to save."""
    source = Path(figure.module.__file__ or "")
    place = Path(os.path.relpath(source, PAGES / "paper")).as_posix()
    return "\n".join(
        [
            f"{{download}}`{source.name} <{place}>`",
            "",
            f":::{{dropdown}} `{figure.module.__name__}`",
            f"```{{literalinclude}} {place}",
            ":language: python",
            "```",
            ":::",
        ]
    )


def from_page(results: Path) -> str:
    """The folder of results as a figure's page names it, which lies two folders below it."""
    return f"../../{results.name}"


def claims_table(path: Path) -> str:
    """The claims that a figure's run wrote, as a table."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [
            (
                plain(row["statement"]),
                number(row["expected"]),
                number(row["measured"])
                + (f" ± {number(row['standard_error'])}" if row["standard_error"] else ""),
                MARKS[row["holds"]],
            )
            for row in csv.DictReader(file)
        ]
    return markdown_table(("claim", "expected", "measured at the quick scale", ""), rows)


def markdown_table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table; its cells are Markdown already."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: object) -> str:
    """A number, or several, to four digits; anything else as it is."""
    try:
        value = json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError:
        return plain(str(value))
    if isinstance(value, list | tuple):
        return ", ".join(map(number, value)) if len(value) <= 6 else f"{len(value)} values"
    return f"{value:.4g}" if isinstance(value, float) else plain(str(value))


def plain(text: str) -> str:
    """Text in which no character means anything to Markdown; `code` stays code."""
    pieces = re.split(r"(`[^`\n|]+`)", text)
    escaped = [re.sub(r"([!-/:-@\[-^_`{-~])", r"\\\1", piece) for piece in pieces[::2]]
    pieces[::2] = escaped
    return " ".join("".join(pieces).split())


def main() -> int:
    """Compute every figure that has no table of claims yet; returns how many could not be."""
    failed = 0
    for paper in available():
        for title in paper.figures:
            if (RESULTS / f"{title.key}.csv").exists():
                continue
            print(title.key, flush=True)
            try:
                (figure,) = load(title.key)
                reproduce(figure, "quick", 0, RESULTS)
            except Exception as error:
                failed += 1
                print(f"  {type(error).__name__}: {error}", file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(min(main(), 1))
