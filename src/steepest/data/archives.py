"""One table that was compressed: gzip, bzip2, xz, or a member of a zip file."""

import io
from pathlib import Path
from typing import Any

from steepest.data.numpy_files import unzipping
from steepest.data.opening import read_unpacked, refusing
from steepest.errors import DataError

__all__ = ["COMPRESSED", "unpacked", "zip_members", "zipped"]

COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz"}
"""How a compressed file begins, and what it is called."""

_CLUTTER = ("__MACOSX/", ".DS_Store", "Thumbs.db")


def unpacked(path: Path, file: io.BufferedIOBase, kind: str) -> io.BytesIO:
    """What a compressed file holds. Raises DataError past the limit of size, or for a broken one.

    >>> import gzip
    >>> unpacked(Path("a.csv.gz"), io.BytesIO(gzip.compress(b"1,2")), "gzip").read()
    b'1,2'
    """
    import bz2
    import gzip
    import lzma

    readers: dict[str, Any] = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}
    with (
        refusing(path, f"begins like a {kind} file but cannot be read"),
        readers[kind](file, "rb") as source,
    ):
        return io.BytesIO(read_unpacked(path, source))


def zip_members(path: Path, file: io.BufferedIOBase) -> list[str]:
    """The names in a zip file, but for folders and what file managers leave."""
    with unzipping(path, file) as archive:
        names = [item.filename for item in archive.infolist() if not item.is_dir()]
    file.seek(0)
    return [
        name for name in names if not (name.startswith(_CLUTTER[0]) or name.endswith(_CLUTTER[1:]))
    ]


def zipped(path: Path, file: io.BufferedIOBase, member: str) -> io.BytesIO:
    """A member of a zip file."""
    with unzipping(path, file) as archive:
        if archive.getinfo(member).flag_bits & 1:
            raise DataError(f"{path}: {member} is locked with a password: unpack it first")
        return io.BytesIO(archive.read(member))
