"""The one way into a user's file: opened once, read within a stated size, refused in one message.

What is not a regular file (a pipe, a terminal) is read once, as a stream, to its end.
"""

import io
import os
import re
import select
import stat
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

from steepest.errors import DataError, SteepestError, UsageError

__all__ = [
    "check_file",
    "check_size",
    "length",
    "opened",
    "read_all",
    "read_text",
    "read_unpacked",
    "refusing",
    "size_limit",
    "size_told",
]

LIMIT = "STEEPEST_MAX_SIZE"
"""The environment variable that raises, or lowers, the size up to which files are read."""

_DEFAULT = 10**9
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_PATIENCE = 10.0  # s, for the first byte of a named pipe
_CHUNK = 1 << 20


def size_limit() -> int:
    """The most bytes that a file may hold, unpack to or declare: 1 GB, or STEEPEST_MAX_SIZE.

    Raises UsageError where the variable is no size such as 500MB, 4GB or a number of bytes.

    >>> size_limit()
    1000000000
    """
    stated = os.environ.get(LIMIT, "").strip()
    if not stated:
        return _DEFAULT
    parts = re.fullmatch(r"(\d{1,15}(?:\.\d{1,9})?)\s*([KMGT]?B?)", stated.upper())
    unit = "" if parts is None else parts[2]
    scale = _UNITS.get(unit, _UNITS.get(unit + "B"))
    if parts is None or scale is None:
        raise UsageError(f"{LIMIT} is {stated[:40]!r}: give a size such as 500MB or 4GB")
    return int(float(parts[1]) * scale)


def check_size(path: Path, size: int, what: str = "holds") -> None:
    """Raise DataError, naming the cure, where a size in bytes is beyond the limit.

    >>> check_size(Path("a.npz"), 8 * 10**12, "unpacks to")
    Traceback (most recent call last):
    steepest.errors.DataError: a.npz unpacks to 8 TB, more than the 1 GB that are read: if it is
    what you mean to read, set STEEPEST_MAX_SIZE=8TB
    """
    limit = size_limit()
    if size > limit:
        raise DataError(
            f"{path} {what} {size_told(size)}, more than the {size_told(limit)} that are read: if"
            f" it is what you mean to read, set {LIMIT}={size_told(size, up=True)}"
        )


def check_file(path: Path) -> None:
    """Raise DataError, naming the files near it, where there is no such file or it is a folder.

    >>> from pathlib import Path
    >>> check_file(Path("no/sizes.csv"))
    Traceback (most recent call last):
    steepest.errors.DataError: no such file: no/sizes.csv (there is no folder no)
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"no such file: {path}{_near_file(path)}") from error
    except (OSError, ValueError) as error:  # too long a name, a folder that is closed, ...
        raise DataError(f"{_short(path)} cannot be opened: {_reason(error)}") from error
    if stat.S_ISDIR(mode):
        raise DataError(f"{path} is a folder: give a file")
    kinds = {stat.S_ISBLK: "a disk", stat.S_ISSOCK: "a socket"}
    for is_kind, called in kinds.items():
        if is_kind(mode):
            raise DataError(f"{path} is {called}: give a file")


@contextmanager
def opened(path: Path) -> Iterator[io.BufferedIOBase]:
    """A file to read from, which can be rewound; its size is looked at by who reads it.

    Raises DataError as `check_file` does, and for whatever goes wrong while it is open. Pipes are
    read to their end at once; a named pipe that nobody writes to is refused after 10 s.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "sizes.csv"
    ...     _ = path.write_text("1,2")
    ...     with opened(path) as file:
    ...         file.read()
    b'1,2'
    """
    check_file(path)
    with refusing(path, "cannot be read"):
        # Without O_NONBLOCK a pipe that nobody writes to would hold us here for ever.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as file:
            kind = os.fstat(handle)
            if stat.S_ISREG(kind.st_mode):
                yield file
                return
            if stat.S_ISCHR(kind.st_mode) and not os.isatty(handle):
                raise DataError(f"{path} is a device, not a file of data: give a file")
            yield io.BytesIO(_stream(path, handle))


def length(file: io.BufferedIOBase) -> int:
    """The bytes in a file that can be rewound, to whose beginning it goes.

    >>> length(io.BytesIO(b"abc"))
    3
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return size


def read_all(path: Path, file: io.BufferedIOBase) -> bytes:
    """All that a file holds. Raises DataError, before it is read, past the limit of size.

    >>> read_all(Path("a"), io.BytesIO(b"content"))
    b'content'
    """
    check_size(path, length(file))
    return file.read()


def read_unpacked(path: Path, file: io.BufferedIOBase) -> bytes:
    """All that something which unpacks gives; refused past the limit of size.

    It is unpacked twice, and measured before it is kept: nothing large is ever allocated for what
    is then refused.

    >>> read_unpacked(Path("a"), io.BytesIO(b"content"))
    b'content'
    """
    size = 0
    while chunk := file.read(_CHUNK):
        size += len(chunk)
        check_size(path, size, "unpacks to at least")
    file.seek(0)
    return file.read()


def read_text(path: Path, limit: int = 10**7) -> str:
    """The text of a small file of settings, in UTF-8, without a byte order mark.

    Raises DataError for what cannot be read, is no text, or has more than `limit` bytes.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "study.toml"
    ...     _ = path.write_text("seeds = 3", encoding="utf-8-sig")
    ...     read_text(path)
    'seeds = 3'
    """
    with opened(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise DataError(f"{path} has more than {size_told(limit)}: it is no text file of settings")
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no text in UTF-8: {error}; save it as UTF-8") from error


@contextmanager
def refusing(path: Path, what: str, cure: str = "") -> Iterator[None]:
    """Turn whatever a library raises about a file into one DataError, and silence its warnings.

    >>> with refusing(Path("a.parquet"), "begins like Parquet but cannot be read"):
    ...     {}["root"]
    Traceback (most recent call last):
    steepest.errors.DataError: a.parquet begins like Parquet but cannot be read: KeyError: 'root'
    """
    ending = f"; {cure}" if cure else ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except SteepestError:
        raise
    except MemoryError as error:
        raise DataError(f"{path} needs more memory than there is{ending}") from error
    except RecursionError as error:
        raise DataError(f"{path} {what}: it is nested too deeply{ending}") from error
    except Exception as error:
        raise DataError(f"{path} {what}: {_reason(error)}{ending}") from error


def _reason(error: BaseException) -> str:
    """What an error says, in one line that is not too long."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    said = " ".join(str(error).split())
    said = said if len(said) <= 200 else f"{said[:200]}..."
    if isinstance(error, ValueError | OSError) and said:
        return said
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _stream(path: Path, handle: int) -> bytes:
    """What comes through a pipe or from a terminal until it ends."""
    named = os.path.exists(os.path.realpath(path))  # an end of <(...) or | has no name of its own
    start = time.monotonic()
    watch = select.poll()
    watch.register(handle, select.POLLIN)
    chunks: list[bytes] = []
    size, gone = 0, not named
    while True:
        try:
            chunk = os.read(handle, _CHUNK)
        except BlockingIOError:  # somebody is there, and has nothing to say yet
            chunk = None
        if chunk:
            chunks.append(chunk)
            size += len(chunk)
            check_size(path, size, "gives at least")
            continue
        if chunk is not None and (chunks or gone):
            return b"".join(chunks)
        if named and not chunks and time.monotonic() - start > _PATIENCE:
            raise DataError(
                f"{path} is a pipe to which nobody wrote within {_PATIENCE:g} s: start what writes"
                " to it first, or give a file"
            )
        gone = gone or any(event & select.POLLHUP for _, event in watch.poll(100))


def size_told(size: int, up: bool = False) -> str:
    """A size in bytes for people, rounded up where it is a limit to be set.

    >>> size_told(1_500_000)
    '1.5 MB'
    """
    unit = next(u for u in ("TB", "GB", "MB", "KB", "B") if size >= _UNITS[u] or u == "B")
    count = size / _UNITS[unit]
    if up:
        return f"{-(-size // _UNITS[unit])}{unit}"
    return f"{count:,.3g} {unit}" if count < 1000 else f"{count:,.0f} {unit}"


def _short(path: Path) -> str:
    name = str(path)
    return name if len(name) <= 200 else f"{name[:200]}..."


def _near_file(path: Path) -> str:
    try:
        if not path.parent.is_dir():
            return f" (there is no folder {path.parent})"
        near = get_close_matches(path.name, [entry.name for entry in path.parent.iterdir()], n=3)
    except OSError:
        return ""
    return f"; did you mean {' or '.join(near)}?" if near else ""
