"""How a potential passes `optax.inject_hyperparams`, which calls whatever it can call."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from steepest.geometry import AbstractPotential

__all__ = ["Given", "injectable"]


class Given(NamedTuple):
    """A potential in an envelope that cannot be called."""

    potential: AbstractPotential


class _Signature(inspect.Signature):
    def bind(self, *args: Any, **kwargs: Any) -> inspect.BoundArguments:
        bound = super().bind(*args, **kwargs)
        if isinstance(bound.arguments["potential"], AbstractPotential):
            bound.arguments["potential"] = Given(bound.arguments["potential"])
        return bound


def injectable(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function itself; who binds arguments to its signature finds the potential as `Given`."""
    plain = inspect.signature(function)
    function.__signature__ = _Signature(  # pyright: ignore[reportFunctionMemberAccess]
        list(plain.parameters.values()), return_annotation=plain.return_annotation
    )
    return function
