"""The geometries of a network's layers as an answer."""

from typing import TYPE_CHECKING

from steepest.inference.networks.layers import LayerFit, LayersVerdict
from steepest.papers.pogodin2024 import CITATION
from steepest.report.answer import Answer
from steepest.report.page import Page, Section
from steepest.report.tables import plain_table, text, together
from steepest.report.words import INDEX, capital, fixed, interval

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["layers_answer"]

_CAPTION = (
    "The index of every layer that was fitted, with its 95 % interval from resampling rows and"
    " columns; the vertical lines are the named geometries."
)
_COLUMNS = ("Layer", "Shape", "Index", "95 %", "Nearest", "logroot", "likelihood", "Moved signs")
_BESIDE = (
    "Index: where a weight's dual change does not depend on its size once what it shares with its"
    " row and column is taken out. logroot and likelihood are the estimators for synapses that"
    " share nothing."
)


def layers_answer(verdict: LayersVerdict, *, before: str, after: str) -> Answer:
    """The verdict on every layer for terminal, JSON and page; `before`, `after` name the files."""
    return Answer(
        name="layers",
        heading=f"{before} (before), {after} (after)",
        content=verdict.to_dict(),
        table=lambda: _table(verdict),
        page=lambda: _page(verdict, before, after),
        draw=verdict.plot,
    )


def _page(verdict: LayersVerdict, before: str, after: str) -> Page:
    crossed = _crossed(verdict)
    return Page(
        title=f"Geometry of {after}",
        question="Which geometry trained this network?",
        asked=f"Asked of {before} (before) and {after} (after), layer by layer. {INDEX}",
        statement=verdict.verdict,
        tone="open" if verdict.fitted else "bad",
        notes=[("", crossed)] if crossed else [],
        alt="The index of every layer with its interval, and the named geometries",
        caption=_CAPTION,
        sections=[
            Section(
                "The layers",
                _COLUMNS,
                [_row(layer) for layer in verdict.fitted],
                numbers=(2, 3, 5, 6, 7),
                note=_BESIDE,
            ),
            Section(
                "What each layer says",
                ("Layer", "Verdict", "Why"),
                [(layer.name, layer.verdict, capital(layer.reason)) for layer in verdict.fitted],
            ),
            Section(
                "What was not used, and why",
                ("Layer", "Shape", "", "Why"),
                [
                    (layer.name, _shape(layer), layer.status, capital(layer.reason))
                    for layer in verdict.layers
                    if layer.status != "fitted"
                ],
            ),
        ],
        citations=[CITATION],
        seed=verdict.seed,
    )


def _table(verdict: LayersVerdict) -> "Group":
    table = plain_table(*_COLUMNS)
    for layer in verdict.layers:
        if layer.status == "fitted":
            table.add_row(*map(text, _row(layer)))
        else:
            said = f"{layer.status}: {layer.reason}"
            table.add_row(*map(text, (layer.name, _shape(layer), "-", "-", said)))
    crossed = _crossed(verdict)
    return together(table, "", text(verdict.verdict), *([text(crossed)] if crossed else []))


def _row(layer: LayerFit) -> tuple[str, ...]:
    return (
        layer.name,
        _shape(layer),
        fixed(layer.index),
        interval(layer.interval),
        layer.nearest,
        fixed(layer.logroot),
        fixed(layer.likelihood),
        str(layer.moved_signs),
    )


def _shape(layer: LayerFit) -> str:
    return "x".join(map(str, layer.shape)) or "1"


def _crossed(verdict: LayersVerdict) -> str:
    crossed = sum(layer.moved_signs for layer in verdict.layers)
    if not crossed:
        return ""
    return f"{crossed} weights changed sign, which no geometry of index 1 or above allows."
