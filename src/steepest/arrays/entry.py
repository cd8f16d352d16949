"""Eager entry points: double precision inside, the caller's JAX configuration untouched."""

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import jax

from steepest.arrays.numbers import Coordinates, is_concrete
from steepest.errors import UsageError

__all__ = ["double_precision", "entry_point", "readable"]

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def double_precision() -> Iterator[None]:
    """Float64, whatever the caller set; NaN means "undefined here", so JAX must not stop at one.

    What is not finite in a result is looked at afterwards, and told with place and cure.

    >>> import jax.numpy as jnp
    >>> from steepest.arrays.entry import double_precision
    >>> with double_precision():
    ...     jnp.zeros(1).dtype.name
    'float64'
    """
    with jax.enable_x64(True), jax.debug_nans(False), jax.debug_infs(False):
        yield


def entry_point(kernel: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function run in float64, and refuse tracers by naming the kernel to transform.

    Raises `UsageError` when called inside jit, vmap or grad.

    >>> import jax.numpy as jnp
    >>> from steepest.arrays.entry import entry_point
    >>> @entry_point(kernel="jnp.sum")
    ... def total(values):
    ...     return jnp.asarray(values).sum()
    >>> total([0.5, 1.5]).dtype.name
    'float64'
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
            with double_precision():
                return function(*args, **kwargs)

        return readable(eager)

    return decorate


class _Word(str):
    """An annotation as `help` should print it."""

    __slots__ = ()
    __repr__ = str.__str__


def readable(function: Callable[P, R]) -> Callable[P, R]:
    """The function itself, whose printed signature names types without their modules.

    >>> import inspect
    >>> from steepest.descent import mirror_step
    >>> str(inspect.signature(mirror_step)).partition(", covector")[0]
    '(potential: AbstractPotential, point: Coordinates'
    """

    def word(annotation: Any) -> Any:
        if annotation is inspect.Parameter.empty:
            return annotation
        if annotation == Coordinates:
            return _Word("Coordinates")
        return _Word(re.sub(r"(?:\w+\.)+(?=\w)", "", inspect.formatannotation(annotation)))

    def default(value: Any) -> Any:
        return _Word(value.__name__) if inspect.isfunction(value) else value

    signature = inspect.signature(function)
    parameters = [
        p.replace(annotation=word(p.annotation), default=default(p.default))
        for p in signature.parameters.values()
    ]
    printed = signature.replace(
        parameters=parameters, return_annotation=word(signature.return_annotation)
    )
    function.__signature__ = printed  # pyright: ignore[reportFunctionMemberAccess]
    return function
