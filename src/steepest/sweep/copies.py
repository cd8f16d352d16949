"""A copy of the coordinates that all cells share: no cell alone could bring one back."""

from typing import Any

import numpy as np

from steepest.errors import DataError
from steepest.sweep.metadata import array_names
from steepest.sweep.staged import Variable, pack_variables, unpack_variables, write_atomic
from steepest.sweep.store import SweepStore

__all__ = ["COPIES", "copy_shared", "read_copies"]

COPIES = ".coordinates"


def copy_shared(store: SweepStore) -> None:
    """Write the values of all shared coordinates to one file, if they are not those it holds."""
    group = store.group()
    axes = store.attribute("study")["axes"]
    own = [name for columns in axes.values() for name in columns]
    shared = {}
    for name in array_names(store.path):
        there: Any = group[name]
        dims = tuple(there.attrs["_ARRAY_DIMENSIONS"])
        if name not in own and dims[: len(axes)] != tuple(axes):
            values = np.array(there)
            texts = values.astype(object).astype(np.str_) if values.dtype.kind in "OT" else values
            shared[name] = Variable(dims, texts, {}, True)
    content = pack_variables(shared)
    file = store.path / COPIES
    if not file.exists() or file.read_bytes() != content:
        write_atomic(file, content)


def read_copies(store: SweepStore) -> dict[str, np.ndarray]:
    """The values of the shared coordinates. Raises `DataError` for a file that was changed."""
    try:
        _, variables = unpack_variables((store.path / COPIES).read_bytes())
    except FileNotFoundError as error:
        raise DataError("it is gone") from error
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise DataError("it is cut short or changed") from error
    return {name: variable.values for name, variable in variables.items()}
