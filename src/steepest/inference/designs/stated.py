"""A plan from what is stated on a command line, and from a pilot file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from steepest.inference.designs.design import Design
from steepest.inference.designs.planning import Plan, design_from, plan
from steepest.inference.synapses.geometries import GEOMETRIES
from steepest.inference.synapses.request import Request

__all__ = ["plan_stated"]


def plan_stated(
    stated: Mapping[str, Any],
    pilot: tuple[Path, Request] | None = None,
    *,
    synapses: Sequence[int] = (),
    sessions: Sequence[int] = (),
    replicates: Sequence[int] = (),
    truths: Sequence[str] = (),
    runs: int = 40,
    seed: int = 0,
    jobs: int = 1,
) -> Plan:
    """The plan for a design: that of the pilot file, or the default one, changed by what is stated.

    - `stated`: fields of `Design` by name; those that are None leave the design as it is.
    - `pilot`: a file, and which of its columns are what.
    - `synapses`, `sessions`, `replicates`: numbers to try; with none of them, a half, the same,
      twice and four times the design's synapses.
    - `truths`: the geometries to be named, all unless given; `runs` experiments of each, shared by
      `jobs` processes.

    Raises DataError and UsageError as `design_from` and `plan` do.
    """
    given = {name: value for name, value in stated.items() if value is not None}
    design = Design() if not given.get("null") else Design(sessions=2)
    if pilot is not None:
        file, request = pilot
        design, _ = design_from(request.measurements(file), seed=seed)
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
        jobs=jobs,
    )
