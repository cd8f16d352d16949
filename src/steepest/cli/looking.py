"""`steepest infer FILE` without columns: what the table is, and which command would judge it."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from steepest.cli.output import show, show_json
from steepest.errors import UsageError
from steepest.markup import visible

__all__ = ["look_at"]


def look_at(
    files: Sequence[Path],
    part: str | None,
    header_row: str | None,
    *,
    out: Path | None,
    json: bool,
) -> int:
    """Look at the first file and say what it is; on a terminal, offer to run the first command."""
    from steepest.data.several import expanded, file_labels

    if out is not None:
        raise UsageError(
            "--out is for a verdict, and without columns a file is only looked at: leave it out,"
            " and take one of the commands that are proposed"
        )
    paths = expanded(files)
    from steepest.data.header import parse_header_row
    from steepest.data.looks import look

    looked = look(
        paths[0],
        part=part,
        header_row=parse_header_row(header_row),
        typed=[str(file) for file in files],
        files=file_labels(paths),
    )
    if json:
        show_json(looked.to_dict())
        return 0
    from steepest.report.look import look_table

    show(look_table(looked))
    if len(paths) > 1:
        show(
            f"\nThis is the first of {len(paths)} files; each is a group, unless --file-is says"
            " what it is."
        )
    if not looked.commands:
        return 0
    show("\nTo judge it:\n\n" + "\n".join(f"  {visible(c)}" for c in looked.commands))
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return 0
    try:
        answer = input("\nRun the first of these now? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        return 0
    from steepest.cli.app import run

    return run(shlex.split(looked.commands[0])[1:])
