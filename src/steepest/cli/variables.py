"""Environment variables that a library cannot use: no fault of the program, and told by name.

They are not looked at before they fail: each library has its own, and only it knows what it takes.
"""

import os
import re
from collections.abc import Iterator

__all__ = ["unusable_variable"]

# Of the libraries that commands are made of; others cannot be to blame.
_LIBRARIES = (
    "DASK_", "EQX_", "HDF5_", "JAXTYPING_", "JAX_", "KMP_", "LC_", "MPL", "NUMBA_", "OMP_",
    "OPENBLAS_", "TORCH_", "XDG_", "XLA_", "ZARR_",
)  # fmt: skip


def unusable_variable(error: BaseException) -> str | None:
    """What to say of the environment variable that caused an error; None where none did.

    >>> os.environ["JAX_ENABLE_X64"] = "banana"
    >>> unusable_variable(ValueError("invalid truth value for environment 'JAX_ENABLE_X64'"))
    "JAX_ENABLE_X64 is 'banana' here, which cannot be used (invalid truth value for environment
    'JAX_ENABLE_X64'): correct that environment variable, or unset it"
    >>> del os.environ["JAX_ENABLE_X64"]
    >>> unusable_variable(ValueError("no such index"))
    """
    for name in _library_variables():
        for cause in _chain(error):
            if re.search(rf"\b{re.escape(name)}\b", str(cause), re.IGNORECASE):
                return _told(name, cause)
    for name, works in _PROBES.items():
        if name in os.environ:
            try:
                works()
            except Exception as cause:
                return _told(name, cause)
    for name, why in _DEBUGGING.items():
        if os.environ.get(name, "0").lower() not in {"", "0", "false"}:
            return _told(name, RuntimeError(why))
    return None


def _jax_has_a_device() -> None:
    import jax

    jax.devices()


def _numba_has_threads() -> None:
    import numba

    numba.get_num_threads()


# Libraries fail of these without their name, or without a word.
_PROBES = {"JAX_PLATFORMS": _jax_has_a_device, "NUMBA_NUM_THREADS": _numba_has_threads}
# An error under these tells nothing until they are unset.
_DEBUGGING = {"JAX_CHECK_TRACER_LEAKS": "solvers do not run under this check of JAX's own"}


def _library_variables() -> list[str]:
    return [name for name in os.environ if name.startswith(_LIBRARIES)]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _told(name: str, error: BaseException) -> str:
    why = " ".join(str(error).split()) or "the library finds nothing of that kind"
    return (
        f"{name} is {os.environ[name][:100]!r} here, which cannot be used ({why[:300]}): correct"
        " that environment variable, or unset it"
    )
