"""Mirror descent for networks: the same step for optax and for torch.

`mirror_descent` is an optax transformation, `MirrorDescent` a torch optimizer. Torch is an extra,
imported only when `MirrorDescent` is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from steepest.errors import UsageError

if TYPE_CHECKING:
    from steepest.optimizers.torch_optimizer import AdaptiveMirrorDescent, MirrorDescent
    from steepest.optimizers.transformation import (
        MirrorState,
        adaptive_mirror_descent,
        mirror_descent,
    )

__all__ = [
    "AdaptiveMirrorDescent",
    "MirrorDescent",
    "MirrorState",
    "adaptive_mirror_descent",
    "mirror_descent",
    "require_torch",
]

_HOMES = {
    "AdaptiveMirrorDescent": "torch_optimizer",
    "MirrorDescent": "torch_optimizer",
    "MirrorState": "transformation",
    "adaptive_mirror_descent": "transformation",
    "mirror_descent": "transformation",
}


def require_torch(what: str) -> Any:
    """The module torch; raises `UsageError` with the cure where it is not installed.

    >>> from importlib.util import find_spec
    >>> find_spec("torch") is None or require_torch("this example").__name__ == "torch"
    True
    """
    try:
        return import_module("torch")
    except ImportError as error:
        raise UsageError(
            f'{what} needs torch, which is an extra: pip install "steepest[torch]"'
        ) from error


def __getattr__(name: str) -> Any:
    if _HOMES.get(name) == "torch_optimizer":
        require_torch(f"steepest.optimizers.{name}")
    if name in _HOMES:
        return getattr(import_module(f"steepest.optimizers.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'steepest.optimizers' has no attribute {name!r}")
