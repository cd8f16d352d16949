# pyright: reportPrivateImportUsage=false
"""One step for a run of weights that hold their duals, as one kernel for `torch.compile`."""

import math
from collections.abc import Callable
from functools import cache
from inspect import unwrap
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from steepest.geometry import AbstractPotential, Fermi, HyperbolicEntropy, Logit, PNorm, Power
from steepest.optimizers.kept_dual import EDGE_OF_FERMI, EDGE_OF_LOGIT, HARMLESS, scale_of

__all__ = [
    "ONE",
    "Numbers",
    "Plan",
    "compiled",
    "field_of",
    "has_kernel",
    "needs_bound",
    "room",
    "step_of",
]

# Longest step for which the kernel takes polynomials.
ONE = 1.0
# (exp(y) - 1 - y) / y^2 on [-1/2, 1/2], interpolated at Chebyshev's points: exp(x) - 1 is then
# right to 1.9e-7 of exp(x) where |x| <= 1.
_EXPONENTIAL = (
    0.5,
    0.16666666801683613,
    0.04166579123001061,
    0.008333236133502194,
    0.0013982186045969531,
    0.0001994487444629082,
)


class Plan(NamedTuple):
    """What a kernel is made for; numbers that may change from step to step are its arguments.

    `short` says that no step is longer than `ONE`.
    """

    family: str
    exponent: float  # of |w| in the dual of the family "power"
    adaptive: bool
    momentum: bool
    nesterov: bool
    decay: str | None
    bounded: bool
    own_signs: bool
    short: bool


class Numbers(NamedTuple):
    """The arguments of a kernel that are numbers, in their order."""

    rate: float
    loss: float = 0.0  # the share each weight loses, or what decay adds of it to the gradient
    max_step: float = 0.0
    field: float = 1.0  # the potential's sign, scale or bound; what multiplies steps of powers
    first: float = 0.0  # momentum, or the first of Adam's betas
    first_rest: float = 0.0  # 1 - beta
    second: float = 0.0
    second_rest: float = 0.0
    first_seen: float = 1.0  # 1 - beta^t
    second_seen: float = 1.0  # its root
    eps: float = 0.0


def has_kernel(potential: AbstractPotential) -> bool:
    """Whether weights far from every edge can be moved by `step_of`'s kernels.

    Not under potentials whose weights meet an edge within their domain (powers of index .6 to 1,
    whose duals near 0 floats do not hold), or infinity (index above 1), nor where a field differs
    from weight to weight.
    """
    if np.size(getattr(potential, "sign", 1.0)) > 1 or np.size(scale_of(potential)) > 1:
        return False
    if isinstance(potential, PNorm | Power):
        return potential.index <= HARMLESS or potential.index == 1
    return isinstance(potential, HyperbolicEntropy | Fermi | Logit)


def field_of(potential: AbstractPotential) -> float:
    """The one number of a potential that a kernel takes as an argument."""
    if isinstance(potential, Power):
        return (
            float(np.reshape(potential.sign, ())) if potential.index == 1 else 1 - potential.index
        )
    return float(np.reshape(scale_of(potential), ()))


def needs_bound(potential: AbstractPotential) -> bool:
    """Whether weights under it have an edge or an end that a few steps may reach."""
    return not isinstance(potential, PNorm | Power) or potential.index == 1


def room(potential: AbstractPotential, weights: Tensor) -> float:
    """How far duals can move before a weight of these comes near an edge, or overflows."""
    info = torch.finfo(weights.dtype)
    floor = info.tiny / info.eps
    low, high = (float(end) for end in torch.aminmax(weights))
    if not needs_bound(potential):
        assert potential.index is not None
        # A dual, or a weight, that no number of steps brings to infinity.
        power = max(1.0, 1 - potential.index) * math.log(max(-low, high, info.tiny))
        return math.inf if power < math.log(info.max) - 3 else 0.0
    scale = field_of(potential)
    if isinstance(potential, Fermi):
        most = max(-low, high) / scale
        return math.atanh(EDGE_OF_FERMI) - math.atanh(most) if most < EDGE_OF_FERMI else 0.0
    if isinstance(potential, Logit):
        if not (floor < low and high < EDGE_OF_LOGIT * scale):
            return 0.0
        above = _logit(EDGE_OF_LOGIT) - _logit(high / scale)
        return min(above, math.log(low) - math.log(floor))
    largest = max(-low, high)
    if isinstance(potential, HyperbolicEntropy):
        return math.log(info.max / 4) - math.asinh(largest / scale) - max(0.0, math.log(scale))
    smallest = min(abs(low), abs(high))
    if low <= 0 <= high:  # both signs, or zeros, which never move
        sizes = weights.abs()
        smallest = float(torch.where(sizes > 0, sizes, math.inf).min())
    if not smallest > floor:
        return 0.0
    return min(math.log(smallest) - math.log(floor), math.log(info.max) - math.log(largest or 1.0))


def _logit(share: float) -> float:
    return math.log(share) - math.log1p(-share)


@cache
def compiled(plan: Plan) -> Callable[..., None]:
    """The kernel of a plan, which is compiled where it is first called, for weights of any number.

    Each has code of its own, since torch bounds how often it compiles the same.
    """
    kernel = unwrap(step_of(plan))  # what a checker of types wraps around it is not to be compiled
    assert isinstance(kernel, FunctionType)
    code = kernel.__code__.replace(co_name=f"mirror_step_{abs(hash(plan)):x}")
    own = FunctionType(code, kernel.__globals__, code.co_name, None, kernel.__closure__)
    return torch.compile(own, fullgraph=True)


def step_of(plan: Plan) -> Callable[..., None]:
    """The step of a plan on flat tensors, all changed in place: weights, gradients, and state.

    The last argument holds `Numbers` as a tensor in the working precision.
    """

    def step(
        weights: Tensor, gradients: Tensor, first: Tensor, second: Tensor, numbers: Tensor
    ) -> None:
        number = Numbers(*numbers.unbind())  # pyright: ignore[reportArgumentType]
        work = weights.to(numbers.dtype)
        covector = gradients.to(numbers.dtype)
        if plan.decay == "gradient":
            covector = covector + number.loss * work
        if plan.adaptive:
            mean = first + (covector - first) * number.first_rest
            square = number.second * second + covector * covector * number.second_rest
            first.copy_(mean)
            second.copy_(square)
            width = torch.sqrt(square) / number.second_seen + number.eps
            covector = mean / width / number.first_seen
        elif plan.momentum:
            buffer = number.first * first + covector
            first.copy_(buffer)
            covector = covector + number.first * buffer if plan.nesterov else buffer
        moved = covector * number.rate
        if plan.bounded:
            moved = torch.clamp(moved, -number.max_step, number.max_step)
        if plan.decay == "weights":
            work = work * (1 - number.loss)
        weights.copy_(_reached(plan, work, moved, number.field))

    return step


def _reached(plan: Plan, weights: Tensor, step: Tensor, field: Any) -> Tensor:
    if plan.family == "power":
        return _power(plan.exponent, weights, step * field)
    if plan.family == "entropy":
        power = torch.where(weights < 0, step, -step) if plan.own_signs else -field * step
        return (
            weights + weights * _expm1(power) if _polynomial(plan, step) else weights * power.exp()
        )
    share = weights / field
    if plan.family == "fermi":
        turn = torch.tanh(step)
        return weights - field * turn * (1 - share) * (1 + share) / (1 - share * turn)
    if plan.family == "logit":
        growth = _expm1(-step) if _polynomial(plan, step) else torch.expm1(-step)
        return weights + weights * (1 - share) * growth / (1 + share * growth)
    assert plan.family == "hyperbolic"
    # cosh(s) - 1 and sinh(s) of s = -step: no cancellation for short steps.
    growth = _expm1(-step) if _polynomial(plan, step) else torch.expm1(-step)
    back = -growth / (1 + growth)  # exp(step) - 1
    size = field * torch.sqrt(share * share + 1)
    return weights + ((growth + back) * weights + (growth - back) * size) / 2


def _polynomial(plan: Plan, step: Tensor) -> bool:
    return plan.short and step.dtype == torch.float32


def _power(exponent: float, weights: Tensor, step: Tensor) -> Tensor:
    if exponent == 1:
        return weights - step
    size = _to_the(weights.abs(), exponent)
    dual = torch.where(weights < 0, -size, size) - step
    size = _to_the(dual.abs(), 1 / exponent)
    return torch.where(dual < 0, -size, size)


def _to_the(size: Tensor, exponent: float) -> Tensor:
    if exponent == 2:
        return size * size
    return torch.sqrt(size) if exponent == 0.5 else size**exponent


def _expm1(x: Tensor) -> Tensor:
    """exp(x) - 1, as a part of exp(x), where |x| <= `ONE`; in single precision."""
    half = x * 0.5
    series = half * _EXPONENTIAL[-1] + _EXPONENTIAL[-2]
    for coefficient in _EXPONENTIAL[-3::-1]:
        series = series * half + coefficient
    growth = half + half * half * series
    return growth + (growth + growth * growth)
