"""One cell's dataset, taken out of a store as the figure had made it."""

import json
from collections.abc import Mapping

import numpy as np
import xarray as xr

from steepest.errors import UsageError
from steepest.sweep.names import own_name
from steepest.sweep.store import DONE, SERVICE

__all__ = ["one_cell"]


def one_cell(dataset: xr.Dataset, at: Mapping[str, int]) -> xr.Dataset:
    """The cell at a position along each of the study's dimensions: own names, own coordinates.

    `dataset` is an opened store. Where arrays were lengthened for other cells, the missing values
    at the end are cut off again. Raises `UsageError` when a dimension is not given, or the cell is
    not done.

    >>> axes = json.dumps({"axes": {"seed": {"seed": [7, 8]}}})
    >>> states = {"cell_status": ("seed", [DONE, DONE]), "v": ("seed", [0.5, 1.5])}
    >>> store = xr.Dataset(states, {"seed": [7, 8]}, {"study": axes})
    >>> float(one_cell(store, {"seed": 1})["v"])
    1.5
    """
    axes = json.loads(dataset.attrs["study"])["axes"]
    if set(at) != set(axes):
        raise UsageError(f"a cell has a position along {', '.join(axes)}, not {', '.join(at)}")
    cell = dataset.isel(dict(at)).load()
    if int(cell["cell_status"]) != DONE:
        raise UsageError(f"the cell at {dict(at)} is not done")
    labels = {name for values in axes.values() for name in values}
    data, coordinates = {}, {}
    lengths = {
        v.attrs["length_of"]: int(v) for v in cell.variables.values() if "length_of" in v.attrs
    }
    cell = cell.isel({dim: slice(n) for dim, n in lengths.items()})
    for name, variable in cell.variables.items():
        if name in labels or name in SERVICE or "length_of" in variable.attrs:
            continue
        attrs = dict(variable.attrs)
        own = attrs.pop("renamed_from", name)
        dims = [own_name(str(dim), {*axes, *labels, *SERVICE}) for dim in variable.dims]
        side = coordinates if name in cell.coords else data
        side[own] = (dims, _text(variable.values), attrs)
    return xr.Dataset(data, coordinates)


def _text(values: np.ndarray) -> np.ndarray:
    return values.astype(object).astype(np.str_) if values.dtype.kind in "OT" else values
