"""Figures side by side: each in a process of its own, their results in the order asked for."""

import multiprocessing
import os
import signal
import threading
import time
import warnings
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from steepest import papers, study
from steepest.errors import UsageError
from steepest.interrupts import deferred_in_children, end_at_once, leave, shielded, undone
from steepest.progress import progress_bar
from steepest.study import Figure, Result, Scale

__all__ = ["reproduce_all"]

_FAREWELL = 1.0  # s in which processes take away what they were writing


def reproduce_all(
    figures: Sequence[Figure],
    scale: Scale = "quick",
    seed: int = 0,
    out: str | Path | None = None,
    *,
    data: str | Path | Sequence[str | Path] | None = None,
    unchecked: bool = False,
    formats: Sequence[str] = ("png",),
    style: study.Style = "paper",
    jobs: int = 1,
) -> Generator[Result, None, None]:
    """The results of `steepest.study.reproduce` for figures of the package, one after the other.

    With `jobs`, up to that many are computed at a time, each in a fresh process; numbers and order
    are the same. When a figure fails, or the caller stops, those under way are ended.
    """
    jobs = min(jobs, len(figures))
    asked = (scale, seed, out)
    options = {"data": data, "unchecked": unchecked, "formats": formats, "style": style}
    if jobs <= 1:
        for figure in figures:
            yield study.reproduce(figure, *asked, **options)
        return
    for figure in figures:
        # What cannot be asked of one is told before any is run.
        figure.parameters(scale, data, unchecked=unchecked)
    with _processes(jobs) as pool:
        # A process that begins without hearing what it is for would say so in a traceback.
        with deferred_in_children(), shielded():
            futures = [pool.submit(_reproduce, figure.key, asked, options) for figure in figures]
        for place, (figure, future) in enumerate(zip(figures, futures, strict=True)):
            try:
                with progress_bar(f"Figures ({jobs} at a time)", len(figures)) as advance:
                    advance(float(place))
                    values = future.result()
            except BrokenProcessPool as error:
                raise UsageError(
                    f"a process that computed a figure died ({figure.key}, or one beside it):"
                    " killed, or out of memory? --jobs 1 runs one after the other"
                ) from error
            yield Result(figure, *values)


def _reproduce(key: str, asked: tuple[Any, ...], options: dict[str, Any]) -> tuple:
    """All of a result but the figure, which is a module and cannot travel."""
    (figure,) = papers.load(key)
    result = study.reproduce(figure, *asked, **options)
    return (
        result.parameters,
        result.scale,
        result.seed,
        result.dataset,
        result.claims,
        result.picture,
        result.seconds,
        result.files,
    )


@contextmanager
def _processes(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """A pool whose processes end with the block, at once where it does not end well."""
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin)

    def end() -> None:
        ours = set(multiprocessing.active_children()) - others
        for process in ours:
            with suppress(ProcessLookupError, TypeError):
                os.kill(process.pid, signal.SIGINT)  # pyright: ignore[reportArgumentType]
        until = time.monotonic() + _FAREWELL
        for process in ours:
            process.join(max(0.0, until - time.monotonic()))
            process.kill()

    with undone(end):
        try:
            yield pool
        except BaseException:
            end()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    pool.shutdown()


def _begin() -> None:
    """Have a process end silently, on Ctrl-C and when the one that began it is gone."""
    # What two of them write at once is compiled anew: no news to anybody.
    warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache")
    os.environ["TTY_COMPATIBLE"] = "0"  # bars of several processes would write over each other
    end_at_once(silent=True)

    def wait() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            leave()

    threading.Thread(target=wait, name="parent", daemon=True).start()
