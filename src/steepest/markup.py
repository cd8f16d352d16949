"""What a notebook shows of a result: sentences and small tables as HTML, every text escaped."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

__all__ = ["fragment", "table"]


def fragment(headline: str, paragraphs: Iterable[str] = (), tables: Iterable[str] = ()) -> str:
    """A result as HTML: its headline in bold, paragraphs, then tables made by `table`.

    >>> fragment("Index 1 < 2", ["Why not?"])
    '<div class="steepest"><p><b>Index 1 &lt; 2</b></p><p>Why not?</p></div>'
    """
    words = "".join(f"<p>{escape(text)}</p>" for text in paragraphs)
    return f'<div class="steepest"><p><b>{escape(headline)}</b></p>{words}{"".join(tables)}</div>'


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Rows under named columns as an HTML table; cells are shown as `str` does.

    >>> table(["check"], [["lazy"]])
    '<table><thead><tr><th>check</th></tr></thead><tbody><tr><td>lazy</td></tr></tbody></table>'
    """
    head = "".join(f"<th>{escape(str(name))}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
