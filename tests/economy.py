"""What JAX and Python do again and again, or at the very end, and no test asks for.

Only for speed, and only in the tests: these are affairs of JAX, so where a version of it has no
such name nothing is changed.
"""

import atexit
import os
import sys
import threading

from jax._src import api
from jax._src.interpreters import mlir

_made = threading.local()


def share_contexts() -> None:
    """Write the programs of a thread in one MLIR context, one after the other.

    To load every dialect into a fresh one takes 3 ms, ten thousand times: a seventh of the time of
    a file of flows. A program that is asked for while another is being written gets one of its own:
    what is copied in a context goes to where that one writes.
    """
    make = getattr(mlir, "make_ir_context", None)
    if make is None:
        return

    def made():
        if _writing():
            return make()
        if not hasattr(_made, "context"):
            _made.context = make()
        return _made.context

    mlir.make_ir_context = made


def _writing() -> bool:
    """Whether a program of this thread is being written."""
    try:
        return mlir.ir.Context.current is not None
    except ValueError:  # there is none
        return False


def leave_at_once() -> None:
    """Let a worker that has reported end without taking millions of objects apart (5 s).

    Called before others register what they do at the end: it all runs before this.
    """
    if hasattr(api, "clean_up"):
        atexit.unregister(api.clean_up)
    if "PYTEST_XDIST_WORKER" in os.environ:
        atexit.register(_leave)


def _leave() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # the controller has the reports, and asks for no code
