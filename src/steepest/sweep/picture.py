"""A study as one picture: the figure's own view of the whole study, or its picture at every value.

A figure module may have one part beyond the protocol, `plot_sweep(dataset) -> matplotlib Figure`,
which gets the study's dataset (dimensions: parameters, seed, own). Without it, the figure is drawn
for the first seed at every combination of values, as a sheet of pictures.
"""

import dataclasses
import io
import itertools
from pathlib import Path

import matplotlib.figure
import matplotlib.image
import numpy as np
import xarray as xr

from steepest.errors import UsageError
from steepest.study import png, stamp
from steepest.sweep.figure_source import FigureSource
from steepest.sweep.one_cell import one_cell
from steepest.sweep.plan import Cell, Plan, restore_plan
from steepest.sweep.store import DONE, SweepStore

__all__ = ["plot_store"]

# More pictures than this on one sheet cannot be read.
_MOST = 10


def plot_store(store: str | Path) -> matplotlib.figure.Figure:
    """Draw the study in a store, as far as it is done.

    Of more than 10 values along an axis of the sheet, 10 are drawn, evenly chosen. Raises
    `UsageError` when nothing is done yet, or the figure's code is not the store's.
    """
    place = SweepStore(store)
    group = place.group()
    file = place.attribute("figure_file")
    if file["file"]:
        source = FigureSource(str(group.attrs["figure"]), file["file"], file["text"])
    else:
        source = FigureSource.find(str(group.attrs["figure"]), place.path.parent)
    plan = restore_plan(place.attribute("study"), source)
    dataset = xr.open_zarr(place.path, chunks=None)
    if not np.any(dataset["cell_status"].values == DONE):
        raise UsageError(f"{place.path}: no cell is done and folded yet, so nothing can be drawn")
    own = getattr(plan.figure.module, "plot_sweep", None)
    return _sheet(plan, dataset) if own is None else own(dataset)


def _sheet(plan: Plan, dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """The figure's picture for every combination: first dimension down, the others across."""
    axes = plan.axes[:-1]
    down = _few(len(axes[0])) if axes else [0]
    across = [_few(len(axis)) for axis in axes[1:]]
    columns = list(itertools.product(*across))
    columns = [columns[i] for i in _few(len(columns))]
    sheet = matplotlib.figure.Figure(
        figsize=(4.2 * len(columns), 3.2 * len(down)), layout="constrained"
    )
    panels = sheet.subplots(len(down), len(columns), squeeze=False)
    for (i, row), (j, column) in itertools.product(enumerate(down), enumerate(columns)):
        at = ((row, *column) if axes else ()) + (0,)
        panel = panels[i, j]
        panel.axis("off")
        cell = plan.cell(int(np.ravel_multi_index(at, plan.shape)))
        panel.set_title(str(cell), fontsize=9)
        if dataset["cell_status"].values[at] == DONE:
            panel.imshow(_picture(plan, cell, dataset, at))
        else:
            panel.text(0.5, 0.5, "not done", ha="center", transform=panel.transAxes)
    sheet.suptitle(plan.figure.title)
    return sheet


def _few(n: int) -> list[int]:
    return sorted({round(x) for x in np.linspace(0, n - 1, min(n, _MOST))})


def _picture(plan: Plan, cell: Cell, dataset: xr.Dataset, at: tuple[int, ...]) -> np.ndarray:
    parameters = dataclasses.replace(plan.base, **cell.values)
    own = one_cell(dataset, dict(zip(plan.dims, at, strict=True)))
    picture = png(plan.figure.module.plot(stamp(own, parameters, cell.seed)))
    return matplotlib.image.imread(io.BytesIO(picture))
