"""A verdict on exchangeable pairs of synapses as an answer."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from steepest.inference.synapses.exchangeable import PairsVerdict
from steepest.report.answer import Answer
from steepest.report.page import Page, Section, verdict_page
from steepest.report.tables import checks_table, short_head, together, verdict_head
from steepest.report.words import INDEX, fixed, interval

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["pairs_answer"]


def pairs_answer(
    verdict: PairsVerdict, *, source: str, columns: str, request: Mapping[str, Any] | None = None
) -> Answer:
    """The verdict for terminal, JSON and page; `source` is the file's name, `columns` what of it.

    `request` is what was asked, by the names of the options, for the JSON.

    >>> import numpy as np
    >>> from steepest.inference import infer_pairs
    >>> rng = np.random.default_rng(1)
    >>> sizes = np.exp(rng.standard_normal(100) + 0.3 * rng.standard_normal((2, 100)))
    >>> pairs_answer(infer_pairs(*sizes), source="pairs.csv", columns="a and b").heading
    'pairs.csv: a and b, exchangeable pairs'
    """
    return Answer(
        name="verdict",
        heading=f"{source}: {columns}, exchangeable pairs",
        content=verdict.to_dict() | ({} if request is None else {"request": dict(request)}),
        table=lambda: _table(verdict),
        short=lambda: short_head(verdict, verdict.settle),
        page=lambda: _page(verdict, source, columns),
        draw=verdict.plot,
    )


def _page(verdict: PairsVerdict, source: str, columns: str) -> Page:
    return verdict_page(
        verdict,
        source=source,
        asked=(
            f"Asked of {source}, {columns}, as pairs of synapses of one axon on one dendrite, in no"
            f" order. Measurement noise: {verdict.noise.statement}."
        ),
        settle=verdict.settle,
        alt="Both sizes of every pair, and the rank correlation at every index",
        sections=[
            Section("The numbers", ("Quantity", "Value", "How"), _numbers(verdict), note=INDEX)
        ],
    )


def _table(verdict: PairsVerdict) -> "Group":
    head = verdict_head(verdict, _numbers(verdict), verdict.settle)
    return together(head, "", checks_table(verdict.checks))


def _numbers(verdict: PairsVerdict) -> list[tuple[str, str, str]]:
    return [
        (
            "index",
            f"{fixed(verdict.index)}, 95 % {interval(verdict.interval)}",
            "no rank correlation of difference and sum of the duals",
        ),
        ("correlation", fixed(verdict.correlation), "of log sizes within pairs"),
        ("zero crossings", f"{verdict.crossing:.1%}", "of synapses, expected"),
        (
            "pairs",
            str(verdict.n),
            f"{verdict.absent} with an absent synapse and {verdict.not_measured} not measured left"
            " out",
        ),
        ("noise", verdict.noise.statement, ""),
    ]
