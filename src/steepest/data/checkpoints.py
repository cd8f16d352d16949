"""Reading a network's weights: torch checkpoints, safetensors and NPZ, told by content.

Nothing is ever unpickled that could run code.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from steepest.data.numpy_files import read_npz, unzipping
from steepest.data.opening import check_size, length, opened, refusing
from steepest.errors import DataError

__all__ = ["match_checkpoints", "read_checkpoint"]

_NESTED = ("state_dict", "model_state_dict", "model", "weights")


def read_checkpoint(path: str | Path) -> dict[str, np.ndarray]:
    """The named arrays of a checkpoint as float64 NumPy arrays; names in the file's order.

    Reads torch files (a state dict, or one under "state_dict", "model_state_dict", "model" or
    "weights"), safetensors, and NPZ. Raises `DataError` for a file that is not there, is none of
    these, holds pickled code (refused, never run), or needs a package that is not installed.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "before.npz"
    ...     np.savez(path, hidden=np.ones((2, 3)))
    ...     weights = read_checkpoint(path)
    >>> {name: array.shape for name, array in weights.items()}
    {'hidden': (2, 3)}
    """
    path = Path(path)
    with opened(path) as file:
        start = file.read(16)
        file.seek(0)
        if start.startswith(b"PK") and zipfile.is_zipfile(file):
            with unzipping(path, file) as archive:
                members = archive.namelist()
            file.seek(0)
            if members and all(name.endswith(".npy") for name in members):
                arrays = read_npz(path, file)
                return {name: _numbers(array, path, name) for name, array in arrays.items()}
            return _torch(path, file)
        check_size(path, length(file))
        if start.startswith(b"\x80"):
            return _torch(path, file)
        if start[8:9] == b"{":
            return _safetensors(path, file)
    raise DataError(
        f"{path} is no checkpoint that is read here: give a torch state dict (.pt), safetensors"
        " or NPZ"
    )


def match_checkpoints(
    before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]
) -> list[str]:
    """The names that both hold, in order; raises `DataError` listing what differs."""
    gone = [name for name in before if name not in after]
    new = [name for name in after if name not in before]
    shapes = [
        f"{name} {before[name].shape} -> {after[name].shape}"
        for name in before
        if name in after and before[name].shape != after[name].shape
    ]
    problems = [
        f"{what}: {_listed(names)}"
        for what, names in (
            ("only before", gone),
            ("only after", new),
            ("of another shape", shapes),
        )
        if names
    ]
    if problems:
        raise DataError(
            f"the checkpoints are not of one network; {'; '.join(problems)}. Give two checkpoints"
            " of the same architecture"
        )
    return list(before)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return ", ".join(names[:12]) + more


def _safetensors(path: Path, file: io.BufferedIOBase) -> dict[str, np.ndarray]:
    try:
        from safetensors.numpy import load
    except ImportError as error:
        raise DataError(
            f'{path} is safetensors, which needs one more package: pip install "steepest[torch]"'
        ) from error
    with refusing(
        path,
        "begins like safetensors but cannot be read",
        "bfloat16 is not read: save float32",
    ):
        arrays = load(file.read())
    return {name: _numbers(array, path, name) for name, array in arrays.items()}


def _torch(path: Path, file: io.BufferedIOBase) -> dict[str, np.ndarray]:
    import pickle

    try:
        import torch
    except ImportError as error:
        raise DataError(
            f'{path} looks like a torch checkpoint: pip install "steepest[torch]" to read it'
        ) from error
    source: Any = file
    with refusing(path, "cannot be read as a torch checkpoint"):
        try:
            saved = torch.load(source, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            raise DataError(
                f"{path} holds pickled Python objects other than tensors, which could run code and"
                " are never loaded: save model.state_dict()"
            ) from error
        return _state_dict(path, saved)


def _state_dict(path: Path, saved: Any) -> dict[str, np.ndarray]:
    import torch

    for name in _NESTED:
        if isinstance(saved, Mapping) and isinstance(saved.get(name), Mapping):
            saved = saved[name]
            break
    if not isinstance(saved, Mapping) or not any(torch.is_tensor(v) for v in saved.values()):
        raise DataError(f"{path} holds no state dict: save model.state_dict()")
    tensors = {
        str(name): tensor
        for name, tensor in saved.items()
        if torch.is_tensor(tensor) and not tensor.is_complex()
    }
    # A few numbers can be declared to stand for a tensor of any size.
    numbers = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    check_size(path, numbers, "declares tensors of")
    return {
        name: _numbers(tensor.detach().to(torch.float64).numpy(), path, name)
        for name, tensor in tensors.items()
    }


def _numbers(array: Any, path: Path, name: str) -> np.ndarray:
    array = np.asarray(array)
    if array.dtype.kind not in "fiub":
        raise DataError(f"{path}: {name!r} holds values of type {array.dtype}, not real numbers")
    return array.astype(np.float64)
