# pyright: reportPrivateImportUsage=false
# torch documents its foreach operations and marks of sizes under these names.
"""A group that is moved by compiled kernels, as far as its weights hold their duals."""

import math
import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from steepest.errors import UsageError
from steepest.geometry import (
    AbstractPotential,
    Fermi,
    HyperbolicEntropy,
    Logit,
    PNorm,
    Power,
)
from steepest.optimizers import torch_kernel
from steepest.optimizers.torch_flat import FlatBuffer, flat_buffers, is_current
from steepest.optimizers.torch_kernel import ONE, Numbers, Plan, field_of, has_kernel
from steepest.optimizers.torch_pieces import largest_norm
from steepest.optimizers.torch_step import working
from steepest.optimizers.torch_watch import Watch, count_steps

__all__ = ["CompiledGroup", "loss_of", "may_learn", "moved_by_decay", "runs"]

_KIND = operator.attrgetter("requires_grad", "dtype", "device")
_FAMILIES = {Fermi: "fermi", Logit: "logit", HyperbolicEntropy: "hyperbolic"}


class CompiledGroup:
    """The flat buffers of a group, and what is known of how far its weights are from an edge.

    A tensor is moved by a kernel while no weight of it can have come near an edge: a look at its
    weights tells how far the nearest is, and each step by how much duals move at most. Others are
    left to the optimizer's own step, as are groups without a kernel (`has_kernel`).
    """

    def __init__(self, weights: Sequence[Tensor]) -> None:
        self.buffers = flat_buffers(weights)
        self._given: Sequence[Tensor] = ()
        self._kinds: list[Any] = []
        self._states: list[dict[str, Any]] = []  # of all parameters that have one, and
        self._owns: list[list[dict[str, Any]]] = []  # of those with a gradient in each buffer
        self._momentum: float | None = None  # no component of the buffer is longer
        self._coming: float | None = None  # nor will be after the coming step
        self._watch = Watch()
        self.longest = 0.0  # no dual moved further in the last step, but for decay
        self._nothing = {
            buffer.values.device: torch.zeros(1, device=buffer.values.device)
            for buffer in self.buffers
        }

    def release(self) -> None:
        """Give the parameters back."""
        for buffer in self.buffers:
            buffer.release()

    def serves(self, parameters: Sequence[Tensor]) -> bool:
        """Whether the buffers hold those of a group that may learn, of their precision and place.

        That is looked at where something has changed since it was so.
        """
        kinds = list(map(_KIND, parameters))
        if kinds == self._kinds and _same(parameters, self._given):
            return True
        current = is_current(self.buffers, list(filter(may_learn, parameters)))
        if current and len(parameters) == sum(len(buffer.weights) for buffer in self.buffers):
            self._given, self._kinds = list(parameters), kinds
        return current

    def adopt(self, names: Sequence[str], state: Any) -> None:
        """Bring parameters, gradients and states into the buffers."""
        self._momentum, self._coming = self._coming, None
        before = [buffer.active for buffer in self.buffers]
        active = [buffer.adopt() for buffer in self.buffers]
        if not (active == before and _same(list(state.values()), self._states)):
            self._owns = [
                [state[buffer.weights[place]] for place in buffer.active] for buffer in self.buffers
            ]
            self._states = list(state.values())
        for buffer, owns in zip(self.buffers, self._owns, strict=True):
            for name in names:
                if buffer.adopt_state(name, owns):
                    self._momentum = None

    def absent(self) -> set[int]:
        """The ids of parameters without a gradient."""
        return {
            id(weight)
            for buffer in self.buffers
            if len(buffer.active) < len(buffer.weights)
            for place, weight in enumerate(buffer.weights)
            if place not in buffer.active
        }

    def sum_bound(self, momentum: float, largest: float) -> float:
        """A bound on the momentum's components after a gradient of components up to `largest`."""
        if self._momentum is None:
            sums = [buffer.states["momentum_buffer"] for buffer in self.buffers]
            self._momentum = largest_norm(sums)
        self._coming = momentum * self._momentum + largest
        return self._coming

    def step(
        self, group: dict[str, Any], names: Sequence[str], longest: float, state: Any
    ) -> set[int]:
        """Move what can be moved by kernels; what is returned are the ids of these parameters."""
        further = longest + moved_by_decay(loss_of(group))
        moved: set[int] = set()
        if group["decay"] != "dual" or not group["weight_decay"]:
            plan = _plan(group, names, longest <= ONE)
            for buffer in self.buffers:
                moved |= self._step_buffer(buffer, group, plan, names, further, state)
        self.count(longest, further)
        return moved

    def _step_buffer(
        self,
        buffer: FlatBuffer,
        group: dict[str, Any],
        plan: Plan,
        names: Sequence[str],
        further: float,
        state: Any,
    ) -> set[int]:
        calm = self.calm(buffer, group["potential"], further)
        weights = [buffer.weights[place] for place in calm]
        counts = [1.0] * len(weights)
        if plan.adaptive:
            counts = count_steps([state[weight] for weight in weights])
        if group["max_step"] is not None:
            for weight in weights:
                state[weight].setdefault("bounded", torch.zeros((), dtype=torch.int64))
        for start, stop, count in runs(buffer, calm, counts):
            self._run(buffer, slice(start, stop), group, plan, names, count)
        return {id(weight) for weight in weights}

    def count(self, longest: float, further: float) -> None:
        """Count a step in which no dual moved further, nor further than longest but for decay."""
        self._watch.add(further)
        self.longest = longest

    def calm(self, buffer: FlatBuffer, potential: AbstractPotential, further: float) -> list[int]:
        """Places of weights with a gradient that such a step brings near no edge."""
        members = [buffer.weights[place] for place in buffer.active]
        safe = {id(weight) for weight in self._watch.calm(potential, members, further)}
        owns = self._owns[self.buffers.index(buffer)]
        return [
            place
            for place, own, weight in zip(buffer.active, owns, members, strict=True)
            if "dual" not in own and id(weight) in safe
        ]

    def _run(
        self,
        buffer: FlatBuffer,
        span: slice,
        group: dict[str, Any],
        plan: Plan,
        names: Sequence[str],
        count: float,
    ) -> None:
        values = buffer.values[span]
        nothing = self._nothing[values.device]
        states = [buffer.states[name][span] for name in names]
        tensors = [values, buffer.gradients[span], *states]
        for tensor in tensors:
            torch._dynamo.maybe_mark_dynamic(tensor, 0)
        states += [nothing] * (2 - len(states))
        numbers = torch.tensor(
            _numbers(group, plan, count), dtype=working(values), device=values.device
        )
        kernel = torch_kernel.compiled(plan)
        try:
            kernel(*tensors[:2], *states, numbers)
        except RuntimeError as error:
            if not type(error).__module__.startswith(("torch._inductor", "torch._dynamo")):
                raise
            raise UsageError(
                "compiled=True needs a compiler that torch.compile can use (on a CPU one of C++,"
                f" named by the variable CXX): {str(error).splitlines()[0]}; without it, leave"
                " compiled=True out"
            ) from error


def loss_of(group: dict[str, Any]) -> float:
    """The share that each weight loses in a step, if weights decay."""
    return float(group["lr"]) * float(group["weight_decay"]) if group["decay"] == "weights" else 0.0


def moved_by_decay(loss: float) -> float:
    """How far duals move where weights lose a share: at most four times as much in logarithms."""
    return -4 * math.log1p(-loss) if loss < 1 else math.inf


def _same(objects: Sequence[Any], others: Sequence[Any]) -> bool:
    """Whether these are the same objects, in the same order."""
    return len(objects) == len(others) and all(map(operator.is_, objects, others))


def may_learn(weight: Tensor) -> bool:
    """Whether a parameter has weights and may have a gradient."""
    learns = weight.requires_grad or weight.grad is not None
    return learns and not is_lazy(weight) and weight.numel() > 0


def _plan(group: dict[str, Any], names: Sequence[str], short: bool) -> Plan:
    potential = group["potential"]
    assert has_kernel(potential)
    family, exponent = _FAMILIES.get(type(potential), "power"), 0.0
    if isinstance(potential, PNorm | Power):
        exponent = 1.0 - potential.index
        family = "power" if exponent else "entropy"
    return Plan(
        family,
        exponent,
        len(names) == 2,
        len(names) == 1,
        bool(group.get("nesterov", False)),
        group["decay"] if group["weight_decay"] else None,
        group["max_step"] is not None,
        bool(group["freeze_signs"]),
        short and family != "power",
    )


def _numbers(group: dict[str, Any], plan: Plan, count: float) -> Numbers:
    rate, weight_decay = float(group["lr"]), float(group["weight_decay"])
    loss = weight_decay if plan.decay == "gradient" else rate * weight_decay
    max_step, field = float(group["max_step"] or 0.0), field_of(group["potential"])
    if not plan.adaptive:
        momentum = float(group["momentum"])
        return Numbers(rate, loss, max_step, field, momentum)
    first, second = (float(beta) for beta in group["betas"])
    return Numbers(
        rate,
        loss,
        max_step,
        field,
        first,
        1 - first,
        second,
        1 - second,
        1 - first**count,
        (1 - second**count) ** 0.5,
        float(group["eps"]),
    )


def runs(
    buffer: FlatBuffer, places: Sequence[int], counts: Sequence[float]
) -> list[tuple[int, int, float]]:
    """Neighbours in the buffer that have made as many steps: start, stop, and that number."""
    runs: list[tuple[int, int, float]] = []
    last = -2
    for place, count in zip(places, counts, strict=True):
        span = buffer.spans[place]
        if place == last + 1 and runs[-1][2] == count:
            runs[-1] = runs[-1][0], span.stop, count
        else:
            runs.append((span.start, span.stop, count))
        last = place
    return runs
