"""The one door for sizes: lists, NumPy, pandas, xarray become float64, checked and named.

0 is an absent synapse and NaN is a size that was not measured. What is masked, complex, boolean,
text, negative or infinite is refused, and so are inputs whose labels (the index of pandas, the
coordinates of xarray) differ: one place may then hold two synapses.
"""

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from steepest.arrays.given import labels_of, masked, real_numbers, refuse_tracers, same_labels
from steepest.errors import DataError

__all__ = [
    "columns_of",
    "groups_of",
    "log_pairs",
    "numbers_of",
    "positive_pairs",
    "row_of",
    "sizes_of",
    "truths_of",
    "weights_of",
]


def sizes_of(
    values: Any,
    name: str,
    *,
    everything: str = "before and after",
    axes: int = 1,
    limited: bool = False,
) -> Float[np.ndarray, "..."]:
    """Sizes as float64, one per synapse (or synapses x replicates): NaN where not measured.

    `name` is what the caller calls them, `everything` all that belongs to one synapse. Where a
    detection limit is known (`limited`), sizes may be negative, as a background leaves them: all
    below the limit are alike. Raises DataError, naming the first bad row, for what is masked, no
    real number, infinite or negative.
    """
    numbers = numbers_of(values, name, everything=everything, axes=axes)
    if not limited:
        refuse(
            numbers < 0,
            numbers,
            values,
            name,
            "is negative: sizes are positive, and 0 for an absent synapse; where a background was"
            " subtracted, a detection limit says from where on sizes are measured",
        )
    return numbers


def numbers_of(
    values: Any, name: str, *, everything: str, axes: int = 1, what: str = "sizes"
) -> Float[np.ndarray, "..."]:
    """Real numbers as float64, NaN where not measured; refuses masks, other kinds, infinities."""
    column, row = _called(values, name), row_of(values)
    absent = ", or write 0 for an absent synapse" if what == "sizes" else ""
    mask = masked(values)
    if mask.any():
        raise DataError(
            f"{row(_first(mask))} of {column} is masked: leave such rows out of"
            f" {everything}{absent}"
        )
    try:
        cells = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise DataError(f"{column} is not one column of numbers ({error})") from error
    if cells.ndim not in range(1, axes + 1):
        several = ", or synapses x replicates" if axes > 1 else ""
        raise DataError(f"{column} has {cells.ndim} dimensions: give one size per synapse{several}")
    if cells.dtype.kind not in "fiu":
        cells = _real(cells, row, column, what)
    numbers = cells.astype(np.float64)
    refuse(
        np.isinf(numbers),
        numbers,
        values,
        name,
        f"is not finite: leave the row out{absent}",
    )
    return numbers


def columns_of(
    function: str, *, limited: bool = False, **columns: Any
) -> list[Float[np.ndarray, " rows"]]:
    """Sizes of the same synapses, row by row, whatever they are called; see `sizes_of`.

    Raises DataError where their lengths or labels differ too, UsageError inside jit, vmap or grad
    of the named `function`.
    """
    refuse_tracers(function, *columns.values())
    names = list(columns)
    everything = f"{', '.join(names[:-1])} and {names[-1]}"
    checked = [
        sizes_of(values, name, everything=everything, limited=limited)
        for name, values in columns.items()
    ]
    for name, sizes in zip(names, checked, strict=True):
        if sizes.size != checked[0].size:
            raise DataError(
                f"{names[0]} has {checked[0].size} rows and {name} has {sizes.size}: give the same"
                " synapses, row by row, with 0 where one is absent"
            )
    same_labels(columns)
    return checked


def positive_pairs(
    function: str, before: Any, after: Any
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Sizes before and after of the synapses that were measured twice; all must be positive."""
    first, second = columns_of(function, before=before, after=after)
    measured = ~(np.isnan(first) | np.isnan(second))
    first, second = first[measured], second[measured]
    if first.size < 2:
        raise DataError(f"{function}: {first.size} sizes before and after: give some hundreds")
    if not (np.all(first > 0) and np.all(second > 0)):
        raise DataError("before and after must be positive sizes: leave out absent synapses")
    return first, second


def log_pairs(
    function: str, log_before: Any, log_after: Any
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Log sizes before and after of the synapses that were measured twice, of either sign."""
    refuse_tracers(function, log_before, log_after)
    given = {"log_before": log_before, "log_after": log_after}
    everything, what = " and ".join(given), "log sizes"
    first, second = (
        numbers_of(values, name, everything=everything, what=what) for name, values in given.items()
    )
    if first.size != second.size:
        raise DataError(
            f"log_before has {first.size} rows and log_after has {second.size}: give the same"
            " synapses, row by row"
        )
    same_labels(given)
    measured = ~(np.isnan(first) | np.isnan(second))
    return first[measured], second[measured]


def groups_of(
    groups: Any, n: int, everything: str = "every session", name: str = "groups"
) -> tuple[Int[np.ndarray, " n"], tuple[str, ...]]:
    """The number of each synapse's group, and the groups' names. DataError where one has none."""
    if masked(groups).any():
        raise DataError(f"{name} has masked labels: leave such rows out of {everything}")
    given = np.asarray(groups)
    if given.shape != (n,):
        raise DataError(
            f"{name} has {given.size} labels and the sizes have {n} rows: give one per synapse"
        )
    names, codes = np.unique(given.astype(str), return_inverse=True)
    empty = np.flatnonzero((names == "") | (names == "nan") | (names == "None"))
    if empty.size:
        row = int(np.flatnonzero(codes == empty[0])[0])
        raise DataError(f"row {row} (counted from 0) has no group: label it, or leave the row out")
    return codes, tuple(map(str, names))


def truths_of(values: Any, name: str, everything: str) -> Bool[np.ndarray, " rows"]:
    """Truth values, one per synapse: booleans, or numbers that are 0 or 1; nothing else is true."""
    row, mask = row_of(values), masked(values)
    if mask.any():
        raise DataError(
            f"{row(_first(mask))} of {name} is masked: leave such rows out of {everything}"
        )
    cells = np.asarray(values)
    for at, cell in enumerate(cells.ravel().tolist()):
        if not (isinstance(cell, bool | Real) and cell in (0, 1)):
            raise DataError(f"{row(at)} of {name} is {cell!r}: give true or false")
    return cells.astype(bool)


def weights_of(values: Any, name: str) -> Float[np.ndarray, "..."]:
    """Weights of any shape and sign as float64; no masks, complex numbers, booleans or texts."""
    return real_numbers(values, name, error=DataError, empty=True)


def row_of(values: Any) -> Callable[[int], str]:
    """How messages call a row: by its label where there is one, else by its number from 0."""
    labels = labels_of(values)

    def row(at: int) -> str:
        return f"row {at} (counted from 0)" if labels is None else f"row {labels[at]}"

    return row


def refuse(bad: np.ndarray, numbers: np.ndarray, values: Any, name: str, problem: str) -> None:
    """DataError that names the first bad row of a column, its value and what is wrong."""
    if not bad.any():
        return
    at = np.unravel_index(int(np.flatnonzero(bad)[0]), bad.shape)
    others = f" (and {bad.sum() - 1} more)" if bad.sum() > 1 else ""
    raise DataError(
        f"{row_of(values)(int(at[0]))} of {_called(values, name)} is {numbers[at]:g}{others}, which"
        f" {problem}"
    )


def _real(cells: np.ndarray, row: Callable[[int], str], column: str, what: str) -> np.ndarray:
    """Cells that are no plain numbers: objects that are, with NaN for pandas' NA; or DataError."""
    numbers = np.empty(cells.size)
    for at, cell in enumerate(cells.ravel().tolist()):
        missing = type(cell).__name__ == "NAType"
        # Times become whole numbers in a list, and a truth value is a number to Python.
        kind = cells.dtype.kind in "mM" or isinstance(cell, bool | np.bool_)
        if not missing and (kind or not isinstance(cell, Real)):
            place = at // (cells.size // len(cells))
            raise DataError(f"{row(place)} of {column} is {cell!r}: {what} must be numbers")
        numbers[at] = np.nan if missing else float(cell)
    return numbers.reshape(cells.shape)


def _called(values: Any, name: str) -> str:
    own = getattr(values, "name", None)
    told = own is None or name == own or name.startswith(f"{own} ")
    return name if told else f"column {own!r} ({name})"


def _first(bad: np.ndarray) -> int:
    return int(np.nonzero(bad)[0][0])
