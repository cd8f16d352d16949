"""A group's parameters, gradients and state in one flat buffer per precision and device."""

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["FlatBuffer", "FlatBufferWarning", "flat_buffers", "is_current"]

_ALIGNED = 32  # elements: every tensor begins where a vector register may


class FlatBufferWarning(UserWarning):
    """Others gave a parameter or a gradient memory of its own: it was copied back.

    >>> issubclass(FlatBufferWarning, UserWarning)
    True
    """


class FlatBuffer:
    """Parameters of one precision on one device, as views of one tensor each for all they have.

    `zero_grad` keeps the views. A gradient counts as absent until the next backward pass fills it,
    where `set_to_none` would have taken it away.
    """

    def __init__(self, weights: Sequence[Tensor]) -> None:
        self.weights = list(weights)
        self.spans: list[slice] = []
        end = 0
        for weight in weights:
            self.spans.append(slice(end, end + weight.numel()))
            end += -(-weight.numel() // _ALIGNED) * _ALIGNED
        self._size = end
        self.values = self._blank()
        self.gradients = self._blank()
        self.states: dict[str, Tensor] = {}
        self._views = self._cut(self.values)
        self._gradient_views = self._cut(self.gradients)
        self._state_views: dict[str, list[Tensor]] = {}
        self._places = _places(self._views)
        self._gradient_places = _places(self._gradient_views)
        self._emptied: set[int] = set()  # ids of parameters whose gradient is to come
        self.active: list[int] = []  # places of parameters with a gradient
        self._reported = False
        for weight, view, gradient in zip(weights, self._views, self._gradient_views, strict=True):
            view.copy_(weight.detach())
            weight.data = view
            if weight.grad is not None:
                gradient.copy_(weight.grad)
                weight.grad = gradient
            else:
                self._emptied.add(id(weight))
                if weight.requires_grad:
                    weight.grad = gradient
        self._hooks = [
            weight.register_post_accumulate_grad_hook(
                lambda weight: self._emptied.discard(id(weight))
            )
            for weight in weights
            if weight.requires_grad
        ]

    def release(self) -> None:
        """Take the hooks off; parameters keep their values, and gradients that are there."""
        for hook in self._hooks:
            hook.remove()
        for weight in self.weights:
            if id(weight) in self._emptied:
                weight.grad = None

    def empty(self, set_to_none: bool) -> None:
        """What `zero_grad` does: zeros, which count as absent where they would be None."""
        self.gradients.zero_()
        for weight, gradient in zip(self.weights, self._gradient_views, strict=True):
            if set_to_none:
                self._emptied.add(id(weight))
            alike = weight.dtype == gradient.dtype and weight.device == gradient.device
            if alike and (weight.requires_grad or weight.grad is not None):
                weight.grad = gradient

    def adopt(self) -> list[int]:
        """Copy back what left the buffer; what is returned, and kept, is `active`."""
        if self._is_settled():
            return self.active
        active, moved, given = [], 0, 0
        for place, weight in enumerate(self.weights):
            view, gradient = self._views[place], self._gradient_views[place]
            if weight.data_ptr() != view.data_ptr():
                view.copy_(weight.detach())
                weight.data = view
                moved += 1
            if weight.grad is None:
                gradient.zero_()
                continue
            if weight.grad.data_ptr() != gradient.data_ptr():
                gradient.copy_(weight.grad)
                weight.grad = gradient
                given += 1
            elif id(weight) in self._emptied:
                continue
            active.append(place)
        if (moved or given) and not self._reported:
            self._reported = True
            warnings.warn(
                f"compiled=True: {moved} parameters and {given} gradients were given memory of"
                " their own since the last step; they were copied back, now and from now on. Set"
                " values in place (weight.copy_), and gradients to zero by the optimizer's own"
                " zero_grad",
                FlatBufferWarning,
                stacklevel=10,
            )
        self.active = active
        return active

    def _is_settled(self) -> bool:
        """Whether all have gradients, as at the last step, and nothing left the buffer."""
        if self._emptied or len(self.active) < len(self.weights):
            return False
        gradients = [gradient for weight in self.weights if (gradient := weight.grad) is not None]
        return _places(gradients) == self._gradient_places and _places(self.weights) == self._places

    def adopt_state(self, name: str, owns: Sequence[dict[str, Any]]) -> bool:
        """Make a state of all parameters with a gradient part of the buffer; 0 where it is new.

        `owns` are the states of these parameters. What is returned is whether some was copied from
        elsewhere.
        """
        copied = False
        if name not in self.states:
            self.states[name] = self._blank()
            self._state_views[name] = self._cut(self.states[name])
        for place, own in zip(self.active, owns, strict=True):
            view = self._state_views[name][place]
            there = own.get(name)
            if there is view:
                continue
            if there is None:
                view.zero_()
            elif there.data_ptr() != view.data_ptr():
                view.copy_(there)
                copied = True
            own[name] = view
        return copied

    def _blank(self) -> Tensor:
        first = self.weights[0]
        return torch.zeros(self._size, dtype=first.dtype, device=first.device)

    def _cut(self, whole: Tensor) -> list[Tensor]:
        """Views with a count of changes of their own, as parameters have them."""
        return [
            whole[span].view(weight.shape).data
            for span, weight in zip(self.spans, self.weights, strict=True)
        ]


def _places(tensors: Sequence[Tensor]) -> list[int]:
    """Where tensors lie in memory."""
    return list(map(Tensor.data_ptr, tensors))


def flat_buffers(weights: Sequence[Tensor]) -> list[FlatBuffer]:
    """One buffer for each precision and device."""
    kinds: dict[Any, list[Tensor]] = {}
    for weight in weights:
        kinds.setdefault((weight.dtype, weight.device), []).append(weight)
    return [FlatBuffer(members) for members in kinds.values()]


def is_current(buffers: list[FlatBuffer], weights: Sequence[Tensor]) -> bool:
    """Whether the buffers hold these parameters as they are now."""
    members = {id(weight): buffer.values for buffer in buffers for weight in buffer.weights}
    return len(members) == len(weights) and all(
        (values := members.get(id(weight))) is not None
        and values.dtype == weight.dtype
        and values.device == weight.device
        for weight in weights
    )
