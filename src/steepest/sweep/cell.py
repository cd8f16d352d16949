"""Cells on a worker: the figure is run, and its result or its error is put in place.

Whatever a cell does is that cell's failure. What it raises is caught here. Where it ends its
process, or is ended by the watch for its time is over, the next worker that gets it says so.
"""

import dataclasses
import faulthandler
import socket
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from distributed import get_worker

from steepest.errors import UsageError
from steepest.study import check_dataset
from steepest.sweep.figure_source import FigureSource
from steepest.sweep.plan import Cell
from steepest.sweep.staged import cannot_write, pack, write_failure, write_result
from steepest.sweep.store import FAILED, LEFT, SweepStore
from steepest.sweep.surroundings import prepare_process

__all__ = ["Task", "overdue", "run_cells"]


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
        if known is None and overdue(task, cell.index):
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
        for suffix, good in ((".json", False), (".npy", True))
        if (store.cells / f"{cell.index}{suffix}").exists()
    }
    states = np.array(store.group()["cell_status"]).ravel()
    folded = {cell.index: int(states[cell.index]) for cell in cells}
    return {i: state != FAILED for i, state in folded.items() if state != LEFT} | staged


def _run_cell(task: Task, cell: Cell, store: SweepStore) -> bool:
    figure = task.source.load()
    started = time.perf_counter()
    try:
        with _watched(_watch_file(store, cell.index), task.timeout):
            parameters = dataclasses.replace(figure.parameters(task.scale), **cell.values)
            dataset = figure.module.run(parameters, cell.seed)
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


def _watch_file(store: SweepStore, index: int) -> Path:
    return store.work / "watch" / f"{index}.txt"


@contextmanager
def _watched(file: Path, timeout: float | None) -> Iterator[None]:
    """End this process when the block takes longer; the file then says where it was.

    The watch is a thread of C: it also ends what never lets Python run.
    """
    if timeout is None:
        yield
        return
    try:
        file.parent.mkdir(exist_ok=True)
        report = file.open("w", encoding="utf-8")
    except OSError as error:
        raise cannot_write(file.parent, error) from error
    try:
        with report:
            faulthandler.dump_traceback_later(timeout, exit=True, file=report)
            try:
                yield
            finally:
                faulthandler.cancel_dump_traceback_later()
    finally:
        file.unlink(missing_ok=True)


def overdue(task: Task, index: int) -> bool:
    """Record a cell as failed that was ended because its time was over; whether it was."""
    store = SweepStore(task.store)
    file = _watch_file(store, index)
    try:
        trace = file.read_text(encoding="utf-8", errors="backslashreplace")
    except FileNotFoundError:
        return False
    if task.timeout is None or not trace:
        return False
    words = (
        f"TimeoutError: {task.source.name} had not ended after {task.timeout:g} s, the cell_timeout"
        " of the study file"
    )
    write_failure(store.cells, index, words, trace, task.timeout)
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
    if task.timeout is not None and worker.nanny is None:
        raise UsageError(
            f"the worker on {here} has no nanny that starts it again once a cell_timeout has"
            " ended it: start workers without --no-nanny"
        )
