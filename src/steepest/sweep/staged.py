"""Finished cells as they wait for the store: one file each, there as a whole or not at all.

A cell counts as done from the moment its file has its name: `17.npy` holds the result of cell 17,
`17.failed` the error that it ended with. Both carry the checksum of Zstandard's frames.
"""

import io
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numcodecs import Zstd

from steepest.errors import DataError, UsageError
from steepest.files import write_whole

__all__ = ["CHECKED", "Record", "Variable", "cannot_write", "pack", "pack_variables", "read"]
__all__ += ["storable", "unpack_variables", "write_atomic", "write_failure", "write_result"]

# Compression of all values, with a checksum in each frame: a byte that changed is an error.
CHECKED = Zstd(level=0, checksum=True)
# An error's text and its traceback: more than anybody reads, and less than fills a disk.
_LONGEST_TEXT = 100_000
# File systems take names of 255 bytes; the store appends up to 24, and a fold's own ending.
_LONGEST_NAME = 160
_KINDS = ("f2", "f4", "f8", "c8", "c16", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")


@dataclass(frozen=True)
class Variable:
    """One variable of a cell's dataset: its own dimensions, values, attributes and role."""

    dims: tuple[str, ...]
    values: np.ndarray
    attrs: dict[str, Any]
    coordinate: bool


@dataclass(frozen=True)
class Record:
    """What became of one cell: its variables, or its error and traceback (then no variables)."""

    index: int
    seconds: float
    worker: str
    variables: dict[str, Variable]
    error: str = ""
    traceback: str = ""

    @property
    def nbytes(self) -> int:
        """Size of its arrays."""
        return sum(variable.values.nbytes for variable in self.variables.values())


def pack(dataset: xr.Dataset, seconds: float) -> bytes:
    """A cell's dataset, and the seconds it took, as the content of its file.

    Raises `TypeError`, naming the variable, for values that are not numbers, truth values or text,
    and `ValueError` for a name or a text that no file takes.
    """
    for name in [*map(str, dataset.variables), *map(str, dataset.dims)]:
        _check_name(name)
    variables = {
        str(name): Variable(
            tuple(map(str, variable.dims)),
            _plain_array(str(name), variable.values),
            variable.attrs,
            name in dataset.coords,
        )
        for name, variable in dataset.variables.items()
    }
    return pack_variables(variables, seconds=seconds, worker=_here())


def pack_variables(variables: Mapping[str, Variable], **head: Any) -> bytes:
    """Variables, and what else to say of them, as the content of a file.

    NumPy's own format, one array after the other, the first a text: a zip of them is slower.
    """
    meta = {
        name: {"dims": v.dims, "attrs": v.attrs, "coordinate": v.coordinate}
        for name, v in variables.items()
    }
    text = json.dumps({**head, "variables": meta}, default=_plain)
    buffer = io.BytesIO()
    for array in (np.array(text), *(v.values for v in variables.values())):
        np.lib.format.write_array(buffer, array, allow_pickle=False)
    return bytes(CHECKED.encode(buffer.getvalue()))


def unpack_variables(content: bytes) -> tuple[dict[str, Any], dict[str, Variable]]:
    """What else was said, and the variables, in the content that `pack_variables` made.

    Raises `RuntimeError` when a byte of it has changed or is missing.
    """
    buffer = io.BytesIO(bytes(CHECKED.decode(content)))
    head = json.loads(str(np.lib.format.read_array(buffer)))
    variables = {
        name: Variable(
            tuple(v["dims"]), np.lib.format.read_array(buffer), v["attrs"], v["coordinate"]
        )
        for name, v in head.pop("variables").items()
    }
    return head, variables


def write_result(folder: Path, index: int, content: bytes) -> None:
    """Put a cell's packed dataset in place. Raises `UsageError` when it cannot be written."""
    write_atomic(folder / f"{index}.npy", content)


def write_failure(folder: Path, index: int, error: str, trace: str, seconds: float) -> None:
    """Put the record of a failed cell in place. Raises `UsageError` when it cannot be written."""
    texts = {"error": storable(error), "traceback": storable(trace)}
    head = {"seconds": seconds, "worker": _here(), **texts}
    content = bytes(CHECKED.encode(json.dumps(head).encode()))
    write_atomic(folder / f"{index}.failed", content)


def read(path: Path) -> Record:
    """The record in a file that `write_result` or `write_failure` wrote.

    Raises `DataError` when it is not what they wrote, and `OSError` when it cannot be read.
    """
    index, content = int(path.stem), path.read_bytes()
    try:
        if path.suffix == ".failed":
            return Record(index, variables={}, **json.loads(bytes(CHECKED.decode(content))))
        head, variables = unpack_variables(content)
        return Record(index, variables=variables, **head)
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise DataError(f"{path}: it is cut short or changed") from error


def storable(text: str) -> str:
    """A text as the store takes it: lone surrogates as escapes, and cut where nobody reads on."""
    if len(text) > _LONGEST_TEXT:
        text = f"{text[:_LONGEST_TEXT]} ... ({len(text)} characters)"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file of the store that is there as a whole, on the disk, or not at all.

    Raises `UsageError` with the reason (disk full, read-only, ...) when it cannot be written.
    """
    try:
        write_whole(path, content)
    except OSError as error:
        raise cannot_write(path.parent, error) from error


def cannot_write(place: Path, error: OSError) -> UsageError:
    """The error for a store that cannot be written to, which says that nothing is lost."""
    return UsageError(
        f"cannot write to the store ({place}): {error.strerror or error}; finished cells are kept:"
        " once there is room and permission to write, the same command goes on from them"
    )


def _here() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _check_name(name: str) -> None:
    size = len(name.encode("utf-8", "surrogatepass"))
    if not name or size > _LONGEST_NAME or any("\ud800" <= letter <= "\udfff" for letter in name):
        words = f"{name[:40]!r}{'...' * (len(name) > 40)} ({size} bytes)"
        raise ValueError(
            f"a variable or dimension is named {words}: a sweep stores names of 1 to"
            f" {_LONGEST_NAME} bytes of UTF-8"
        )


def _plain_array(name: str, values: Any) -> np.ndarray:
    values = np.asarray(values)
    if values.dtype.kind == "U" or values.dtype.newbyteorder("=").str[1:] in _KINDS:
        return _encodable(name, values)
    if values.dtype.kind in "OT" and all(isinstance(value, str) for value in values.flat):
        return _encodable(name, values.astype(object).astype(np.str_))
    raise TypeError(
        f"variable {name!r} has dtype {values.dtype}: a sweep stores numbers, truth values and text"
    )


def _encodable(name: str, values: np.ndarray) -> np.ndarray:
    """The values, texts among them only where UTF-8 has a code for every character."""
    if values.dtype.kind == "U":
        try:
            "".join(map(str, values.flat)).encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"variable {name!r} holds a text that UTF-8 cannot tell") from error
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return value.tolist() if isinstance(value, np.ndarray) else str(value)
