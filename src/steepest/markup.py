"""What a prompt and a notebook show of a result: its first lines, or escaped HTML.

Names from files may hold what moves a terminal's cursor or turns a line around: `visible` is the
one place that makes it harmless, and everything that is shown passes it.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

__all__ = ["brief", "fragment", "table", "visible"]

# Control characters (C0, DEL, C1), separators of lines and paragraphs, lone surrogates, and the
# marks, embeddings, overrides and isolates of writing direction.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def visible(text: str, *, lines: bool = False) -> str:
    r"""Text with escapes in place of all that a terminal or a page obeys and does not show.

    That is control characters, escape sequences, separators of lines, marks of writing direction,
    and lone surrogates; a byte of a file name that is no UTF-8 is shown as that byte. With `lines`,
    line breaks and tabs stay: for texts of our own, whose names passed before.

    >>> visible("day \x1b[2J\u202e4\n"), visible("no\n", lines=True), visible("\udcff.csv")
    ('day \\x1b[2J\\u202e4\\n', 'no\n', '\\xff.csv')
    """
    return _UNSEEN.sub(lambda match: _escaped(match[0], lines), text)


def _escaped(character: str, lines: bool) -> str:
    if lines and character in "\n\t":
        return character
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def brief(text: str, lines: int = 5) -> str:
    """The first lines of what `print` shows, and how many follow: what a prompt shows of a result.

    >>> print(brief("named: burg\\n  index 2.1\\n  check lazy: ok", lines=2))
    named: burg
      index 2.1
      ... (1 more line: print it)
    """
    shown = visible(text, lines=True).split("\n")
    first, rest = shown[:lines], shown[lines:]
    more = "line" if len(rest) == 1 else "lines"
    return "\n".join([*first, f"  ... ({len(rest)} more {more}: print it)"] if rest else first)


def fragment(headline: str, paragraphs: Iterable[str] = (), tables: Iterable[str] = ()) -> str:
    """A result as HTML: its headline in bold, paragraphs, then tables made by `table`.

    >>> fragment("Index 1 < 2", ["Why not?"])
    '<div class="steepest"><p><b>Index 1 &lt; 2</b></p><p>Why not?</p></div>'
    """
    words = "".join(f"<p>{_html(text)}</p>" for text in paragraphs)
    return f'<div class="steepest"><p><b>{_html(headline)}</b></p>{words}{"".join(tables)}</div>'


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Rows under named columns as an HTML table; cells are shown as `str` does.

    >>> table(["check"], [["lazy"]])
    '<table><thead><tr><th>check</th></tr></thead><tbody><tr><td>lazy</td></tr></tbody></table>'
    """
    head = "".join(f"<th>{_html(name)}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{_html(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _html(value: Any) -> str:
    return escape(visible(str(value), lines=True))
