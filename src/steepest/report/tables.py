"""What the kinds of answers share in a terminal: tables without lines, the head of a verdict."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from steepest.markup import visible
from steepest.report.words import CHECK_MARKS, Mark, capital, spaced, tone

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table
    from rich.text import Text

    from steepest.inference.synapses.verdict import AnyVerdict, Check

__all__ = [
    "checks_table",
    "marked",
    "plain_table",
    "short_head",
    "text",
    "together",
    "verdict_head",
]

_STYLES = {"holds": "green", "fails": "bold red", "untested": "yellow"}
_TONES = {"good": "bold green", "bad": "bold red", "open": "bold yellow"}

# rich is imported when something is printed, and a verdict's words when there is one: JSON, errors
# and looks go without.


def plain_table(*columns: str, numbers: int | None = None) -> "Table":
    """A table without lines; columns from `numbers` on are aligned right."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for place, name in enumerate(columns):
        right = numbers is not None and place >= numbers
        table.add_column(name, justify="right" if right else "left", no_wrap=right)
    return table


def text(words: str, style: str = "") -> "Text":
    """Words of which nothing is taken for a style, whatever brackets they hold, or obeyed."""
    from rich.text import Text

    return Text(visible(words), style=style)


def together(*parts: "RenderableType") -> "Group":
    """Tables and texts, one below the other."""
    from rich.console import Group

    return Group(*parts)


def marked(mark: Mark) -> "Text":
    """A mark in its colour."""
    return text(mark.word, _STYLES[mark.kind])


def verdict_head(
    verdict: "AnyVerdict", numbers: Sequence[tuple[str, str, str]], settle: str = ""
) -> "Table":
    """The first lines of a verdict: outcome, sentence, why, numbers.

    `numbers` are a name, a value and how it was found; `settle` is the measurement that would
    decide what is open.
    """
    from rich.table import Table

    from steepest.inference.synapses.verdict import sentence_of

    head = Table.grid(padding=(0, 2))
    style = _TONES[tone(verdict.outcome)]
    head.add_row(text(verdict.outcome, style), text(sentence_of(verdict), "bold"))
    head.add_row("why", text(capital(verdict.reason)))
    if settle:
        head.add_row("to settle", text(settle))
    for name, value, how in numbers:
        head.add_row(name, text(f"{value}  ({how})" if how else value))
    return head


def short_head(verdict: "AnyVerdict", settle: str) -> "Table":
    """A verdict in three lines: outcome and sentence, why, and what next."""
    head = verdict_head(verdict, [])
    head.add_row("next", text(settle))
    return head


def checks_table(checks: "Mapping[str, Check]") -> "Table":
    """What was checked: whether it passed, its name, and what that means."""
    table = plain_table("", "Check", "What it means")
    for name, check in checks.items():
        table.add_row(marked(CHECK_MARKS[check.passed]), spaced(name), text(check.meaning))
    return table
