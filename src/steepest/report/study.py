"""Figures that were run as one HTML page, and their claims as a table for the terminal."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steepest._version import __version__
from steepest.papers import Citation
from steepest.report.page import SOFTWARE, Section, render
from steepest.report.tables import marked, plain_table, text
from steepest.report.words import CLAIM_MARKS
from steepest.study import Claim, Result

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["claims_table", "study_page", "summary", "summary_of"]


@dataclass(frozen=True)
class _Panel:
    """One figure on the page."""

    title: str
    text: list[str]
    picture: bytes
    sections: tuple[Section, ...]
    run: str
    files: str


def study_page(
    results: Sequence[Result],
    *,
    title: str,
    command: str,
    citations: Iterable[Citation] = (),
    headline: str | None = None,
    next_steps: Iterable[tuple[str, str]] = (),
) -> str:
    """Figures that were run, as one HTML page: text, picture, claims, parameters, how to cite.

    `command` is the command line that repeats them. `headline` says what was found in one
    sentence, by default how many claims hold; `next_steps` are pairs of a sentence and a command.

    >>> from steepest.papers import load
    >>> from steepest.study import reproduce
    >>> result = reproduce(*load("galtier2013.fig2"))
    >>> page = study_page([result], title="Fig 2", command="steepest reproduce galtier2013.fig2")
    >>> page[:15], result.figure.title in page
    ('<!DOCTYPE html>', True)
    """
    return render(
        "study.html",
        title=title,
        figures=[
            _Panel(
                title=result.figure.title,
                text=result.figure.text,
                picture=result.picture,
                sections=(_claims(result), _parameters(result)),
                run=f"{result.figure.key}, {result.scale} scale, {result.seconds:.1f} s.",
                files=", ".join(path.name for path in result.files.values()),
            )
            for result in results
        ],
        holds=all(result.holds for result in results),
        headline=headline or summary_of(*results),
        command=command,
        citations=[*citations, SOFTWARE],
        next_steps=list(next_steps),
        version=__version__,
        seed=results[0].seed,
    )


def summary_of(*results: Result) -> str:
    """How many claims of figures that were run hold, in one sentence."""
    own_data = any(getattr(result.parameters, "data", None) for result in results)
    return summary((claim for result in results for claim in result.claims), own_data)


def claims_table(claims: Iterable[Claim]) -> "Table":
    """Claims as a terminal table: whether each holds, its statement, expected, measured."""
    table = plain_table("", "Claim", "Expected", "Measured")
    for claim in claims:
        table.add_row(
            marked(CLAIM_MARKS[claim.holds]),
            text(claim.statement),
            text(_show(claim.expected)),
            text(_measured(claim)),
        )
    return table


def summary(claims: Iterable[Claim], own_data: bool = False) -> str:
    """How many claims hold, in one sentence, and how many this scale cannot test.

    With `own_data` the reason may be the reader's own data, too.
    """
    where = "at this scale or on these data" if own_data else "at this scale"
    held = [claim.holds for claim in claims]
    tested = [holds for holds in held if holds is not None]
    good, untested = sum(tested), len(held) - len(tested)
    if not tested:
        return f"No claim can be tested {where}."
    if good < len(tested):
        words = f"{good} of {len(tested)} claims hold."
    else:
        words = "The claim holds." if good == 1 else f"All {good} claims hold."
    return words + (f" {untested} cannot be tested {where}." if untested else "")


def _claims(result: Result) -> Section:
    return Section(
        "What is claimed, and what was found",
        ("", "Claim", "Expected", "Measured"),
        [
            (
                CLAIM_MARKS[claim.holds],
                claim.statement,
                _show(claim.expected),
                _measured(claim).replace(" ± ", "\u00a0±\u00a0"),
            )
            for claim in result.claims
        ],
    )


def _parameters(result: Result) -> Section:
    return Section(
        "With what parameters",
        ("Parameter", "Value", "Unit", "What it is"),
        [
            (
                item.name,
                _show(getattr(result.parameters, item.name)),
                item.metadata["unit"],
                item.metadata["doc"],
            )
            for item in dataclasses.fields(result.parameters)
        ],
    )


def _show(value: Any) -> str:
    """A claim's number, in full; a parameter of any kind."""
    if isinstance(value, tuple | list):
        return "(" + ", ".join(_show(item) for item in value) + ")"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.2g}" if abs(value) < 1e-6 else f"{value:.8g}"


def _measured(claim: Claim) -> str:
    """What was measured: as precise as its standard error, or as what was expected of it."""
    measured, error = claim.measured, claim.standard_error
    if isinstance(measured, float) and error and math.isfinite(error):
        places = max(0, 1 - math.floor(math.log10(error)))
        if places > 8:
            return f"{measured:.2g} ± {error:.2g}"
        return f"{measured:.{places}f} ± {error:.{places}f}"
    if isinstance(measured, float) and isinstance(claim.expected, str):
        return f"{measured:.3g}"
    return _show(measured)
