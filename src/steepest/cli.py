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


def _many(help: str) -> Parameter:
    """An option that takes one value or more."""
    return Parameter(help=help, consume_multiple=True, negative="")


@app.command
def infer(
    file: Annotated[
        Path,
        Parameter(
            help="Table of sizes: CSV, TSV, NPY or NPZ (Parquet, Excel, NWB with the extra `io`)."
        ),
    ],
    /,
    *,
    before: Annotated[
        str | None,
        Parameter(help="Column of the sizes before: header name, or number counted from 0."),
    ] = None,
    after: Annotated[str | None, Parameter(help="Column of the sizes after.")] = None,
    replicate_before: Annotated[
        tuple[str, ...],
        _many("Columns that measure `before` again."),
    ] = (),
    replicate_after: Annotated[
        tuple[str, ...],
        _many("Columns that measure `after` again."),
    ] = (),
    sessions: Annotated[
        tuple[str, ...],
        _many("Columns of three or more sessions in order of time, instead of before and after."),
    ] = (),
    times: Annotated[
        tuple[float, ...],
        _many("Times of the sessions, where they are not evenly spaced."),
    ] = (),
    group: Annotated[
        str | None, Parameter(help="Column of the dendrite, cell or animal of each synapse.")
    ] = None,
    condition: Annotated[str | None, Parameter(help="Column of the condition.")] = None,
    null: Annotated[
        str | None, Parameter(help="The condition without learning (sham, control).")
    ] = None,
    rate: Annotated[
        str | None, Parameter(help="Column of presynaptic rates, a covariate of before and after.")
    ] = None,
    unpaired: Annotated[
        bool,
        Parameter(help="The two columns are different synapses: two distributions.", negative=""),
    ] = False,
    absent: Annotated[
        tuple[str, ...],
        _many("How absent synapses are marked beside 0: a code such as NA or -1, or `empty`."),
    ] = (),
    table: Annotated[
        str | None, Parameter(help="Sheet of an Excel workbook, or table of an NWB file.")
    ] = None,
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
    config: Annotated[
        Path | None, Parameter(help="TOML file with any of these options; the command line wins.")
    ] = None,
    seed: Annotated[
        int | None, Parameter(help="Seed of everything random (0).", validator=Number(gte=0))
    ] = None,
    out: Annotated[
        Path | None, Parameter(help="Folder for verdict.html, verdict.png and verdict.json.")
    ] = None,
    json: Json = False,
) -> int:
    """In which geometry did measured synapses change?

    Reads sizes of the same synapses, one synapse a row, and says how the size of a change depends
    on the size of the synapse. A size of 0 is an absent synapse. A geometry is named only where
    measurement noise is known: from three or more sessions, from replicates, from a null
    condition, or because sizes are stated to be exact. Noise alone can look like any geometry.
    """
    from steepest import inferring
    from steepest.inference.request import Request
    from steepest.study import staging

    given: dict[str, Any] = {
        "before": before, "after": after, "replicate_before": replicate_before,
        "replicate_after": replicate_after, "sessions": sessions, "times": times,
        "group": group, "condition": condition, "null": null, "rate": rate,
        "unpaired": unpaired, "absent": absent, "table": table, "noise_cv": noise_cv,
        "noise_sd": noise_sd, "detection_limit": detection_limit, "seed": seed,
    }  # fmt: skip
    asked = Request(**given) if config is None else Request.from_toml(config, given)
    with nullcontext() if out is None else staging(out) as stage:
        answer = inferring.answer(file, asked, with_page=stage is not None)
        if stage is not None:
            (stage / "verdict.png").write_bytes(answer.picture)
            (stage / "verdict.html").write_text(answer.page, encoding="utf-8")
            (stage / "verdict.json").write_text(_json(answer.content), encoding="utf-8")
    if json:
        print(_json(answer.content))
        return 0
    _print(answer.heading + "\n")
    _print(answer.table)
    if out is not None:
        _print(f"\nWrote verdict.html, verdict.png and verdict.json to {out}")
    return 0


@app.command
def plan(
    *,
    synapses: Annotated[
        tuple[int, ...],
        _many("Numbers of synapses to try."),
    ] = (),
    sessions: Annotated[
        tuple[int, ...],
        _many("Numbers of sessions to try."),
    ] = (),
    replicates: Annotated[
        tuple[int, ...],
        _many("Numbers of replicates to try."),
    ] = (),
    geometry: Annotated[
        tuple[str, ...],
        _many("Geometries to be named (all)."),
    ] = (),
    spread: Annotated[
        float | None, Parameter(help="sd of log size between synapses (0.7).")
    ] = None,
    change: Annotated[
        float | None, Parameter(help="rms relative change from session to session (0.25).")
    ] = None,
    multiplicative: Annotated[
        float | None, Parameter(help="Noise, part of size: sd of log size (0).")
    ] = None,
    shot: Annotated[
        float | None, Parameter(help="Shot noise: sd at the median size, in its unit (0).")
    ] = None,
    additive: Annotated[
        float | None, Parameter(help="Additive noise: sd in units of the median size (0).")
    ] = None,
    groups: Annotated[int | None, Parameter(help="Dendrites, cells or animals (14).")] = None,
    null: Annotated[
        bool, Parameter(help="With as many synapses of a null condition.", negative="")
    ] = False,
    pilot: Annotated[
        Path | None, Parameter(help="A file to take spread, change, noise and groups from.")
    ] = None,
    config: Annotated[
        Path | None, Parameter(help="TOML file with the pilot's columns, as for `infer`.")
    ] = None,
    runs: Annotated[
        int, Parameter(help="Simulated experiments of each kind.", validator=Number(gte=1))
    ] = 40,
    seed: Seed = 0,
    out: Annotated[Path | None, Parameter(help="Folder for plan.png and plan.json.")] = None,
    json: Json = False,
) -> int:
    """How many synapses, sessions and replicates does it take to name a geometry?

    Simulates experiments like yours and judges them with the code that judges measured synapses.
    """
    from steepest import planned
    from steepest.study import png, staging

    stated: dict[str, Any] = {
        "spread": spread, "change": change, "multiplicative": multiplicative, "shot": shot,
        "additive": additive, "groups": groups, "null": null or None,
    }  # fmt: skip
    with nullcontext() if out is None else staging(out) as stage:
        found = planned.make(
            stated,
            pilot,
            config,
            synapses=synapses,
            sessions=sessions,
            replicates=replicates,
            truths=geometry,
            runs=runs,
            seed=seed,
        )
        if stage is not None:
            (stage / "plan.png").write_bytes(png(found.plot()))
            (stage / "plan.json").write_text(_json(found.to_dict()), encoding="utf-8")
    if json:
        print(_json(found.to_dict()))
        return 0
    _print(planned.table(found))
    if out is not None:
        _print(f"\nWrote plan.png and plan.json to {out}")
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
