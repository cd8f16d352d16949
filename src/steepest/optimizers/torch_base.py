# pyright: reportPrivateImportUsage=false
# torch documents its foreach operations under these names.
"""What both torch optimizers share: groups, checks, saved states, and the step of the dual."""

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

from steepest.errors import DataError, DomainError, UsageError
from steepest.geometry import AbstractPotential
from steepest.optimizers.kept_dual import refusal
from steepest.optimizers.settings import (
    check_decay,
    check_keys,
    check_loss,
    check_max_step,
    check_potential,
    check_rate,
    number,
)
from steepest.optimizers.starting_weights import check_start, tally
from steepest.optimizers.torch_compiled import CompiledGroup, may_learn
from steepest.optimizers.torch_guarded import can_guard, take_guarded_step
from steepest.optimizers.torch_kernel import has_kernel, needs_bound
from steepest.optimizers.torch_maps import Tensors, is_known, move
from steepest.optimizers.torch_pieces import PiecewiseGroup, buffers_of, largest_norm
from steepest.optimizers.torch_state import restored_groups, saved_groups
from steepest.optimizers.torch_step import rule_of, take_step, working
from steepest.optimizers.torch_watch import LONG, count_steps, largest_of

__all__ = ["AbstractMirrorOptimizer"]


class AbstractMirrorOptimizer(Optimizer):
    """Mirror descent along covectors that a subclass makes of gradients.

    A subclass defines `_check_settings` and `_covectors`, `_reach`, which bounds its covectors, and
    for compiled steps `_buffer_names`, the names of its state.
    """

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self._seen: set[int] = set()
        self._compiled: dict[int, CompiledGroup] = {}
        self._piecewise: dict[int, PiecewiseGroup] = {}
        super().__init__(params, defaults)

    @abstractmethod
    def _check_settings(self, where: str, group: dict[str, Any]) -> None:
        """Raise `UsageError` for settings of the subclass's own that cannot be used."""

    @abstractmethod
    def _reach(self, group: dict[str, Any], largest: float) -> float:
        """How long a covector's component can be, where a gradient's is at most `largest`."""

    @abstractmethod
    def _buffer_names(self, group: dict[str, Any]) -> tuple[str, ...]:
        """The tensors in the state of a parameter of this group that are shaped like it."""

    @abstractmethod
    def _covectors(
        self,
        group: dict[str, Any],
        gradients: Tensors,
        buffers: Sequence[Tensors],
        counts: Sequence[float],
        rate: float,
    ) -> Tensors:
        """`rate` times what moves duals, with the buffers brought up to date.

        New tensors, unless the rate is 1. `counts` are steps made, this one included, if there are
        two buffers for each tensor.
        """

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._compiled, self._piecewise = {}, {}
        for group in self.param_groups:
            for key, value in self.defaults.items():
                group.setdefault(key, value)
        # Copied or loaded: what could learn was looked at where it was made.
        parameters = [weight for group in self.param_groups for weight in group["params"]]
        self._seen = {id(weight) for weight in parameters if weight.requires_grad}

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters, checked as those given at the start are."""
        place = len(self.param_groups)
        if isinstance(param_group, dict):
            check_keys(f"group {place} of {type(self).__name__}", param_group, self.defaults)
        super().add_param_group(param_group)
        try:
            self._check_group(place)
        except ValueError:
            del self.param_groups[place:]
            raise

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Take gradients away, or set them to 0.

        Compiled groups keep them as zeros in their place; until a backward pass fills them, they
        count as absent where `set_to_none` asks for that.
        """
        super().zero_grad(set_to_none)
        for compiled in self._compiled.values():
            for buffer in compiled.buffers:
                buffer.empty(set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """Momentum and settings as plain values, so that `torch.load(weights_only=True)` reads it.

        A potential is kept as words that `load_state_dict` compares.
        """
        saved = super().state_dict()
        return {**saved, "param_groups": saved_groups(saved["param_groups"])}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Go on from a saved state; settings that it does not know stay as they are here.

        Raises `UsageError` where it belongs to another potential, or to a later version.
        """
        groups = restored_groups(
            type(self).__name__, state_dict["param_groups"], self.param_groups, self.defaults
        )
        super().load_state_dict({**state_dict, "param_groups": groups})
        # torch brings a state into the precision of its weights, and a dual wants its own.
        places = [at for group in groups for at in group["params"]]
        weights = [weight for group in self.param_groups for weight in group["params"]]
        for place, weight in zip(places, weights, strict=True):
            for key, value in state_dict["state"].get(place, {}).items():
                if key.startswith("dual"):
                    self.state[weight][key] = value.to(weight.device, working(weight), copy=True)

    @torch.compiler.disable  # compiled code leaves it out: it looks at values, and decides by them
    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One step of every group; `closure`, if given, re-evaluates the loss, which is returned.

        Raises `DataError` that names the parameter when a gradient is not finite or is sparse, and
        `DomainError` when its weights would be infinite.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        looks = [self._check_step(place, group) for place, group in enumerate(self.param_groups)]
        before = self._memory() if any(long for long, _ in looks) else None
        try:
            for place, (group, (_, largest)) in enumerate(
                zip(self.param_groups, looks, strict=True)
            ):
                self._step_group(place, group, largest)
        except DomainError as error:
            if before is None:
                raise
            self._restore(before)
            raise DomainError(f"{error}; nothing was changed") from error
        return loss

    def _check_step(self, place: int, group: dict[str, Any]) -> tuple[bool, float | None]:
        """Look at weights and gradients that are new: is the step long, and how long are they?"""
        where = f"group {place} of {type(self).__name__}"
        fresh = []
        for at, weight in enumerate(group["params"]):
            gradient = weight.grad
            if gradient is None:
                continue
            if gradient.layout is not torch.strided:
                raise DataError(f"{self._name(place, at)} has a sparse gradient: use dense ones")
            if id(weight) not in self._seen:
                fresh.append(at)
        if fresh:
            self._check_weights(place, fresh)
        if group["compiled"]:
            self._gather(place, group)
        beyond = (group["potential"].index or 0) > 1
        if not group["check_gradients"]:
            return beyond, None
        check_rate(where, "lr", group["lr"])
        check_loss(where, group["lr"], group["weight_decay"], group["decay"])
        gradients = self._gradients(place, group)
        largest = self._largest_gradient(place, group, gradients)
        rate, most = number(where, "lr", group["lr"]) or 0.0, group["max_step"] or math.inf
        long = min(rate * self._reach(group, largest), most) > LONG
        if long and gradients:  # a norm says little of a component
            largest = largest_of(gradients)
            long = min(rate * self._reach(group, largest), most) > LONG
        return beyond or long, largest

    def _gradients(self, place: int, group: dict[str, Any]) -> list[Tensor]:
        """A group's gradients that are there."""
        if group["compiled"]:
            return [buffer.gradients for buffer in self._compiled[place].buffers]
        gradients = [weight.grad for weight in group["params"]]
        return [gradient for gradient in gradients if gradient is not None and gradient.numel()]

    def _largest_gradient(
        self, place: int, group: dict[str, Any], gradients: Sequence[Tensor]
    ) -> float:
        """A bound on the components of a group's gradients.

        Raises `DataError` for one that is not finite.
        """
        largest = largest_norm(gradients)
        if largest < float("inf"):
            return largest
        for at, weight in enumerate(group["params"]):
            if weight.grad is not None and not bool(torch.isfinite(weight.grad).all()):
                count = int((~torch.isfinite(weight.grad)).sum())
                raise DataError(
                    f"{self._name(place, at)}: {count} of {weight.numel()} gradients are not"
                    " finite; nothing was changed. Clip them, lower the learning rate, or step"
                    " through torch.amp.GradScaler, which skips such steps"
                )
        return largest

    def _gather(self, place: int, group: dict[str, Any]) -> None:
        """Bring a compiled group into its flat buffers."""
        compiled = self._compiled.get(place)
        if compiled is None or not compiled.serves(group["params"]):
            if compiled is not None:
                compiled.release()
            weights = [weight for weight in group["params"] if may_learn(weight)]
            compiled = self._compiled[place] = CompiledGroup(weights)
        compiled.adopt(self._buffer_names(group), self.state)

    def _longest(
        self, memory: CompiledGroup | PiecewiseGroup, group: dict[str, Any], largest: float
    ) -> float:
        """As `_reach`, with what the group's state adds to it."""
        return self._reach(group, largest)

    def _step_compiled(self, place: int, group: dict[str, Any], largest: float | None) -> set[int]:
        """Move what compiled kernels can; what is returned are ids that need no other step."""
        compiled, names = self._compiled[place], self._buffer_names(group)
        absent = compiled.absent()
        if not has_kernel(group["potential"]) or not compiled.buffers:
            return absent
        rate, most = float(group["lr"]), group["max_step"]
        if largest is None and can_guard(group, names, compiled):
            moved, lost = take_guarded_step(group, names, compiled, self.state)
            if lost is not None:
                self._refuse(place, *lost)
            return absent | moved
        if largest is None and most is None and not needs_bound(group["potential"]):
            return absent | compiled.step(group, names, math.inf, self.state)
        if largest is None and math.isfinite(self._reach(group, math.inf)):
            largest = 0.0  # nothing hangs on it
        gradients = [buffer.gradients for buffer in compiled.buffers]
        largest = largest_norm(gradients) if largest is None else largest
        decay = float(group["weight_decay"]) if group["decay"] == "gradient" else 0.0
        if decay:
            decay *= largest_norm([buffer.values for buffer in compiled.buffers])
        limit = LONG if most is None else min(LONG, float(most))
        longest = rate * self._longest(compiled, group, largest + decay)
        if longest > limit:
            longest = rate * self._longest(compiled, group, largest_of(gradients) + decay)
        if not longest <= limit:
            return absent  # what is cut is counted, and what is long taken on trial
        return absent | compiled.step(group, names, longest, self.state)

    def _step_group(self, place: int, group: dict[str, Any], largest: float | None) -> None:
        names = self._buffer_names(group)
        moved: set[int] = set()
        memory = None
        if group["compiled"]:
            moved = self._step_compiled(place, group, largest)
        elif not group["foreach"]:
            memory = self._piecewise.setdefault(place, PiecewiseGroup())
            moved = memory.step(group, names, largest, self.state, self._longest, self._covectors)
        self._step_others(place, group, names, moved)
        if memory is not None:
            memory.settle()

    def _step_others(
        self, place: int, group: dict[str, Any], names: Sequence[str], moved: set[int]
    ) -> None:
        """Move what has not been moved, one tensor at a time or all together."""
        members = enumerate(group["params"])
        places = [
            at
            for at, weight in members
            if id(weight) not in moved and weight.grad is not None and weight.numel()
        ]
        weights = [group["params"][at] for at in places]
        if not weights:
            return
        gradients = [weight.grad for weight in weights]
        together = group["foreach"]
        if together is None:
            together = weights[0].device.type != "cpu"
        batches = [slice(None)] if together else [slice(i, i + 1) for i in range(len(weights))]
        for batch in batches:
            covectors = gradients[batch]
            if group["weight_decay"] and group["decay"] == "gradient":
                covectors = torch._foreach_add(
                    covectors, weights[batch], alpha=group["weight_decay"]
                )
            states = [self.state[weight] for weight in weights[batch]]
            buffers = [buffers_of(states, name, weights[batch]) for name in names]
            counts = count_steps(states) if len(names) == 2 else []
            covectors = self._covectors(group, covectors, buffers, counts, 1.0)
            rule = rule_of(group)
            lost = take_step(rule, weights[batch], covectors, states)
            if lost is not None:
                at, which = lost
                self._refuse(place, places[batch][at], which)

    def _refuse(self, place: int, at: int, lost: Tensor) -> NoReturn:
        group = self.param_groups[place]
        dtype = str(group["params"][at].dtype).removeprefix("torch.")
        name = self._name(place, at)
        raise refusal(name, int(lost.sum()), lost.numel(), dtype, group["potential"])

    def _memory(self) -> list[tuple[Tensor, Tensor, dict[str, Any]]]:
        """Weights and state, to go back to."""
        moving = [
            weight
            for group in self.param_groups
            for weight in group["params"]
            if weight.grad is not None
        ]
        return [
            (
                weight,
                weight.clone(),
                {key: value.clone() for key, value in self.state[weight].items()},
            )
            for weight in moving
        ]

    def _restore(self, before: list[tuple[Tensor, Tensor, dict[str, Any]]]) -> None:
        for weight, value, state in before:
            weight.copy_(value)
            self.state[weight] = state

    def _name(self, place: int, at: int) -> str:
        group = self.param_groups[place]
        if "param_names" in group:
            return f"parameter {group['param_names'][at]!r}"
        shape = tuple(group["params"][at].shape)
        return f"parameter {at} of group {place} (shape {shape})"

    def _check_group(self, place: int) -> None:
        group = self.param_groups[place]
        where, potential = f"group {place} of {type(self).__name__}", group["potential"]
        check_potential(where, potential)
        if not is_known(potential) and move.dispatch(type(potential)) is move.dispatch(object):
            move(potential, [], [], 0.0, False)
        check_rate(where, "lr", group["lr"])
        check_decay(where, potential, group["weight_decay"], group["decay"], group["reference"])
        if group["decay"] == "dual" and not is_known(potential):
            raise UsageError(f'{where}: a potential of your own has no decay="dual" in torch')
        check_max_step(where, group["max_step"])
        if not isinstance(group["compiled"], bool):
            raise UsageError(f"{where}: compiled is {group['compiled']!r}: give True or False")
        self._check_settings(where, group)
        self._check_weights(
            place,
            [
                at
                for at, weight in enumerate(group["params"])
                if weight.requires_grad and not is_lazy(weight)
            ],
        )

    def _check_weights(self, place: int, members: list[int]) -> None:
        """Raise where these parameters of a group hold weights that cannot be moved."""
        group = self.param_groups[place]
        potential: AbstractPotential = group["potential"]
        tallies = []
        for at in members:
            weight = group["params"][at]
            if weight.is_complex():
                raise UsageError(
                    f"{self._name(place, at)} is {weight.dtype}: mirror descent moves real weights;"
                    " give real and imaginary parts (torch.view_as_real)"
                )
            values = weight.detach().to(working(weight)).cpu().numpy()
            tallies.append(tally(self._name(place, at), values, potential, group["freeze_signs"]))
        check_start(tallies, potential)
        self._seen.update(id(group["params"][at]) for at in members)
