# pyright: reportPrivateImportUsage=false
# torch documents its foreach operations under these names.
"""Each potential's mirror step in torch, over lists of tensors.

They use torch's foreach operations, so that on a GPU one launch serves all tensors of a group; on a
CPU they are called with one tensor at a time, which then stays in the cache. A potential of your
own joins with

    @move.register
    def _(potential: MyPotential, weights, covectors, rate, freeze_signs): ...
"""

from collections.abc import Callable
from functools import singledispatch
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from steepest.errors import UsageError
from steepest.geometry import (
    AbstractPotential,
    Fermi,
    HyperbolicEntropy,
    Logit,
    PNorm,
    Power,
)
from steepest.optimizers.kept_dual import (
    Kept,
    has_edges,
    near_edge,
    scale_of,
    short_change,
    step_dual,
    still_kept,
)

__all__ = ["Tensors", "careful_step", "held_step", "is_known", "move", "unsettled"]

Tensors: TypeAlias = list[Tensor] | tuple[Tensor, ...]


class _Maps(NamedTuple):
    to_dual: Callable[[Tensor], Tensor]
    to_primal: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]  # of to_primal, at its value


@singledispatch
def move(
    potential: AbstractPotential,
    weights: Tensors,
    covectors: Tensors,
    rate: float | Tensor,
    freeze_signs: bool,
) -> None:
    """Move weights in place by one mirror step, dual -= rate * covector: for a class of your own.

    Raises `UsageError` for a potential that has no torch version.
    """
    raise UsageError(
        f"{type(potential).__name__} has no torch version: register one with"
        " steepest.optimizers.torch_maps.move.register, or use the optax transformation"
    )


def is_known(potential: AbstractPotential) -> bool:
    """Whether `held_step` and `careful_step` serve the potential; others are registered."""
    return isinstance(potential, PNorm | Power | HyperbolicEntropy | Fermi | Logit)


def held_step(
    potential: AbstractPotential, weights: Tensors, steps: Tensors, freeze_signs: bool
) -> Tensors:
    """New tensors, where a step of the dual takes weights that hold theirs; `steps` are used up."""
    if isinstance(potential, PNorm):
        return _power_step(potential.p - 1, 1.0, weights, steps)
    if isinstance(potential, Power):
        exponent = 1 - potential.index
        if exponent > 0:
            return _power_step(exponent, exponent, weights, steps)
        if exponent == 0:
            return _entropy_step(potential, weights, steps, freeze_signs)
        return _step_beyond_entropy(potential, weights, steps, freeze_signs)
    return [
        short_change(torch, potential, weight, step, _field(scale_of(potential), weight)).add_(
            weight
        )
        for weight, step in zip(weights, steps, strict=True)
    ]


def unsettled(potential: AbstractPotential, weights: Tensor, reached: Tensor) -> Tensor:
    """Whether some weights reached are infinite, or do not hold their dual (one truth value)."""
    if not has_edges(potential):
        return ~torch.isfinite(reached.sum())  # of finite ones it may be infinite too: look closely
    if isinstance(potential, Fermi | Logit):
        near = near_edge(torch, potential, reached, _field(scale_of(potential), reached))
        return (near | ~torch.isfinite(reached)).any()
    sizes = reached.abs()
    smallest, largest = torch.aminmax(sizes)
    info = torch.finfo(weights.dtype)
    floor = info.tiny / info.eps
    if not bool(smallest < floor):  # nearly always; a weight at 0 stays there, and is no concern
        return ~(largest <= info.max)
    return ((sizes < floor) & (weights != 0)).any() | ~(largest <= info.max)


def careful_step(
    potential: AbstractPotential, weights: Tensor, step: Tensor, kept: Kept | None, own_signs: bool
) -> tuple[Tensor, Tensor, Kept | None]:
    """Where a step takes weights, which of them are lost, and the duals to keep (None: none)."""
    work = weights.to(step.dtype)
    scale = _field(scale_of(potential), work)

    def near(points: Tensor) -> Tensor:
        return near_edge(torch, potential, points, scale)

    if kept is None:
        kept = Kept(torch.zeros_like(work), torch.zeros_like(work))
    signs = _signs(potential, work, own_signs)
    if own_signs:  # a weight below the smallest float has lost its sign; its dual has not
        signs = torch.where(near(weights) & (kept.dual != 0), -kept.dual.sign(), signs)
    maps = _maps(potential, scale, signs)
    read = maps.to_dual(work)
    if has_edges(potential):
        shown = maps.to_primal(kept.dual).to(weights.dtype)
        counts = still_kept(torch, near(weights), weights, kept, read, shown)
    else:
        counts = torch.zeros_like(weights, dtype=torch.bool)
    missing = (work - maps.to_primal(read)) / maps.slope(work)
    total, rest = step_dual(torch, counts, kept, Kept(read, missing), step)
    reached = maps.to_primal(total)
    reached += maps.slope(reached) * rest  # a long dual's last digits, which a weight shows
    written = reached.to(weights.dtype)
    lost = ~torch.isfinite(written) | (~torch.isfinite(total) & (reached != work))
    if not has_edges(potential):
        return written, lost, None
    keep = near(written) & torch.isfinite(total)
    if not bool(keep.any()):
        return written, lost, None
    nothing = torch.zeros_like(total)
    return written, lost, Kept(torch.where(keep, total, nothing), torch.where(keep, rest, nothing))


def _maps(potential: AbstractPotential, scale: Tensor, signs: Tensor) -> _Maps:
    if isinstance(potential, Fermi):
        return _Maps(
            lambda w: torch.atanh(w / scale),
            lambda z: scale * torch.tanh(z),
            lambda w: (scale - w) * (1 + w / scale),
        )
    if isinstance(potential, Logit):
        return _Maps(
            lambda w: torch.log(w) - torch.log(scale - w),
            lambda z: scale * torch.sigmoid(z),
            lambda w: w * (1 - w / scale),
        )
    if isinstance(potential, HyperbolicEntropy):
        return _Maps(
            lambda w: torch.asinh(w / scale),
            lambda z: scale * torch.sinh(z),
            lambda w: torch.hypot(w, scale),
        )
    assert isinstance(potential, Power | PNorm)
    exponent = 1 - potential.index
    factor = exponent if isinstance(potential, Power) else 1.0

    def slope(weights: Tensor) -> Tensor:
        return weights.abs() ** potential.index * factor / exponent if exponent else weights.abs()

    if exponent > 0:
        return _Maps(
            lambda w: w.sign() * w.abs() ** exponent / factor,
            lambda z: z.sign() * (factor * z.abs()) ** (1 / exponent),
            slope,
        )
    if exponent == 0:
        return _Maps(lambda w: signs * w.abs().log(), lambda z: signs * (signs * z).exp(), slope)

    def to_primal(dual: Tensor) -> Tensor:
        size = exponent * signs * dual
        return signs * torch.where(size > 0, size, torch.nan) ** (1 / exponent)

    return _Maps(lambda w: signs * w.abs() ** exponent / exponent, to_primal, slope)


def _power_step(exponent: float, factor: float, weights: Tensors, steps: Tensors) -> Tensors:
    """Dual sgn |w|^exponent / factor, for any sign."""
    dual = torch._foreach_abs(weights)
    torch._foreach_pow_(dual, exponent)
    torch._foreach_mul_(dual, torch._foreach_sign(weights))
    torch._foreach_add_(dual, steps, alpha=-factor)
    reached = torch._foreach_sign(dual)
    torch._foreach_abs_(dual)
    torch._foreach_pow_(dual, 1 / exponent)
    torch._foreach_mul_(reached, dual)
    return reached


def _entropy_step(
    potential: Power, weights: Tensors, steps: Tensors, freeze_signs: bool
) -> Tensors:
    """w / exp(sign step), without passing through logarithms."""
    signs = [_signs(potential, weight, freeze_signs) for weight in weights]
    torch._foreach_mul_(steps, signs)
    torch._foreach_exp_(steps)
    return torch._foreach_div(weights, steps)


def _step_beyond_entropy(
    potential: Power, weights: Tensors, steps: Tensors, freeze_signs: bool
) -> Tensors:
    """Index above 1: with s the sign, |w|^(1-a) grows by (a-1) s step and must stay positive."""
    exponent = 1 - potential.index
    signs = [_signs(potential, weight, freeze_signs) for weight in weights]
    sizes = torch._foreach_abs(weights)
    torch._foreach_pow_(sizes, exponent)
    torch._foreach_mul_(steps, signs)
    torch._foreach_add_(sizes, steps, alpha=-exponent)
    sizes = [torch.where(size > 0, size, torch.nan) for size in sizes]  # past infinity
    torch._foreach_pow_(sizes, 1 / exponent)
    torch._foreach_mul_(sizes, signs)
    return sizes


def _signs(potential: AbstractPotential, weight: Tensor, freeze_signs: bool) -> Tensor:
    if freeze_signs:
        return torch.copysign(torch.ones((), dtype=weight.dtype, device=weight.device), weight)
    sign = _field(getattr(potential, "sign", 1.0), weight)
    return sign.expand_as(weight)


def _field(value: Any, weight: Tensor) -> Tensor:
    return torch.as_tensor(value, dtype=weight.dtype, device=weight.device)
