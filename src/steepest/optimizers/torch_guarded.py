"""A compiled group's step under the entropy, whose gradients need no look before it."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from steepest.geometry import Power
from steepest.optimizers.guarded_entropy import SHORT, guarded_step
from steepest.optimizers.torch_compiled import CompiledGroup, loss_of, moved_by_decay, runs
from steepest.optimizers.torch_step import rule_of, take_step

__all__ = ["can_guard", "take_guarded_step"]


def can_guard(group: dict[str, Any], names: Sequence[str], compiled: CompiledGroup) -> bool:
    """Whether `take_guarded_step` can move a group whose gradients nobody has looked at.

    After a step that was long it cannot: where many weights stay, it is the slower way.
    """
    plain = not group.get("nesterov") and group["max_step"] is None and len(names) < 2
    decays = not group["weight_decay"] or group["decay"] == "weights"
    buffers = [buffer.values for buffer in compiled.buffers]
    return (
        isinstance(group["potential"], Power)
        and group["potential"].index == 1
        and plain
        and decays
        and compiled.longest <= SHORT
        and all(values.dtype == torch.float32 and values.is_cpu for values in buffers)
    )


def take_guarded_step(
    group: dict[str, Any], names: Sequence[str], compiled: CompiledGroup, state: Any
) -> tuple[set[int], tuple[int, Tensor] | None]:
    """Move what is far from every edge; what is returned are the ids of these parameters.

    With them, where a weight would be infinite or no number: the place of its parameter, and which.
    """
    loss = loss_of(group)
    decay = moved_by_decay(loss)
    rate, momentum = float(group["lr"]), float(group["momentum"])
    numbers = [np.float32(number) for number in (rate, momentum, 1 - loss)]
    longest, moved, left = 0.0, set(), []
    for buffer in compiled.buffers:
        covectors = buffer.states[names[0]] if names else buffer.gradients
        calm = compiled.calm(buffer, group["potential"], SHORT + decay)
        moved |= {id(buffer.weights[place]) for place in calm}
        staying = 0
        for start, stop, _ in runs(buffer, calm, [1.0] * len(calm)):
            values, gradients = buffer.values[start:stop], buffer.gradients[start:stop]
            sums = covectors[start:stop] if names else covectors[:0]
            arrays = [part.numpy() for part in (values, gradients, sums)]
            bound, stay = guarded_step(*arrays, *numbers)
            longest, staying = max(longest, bound), staying + stay
        if staying:
            left += [(buffer.weights[at], covectors[buffer.spans[at]]) for at in calm]
    compiled.count(math.inf if left else longest, longest + decay)
    rule = rule_of(group)._replace(weight_decay=0.0)
    for weight, covector in left:
        stays = ~((covector * float(numbers[0])).abs() <= SHORT).view(weight.shape)
        if not bool(stays.any()):
            continue
        weight[stays] *= 1 - loss
        rest = torch.where(stays, covector.view(weight.shape), 0.0)
        lost = take_step(rule, [weight], [rest], [state[weight]])
        if lost is not None:
            return moved, (next(i for i, w in enumerate(group["params"]) if w is weight), lost[1])
    return moved, None
