"""What `reproduce` and `demo` print and write of figures that were run."""

from pathlib import Path
from typing import Any

from steepest.cli.output import show, show_json
from steepest.files import staging
from steepest.markup import visible

__all__ = ["finish", "print_result", "write_page"]


def finish(results: list[Any], page: Path, as_json: bool) -> int:
    """Say where the page is, or print the results as JSON; 0 if every claim holds, else 1."""
    if as_json:
        show_json({"figures": [result.to_dict() for result in results]})
    else:
        show(f"Read {visible(str(page))}")
    return 0 if all(result.holds for result in results) else 1


def write_page(out: Path, name: str, results: list[Any], **texts: Any) -> Path:
    """Write the page of some results as NAME.html in a folder; `texts` are those of the page."""
    from steepest.report.study import study_page

    with staging(out) as stage:
        (stage / f"{name}.html").write_text(study_page(results, **texts), encoding="utf-8")
    return out / f"{name}.html"


def print_result(result: Any) -> None:
    """A figure's claims as a table, and how many hold."""
    from steepest.report.study import claims_table, summary_of

    show(f"{result.figure.key}: {result.figure.title}")
    show(claims_table(result.claims))
    show(f"{summary_of(result)} ({result.seconds:.1f} s)\n")
