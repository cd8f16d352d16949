"""A store's metadata in one file: what opens with one read, and what each file should be.

`.zmetadata` is Zarr's consolidated metadata. Beside them it says which chunks there are, and bears
a digest: so a file that is gone or was changed is known, and which side of a difference is right.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steepest.errors import DataError
from steepest.sweep.staged import write_atomic

__all__ = ["CONSOLIDATED", "Consolidated", "array_names", "chunk_names", "consolidate"]
__all__ += ["load_object", "metadata_files", "read_consolidated"]

CONSOLIDATED = ".zmetadata"


@dataclass(frozen=True)
class Consolidated:
    """Content of every metadata file by its path in the store, and the chunks of every array.

    `chunks` is None in a store of a version that did not keep them.
    """

    metadata: dict[str, Any]
    chunks: dict[str, list[str]] | None


def consolidate(path: Path) -> None:
    """Gather the metadata of all arrays in one file, so that the store opens with one read."""
    metadata = {str(file): load_object(path / file) for file in metadata_files(path)}
    chunks = {name: chunk_names(path / name) for name in array_names(path)}
    ours = {"chunks": chunks, "digest": _digest(metadata, chunks)}
    content = {"metadata": metadata, "zarr_consolidated_format": 1, "steepest": ours}
    write_atomic(path / CONSOLIDATED, json.dumps(content).encode())


def read_consolidated(path: Path) -> Consolidated:
    """What `consolidate` gathered. Raises `DataError` when the file is gone or was changed."""
    content = load_object(path / CONSOLIDATED)
    metadata, ours = content.get("metadata"), content.get("steepest")
    if ours is None and isinstance(metadata, dict):
        return Consolidated(metadata, None)
    if not isinstance(ours, dict) or ours.get("digest") != _digest(metadata, ours.get("chunks")):
        raise DataError("it was changed")
    return Consolidated(content["metadata"], ours["chunks"])


def load_object(path: Path) -> dict[str, Any]:
    """A JSON file that holds an object. Raises `DataError` that says what it is instead."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError("it is gone") from error
    except OSError as error:
        raise DataError(f"it cannot be read ({error.strerror})") from error
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError("it is empty" if not content else "it is cut short or changed") from error
    if not isinstance(value, dict):
        raise DataError("it was changed")
    return value


def metadata_files(path: Path) -> list[Path]:
    """The metadata files of the store and its arrays that are there or must be, relative to it."""
    arrays = array_names(path)
    own = [Path(".zgroup"), Path(".zattrs")]
    return own + [Path(name) / file for name in arrays for file in (".zarray", ".zattrs")]


def array_names(path: Path) -> list[str]:
    """Names of the arrays, found by their files: the working folder is none."""
    return sorted(file.parent.name for file in path.glob("*/.zarray"))


def chunk_names(folder: Path) -> list[str]:
    """Files of an array's chunks, "0.3" for the block in row 0 and column 3, in a fixed order."""
    return sorted(name for name in os.listdir(folder) if name.replace(".", "").isdecimal())


def _digest(metadata: Any, chunks: Any) -> str:
    text = json.dumps([metadata, chunks], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
