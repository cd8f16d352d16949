"""The run-time type checker of the tests: an int passes where a float is annotated (PEP 484)."""

import functools
import os
import sys

from beartype import BeartypeConf, beartype

FIRST_CALLS = "STEEPEST_TESTS_CHECK_FIRST_CALLS"  # set by conftest.py


def checked(function):
    """Check the types of every call, or of the first so many that the environment names.

    A quarter of the normal suite was spent on asking a few small functions the same question a
    hundred thousand times. What a function is first called with tells whether its annotations
    are true; the slow tests ask every time.
    """
    strict = beartype(conf=BeartypeConf(is_pep484_tower=True))(function)
    if FIRST_CALLS not in os.environ:
        return strict
    left = int(os.environ[FIRST_CALLS])

    @functools.wraps(strict)
    def first(*args, **kwargs):
        nonlocal left
        left -= 1
        if left == 0:
            # jaxtyping hands over its own copy of the signature; the function that it guards is
            # known to its frame alone. With this mark it is called without binding or looking.
            guarded = sys._getframe(1).f_locals.get("fn")
            if guarded is not None:
                guarded.__no_type_check__ = True
        return strict(*args, **kwargs)

    return first
