# pyright: reportPrivateImportUsage=false
# torch documents its foreach operations under these names.
"""One step of the dual in torch, for some tensors of a group: the same rule as in `optax_step`."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from steepest.geometry import AbstractPotential
from steepest.optimizers.kept_dual import Kept
from steepest.optimizers.torch_maps import (
    Tensors,
    careful_step,
    dual_pull,
    held_step,
    is_known,
    move,
    unsettled,
)

__all__ = ["Rule", "rule_of", "take_step", "working"]


class Rule(NamedTuple):
    """How a step is made: a group's settings, with the rate as it is now."""

    potential: AbstractPotential
    rate: float | Tensor
    weight_decay: float
    decay: str
    reference: float | None
    max_step: float | None
    own_signs: bool

    @property
    def loss(self) -> float | Tensor | None:
        """The share that each weight loses, if any."""
        decays = self.weight_decay and self.decay == "weights"
        return self.rate * self.weight_decay if decays else None

    @property
    def pull(self) -> float | Tensor | None:
        """The share of its way to the reference that each dual goes, if any."""
        decays = self.weight_decay and self.decay == "dual"
        return self.rate * self.weight_decay if decays else None

    def step(self, weight: Tensor, covector: Tensor) -> Tensor:
        """By how much the dual of a tensor falls, in the precision in which it is moved."""
        step = covector.to(working(weight)) * self.rate
        return step if self.max_step is None else step.clamp_(-self.max_step, self.max_step)


def rule_of(group: dict[str, Any]) -> Rule:
    """The rule of a group, as its settings are now."""
    rate = group["lr"]
    return Rule(
        group["potential"],
        rate.reshape(()) if isinstance(rate, Tensor) else rate,
        float(group["weight_decay"]),
        group["decay"],
        group["reference"],
        group["max_step"],
        group["freeze_signs"],
    )


def working(weight: Tensor) -> torch.dtype:
    """The precision in which weights are moved: half a float is too short for a dual."""
    return weight.dtype if weight.dtype == torch.float64 else torch.float32


def take_step(
    rule: Rule, weights: Tensors, covectors: Tensors, states: list[dict[str, Any]]
) -> tuple[int, Tensor] | None:
    """Move weights in place, with the duals in their states.

    What is returned is the place of the first tensor that cannot be moved, and which of its
    weights would be infinite; those after it have not moved.
    """
    loss, potential = rule.loss, rule.potential
    if rule.max_step is not None:
        _count(rule.rate, rule.max_step, covectors, states)
    if potential.index == 0 and rule.max_step is None and rule.pull is None:
        if loss is not None:
            torch._foreach_mul_(weights, 1 - loss)
        _descend(weights, covectors, rule.rate)
        return None
    if not is_known(potential):
        if loss is not None:
            torch._foreach_mul_(weights, 1 - loss)
        rate = rule.rate
        if rule.max_step is not None:
            covectors = [rule.step(*pair) for pair in zip(weights, covectors, strict=True)]
            rate = 1.0
        move(potential, weights, covectors, rate, rule.own_signs)
        return None
    reached = _held(rule, weights, covectors)
    looks = [unsettled(potential, *pair) for pair in zip(weights, reached, strict=True)]
    for i, look in enumerate(torch.stack(looks).tolist()):
        if look or "dual" in states[i]:
            lost = _take_careful_step(rule, weights[i], covectors[i], states[i])
            if lost is not None:
                return i, lost
            reached[i] = weights[i]
    torch._foreach_copy_(weights, reached)
    return None


def _held(rule: Rule, weights: Tensors, covectors: Tensors) -> list[Tensor]:
    """New tensors, right for weights that hold their duals."""
    work = [weight.to(working(weight)) for weight in weights]
    steps = [rule.step(*pair) for pair in zip(weights, covectors, strict=True)]
    if rule.pull is not None:
        steps = [
            step
            + dual_pull(rule.potential, weight, None, rule.pull, rule.reference, rule.own_signs)
            for step, weight in zip(steps, work, strict=True)
        ]
    if rule.loss is not None:
        work = torch._foreach_mul(work, 1 - rule.loss)
    return list(held_step(rule.potential, work, steps, rule.own_signs))


def _take_careful_step(
    rule: Rule, weight: Tensor, covector: Tensor, state: dict[str, Any]
) -> Tensor | None:
    """One tensor's step where duals are kept, or weights may be lost: those, if there are any."""
    kept = Kept(state["dual"], state["dual_rest"]) if "dual" in state else None
    written, lost, kept = careful_step(
        rule.potential,
        weight,
        rule.step(weight, covector),
        kept,
        rule.own_signs,
        loss=rule.loss,
        pull=rule.pull,
        reference=rule.reference,
    )
    if bool(lost.any()):
        return lost
    state.pop("dual", None)
    state.pop("dual_rest", None)
    if kept is not None:
        state["dual"], state["dual_rest"] = kept
    weight.copy_(written)
    return None


def _count(
    rate: float | Tensor, most: float, covectors: Tensors, states: list[dict[str, Any]]
) -> None:
    """Count the components of steps that are cut."""
    for covector, state in zip(covectors, states, strict=True):
        count = ((covector * rate).abs() > most).sum()
        state["bounded"] = state["bounded"] + count if "bounded" in state else count


def _descend(weights: Tensors, covectors: Tensors, rate: float | Tensor) -> None:
    if isinstance(rate, Tensor):
        torch._foreach_sub_(weights, torch._foreach_mul(covectors, rate))
    else:
        torch._foreach_add_(weights, covectors, alpha=-rate)
