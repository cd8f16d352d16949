"""Finished cells as they wait for the store: one file each, there as a whole or not at all.

A cell counts as done from the moment its file has its name: `17.npy` holds the result of cell 17,
`17.json` the error that it ended with.
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

from steepest.errors import UsageError
from steepest.files import write_whole

__all__ = ["Record", "Variable", "cannot_write", "pack", "pack_variables", "read"]
__all__ += ["unpack_variables", "write_atomic", "write_failure", "write_result"]


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

    Raises `TypeError`, naming the variable, for values that are not numbers, truth values or text.
    """
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
    return buffer.getvalue()


def unpack_variables(content: bytes) -> tuple[dict[str, Any], dict[str, Variable]]:
    """What else was said, and the variables, in the content that `pack_variables` made."""
    buffer = io.BytesIO(content)
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
    head = {"seconds": seconds, "worker": _here(), "error": error, "traceback": trace}
    write_atomic(folder / f"{index}.json", json.dumps(head).encode())


def read(path: Path) -> Record:
    """The record in a file that `write_result` or `write_failure` wrote."""
    index = int(path.stem)
    if path.suffix == ".json":
        return Record(index=index, variables={}, **json.loads(path.read_bytes()))
    head, variables = unpack_variables(path.read_bytes())
    return Record(index, variables=variables, **head)


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


def _plain_array(name: str, values: Any) -> np.ndarray:
    values = np.asarray(values)
    if values.dtype.kind in "fiubcU":
        return values
    if values.dtype.kind in "OT" and all(isinstance(value, str) for value in values.flat):
        return values.astype(object).astype(np.str_)
    raise TypeError(
        f"variable {name!r} has dtype {values.dtype}: a sweep stores numbers, truth values and text"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return value.tolist() if isinstance(value, np.ndarray) else str(value)
