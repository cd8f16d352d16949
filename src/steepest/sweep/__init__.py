"""Studies at scale: one figure over a grid of parameters and seeds, on Dask, into one Zarr store.

    run_sweep("study.toml")

Needs the extra `cluster`: dask, distributed, dask-jobqueue, zarr, filelock.
"""

from steepest.sweep.drive import Summary, run_sweep
from steepest.sweep.figure_source import FigureSource
from steepest.sweep.one_cell import one_cell
from steepest.sweep.picture import plot_store
from steepest.sweep.plan import Axis, Plan, read_plan
from steepest.sweep.status import Status, read_status

__all__ = [
    "Axis",
    "FigureSource",
    "Plan",
    "Status",
    "Summary",
    "one_cell",
    "plot_store",
    "read_plan",
    "read_status",
    "run_sweep",
]
