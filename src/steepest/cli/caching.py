"""Compiled programs, kept in the user's cache folder by the command line alone."""

import os
import sys
import warnings
from contextvars import ContextVar

from steepest.machine import cache_folder

__all__ = ["keep_compiled", "own_process"]

own_process: ContextVar[bool] = ContextVar("own_process", default=False)
"""Whether the console script began this process: else its settings are somebody else's."""


def keep_compiled() -> None:
    """Have JAX read what an earlier command compiled, and keep what this one compiles.

    In a process that is not the command line's own, or has loaded JAX, nothing changes; nor does
    what the user has set. Processes that this one starts do the same.
    """
    if not own_process.get() or "jax" in sys.modules:
        return
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache_folder() / "jax"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
    # What two processes write at once, or a full disk cuts short, is compiled anew: no news.
    warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache")
