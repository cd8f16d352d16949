"""The geometries of a network's layers as an answer."""

from typing import TYPE_CHECKING

from steepest._version import __version__
from steepest.inference.networks.layers import LayerFit, LayersVerdict
from steepest.papers.pogodin2024 import CITATION
from steepest.report.answer import Answer
from steepest.report.page import Page, Section
from steepest.report.tables import plain_table, text, together
from steepest.report.words import INDEX, capital, fixed, interval

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["layers_answer"]

_MEANING = (
    "The geometry is the one in which the optimizer's steps were steepest descent: it shows in how"
    " a weight's change grows with the weight.",
    "An index near 0 is ordinary gradient descent, one near 1 a multiplicative rule; other rules"
    " may share an index, and a layer that hardly moved shows none.",
)
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
    """The verdict on every layer for terminal, JSON and page; `before`, `after` name the files.

    >>> import numpy as np
    >>> from steepest.inference import infer_layers
    >>> noise = np.random.default_rng(0).standard_normal((2, 12, 12))
    >>> first, last = {"hidden": noise[0]}, {"hidden": noise[0] + 0.01 * noise[1]}
    >>> verdict = infer_layers(first, last, draws=10)
    >>> answer = layers_answer(verdict, before="first.pt", after="last.pt")
    >>> answer.heading, [section.title for section in answer.page().sections][:1]
    ('first.pt (before), last.pt (after)', ['The layers'])
    """
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
        meaning=_MEANING,
        paper=[("Results", capital(verdict.sentence())), ("Methods", _methods(verdict))],
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
                folded=False,
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


def _methods(verdict: LayersVerdict) -> str:
    left_out = len(verdict.layers) - len(verdict.fitted)
    return (
        f"Two checkpoints of one network were compared layer by layer with steepest {__version__}."
        f" Of {len(verdict.layers)} arrays {len(verdict.fitted)} were fitted; {left_out} were"
        " frozen or left out. The geometry index of a layer is the power of size with which the"
        " change of its weights grows, once what a change shares with its row and column is taken"
        " out; its 95 % interval is from resampled rows and columns. A name is given where the"
        f" interval agrees with no other geometry. Random seed {verdict.seed}."
    )


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
