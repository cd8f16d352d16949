"""`steepest demo`: a first tour, forward and back."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from steepest.cli.caching import keep_compiled
from steepest.cli.options import Json, Seed
from steepest.cli.output import command_line, show
from steepest.cli.results import finish, print_result, write_page
from steepest.files import staging, to_csv

__all__ = ["command"]


def command(
    *,
    out: Annotated[Path, Parameter(help="Folder for the page, picture and data.")] = Path("demo"),
    seed: Seed = 0,
    cache: Annotated[
        bool, Parameter(help="Keep compiled programs in your cache folder, for the next time.")
    ] = True,
    json: Json = False,
) -> int:
    """Learn with two geometries, then find each back from the synapses alone: a first tour.

    Takes less than a minute, needs no data, and writes one page to read.

    For example:

    ```
    steepest demo
    steepest demo --out tour --seed 3
    ```
    """
    if cache:
        keep_compiled()
    from steepest import papers, study
    from steepest.papers import pogodin2024, surace2020

    (figure,) = papers.load("ours.demo")
    result = study.reproduce(figure, "quick", seed, out)
    tour: Any = figure.module
    table = out / "synapses.csv"
    with staging(out) as stage:
        sizes = tour.table(result.dataset)
        text = to_csv(list(sizes), sizes.itertuples(index=False))
        (stage / table.name).write_text(text, encoding="utf-8")
    next_steps = tour.next_steps(table)
    page = write_page(
        out,
        "demo",
        [result],
        title=figure.title,
        headline=tour.headline(result.dataset),
        command=command_line("demo", seed=seed),
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
