"""What the cells of a column are: numbers, dates or texts, how many differ, and what are marks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from steepest.data.labels import Labels
from steepest.data.sessions import dates_of
from steepest.data.table import ArrayTable, Table, number

__all__ = ["Facts", "Kind", "facts_of"]

Kind = Literal["number", "whole number", "date", "text", "empty", "array"]

_MOST_MARKS = 3
"""Different texts that a column of numbers may hold beside them, as marks."""


@dataclass(frozen=True, eq=False)
class Facts:
    """One column: its `kind`, an example, and `codes` that number its different cells.

    `numbers` are the cells as numbers, NaN where they are none; `texts` are the cells of a column
    of numbers that are neither a number nor empty, with how often each stands there.
    """

    name: str
    place: int
    kind: Kind
    example: str
    distinct: int
    empty: int
    codes: Int[np.ndarray, " rows"] = field(repr=False)
    numbers: Float[np.ndarray, " rows"] = field(repr=False)
    names: tuple[str, ...] = field(repr=False, default=())
    texts: dict[str, int] = field(default_factory=dict)

    @property
    def numeric(self) -> bool:
        """Whether its cells are numbers, but for a few marks."""
        return self.kind in ("number", "whole number")

    @property
    def rows(self) -> int:
        """How many cells it has."""
        return self.codes.size


def facts_of(table: Table, place: int) -> Facts:
    """What stands in one column of a table."""
    if isinstance(table, ArrayTable):
        array = table.convert(table.arrays[place])
        if array.ndim != 1:
            nothing = np.zeros(0, dtype=np.int64)
            return Facts(
                table.names[place],
                place,
                "array",
                f"{array.ndim} dimensions",
                0,
                0,
                nothing,
                np.zeros(0),
            )
        if array.dtype.kind in "iuf":
            return _of_numbers(table.names[place], place, array.astype(np.float64))
    return _of_texts(table.names[place], place, table.labels(place), ";" if _comma(table) else "")


def _comma(table: Table) -> bool:
    return bool(getattr(table, "decimal_comma", False))


def _of_numbers(name: str, place: int, numbers: Float[np.ndarray, " rows"]) -> Facts:
    values, codes = np.unique(numbers, return_inverse=True)
    finite = numbers[np.isfinite(numbers)]
    whole = bool(finite.size and np.all(finite == np.round(finite)))
    kind: Kind = "empty" if not finite.size else "whole number" if whole else "number"
    few = values[:2000].tolist() if values.size <= 2000 else []
    return Facts(
        name,
        place,
        kind,
        f"{finite[0]:g}" if finite.size else "",
        int(np.isfinite(values).sum()),
        int(np.isnan(numbers).sum()),
        codes.astype(np.int64),
        numbers,
        tuple(f"{value:.15g}" for value in few),
    )


def _of_texts(name: str, place: int, labels: Labels, comma: str) -> Facts:
    codes, names = labels.codes, labels.names
    count = np.bincount(codes, minlength=len(names))
    nothing = np.zeros(len(names), dtype=bool)
    nothing[labels.places_of_nothing()] = True
    values = _numbers(names, nothing, comma)
    finite = values[np.isfinite(values)]
    odd = np.flatnonzero(~nothing & ~np.isfinite(values))
    said = np.flatnonzero(~nothing)
    numbers, others = values[codes] if len(names) else np.zeros(0), {}
    first = said[0] if said.size else 0
    sample = [names[at] for at in said[:200]]
    if not said.size:
        kind: Kind = "empty"
    elif finite.size and odd.size <= _MOST_MARKS:
        others = {names[at]: int(count[at]) for at in odd}
        first = np.flatnonzero(np.isfinite(values))[0]
        kind = "whole number" if np.all(finite == np.round(finite)) else "number"
        if kind == "whole number" and dates_of(sample) is not None:
            kind = "date"  # 20190620
    else:
        numbers = np.full(codes.size, np.nan)
        kind = "date" if dates_of(sample) is not None else "text"
    return Facts(
        name=name,
        place=place,
        kind=kind,
        example=names[first] if said.size else "",
        distinct=said.size,
        empty=int(count[nothing].sum()),
        codes=codes,
        numbers=numbers,
        names=tuple(names[at] for at in said),
        texts=others,
    )


def _numbers(
    texts: Sequence[str], nothing: Bool[np.ndarray, " k"], comma: str
) -> Float[np.ndarray, " k"]:
    """Texts as numbers, NaN where one is none; all NaN where more are none than marks may be."""
    if comma:
        texts = [text.replace(",", ".") for text in texts]
    if "_" not in "".join(texts):  # 1_000 is a number to Python, and to nobody else
        try:
            return np.fromiter(map(float, texts), dtype=np.float64, count=len(texts))
        except ValueError:
            pass
    values = np.full(len(texts), np.nan)
    odd = 0
    for at, text in enumerate(texts):
        values[at] = number(text)
        odd += not (nothing[at] or np.isfinite(values[at]))
        if odd > _MOST_MARKS:
            return np.full(len(texts), np.nan)
    return values
