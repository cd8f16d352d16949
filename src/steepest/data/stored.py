"""Named arrays that are read when they are asked for, whole or a few rows at a time."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

__all__ = ["StoredWeights"]


@dataclass(frozen=True, eq=False)
class StoredWeights(Mapping[str, np.ndarray]):
    """The arrays of a checkpoint by name, in order; each is read, as float64, when it is asked for.

    `shapes` are known beforehand, and so is which arrays hold `integers`. `read(name, rows)` gives
    some rows (the first axis) of an array, which has one axis or more.

    >>> stored = StoredWeights.of({"hidden": np.ones((4, 3))})
    >>> stored.shapes["hidden"], stored.rows("hidden", slice(1, 3)).shape
    ((4, 3), (2, 3))
    """

    shapes: dict[str, tuple[int, ...]]
    read: Callable[[str, slice], np.ndarray]
    integers: frozenset[str] = frozenset()

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray]) -> "StoredWeights":
        """Arrays that are in memory."""

        def read(name: str, rows: slice) -> np.ndarray:
            array = arrays[name]
            return np.asarray(array[rows] if array.ndim else array, np.float64)

        return cls(
            {name: array.shape for name, array in arrays.items()},
            read,
            frozenset(name for name, array in arrays.items() if array.dtype.kind in "iub"),
        )

    def rows(self, name: str, rows: slice) -> Float[np.ndarray, "..."]:
        """Some rows of an array, as float64."""
        return self.read(name, rows)

    def renamed(self, names: Mapping[str, str]) -> "StoredWeights":
        """The same arrays, those that `names` has an own name for under that one."""
        former = {names.get(name, name): name for name in self.shapes}
        return StoredWeights(
            {name: self.shapes[old] for name, old in former.items()},
            lambda name, rows: self.read(former[name], rows),
            frozenset(name for name, old in former.items() if old in self.integers),
        )

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.shapes:
            raise KeyError(name)
        return self.read(name, slice(None))

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)

    def __contains__(self, name: object) -> bool:
        return name in self.shapes
