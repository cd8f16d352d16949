"""Eager entry points: double precision inside, the caller's JAX configuration untouched."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import jax

from steepest.arrays.numbers import is_concrete
from steepest.errors import UsageError

__all__ = ["entry_point"]

P = ParamSpec("P")
R = TypeVar("R")


def entry_point(kernel: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function run in float64, and refuse tracers by naming the kernel to transform.

    Raises `UsageError` when called inside jit, vmap or grad.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def eager(*args: P.args, **kwargs: P.kwargs) -> R:
            leaves: Any = jax.tree_util.tree_leaves((args, kwargs))
            if not is_concrete(*leaves):
                raise UsageError(
                    f"{function.__name__} works on numbers, not inside jit, vmap or grad; "
                    f"transform {kernel} instead, inside `with jax.enable_x64(True):`"
                )
            with jax.enable_x64(True):
                return function(*args, **kwargs)

        return eager

    return decorate
