"""`steepest connectivity`: which connectivity makes a rate network do what was recorded?"""

import shlex
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from steepest.cli.app import Json, Seed, app
from steepest.cli.output import show, to_json

__all__ = ["connectivity"]


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
        Path | None,
        Parameter(help="Folder for connectivity.html, .png, .csv (the weights) and .json."),
    ] = None,
    json: Json = False,
) -> int:
    """Which connectivity makes a rate network do what was recorded?

    Finds W of v' = -l v + W S(v) by least relative entropy, with 95 % intervals from resampling
    blocks of time, says what the recording leaves open, and plays the network against the data.
    """
    from steepest.data.series import read_series
    from steepest.inference import infer_connectivity
    from steepest.inference.activity.picture import connectivity_picture
    from steepest.pictures import png
    from steepest.recurrent import IDENTITY, TANH, logistic
    from steepest.report.connectivity import connectivity_page
    from steepest.study import staging

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
            picture = png(connectivity_picture(result))
            page = connectivity_page(
                result,
                source=file.name,
                picture=picture,
                command=_command(
                    file, time=time, step=step, columns=columns, decay=decay,
                    nonlinearity=nonlinearity, derivative=derivative, ridge=ridge or None,
                    cut=cut or None, seed=seed,
                ),
            )  # fmt: skip
            (stage / "connectivity.html").write_text(page, encoding="utf-8")
            (stage / "connectivity.png").write_bytes(picture)
            (stage / "connectivity.csv").write_text(result.csv(), encoding="utf-8")
            (stage / "connectivity.json").write_text(to_json(result.to_dict()), encoding="utf-8")
    if json:
        print(to_json(result.to_dict()))
        return 0
    show(file.name)
    for line in result.lines():
        show(line)
    if out is not None:
        show(f"\nWrote connectivity.html, .png, .csv and .json to {out}")
    return 0


def _command(file: Path, **options: object) -> str:
    """The command line that repeats a run; options that are None were not given."""
    words = ["steepest", "connectivity", str(file)]
    for name, value in options.items():
        if value is not None:
            words += [f"--{name}", str(value)]
    return shlex.join(words)
