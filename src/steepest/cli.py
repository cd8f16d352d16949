"""The command line: parses, calls, prints. Everything heavy is imported inside the commands."""

import io
import json as json_format
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter
from cyclopts.validators import Number

from steepest._version import __version__
from steepest.errors import SteepestError

__all__ = ["app", "main", "run"]

app = App(
    name="steepest",
    help="""Which plasticity follows from a cost and a geometry, and in which geometry did measured
    synapses move?

    New here? Run `steepest demo`.""",
    version=__version__,
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)

Seed = Annotated[int, Parameter(help="Seed of everything random.", validator=Number(gte=0))]
Json = Annotated[
    bool,
    Parameter(name="--json", negative="", help="Print one JSON object, and nothing else."),
]


@app.command
def infer(
    file: Annotated[
        Path, Parameter(help="Table of sizes: CSV, TSV, NPY or NPZ (Parquet with the extra `io`).")
    ],
    /,
    *,
    before: Annotated[
        str, Parameter(help="Column of the sizes before: header name, or number counted from 0.")
    ],
    after: Annotated[str, Parameter(help="Column of the sizes after.")],
    noise_cv: Annotated[
        float | None,
        Parameter(help="Measurement noise as a fraction of size; 0 says that sizes are exact."),
    ] = None,
    noise_sd: Annotated[
        float | None, Parameter(help="Measurement noise as an sd, in the unit of size.")
    ] = None,
    detection_limit: Annotated[
        float | None, Parameter(help="Smallest size that can be detected, in the unit of size.")
    ] = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None, Parameter(help="Folder for verdict.html, verdict.png and verdict.json.")
    ] = None,
    json: Json = False,
) -> int:
    """In which geometry did measured synapses change?

    Reads sizes of the same synapses before and after, one synapse a row, and says how the size of
    a change depends on the size of the synapse. A size of 0 is an absent synapse. Without a word
    on measurement noise no geometry is named: noise alone can look like any of them.
    """
    from steepest.inference import infer_geometry, read_columns
    from steepest.report import verdict_page, verdict_table
    from steepest.study import png, staging

    options = {"--noise-cv": noise_cv, "--noise-sd": noise_sd, "--detection-limit": detection_limit}
    stated = [text for name, x in options.items() if x is not None for text in (name, f"{x:.15g}")]
    command = shlex.join(
        [
            "steepest",
            "infer",
            str(file),
            "--before",
            before,
            "--after",
            after,
            *stated,
            "--seed",
            str(seed),
        ]
    )
    with nullcontext() if out is None else staging(out) as stage:
        sizes = read_columns(file, [before, after])
        verdict = infer_geometry(
            *sizes.series(),
            noise_cv=noise_cv,
            noise_sd=noise_sd,
            detection_limit=detection_limit,
            seed=seed,
        )
        if stage is not None:
            picture = png(verdict.plot())
            page = verdict_page(
                verdict,
                source=file.name,
                before=before,
                after=after,
                picture=picture,
                command=command,
            )
            (stage / "verdict.png").write_bytes(picture)
            (stage / "verdict.html").write_text(page, encoding="utf-8")
            (stage / "verdict.json").write_text(_json(verdict.to_dict()), encoding="utf-8")
    if json:
        print(_json(verdict.to_dict()))
        return 0
    _print(f"{file.name}: column {before} (before), column {after} (after)\n")
    _print(verdict_table(verdict))
    if out is not None:
        _print(f"\nWrote verdict.html, verdict.png and verdict.json to {out}")
    return 0


@app.command
def connectivity(
    file: Annotated[
        Path, Parameter(help="Time series: one column per unit; CSV, TSV, NPY, NPZ or Parquet.")
    ],
    /,
    *,
    time: Annotated[
        str | None, Parameter(help="Column of times; taken by itself where it is called time.")
    ] = None,
    step: Annotated[
        float | None, Parameter(help="Sampling step, where there is no column of times.")
    ] = None,
    columns: Annotated[
        str | None, Parameter(help="Columns of the units, with commas between; by default all.")
    ] = None,
    decay: Annotated[float, Parameter(help="The units' decay l, in 1/time.")] = 1.0,
    nonlinearity: Annotated[
        Literal["tanh", "linear", "logistic"], Parameter(help="The units' S.")
    ] = "tanh",
    derivative: Annotated[
        Literal["central", "fourth", "forward"] | None,
        Parameter(help="Differences; by default fourth for smooth series, forward for noisy."),
    ] = None,
    ridge: Annotated[
        float, Parameter(help="Ridge, relative to the largest eigenvalue; recorded.")
    ] = 0.0,
    cut: Annotated[
        float, Parameter(help="Leave out directions with less than this share of the largest.")
    ] = 0.0,
    seed: Seed = 0,
    out: Annotated[
        Path | None, Parameter(help="Folder for connectivity.png, .csv (the weights) and .json.")
    ] = None,
    json: Json = False,
) -> int:
    """Which connectivity makes a rate network do what was recorded?

    Finds W of v' = -l v + W S(v) by least relative entropy, with 95 % intervals from resampling
    blocks of time, says what the recording leaves open, and plays the network against the data.
    """
    from steepest.inference import connectivity_picture, infer_connectivity, read_series
    from steepest.recurrent import IDENTITY, TANH, logistic
    from steepest.study import png, staging

    functions = {"tanh": TANH, "linear": IDENTITY, "logistic": logistic()}
    with nullcontext() if out is None else staging(out) as stage:
        units = None if columns is None else [name.strip() for name in columns.split(",")]
        result = infer_connectivity(
            read_series(file, columns=units, time=time, step=step),
            decay=decay,
            nonlinearity=functions[nonlinearity],
            derivative=derivative,
            ridge=ridge,
            cut=cut,
            seed=seed,
        )
        if stage is not None:
            (stage / "connectivity.png").write_bytes(png(connectivity_picture(result)))
            (stage / "connectivity.csv").write_text(result.csv(), encoding="utf-8")
            (stage / "connectivity.json").write_text(_json(result.to_dict()), encoding="utf-8")
    if json:
        print(_json(result.to_dict()))
        return 0
    _print(file.name)
    for line in result.lines():
        _print(line)
    if out is not None:
        _print(f"\nWrote connectivity.png, connectivity.csv and connectivity.json to {out}")
    return 0


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
    json: Json = False,
) -> int:
    """Recompute a paper's figures and check what it claims.

    Ends with 0 when every claim holds, with 1 when one does not.
    """
    from steepest import papers, study

    results = []
    for figure in papers.load(name):
        results.append(study.reproduce(figure, scale, seed, out))
        if not json:
            _print_result(results[-1])
    key = name.partition(".")[0]
    (paper,) = [paper for paper in papers.available() if paper.key == key]
    command = shlex.join(["steepest", "reproduce", name, "--scale", scale, "--seed", str(seed)])
    title = paper.title if name == key else results[0].figure.title
    citations = [paper.citation] if paper.citation else []
    page = _write_page(out, name, results, title=title, command=command, citations=citations)
    return _finish(results, page, json)


@app.command(name="papers")
def list_papers() -> int:
    """List the papers and figures that `steepest reproduce` knows."""
    from steepest.papers import available

    for paper in available():
        _print(f"{paper.key}: {paper.title}")
        if paper.citation is not None:
            _print(f"    {paper.citation.short}")
        width = max(len(figure.key) for figure in paper.figures)
        for figure in paper.figures:
            _print(f"    {figure.key:{width}}  {figure.title}")
        _print("")
    _print("Reproduce one with: steepest reproduce NAME")
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

    (figure,) = papers.load("results.demo")
    result = study.reproduce(figure, "quick", seed, out)
    tour: Any = figure.module
    table = out / "synapses.csv"
    with study.staging(out) as stage:
        tour.table(result.dataset).to_csv(stage / table.name, index=False)
    next_steps = tour.next_steps(table)
    page = _write_page(
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
            _print(paragraph + "\n", wrap=True)
        _print_result(result)
    code = _finish([result], page, json)
    if not json:
        _print("\nWhat to try next")
        for words, line in next_steps:
            _print(f"  {words}\n      {line}")
    return code


def run(tokens: Sequence[str]) -> int:
    """Run one command line (without the program's name); returns the exit code.

    0 done, 1 a claim does not hold, 2 bad usage or bad input, 130 interrupted, 141 the reader of
    the output went away.
    """
    as_json = "--json" in tokens
    try:
        code = app(list(tokens), exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except (CycloptsError, SteepestError) as error:
        return _fail(str(error), as_json)
    except KeyboardInterrupt:
        print("steepest: interrupted; what was finished is kept", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Python would flush once more at its end, and complain: let it flush into nothing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return code if isinstance(code, int) else 0


def main() -> None:
    """The console script."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # pyright: ignore[reportAttributeAccessIssue]
    sys.exit(run(sys.argv[1:]))


def _fail(message: str, as_json: bool) -> int:
    if as_json:
        print(_json({"error": message}))
    else:
        print(f"steepest: {message}", file=sys.stderr)
    return 2


def _finish(results: list[Any], page: Path, as_json: bool) -> int:
    if as_json:
        print(_json({"figures": [result.to_dict() for result in results]}))
    else:
        _print(f"Read {page}")
    return 0 if all(result.holds for result in results) else 1


def _write_page(out: Path, name: str, results: list[Any], **texts: Any) -> Path:
    from steepest.report import study_page
    from steepest.study import staging

    with staging(out) as stage:
        (stage / f"{name}.html").write_text(study_page(results, **texts), encoding="utf-8")
    return out / f"{name}.html"


def _print_result(result: Any) -> None:
    from steepest.report import claims_table, summary

    _print(f"{result.figure.key}: {result.figure.title}")
    _print(claims_table(result.claims))
    _print(f"{summary(result.claims)} ({result.seconds:.1f} s)\n")


def _json(value: Any) -> str:
    return json_format.dumps(value, allow_nan=False)


def _print(what: Any, wrap: bool = False) -> None:
    """Print text as it is, or wrapped at words, or a rich table; plain where nobody watches."""
    from rich.console import Console

    style: dict[str, Any] = {"highlight": False, "markup": False}
    style["soft_wrap"] = isinstance(what, str) and not wrap
    if sys.stdout.isatty():
        Console(**style).print(what)
        return
    text = io.StringIO()
    Console(file=text, width=110, **style).print(what)
    print("\n".join(line.rstrip() for line in text.getvalue().splitlines()))
