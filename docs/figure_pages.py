"""One page per paper, with every figure's text, parameters and, where it was computed, its outcome.

Sphinx writes the pages before it reads them (see conf.py). As a script (`make figures`) this file
computes all figures at the quick scale into `docs/_figures`, where the pages look for pictures and
tables of claims.
"""

import csv
import dataclasses
import json
import re
import sys
from pathlib import Path

from steepest.papers import Paper, available, load
from steepest.study import Figure, reproduce

DOCS = Path(__file__).parent
RESULTS = DOCS / "_figures"
PAGES = DOCS / "figures"
MARKS = {"True": "holds", "False": "**fails**", "": "not tested at this scale"}


def write_pages(pages: Path, results: Path) -> None:
    """Write the pages of all papers; what has not changed is left alone, so Sphinx skips it."""
    pages.mkdir(exist_ok=True)
    for paper in available():
        page, text = pages / f"{paper.key}.md", paper_page(paper, results)
        if not page.exists() or page.read_text("utf-8") != text:
            page.write_text(text, "utf-8")


def paper_page(paper: Paper, results: Path) -> str:
    """A paper's page in Markdown: its citation, then its figures."""
    parts = [f"# {plain(paper.title)}"]
    if paper.citation:
        link = f"[doi:{paper.citation.doi}](https://doi.org/{paper.citation.doi})"
        parts.append(f"{plain(str(paper.citation).partition(' doi:')[0])} {link}")
    parts += [figure_section(figure, results) for figure in load(paper.key)]
    return "\n\n".join(parts) + "\n"


def figure_section(figure: Figure, results: Path) -> str:
    """A figure: title, text, how to compute it, picture, claims, parameters."""
    parts = [f"## {plain(figure.title)}", *map(plain, figure.text)]
    parts.append(f"```sh\nsteepest reproduce {figure.key}\n```")
    if (results / f"{figure.key}.png").exists():
        parts.append(f"![{plain(figure.title)}](../{results.name}/{figure.key}.png)")
    if (results / f"{figure.key}.csv").exists():
        parts.append(claims_table(results / f"{figure.key}.csv"))
    rows = [
        (f"`{item.name}`", plain(item.metadata["doc"]), number(value), plain(item.metadata["unit"]))
        for item, value in zip(
            dataclasses.fields(figure.module.Parameters),
            dataclasses.astuple(figure.module.Parameters()),
            strict=True,
        )
    ]
    table = markdown_table(("parameter", "is", "value", "unit"), rows)
    parts += ["Parameters, with the values of the paper:", table]
    return "\n\n".join(parts)


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
