"""`steepest infer-metric`: in which metric does a measured flow descend a known cost?"""

import shlex
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from steepest.cli.app import Json, app
from steepest.cli.output import show, to_json

__all__ = ["infer_metric"]


@app.command
def infer_metric(
    file: Annotated[
        Path, Parameter(help="Table of a flow: CSV, TSV, NPY or NPZ (Parquet with the extra `io`).")
    ],
    /,
    *,
    cost: Annotated[
        str,
        Parameter(
            help="The cost that is descended: gaussian, intrinsic, release, quadratic, or a Python"
            " file that defines cost(point) in jax.numpy (FILE.py, or FILE.py:NAME). The file is"
            " run: give only one that you trust."
        ),
    ],
    position: Annotated[
        list[str],
        Parameter(help="Columns of the position, one per coordinate.", consume_multiple=True),
    ],
    velocity: Annotated[
        list[str] | None,
        Parameter(help="Columns of the velocity, in that order.", consume_multiple=True),
    ] = None,
    time: Annotated[
        str | None, Parameter(help="Column of the time, for trajectories (instead of velocities).")
    ] = None,
    flow: Annotated[
        str | None, Parameter(help="Column that tells trajectories apart, by number or name.")
    ] = None,
    out: Annotated[
        Path | None, Parameter(help="Folder for metric.html, metric.png and metric.json.")
    ] = None,
    json: Json = False,
) -> int:
    """In which metric does a measured flow descend a known cost?

    Reads positions and velocities, one sample a row, or trajectories (positions and times), and
    fits constant metrics in the coordinates given and in their logs. Only the metric times the
    learning rate can be known, and only for the cost given.
    """
    from steepest.inference.flows.files import load_cost, read_flow
    from steepest.inference.flows.verdict import infer_metric as infer
    from steepest.pictures import png
    from steepest.report.metric import metric_page
    from steepest.study import staging

    with nullcontext() if out is None else staging(out) as stage:
        samples = read_flow(
            file, load_cost(cost), position, velocity=velocity, time=time, flow=flow
        )
        verdict = infer(samples)
        if stage is not None:
            picture = png(verdict.plot(position))
            moves = f"velocities {', '.join(velocity)}" if velocity else f"times {time}"
            page = metric_page(
                verdict, source=file.name, cost=cost, position=position, driven=moves,
                picture=picture, command=_command(file, cost, position, velocity, time, flow),
            )  # fmt: skip
            (stage / "metric.html").write_text(page, encoding="utf-8")
            (stage / "metric.json").write_text(to_json(verdict.to_dict()), encoding="utf-8")
            (stage / "metric.png").write_bytes(picture)
    if json:
        print(to_json(verdict.to_dict()))
        return 0
    show(f"{file.name}: {len(samples)} samples of {', '.join(position)}, cost {cost}\n")
    show(verdict.table())
    if out is not None:
        show(f"\nWrote metric.html, metric.png and metric.json to {out}")
    return 0


def _command(
    file: Path,
    cost: str,
    position: list[str],
    velocity: list[str] | None,
    time: str | None,
    flow: str | None,
) -> str:
    """The command line that asks this again."""
    words = ["steepest", "infer-metric", str(file), "--cost", cost, "--position", *position]
    words += ["--velocity", *velocity] if velocity else []
    words += ["--time", time] if time is not None else []
    words += ["--flow", flow] if flow is not None else []
    return shlex.join(words)
