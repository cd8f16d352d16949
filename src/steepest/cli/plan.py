"""`steepest plan`: how many synapses does it take to name a geometry?"""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from steepest.cli.app import Json, Seed, app, many
from steepest.cli.output import show, to_json

__all__ = ["plan"]


@app.command
def plan(
    *,
    synapses: Annotated[
        tuple[int, ...],
        many("Numbers of synapses to try (half, once, twice and four times the design's)."),
    ] = (),
    sessions: Annotated[
        tuple[int, ...],
        many("Numbers of sessions to try."),
    ] = (),
    replicates: Annotated[
        tuple[int, ...],
        many("Numbers of replicates to try."),
    ] = (),
    geometry: Annotated[
        tuple[str, ...],
        many("Geometries to be named (all)."),
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
    from steepest.pictures import png
    from steepest.study import staging

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
            (stage / "plan.json").write_text(to_json(found.to_dict()), encoding="utf-8")
    if json:
        print(to_json(found.to_dict()))
        return 0
    show(planned.table(found))
    if out is not None:
        show(f"\nWrote plan.png and plan.json to {out}")
    return 0
