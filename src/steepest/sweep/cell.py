"""Cells on a worker: the figure is run, and its result or its error is put in place.

Whatever a cell does is that cell's failure. What it raises is caught here. Where it ends its
process, or is ended by the watch because its time is over, the next worker that gets it says so.
"""

import dataclasses
import faulthandler
import os
import socket
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from distributed import get_worker

from steepest.errors import UsageError
from steepest.study import check_dataset
from steepest.sweep.figure_source import FigureSource
from steepest.sweep.plan import Cell
from steepest.sweep.staged import cannot_write, pack, write_failure, write_result
from steepest.sweep.store import FAILED, LEFT, SweepStore
from steepest.sweep.surroundings import prepare_process

__all__ = ["Task", "run_cells"]

# How often the process of a cell may die before the cell is to blame.
_MOST_ATTEMPTS = 2
_MEETING = 1.0


@dataclass(frozen=True)
class Task:
    """What all cells of a sweep share: the figure, its scale, the store, and how long each may run.

    `timeout` is in seconds; None leaves a cell all the time it takes.
    """

    source: FigureSource
    scale: Any
    store: str
    timeout: float | None = None


def run_cells(task: Task, cells: list[Cell], budget: float) -> tuple[float, list[bool]]:
    """Compute cells in turn and put each in place; returns the seconds, and which succeeded.

    At least one is computed; those that are left when `budget` seconds are over are not, and the
    list is shorter by them. A cell that is in place already, because a worker died after it, is
    not computed again, nor is one that was ended because its time was over. What the figure
    raises is recorded; `UsageError` is raised for what no cell could survive: a store that cannot
    be written or seen from this worker, a figure that cannot be imported, a worker with several
    threads, or one that nobody starts again where cells have a `timeout`.
    """
    began = time.perf_counter()
    _check_worker(task)
    prepare_process()
    store = SweepStore(task.store)
    ended = _ended(store, cells)
    good: list[bool] = []
    for cell in cells:
        known = ended.get(cell.index)
        if known is None and _gave_up(task, store, cell.index):
            known = False
        good.append(_run_cell(task, cell, store) if known is None else known)
        if time.perf_counter() - began > budget:
            break
    return time.perf_counter() - began, good


def _ended(store: SweepStore, cells: list[Cell]) -> dict[int, bool]:
    """Which of the cells are in place, in files or folded already, and whether they succeeded."""
    # Files first: a fold marks a cell before it takes the cell's file away.
    staged = {
        cell.index: good
        for cell in cells
        for suffix, good in ((".failed", False), (".npy", True))
        if (store.cells / f"{cell.index}{suffix}").exists()
    }
    states = np.array(store.group()["cell_status"]).ravel()
    folded = {cell.index: int(states[cell.index]) for cell in cells}
    return {i: state != FAILED for i, state in folded.items() if state != LEFT} | staged


def _run_cell(task: Task, cell: Cell, store: SweepStore) -> bool:
    figure = task.source.load()
    started = time.perf_counter()
    try:
        with _watched(store, cell.index, task.timeout):
            parameters = dataclasses.replace(figure.parameters(task.scale), **cell.values)
            dataset = figure.module.run(parameters, cell.seed)
            if not isinstance(dataset, xr.Dataset):
                raise TypeError(f"run() returned {type(dataset).__name__}, not an xarray Dataset")
            check_dataset(figure, dataset, parameters, cell.seed)
            content = pack(dataset, time.perf_counter() - started)
    except BaseException as error:
        # Signals reach the main thread alone: a KeyboardInterrupt here is the figure's own.
        seconds = time.perf_counter() - started
        write_failure(store.cells, cell.index, *_described(error), seconds)
        return False
    write_result(store.cells, cell.index, content)
    return True


def _described(error: BaseException) -> tuple[str, str]:
    """An error in a line, and its traceback; an error that cannot tell either is named by its type.

    `traceback` copes with a `__str__` that raises, and with chains that never end.
    """
    name = type(error).__name__
    try:
        words = str(traceback.TracebackException.from_exception(error))
        return f"{name}: {words}", "".join(traceback.format_exception(error))
    except BaseException as other:
        return f"{name}, which raised {type(other).__name__} when it was asked what it is", ""


def _attempts(store: SweepStore, index: int) -> list[Path]:
    """A file for each time that a cell may be tried: there while it runs, and if it died of it."""
    return [store.work / "watch" / f"{index}.{attempt}.txt" for attempt in range(_MOST_ATTEMPTS)]


@contextmanager
def _watched(store: SweepStore, index: int, timeout: float | None) -> Iterator[None]:
    """Leave a file while the block runs; with a timeout, end the process when it takes longer.

    The file then says where it was. The watch is a thread of C: it also ends what never lets
    Python run.
    """
    file = next(file for file in _attempts(store, index) if not file.exists())
    try:
        file.parent.mkdir(exist_ok=True)
        report = file.open("w", encoding="utf-8")
    except OSError as error:
        raise cannot_write(file.parent, error) from error
    with report:
        if timeout is not None:
            faulthandler.dump_traceback_later(timeout, exit=True, file=report)
        try:
            yield
        finally:
            if timeout is not None:
                faulthandler.cancel_dump_traceback_later()
    for attempt in _attempts(store, index):
        attempt.unlink(missing_ok=True)


def _gave_up(task: Task, store: SweepStore, index: int) -> bool:
    """Record a cell as failed whose time was over, or whose workers died; whether it was so."""
    attempts = [file for file in _attempts(store, index) if file.exists()]
    if not attempts:
        return False
    trace = attempts[-1].read_text(encoding="utf-8", errors="backslashreplace")
    if task.timeout is not None and trace:
        words = (
            f"TimeoutError: {task.source.name} had not ended after {task.timeout:g} s, the"
            " cell_timeout of the study file"
        )
    elif len(attempts) == _MOST_ATTEMPTS:
        words = "KilledWorker: every worker that computed this cell died (memory? a crash?)"
    else:
        # A process that dies before its nanny knows it is not started again: let them meet.
        time.sleep(_MEETING)
        return False
    write_failure(store.cells, index, words, trace, task.timeout or float("nan"))
    for file in attempts:
        file.unlink(missing_ok=True)
    return True


def _check_worker(task: Task) -> None:
    here = socket.gethostname()
    if not (Path(task.store) / ".sweep").is_dir():
        raise UsageError(
            f"the worker on {here} does not see the store {task.store}: it must lie in a folder"
            " that all workers share"
        )
    worker = get_worker()
    threads = worker.state.nthreads
    if threads != 1:
        raise UsageError(
            f"the worker on {here} has {threads} threads; a figure gets a process of its own:"
            " start workers with `dask worker --nthreads 1 --nworkers auto ADDRESS`"
        )
    if worker.nanny is not None:
        os.dup2(2, 1)  # what a figure prints is none of the driver's output
    elif task.timeout is not None:
        raise UsageError(
            f"the worker on {here} has no nanny that starts it again once a cell_timeout has"
            " ended it: start workers without --no-nanny"
        )
