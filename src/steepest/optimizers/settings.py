"""Settings of an optimizer, checked where it is made: what was given, and what to give."""

from difflib import get_close_matches
from typing import Any

import numpy as np

from steepest.arrays.numbers import is_concrete
from steepest.errors import UsageError
from steepest.geometry import AbstractPotential, Logit

__all__ = [
    "DECAYS",
    "check_betas",
    "check_decay",
    "check_keys",
    "check_loss",
    "check_max_step",
    "check_momentum",
    "check_potential",
    "check_rate",
    "number",
]

DECAYS = ("weights", "gradient", "dual")

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


def check_momentum(where: str, value: Any, nesterov: bool) -> None:
    """Raise `UsageError` for a momentum outside [0, 1), or Nesterov's without one."""
    momentum = 0.0 if value is None else number(where, "momentum", value)
    if momentum is not None and not 0 <= momentum < 1:
        raise UsageError(f"{where}: momentum is {momentum:g}: it is at least 0 and below 1")
    if nesterov and momentum == 0:
        raise UsageError(f"{where}: nesterov looks ahead along the momentum: give momentum, too")


def check_max_step(where: str, value: Any) -> None:
    """Raise `UsageError` for a bound on steps that is not positive."""
    bound = None if value is None else number(where, "max_step", value)
    if bound is not None and not bound > 0:
        raise UsageError(f"{where}: max_step is {bound:g}: give a positive number, or None")


def check_betas(where: str, betas: Any, eps: Any) -> None:
    """Raise `UsageError` where Adam's averages or its epsilon make no sense."""
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise UsageError(f"{where}: betas is {betas!r}: give two numbers, as (0.9, 0.999)")
    for name, value in zip(("the first of betas", "the second of betas"), betas, strict=True):
        beta = number(where, name, value)
        if beta is not None and not 0 <= beta < 1:
            raise UsageError(f"{where}: {name} is {beta:g}: it is at least 0 and below 1")
    small = number(where, "eps", eps)
    if small is not None and not (np.isfinite(small) and small >= 0):
        raise UsageError(f"{where}: eps is {small:g}: give a small positive number")


def check_decay(
    where: str, potential: AbstractPotential, amount: Any, decay: Any, reference: Any
) -> None:
    """Raise `UsageError` for a decay that is unknown, negative, infinite, or has nowhere to go."""
    if decay not in DECAYS:
        listed = ", ".join(repr(name) for name in DECAYS)
        raise UsageError(f"{where}: decay is {decay!r}; give one of {listed}")
    weight_decay = number(where, "weight_decay", amount)
    if weight_decay is not None and not (np.isfinite(weight_decay) and weight_decay >= 0):
        raise UsageError(f"{where}: weight_decay is {weight_decay:g}: give 0 or a positive number")
    if reference is not None:
        number(where, "reference", reference)
        if decay != "dual":
            raise UsageError(
                f'{where}: a reference is where decay="dual" goes, not decay={decay!r}'
            )
    elif decay == "dual" and weight_decay != 0 and _zero_is_not_at_0(potential):
        raise UsageError(
            f'{where}: decay="dual" under {potential.name} does not go to 0, where its dual is'
            ' infinite: give the weight to go to, reference=..., or take decay="weights"'
        )


def check_loss(where: str, rate: Any, weight_decay: Any, decay: str) -> None:
    """Raise `UsageError` where a step would take all of every weight."""
    loss = (number(where, "lr", rate) or 0.0) * (number(where, "weight_decay", weight_decay) or 0.0)
    if decay != "gradient" and loss >= 1:
        raise UsageError(
            f"{where}: a step would take {loss:.0%} of every weight: lr times weight_decay is to be"
            " below 1"
        )


def _zero_is_not_at_0(potential: AbstractPotential) -> bool:
    return potential.freezes_signs or isinstance(potential, Logit)


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
