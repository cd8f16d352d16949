"""Settings of an optimizer, checked where it is made: what was given, and what to give."""

from difflib import get_close_matches
from typing import Any

import numpy as np

from steepest.arrays.numbers import is_concrete
from steepest.errors import UsageError
from steepest.geometry import AbstractPotential

__all__ = ["check_keys", "check_momentum", "check_potential", "check_rate", "number"]

# What torch and its schedulers write into a group.
_TORCHS = frozenset(
    {
        "base_momentum",
        "differentiable",
        "initial_lr",
        "max_lr",
        "max_momentum",
        "min_lr",
        "param_names",
        "params",
        "step_size",
        "swa_lr",
    }
)


def number(where: str, name: str, value: Any) -> float | None:
    """A setting as a number; None for a tracer, of which nothing is known.

    Raises `UsageError` for texts, truth values, and arrays or tensors of several numbers.
    """
    if not is_concrete(value):
        return None
    if isinstance(value, str | bytes | bool) or value is None:
        raise UsageError(f"{where}: {name} is {value!r}: give a number")
    try:
        size = value.numel() if hasattr(value, "numel") else np.size(value)
        if size == 1:
            return float(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{where}: {name} is {value!r}: give a number") from error
    raise UsageError(f"{where}: {name} has {size} numbers: give one, and one group for each rate")


def check_rate(where: str, name: str, value: Any) -> None:
    """Raise `UsageError` for a learning rate that is negative, infinite or not a number."""
    if callable(value):
        return
    rate = number(where, name, value)
    if rate is not None and not (np.isfinite(rate) and rate >= 0):
        kind = "negative" if rate < 0 else "not finite"
        raise UsageError(f"{where}: {name} is {rate:g}, which is {kind}")


def check_momentum(where: str, value: Any) -> None:
    """Raise `UsageError` for a momentum outside [0, 1)."""
    momentum = number(where, "momentum", value)
    if momentum is not None and not 0 <= momentum < 1:
        raise UsageError(f"{where}: momentum is {momentum:g}: it is at least 0 and below 1")


def check_potential(where: str, potential: Any) -> None:
    """Raise `UsageError` for what is not a potential."""
    if not isinstance(potential, AbstractPotential):
        raise UsageError(
            f"{where}: potential is {potential!r}; give one of steepest.geometry, for example"
            " PNorm(3) or Entropy()"
        )


def check_keys(where: str, given: Any, settings: Any) -> None:
    """Raise `UsageError` for a key of a parameter group that no setting has.

    Those of torch itself and of its learning rate schedulers are known.
    """
    for key in given:
        if key in settings or key in _TORCHS:
            continue
        near = get_close_matches(str(key), list(settings), 1)
        meant = f" (do you mean {near[0]!r}?)" if near else ""
        raise UsageError(
            f"{where}: {key!r} is not a setting of it{meant}; its settings are"
            f" {', '.join(settings)}"
        )
