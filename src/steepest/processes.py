"""Fresh processes that work side by side and end with the one that began them."""

import multiprocessing
import os
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress

from steepest.interrupts import end_at_once, leave, undone

__all__ = ["process_pool"]

_FAREWELL = 1.0  # s in which processes take away what they were writing


@contextmanager
def process_pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of fresh processes, which end with the block, at once where it does not end well.

    Submit within `deferred_in_children()` and `shielded()`, so that Ctrl-C is heard by none of them
    before it knows what it is for.
    """
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
