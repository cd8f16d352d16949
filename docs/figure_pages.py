"""The gallery: a page per paper with a grid of its figures, a page per figure, and the examples.

A figure's page has its picture first, then text, command, claims, parameters and the code that
makes it; so has that of an example, each Python file in a folder of `examples`. Sphinx writes the
pages before it reads them (see conf.py). As a script (`make figures`, `make docs`) this file
computes at the quick scale what `docs/_figures` lacks, where the pages look for pictures and tables
of claims.
"""

import dataclasses
import importlib.util
import json
import os
import re
import sys
from pathlib import Path

from paper_scale import KEPT, RUNS, duration, rows_of
from renewing import renew

from steepest import papers
from steepest.papers import Paper, available, load
from steepest.study import Figure, reproduce

DOCS = Path(__file__).parent
RESULTS = DOCS / "_figures"
PAGES = DOCS / "figures"
TIMES = {row["figure"]: row for row in rows_of(Path(papers.__file__).parent / "times.csv")}
MARKS = {"True": "holds", "False": "**fails**", "": "not tested at this scale"}


def write_pages(pages: Path, results: Path) -> None:
    """Write the pages of all papers and figures, and take away those of what is no more."""
    texts = {pages / "papers.md": papers_grid(results)}
    for paper in available():
        texts[pages / paper.key / "index.md"] = paper_page(paper, results)
        for figure in load(paper.key):
            command = f"steepest reproduce {figure.key}"
            page = figure_page(figure, results, command)
            texts[pages / paper.key / f"{name_of(figure)}.md"] = page
    texts[pages / "examples/index.md"] = examples_page(results)
    for figure in examples():
        page = figure_page(figure, results, command_of_example(figure))
        texts[pages / "examples" / f"{name_of(figure)}.md"] = page
    renew(texts, pages.rglob("*.md"))


def examples() -> list[Figure]:
    """Every example: figures of one's own, each in a folder with what it needs."""
    figures = []
    for path in sorted(DOCS.parent.glob("examples/*/*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module  # dataclasses look for it there
        spec.loader.exec_module(module)
        figures.append(Figure(f"examples.{path.stem}", module))
    return figures


def command_of_example(figure: Figure) -> str:
    """What runs an example: the sweep of its study file, where there is one beside it."""
    source = Path(figure.module.__file__ or "")
    folder = f"cd examples/{source.parent.name}"
    study = source.with_suffix(".toml")
    asked = f"steepest sweep {study.name} && steepest sweep --plot {source.stem}.zarr"
    return f"{folder}\n{asked}" if study.exists() else f"{folder}\npython {source.name}"


def examples_page(results: Path) -> str:
    """The page of the examples: a card for each."""
    names = "\n".join(map(name_of, examples()))
    cards = "\n".join(card(figure, results) for figure in examples())
    return "\n\n".join(
        [
            "# Examples",
            "Figures of your own are modules like these, in a file of yours: `steepest sweep` and"
            " `steepest.study.reproduce` run them ([how to write one](../../sweeps.md)).",
            f"::::{{grid}} 1 2 3 3\n:gutter: 3\n\n{cards}\n::::",
            f"```{{toctree}}\n:hidden:\n\n{names}\n```\n",
        ]
    )


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
    of_examples = [":link: figures/examples/index", ":link-type: doc", ":class-card: figure-card"]
    shown = [f"{results.name}/{figure.key}.png" for figure in examples()]
    of_examples += [f":img-top: {shown[0]}", ":img-alt:"] if (DOCS / shown[0]).exists() else []
    text = "**Examples**: figures of your own, and sweeps of them"
    cards.append("\n".join([":::{grid-item-card}", *of_examples, "", text, ":::"]))
    return "\n".join(["::::{grid} 1 2 3 3", ":gutter: 3", "", *cards, "::::", ""])


def card(figure: Figure, results: Path) -> str:
    """A figure in a grid: its picture, where there is one, and its title, linked to its page."""
    options = [f":link: {name_of(figure)}", ":link-type: doc", ":class-card: figure-card"]
    if (results / f"{figure.key}.png").exists():
        options += [f":img-top: {from_page(results)}/{figure.key}.png", ":img-alt:"]
    foot = ["", f"*{duration(TIMES[figure.key]['seconds'])}*"] if figure.key in TIMES else []
    return "\n".join([":::{grid-item-card}", *options, "", plain(figure.title), *foot, ":::"])


def figure_page(figure: Figure, results: Path, command: str) -> str:
    """A figure's page in Markdown, with the command that computes it."""
    parts = [f"# {plain(figure.title)}"]
    if (results / f"{figure.key}.png").exists():
        place = f"{from_page(results)}/{figure.key}.png"
        parts.append(f"![{plain(figure.title)}]({place})")
    parts += map(plain, figure.text)
    parts.append(f"```sh\n{command}\n```")
    if figure.key in TIMES:
        row = TIMES[figure.key]
        parts.append(
            f"At the quick scale it takes {duration(row['seconds'])} of one processor, with nothing"
            f" compiled before ({plain(row['machine'])}, {row['date']})."
        )
    if (results / f"{figure.key}.csv").exists():
        table = claims_table(results / f"{figure.key}.csv", "measured at the quick scale")
        parts += ["## Claims", table]
    if figure.key in RUNS:
        run = RUNS[figure.key]
        where = f"{plain(run['machine'])}, {run['date']}, seed {run['seed']}"
        said = f"One run took {duration(run['wall_s'])} ({where})"
        said += f", with {plain(run['changed'])}." if run["changed"] else "."
        table = claims_table(KEPT / f"{figure.key}.csv", "measured at the scale of the paper")
        parts += ["## Claims at the scale of the paper", said, table]
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


def claims_table(path: Path, measured: str) -> str:
    """The claims that a figure's run wrote, as a table; `measured` heads what it found."""
    rows = [
        (
            plain(row["statement"]),
            number(row["expected"]),
            number(row["measured"])
            + (f" ± {number(row['standard_error'])}" if row["standard_error"] else ""),
            MARKS[row["holds"]],
        )
        for row in rows_of(path)
    ]
    return markdown_table(("claim", "expected", measured, ""), rows)


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
    lacking = [
        figure
        for figure in [*(title for paper in available() for title in paper.figures), *examples()]
        if not (RESULTS / f"{figure.key}.csv").exists()
    ]
    for figure in lacking:
        print(figure.key, flush=True)
        try:
            known = figure if isinstance(figure, Figure) else load(figure.key)[0]
            reproduce(known, "quick", 0, RESULTS)
        except Exception as error:
            failed += 1
            print(f"  {type(error).__name__}: {error}", file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(min(main(), 1))
