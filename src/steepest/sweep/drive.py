"""The driver: keeps the workers busy with the cells that are left, and knows only their numbers."""

import json
import logging
import os
import queue
import shutil
import socket
import time
import uuid
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from distributed import Client, Future, KilledWorker

from steepest.errors import SteepestError, UsageError
from steepest.progress import Advance, progress_bar
from steepest.sweep.cell import Task, run_cells
from steepest.sweep.cluster import open_client, read_slurm, replace_dead
from steepest.sweep.damage import find_damage, refuse_damage
from steepest.sweep.folding import fold, forget
from steepest.sweep.plan import Plan, read_plan
from steepest.sweep.repair import repair_store
from steepest.sweep.staged import write_atomic, write_failure
from steepest.sweep.store import DONE, FAILED, LEFT, SweepStore

__all__ = ["Summary", "run_sweep"]

# What befalls workers; a program that sets up no logging has it on stderr.
_LOG = logging.getLogger("steepest.sweep")
_BEAT = 1.0
_FOLD_SECONDS = 10.0
_FOLD_CELLS = 1000
# The first cell fills the caches of compiled code for all; nobody waits longer than this for it.
_HEAD_START = 60.0
# Cells of milliseconds go to a worker in batches of about this many seconds. It stops after twice
# that and hands the rest back, so that a slow cell among them keeps no others waiting.
_BATCH_SECONDS = 0.25
_BATCH_CELLS = 100
# An answer that was given is fetched in no time, unless the worker that gave it is gone.
_ANSWER = 30.0


@dataclass(frozen=True)
class Summary:
    """How a sweep ended: the store, its cells by state, those computed now, and the seconds.

    `repaired` names the files of the store that were damaged, and what had become of them.

    >>> summary = Summary(Path("study.zarr"), cells=6, done=4, failed=2, computed=6, seconds=0.5)
    >>> summary.to_dict()["left"]
    0
    """

    store: Path
    cells: int
    done: int
    failed: int
    computed: int
    seconds: float
    repaired: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The summary as plain JSON values."""
        return {
            "store": str(self.store),
            "cells": self.cells,
            "done": self.done,
            "failed": self.failed,
            "left": self.cells - self.done - self.failed,
            "computed": self.computed,
            "seconds": round(self.seconds, 3),
            "repaired": list(self.repaired),
        }


def run_sweep(
    study: str | Path,
    store: str | Path | None = None,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    slurm: str | Path | None = None,
    retry_failed: bool = False,
    repair: bool = False,
    patience: float = 10.0,
) -> Summary:
    """Compute the cells of a study file that its store does not hold yet, on Dask.

    A failing cell is recorded and stops nothing. Interrupted or killed, the same call goes on.
    Before anything is computed, all that the store holds is read, and nothing damaged is used.

    - `study`: a TOML file (see `read_plan`).
    - `store`: a Zarr folder, by default the study's name with .zarr beside it.
    - `workers`: processes of this machine, by default one per processor.
    - `scheduler`: the address of a running Dask cluster instead.
    - `slurm`: a TOML file with the options of a cluster to start through Slurm instead.
    - `retry_failed`: compute the cells again that failed.
    - `repair`: remove what is damaged in the store, and compute the cells again that lay in it.
    - `patience`: seconds that the `scheduler` has to answer.

    Raises `UsageError` before anything starts for a study that cannot be run, for a store of
    another study or with another driver at work, and when the store cannot be written any more;
    `DataError`, naming the files, for a store that is damaged.

    >>> try:
    ...     run_sweep("study.toml", workers=2, slurm="slurm.toml")
    ... except UsageError as error:
    ...     print(error)
    choose one of workers, scheduler and slurm: each names the place to run
    """
    if sum(option is not None for option in (workers, scheduler, slurm)) > 1:
        raise UsageError("choose one of workers, scheduler and slurm: each names the place to run")
    if workers is not None and workers < 1:
        raise UsageError(f"workers = {workers}: at least one is needed")
    began = time.monotonic()
    plan = read_plan(study)
    options = None if slurm is None else read_slurm(slurm)
    place = SweepStore(Path(study).with_suffix(".zarr") if store is None else store)
    place.open_for(plan, Path(study).parent)
    if not repair and not place.work.exists():
        refuse_damage(place, find_damage(place))
        states = place.states()
        if not np.any(states == LEFT) and not (retry_failed and np.any(states == FAILED)):
            return _summary(place, 0, began)
    with place.driven():
        repaired = _settle(plan, place, repair, retry_failed)
        todo = np.flatnonzero(place.states() == LEFT)
        try:
            if todo.size:
                with open_client(workers, scheduler, options, patience) as client:
                    _Run(plan, place, client, todo).finish()
        finally:
            fold(str(place.path))
            place.finish(time.monotonic() - began)
    return _summary(place, int(todo.size), began, repaired)


def _settle(plan: Plan, place: SweepStore, repair: bool, retry_failed: bool) -> list[str]:
    """Have the store hold what is done, and nothing else; gives the files that were repaired."""
    repaired = repair_store(place, plan) if repair else []
    refuse_damage(place, find_damage(place))
    shutil.rmtree(place.work / "watch", ignore_errors=True)  # what a driver left that was killed
    fold(str(place.path))
    if retry_failed:
        forget(place, np.flatnonzero(place.states() == FAILED).tolist())
    return repaired


def _summary(
    place: SweepStore, computed: int, began: float, repaired: Sequence[str] = ()
) -> Summary:
    states = place.states()
    done, failed = (int(np.sum(states == state)) for state in (DONE, FAILED))
    seconds = time.monotonic() - began
    return Summary(place.path, states.size, done, failed, computed, seconds, tuple(repaired))


def _lost(error: Exception) -> UsageError:
    return UsageError(
        f"the cluster was lost ({type(error).__name__}: {error}); finished cells are kept, the"
        " same command goes on from them"
    )


class _Run:
    """One run of the driver: two batches per worker are under way, other cells are numbers."""

    def __init__(self, plan: Plan, place: SweepStore, client: Client, todo: np.ndarray) -> None:
        self.plan, self.place, self.client = plan, place, client
        self.total, self.waiting = todo.size, deque(todo.tolist())
        path = str(place.path.resolve())
        self.task = Task(plan.source, plan.scale, path, plan.timeout)
        self.token = uuid.uuid4().hex[:8]
        self.ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self.under_way: dict[Any, tuple[list[int], Future]] = {}
        self.suspects: list[int] = []
        # Seconds that a cell took lately; before the first has ended, nobody knows.
        self.pace = float("inf")
        self.folding: Future | None = None
        self.started = datetime.now(UTC)
        self.good = self.bad = self.since_fold = self.workers = 0
        self.known: set[Any] = set()
        self.missing: dict[Any, float] = {}

    def finish(self) -> None:
        """Compute all cells; raises what stops the whole sweep."""
        last_fold = last_beat = 0.0
        with progress_bar("Waiting for the first worker", total=float(self.total)) as advance:
            first = time.monotonic()
            while self.good + self.bad < self.total:
                now = time.monotonic()
                if now - last_beat > _BEAT:
                    self._beat(advance)
                    last_beat = now
                alone = self.good + self.bad == 0 and now - first < _HEAD_START
                self._submit(1 if alone else 2 * max(1, self.workers))
                self._collect(advance)
                due = now - last_fold > _FOLD_SECONDS or self.since_fold >= _FOLD_CELLS
                if due and self.since_fold and self._fold():
                    last_fold = now
            self._wait_for_fold()
            self._fold()
            self._wait_for_fold()

    def _submit(self, at_once: int) -> None:
        while len(self.under_way) < at_once and self.waiting:
            # Towards the end batches shrink, so that no worker is without one.
            share = min(_BATCH_SECONDS / self.pace, _BATCH_CELLS, len(self.waiting) / at_once)
            count = max(1, int(share))
            self._start([self.waiting.popleft() for _ in range(count)], "cell")
        if not self.under_way and self.suspects:
            self._start([self.suspects.pop()], "suspect")

    def _start(self, indices: list[int], group: str) -> None:
        # A tuple's first part names the group: one group, whatever the number of cells.
        key = (f"{group}-{self.token}", indices[0], uuid.uuid4().hex)
        cells = [self.plan.cell(index) for index in indices]
        budget = 2 * _BATCH_SECONDS
        future = self.client.submit(run_cells, self.task, cells, budget, key=key, pure=False)
        self.under_way[key] = (indices, future)
        future.add_done_callback(self.ended.put)

    def _collect(self, advance: Advance) -> None:
        """Take note of the cells that ended; wait for some, but not longer than a beat."""
        try:
            future = self.ended.get(timeout=_BEAT)
        except queue.Empty:
            return
        key: Any = future.key
        indices, _ = self.under_way.pop(key)
        try:
            seconds, good = future.result(timeout=_ANSWER)
            self.pace = seconds / len(good)
        except TimeoutError:
            # The worker that had the answer died; what its cells came to is in the store.
            self.waiting.extendleft(reversed(indices))
            return
        except KilledWorker:
            if key[0].startswith("cell"):
                # One of them or a cell before them is to blame: each runs alone, at the end.
                self.suspects += indices
                _LOG.warning(
                    "Workers died at %s; at the end each is tried alone", self._named(indices)
                )
                return
            words = "KilledWorker: every worker that computed this cell died (memory? a crash?)"
            write_failure(self.place.cells, indices[0], words, "", float("nan"))
            _LOG.warning("Recorded as failed: %s; its workers died", self._named(indices))
            good = [False]
        except SteepestError:
            raise
        except Exception as error:
            raise _lost(error) from error
        self.waiting.extendleft(reversed(indices[len(good) :]))
        self.good, self.bad = self.good + sum(good), self.bad + len(good) - sum(good)
        self.since_fold += len(good)
        advance(float(len(good)), self._words())

    def _fold(self) -> bool:
        """Start a fold on a worker, unless one is under way; raises what the last one met."""
        if self.folding is not None:
            if not self.folding.done():
                return False
            error = self.folding.exception() if self.folding.status == "error" else None
            if isinstance(error, SteepestError):
                raise error
            # A fold whose worker died is simply begun again.
            if isinstance(error, Exception) and not isinstance(error, KilledWorker):
                raise _lost(error) from error
        path = str(self.place.path.resolve())
        self.folding = self.client.submit(fold, path, pure=False, priority=1)
        self.since_fold = 0
        return True

    def _wait_for_fold(self) -> None:
        """Wait for the fold under way; if its worker is gone, not longer than for an answer.

        The driver folds what is left, once no other process does.
        """
        if self.folding is not None:
            with suppress(TimeoutError):
                self.folding.exception(timeout=_ANSWER)

    def _beat(self, advance: Advance) -> None:
        threads: Any = self.client.nthreads()
        self.workers = len(threads)
        gone, self.known = self.known - threads.keys(), set(threads)
        if gone:
            _LOG.warning(
                "%d of the workers ended (killed, out of memory, or over a cell_timeout); the cells"
                " they had not finished go to others",
                len(gone),
            )
        self.missing = replace_dead(self.client, self.missing)
        beat = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started": self.started.isoformat(),
            "updated": datetime.now(UTC).isoformat(),
            "workers": self.workers,
            "computed": self.good + self.bad,
        }
        write_atomic(self.place.work / "driver.json", json.dumps(beat).encode())
        if self.workers:
            advance(0.0, self._words())

    def _named(self, indices: list[int]) -> str:
        cell = f"cell {indices[0]} ({self.plan.cell(indices[0])})"
        return cell if len(indices) == 1 else f"{cell} and {len(indices) - 1} after it"

    def _words(self) -> str:
        failed = f", {self.bad} failed" if self.bad else ""
        return f"Cells ({self.workers} workers{failed})"
