# pyright: reportPrivateImportUsage=false
# torch documents its foreach operations under these names.
"""Steps in place on a CPU, in pieces that stay in its cache, for weights that hold their duals."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from steepest.geometry import AbstractPotential, Power
from steepest.optimizers.settings import number
from steepest.optimizers.torch_kernel import has_kernel
from steepest.optimizers.torch_maps import Tensors, held_step
from steepest.optimizers.torch_watch import LONG, Watch, count_steps, largest_of

__all__ = ["PiecewiseGroup", "buffers_of", "largest_norm"]

# Elements of a piece: several arrays of this size fit in a core's own cache.
_PIECE = 2**16


class PiecewiseGroup:
    """A group that is moved in pieces: its watch, and how long its momentum can be."""

    def __init__(self) -> None:
        self.watch = Watch()
        self._buffers: Tensors = []
        self._bound = 0.0  # no component of the momentum is longer
        self._coming = 0.0  # nor will be after the coming step
        self._changes: list[tuple[int, int]] = []  # of the buffers, when that was known

    def sum_bound(self, momentum: float, largest: float) -> float:
        """A bound on the momentum's components after a gradient of components up to `largest`."""
        if self._changes != _changes(self._buffers):
            self._bound, self._changes = largest_norm(self._buffers), _changes(self._buffers)
        self._coming = momentum * self._bound + largest
        return self._coming

    def step(
        self,
        group: dict[str, Any],
        names: Sequence[str],
        largest: float | None,
        state: Any,
        longest: Callable[["PiecewiseGroup", dict[str, Any], float], float],
        covectors: Callable[..., Tensors],
    ) -> set[int]:
        """Move what is far from every edge; what is returned are the ids of these parameters.

        - `group`: the parameters and settings.
        - `names`: of the buffers in their state.
        - `largest`: a bound on the gradients' components, if one is known.
        - `state`: of all parameters.
        - `longest`: how long a covector's component can be, by a bound on the gradients' ones.
        - `covectors`: makes rate times covectors of gradients, buffers, counts of steps, and rate.
        """
        potential, decay = group["potential"], float(group["weight_decay"])
        weights = [weight for weight in group["params"] if _fits(weight)]
        if not weights or not has_kernel(potential) or (decay and group["decay"] == "dual"):
            return set()
        states = [state[weight] for weight in weights]
        columns = [[weight.grad for weight in weights]]
        columns += [buffers_of(states, name, weights) for name in names]
        if not all(tensor.is_contiguous() for column in columns for tensor in column):
            return set()
        self._buffers = columns[-1] if names else []
        rate = number("MirrorDescent", "lr", group["lr"]) or 0.0
        further = self._length(group, weights, columns[0], largest, rate, longest)
        loss = rate * decay if decay and group["decay"] == "weights" else None
        if loss is not None:
            # What a weight loses moves a dual by at most four times as much in logarithms.
            further = further - 4 * math.log1p(-loss) if loss < 1 else math.inf
        calm = self.watch.calm(potential, weights, further) if further < math.inf else []
        moved = {id(weight) for weight in calm}
        moved -= {id(w) for w, own in zip(weights, states, strict=True) if "dual" in own}
        if len(moved) < len(weights):
            places = [at for at, weight in enumerate(weights) if id(weight) in moved]
            weights, states = [weights[at] for at in places], [states[at] for at in places]
            columns = [[column[at] for at in places] for column in columns]
        if not moved:
            self.watch.add(0.0)
            return moved
        counts = count_steps(states) if len(names) == 2 else [0.0] * len(weights)
        if group["max_step"] is not None:
            for own in states:
                own.setdefault("bounded", torch.zeros((), dtype=torch.int64))
        for members, (values, gradients, *buffers) in _pieces(weights, *columns):
            if decay and group["decay"] == "gradient":
                gradients = torch._foreach_add(gradients, values, alpha=decay)
            steps = covectors(group, gradients, buffers, [counts[at] for at in members], rate)
            if rate == 1:  # they may be the gradients or the momentum themselves
                steps = torch._foreach_mul(steps, 1.0)
            _move(potential, values, steps, loss, group["freeze_signs"])
        self.watch.add(further, weights)
        return moved

    def settle(self) -> None:
        """Say that the step whose bound was asked for has been made by all parameters."""
        self._bound, self._changes = self._coming, _changes(self._buffers)
        self._buffers = []

    def _length(
        self,
        group: dict[str, Any],
        weights: Tensors,
        gradients: Tensors,
        largest: float | None,
        rate: float,
        longest: Callable[["PiecewiseGroup", dict[str, Any], float], float],
    ) -> float:
        """How far a dual can move in this step; infinite where that is too far to move at once."""
        largest = largest_norm(gradients) if largest is None else largest
        decay = float(group["weight_decay"]) if group["decay"] == "gradient" else 0.0
        if decay:
            decay *= largest_norm(weights)
        limit = LONG if group["max_step"] is None else min(LONG, float(group["max_step"]))
        further = rate * longest(self, group, largest + decay)
        if math.isfinite(largest) and not further <= limit:  # a norm says little of a component
            further = rate * longest(self, group, largest_of(gradients) + decay)
        return further if math.isfinite(largest) and further <= limit else math.inf


def _fits(weight: Tensor) -> bool:
    """Whether a parameter can be moved in place as it is: on a CPU, in single or double floats."""
    dtype = weight.dtype
    return (
        (dtype is torch.float32 or dtype is torch.float64)
        and (gradient := weight.grad) is not None
        and gradient.dtype is dtype
        and weight.is_cpu
        and weight.numel() > 0
        and weight.is_contiguous()
    )


def buffers_of(states: Sequence[dict[str, Any]], name: str, weights: Tensors) -> list[Tensor]:
    """A tensor of the state of each parameter, 0 where it is new."""
    for own, weight in zip(states, weights, strict=True):
        if name not in own:
            own[name] = torch.zeros_like(weight)
    return [own[name] for own in states]


def _changes(tensors: Tensors) -> list[tuple[int, int]]:
    return [(id(tensor), tensor._version) for tensor in tensors]


def largest_norm(tensors: Sequence[Tensor]) -> float:
    """A number that no component is longer than, not finite where one is not.

    It is the largest norm of a piece: read as fast as that of all, and nearer to the components.
    """
    if not tensors:
        return 0.0
    parts = [part for tensor in tensors for part in _cut(tensor)]
    norms = torch._foreach_norm(parts)
    first = norms[0]
    if any(norm.dtype != first.dtype or norm.device != first.device for norm in norms):
        norms = tuple(norm.double().to(first.device) for norm in norms)
    return float(torch.stack(norms).max())


def _pieces(*lists: Tensors) -> Iterator[tuple[list[int], list[list[Tensor]]]]:
    """Contiguous tensors of several lists alike, in batches of about `_PIECE` elements each.

    With each batch come the places of its parts' tensors in the lists.
    """
    sizes = [tensor.numel() for tensor in lists[0]]
    places, parts = list(range(len(sizes))), [list(tensors) for tensors in lists]
    if max(sizes) > _PIECE:
        places = [at for at in places for _ in range(-(-sizes[at] // _PIECE))]
        parts = [[part for tensor in tensors for part in _cut(tensor)] for tensors in lists]
        sizes = [part.numel() for part in parts[0]]
    start, total = 0, 0
    for stop, size in enumerate(sizes):
        if total and total + size > _PIECE:
            yield places[start:stop], [column[start:stop] for column in parts]
            start, total = stop, 0
        total += size
    yield places[start:], [column[start:] for column in parts]


def _cut(tensor: Tensor) -> Sequence[Tensor]:
    if tensor.numel() <= _PIECE or not tensor.is_cpu or not tensor.is_contiguous():
        return (tensor,)
    return tensor.detach().view(-1).split(_PIECE)


def _move(
    potential: AbstractPotential,
    weights: Tensors,
    steps: Tensors,
    loss: float | None,
    own_signs: bool,
) -> None:
    """Move weights that hold their duals in place; `steps` of the dual are used up."""
    if loss is not None:
        torch._foreach_mul_(weights, 1 - loss)
    if potential.index == 0:
        torch._foreach_sub_(weights, steps)
    elif isinstance(potential, Power) and potential.index == 1:
        if own_signs:
            torch._foreach_mul_(steps, torch._foreach_sign(weights))
        elif float(potential.sign) != 1:
            torch._foreach_mul_(steps, float(potential.sign))
        torch._foreach_exp_(steps)
        torch._foreach_div_(weights, steps)
    else:
        torch._foreach_copy_(weights, held_step(potential, weights, steps, own_signs))
