"""Everything that is written: JSON, CSV, one file or a folder, whole or not at all."""

import csv
import errno
import io
import json
import math
import numbers
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from steepest.errors import UsageError

__all__ = ["plain", "staging", "to_csv", "to_json", "write_whole"]

# What a spreadsheet takes for the beginning of a formula, also in the widths of East Asian scripts.
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


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
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(map(_cell, columns))
    writer.writerows(map(_cell, row) for row in rows)
    return buffer.getvalue()


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, numbers.Number):
        return value
    text = str(value)
    if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there as a whole, on the disk, or not at all.

    Raises the system's OSError (disk full, read-only, ...) when it cannot be written.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "note.txt", b"done")
    ...     [file.name for file in Path(folder).iterdir()]
    ['note.txt']
    """
    # Not made of the file's own name, which may be as long as the system allows.
    partial = path.with_name(f".steepest-{uuid.uuid4().hex}")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def staging(out: str | Path) -> Iterator[Path]:
    """A temporary folder whose files move into `out` together if the block ends well, else vanish.

    Raises `UsageError` when `out` cannot be made or written, or when the disk is full. A folder
    that had to be made for this is taken away again if nothing came to lie in it.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with staging(Path(folder) / "out") as stage:
    ...         _ = (stage / "note.txt").write_text("done")
    ...     [file.name for file in (Path(folder) / "out").iterdir()]
    ['note.txt']
    """
    out = Path(out)
    absent: list[Path] = []
    try:
        absent = [folder for folder in (out, *out.parents) if not folder.exists()]
        out.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=".steepest-", dir=out))
    except OSError as error:
        _remove_empty(absent)
        raise _cannot_write(out, error) from error
    try:
        yield stage
        for file in sorted(stage.iterdir()):
            if (out / file.name).is_dir():
                raise IsADirectoryError(errno.EISDIR, f"{file.name} in it is a folder")
        for file in sorted(stage.iterdir()):
            os.replace(file, out / file.name)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EISDIR, errno.EACCES):
            raise _cannot_write(out, error) from error
        raise
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        _remove_empty(absent)


def _cannot_write(out: Path, error: OSError) -> UsageError:
    return UsageError(
        f"cannot write to the folder {out}: {error.strerror or error};"
        " choose another with --out, or make room for it"
    )


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()
