"""Everything that is written: plain JSON values, one file or a folder, whole or not at all."""

import errno
import hashlib
import json
import math
import os
import platform
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from steepest.errors import UsageError
from steepest.interrupts import shielded, undone

__all__ = ["plain", "staging", "to_json", "write_whole", "writing"]

# What is being written bears the machine and the process that writes it.
_OURS = re.compile(r"\.steepest-([0-9a-f]{8})-(\d+)-[0-9a-f]{12}")
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
    """Plain values as one line of JSON. Raises ValueError for a number that is not finite.

    >>> to_json({"n": 3, "index": None})
    '{"n": 3, "index": null}'
    """
    return json.dumps(value, allow_nan=False)


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
    if path.exists() and not path.is_file() and not path.is_dir():
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


def _own_name() -> str:
    """A name for what this process is writing; short, however long that will be called."""
    return f".steepest-{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:12]}"


def _machine() -> str:
    return hashlib.sha256(platform.node().encode(errors="replace")).hexdigest()[:8]


def _remove_left(folder: Path) -> None:
    """Take away what processes of this machine left here that ended more than a day ago."""
    for path in folder.glob(".steepest-*"):
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
