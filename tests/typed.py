"""The run-time type checks of the tests, made when a function is first called."""

import collections
import functools
import inspect
import math
import os

import jaxtyping
from beartype import BeartypeConf, beartype

FIRST_CALLS = "STEEPEST_TESTS_CHECK_FIRST_CALLS"  # set by conftest.py

guard = jaxtyping.jaxtyped
calls: dict = collections.defaultdict(int)  # by code: a closure is made anew again and again


def checked(function):
    """Check the types of every call; an int passes where a float is annotated (PEP 484)."""
    return beartype(conf=BeartypeConf(is_pep484_tower=True))(function)


def guarded_when_called(function=None, *, typechecker=checked):
    """Guard a function at its first call, and for as many calls as the environment names.

    To take the place of `jaxtyping.jaxtyped`, which makes two functions of every one that is
    imported; most processes call few of them. And a quarter of the normal suite was spent on
    asking a few small functions the same question a hundred thousand times. What a function is
    first called with tells whether its annotations are true; the slow tests ask every time.
    """
    if function is None:
        return functools.partial(guarded_when_called, typechecker=typechecker)
    if not inspect.isfunction(function):
        return guard(function, typechecker=typechecker)
    code = function.__code__
    limit = float(os.environ.get(FIRST_CALLS, math.inf))

    @functools.cache
    def guarded():
        return guard(function, typechecker=typechecker)

    @functools.wraps(function)
    def first(*args, **kwargs):
        if calls[code] >= limit:
            return function(*args, **kwargs)
        calls[code] += 1
        return guarded()(*args, **kwargs)

    return first
