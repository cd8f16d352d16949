"""`steepest connectivity`: which connectivity makes a rate network do what was recorded?"""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from steepest.cli.options import ANSWER, HEADER_ROW, READING, TABLE, Json, Seed, many
from steepest.cli.output import command_line, give
from steepest.errors import UsageError

if TYPE_CHECKING:
    from steepest.report.answer import Answer

__all__ = ["command"]


def command(
    file: Annotated[
        Path,
        Parameter(
            help="Time series: one column per unit; CSV, TSV, JSON, NPY, NPZ, MATLAB or NWB, packed"
            " or not (Parquet and Excel with the extra `io`)."
        ),
    ],
    /,
    *,
    time: Annotated[
        str | None,
        Parameter(group=READING, help="Column of times; taken by itself where it is called time."),
    ] = None,
    step: Annotated[
        float | None,
        Parameter(group=READING, help="Sampling step, where there is no column of times."),
    ] = None,
    columns: Annotated[
        tuple[str, ...], many("Columns of the units; by default all.", group=READING)
    ] = (),
    transpose: Annotated[
        bool,
        Parameter(
            group=READING, help="A row of the file is one unit, and a column a time.", negative=""
        ),
    ] = False,
    table: Annotated[str | None, Parameter(group=READING, help=TABLE)] = None,
    header_row: Annotated[str | None, Parameter(group=READING, help=HEADER_ROW)] = None,
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
        Path | None,
        Parameter(
            group=ANSWER, help="Folder for connectivity.html, .png, .csv (the weights) and .json."
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Which connectivity makes a rate network do what was recorded?

    Finds W of v' = -l v + W S(v) by least relative entropy, with 95 % intervals from resampling
    blocks of time, says what the recording leaves open, and plays the network against the data.

    For example:

    ```
    steepest connectivity activity.csv --out connectivity
    steepest connectivity activity.npy --step 0.01 --columns 0 1 2 --decay 20
    ```
    """
    if len(columns) == 1 and "," in columns[0]:
        typed = shlex.join(name.strip() for name in columns[0].split(","))
        raise UsageError(
            f"several columns are separated by blanks: type --columns {typed} (a single column"
            " with a comma in its name is given by its number)"
        )

    def make() -> "Answer":
        from steepest.data.header import parse_header_row
        from steepest.data.series import read_series

        series = read_series(
            file,
            columns=columns or None,
            time=time,
            step=step,
            transpose=transpose,
            part=table,
            header_row=parse_header_row(header_row),
        )
        from steepest.inference import infer_connectivity
        from steepest.recurrent import IDENTITY, TANH, logistic
        from steepest.report.connectivity import connectivity_answer

        functions = {"tanh": TANH, "linear": IDENTITY, "logistic": logistic()}
        result = infer_connectivity(
            series,
            decay=decay,
            nonlinearity=functions[nonlinearity],
            derivative=derivative,
            ridge=ridge,
            cut=cut,
            seed=seed,
        )
        return connectivity_answer(result, source=file.name)

    repeated = command_line(
        "connectivity", file, time=time, step=step, columns=columns, transpose=transpose,
        table=table, header_row=header_row, decay=decay,
        nonlinearity=nonlinearity, derivative=derivative, ridge=ridge or None, cut=cut or None,
        seed=seed,
    )  # fmt: skip
    return give(make, repeated, out=out, json=json)
