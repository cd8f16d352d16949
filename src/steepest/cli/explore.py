"""`steepest explore`: a page on which a reader drags, slides and sees."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from steepest.cli.options import Json
from steepest.cli.output import show, show_json
from steepest.errors import UsageError
from steepest.explore import EXPLORERS, explorer_page
from steepest.files import write_whole
from steepest.markup import visible

__all__ = ["command"]


def command(
    name: Annotated[
        str | None, Parameter(help="wicked, metrics, noise, dendrite or dale; all of them if none.")
    ] = None,
    /,
    *,
    out: Annotated[Path, Parameter(help="The page to write.")] = Path("explore.html"),
    json: Json = False,
) -> int:
    """Write a page to play with: a map to shear, a metric to switch, noise to add.

    The page is one file that works without a network, on a phone too, and computes what it shows
    with this package's own mathematics.

    For example:

    ```
    steepest explore --out lecture.html
    steepest explore wicked --out map.html
    ```
    """
    page = explorer_page(name)
    try:
        write_whole(out, page.encode())
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}") from error
    if json:
        names = list(EXPLORERS) if name is None else [name]
        show_json({"file": str(out), "explorers": names})
    else:
        show(f"Wrote {visible(str(out))}: open it in a browser.")
    return 0
