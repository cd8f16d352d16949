"""The geometries of a network's layers as an answer."""

from typing import TYPE_CHECKING

from steepest._version import __version__
from steepest.files import plain, to_csv
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
_DECAY = "Without decay"
_COLUMNS = (
    *("Layer", "Shape", "Index", "95 %", _DECAY, "Nearest"),
    *("logroot", "likelihood", "Moved signs"),
)
_MARKS = {
    "correlation": "Correlation of the weights before and after",
    "flips": "Share of weights that changed sign",
    "zeros": "Share of weights that became exactly 0",
    "shrink": "Slope of the change on the weights before (weight decay makes it negative)",
    "index": "Index",
    "index_back": "Index with the files exchanged",
    "index_corrected": "Index with the shrinking taken out",
    "kurtosis": "Excess kurtosis of the change",
    "distinct": "Share of different sizes of change (few under sign rules)",
    "same_ratio": "Share of weights with the commonest ratio after/before",
    "flatness": "Flatness of the change's singular values (1: random or orthogonalised)",
    "full_rank": "Share of the change's squared singular values past the largest quarter of them",
    "shared": "Share of the variance of log|change| that rows and columns explain",
    "spread": "Standard deviation of log|change|",
    "unit_spread": "Standard deviation of row and column effects on log|change of log weight|",
}
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
        others={"layers.csv": lambda: _csv(verdict)},
    )


def _page(verdict: LayersVerdict, before: str, after: str) -> Page:
    crossed = _crossed(verdict)
    trainer = verdict.trainer
    refused = trainer.outcome == "refused"
    told = [] if refused else [trainer.sentence]
    notes = [("", said) for said in (*told, crossed, *map(capital, verdict.notes)) if said]
    return Page(
        title=f"Geometry of {after}",
        question="Which geometry trained this network?",
        asked=f"Asked of {before} (before) and {after} (after), layer by layer. {INDEX}",
        statement=verdict.verdict,
        tone="open" if verdict.fitted and not refused else "bad",
        meaning=_MEANING,
        paper=[("Results", capital(verdict.sentence())), ("Methods", _methods(verdict))],
        notes=notes if verdict.fitted else [],
        alt="The index of every layer with its interval, and the named geometries",
        caption=_CAPTION,
        sections=[
            Section(
                "The layers",
                _COLUMNS,
                [_row(layer) for layer in verdict.fitted],
                numbers=(2, 3, 4, 6, 7, 8),
                note=_BESIDE,
                folded=False,
            ),
            Section(
                "The marks of the trainer, averaged over the large layers",
                ("Mark", "Value"),
                [
                    (said, fixed(trainer.marks[mark]))
                    for mark, said in _MARKS.items()
                    if mark in trainer.marks
                ],
                numbers=(1,),
            ),
            Section(
                "The trainer by each large layer alone",
                ("Layer", "Trainer"),
                [*trainer.alone.items()],
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
    # Where no decay was taken out, a column of it would say the index twice.
    shrunk = any(layer.corrected != layer.index for layer in verdict.fitted)
    shown = [name for name in _COLUMNS if shrunk or name != _DECAY]
    table = plain_table(*shown)
    for layer in verdict.layers:
        if layer.status == "fitted":
            row = dict(zip(_COLUMNS, _row(layer), strict=True))
            table.add_row(*(text(row[name]) for name in shown))
        else:
            said = f"{layer.status}: {layer.reason}"
            table.add_row(
                *map(text, (layer.name, _shape(layer), *["-"] * (shown.index("Nearest") - 2), said))
            )
    crossed = _crossed(verdict)
    said = [verdict.verdict]
    if verdict.fitted and verdict.trainer.outcome != "refused":
        said.append(verdict.trainer.sentence)
    said += [crossed] if crossed else []
    return together(table, "", *map(text, (*said, *map(capital, verdict.notes))))


def _csv(verdict: LayersVerdict) -> str:
    columns = ("layer", "shape", "status", "index", "low", "high", "nearest", "logroot",
               "likelihood", "moved signs", "why")  # fmt: skip
    return to_csv(
        columns,
        (
            plain([
                layer.name, _shape(layer), layer.status, layer.index, *layer.interval,
                layer.nearest, layer.logroot, layer.likelihood, layer.moved_signs, layer.reason,
            ])
            for layer in verdict.layers
        ),
    )  # fmt: skip


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
        fixed(layer.corrected),
        layer.nearest,
        fixed(layer.logroot),
        fixed(layer.likelihood),
        str(layer.moved_signs),
    )


def _shape(layer: LayerFit) -> str:
    return "x".join(map(str, layer.shape)) or "1"


def _crossed(verdict: LayersVerdict) -> str:
    crossed = sum(layer.moved_signs for layer in verdict.fitted)
    if not crossed:
        return ""
    judged = sum(layer.weights for layer in verdict.fitted)
    return (
        f"{crossed} weights changed sign (of {judged} judged), which no geometry of index 1 or"
        " above allows."
    )
