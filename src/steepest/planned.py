"""A plan from what is stated and a pilot file, and as a table for the terminal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.text import Text

from steepest.errors import UsageError
from steepest.inference.designs.design import Design
from steepest.inference.designs.planning import Plan, described, design_from, plan
from steepest.inference.synapses.geometries import GEOMETRIES
from steepest.inference.synapses.request import Request
from steepest.report.page import plain_table

__all__ = ["make", "table"]


def make(
    stated: Mapping[str, Any],
    pilot: Path | None,
    config: Path | None,
    *,
    synapses: Sequence[int] = (),
    sessions: Sequence[int] = (),
    replicates: Sequence[int] = (),
    truths: Sequence[str] = (),
    runs: int = 40,
    seed: int = 0,
) -> Plan:
    """The plan for a design: that of the pilot file, or the default one, changed by what is stated.

    Values of `stated` that are None leave the design as it is. Where no numbers are given to try,
    a half, the same, twice and four times the design's synapses are tried. Raises UsageError where
    a pilot comes without the TOML file that says its columns, or the other way round.
    """
    if (pilot is None) != (config is None):
        raise UsageError("--pilot (a file) and --config (TOML with its columns) go together")
    given = {name: value for name, value in stated.items() if value is not None}
    design = Design() if not given.get("null") else Design(sessions=2)
    if pilot is not None and config is not None:
        design, _ = design_from(Request.from_toml(config, {}).measurements(pilot), seed=seed)
    design = design.with_change(**given)
    if not (synapses or sessions or replicates):
        synapses = [max(1, design.synapses * k // 2) for k in (1, 2, 4, 8)]
    return plan(
        design,
        synapses=synapses,
        sessions=sessions,
        replicates=replicates,
        truths=tuple(truths) or tuple(GEOMETRIES),
        runs=runs,
        seed=seed,
    )


def table(found: Plan) -> Group:
    """Power of every design and geometry, wrong names in brackets, and what is enough."""
    rows = plain_table("Design", *found.truths, numbers=1)
    for design, power, wrong in zip(found.designs, found.power, found.wrong, strict=True):
        cells = [f"{p:.2f} ({w:.2f})" for p, w in zip(power, wrong, strict=True)]
        rows.add_row(described(design), *cells)
    one = found.designs[0]
    head = Text(
        "Share of experiments that name the geometry rightly (wrongly), of"
        f" {found.runs} simulated; spread {one.spread:.2g}, change {one.change:.2g}, noise"
        f" {one.multiplicative:.2g} multiplicative, {one.shot:.2g} shot, {one.additive:.2g}"
        f" additive, {one.groups} groups"
    )
    lines = []
    for truth in found.truths:
        design = found.enough(truth)
        words = "none of these designs" if design is None else described(design)
        lines.append(Text(f"80 % for {truth}: {words}"))
    return Group(head, "", rows, "", *lines)
