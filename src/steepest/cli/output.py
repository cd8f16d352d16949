"""What commands print and write: an answer in all its forms, text, tables, and JSON."""

import io
import shlex
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steepest.files import staging, to_json

if TYPE_CHECKING:
    from steepest.report.answer import Answer

__all__ = ["command_line", "give", "show"]


def give(make: "Callable[[], Answer]", command: str, *, out: Path | None, json: bool) -> int:
    """Make an answer, write it to a folder if one is given, and print it; returns the exit code.

    `command` is the command line that repeats it. The folder is tried before anything is computed,
    and its files appear together, or none does. Raises what `make` raises.
    """
    names: list[str] = []
    with nullcontext() if out is None else staging(out) as stage:
        answer = make()
        if stage is not None:
            for name, content in answer.files(command).items():
                (stage / name).write_bytes(content)
                names.append(name)
    if json:
        print(to_json(answer.content))
        return 0
    if answer.heading:
        show(answer.heading + "\n")
    show(answer.table())
    if out is not None:
        show(f"\nWrote {', '.join(names[:-1])} and {names[-1]} to {out}")
    return 0


def command_line(command: str, *arguments: object, **options: object) -> str:
    """The command line that asks something again, quoted for a shell.

    Options are given by their names; None, False and () were not said.

    >>> command_line("infer", "my sizes.csv", before="w0", noise_cv=0.0, sessions=(), unpaired=True)
    "steepest infer 'my sizes.csv' --before w0 --noise-cv 0 --unpaired"
    """
    words = ["steepest", command, *map(str, arguments)]
    for name, value in options.items():
        if value is None or value is False or value == ():
            continue
        words.append("--" + name.replace("_", "-"))
        if value is not True:
            words += map(_word, value if isinstance(value, tuple | list) else [value])
    return shlex.join(words)


def _word(value: object) -> str:
    if isinstance(value, float):
        short = f"{value:.15g}"
        return short if float(short) == value else repr(value)
    return str(value)


def show(what: Any, wrap: bool = False) -> None:
    """Print text as it is, or wrapped at words, or a rich table; plain where nobody watches."""
    from rich.console import Console

    style: dict[str, Any] = {"highlight": False, "markup": False}
    style["soft_wrap"] = isinstance(what, str) and not wrap
    if sys.stdout.isatty():
        Console(**style).print(what)
        return
    text = io.StringIO()
    Console(file=text, width=110, **style).print(what)
    print("\n".join(line.rstrip() for line in text.getvalue().splitlines()))
