"""Repair: what is damaged in a store is put back or removed, and the cells in it are left again."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from steepest.errors import DataError
from steepest.sweep.copies import copy_shared, read_copies
from steepest.sweep.damage import Damage, find_damage, refuse_damage
from steepest.sweep.folding import write_blank
from steepest.sweep.layout import Layout
from steepest.sweep.metadata import CONSOLIDATED, Consolidated, array_names, read_consolidated
from steepest.sweep.plan import Plan
from steepest.sweep.staged import cannot_write, write_atomic
from steepest.sweep.store import (
    DONE,
    FAILED,
    LEFT,
    SERVICE,
    SweepStore,
    sync_written,
    write_labels,
)

__all__ = ["repair_store"]

_METADATA = (".zgroup", ".zattrs", ".zarray")


def repair_store(store: SweepStore, plan: Plan) -> list[str]:
    """Make a damaged store whole again; gives the files that were damaged, and how.

    Metadata, labels and shared coordinates are put back. Where values are gone, their cells are
    left again, and only they. Raises `DataError` for a store that cannot be repaired, and
    `UsageError` when it cannot be written.
    """
    damages = find_damage(store)
    if not damages:
        return []
    try:
        _Repair(store, plan).mend(damages)
    except OSError as error:
        raise cannot_write(store.path, error) from error
    refuse_damage(store, find_damage(store))
    return [str(damage) for damage in damages]


class _Repair:
    def __init__(self, store: SweepStore, plan: Plan) -> None:
        self.store, self.plan, self.path = store, plan, store.path
        self.labels = {name: axis for axis in plan.axes for name in axis.values}
        self.lost: set[int] = set()

    def mend(self, damages: list[Damage]) -> None:
        try:
            known = read_consolidated(self.path)
        except DataError:
            known = None
        if [damage for damage in damages if not self._put_back(damage, known)]:
            self._start_over(known)
        # Chunks can be read where metadata are whole; some were not looked at so far.
        files = [Path(damage.file) for damage in find_damage(self.store)]
        arrays = [file for file in files if len(file.parts) == 2 and file.name not in _METADATA]
        if self.store.note.relative_to(self.path) in files or not self._put_shared_back(arrays):
            self._start_over(known)
            arrays = []
        with self.store.changing():
            self._mend_arrays(arrays)
            copy_shared(self.store)
        for file in files:
            if file.parts[0] == self.store.work.name:
                (self.path / file).unlink(missing_ok=True)

    def _over_cells(self, there: Any) -> bool:
        return tuple(there.attrs["_ARRAY_DIMENSIONS"])[: len(self.plan.dims)] == self.plan.dims

    def _put_shared_back(self, files: list[Path]) -> bool:
        """Restore coordinates that all cells share; False where their copy is not of now."""
        group = self.store.group("r+")
        names = {file.parts[0] for file in files} - {*self.labels, *SERVICE}
        arrays: dict[str, Any] = {name: group[name] for name in names}
        try:
            copies = read_copies(self.store)
        except DataError:
            copies = {}
        for name, there in arrays.items():
            if self._over_cells(there):
                continue
            if name not in copies or copies[name].shape != there.shape:
                return False
            values = copies[name]
            there[...] = values.astype(object) if values.dtype.kind == "U" else values
        return True

    def _mend_arrays(self, files: list[Path]) -> None:
        """Put labels and states back; then give cells up, and only then what is left of them."""
        group = self.store.group("r+")
        for file in files:
            if file.parts[0] in {*self.labels, *SERVICE}:
                (self.path / file).unlink(missing_ok=True)
        for name in {file.parts[0] for file in files} & self.labels.keys():
            write_labels(group, self.labels[name], self.plan)
        layout = Layout(group, self.plan.description["axes"], self.store.work)
        service = [file for file in files if file.parts[0] in SERVICE]
        for file in sorted(service, key=lambda file: "cell_status" not in file.parts):
            self._rewrite(layout, file, {file.parts[0] for file in service})
        values = [file for file in files if file.parts[0] not in {*self.labels, *SERVICE}]
        values = [file for file in values if self._over_cells(layout.arrays[file.parts[0]])]
        done = np.flatnonzero(np.array(layout.arrays["cell_status"]).ravel() == DONE)
        for file in values:
            cells = _cells_in(layout.arrays[file.parts[0]], file.name, self.plan.shape)
            self.lost |= set(np.intersect1d(cells, done).tolist())
        write_blank(layout, self.lost)
        sync_written(group)
        for file in values:
            (self.path / file).unlink(missing_ok=True)

    def _put_back(self, damage: Damage, known: Consolidated | None) -> bool:
        """Restore a file of metadata; False where nobody knows what it held."""
        file = damage.file
        if Path(file).name not in _METADATA:
            return True
        fixed = file == ".zgroup" or Path(file).parent.name in {*self.labels, *SERVICE}
        settled = not self.store.unsettled.exists()
        if known is None or file not in known.metadata or not (settled or fixed):
            return False
        (self.path / file).parent.mkdir(exist_ok=True)
        write_atomic(self.path / file, json.dumps(known.metadata[file]).encode())
        return True

    def _start_over(self, known: Consolidated | None) -> None:
        """Give up all values in the arrays; cells that wait in their files are kept."""
        if known is None or not {".zgroup", ".zattrs"} <= known.metadata.keys():
            raise DataError(
                f"{self.path} cannot be repaired: its metadata and their copy in {CONSOLIDATED} are"
                f" damaged; remove the folder {self.path} and begin anew"
            )
        for file, content in known.metadata.items():
            if Path(file).parent.name in {"", *self.labels, *SERVICE}:
                (self.path / file).parent.mkdir(exist_ok=True)
                write_atomic(self.path / file, json.dumps(content).encode())
        for name in set(array_names(self.path)) - {*self.labels, *SERVICE}:
            shutil.rmtree(self.path / name)
        for name in SERVICE:
            for chunk in (self.path / name).glob("[0-9]*"):
                chunk.unlink()
        beside = [n for axis in self.plan.axes for n in axis.values if n != axis.name]
        group = zarr.open_group(self.path, mode="r+", use_consolidated=False)
        group.attrs["coordinates"] = " ".join(beside)
        self.store.note.unlink(missing_ok=True)

    def _rewrite(self, layout: Layout, file: Path, damaged: set[str]) -> None:
        """Write what cells ended with once more, as far as the other arrays tell."""
        name = file.parts[0]
        cells = _cells_in(layout.arrays[name], file.name, self.plan.shape)
        blank: Any = {"cell_status": LEFT, "cell_seconds": float("nan")}.get(name, "")
        values = dict.fromkeys(cells.tolist(), blank)
        if name == "cell_status" and not damaged & {"cell_seconds", "cell_error"}:
            seconds = np.array(layout.arrays["cell_seconds"]).ravel()
            errors = np.array(layout.arrays["cell_error"]).ravel()
            known = [i for i in values if errors[i] or seconds[i] >= 0]
            values |= {i: FAILED if errors[i] else DONE for i in known}
        elif name in ("cell_error", "cell_traceback"):
            states = np.array(layout.arrays["cell_status"]).ravel()
            self.lost |= {i for i in values if states[i] == FAILED}
        layout.write(name, list(values.items()))


def _cells_in(there: Any, key: str, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of the cells that lie in a chunk of an array over cells."""
    corner = [int(part) for part in key.split(".")][: len(shape)]
    chunk = there.chunks[: len(shape)]
    ranges = [
        np.arange(i * n, min((i + 1) * n, size))
        for i, n, size in zip(corner, chunk, shape, strict=True)
    ]
    return np.ravel_multi_index(np.meshgrid(*ranges, indexing="ij"), shape).ravel()
