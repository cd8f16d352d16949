"""A study as one picture: the figure's own view of the whole study, or its picture at every value.

A figure module may have one part beyond the protocol, `plot_sweep(dataset) -> matplotlib Figure`,
which gets the study's dataset (dimensions: parameters, seed, own). Without it, the figure is drawn
for the first seed at every combination of values, as a sheet of pictures.
"""

import dataclasses
import io
import itertools
import math
import textwrap
import traceback
from pathlib import Path
from typing import Any

import matplotlib.figure
import matplotlib.image
import numpy as np
import xarray as xr

from steepest.errors import UsageError
from steepest.pictures import label, png
from steepest.study import stamp
from steepest.sweep.damage import find_damage, refuse_damage
from steepest.sweep.extraction import one_cell
from steepest.sweep.figure_source import FigureSource
from steepest.sweep.plan import Cell, Plan, restore_plan
from steepest.sweep.states import DONE, FAILED
from steepest.sweep.store import SweepStore

__all__ = ["plot_store"]

# More pictures than this on one sheet cannot be read.
_MOST = 10


def plot_store(store: str | Path) -> matplotlib.figure.Figure:
    """Draw the study in a store, as far as it is done.

    Of more than 10 values along an axis of the sheet, 10 are drawn, evenly chosen. Raises
    `UsageError` when nothing is done yet, or the figure's code is not the store's, and `DataError`
    when the store is damaged. Where the figure cannot draw a cell, the sheet shows its error.

    >>> try:
    ...     plot_store("not-there.zarr").savefig("study.png")
    ... except UsageError:
    ...     print("no sweep yet")
    no sweep yet
    """
    place = SweepStore(store)
    refuse_damage(place, find_damage(place))
    name, file = str(place.attributes()["figure"]), place.attribute("figure_file")
    if file["file"]:
        source = FigureSource(name, file["file"], file["text"])
    else:
        source = FigureSource.find(name, place.path.parent)
    plan = restore_plan(place.attribute("study"), source)
    dataset = xr.open_zarr(place.path, chunks=None)
    if not np.any(dataset["cell_status"].values == DONE):
        raise UsageError(f"{place.path}: no cell is done and folded yet, so nothing can be drawn")
    own = getattr(plan.figure.module, "plot_sweep", None)
    if own is None:
        return _sheet(plan, dataset)
    try:
        return own(dataset)
    except Exception as error:
        raise UsageError(f"{name} cannot draw this study: {_told(error)}") from error


def _sheet(plan: Plan, dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """The figure's picture for every combination: first dimension down, the others across.

    Where only one dimension has several values, its pictures fill a sheet row by row.
    """
    several = [dim for dim, axis in enumerate(plan.axes[:-1]) if len(axis) > 1]
    table = _table([_few(plan.shape[dim]) for dim in several])
    sheet = matplotlib.figure.Figure(
        figsize=(4.2 * table.shape[1], 3.2 * table.shape[0]), layout="constrained"
    )
    panels: Any = sheet.subplots(*table.shape[:2], squeeze=False)
    for where in np.ndindex(*table.shape[:2]):
        panels[where].axis("off")
        if np.any(table[where] < 0):
            continue
        at = [0] * len(plan.shape)
        for dim, position in zip(several, table[where], strict=True):
            at[dim] = int(position)
        _draw(panels[where], plan, dataset, tuple(at), several)
    sheet.suptitle(f"{plan.figure.title}, seed {plan.axes[-1].values['seed'][0]}")
    return sheet


def _table(positions: list[list[int]]) -> np.ndarray:
    """Rows x columns of positions along each dimension; where there is no picture, -1."""
    if len(positions) < 2:
        every = np.array(positions[0] if positions else [0])
        columns = math.ceil(math.sqrt(every.size))
        table = np.full((math.ceil(every.size / columns), columns, len(positions)), -1)
        if positions:
            table.reshape(-1)[: every.size] = every
        return table
    columns = list(itertools.product(*positions[1:]))
    columns = [columns[i] for i in _few(len(columns))]
    return np.array([[(row, *column) for column in columns] for row in positions[0]])


def _draw(
    panel: Any, plan: Plan, dataset: xr.Dataset, at: tuple[int, ...], several: list[int]
) -> None:
    cell = plan.cell(int(np.ravel_multi_index(at, plan.shape)))
    names = [name for dim in several for name in plan.axes[dim].values]
    title = ", ".join(f"{name} = {cell.values[name]}" for name in names)
    panel.set_title(label(title), fontsize=11)
    state = int(dataset["cell_status"].values[at])
    words = f"failed: {dataset['cell_error'].values[at]}" if state == FAILED else "not done"
    if state == DONE:
        try:
            panel.imshow(_picture(plan, cell, dataset, at))
            return
        except Exception as error:
            words = f"cannot be drawn: {_told(error)}"
    words = "\n".join(map(label, textwrap.wrap(textwrap.shorten(words, 200), 36)))
    panel.text(0.5, 0.5, words, ha="center", va="center", transform=panel.transAxes)


def _told(error: Exception) -> str:
    return "".join(traceback.format_exception_only(error)).strip()


def _few(n: int) -> list[int]:
    return sorted({round(x) for x in np.linspace(0, n - 1, min(n, _MOST))})


def _picture(plan: Plan, cell: Cell, dataset: xr.Dataset, at: tuple[int, ...]) -> np.ndarray:
    parameters = dataclasses.replace(plan.base, **cell.values)
    own = one_cell(dataset, dict(zip(plan.dims, at, strict=True)))
    picture = png(plan.figure.module.plot(stamp(own, parameters, cell.seed)))
    return matplotlib.image.imread(io.BytesIO(picture))
