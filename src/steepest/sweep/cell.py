"""Cells on a worker: the figure is run, and its result or its error is put in place."""

import dataclasses
import socket
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from distributed import get_worker

from steepest.errors import UsageError
from steepest.study import check_dataset
from steepest.sweep.figure_source import FigureSource
from steepest.sweep.plan import Cell
from steepest.sweep.staged import pack, write_failure, write_result
from steepest.sweep.store import DONE, SweepStore
from steepest.sweep.surroundings import prepare_process

__all__ = ["Task", "run_cells"]


@dataclass(frozen=True)
class Task:
    """What all cells of a sweep share: the figure, its scale, and the store."""

    source: FigureSource
    scale: Any
    store: str


def run_cells(task: Task, cells: list[Cell], budget: float) -> tuple[float, list[bool]]:
    """Compute cells in turn and put each in place; returns the seconds, and which succeeded.

    At least one is computed; those that are left when `budget` seconds are over are not, and the
    list is shorter by them. A cell that is in place already, because a worker died after it, is
    not computed again. The figure's own errors are recorded; `UsageError` is raised for what no
    cell could survive: a store that cannot be written or seen from this worker, a figure that
    cannot be imported, a worker with several threads.
    """
    began = time.perf_counter()
    _check_worker(task.store)
    prepare_process()
    folder = Path(task.store) / ".sweep" / "cells"
    ended = _ended(task.store, cells)
    good: list[bool] = []
    for cell in cells:
        known = ended.get(cell.index)
        good.append(_run_cell(task, cell, folder) if known is None else known)
        if time.perf_counter() - began > budget:
            break
    return time.perf_counter() - began, good


def _ended(store: str, cells: list[Cell]) -> dict[int, bool]:
    """Which of the cells are in place, in files or folded already, and whether they succeeded.

    A failure that was folded is none of them: it may be this run's task to try that cell again.
    """
    place = SweepStore(store)
    # Files first: a fold marks a cell before it takes the cell's file away.
    staged = {
        cell.index: good
        for cell in cells
        for suffix, good in ((".json", False), (".npy", True))
        if (place.cells / f"{cell.index}{suffix}").exists()
    }
    done = np.array(place.group()["cell_status"]).ravel() == DONE
    return staged | {cell.index: True for cell in cells if done[cell.index]}


def _run_cell(task: Task, cell: Cell, folder: Path) -> bool:
    figure = task.source.load()
    started = time.perf_counter()
    try:
        parameters = dataclasses.replace(figure.parameters(task.scale), **cell.values)
        dataset = figure.module.run(parameters, cell.seed)
        check_dataset(figure, dataset, parameters, cell.seed)
        content = pack(dataset, time.perf_counter() - started)
    except (Exception, SystemExit) as error:
        seconds = time.perf_counter() - started
        words = f"{type(error).__name__}: {error}"
        write_failure(folder, cell.index, words, traceback.format_exc(), seconds)
        return False
    write_result(folder, cell.index, content)
    return True


def _check_worker(store: str) -> None:
    here = socket.gethostname()
    if not (Path(store) / ".sweep").is_dir():
        raise UsageError(
            f"the worker on {here} does not see the store {store}: it must lie in a folder that"
            " all workers share"
        )
    threads = get_worker().state.nthreads
    if threads != 1:
        raise UsageError(
            f"the worker on {here} has {threads} threads; a figure gets a process of its own:"
            " start workers with `dask worker --nthreads 1 --nworkers auto ADDRESS`"
        )
