"""Where the variables of single cells go in the store's arrays: dimensions of the study, then own.

Every variable of a figure's dataset becomes one array over (study's dimensions..., own dimensions).
A coordinate that all cells share stays what it is. Where cells differ:
- in length, arrays grow to the longest, and shorter cells end in missing values (DIM_length_of_cell
  says where);
- in the values of a coordinate, it becomes an array over cells, named NAME_of_cell.
A name that the study itself uses, as dimension or label, gets "_result" appended; in a name that
no file may have ("rate (spikes/s)"), the characters that hinder it stand as in URLs (%2F).

A process may die at any write, and any write may find the disk full; the cells are then still in
their files, and are laid out again. So an array appears as a whole, and disappears so; the values
by which a coordinate goes on are noted in a file before anything grows.
"""

import math
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from steepest.sweep.metadata import array_names
from steepest.sweep.names import store_name
from steepest.sweep.staged import Record, Variable, pack_variables, unpack_variables, write_atomic
from steepest.sweep.store import DONE, SERVICE, array, block, sync

__all__ = ["Layout"]

_OF_CELL = "_of_cell"
_LENGTH = "_length_of_cell"


class Layout:
    """The arrays of a store, extended as cells need."""

    def __init__(self, group: zarr.Group, labels: Mapping[str, Iterable[str]], work: Path) -> None:
        """`labels`: for every dimension of the study, the names of the labels along it.

        What a process that died left half done in the store, or noted in `work`, is finished.
        """
        self.group, self.work = group, work
        self.dims = tuple(labels)
        self.arrays: dict[str, Any] = {name: group[name] for name in array_names(work.parent)}
        # Zarr reads attributes and values anew each time; these are asked for at every cell.
        self._dims = {name: _dims(there) for name, there in self.arrays.items()}
        self._seen: dict[str, np.ndarray] = {}
        self.shape = self.arrays["cell_status"].shape
        along = {name for names in labels.values() for name in names}
        self.taken = {*self.dims, *along, *SERVICE}
        for dim in {dim for dims in self._dims.values() for dim in dims} - {*self.dims}:
            self._grow(dim, self.length(dim) or 0)
        if self._note.exists():
            self._go_on(unpack_variables(self._note.read_bytes())[1])

    @property
    def _note(self) -> Path:
        return self.work / "longer.npy"

    def _over_cells(self, name: str) -> bool:
        return self._dims[name][: len(self.dims)] == self.dims

    def rename(self, name: str) -> str:
        """The name in the store of a cell's variable or dimension."""
        return store_name(name, self.taken)

    def length(self, dim: str) -> int | None:
        """Current length of a cell's dimension in the store."""
        return max((n for _, n in self._extents(dim)), default=None)

    def _extents(self, dim: str) -> list[tuple[str, int]]:
        """The arrays with a dimension, and their lengths along it."""
        return [
            (name, self.arrays[name].shape[dims.index(dim)])
            for name, dims in self._dims.items()
            if dim in dims
        ]

    def misfit(self, record: Record) -> str | None:
        """Why a cell cannot stand beside those before it, if it cannot."""
        for own_name, variable in record.variables.items():
            name, dims = self.rename(own_name), tuple(map(self.rename, variable.dims))
            place = self._place(name, variable)
            if place not in self.arrays:
                continue
            there = self.arrays[place]
            expected = tuple(dim for dim in self._dims[place] if dim not in self.dims)
            if dims != expected:
                return f"variable {own_name!r} has dimensions {dims}, in other cells {expected}"
            if not _fits(variable.values.dtype, there.dtype):
                return (
                    f"variable {own_name!r} is of type {variable.values.dtype}, in other cells"
                    f" of {there.dtype}"
                )
        return None

    def admit(self, record: Record) -> None:
        """Make room for a cell: arrays for new variables, growth, coordinates that differ."""
        longer = {
            self.rename(name): variable
            for name, variable in record.variables.items()
            if self._compare(name, variable)
        }
        lengths = self._lengths(record)
        for dim, n in lengths.items():
            self._note_length(dim, n)
        if longer:
            write_atomic(self._note, pack_variables(longer))
        for dim, n in lengths.items():
            self._grow(dim, n)
        for own_name, variable in record.variables.items():
            place = self._place(self.rename(own_name), variable)
            if place not in self.arrays:
                dims = tuple(self.rename(dim) for dim in variable.dims)
                self._add(place, own_name, dims, variable)
        if longer:
            self._go_on(longer)

    def _go_on(self, longer: Mapping[str, Variable]) -> None:
        """Lengthen shared coordinates to the values given, as a note says."""
        for name, variable in longer.items():
            self._grow(self._dims[name][0], variable.values.shape[0])
            self.arrays[name][: variable.values.shape[0]] = _texts(variable.values)
            self._seen.pop(name, None)
        self._note.unlink()

    def cell_values(self, records: list[Record]) -> dict[str, list[tuple[int, np.ndarray]]]:
        """For every array over cells: what these records, once admitted, put into it."""
        found: dict[str, list[tuple[int, np.ndarray]]] = {}
        for record in records:
            for dim, n in self._lengths(record).items():
                if dim + _LENGTH in self.arrays:
                    found.setdefault(dim + _LENGTH, []).append((record.index, np.asarray(n)))
            for own_name, variable in record.variables.items():
                place = self._place(self.rename(own_name), variable)
                if self._over_cells(place):
                    found.setdefault(place, []).append((record.index, variable.values))
        return found

    def write(self, name: str, cells: list[tuple[int, Any]]) -> None:
        """Write cells' values into an array over cells, one chunk after the other.

        Each chunk is replaced as a whole, so that a death in between leaves the old or the new.
        """
        target = self.arrays[name]
        chunk = target.chunks[: len(self.dims)]
        blocks: dict[tuple[int, ...], list[tuple[tuple[int, ...], Any]]] = {}
        for index, values in cells:
            where = tuple(int(i) for i in np.unravel_index(index, self.shape))
            block = tuple(i // n for i, n in zip(where, chunk, strict=True))
            blocks.setdefault(block, []).append((where, values))
        for block, members in blocks.items():
            starts = [b * n for b, n in zip(block, chunk, strict=True)]
            region = tuple(slice(s, s + n) for s, n in zip(starts, chunk, strict=True))
            content = np.array(target[region])
            for where, values in members:
                inside = tuple(i - s for i, s in zip(where, starts, strict=True))
                content[inside + tuple(slice(n) for n in np.shape(values))] = values
            target[region] = content

    def _shared(self, variable: Variable) -> bool:
        return variable.coordinate and bool(variable.dims)

    def _place(self, name: str, variable: Variable) -> str:
        """Name of the array that takes a variable."""
        promoted = name + _OF_CELL
        differs = self._shared(variable) and promoted in self.arrays and name not in self.arrays
        return promoted if differs else name

    def _lengths(self, record: Record) -> dict[str, int]:
        """Length of each of a cell's dimensions."""
        return {
            self.rename(dim): n
            for variable in record.variables.values()
            for dim, n in zip(variable.dims, variable.values.shape, strict=True)
        }

    def _note_length(self, dim: str, n: int) -> None:
        """From the first cell whose dimension differs in length on, lengths are kept per cell."""
        length, name = self.length(dim), dim + _LENGTH
        known = name in self.arrays and self.arrays[name].attrs["known"]
        if length is None or n == length or known:
            return
        attrs = {"units": "1", "length_of": dim, "known": False}
        chunks = block(self.shape, 8)
        self._array(name, self.dims, self.shape, chunks, np.dtype("int64"), attrs)
        self._fill_done(name, np.asarray(length))
        self.arrays[name].attrs["known"] = True

    def _fill_done(self, name: str, values: np.ndarray) -> None:
        """The same values for every cell that is in the arrays so far."""
        done = np.flatnonzero(np.array(self.arrays["cell_status"]).ravel() == DONE)
        self.write(name, [(int(index), values) for index in done])

    def _grow(self, dim: str, n: int) -> None:
        for name, length in self._extents(dim):
            if length < n:
                shape = list(self.arrays[name].shape)
                shape[self._dims[name].index(dim)] = n
                self.arrays[name].resize(tuple(shape))
                self._seen.pop(name, None)

    def _add(self, name: str, own_name: str, dims: tuple[str, ...], variable: Variable) -> None:
        own = tuple(
            max(n, self.length(dim) or 0)
            for dim, n in zip(dims, variable.values.shape, strict=True)
        )
        attrs = dict(variable.attrs)
        if own_name != name:
            attrs["renamed_from"] = own_name
        if variable.coordinate and dims != (name,):
            self._declare(name)
        dtype = variable.values.dtype
        if self._shared(variable):
            self._array(name, dims, own, own, dtype, attrs, variable.values)
        else:
            over = block(self.shape, math.prod(own) * variable.values.itemsize)
            self._array(name, self.dims + dims, self.shape + own, over + own, dtype, attrs)

    def _array(
        self,
        name: str,
        dims: tuple[str, ...],
        shape: tuple[int, ...],
        chunks: tuple[int, ...],
        dtype: np.dtype,
        attrs: dict[str, Any],
        values: np.ndarray | None = None,
    ) -> None:
        """Put a new array in its place, or in the place of another, with its first values."""
        kind: Any = str if dtype.kind == "U" else dtype
        fill = float("nan") if dtype.kind == "f" else None
        with self._aside("new") as folder:
            group = zarr.create_group(folder, zarr_format=2)
            made = array(group, name, dims, shape, chunks, kind, fill, attrs)
            if values is not None:
                made[tuple(slice(n) for n in values.shape)] = _texts(values)
            sync(*(folder / name).iterdir())
            self._remove(name)
            os.rename(folder / name, self._root / name)
        self.arrays[name] = self.group[name]
        self._dims[name] = dims
        self._seen.pop(name, None)

    @property
    def _root(self) -> Path:
        return self.work.parent

    def _remove(self, name: str) -> None:
        """Take an array away at once; zarr would delete one file after the other."""
        if (self._root / name).exists():
            with self._aside("old") as folder:
                os.rename(self._root / name, folder)

    @contextmanager
    def _aside(self, name: str) -> Iterator[Path]:
        """A path in the working folder that is empty before and after."""
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        yield folder
        shutil.rmtree(folder, ignore_errors=True)

    def _compare(self, own_name: str, variable: Variable) -> bool:
        """Whether this cell goes on where a shared coordinate ends; give up one that differs."""
        name = self.rename(own_name)
        if not self._shared(variable) or name not in self.arrays:
            return False
        if name not in self._seen:
            self._seen[name] = np.array(self.arrays[name])
        stored, values = self._seen[name], variable.values
        overlap = tuple(slice(min(a, b)) for a, b in zip(stored.shape, values.shape, strict=True))
        if _same(stored[overlap], values[overlap]):
            if values.shape == stored[overlap].shape:
                return False
            if values.ndim == 1:
                return True
        self._promote(name, variable, stored)
        return False

    def _promote(self, name: str, variable: Variable, stored: np.ndarray) -> None:
        """Turn a shared coordinate into one per cell; until the last line this can be redone."""
        place = name + _OF_CELL
        over = block(self.shape, stored.nbytes)
        dims = tuple(self.rename(dim) for dim in variable.dims)
        attrs = {k: v for k, v in self.arrays[name].attrs.items() if k != "_ARRAY_DIMENSIONS"}
        attrs.setdefault("renamed_from", name)
        self._array(
            place,
            self.dims + dims,
            self.shape + stored.shape,
            over + stored.shape,
            variable.values.dtype,
            attrs,
        )
        self._fill_done(place, stored)
        self._declare(place, instead_of=name)
        self._remove(name)
        del self.arrays[name], self._dims[name], self._seen[name]

    def _declare(self, name: str, instead_of: str = "") -> None:
        """Name an array among the coordinates; xarray's list separates names with blanks."""
        names = str(self.group.attrs.get("coordinates", "")).split()
        kept = [other for other in names if other not in (instead_of, name)]
        self.group.attrs["coordinates"] = " ".join([*kept, *([name] if " " not in name else [])])


def _dims(there: Any) -> tuple[str, ...]:
    return tuple(there.attrs["_ARRAY_DIMENSIONS"])


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    if a.shape != b.shape:
        return False
    if a.dtype.kind in "fc" and b.dtype.kind in "fc":
        return np.array_equal(a, b, equal_nan=True)
    return bool(np.all(a == b))


def _texts(values: np.ndarray) -> np.ndarray:
    return values.astype(object) if values.dtype.kind == "U" else values


def _fits(values: np.dtype, there: np.dtype) -> bool:
    if "U" in (values.kind, there.kind) or there.kind in "OT":
        return values.kind == "U" and there.kind in "OTU"
    return np.can_cast(values, there, "safe")
