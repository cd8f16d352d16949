"""One cell's dataset, taken out of a store as the figure had made it."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from steepest.errors import UsageError
from steepest.sweep.store import DONE, SERVICE

__all__ = ["one_cell"]


def one_cell(dataset: xr.Dataset, at: Mapping[str, int]) -> xr.Dataset:
    """The cell at a position along each of the study's dimensions: own names, own coordinates.

    `dataset` is an opened store. Where arrays were lengthened for other cells, the missing values
    at the end are cut off again if a coordinate tells where the cell ended. Raises `UsageError`
    when a dimension is not given, or the cell is not done.
    """
    axes = json.loads(dataset.attrs["study"])["axes"]
    if set(at) != set(axes):
        raise UsageError(f"a cell has a position along {', '.join(axes)}, not {', '.join(at)}")
    cell = dataset.isel(dict(at)).load()
    if int(cell["cell_status"]) != DONE:
        raise UsageError(f"the cell at {dict(at)} is not done")
    labels = {name for values in axes.values() for name in values}
    data, coordinates = {}, {}
    for name, variable in cell.variables.items():
        if name in labels or name in SERVICE:
            continue
        attrs = dict(variable.attrs)
        own_name = attrs.pop("renamed_from", name)
        dims = [_own_dim(str(dim), axes) for dim in variable.dims]
        side = coordinates if name in cell.coords else data
        side[own_name] = (dims, _text(variable.values), attrs)
    own = xr.Dataset(data, coordinates)
    for name in map(str, own.coords):
        values = own[name]
        if values.ndim == 1 and values.dtype.kind == "f" and bool(values.isnull().any()):
            own = own.isel({values.dims[0]: np.flatnonzero(values.notnull().values)})
    return own


def _own_dim(dim: str, axes: Mapping[str, Any]) -> str:
    own = dim.removesuffix("_result")
    taken = {*axes, *(name for values in axes.values() for name in values), *SERVICE}
    return own if own in taken else dim


def _text(values: np.ndarray) -> np.ndarray:
    return values.astype(object).astype(np.str_) if values.dtype.kind in "OT" else values
