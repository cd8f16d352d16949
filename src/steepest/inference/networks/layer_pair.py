"""One layer before and after, read a block of rows at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
from jaxtyping import Float

from steepest.data.stored import StoredWeights
from steepest.errors import DataError
from steepest.inference.networks.marks import evenly_spaced

__all__ = ["LayerPair"]

_BLOCK = 2**21  # weights that are in memory at once, of either side


@dataclass(frozen=True)
class LayerPair:
    """A layer of two checkpoints; what is larger than two million weights is never held whole.

    >>> arrays = StoredWeights.of({"w": np.arange(6.0).reshape(2, 3)})
    >>> pair = LayerPair("w", arrays, arrays)
    >>> pair.moved_signs, pair.zeros, pair.panel[0].shape
    (0, 1, (2, 3))
    """

    name: str
    before: StoredWeights
    after: StoredWeights

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's axes, the first of them the postsynaptic unit."""
        return self.before.shapes[self.name]

    @property
    def size(self) -> int:
        """How many weights there are."""
        return prod(self.shape)

    def blocks(self) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Rows before and after with the number of the first; one block where all fit into one.

        Raises `DataError` where weights are not finite.
        """
        rows = self.shape[0] if self.shape else 1
        if self.size <= _BLOCK:
            if self.size:
                yield 0, *self._whole
            return
        step = max(1, rows * _BLOCK // self.size)
        for start in range(0, rows, step):
            yield start, *self._read(slice(start, min(start + step, rows)))

    @cached_property
    def _whole(self) -> tuple[np.ndarray, np.ndarray]:
        return self._read(slice(None))

    def _read(self, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        return self.before.rows(self.name, rows), self.after.rows(self.name, rows)

    def check(self) -> None:
        """Raise `DataError` where weights are not finite, with their number on the first side."""
        bad = np.zeros(2, dtype=int)
        for _, *sides in self.blocks():
            bad += [int((~np.isfinite(weights)).sum()) for weights in sides]
        for side, count in zip(("before", "after"), bad.tolist(), strict=True):
            if count:
                raise DataError(
                    f"{self.name}: {count} weights are not finite in the checkpoint {side}"
                )

    @cached_property
    def _counts(self) -> tuple[int, int, int, int]:
        """How many changed, crossed 0, were 0, and changed without crossing it."""
        counts = np.zeros(4, dtype=int)
        for _, w0, w1 in self.blocks():
            changed, product = w0 != w1, w0 * w1
            kept = changed & (product > 0)
            counts += [int(x.sum()) for x in (changed, product < 0, w0 == 0, kept)]
        changed, crossed, zeros, kept = counts.tolist()
        return changed, crossed, zeros, kept

    @property
    def changed(self) -> int:
        """Weights that are not the same after."""
        return self._counts[0]

    @property
    def moved_signs(self) -> int:
        """Weights of the other sign after."""
        return self._counts[1]

    @property
    def zeros(self) -> int:
        """Weights that are 0 before."""
        return self._counts[2]

    @cached_property
    def panel(self) -> tuple[Float[np.ndarray, "r c"], Float[np.ndarray, "r c"]]:
        """Before and after as rows by columns; of a million weights and more, evenly spaced ones."""
        rows, columns = self.shape[0], prod(self.shape[1:])
        in_rows, in_columns = evenly_spaced(rows, columns)
        parts: tuple[list[np.ndarray], list[np.ndarray]] = [], []
        for start, *sides in self.blocks():
            here = in_rows[(in_rows >= start) & (in_rows < start + len(sides[0]))] - start
            for part, weights in zip(parts, sides, strict=True):
                flat = weights.reshape(len(weights), -1)
                every = len(here) == len(flat) and len(in_columns) == columns
                part.append(flat if every else flat[np.ix_(here, in_columns)])
        before, after = (part[0] if len(part) == 1 else np.concatenate(part) for part in parts)
        return before, after

    def sample(
        self, most: int, seed: int
    ) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Weights that changed without crossing 0, at most so many, drawn without replacement."""
        count = self._counts[3]
        chosen = np.arange(count)
        if count > most:
            chosen = np.random.default_rng(seed).choice(count, most, replace=False)
        order = np.argsort(chosen)
        wanted = chosen[order]
        drawn = np.empty((2, chosen.size))
        seen = 0
        for _, w0, w1 in self.blocks():
            kept = np.flatnonzero((w0 * w1 > 0) & (w0 != w1))
            first, last = np.searchsorted(wanted, [seen, seen + kept.size])
            places = kept[wanted[first:last] - seen]
            drawn[0, order[first:last]] = w0.ravel()[places]
            drawn[1, order[first:last]] = w1.ravel()[places]
            seen += kept.size
        return drawn[0], drawn[1]
