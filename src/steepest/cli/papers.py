"""`steepest papers`: what can be reproduced."""

import dataclasses

from steepest.cli.options import Json
from steepest.cli.output import show, show_json

__all__ = ["command"]

# Two maps of one hill: seconds to compute, and the idea of all the others.
_FIRST = "surace2020.fig2"


def command(*, json: Json = False) -> int:
    """List the papers and figures that can be reproduced.

    With the time that each takes at the quick scale, of one processor with nothing compiled yet.

    For example:

    ```
    steepest papers
    steepest papers --json
    ```
    """
    from steepest.papers import available

    if json:
        show_json({"start": _FIRST, "papers": [dataclasses.asdict(paper) for paper in available()]})
        return 0
    for paper in available():
        show(f"{paper.key}: {paper.title}")
        if paper.citation is not None:
            show(f"    {paper.citation.short}")
        width = max(len(figure.key) for figure in paper.figures)
        for figure in paper.figures:
            here = "  <- start here" if figure.key == _FIRST else ""
            show(f"    {figure.key:{width}}  {_told(figure.seconds):>8}  {figure.title}{here}")
        show("")
    show(f"Reproduce one with: steepest reproduce NAME (say, {_FIRST})")
    return 0


def _told(seconds: float | None) -> str:
    """A time as a person says it; nothing where it is not known."""
    if seconds is None:
        return ""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
