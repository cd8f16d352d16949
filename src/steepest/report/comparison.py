"""A comparison of conditions as an answer: every verdict, and the differences of their indices."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from steepest.inference.synapses.comparison import Comparison
from steepest.inference.synapses.verdict import sentence_of
from steepest.papers.pogodin2024 import CITATION
from steepest.report.answer import Answer
from steepest.report.page import Page, Section
from steepest.report.tables import plain_table, text, together
from steepest.report.words import Tone, fixed, interval

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["comparison_answer"]

_CAPTION = (
    "A: the geometry index of each condition with its 95 % interval, and the named geometries. B:"
    " the differences of indices with their 95 % intervals; where one excludes 0, the two differ."
)


def comparison_answer(
    comparison: Comparison,
    *,
    source: str,
    condition: str,
    request: Mapping[str, Any] | None = None,
) -> Answer:
    """The comparison for terminal, JSON and page; `condition` is the column that was compared.

    >>> from steepest.inference import Design, compare_conditions, simulate_design
    >>> design = Design(synapses=100, sessions=3, groups=10)
    >>> same = {name: simulate_design(design, 1, seed=s) for s, name in enumerate("ab")}
    >>> compared = compare_conditions(same, draws=20)
    >>> comparison_answer(compared, source="sizes.csv", condition="arm").heading
    'sizes.csv: arm a and b'
    """
    names = " and ".join(comparison.verdicts)
    return Answer(
        name="comparison",
        heading=f"{source}: {condition} {names}",
        content=comparison.to_dict() | ({} if request is None else {"request": dict(request)}),
        table=lambda: _table(comparison),
        page=lambda: _page(comparison, source, condition),
        draw=comparison.plot,
    )


def _page(comparison: Comparison, source: str, condition: str) -> Page:
    return Page(
        title=f"Comparison of {condition} in {source}",
        question="Did these synapses change in different geometries?",
        asked=f"Asked of {source}, for each value of {condition}.",
        statement=comparison.sentence,
        tone=_tone(comparison),
        reason="Two indices differ where the 95 % interval of their difference excludes 0.",
        paper=[("Results", comparison.sentence), ("Methods", comparison.methods())],
        alt="The index of every condition, and the differences, with their intervals",
        caption=_CAPTION,
        sections=[
            Section(
                "The conditions",
                (condition, "Outcome", "Verdict", "Index", "95 %", "Synapses"),
                _verdicts(comparison),
                numbers=(3, 5),
                folded=False,
            ),
            Section(
                "The differences",
                ("Of", "And", "Difference", "95 %", "Outcome"),
                _differences(comparison),
                numbers=(2,),
                folded=False,
            ),
        ],
        citations=[CITATION],
        seed=comparison.seed,
    )


def _tone(comparison: Comparison) -> Tone:
    outcomes = {difference.outcome for difference in comparison.differences}
    return "good" if "differ" in outcomes else "open"


def _table(comparison: Comparison) -> "Group":
    verdicts = plain_table("Condition", "Outcome", "Verdict", "Index", "95 %", "Synapses")
    for row in _verdicts(comparison):
        verdicts.add_row(*(text(str(cell)) for cell in row))
    sentences = [text(item.sentence, "bold") for item in comparison.differences]
    return together(*sentences, "", verdicts)


def _verdicts(comparison: Comparison) -> list[tuple[Any, ...]]:
    return [
        (
            name,
            verdict.outcome,
            sentence_of(verdict),
            fixed(verdict.index),
            interval(verdict.interval),
            verdict.n,
        )
        for name, verdict in comparison.verdicts.items()
    ]


def _differences(comparison: Comparison) -> list[tuple[str, ...]]:
    return [
        (
            item.first,
            item.second,
            fixed(item.index.value),
            interval((item.index.low, item.index.high)),
            item.outcome,
        )
        for item in comparison.differences
    ]
