"""`steepest reproduce`: figures recomputed, and the claims that they check."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from steepest.cli.options import Json, Seed
from steepest.cli.output import command_line
from steepest.cli.results import finish, print_result, write_page
from steepest.data.opening import check_file

__all__ = ["command"]


def command(
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

    For example:

    ```
    steepest reproduce surace2020.fig2
    steepest reproduce pogodin2024 --scale paper --out figures
    ```
    """
    if data is not None:
        check_file(data)
    from steepest import papers, study

    results = []
    for figure in papers.load(name):
        results.append(study.reproduce(figure, scale, seed, out, data=data))
        if not json:
            print_result(results[-1])
    key = name.partition(".")[0]
    (paper,) = [paper for paper in papers.available() if paper.key == key]
    repeated = command_line("reproduce", name, scale=scale, seed=seed, data=data)
    title = paper.title if name == key else results[0].figure.title
    citations = [paper.citation] if paper.citation else []
    page = write_page(out, name, results, title=title, command=repeated, citations=citations)
    return finish(results, page, json)
