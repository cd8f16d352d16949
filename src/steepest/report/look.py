"""What a table seems to be, for a terminal."""

from typing import TYPE_CHECKING

from steepest.data.looks import Look
from steepest.report.tables import plain_table, text, together

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["look_table"]

_SHOWN = 30


def look_table(looked: Look) -> "Group":
    """The columns, the shape, the marks, what is not known, and the commands that would judge it.

    >>> from steepest.data import look
    >>> looked = look({"day0": [0.5, 1.2, 0.7, 2.0, 1.0], "day4": [0.6, 1.1, 0.7, 2.4, 0.9]})
    >>> look_table(looked).renderables[0].plain
    'table: 5 rows, 2 columns. Nothing was judged.'
    """
    count = len(looked.columns)
    head = f"{looked.source}: {looked.rows} rows, {count} columns. Nothing was judged."
    columns = plain_table("Column", "Kind", "Example", "Different", "Empty", "Seems to be")
    for column in looked.columns[:_SHOWN]:
        columns.add_row(
            text(column.name),
            column.kind,
            text(column.example[:30]),
            str(column.distinct),
            str(column.empty) if column.empty else "",
            column.seems or "",
        )
    parts = [text(head), *([text(looked.header)] if looked.header else []), "", columns]
    if count > _SHOWN:
        parts.append(text(f"... and {count - _SHOWN} more columns"))
    parts += ["", text(looked.sentence, "bold")]
    if looked.marks:
        marks = plain_table("In place of a size", "Column", "How often", "Taken as")
        for mark in looked.marks[:_SHOWN]:
            marks.add_row(text(mark.written), text(mark.column), str(mark.count), mark.taken)
        parts += ["", marks]
    if looked.unknown:
        parts += ["", text("Not known from the table:")]
        parts += [text(f"- {sentence}") for sentence in looked.unknown]
    return together(*parts)
