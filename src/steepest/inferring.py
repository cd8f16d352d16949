"""From a file and what is asked of it to a verdict as table, page, picture and JSON."""

import shlex
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from steepest.errors import DataError
from steepest.inference import infer_geometry
from steepest.inference.synapses.assumed_noise import Sensitivity, sensitivity
from steepest.inference.synapses.covariate import rate_exponent
from steepest.inference.synapses.measured import MeasuredVerdict, infer_measured
from steepest.inference.synapses.request import Request, is_said
from steepest.inference.synapses.unpaired import infer_unpaired
from steepest.inference.synapses.verdict import plain
from steepest.pictures import png
from steepest.report.measured import measured_page, measured_table
from steepest.report.pair import unpaired_page, unpaired_table, verdict_page, verdict_table

__all__ = ["Answer", "answer"]


@dataclass(frozen=True, eq=False)
class Answer:
    """A verdict for a terminal (heading, table), for JSON (content), and as a page with picture.

    Page and picture are empty where they were not asked for.
    """

    heading: str
    table: RenderableType
    content: dict[str, Any]
    page: str = field(default="", repr=False)
    picture: bytes = field(default=b"", repr=False)


def answer(file: Path, asked: Request, *, with_page: bool = False) -> Answer:
    """What a file says about what is asked. Raises DataError as the readers and estimators do."""
    command = shlex.join(["steepest", "infer", str(file), *asked.to_options()])
    if asked.seed is None:
        command += " --seed 0"
    if asked.unpaired:
        return _unpaired(file, asked, command, with_page)
    if asked.paired:
        return _pair(file, asked, command, with_page)
    return _measured(file, asked, command, with_page)


def _measured(file: Path, asked: Request, command: str, with_page: bool) -> Answer:
    measured = asked.measurements(file)
    seed = asked.seed or 0
    if measured.source is None and asked.noise_cv is None and asked.noise_sd is None:
        # Groups alone say nothing about noise: the pair is judged without it, and never named.
        return _pair(file, asked, command, with_page)
    verdict: MeasuredVerdict = infer_measured(
        measured, noise_cv=asked.noise_cv, noise_sd=asked.noise_sd, seed=seed
    )
    heading = f"{file.name}: {', '.join(measured.names)}"
    content = {**verdict.to_dict(), "request": _request(asked)}
    if not with_page:
        return Answer(heading, measured_table(verdict), content)
    picture = png(verdict.plot())
    page = measured_page(verdict, source=file.name, picture=picture, command=command)
    return Answer(heading, measured_table(verdict), content, page, picture)


def _pair(file: Path, asked: Request, command: str, with_page: bool) -> Answer:
    columns = asked.columns(file)
    series = columns.series()
    seed = asked.seed or 0
    try:
        verdict = infer_geometry(
            series[0],
            series[1],
            noise_cv=asked.noise_cv,
            noise_sd=asked.noise_sd,
            detection_limit=asked.detection_limit,
            seed=seed,
        )
    except DataError as error:
        raise DataError(f"{file}: {error}") from error
    heading = f"{file.name}: column {asked.before} (before), column {asked.after} (after)"
    content = verdict.to_dict() | {"request": _request(asked)}
    rate = None
    if asked.rate is not None:
        rate = rate_exponent(columns.arrays[0], columns.arrays[1], columns.arrays[2], seed=seed)
        content["rate"] = plain(asdict(rate))
    parts: list[RenderableType] = [verdict_table(verdict, rate)]
    curve = None
    if verdict.noise.kind == "unknown":
        curve = sensitivity(verdict.before, verdict.after)
        content["sensitivity"] = plain(asdict(curve))
        parts += ["", Text(_flip(curve))]
    if not with_page:
        return Answer(heading, Group(*parts), content)
    picture = png(verdict.plot())
    page = verdict_page(
        verdict,
        source=file.name,
        before=str(asked.before),
        after=str(asked.after),
        picture=picture,
        command=command,
        notes=[] if curve is None else [_flip(curve)],
        rate=rate,
        assumed=curve,
    )
    return Answer(heading, Group(*parts), content, page, picture)


def _unpaired(file: Path, asked: Request, command: str, with_page: bool) -> Answer:
    columns = asked.columns(file)
    try:
        verdict = infer_unpaired(columns.arrays[0], columns.arrays[1], seed=asked.seed or 0)
    except DataError as error:
        raise DataError(f"{file}: {error}") from error
    heading = f"{file.name}: column {asked.before} and column {asked.after}, unpaired"
    content = verdict.to_dict() | {"request": _request(asked)}
    if not with_page:
        return Answer(heading, unpaired_table(verdict), content)
    picture = png(verdict.plot())
    page = unpaired_page(
        verdict,
        source=file.name,
        before=str(asked.before),
        after=str(asked.after),
        picture=picture,
        command=command,
    )
    return Answer(heading, unpaired_table(verdict), content, page, picture)


def _request(asked: Request) -> dict[str, Any]:
    """What was asked, as it was understood; only what was said."""
    return plain(
        {name: value for name, value in asdict(asked).items() if is_said(value)}
        | {"seed": asked.seed or 0}
    )


def _flip(curve: Sensitivity) -> str:
    return (
        f"If there is measurement noise: a coefficient of variation of {curve.flip_cv} or an"
        f" additive sd of {curve.flip_sd} makes another geometry the nearest."
    )
