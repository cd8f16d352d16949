"""What another hand, or a failing disk, did to the files of a store: found before they are used.

Files of systems that note things in every folder (Thumbs.db, .DS_Store) are no damage.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from steepest.errors import DataError
from steepest.progress import track
from steepest.sweep.copies import COPIES, read_copies
from steepest.sweep.metadata import (
    CONSOLIDATED,
    Consolidated,
    array_names,
    chunk_names,
    load_object,
    metadata_files,
    read_consolidated,
)
from steepest.sweep.staged import read, unpack_variables
from steepest.sweep.store import SERVICE, SweepStore

__all__ = ["Damage", "find_damage", "refuse_damage"]

_SHOWN = 5


@dataclass(frozen=True)
class Damage:
    """A file of a store, by its path in it, and what became of it: "it is gone"."""

    file: str
    words: str

    def __str__(self) -> str:
        return f"{self.file}: {self.words}"


def find_damage(store: SweepStore, values: bool = True) -> list[Damage]:
    """Every file of a store that is gone or was changed; with `values`, all of them are read.

    Without, the values of cells are only looked for. While a fold is under way, or after one died,
    nobody knows which files there should be: then what is there must be whole. Raises `UsageError`
    when the path holds no store of a sweep.
    """
    store.attributes()
    damages = []
    known = None
    try:
        known = read_consolidated(store.path)
    except DataError as error:
        damages.append(Damage(CONSOLIDATED, str(error)))
    settled = None if store.unsettled.exists() else known
    damages += _of_metadata(store.path, known, settled)
    damages += _of_waiting_cells(store)
    broken = {damage.file.split("/")[0] for damage in damages}
    if not broken & {".zgroup", ".zattrs"}:
        damages += _of_chunks(store, settled, values, broken)
        damages += _of_copies(store, settled)
    return damages


def refuse_damage(store: SweepStore, damages: list[Damage]) -> None:
    """Raise `DataError` that names the damaged files, if there are any, and what to do."""
    if not damages:
        return
    lines = [f"\n  {damage}" for damage in damages[:_SHOWN]]
    if len(damages) > _SHOWN:
        lines.append(f"\n  and {len(damages) - _SHOWN} more files")
    raise DataError(
        f"{store.path} is damaged:{''.join(lines)}\nThe same command with --repair removes what is"
        " damaged, computes again the cells that lay in it, and keeps all others. To begin anew,"
        f" remove the folder {store.path}"
    )


def _of_metadata(
    path: Path, known: Consolidated | None, settled: Consolidated | None
) -> Iterator[Damage]:
    there = list(map(str, metadata_files(path)))
    kept = [] if known is None else list(known.metadata)
    if settled is None:
        # A fold takes away arrays that it replaces, each as a whole.
        kept = [file for file in kept if (path / file).parent.is_dir()]
    for file in dict.fromkeys([*kept, *there]):
        try:
            content = load_object(path / file)
        except DataError as error:
            if settled is not None or (path / file).parent.is_dir():
                yield Damage(file, str(error))
            continue
        if settled is not None and file in settled.metadata:
            pair = [json.dumps(side, sort_keys=True) for side in (content, settled.metadata[file])]
            if pair[0] != pair[1]:
                yield Damage(file, "it was changed")


def _of_waiting_cells(store: SweepStore) -> Iterator[Damage]:
    for _, path in store.staged():
        try:
            read(path)
        except FileNotFoundError:
            continue  # a fold has taken it
        except (DataError, OSError):
            yield Damage(str(path.relative_to(store.path)), "it is cut short or changed")
    try:
        unpack_variables(store.note.read_bytes())
    except FileNotFoundError:
        return
    except (ValueError, TypeError, KeyError, RuntimeError, OSError):
        yield Damage(str(store.note.relative_to(store.path)), "it is cut short or changed")


def _of_copies(store: SweepStore, settled: Consolidated | None) -> Iterator[Damage]:
    """What became of the copy of shared coordinates, which every fold leaves."""
    if settled is None or not settled.chunks or not settled.chunks["cell_status"]:
        return  # nothing was folded yet, or by a version that left none
    try:
        read_copies(store)
    except DataError as error:
        yield Damage(COPIES, str(error))


def _of_chunks(
    store: SweepStore, settled: Consolidated | None, values: bool, broken: set[str]
) -> Iterator[Damage]:
    group = store.group()
    for name in track([n for n in array_names(store.path) if n not in broken], "Reading the store"):
        try:
            there: Any = group[name]
            keys = chunk_names(store.path / name)
        except (OSError, ValueError, TypeError, KeyError) as error:
            if (store.path / name).is_dir():
                yield Damage(f"{name}/.zarray", f"it describes no array ({error})")
            continue
        if settled is not None and settled.chunks is not None:
            keys = settled.chunks.get(name, keys)
        for key in keys:
            words = _fault(there, store.path / name / key, values or name in SERVICE)
            if words and (store.path / name).is_dir():
                yield Damage(f"{name}/{key}", words)


def _fault(there: Any, file: Path, reading: bool) -> str:
    """What is wrong with a chunk of an array, or ""."""
    if not file.exists():
        return "it is gone"
    if file.stat().st_size == 0:
        return "it is empty"
    corner = [int(part) for part in file.name.split(".")]
    if reading and all(i * n < size for i, n, size in zip(corner, there.chunks, there.shape)):  # noqa: B905 (an array without dimensions has one chunk, "0")
        region = tuple(slice(i * n, (i + 1) * n) for i, n in zip(corner, there.chunks))  # noqa: B905
        try:
            np.array(there[region])
        except (OSError, ValueError, TypeError, RuntimeError, MemoryError):
            return "it is cut short or changed"
    return ""
