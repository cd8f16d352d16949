"""`steepest reproduce`, `papers` and `demo`: figures and the claims that they check."""

import shlex
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from steepest.cli.app import Json, Seed, app
from steepest.cli.output import show, to_json

__all__ = ["demo", "list_papers", "reproduce"]


@app.command
def reproduce(
    name: Annotated[
        str,
        Parameter(help="PAPER (all its figures) or PAPER.FIGURE; `steepest papers` lists them."),
    ],
    /,
    *,
    scale: Annotated[
        Literal["quick", "paper"], Parameter(help="Seconds long, or the paper's own parameters.")
    ] = "quick",
    seed: Seed = 0,
    out: Annotated[
        Path, Parameter(help="Folder for the data (.nc), picture (.png), claims (.csv) and page.")
    ] = Path("out"),
    data: Annotated[
        Path | None,
        Parameter(help="Your copy of the data a figure is about, for figures that take one."),
    ] = None,
    json: Json = False,
) -> int:
    """Recompute a paper's figures and check what it claims.

    Ends with 0 when every claim holds, with 1 when one does not.
    """
    from steepest import papers, study

    results = []
    for figure in papers.load(name):
        results.append(study.reproduce(figure, scale, seed, out, data=data))
        if not json:
            print_result(results[-1])
    key = name.partition(".")[0]
    (paper,) = [paper for paper in papers.available() if paper.key == key]
    words = ["steepest", "reproduce", name, "--scale", scale, "--seed", str(seed)]
    command = shlex.join(words if data is None else [*words, "--data", str(data)])
    title = paper.title if name == key else results[0].figure.title
    citations = [paper.citation] if paper.citation else []
    page = write_page(out, name, results, title=title, command=command, citations=citations)
    return finish(results, page, json)


@app.command(name="papers")
def list_papers() -> int:
    """List the papers and figures that `steepest reproduce` knows."""
    from steepest.papers import available

    for paper in available():
        show(f"{paper.key}: {paper.title}")
        if paper.citation is not None:
            show(f"    {paper.citation.short}")
        width = max(len(figure.key) for figure in paper.figures)
        for figure in paper.figures:
            show(f"    {figure.key:{width}}  {figure.title}")
        show("")
    show("Reproduce one with: steepest reproduce NAME")
    return 0


@app.command
def demo(
    *,
    out: Annotated[Path, Parameter(help="Folder for the page, picture and data.")] = Path("demo"),
    seed: Seed = 0,
    json: Json = False,
) -> int:
    """Learn with two geometries, then find each back from the synapses alone: a first tour.

    Takes less than a minute, needs no data, and writes one page to read.
    """
    from steepest import papers, study
    from steepest.papers import pogodin2024, surace2020

    (figure,) = papers.load("ours.demo")
    result = study.reproduce(figure, "quick", seed, out)
    tour: Any = figure.module
    table = out / "synapses.csv"
    with study.staging(out) as stage:
        tour.table(result.dataset).to_csv(stage / table.name, index=False)
    next_steps = tour.next_steps(table)
    page = write_page(
        out,
        "demo",
        [result],
        title=figure.title,
        headline=tour.headline(result.dataset),
        command=shlex.join(["steepest", "demo", "--seed", str(seed)]),
        citations=[surace2020.CITATION, pogodin2024.CITATION],
        next_steps=next_steps,
    )
    if not json:
        for paragraph in tour.story(result.dataset):
            show(paragraph + "\n", wrap=True)
        print_result(result)
    code = finish([result], page, json)
    if not json:
        show("\nWhat to try next")
        for words, line in next_steps:
            show(f"  {words}\n      {line}")
    return code


def finish(results: list[Any], page: Path, as_json: bool) -> int:
    if as_json:
        print(to_json({"figures": [result.to_dict() for result in results]}))
    else:
        show(f"Read {page}")
    return 0 if all(result.holds for result in results) else 1


def write_page(out: Path, name: str, results: list[Any], **texts: Any) -> Path:
    from steepest.report.page import study_page
    from steepest.study import staging

    with staging(out) as stage:
        (stage / f"{name}.html").write_text(study_page(results, **texts), encoding="utf-8")
    return out / f"{name}.html"


def print_result(result: Any) -> None:
    from steepest.report.page import claims_table, summary

    show(f"{result.figure.key}: {result.figure.title}")
    show(claims_table(result.claims))
    show(f"{summary(result.claims)} ({result.seconds:.1f} s)\n")
