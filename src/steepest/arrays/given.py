"""What users give: lists, NumPy, pandas, xarray, JAX. One door that says what is no real number.

Nothing heavy is imported here: a verdict on sizes needs no JAX.
"""

from collections.abc import Mapping
from itertools import combinations
from numbers import Real
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from steepest.errors import DataError, SteepestError, UsageError

__all__ = ["labels_of", "masked", "real_numbers", "refuse_tracers", "same_axes", "same_labels"]


def real_numbers(
    values: Any, what: str, *, error: type[SteepestError] = UsageError, empty: bool = False
) -> Float[np.ndarray, "..."]:
    """Real numbers of any shape as float64, NaN for pandas' NA; anything else is an `error`.

    Refused, naming `what`: masked entries (their numbers mean nothing), complex numbers, truth
    values, texts, dates, lists of unequal length, and nothing at all unless `empty` is allowed.

    >>> from steepest.arrays.given import real_numbers
    >>> real_numbers([1, 2], "start").tolist()
    [1.0, 2.0]
    """
    hidden = masked(values)
    if hidden.any():
        place = ", ".join(str(int(i)) for i in np.argwhere(hidden)[0])
        raise error(f"{what}: entry ({place}) is masked: leave it out, or fill it with a number")
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as problem:
        raise error(f"{what}: not a rectangular array of numbers ({problem})") from problem
    if array.size == 0 and not empty:
        raise error(f"{what} of shape {array.shape}: there are no numbers in it")
    if array.dtype.kind in "fiu":
        return array.astype(np.float64)
    if array.dtype.kind == "c":
        raise error(
            f"{what}: complex numbers cannot be used; give real and imaginary parts as "
            "coordinates of their own"
        )
    # Half precision of machine learning is a kind of its own to NumPy.
    if array.dtype.kind == "V" and np.can_cast(array.dtype, np.float64):
        return array.astype(np.float64)
    if array.dtype.kind != "O":
        raise error(f"{what}: values of type {array.dtype} are not numbers")
    numbers = np.empty(array.size)
    for at, cell in enumerate(array.ravel().tolist()):
        missing = type(cell).__name__ == "NAType"
        if not missing and (isinstance(cell, bool | np.bool_) or not isinstance(cell, Real)):
            raise error(f"{what}: not a rectangular array of numbers: it holds {cell!r}")
        numbers[at] = np.nan if missing else float(cell)
    return numbers.reshape(array.shape)


def masked(values: Any) -> Bool[np.ndarray, "..."]:
    """Which entries are masked: of a masked array, or of a list of numbers or of such columns.

    >>> import numpy as np
    >>> from steepest.arrays.given import masked
    >>> masked(np.ma.masked_less([1.0, -1.0], 0)).tolist()
    [False, True]
    """
    if isinstance(values, np.ma.MaskedArray):
        return np.atleast_1d(np.ma.getmaskarray(values))
    none = np.zeros(1, dtype=bool)
    if not isinstance(values, list | tuple):
        return none
    parts = [part for part in values if isinstance(part, np.ma.MaskedArray)]
    # Of a list of columns, the row is what counts; of a list of numbers, the place in it.
    columns = (np.ma.getmaskarray(part) for part in parts if part.ndim)
    singles = [part is np.ma.masked for part in values] if parts else []
    return next((mask for mask in columns if mask.any()), np.array(singles or none))


def refuse_tracers(function: str, *values: Any) -> None:
    """UsageError where a value is a tracer of JAX, or a list of some."""
    # JAX stays unimported: its tracers are known by the name of their base class.
    for value in values:
        kinds = {type(value)} | (
            set(map(type, value)) if isinstance(value, list | tuple) else set()
        )
        for base in {base for kind in kinds for base in kind.__mro__}:
            if base.__name__ == "Tracer" and base.__module__.startswith("jax"):
                raise UsageError(
                    f"{function} works on numbers, not inside jit, vmap or grad: call it on"
                    " the sizes that come out"
                )


def labels_of(values: Any, axis: int = 0) -> Any:
    """The labels along an axis, as a pandas Index or alike; None where there are none."""
    if _is_xarray(values):
        return values.indexes.get(values.dims[axis]) if len(values.dims) > axis else None
    # A list's `index` is a method.
    labels = getattr(values, "columns" if axis else "index", None)
    return None if labels is None or callable(labels) else labels


def same_labels(columns: Mapping[str, Any], *, rows: str = "synapses") -> None:
    """DataError where two labelled inputs name their rows differently, or in another order."""
    labelled = {name: labels for name, v in columns.items() if (labels := labels_of(v)) is not None}
    if not labelled:
        return
    first, *others = labelled
    for other in others:
        if _equal(labelled[first], labelled[other]):
            continue
        kinds = {_is_xarray(columns[name]) for name in (first, other)}
        what = {
            frozenset([False]): "Series whose indexes",
            frozenset([True]): "DataArrays whose coordinates",
        }.get(frozenset(kinds), "labelled, and their labels")
        raise DataError(
            f"{first} and {other} are {what} differ, so one place may hold two"
            f" {rows}: align them, or pass .to_numpy()"
        )


def same_axes(axes: Mapping[str, tuple[Any, int]]) -> None:
    """DataError where inputs that share an axis, each given with its own, order it differently.

    Names of their own (x, y beside vx, vy) are well; the same names in another order are not, nor
    are those that agree only in part, nor DataArrays whose dimensions are permuted.

    >>> import pandas as pd
    >>> from steepest.arrays.given import same_axes
    >>> point, vector = pd.Series([1.0, 2.0], ["x", "y"]), pd.Series([0.0, 1.0], ["vx", "vy"])
    >>> same_axes({"point": (point, 0), "vector": (vector, 0)})
    """
    for (first, (values, axis)), (second, (beside, other_axis)) in combinations(axes.items(), 2):
        if _is_xarray(values) and _is_xarray(beside):
            dims = values.dims, beside.dims
            if axis == other_axis and set(dims[0]) == set(dims[1]) and dims[0] != dims[1]:
                raise DataError(
                    f"{first} has dimensions {', '.join(map(str, dims[0]))} and {second}"
                    f" {', '.join(map(str, dims[1]))}: transpose one of them"
                )
        labels, others = labels_of(values, axis), labels_of(beside, other_axis)
        if labels is None or others is None or _equal(labels, others):
            continue
        if len(labels) == len(others) and set(labels) & set(others):
            raise DataError(
                f"{first} and {second} name their coordinates in another order"
                f" ({_listed(labels)} and {_listed(others)}): align them, or pass .to_numpy()"
            )


def _listed(labels: Any) -> str:
    shown = ", ".join(str(label) for label in list(labels)[:4])
    return f"{shown}..." if len(labels) > 4 else shown


def _equal(labels: Any, others: Any) -> bool:
    return labels.equals(others) if hasattr(labels, "equals") else np.array_equal(labels, others)


def _is_xarray(values: Any) -> bool:
    return hasattr(values, "dims") and hasattr(values, "indexes")
