"""`steepest reproduce`: figures recomputed, and the claims that they check."""

from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from steepest.cli.caching import keep_compiled
from steepest.cli.options import ANSWER, Json, Seed, many
from steepest.cli.output import command_line
from steepest.cli.results import finish, print_result, write_page
from steepest.data.opening import check_file
from steepest.machine import cores

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
        Path,
        Parameter(
            group=ANSWER, help="Folder for the data (.nc), picture (.png), claims (.csv) and page."
        ),
    ] = Path("out"),
    format: Annotated[
        tuple[Literal["png", "svg", "pdf"], ...],
        many("Kinds of file of the picture (png).", group=ANSWER),
    ] = ("png",),
    style: Annotated[
        Literal["paper", "slide"],
        Parameter(
            group=ANSWER, help="For a page, or with letters and lines that are read from afar."
        ),
    ] = "paper",
    data: Annotated[
        tuple[Path, ...],
        many(
            "Your copy of the data a figure is about (a file, or its folder; ours.atlas: several)."
        ),
    ] = (),
    unchecked: Annotated[
        bool,
        Parameter(help="Read a copy of public data that is not the published one.", negative=""),
    ] = False,
    jobs: Annotated[
        int | None,
        Parameter(
            group=ANSWER, help="Figures computed at a time (one per core).", validator=Number(gte=1)
        ),
    ] = None,
    cache: Annotated[
        bool,
        Parameter(
            group=ANSWER, help="Keep compiled programs in your cache folder, for the next time."
        ),
    ] = True,
    json: Json = False,
) -> int:
    """Recompute a paper's figures and check what it claims.

    Ends with 0 when every claim holds, with 1 when one does not.

    For example:

    ```
    steepest reproduce surace2020.fig2 --format pdf svg --style slide
    steepest reproduce pogodin2024 --scale paper --out figures
    ```
    """
    for path in data:
        if not path.is_dir():
            check_file(path)
    if cache:
        keep_compiled()
    from steepest import papers
    from steepest.papers._side_by_side import reproduce_all

    results = []
    figures, jobs = papers.load(name), jobs or cores()
    each = reproduce_all(
        figures,
        scale,
        seed,
        out,
        data=data,
        unchecked=unchecked,
        formats=format,
        style=style,
        jobs=jobs,
    )
    with closing(each):
        for result in each:
            results.append(result)
            if not json:
                print_result(result)
    key = name.partition(".")[0]
    (paper,) = [paper for paper in papers.available() if paper.key == key]
    repeated = command_line(
        "reproduce",
        name,
        scale=scale,
        seed=seed,
        data=data,
        unchecked=unchecked,
        format=() if format == ("png",) else format,
        style=None if style == "paper" else style,
    )
    title = paper.title if name == key else results[0].figure.title
    citations = [paper.citation] if paper.citation else []
    page = write_page(out, name, results, title=title, command=repeated, citations=citations)
    return finish(results, page, json)
