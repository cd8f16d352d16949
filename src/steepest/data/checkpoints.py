"""Reading a network's weights: torch checkpoints, safetensors and NPZ, told by content.

Nothing is ever unpickled that could run code. What a file holds is read array by array where its
kind allows: memory is then that of an array (or of some of its rows), whatever the file's size.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from steepest.data.numpy_files import read_npz
from steepest.data.opening import check_size, length, opened, read_all, refusing
from steepest.data.stored import StoredWeights
from steepest.errors import DataError

__all__ = ["match_checkpoints", "open_checkpoint", "read_checkpoint"]

_NESTED = ("state_dict", "model_state_dict", "model", "weights")
_REAL = ("F64", "F32", "F16", "I", "U", "BOOL")  # how safetensors call what NumPy has
_NO_BFLOAT = "bfloat16 is not read: save float32"
_SAFETENSORS = "begins like safetensors but cannot be read"


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
    return dict(_stored(Path(path), at_once=True))


def open_checkpoint(path: str | Path) -> StoredWeights:
    """The named arrays of a checkpoint, each read from the file when it is asked for.

    The same files and errors as `read_checkpoint`. Safetensors, and torch files that are not packed
    (`torch.save` does not pack), are never in memory whole, and may be larger than it: no limit of
    size holds for them. They must stay where they are until the last array is read.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "before.npz"
    ...     np.savez(path, hidden=np.ones((2, 3)))
    ...     weights = open_checkpoint(path)
    >>> weights.shapes
    {'hidden': (2, 3)}
    """
    return _stored(Path(path), at_once=False)


def match_checkpoints(before: StoredWeights, after: StoredWeights) -> list[str]:
    """The names that both hold, in order; raises `DataError` listing what differs."""
    gone = [name for name in before if name not in after]
    new = [name for name in after if name not in before]
    shapes = [
        f"{name} {before.shapes[name]} -> {after.shapes[name]}"
        for name in before
        if name in after and before.shapes[name] != after.shapes[name]
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


def _stored(path: Path, *, at_once: bool) -> StoredWeights:
    with opened(path) as file:
        start = file.read(16)
        file.seek(0)
        if start.startswith(b"PK") and zipfile.is_zipfile(file):
            file.seek(0)
            with (
                refusing(path, "begins like an NPZ but cannot be read"),
                zipfile.ZipFile(file) as archive,
            ):
                members = archive.infolist()
            file.seek(0)
            if members and all(item.filename.endswith(".npy") for item in members):
                arrays = read_npz(path, file)
                return _in_memory(path, arrays)
            packed = any(item.compress_type != zipfile.ZIP_STORED for item in members)
            if packed or at_once or not path.is_file():
                check_size(path, sum(item.file_size for item in members), "unpacks to")
                return _torch(path, file)
            return _torch(path, path)
        streamed = start[8:9] == b"{" and not at_once and path.is_file()
        if not streamed:
            check_size(path, length(file))
        if start.startswith(b"\x80"):
            return _torch(path, file)
        if streamed:
            return _safetensors(path)
        if start[8:9] == b"{":
            return _safetensors_in_memory(path, file)
    raise DataError(
        f"{path} is no checkpoint that is read here: give a torch state dict (.pt), safetensors"
        " or NPZ"
    )


def _needed(path: Path) -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise DataError(
            f'{path} is safetensors, which needs one more package: pip install "steepest[torch]"'
        ) from error
    return safetensors


def _safetensors_in_memory(path: Path, file: io.BufferedIOBase) -> StoredWeights:
    library = _needed(path)
    with refusing(path, _SAFETENSORS, _NO_BFLOAT):
        arrays = library.numpy.load(read_all(path, file))
    return _in_memory(path, arrays)


def _safetensors(path: Path) -> StoredWeights:
    """What is read is copied, and the file closed again: none of its pages stay ours."""
    library = _needed(path)
    shapes, integers = {}, set()
    with refusing(path, _SAFETENSORS, _NO_BFLOAT), library.safe_open(path, "numpy") as file:
        for name in file.offset_keys():  # in the order of the file
            told = file.get_slice(name)
            kind = str(told.get_dtype())
            shapes[name] = tuple(told.get_shape())
            if not kind.startswith(_REAL):
                raise DataError(
                    f"{path}: {name!r} holds values of type {kind}, which are not read: save float32"
                )
            integers |= {name} if kind[0] in "IUB" else set()

    def read(name: str, rows: slice) -> np.ndarray:
        with refusing(path, _SAFETENSORS), library.safe_open(path, "numpy") as file:
            whole = rows == slice(None) or not shapes[name]
            array = file.get_tensor(name) if whole else file.get_slice(name)[rows]
        return array.astype(np.float64)

    return StoredWeights(shapes, read, frozenset(integers))


def _torch(path: Path, source: Any) -> StoredWeights:
    """A torch file; given as a path it is mapped into memory, not read."""
    import pickle

    try:
        import torch
    except ImportError as error:
        raise DataError(
            f'{path} looks like a torch checkpoint: pip install "steepest[torch]" to read it'
        ) from error
    with refusing(path, "cannot be read as a torch checkpoint"):
        try:
            saved = torch.load(
                source, map_location="cpu", weights_only=True, mmap=isinstance(source, Path)
            )
        except pickle.UnpicklingError as error:
            raise DataError(
                f"{path} holds pickled Python objects other than tensors, which could run code and"
                " are never loaded: save model.state_dict()"
            ) from error
        return _state_dict(path, saved)


def _state_dict(path: Path, saved: Any) -> StoredWeights:
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
    for name, tensor in tensors.items():
        if tensor.is_quantized or tensor.layout != torch.strided:
            kind = "quantised" if tensor.is_quantized else "sparse"
            raise DataError(
                f"{path}: {name!r} is {kind}: save the plain weights (dequantised or dense), as they"
                " were trained"
            )
    # A few numbers can be declared to stand for a tensor of any size.
    numbers = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if numbers > path.stat().st_size:
        check_size(path, numbers, "declares tensors of")

    def read(name: str, rows: slice) -> np.ndarray:
        tensor = tensors[name].detach()
        with refusing(path, "cannot be read as a torch checkpoint"):
            return (tensor[rows] if tensor.ndim else tensor).to(torch.float64).numpy()

    return StoredWeights(
        {name: tuple(tensor.shape) for name, tensor in tensors.items()},
        read,
        frozenset(name for name, tensor in tensors.items() if not tensor.is_floating_point()),
    )


def _in_memory(path: Path, arrays: Mapping[str, np.ndarray]) -> StoredWeights:
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub":
            raise DataError(
                f"{path}: {name!r} holds values of type {array.dtype}, not real numbers"
            )
    return StoredWeights.of(arrays)
