"""Mirror descent for networks: the same step for optax and for torch.

`mirror_descent` and `adaptive_mirror_descent` are optax transformations, `MirrorDescent` and
`AdaptiveMirrorDescent` torch optimizers; the networks and their baseline `ProjectedSGD` are for
torch. Torch is an extra, imported only when one of its names is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from steepest.errors import UsageError

if TYPE_CHECKING:
    from steepest.optimizers.torch_flat import FlatBufferWarning
    from steepest.optimizers.torch_networks import (
        DaleLinear,
        DaleRNNCell,
        lognormal_,
        split_bias,
    )
    from steepest.optimizers.torch_optimizer import AdaptiveMirrorDescent, MirrorDescent
    from steepest.optimizers.torch_projected import ProjectedSGD
    from steepest.optimizers.transformation import (
        MirrorState,
        adaptive_mirror_descent,
        mirror_descent,
    )

__all__ = [
    "AdaptiveMirrorDescent",
    "DaleLinear",
    "DaleRNNCell",
    "FlatBufferWarning",
    "MirrorDescent",
    "MirrorState",
    "ProjectedSGD",
    "adaptive_mirror_descent",
    "lognormal_",
    "mirror_descent",
    "require_torch",
    "split_bias",
]

_HOMES = {
    "AdaptiveMirrorDescent": "torch_optimizer",
    "DaleLinear": "torch_networks",
    "DaleRNNCell": "torch_networks",
    "FlatBufferWarning": "torch_flat",
    "MirrorDescent": "torch_optimizer",
    "MirrorState": "transformation",
    "ProjectedSGD": "torch_projected",
    "adaptive_mirror_descent": "transformation",
    "lognormal_": "torch_networks",
    "mirror_descent": "transformation",
    "split_bias": "torch_networks",
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
    if _HOMES.get(name, "").startswith("torch_"):
        require_torch(f"steepest.optimizers.{name}")
    if name in _HOMES:
        return getattr(import_module(f"steepest.optimizers.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'steepest.optimizers' has no attribute {name!r}")
