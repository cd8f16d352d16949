"""Where the variables of single cells go in the store's arrays: dimensions of the study, then own.

Every variable of a figure's dataset becomes one array over (study's dimensions..., own dimensions).
A coordinate that all cells share stays what it is. Where cells differ:
- in length, arrays grow to the longest, and shorter cells end in missing values (DIM_length_of_cell
  says where);
- in the values of a coordinate, it becomes an array over cells, named NAME_of_cell.
A name that the study itself uses, as dimension or label, gets "_result" appended.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import zarr

from steepest.sweep.staged import Record, Variable
from steepest.sweep.store import DONE, SERVICE, array, block

__all__ = ["Layout"]

_OF_CELL = "_of_cell"
_LENGTH = "_length_of_cell"


class Layout:
    """The arrays of a store, extended as cells need; `changed` says whether any was."""

    def __init__(self, group: zarr.Group, labels: Mapping[str, Iterable[str]]) -> None:
        """`labels`: for every dimension of the study, the names of the labels along it."""
        self.group = group
        self.dims = tuple(labels)
        self.arrays: dict[str, Any] = {name: group[name] for name in sorted(_names(group))}
        # Zarr reads attributes and values anew each time; these are asked for at every cell.
        self._dims = {name: _dims(there) for name, there in self.arrays.items()}
        self._seen: dict[str, np.ndarray] = {}
        self.shape = self.arrays["cell_status"].shape
        along = {name for names in labels.values() for name in names}
        self.taken = {*self.dims, *along, *SERVICE}
        self.changed = False

    def _over_cells(self, name: str) -> bool:
        return self._dims[name][: len(self.dims)] == self.dims

    def rename(self, name: str) -> str:
        """The name in the store of a cell's variable or dimension."""
        return f"{name}_result" if name in self.taken else name

    def length(self, dim: str) -> int | None:
        """Current length of a cell's dimension in the store."""
        for name, dims in self._dims.items():
            if dim in dims:
                return self.arrays[name].shape[dims.index(dim)]
        return None

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
        longer = [name for name in record.variables if self._compare(name, record.variables[name])]
        for own_name, variable in record.variables.items():
            name = self.rename(own_name)
            dims = tuple(self.rename(dim) for dim in variable.dims)
            for dim, n in zip(dims, variable.values.shape, strict=True):
                self._note_length(dim, n)
                self._grow(dim, n)
            place = self._place(name, variable)
            if place not in self.arrays:
                self._add(place, own_name, dims, variable)
        for own_name in longer:
            values = record.variables[own_name].values
            self.arrays[self.rename(own_name)][: values.shape[0]] = _texts(values)
            self._seen.pop(self.rename(own_name), None)

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
        there = self._array(name, self.dims, self.shape, chunks, np.dtype("int64"), attrs)
        self._fill_done(name, np.asarray(length))
        there.attrs["known"] = True

    def _fill_done(self, name: str, values: np.ndarray) -> None:
        """The same values for every cell that is in the arrays so far."""
        done = np.flatnonzero(np.array(self.arrays["cell_status"]).ravel() == DONE)
        self.write(name, [(int(index), values) for index in done])

    def _grow(self, dim: str, n: int) -> None:
        if n <= (self.length(dim) or 0):
            return
        for name, there in self.arrays.items():
            if dim in self._dims[name]:
                shape = list(there.shape)
                shape[self._dims[name].index(dim)] = n
                there.resize(tuple(shape))
                self._seen.pop(name, None)
                self.changed = True

    def _add(self, name: str, own_name: str, dims: tuple[str, ...], variable: Variable) -> None:
        own = tuple(
            max(n, self.length(dim) or 0)
            for dim, n in zip(dims, variable.values.shape, strict=True)
        )
        attrs = dict(variable.attrs)
        if own_name != name:
            attrs["renamed_from"] = own_name
        if self._shared(variable):
            there = self._array(name, dims, own, own, variable.values.dtype, attrs)
            there[tuple(slice(n) for n in variable.values.shape)] = _texts(variable.values)
        else:
            over = block(self.shape, math.prod(own) * variable.values.itemsize)
            dtype = variable.values.dtype
            self._array(name, self.dims + dims, self.shape + own, over + own, dtype, attrs)
        if variable.coordinate and dims != (name,):
            self._declare(name)

    def _array(
        self, name: str, dims: Any, shape: Any, chunks: Any, dtype: np.dtype, attrs: Any
    ) -> Any:
        kind: Any = str if dtype.kind == "U" else dtype
        fill = float("nan") if dtype.kind == "f" else None
        self.arrays[name] = array(self.group, name, dims, shape, chunks, kind, fill, attrs)
        self._dims[name] = tuple(dims)
        self._seen.pop(name, None)
        self.changed = True
        return self.arrays[name]

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
        for known in (self.arrays, self._dims, self._seen, self.group):
            del known[name]

    def _declare(self, name: str, instead_of: str = "") -> None:
        """Name an array among the coordinates; xarray's list separates names with blanks."""
        names = str(self.group.attrs.get("coordinates", "")).split()
        kept = [other for other in names if other not in (instead_of, name)]
        self.group.attrs["coordinates"] = " ".join([*kept, *([name] if " " not in name else [])])


def _names(group: zarr.Group) -> list[str]:
    """Names of the arrays, found by their files: the working folder is none."""
    root = getattr(group.store, "root")  # noqa: B009 (only a local store has one)
    return [path.parent.name for path in root.glob("*/.zarray")]


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
