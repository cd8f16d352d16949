"""A verdict on two distributions of different synapses as an answer."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from steepest.inference.synapses.unpaired import UnpairedVerdict
from steepest.report.answer import Answer
from steepest.report.page import Page, Section, verdict_page
from steepest.report.tables import checks_table, short_head, together, verdict_head
from steepest.report.words import INDEX, fixed, interval

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["unpaired_answer"]


def unpaired_answer(
    verdict: UnpairedVerdict,
    *,
    source: str,
    before: str,
    after: str,
    request: Mapping[str, Any] | None = None,
    rows: Callable[[], str] | None = None,
) -> Answer:
    """The verdict for terminal, JSON and page; `source` is the file's name.

    `before` and `after` are its columns, `request` is what was asked, by the names of the options,
    for the JSON, and `rows` what became of every row, for verdict.csv.

    >>> from steepest.inference import infer_unpaired, simulate_change
    >>> verdict = infer_unpaired(*simulate_change(100, 1.0, seed=1), draws=5)
    >>> unpaired_answer(verdict, source="sizes.csv", before="young", after="old").heading
    'sizes.csv: column young and column old, unpaired'
    """
    return Answer(
        name="verdict",
        heading=f"{source}: column {before} and column {after}, unpaired",
        content=verdict.to_dict() | ({} if request is None else {"request": dict(request)}),
        table=lambda: _table(verdict),
        short=lambda: short_head(verdict, verdict.settle),
        page=lambda: _page(verdict, source, before, after),
        draw=verdict.plot,
        others={} if rows is None else {"verdict.csv": rows},
    )


def _page(verdict: UnpairedVerdict, source: str, before: str, after: str) -> Page:
    return verdict_page(
        verdict,
        source=source,
        asked=(
            f"Asked of {source}, column {before} (before) and column {after} (after), as two"
            " distributions of different synapses."
        ),
        settle=verdict.settle,
        alt="Both distributions of sizes, and the misfit of every index",
        sections=[
            Section("The numbers", ("Quantity", "Value", "How"), _numbers(verdict), note=INDEX),
        ],
    )


def _table(verdict: UnpairedVerdict) -> "Group":
    head = verdict_head(verdict, _numbers(verdict), verdict.settle)
    return together(head, "", checks_table(verdict.checks))


def _numbers(verdict: UnpairedVerdict) -> list[tuple[str, str, str]]:
    left_out = (
        _left_out(verdict.absent_before, verdict.not_measured_before),
        _left_out(verdict.absent_after, verdict.not_measured_after),
    )
    return [
        (
            "index",
            f"{fixed(verdict.index)}, 95 % {interval(verdict.interval)}",
            "smallest distance between distributions; both samples bootstrapped",
        ),
        ("change", fixed(verdict.relative_change), "of the spread of sizes before"),
        ("sizes before", str(verdict.n_before), left_out[0]),
        ("sizes after", str(verdict.n_after), left_out[1]),
    ]


def _left_out(absent: int, unknown: int) -> str:
    parts = [f"{absent} absent (0 or empty)"] if absent else []
    parts += [f"{unknown} not measured"] if unknown else []
    return f"{', '.join(parts)} left out" if parts else "all positive"
