"""The cores and the memory this process may use, and functions compiled for them."""

import atexit
import functools
import hashlib
import inspect
import math
import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["cache_folder", "compiled", "cores", "memory"]


def compiled(*, cache: bool = False, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """numba's njit, of the function itself where a run-time type checker has wrapped it.

    Divisions by 0 are those of NumPy, and other threads run meanwhile, the one that listens for
    Ctrl-C among them. With `cache` what is compiled is kept on disk, where it can be.

    >>> @compiled()
    ... def doubled(x):
    ...     return 2 * x
    >>> doubled.py_func(4)  # doubled(4) compiles it first
    8
    """
    from numba import njit  # a third of a second, and only some of what counts cores compiles

    settings = {"error_model": "numpy", "nogil": True, **options}

    def compile_function(function: Callable[..., Any]) -> Any:
        own = inspect.unwrap(function)
        if cache and (_has_home() or "NUMBA_CACHE_DIR" in os.environ):
            with suppress(RuntimeError):  # no folder that can be written: each process compiles
                return _kept_if_possible(njit(cache=True, **settings)(own))
        return njit(**settings)(own)

    return compile_function


def _kept_if_possible(dispatcher: Any) -> Any:
    """A function of numba's for which a full disk does not matter: it is compiled all the same."""
    if not hasattr(dispatcher, "_cache"):  # NUMBA_DISABLE_JIT: the function itself
        return dispatcher
    save = dispatcher._cache.save_overload

    def save_if_possible(*arguments: Any) -> None:
        with suppress(OSError):
            save(*arguments)

    dispatcher._cache.save_overload = save_if_possible
    return dispatcher


def cores() -> int:
    """How many cores this process may use; of the whole machine where the system does not say.

    >>> cores() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cache_folder() -> Path:
    """Where compiled programs are kept: in the user's cache folder, apart for each processor.

    What was compiled for one kind of processor may not run on another.

    >>> cache_folder().parent.name
    'steepest'
    """
    given = os.environ.get("XDG_CACHE_HOME")
    if not given:
        given = Path.home() / ".cache" if _has_home() else _for_now()
    return Path(given) / "steepest" / _processor()


def _has_home() -> bool:
    """False for a user whom the system does not know, and whose HOME is unset: `~` is no place."""
    return os.path.isabs(os.path.expanduser("~"))


@functools.cache
def _for_now() -> str:
    """A folder of this process and those it starts, where nothing can be kept for longer."""
    folder = tempfile.mkdtemp(prefix="steepest-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _processor() -> str:
    """A short name for this kind of processor: its architecture, and a hash of its features."""
    features = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = info.read_text(encoding="utf-8", errors="replace").splitlines()
        features = next((x for x in lines if x.lower().startswith(("flags", "features"))), features)
    return f"{platform.machine()}-{hashlib.sha256(features.encode()).hexdigest()[:12]}"


def memory() -> float:
    """Bytes of memory that this process could have at most; infinite where the system is silent.

    >>> memory() > 1e6
    True
    """
    limits = [math.inf]
    with suppress(OSError, ValueError, AttributeError):
        limits.append(float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")))
    with suppress(OSError, ValueError):  # of a container; "max" where there is none
        limits.append(float(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return min(limit for limit in limits if limit > 0)
