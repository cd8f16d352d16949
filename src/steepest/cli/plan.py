"""`steepest plan`: how many synapses does it take to name a geometry?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter
from cyclopts.validators import Number

from steepest.cli.options import ANSWER, Json, Seed, many
from steepest.cli.output import command_line, give
from steepest.errors import UsageError
from steepest.machine import cores

if TYPE_CHECKING:
    from steepest.report.answer import Answer

__all__ = ["command"]

DESIGN = Group("Designs to try", sort_key=1)
SIMULATED = Group("What is simulated", sort_key=2)


def command(
    *,
    synapses: Annotated[
        tuple[int, ...],
        many(
            "Numbers of synapses to try (half, once, twice and four times the design's).",
            group=DESIGN,
        ),
    ] = (),
    sessions: Annotated[
        tuple[int, ...],
        many("Numbers of sessions to try.", group=DESIGN),
    ] = (),
    replicates: Annotated[
        tuple[int, ...],
        many("Numbers of replicates to try.", group=DESIGN),
    ] = (),
    geometry: Annotated[
        tuple[str, ...],
        many("Geometries to be named (all).", group=DESIGN),
    ] = (),
    spread: Annotated[
        float | None, Parameter(group=SIMULATED, help="sd of log size between synapses (0.7).")
    ] = None,
    change: Annotated[
        float | None,
        Parameter(group=SIMULATED, help="rms relative change from session to session (0.25)."),
    ] = None,
    multiplicative: Annotated[
        float | None, Parameter(group=SIMULATED, help="Noise, part of size: sd of log size (0).")
    ] = None,
    shot: Annotated[
        float | None,
        Parameter(group=SIMULATED, help="Shot noise: sd at the median size, in its unit (0)."),
    ] = None,
    additive: Annotated[
        float | None,
        Parameter(group=SIMULATED, help="Additive noise: sd in units of the median size (0)."),
    ] = None,
    groups: Annotated[
        int | None, Parameter(group=DESIGN, help="Dendrites, cells or animals (14).")
    ] = None,
    null: Annotated[
        bool,
        Parameter(group=DESIGN, help="With as many synapses of a null condition.", negative=""),
    ] = False,
    pilot: Annotated[
        Path | None,
        Parameter(group=SIMULATED, help="A file to take spread, change, noise and groups from."),
    ] = None,
    config: Annotated[
        Path | None,
        Parameter(group=SIMULATED, help="TOML file with the pilot's columns, as for `infer`."),
    ] = None,
    runs: Annotated[
        int,
        Parameter(
            group=SIMULATED, help="Simulated experiments of each kind.", validator=Number(gte=1)
        ),
    ] = 40,
    seed: Seed = 0,
    jobs: Annotated[
        int | None,
        Parameter(
            group=ANSWER,
            help="Experiments judged at a time (one per core).",
            validator=Number(gte=1),
        ),
    ] = None,
    out: Annotated[
        Path | None, Parameter(group=ANSWER, help="Folder for plan.html, .png, .csv and .json.")
    ] = None,
    json: Json = False,
) -> int:
    """How many synapses, sessions and replicates does it take to name a geometry?

    Simulates experiments like yours and judges them with the code that judges measured synapses.

    For example:

    ```
    steepest plan --synapses 200 400 800 --sessions 4 8 --geometry multiplicative
    steepest plan --pilot pilot.csv --config columns.toml --out plan
    ```
    """
    if (pilot is None) != (config is None):
        raise UsageError("--pilot (a file) and --config (TOML with its columns) go together")
    stated: dict[str, Any] = {
        "spread": spread, "change": change, "multiplicative": multiplicative, "shot": shot,
        "additive": additive, "groups": groups, "null": null or None,
    }  # fmt: skip

    def make() -> "Answer":
        given = None
        if pilot is not None and config is not None:
            from steepest.data.opening import check_file
            from steepest.inference.synapses.request import Request

            given = pilot, Request.from_toml(config, {})
            check_file(pilot)
        from steepest.inference.designs.stated import plan_stated
        from steepest.report.plan import plan_answer

        planned = plan_stated(
            stated,
            given,
            synapses=synapses,
            sessions=sessions,
            replicates=replicates,
            truths=geometry,
            runs=runs,
            seed=seed,
            jobs=jobs or cores(),
        )
        return plan_answer(planned)

    repeated = command_line(
        "plan", synapses=synapses, sessions=sessions, replicates=replicates, geometry=geometry,
        **stated, pilot=pilot, config=config, runs=runs, seed=seed,
    )  # fmt: skip
    return give(make, repeated, out=out, json=json)
