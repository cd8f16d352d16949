"""`steepest infer`: in which geometry did measured synapses change?"""

import shlex
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from steepest.cli.app import Json, Seed, app
from steepest.cli.output import show, to_json

__all__ = ["infer"]


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
            (stage / "verdict.json").write_text(to_json(verdict.to_dict()), encoding="utf-8")
    if json:
        print(to_json(verdict.to_dict()))
        return 0
    show(f"{file.name}: column {before} (before), column {after} (after)\n")
    show(verdict_table(verdict))
    if out is not None:
        show(f"\nWrote verdict.html, verdict.png and verdict.json to {out}")
    return 0
