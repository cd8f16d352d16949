"""Labels of rows (identities, sessions, groups, conditions): numbers that point into few names."""

from collections.abc import Sequence
from dataclasses import dataclass
from string import whitespace
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, Shaped

__all__ = ["NOTHING", "Labels", "join", "stack"]

NOTHING = {"", "nan", "na", "n/a", "#n/a", "<na>", "null"}
"""Cells that say nothing; not "none", which may be a treatment."""

_LONG = 64  # machine words of a cell, beyond which cells are compared as they are
_FEW = 64  # different labels
_SOME = 1000  # rows in which few labels show


@dataclass(frozen=True, eq=False)
class Labels:
    """A label a row: `codes` are places in `names`, which are in order of first appearance.

    >>> labels = Labels.of(["b", "a", "b"])
    >>> labels.names, labels.codes.tolist(), labels[2]
    (('b', 'a'), [0, 1, 0], 'b')
    """

    codes: Int[np.ndarray, " rows"]
    names: tuple[str, ...]

    @classmethod
    def of(cls, values: Any) -> "Labels":
        """The labels of a sequence of texts, or of anything that has a text.

        Bytes are texts in UTF-8 with blanks around them, as they stand in a file.
        """
        if isinstance(values, np.ndarray) and values.dtype.kind in "iub":
            firsts, codes = np.unique(values, return_inverse=True)
            return cls(codes.astype(np.int64), tuple(map(str, firsts.tolist())))._in_order()
        if isinstance(values, np.ndarray) and values.dtype.kind == "S":
            codes, first = _numbered(values)
            names, unlike = _texts(values[first].tolist())
            return cls(codes, tuple(names)) if unlike else cls.of(names)._through(codes)
        texts = values.tolist() if isinstance(values, np.ndarray) else [*values]
        if set(map(type, texts)) - {str}:
            texts = [str(text) for text in texts]
        names = tuple(dict.fromkeys(texts))
        places = dict(zip(names, range(len(names)), strict=True))
        codes = np.fromiter(map(places.__getitem__, texts), dtype=np.int64, count=len(texts))
        return cls(codes, names)

    def __getitem__(self, row: int) -> str:
        return self.names[self.codes[row]]

    def __len__(self) -> int:
        return self.codes.size

    def texts(self) -> np.ndarray:
        """The label of every row, as an array of texts."""
        return np.array(self.names, dtype=object)[self.codes]

    def select(self, chosen: Bool[np.ndarray, " rows"] | Int[np.ndarray, " k"]) -> "Labels":
        """Labels of some of the rows; names that are no longer used go."""
        return Labels(self.codes[chosen], self.names)._in_order()

    def first_without(self) -> int | None:
        """The first row whose label says nothing (empty, NA, NaN), if there is one."""
        empty = self.places_of_nothing()
        rows = np.flatnonzero(np.isin(self.codes, empty)) if empty else np.empty(0, dtype=np.int64)
        return int(rows[0]) if rows.size else None

    def places_of_nothing(self) -> list[int]:
        """Which of the names say nothing (empty, NA, NaN)."""
        together = "".join(self.names)
        bare = together.isascii() and not any(blank in together for blank in whitespace)
        longest = max(map(len, NOTHING)) if bare else max(map(len, self.names), default=0)
        candidates = [at for at, name in enumerate(self.names) if len(name) <= longest]
        return [at for at in candidates if self.names[at].strip().lower() in NOTHING]

    def _through(self, codes: Int[np.ndarray, " k"]) -> "Labels":
        """Labels of what points into these rows, of which the first ones come in order."""
        return Labels(self.codes[codes], self.names)

    def _in_order(self) -> "Labels":
        used, first, codes = np.unique(self.codes, return_index=True, return_inverse=True)
        order = np.argsort(first)
        rank = np.empty_like(order)
        rank[order] = np.arange(order.size)
        return Labels(rank[codes], tuple(self.names[at] for at in used[order]))


def join(parts: Sequence[Labels]) -> Labels:
    """Labels of several levels as one, joined by a slash.

    >>> join([Labels.of(["m1", "m2"]), Labels.of(["d", "d"])]).names
    ('m1/d', 'm2/d')
    """
    if len(parts) == 1:
        return parts[0]
    code = np.zeros(len(parts[0]), dtype=np.int64)
    for part in parts:
        code = code * len(part.names) + part.codes
    _, first, codes = np.unique(code, return_index=True, return_inverse=True)
    names = tuple("/".join(part[int(row)] for part in parts) for row in first)
    return Labels(codes, names).select(np.arange(codes.size))


def stack(parts: Sequence[Labels]) -> Labels:
    """Labels of rows that follow one another, as of several files."""
    places: dict[str, int] = {}
    codes = []
    for part in parts:
        own = np.array(
            [places.setdefault(name, len(places)) for name in part.names], dtype=np.int64
        )
        codes.append(own[part.codes] if own.size else part.codes)
    return Labels(np.concatenate(codes), tuple(places))


def _texts(cells: list[bytes]) -> tuple[list[str], bool]:
    """Unlike bytes as texts without blanks around them, and whether these are unlike too."""
    together = b"\n".join(cells).decode(errors="replace")
    texts = together.split()
    if len(texts) == len(cells) and sum(map(len, texts)) + len(cells) - 1 == len(together):
        # The only blanks are those that were put between them.
        return texts, together.isascii() or len(set(texts)) == len(texts)
    texts = [cell.decode(errors="replace").strip() for cell in cells]
    return texts, len(set(texts)) == len(texts)


def _numbered(
    cells: Shaped[np.ndarray, " rows"],
) -> tuple[Int[np.ndarray, " rows"], Int[np.ndarray, " k"]]:
    """Numbers of different cells in order of first appearance, and the row of each.

    Cells of bytes are compared as whole machine words: nothing is made of each of them.
    """
    words = -(-max(cells.dtype.itemsize, 1) // 8)
    if words > _LONG:
        rows: dict[bytes, int] = {}
        seen = [rows.setdefault(cell, row) for row, cell in enumerate(cells.tolist())]
        starts = np.array(list(rows.values()), dtype=np.int64)
        return np.searchsorted(starts, seen), starts
    whole = np.ascontiguousarray(cells, dtype=f"S{8 * words}")
    keys = np.ascontiguousarray(whole.view(np.uint64).reshape(-1, words).T)
    # Rows of one synapse mostly stand together: equal neighbours cost one.
    begins = np.ones(cells.size, dtype=bool)
    begins[1:] = np.logical_or.reduce(keys[:, 1:] != keys[:, :-1])
    starts = np.flatnonzero(begins)
    keys = keys[:, starts]
    codes = np.zeros(starts.size, dtype=np.int64)
    for word in keys:
        values, own = _ranks(word)
        codes = own if words == 1 else _ranks(codes * values + own)[1]
    many = int(codes.max()) + 1 if codes.size else 0
    first = np.empty(many, dtype=np.int64)
    first[codes[::-1]] = np.arange(codes.size)[::-1]
    order = np.argsort(first)
    rank = np.empty(many, dtype=np.int32)  # a code may stand for a cell of one byte
    rank[order] = np.arange(many)
    return np.repeat(rank[codes], np.diff(starts, append=cells.size)), starts[first[order]]


def _ranks(keys: Shaped[np.ndarray, " rows"]) -> tuple[int, Int[np.ndarray, " rows"]]:
    """How many different keys there are, and the rank of each."""
    few = np.unique(keys[:_SOME])
    if few.size < _FEW < keys.size:  # a look-up costs less than a sort, where it finds all
        own = np.minimum(np.searchsorted(few, keys), few.size - 1)
        if np.array_equal(few[own], keys):
            return few.size, own
    values, own = np.unique(keys, return_inverse=True)
    return values.size, own
