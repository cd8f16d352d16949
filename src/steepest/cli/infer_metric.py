"""`steepest infer-metric`: in which metric does a measured flow descend a known cost?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from steepest.cli.options import ANSWER, HEADER_ROW, READING, TABLE, Json, many
from steepest.cli.output import command_line, give

if TYPE_CHECKING:
    from steepest.report.answer import Answer

__all__ = ["command"]


def command(
    file: Annotated[
        Path,
        Parameter(
            help="Table of a flow: CSV, TSV, JSON, NPY, NPZ, MATLAB or NWB, packed or not (Parquet"
            " and Excel with the extra `io`)."
        ),
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
        many("Columns of the position, one per coordinate.", group=READING),
    ],
    velocity: Annotated[
        list[str] | None,
        many("Columns of the velocity, in that order.", group=READING),
    ] = None,
    time: Annotated[
        str | None,
        Parameter(
            group=READING, help="Column of the time, for trajectories (instead of velocities)."
        ),
    ] = None,
    flow: Annotated[
        str | None,
        Parameter(group=READING, help="Column that tells trajectories apart, by number or name."),
    ] = None,
    transpose: Annotated[
        bool,
        Parameter(
            group=READING,
            help="A row of the file is one coordinate, and a column a sample.",
            negative="",
        ),
    ] = False,
    table: Annotated[str | None, Parameter(group=READING, help=TABLE)] = None,
    header_row: Annotated[str | None, Parameter(group=READING, help=HEADER_ROW)] = None,
    out: Annotated[
        Path | None, Parameter(group=ANSWER, help="Folder for metric.html, .png, .csv and .json.")
    ] = None,
    json: Json = False,
) -> int:
    """In which metric does a measured flow descend a known cost?

    Reads positions and velocities, one sample a row, or trajectories (positions and times), and
    fits constant metrics in the coordinates given and in their logs. Only the metric times the
    learning rate can be known, and only for the cost given.

    For example:

    ```
    steepest infer-metric flow.csv --cost gaussian --position mu s --velocity dmu ds
    steepest infer-metric paths.csv --cost mine.py:cost --position x y --time t --flow trial
    ```
    """

    def make() -> "Answer":
        from steepest.data.header import parse_header_row
        from steepest.data.opening import check_file

        check_file(file)
        from steepest.inference.flows.files import load_cost, read_flow

        descended = load_cost(cost)
        samples = read_flow(
            file,
            descended,
            position,
            velocity=velocity,
            time=time,
            flow=flow,
            part=table,
            header_row=parse_header_row(header_row),
            transpose=transpose,
        )
        from steepest.inference import infer_metric
        from steepest.report.metric import metric_answer

        driven = f"velocities {', '.join(velocity)}" if velocity else f"times {time}"
        return metric_answer(
            infer_metric(samples), source=file.name, cost=cost, position=position, driven=driven
        )

    repeated = command_line(
        "infer-metric", file, cost=cost, position=position, velocity=velocity, time=time, flow=flow,
        transpose=transpose, table=table, header_row=header_row,
    )  # fmt: skip
    return give(make, repeated, out=out, json=json)
