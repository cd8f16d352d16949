"""A call for each synapse as an answer."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from steepest._version import __version__
from steepest.inference.synapses.calls import Calls
from steepest.inference.synapses.measurements import Measurements
from steepest.papers.pogodin2024 import CITATION as POGODIN
from steepest.report.answer import Answer
from steepest.report.page import Page, Section
from steepest.report.rows import calls_rows
from steepest.report.tables import plain_table, text, together
from steepest.report.words import capital, fixed, interval

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["calls_answer"]

_CAPTION = (
    "A: change of log size against size; dashed lines are the change asked about, the grey band"
    " twice the noise of a change. B: synapses called changed, and how many of them are expected to"
    " be wrong, beside the usual rule of a ratio."
)


def calls_answer(
    calls: Calls,
    measured: Measurements,
    *,
    source: str,
    request: Mapping[str, Any] | None = None,
    rows: Sequence[Any] | None = None,
) -> Answer:
    """The calls for terminal, JSON, page and CSV; `source` is the file's name.

    `measured` are the sizes that were called; `request` is what was asked, by the names of the
    options, for the JSON; `rows` are the numbers of the file's rows, with the file if several.

    >>> from steepest.inference import Design, classify, infer_measured, simulate_design
    >>> measured = simulate_design(Design(synapses=60, sessions=3, groups=6), 1, seed=1)
    >>> calls = classify(infer_measured(measured, draws=10))
    >>> calls_answer(calls, measured, source="sizes.csv").heading
    'sizes.csv: session 0 to session 2'
    """
    return Answer(
        name="calls",
        heading=f"{source}: {calls.sessions[0]} to {calls.sessions[1]}",
        content=calls.to_dict() | ({} if request is None else {"request": dict(request)}),
        table=lambda: _table(calls),
        page=lambda: _page(calls, source, rows),
        draw=calls.plot,
        others={"calls.csv": lambda: calls_rows(calls, measured, rows)},
    )


def _page(calls: Calls, source: str, rows: Sequence[Any] | None) -> Page:
    where = "Row, from 0" if rows is None else "Row of the file"
    return Page(
        title=f"Calls of {source}",
        question="Which synapses changed?",
        asked=f"Asked of {source}, {calls.sessions[0]} to {calls.sessions[1]}. Measurement noise:"
        f" {calls.noise_statement}.",
        statement=calls.sentence,
        tone="good" if calls.changed else "open",
        reason=capital(calls.reason),
        meaning=[
            "A call is made where the noise of measurement cannot have made the change. A synapse"
            " that cannot be called may have changed: its sizes do not tell."
        ],
        paper=[("Results", _results(calls)), ("Methods", _methods(calls))],
        alt="Changes against size with every call, and the number of calls expected to be wrong",
        caption=_CAPTION,
        sections=[
            Section("How many", ("Call", "Synapses"), list(calls.counts.items()), numbers=(1,)),
            Section(
                "Every synapse called changed, the surest first",
                (
                    where,
                    "Group",
                    "Call",
                    "Probability",
                    "Change of log size",
                    "95 %",
                ),
                _changed(calls, rows),
                numbers=(0, 3, 4),
                note="All synapses are in calls.csv, with what became of each, and in calls.json.",
            ),
        ],
        citations=[POGODIN],
        seed=calls.seed,
    )


def _results(calls: Calls) -> str:
    first, last = calls.sessions
    return (
        f"{calls.sentence[:-1]} (from {first} to {last}; a change of log size by more than"
        f" {calls.change:g}; {calls.fdr:.0%} of the calls may be wrong)."
    )


def _methods(calls: Calls) -> str:
    return (
        f"Synapses were called with steepest {__version__}. A synapse changed if the logarithm of"
        f" its size truly changed by more than {calls.change:g}. The probability of that is the"
        " smaller one under two priors of the true change, whose width depends on size: a Gaussian,"
        " and a mixture of Gaussians fitted to all synapses. Measurement noise was"
        f" {calls.noise_statement}. The largest set of synapses was called changed of which at most"
        f" {calls.fdr:.0%} are expected to be wrong (false discovery rate). Random seed"
        f" {calls.seed}."
    )


def _changed(calls: Calls, rows: Sequence[Any] | None) -> list[tuple[Any, ...]]:
    changed = [row for row in calls.rows() if row["call"] in ("potentiated", "depressed")]
    return [
        (
            row["row"] if rows is None else rows[row["row"]],
            row["group"] or "",
            row["call"],
            f"{row['probability']:.3f}",
            fixed(row["change"]),
            interval((row["low"], row["high"])),
        )
        for row in sorted(changed, key=lambda row: -row["probability"])
    ]


def _table(calls: Calls) -> "Group":
    table = plain_table("Call", "Synapses", numbers=1)
    for call, number in calls.counts.items():
        table.add_row(call, str(number))
    return together(text(calls.sentence, "bold"), text(capital(calls.reason)), "", table)
