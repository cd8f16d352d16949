"""NPY and NPZ files, whose headers are believed only as far as the file goes; never unpickled."""

import io
import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from steepest.data.opening import check_size, opened, refusing
from steepest.errors import DataError

__all__ = ["UNPICKLED", "load_npz", "read_npy", "read_npz", "unzipping"]

_CHUNK = 1 << 20
UNPICKLED = "holds pickled Python objects, which are never loaded: save plain numeric arrays"


def read_npy(
    path: Path, file: io.BufferedIOBase, size: int, member: str | None = None
) -> np.ndarray:
    """The array in an NPY file of `size` bytes, or in a member of an NPZ file.

    Raises DataError before anything is allocated where the header declares more than there is.

    >>> import io
    >>> file = io.BytesIO()
    >>> np.save(file, np.arange(3.0))
    >>> _ = file.seek(0)
    >>> read_npy(Path("a.npy"), file, file.getbuffer().nbytes)
    array([0., 1., 2.])
    """
    here = f"{path} ({member or path.name})"
    with refusing(Path(here), "cannot be read as a NumPy array"):
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0
        if version != (1, 0):
            header = np.lib.format.read_array_header_2_0  # 3.0 is the same, but for UTF-8 in names
        shape, in_columns, kind = header(file)
        if version == (3, 0) and kind.names:
            kind.names = tuple(name.encode("latin-1").decode() for name in kind.names)
        if kind.hasobject:
            raise DataError(f"{here} {UNPICKLED}")
        declared = math.prod(shape) * kind.itemsize
        there = size - file.tell()
        if declared > there or min(shape, default=1) < 0 or not kind.itemsize:
            raise DataError(
                f"{here} cannot be read as a NumPy array: it declares the shape {shape} of type"
                f" {kind}, and {there} bytes follow: it was cut off or changed; save it again"
            )
        content = bytearray(declared)
        filled = 0
        while chunk := file.read(min(_CHUNK, declared - filled)):
            content[filled : filled + len(chunk)] = chunk
            filled += len(chunk)
        if filled < declared:
            raise DataError(f"{here} cannot be read as a NumPy array: it ends too early")
        array = np.frombuffer(content, dtype=kind)
        return array.reshape(shape, order="F" if in_columns else "C")


@contextmanager
def unzipping(path: Path, file: io.BufferedIOBase) -> Iterator[zipfile.ZipFile]:
    """A zip file whose members together unpack to no more than the limit. Raises DataError.

    Python reads no more of a member than its declared size, so that what is declared is what comes.
    """
    with (
        refusing(path, "begins like an NPZ but cannot be read"),
        zipfile.ZipFile(file) as archive,
    ):
        check_size(path, sum(item.file_size for item in archive.infolist()), "unpacks to")
        yield archive


def read_npz(path: Path, file: io.BufferedIOBase) -> dict[str, np.ndarray]:
    """The arrays of an NPZ file by name, in order. Raises DataError where one cannot be read."""
    with unzipping(path, file) as archive:
        arrays = {}
        for item in archive.infolist():
            if not item.filename.endswith(".npy"):
                raise DataError(f"{path} is a zip file but no NPZ: it holds {item.filename!r}")
            name = item.filename.removesuffix(".npy")
            with archive.open(item) as opened_member:
                member: Any = opened_member  # typed as any file of bytes, which is buffered
                arrays[name] = read_npy(path, member, item.file_size, item.filename)
        return arrays


def load_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an NPZ file that is opened for them.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a.npz"
    ...     np.savez(path, weights=np.ones(2))
    ...     load_npz(path)
    {'weights': array([1., 1.])}
    """
    with opened(path) as file:
        if not file.read(4).startswith(b"PK"):
            raise DataError(f"{path} is no NPZ file: it does not begin like one")
        file.seek(0)
        return read_npz(path, file)
