"""What surrounds a computation on a worker: one thread for numerics, compiled code shared."""

import os
import sys

from steepest.machine import cache_folder

__all__ = ["environment", "prepare_process"]


def environment() -> dict[str, str]:
    """Environment variables of a worker: one thread per numerical library, shared caches.

    The caches of JAX and Numba lie under the user's cache folder, apart for different processors
    (compiled code of one may not run on another). What the user has set stays.
    """
    caches = cache_folder()
    ours = {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "VECLIB_MAXIMUM_THREADS": "1",
        "NUMBA_NUM_THREADS": "1",
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
        "JAX_COMPILATION_CACHE_DIR": str(caches / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "NUMBA_CACHE_DIR": str(caches / "numba"),
    }
    return {name: os.environ.get(name, value) for name, value in ours.items()}


def prepare_process() -> None:
    """Set the surroundings in a worker that somebody else started, before it loads JAX or Numba.

    In a process that has loaded JAX already nothing changes.
    """
    if "jax" not in sys.modules:
        os.environ.update(environment())
