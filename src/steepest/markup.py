"""What a prompt and a notebook show of a result: its first lines, or escaped HTML."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

__all__ = ["brief", "fragment", "table"]


def brief(text: str, lines: int = 5) -> str:
    """The first lines of what `print` shows, and how many follow: what a prompt shows of a result.

    >>> print(brief("named: burg\\n  index 2.1\\n  check lazy: ok", lines=2))
    named: burg
      index 2.1
      ... (1 more line: print it)
    """
    first, rest = text.splitlines()[:lines], text.splitlines()[lines:]
    more = "line" if len(rest) == 1 else "lines"
    return "\n".join([*first, f"  ... ({len(rest)} more {more}: print it)"] if rest else first)


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
