"""`steepest infer`: in which geometry did measured synapses change?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

from steepest.cli.options import ANSWER, HEADER_ROW, READING, SEEDS, TABLE, Json, many
from steepest.cli.output import command_line, give
from steepest.errors import UsageError

if TYPE_CHECKING:
    from steepest.report.answer import Answer

__all__ = ["command"]

SIZES = Group("Which sizes", sort_key=1)
LONG = Group("Long tables: a row for each synapse and session", sort_key=2)
GROUPS = Group("Groups, conditions and rows", sort_key=3)
NOISE = Group("Noise and outliers", sort_key=4)


def command(
    *file: Annotated[
        Path,
        Parameter(
            name="FILE",
            help="Table of sizes: CSV, TSV, JSON, NPY, NPZ, MATLAB or NWB, packed or not (Parquet,"
            " Excel with the extra `io`); several files, or a quoted pattern ('cell*.csv').",
        ),
    ],
    before: Annotated[
        str | None,
        Parameter(
            group=SIZES, help="Column of the sizes before: header name, or number counted from 0."
        ),
    ] = None,
    after: Annotated[str | None, Parameter(group=SIZES, help="Column of the sizes after.")] = None,
    replicate_before: Annotated[
        tuple[str, ...],
        many("Columns that measure `before` again.", group=SIZES),
    ] = (),
    replicate_after: Annotated[
        tuple[str, ...],
        many("Columns that measure `after` again.", group=SIZES),
    ] = (),
    sessions: Annotated[
        tuple[str, ...],
        many(
            "Columns of three or more sessions in order of time, instead of before and after.",
            group=SIZES,
        ),
    ] = (),
    id: Annotated[
        str | None,
        Parameter(
            group=LONG,
            help="Long table (a row for each synapse and session): column of the synapse's name;"
            " animal/spine where names repeat between animals.",
        ),
    ] = None,
    session: Annotated[
        str | None, Parameter(group=LONG, help="Long table: column of the session.")
    ] = None,
    size: Annotated[
        str | None, Parameter(group=LONG, help="Long table: column of the size.")
    ] = None,
    replicates: Annotated[
        bool,
        Parameter(
            group=LONG,
            help="Long table: rows of one synapse and session measure it again.",
            negative="",
        ),
    ] = False,
    order: Annotated[
        tuple[str, ...],
        many(
            "Long table: the sessions in order, where neither numbers nor dates tell it.",
            group=LONG,
        ),
    ] = (),
    times: Annotated[
        tuple[float, ...],
        many("Times of the sessions, where they are not evenly spaced.", group=SIZES),
    ] = (),
    group: Annotated[
        str | None,
        Parameter(
            group=GROUPS,
            help="Column of the dendrite, cell or animal of each synapse; animal/dendrite takes"
            " scale and drift out of dendrites, and resamples animals.",
        ),
    ] = None,
    condition: Annotated[
        str | None, Parameter(group=GROUPS, help="Column of the condition.")
    ] = None,
    null: Annotated[
        str | None, Parameter(group=GROUPS, help="The condition without learning (sham, control).")
    ] = None,
    where: Annotated[
        tuple[str, ...],
        many(
            "Rows to be used, such as group=trained 'day<=12'; all conditions must hold.",
            group=GROUPS,
        ),
    ] = (),
    compare: Annotated[
        str | None,
        Parameter(
            group=GROUPS,
            help="Column of a condition: a verdict for each value, and their difference.",
        ),
    ] = None,
    file_is: Annotated[
        Literal["group", "session", "condition", "part"] | None,
        Parameter(group=GROUPS, help="What each of several files is (group)."),
    ] = None,
    rate: Annotated[
        str | None,
        Parameter(
            group=SIZES, help="Column of presynaptic rates, a covariate of before and after."
        ),
    ] = None,
    unpaired: Annotated[
        bool,
        Parameter(
            group=SIZES,
            help="The two columns are different synapses: two distributions.",
            negative="",
        ),
    ] = False,
    pairs: Annotated[
        bool,
        Parameter(
            group=SIZES,
            help="Two synapses of one axon on one dendrite a row, in no order: one snapshot.",
            negative="",
        ),
    ] = False,
    pair: Annotated[
        str | None,
        Parameter(
            group=SIZES,
            help="With --pairs, a long table's column of the pair's name, beside --size.",
        ),
    ] = None,
    absent: Annotated[
        tuple[str, ...],
        many(
            "How absent synapses are marked beside 0: a code such as NA or -1, or `empty`.",
            group=READING,
        ),
    ] = (),
    not_measured: Annotated[
        tuple[str, ...],
        many(
            "How sizes that were not measured are marked, beside empty cells and NA.", group=READING
        ),
    ] = (),
    table: Annotated[str | None, Parameter(group=READING, help=TABLE)] = None,
    header_row: Annotated[str | None, Parameter(group=READING, help=HEADER_ROW)] = None,
    noise_cv: Annotated[
        float | None,
        Parameter(
            group=NOISE,
            help="Measurement noise as a fraction of size; 0 says that sizes are exact.",
        ),
    ] = None,
    noise_sd: Annotated[
        float | None,
        Parameter(group=NOISE, help="Measurement noise as an sd, in the unit of size."),
    ] = None,
    noise: Annotated[
        str | None,
        Parameter(
            group=NOISE,
            help="Table of noise: columns session and cv (before, after), or size and cv; or sd.",
        ),
    ] = None,
    detection_limit: Annotated[
        float | None,
        Parameter(group=NOISE, help="Smallest size that can be detected, in the unit of size."),
    ] = None,
    keep_outliers: Annotated[
        bool,
        Parameter(
            group=NOISE,
            help="Keep measurements that are far from all that surrounds them.",
            negative="",
        ),
    ] = False,
    signed: Annotated[
        bool,
        Parameter(
            group=SIZES,
            help="Before and after are weights of either sign; those that cross zero are kept.",
            negative="",
        ),
    ] = False,
    config: Annotated[
        Path | None,
        Parameter(
            group=READING, help="TOML file with any of these options; the command line wins."
        ),
    ] = None,
    seed: Annotated[
        int | None, Parameter(group=ANSWER, help="Seed of everything random (0).", validator=SEEDS)
    ] = None,
    full: Annotated[
        bool, Parameter(group=ANSWER, help="Print every number and check, too.", negative="")
    ] = False,
    out: Annotated[
        Path | None,
        Parameter(group=ANSWER, help="Folder for verdict.html, .png, .csv (every row) and .json."),
    ] = None,
    json: Json = False,
) -> int:
    """In which geometry did measured synapses change?

    A file alone is looked at: what it seems to hold, and which command would judge it.

    Reads sizes of the same synapses, one synapse a row (or a row for each synapse and session),
    and says how the size of a change depends on the size of the synapse. A size of 0 is an absent
    synapse. A geometry is named only where measurement noise is known: from three or more sessions,
    from replicates, from a null condition, or because sizes are stated to be exact. Noise alone can
    look like any geometry.

    For example:

    ```
    steepest infer sizes.csv --sessions day0 day4 day8 day12 --group dendrite --out verdict
    steepest infer spines.csv --id animal/spine --session day --size volume --group animal/dendrite
    ```
    """
    from dataclasses import asdict

    from steepest.data.settings import is_said

    if not file:
        raise UsageError("give a file: steepest infer FILE")
    given: dict[str, Any] = {
        "before": before, "after": after, "replicate_before": replicate_before,
        "replicate_after": replicate_after, "sessions": sessions, "id": id, "session": session,
        "size": size, "replicates": replicates, "order": order, "times": times, "group": group,
        "condition": condition, "null": null, "where": where, "compare": compare,
        "file_is": file_is, "rate": rate, "unpaired": unpaired, "pairs": pairs, "pair": pair,
        "absent": absent, "not_measured": not_measured, "table": table, "header_row": header_row,
        "noise_cv": noise_cv, "noise_sd": noise_sd, "noise": noise,
        "detection_limit": detection_limit,
        "keep_outliers": keep_outliers, "signed": signed, "seed": seed,
    }  # fmt: skip
    if config is None and not any(
        map(is_said, (given | {"table": None, "header_row": None}).values())
    ):
        from steepest.cli.looking import look_at

        return look_at(file, table, header_row, out=out, json=json)
    from steepest.inference.synapses.request import Request

    request = Request(**given) if config is None else Request.from_toml(config, given)

    def make() -> "Answer":
        from steepest.data.several import expanded

        paths = expanded(file)
        from steepest.report.asked import answer_request

        return answer_request(paths, request)

    repeated = command_line("infer", *file, **(asdict(request) | {"seed": request.seed or 0}))
    return give(make, repeated, out=out, json=json, full=full)
