"""The cores this process may use, and functions compiled for them."""

import inspect
import os
from collections.abc import Callable
from typing import Any

__all__ = ["compiled", "cores"]


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """numba's njit, of the function itself where a run-time type checker has wrapped it.

    Divisions by 0 are those of NumPy.
    """
    from numba import njit  # a third of a second, and only some of what counts cores compiles

    return lambda function: njit(error_model="numpy", **options)(inspect.unwrap(function))


def cores() -> int:
    """How many cores this process may use; of the whole machine where the system does not say."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
