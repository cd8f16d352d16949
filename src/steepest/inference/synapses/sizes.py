"""What a caller may hand to an inference besides the sizes themselves, checked at its door."""

from numbers import Real
from typing import Any

import numpy as np
from jaxtyping import Float

from steepest.errors import DataError, UsageError
from steepest.inference.synapses.verdict import Noise

__all__ = ["check_noise", "check_row_names", "refuse_tracers", "stated_number"]

_FINEST_NOISE = 1e-15  # of size: the rounding of double precision itself


def refuse_tracers(*values: Any) -> None:
    """UsageError where a value is a tracer of JAX, or a list of some."""
    # JAX stays unimported: its tracers are known by the name of their base class.
    for value in values:
        kinds = {type(value)} | (
            set(map(type, value)) if isinstance(value, list | tuple) else set()
        )
        for base in {base for kind in kinds for base in kind.__mro__}:
            if base.__name__ == "Tracer" and base.__module__.startswith("jax"):
                raise UsageError(
                    "infer_geometry works on numbers, not inside jit, vmap or grad: call it on"
                    " the sizes that come out"
                )


def stated_number(value: Any, name: str) -> float | None:
    """One real number as a float; None stays None. Raises DataError for anything else."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Real):
        shown = repr(value) if isinstance(value, str) else f"of type {type(value).__name__}"
        raise DataError(f"{name} is {shown}: give one number")
    return float(value)


def check_row_names(before: Any, after: Any) -> None:
    """DataError where two pandas Series name their rows differently."""
    names: list[Any] = [getattr(values, "index", None) for values in (before, after)]
    if all(hasattr(name, "equals") for name in names) and not names[0].equals(names[1]):
        raise DataError(
            "before and after are Series whose indexes differ, so one place may hold two"
            " synapses: align them, or pass .to_numpy()"
        )


def check_noise(
    noise: Noise, before: Float[np.ndarray, " n"], after: Float[np.ndarray, " n"]
) -> None:
    """Refuse a noise that no measurement has: larger than size, or lost in its digits."""
    if not noise.value:
        return
    if noise.kind == "cv" and noise.value > 1:
        raise DataError(
            f"noise_cv is {noise.value:g}, more than size itself: give it as a fraction,"
            " .1 for 10 %"
        )
    largest = float(max(before.max(), after.max()))
    if noise.kind == "sd" and noise.value > largest:
        raise DataError(
            f"noise_sd is {noise.value:g}, more than the largest size, {largest:g}: give it in the"
            " unit of size"
        )
    if noise.value < _FINEST_NOISE * (1 if noise.kind == "cv" else largest):
        raise DataError(
            f"noise_{noise.kind} is {noise.value:g}, less than the digits of a size can show: give"
            " 0 for exact sizes"
        )
