# pyright: reportPrivateImportUsage=false
# torch documents its foreach operations under these names.
"""Each potential's mirror step in torch, in place, over lists of tensors.

One function per class of potential. They use torch's foreach operations, so that on a GPU one
launch serves all tensors of a group; on a CPU they are called with one tensor at a time, which
then stays in the cache. A potential of your own joins with

    @move.register
    def _(potential: MyPotential, weights, covectors, rate, freeze_signs): ...
"""

from functools import singledispatch
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from steepest.errors import DomainError, UsageError
from steepest.geometry import (
    AbstractPotential,
    Fermi,
    HyperbolicEntropy,
    Logit,
    PNorm,
    Power,
)

__all__ = ["move"]

Tensors: TypeAlias = list[Tensor] | tuple[Tensor, ...]


@singledispatch
def move(
    potential: AbstractPotential,
    weights: Tensors,
    covectors: Tensors,
    rate: float | Tensor,
    freeze_signs: bool,
) -> None:
    """Move weights in place by one mirror step: dual -= rate * covector.

    Raises `UsageError` for a potential that has no torch version.
    """
    raise UsageError(
        f"{type(potential).__name__} has no torch version: register one with"
        " steepest.optimizers.torch_maps.move.register, or use the optax transformation"
    )


@move.register
def _(potential: PNorm, weights: Tensors, covectors: Tensors, rate, freeze_signs: bool) -> None:
    _move_power(potential.p - 1, 1.0, weights, covectors, rate)


@move.register
def _(potential: Power, weights: Tensors, covectors: Tensors, rate, freeze_signs: bool) -> None:
    exponent = 1 - potential.index
    if exponent > 0:
        _move_power(exponent, exponent, weights, covectors, rate)
    elif exponent == 0:
        _move_entropy(potential.sign, weights, covectors, rate, freeze_signs)
    else:
        _move_beyond_entropy(potential, weights, covectors, rate, freeze_signs)


@move.register
def _(
    potential: HyperbolicEntropy, weights: Tensors, covectors: Tensors, rate, freeze_signs: bool
) -> None:
    for weight, covector in zip(weights, covectors, strict=True):
        scale = _field(potential.scale, weight)
        dual = (weight / scale).asinh_().addcmul_(covector, -_field(rate, weight))
        weight.copy_(dual.sinh_().mul_(scale))


@move.register
def _(potential: Fermi, weights: Tensors, covectors: Tensors, rate, freeze_signs: bool) -> None:
    for weight, covector in zip(weights, covectors, strict=True):
        bound = _field(potential.bound, weight)
        dual = (weight / bound).atanh_().addcmul_(covector, -_field(rate, weight))
        weight.copy_(dual.tanh_().mul_(bound))


@move.register
def _(potential: Logit, weights: Tensors, covectors: Tensors, rate, freeze_signs: bool) -> None:
    for weight, covector in zip(weights, covectors, strict=True):
        bound = _field(potential.bound, weight)
        dual = weight.log().sub_((bound - weight).log_())
        weight.copy_(dual.addcmul_(covector, -_field(rate, weight)).sigmoid_().mul_(bound))


def _move_power(
    exponent: float, factor: float, weights: Tensors, covectors: Tensors, rate: float | Tensor
) -> None:
    """Dual sgn |w|^exponent / factor, for any sign."""
    if exponent == 1:
        _descend(weights, covectors, rate)
        return
    dual = torch._foreach_abs(weights)
    torch._foreach_pow_(dual, exponent)
    torch._foreach_mul_(dual, torch._foreach_sign(weights))
    _descend(dual, covectors, rate * factor)
    torch._foreach_copy_(weights, torch._foreach_sign(dual))
    torch._foreach_abs_(dual)
    torch._foreach_pow_(dual, 1 / exponent)
    torch._foreach_mul_(weights, dual)


def _move_entropy(
    sign: np.ndarray,
    weights: Tensors,
    covectors: Tensors,
    rate: float | Tensor,
    freeze_signs: bool,
) -> None:
    """w /= exp(rate sign m), without passing through logarithms."""
    if freeze_signs and len(weights) == 1:  # one pass instead of two, and no launches to save
        (weight,) = weights
        shrunk = [torch.copysign(_field(rate, weight), weight)]
    else:
        shrunk = _signs(sign, weights, freeze_signs)
        torch._foreach_mul_(shrunk, rate)
    torch._foreach_mul_(shrunk, covectors)
    torch._foreach_exp_(shrunk)
    torch._foreach_div_(weights, shrunk)


def _move_beyond_entropy(
    potential: Power,
    weights: Tensors,
    covectors: Tensors,
    rate: float | Tensor,
    freeze_signs: bool,
) -> None:
    """Index above 1: with s the sign, |w|^(1-a) grows by (a-1) rate s m and must stay positive."""
    exponent = 1 - potential.index
    signs = _signs(potential.sign, weights, freeze_signs)
    sizes = torch._foreach_abs(weights)
    torch._foreach_pow_(sizes, exponent)
    grown = torch._foreach_mul(signs, covectors)
    _descend(sizes, grown, rate * exponent)
    for place, size in enumerate(sizes):
        if not bool((size > 0).all()):
            raise DomainError(
                f"a step under Power(index={potential.index:g}) carries"
                f" {int((~(size > 0)).sum())} of {size.numel()} weights of tensor {place} (shape"
                f" {tuple(size.shape)}) past infinity: lower the learning rate"
            )
    torch._foreach_pow_(sizes, 1 / exponent)
    torch._foreach_mul_(sizes, signs)
    torch._foreach_copy_(weights, sizes)


def _descend(points: Tensors, covectors: Tensors, rate: float | Tensor) -> None:
    if isinstance(rate, Tensor):
        torch._foreach_sub_(points, torch._foreach_mul(covectors, rate))
    else:
        torch._foreach_add_(points, covectors, alpha=-rate)


def _signs(sign: np.ndarray, weights: Tensors, freeze_signs: bool) -> Tensors:
    if freeze_signs:
        return torch._foreach_sign(weights)
    return [_field(sign, weight).expand_as(weight).clone() for weight in weights]


def _field(value: np.ndarray | float | Tensor, weight: Tensor) -> Tensor:
    return torch.as_tensor(value, dtype=weight.dtype, device=weight.device)
