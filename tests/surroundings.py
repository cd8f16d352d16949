"""What belongs to the caller of a library: everything global that it could change by the way."""

import decimal
import faulthandler
import gc
import locale
import logging
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import matplotlib as mpl
import numpy as np
from threadpoolctl import threadpool_info

OTHERS = [
    "cyclopts", "dask.distributed", "diffrax", "equinox", "h5netcdf", "h5py", "jinja2",
    "lazy_loader", "lineax", "matplotlib.pyplot", "numba", "openpyxl", "optax", "optimistix",
    "pandas", "pyarrow.parquet", "rich.console", "scipy.optimize", "scipy.stats", "sympy", "torch",
    "xarray", "zarr",
]  # fmt: skip

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGHUP, signal.SIGALRM)


def snapshot() -> dict[str, Any]:
    """Everything by name, as values that can be compared."""
    generator: Any = np.random.get_state()  # noqa: NPY002 (the caller has the old one)
    context = decimal.getcontext()
    root = logging.getLogger()
    state = {
        "JAX's configuration": dict(jax.config.values),
        "JAX's precision": (jax.config.jax_enable_x64, jax.numpy.zeros(1).dtype.name),
        "NumPy's errors": (np.geterr(), np.geterrcall()),
        "NumPy's random state": (generator[0], generator[1].tobytes(), *generator[2:]),
        "NumPy's printing": np.get_printoptions(),
        "Python's random state": random.getstate(),
        "warnings": list(warnings.filters),
        "matplotlib's settings": dict(mpl.rcParams),
        "logging": (root.level, list(root.handlers), root.manager.disable, logging.raiseExceptions),
        "the locale": locale.setlocale(locale.LC_ALL),
        "the environment": dict(os.environ),
        "signals": [signal.getsignal(number) for number in _SIGNALS],
        "hooks": (sys.excepthook, sys.displayhook, sys.unraisablehook, threading.excepthook),
        "the interpreter": (
            sys.getrecursionlimit(), sys.getswitchinterval(), sys.gettrace(), sys.getprofile(),
            faulthandler.is_enabled(), gc.isenabled(), gc.get_threshold(), list(sys.path),
        ),
        "the working folder": os.getcwd(),
        "decimal's context": (context.prec, context.rounding, dict(context.traps)),
        # Not those of OpenMP, which torch (asked below) sets when it first needs them.
        "threads of BLAS": {
            lib["filepath"]: lib["num_threads"]
            for lib in threadpool_info()
            if lib["user_api"] == "blas"
        },
    }  # fmt: skip
    if "matplotlib.pyplot" in sys.modules:
        state["open figures"] = sys.modules["matplotlib.pyplot"].get_fignums()
    if "numba" in sys.modules:
        numba = sys.modules["numba"]
        names = [name for name in dir(numba.config) if name.isupper()]
        state["Numba's configuration"] = {name: getattr(numba.config, name) for name in names}
        state["Numba's threads"] = numba.get_num_threads()
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        state["torch"] = (
            torch.get_default_dtype(), torch.get_rng_state().numpy().tobytes(),
            torch.get_num_threads(), torch.is_grad_enabled(),
            torch.are_deterministic_algorithms_enabled(), torch.get_default_device(),
        )  # fmt: skip
    if "pandas" in sys.modules:
        pandas = sys.modules["pandas"]
        state["pandas"] = pandas.get_option("display.max_rows")
    if "xarray" in sys.modules:
        state["xarray"] = dict(sys.modules["xarray"].get_options())
    return state


@contextmanager
def unchanged(*besides: str) -> Iterator[None]:
    """AssertionError that says what of the caller's was changed inside, `besides` left out."""
    before = snapshot()
    yield
    after = snapshot()
    looked_at = before.keys() - set(besides)
    changed = sorted(name for name in looked_at if not _same(after[name], before[name]))
    details = [f"{name}: {_difference(before[name], after[name])}" for name in changed]
    assert not changed, "changed: " + "; ".join(details)


def _same(value: Any, other: Any) -> bool:
    if isinstance(value, dict) and isinstance(other, dict):
        # A library that is loaded later has threads of its own.
        return all(name in value and _same(value[name], other[name]) for name in other)
    return bool(value == other)


def _difference(before: Any, after: Any) -> str:
    if isinstance(before, dict):
        names = [name for name in before if not _same(after.get(name), before[name])]
        return ", ".join(f"{name} {before[name]!r} -> {after.get(name)!r}" for name in names)[:300]
    if isinstance(before, list):
        came, went = ([x for x in a if x not in b] for a, b in ((after, before), (before, after)))
        return f"came {came!r}, went {went!r}"[:600]
    return f"{before!r} -> {after!r}"[:300]
