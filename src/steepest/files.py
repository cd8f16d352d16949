"""Everything that is written: JSON, CSV, one file or a folder, whole or not at all."""

import csv
import errno
import hashlib
import io
import json
import math
import numbers
import os
import platform
import re
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from steepest.errors import UsageError
from steepest.interrupts import shielded, undone

__all__ = ["own_folder", "plain", "staging", "to_csv", "to_json", "write_whole", "writing"]

# What a spreadsheet takes for the beginning of a formula, also in the widths of East Asian scripts.
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
# What is being written bears the machine and the process that writes it.
_OURS = re.compile(r"\.?steepest-(?:[a-z]+-)?([0-9a-f]{8})-(\d+)-[0-9a-f]{12}")
_DAY = 86400.0  # s after which a stopped process's files are taken away
# What is wrong with the place, and not with what was written there.
_PLACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EISDIR, errno.EACCES}


def plain(value: Any) -> Any:
    """A value of dicts, lists, tuples and numbers as JSON holds it: lists, and None for NaN.

    >>> plain({"interval": (0.5, float("inf"))})
    {'interval': [0.5, None]}
    """
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value


def to_json(value: Any) -> str:
    r"""Plain values as one line of ASCII. Raises ValueError for a number that is not finite.

    Control characters and lone surrogates stand in it as JSON's escapes: nothing is lost.

    >>> to_json({"n": 3, "index": None})
    '{"n": 3, "index": null}'
    >>> print(to_json("\x1b[2J"))
    "\u001b[2J"
    """
    return json.dumps(value, allow_nan=False).replace("\x7f", "\\u007f")


def to_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Rows under named columns as CSV in which no text begins a formula; None is an empty cell.

    A text that begins with one of = + - @, a tab or a line break gets an apostrophe before it;
    numbers stay as they are, also where a text is a number.

    >>> print(to_csv(["name", "index"], [["=1+1", -0.5], ["-15", None]]), end="")
    name,index
    '=1+1,-0.5
    -15,
    """
    return "".join(_row(map(_cell, cells)) for cells in (columns, *rows))


def _row(cells: Iterable[Any]) -> str:
    """A line of CSV; the writer quotes a carriage return only where lines end with one."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().removesuffix("\r\n") + "\n"


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, numbers.Number):
        return value
    text = str(value)
    if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there as a whole, on the disk, or not at all.

    What is no file (a terminal, a pipe) is written to as it is. Raises the system's OSError (disk
    full, read-only, ...) when it cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "note.txt", b"done")
    ...     [file.name for file in Path(folder).iterdir()]
    ['note.txt']
    """
    with writing(path) as file:
        file.write(content)


@contextmanager
def writing(path: str | Path) -> Iterator[BinaryIO]:
    """A file to write to that takes its place, as a whole, when the block ends well, else vanishes.

    Raises what `write_whole` does.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with writing(Path(folder) / "note.txt") as file:
    ...         _ = file.write(b"done")
    ...     [file.name for file in Path(folder).iterdir()]
    ['note.txt']
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    if path.is_symlink():
        path = path.resolve()
    partial = path.with_name(_own_name())
    with undone(lambda: partial.unlink(missing_ok=True)):
        try:
            with partial.open("xb") as file:
                yield file
                _to_disk(file)
            os.replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


@contextmanager
def staging(out: str | Path) -> Iterator[Path]:
    """A temporary folder whose files move into `out` together if the block ends well, else vanish.

    Raises `UsageError` when `out` cannot be made or written, or when the disk is full. A folder
    that had to be made for this is taken away again if nothing came to lie in it. What a run that
    was killed has left in `out` is taken away after a day.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with staging(Path(folder) / "out") as stage:
    ...         _ = (stage / "note.txt").write_text("done")
    ...     [file.name for file in (Path(folder) / "out").iterdir()]
    ['note.txt']
    """
    out = Path(out)
    absent: list[Path] = []
    stage = out / _own_name()

    def clear() -> None:
        shutil.rmtree(stage, ignore_errors=True)
        _remove_empty(absent)

    with undone(clear):
        try:
            try:
                absent += [folder for folder in (out, *out.parents) if not folder.exists()]
                out.mkdir(parents=True, exist_ok=True)
                _remove_left(out)
                stage.mkdir(mode=0o700)
            except OSError as error:
                raise _cannot_write(out, error) from error
            try:
                yield stage
                _move(stage, out)
            except OSError as error:
                if error.errno in _PLACE:
                    raise _cannot_write(out, error) from error
                raise
        finally:
            clear()


def own_folder(place: str | Path, kind: str) -> Path:
    """A new folder in `place` for what a process keeps while it runs, open to its user alone.

    Whoever asks for it removes it. What a process that was killed has left in `place` is taken away
    after a day.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     own_folder(folder, "lab").name[:13]
    'steepest-lab-'
    """
    place = Path(place)
    _remove_left(place)
    folder = place / _own_name(f"steepest-{kind}-")
    folder.mkdir(mode=0o700)
    return folder


def _move(stage: Path, out: Path) -> None:
    """Move all files of a folder into another, once none of them can fail."""
    files = sorted(stage.iterdir())
    for path in files:
        if (out / path.name).is_dir():
            raise IsADirectoryError(errno.EISDIR, f"{path.name} in it is a folder")
        with path.open("rb+") as file:
            _to_disk(file)
    with shielded():
        for path in files:
            os.replace(path, out / path.name)


def _to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _own_name(begin: str = ".steepest-") -> str:
    """A name for what this process is writing; short, however long that will be called."""
    return f"{begin}{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:12]}"


def _machine() -> str:
    return hashlib.sha256(platform.node().encode(errors="replace")).hexdigest()[:8]


def _remove_left(folder: Path) -> None:
    """Take away what processes of this machine left here that ended more than a day ago."""
    for path in (*folder.glob(".steepest-*"), *folder.glob("steepest-*")):
        name = _OURS.fullmatch(path.name)
        if name is None or name[1] != _machine() or not _is_gone(int(name[2])):
            continue
        with suppress(OSError):
            if time.time() - path.stat().st_mtime < _DAY:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def _is_gone(process: int) -> bool:
    """Whether there is no such process; nobody can ask without harm on Windows."""
    if os.name == "nt":
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _cannot_write(out: Path, error: OSError) -> UsageError:
    return UsageError(
        f"cannot write to the folder {out}: {error.strerror or error};"
        " choose another with --out, or make room for it"
    )


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()
