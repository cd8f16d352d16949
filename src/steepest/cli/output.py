"""What commands print and write: an answer in all its forms, text, tables, and JSON.

Everything printed goes through here: `show` and `show_json` to stdout, `complain` to stderr. What
comes from files and command lines is shown as `visible` says, and never obeyed by a terminal.
"""

import io
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steepest.errors import SteepestError
from steepest.files import staging, to_json
from steepest.markup import visible

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from steepest.report.answer import Answer

__all__ = [
    "GuardedStream",
    "OutputLost",
    "command_line",
    "complain",
    "give",
    "guarded_stdout",
    "show",
    "show_json",
]

_PLAIN: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False}


class OutputLost(SteepestError):
    """Stdout is closed or full, or nobody reads it any more (then `reader_left`)."""

    def __init__(self, error: Exception | None) -> None:
        why = "it is closed" if error is None else getattr(error, "strerror", None) or str(error)
        super().__init__(f"cannot write to stdout: {why}")
        self.reader_left = isinstance(error, BrokenPipeError)


def give(
    make: "Callable[[], Answer]",
    command: str,
    *,
    out: Path | None,
    json: bool,
    full: bool = True,
) -> int:
    """Make an answer, print it, and write it to a folder if one is given; returns the exit code.

    `command` is the command line that repeats it; unless `full`, an answer that has a short form is
    printed in that. The folder is tried before anything is computed,
    and its files appear together, or none does; the answer is printed before its picture is tried.
    Raises what `make` raises.
    """
    names: list[str] = []
    with nullcontext() if out is None else staging(out) as stage:
        answer = make()
        lost = None
        try:
            _tell(answer, json, full)
        except OutputLost as error:
            if stage is None:
                raise
            lost = error  # who stopped reading still finds the files
        if stage is not None:
            for name, content in answer.files(command).items():
                (stage / name).write_bytes(content)
                names.append(name)
    if lost is not None:
        raise lost
    if out is not None and not json:
        show(f"\nWrote {', '.join(names[:-1])} and {names[-1]} to {visible(str(out))}")
    return 0


def _tell(answer: "Answer", json: bool, full: bool) -> None:
    if json:
        show_json(answer.content)
    else:
        if answer.heading:
            show(visible(answer.heading) + "\n")
        if full or answer.short is None:
            show(answer.table())
        else:
            show(answer.short())
            if sys.stdout.isatty():
                show("\nEvery number and check: --full. A page with methods and figure: --out DIR.")
    sys.stdout.flush()


def command_line(command: str, *arguments: object, **options: object) -> str:
    r"""The command line that asks something again, quoted for a shell.

    Options are given by their names; None, False and () were not said. Control characters, and
    bytes that are no UTF-8, stand as escapes in $'...', which bash and zsh read back.

    >>> command_line("infer", "my sizes.csv", before="w0", noise_cv=0.0, sessions=(), unpaired=True)
    "steepest infer 'my sizes.csv' --before w0 --noise-cv 0 --unpaired"
    >>> print(command_line("infer", "a\x1b.csv"))
    steepest infer $'a\x1b.csv'
    """
    words = ["steepest", command, *map(str, arguments)]
    for name, value in options.items():
        if value is None or value is False or value == ():
            continue
        words.append("--" + name.replace("_", "-"))
        if value is not True:
            words += map(_word, value if isinstance(value, tuple | list) else [value])
    return " ".join(map(_quoted, words))


def _word(value: object) -> str:
    if isinstance(value, float):
        short = f"{value:.15g}"
        return short if float(short) == value else repr(value)
    return str(value)


def _quoted(word: str) -> str:
    if visible(word) == word:
        return shlex.quote(word)
    return "$'" + "".join(map(_escaped, word)) + "'"


def _escaped(character: str) -> str:
    """A character inside $'...': its UTF-8 bytes, or the byte that a name holds in place of one."""
    if character in "\\'":
        return f"\\{character}"
    if visible(character) == character:
        return character
    lone = "surrogateescape" if "\udc80" <= character <= "\udcff" else "surrogatepass"
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", lone))


def show(what: Any, wrap: bool = False) -> None:
    """Print text as it is, or wrapped at words, or a rich table; plain where nobody watches."""
    from rich.console import Console

    console: dict[str, Any] = {**_PLAIN, "soft_wrap": isinstance(what, str) and not wrap}
    if isinstance(what, str):
        what = visible(what, lines=True)  # rich leaves out some of it without a word
    if sys.stdout.isatty():
        Console(**console).print(_Visible(what))
        return
    text = io.StringIO()
    # Plain also where FORCE_COLOR asks for styles: they would be shown as escapes.
    Console(file=text, width=110, force_terminal=False, **console).print(what)
    print("\n".join(line.rstrip() for line in visible(text.getvalue(), lines=True).splitlines()))


@dataclass(frozen=True)
class _Visible:
    """What rich prints of something, with nothing in it that a terminal obeys but rich's styles."""

    what: Any

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.segment import Segment

        for segment in console.render(self.what, options):
            shown = segment.text if segment.control else visible(segment.text, lines=True)
            yield Segment(shown, segment.style, segment.control)


def show_json(content: Any) -> None:
    """Print plain values as one line of JSON: the only thing that stdout sees under `--json`."""
    print(to_json(content), file=getattr(sys.stdout, "answers", sys.stdout))


def complain(message: str) -> None:
    """Say on stderr, in one line, what went wrong; nothing where stderr is closed or full."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            print(f"steepest: {visible(message)}", file=sys.stderr, flush=True)


@contextmanager
def guarded_stdout(as_json: bool = False) -> Iterator["GuardedStream"]:
    """Inside the block, what cannot be written to stdout raises `OutputLost`, whoever prints it.

    With `as_json` what anything but `show_json` prints, as a user's own cost may, goes to stderr.
    Yields the guarded stdout.
    """
    stream = sys.stdout
    if stream is None:
        raise OutputLost(None)
    guarded = GuardedStream(stream)
    sys.stdout = GuardedStream(sys.stderr or io.StringIO(), guarded) if as_json else guarded
    try:
        yield guarded
        guarded.flush()
    finally:
        sys.stdout = stream


class GuardedStream(io.TextIOBase):
    """A stream whose failures are `OutputLost`, and which is in all else that stream.

    `answers` is where `show_json` writes, and `used` whether anything was written.
    """

    def __init__(self, stream: Any, answers: "GuardedStream | None" = None) -> None:
        self._stream = stream
        self.answers = self if answers is None else answers
        self.used = False

    def __del__(self) -> None:
        """Close nothing: the stream is its owner's, and Python 3.13 tells what fails in a close."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    @property
    def encoding(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self._stream.encoding

    def write(self, text: str, /) -> int:
        self.used = True
        return self._try(self._stream.write, text)

    def flush(self) -> None:
        self._try(self._stream.flush)

    def _try(self, act: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return act(*arguments)
        except OSError as error:
            raise OutputLost(error) from error
        except ValueError as error:
            if self._stream.closed:
                raise OutputLost(None) from error
            raise
