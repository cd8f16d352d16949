# pyright: reportPrivateImportUsage=false
# torch documents its foreach operations under these names.
"""Mirror descent as a torch optimizer."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

from steepest.errors import DataError, DomainError, UsageError
from steepest.geometry import AbstractPotential, PNorm
from steepest.optimizers.kept_dual import Kept, refusal
from steepest.optimizers.settings import (
    check_keys,
    check_momentum,
    check_potential,
    check_rate,
    number,
)
from steepest.optimizers.starting_weights import check_start, tally
from steepest.optimizers.torch_maps import (
    Tensors,
    careful_step,
    held_step,
    is_known,
    move,
    unsettled,
)
from steepest.optimizers.torch_state import restored_groups, saved_groups

__all__ = ["MirrorDescent"]

# A longer step of the dual may carry a weight of ordinary size past infinity: such steps are taken
# on trial.
_LONG = 16.0


class MirrorDescent(Optimizer):
    """Mirror descent with momentum in the dual: m <- momentum m + g, then z <- z - lr m.

    With `PNorm(2)`, the default, it is `torch.optim.SGD`. Arguments, each also a key of a
    parameter group:

    - `lr`: learning rate, a number (or a tensor with one), in units of dual weight per gradient.
    - `potential`: any potential of `steepest.geometry`; `PNorm(p)`, `Entropy()`, ...
    - `momentum`: at least 0 and below 1; the buffer is the sum of raw gradients, not dampened.
    - `freeze_signs`: under a potential of index 1 and above, keep every weight on the side of 0
      where it is, instead of demanding the potential's own `sign` of it.
    - `check_gradients`: look for gradients that are not finite before anything is changed (one
      more reading of the gradients; on a GPU one synchronisation).
    - `foreach`: all tensors of a group in one launch. None takes it on a GPU, and one tensor at a
      time on a CPU, where each then stays in the cache.

    Give `model.named_parameters()` and errors name the parameter. Frozen and lazy parameters are
    looked at when they have their first gradient. Half-precision weights are moved in float32 and
    rounded; `torch.autocast` keeps them in float32. Near an edge of the domain, where floats do not
    hold a weight's dual, the state keeps it (`dual`, and its remainder `dual_rest`), so that a
    weight comes back as it went.

    Raises `DomainError` for weights that the potential cannot hold or move (and warns of single
    ones that never will), `UsageError` for settings that cannot be used and complex weights, and
    from `step` `DataError` for gradients that are sparse or not finite, and `DomainError` for a
    step to infinite weights; then no weight of any group has moved. Pogodin et al. 2024, Eq 6 and
    B.1.

    >>> weights = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    >>> optimizer = MirrorDescent([weights], lr=0.5, potential=PNorm(3))
    >>> (weights**2).sum().backward()
    >>> optimizer.step()
    >>> [round(w, 3) for w in weights.tolist()]
    [0.0, 1.414]
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        potential: Any = None,
        momentum: Any = 0.0,
        *,
        freeze_signs: bool = False,
        check_gradients: bool = True,
        foreach: bool | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "potential": PNorm(2) if potential is None else potential,
            "momentum": momentum,
            "freeze_signs": freeze_signs,
            "check_gradients": check_gradients,
            "foreach": foreach,
        }
        self._seen: set[int] = set()
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
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
                    self.state[weight][key] = value.to(weight.device, _working(weight), copy=True)

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
        long = [self._check_step(place, group) for place, group in enumerate(self.param_groups)]
        before = self._memory() if any(long) else None
        try:
            for place, group in enumerate(self.param_groups):
                self._step_group(place, group)
        except DomainError as error:
            if before is None:
                raise
            self._restore(before)
            raise DomainError(f"{error}; nothing was changed") from error
        return loss

    def _check_step(self, place: int, group: dict[str, Any]) -> bool:
        """Whether the coming step is long: look at weights and gradients that are new."""
        where = f"group {place} of {type(self).__name__}"
        fresh = []
        for at, weight in enumerate(group["params"]):
            if weight.grad is None:
                continue
            if weight.grad.layout is not torch.strided:
                raise DataError(f"{self._name(place, at)} has a sparse gradient: use dense ones")
            if id(weight) not in self._seen:
                fresh.append(at)
        if fresh:
            self._check_weights(place, fresh)
        beyond = (group["potential"].index or 0) > 1
        if not group["check_gradients"]:
            return beyond
        check_rate(where, "lr", group["lr"])
        largest = self._largest_gradient(place, group)
        rate = number(where, "lr", group["lr"]) or 0.0
        return beyond or rate * largest / (1 - float(group["momentum"])) > _LONG

    def _largest_gradient(self, place: int, group: dict[str, Any]) -> float:
        """The largest component of a group's gradients; raises `DataError` for one not finite."""
        gradients = [
            weight.grad for weight in group["params"] if weight.grad is not None and weight.numel()
        ]
        if not gradients:
            return 0.0
        norms = torch._foreach_norm(gradients, float("inf"))
        largest = float(torch.stack([norm.double().to(norms[0].device) for norm in norms]).max())
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

    def _step_group(self, place: int, group: dict[str, Any]) -> None:
        places = [at for at, weight in enumerate(group["params"]) if weight.grad is not None]
        weights = [group["params"][at] for at in places]
        if not weights:
            return
        gradients = [weight.grad for weight in weights]
        together = group["foreach"]
        if together is None:
            together = weights[0].device.type != "cpu"
        batches = [slice(None)] if together else [slice(i, i + 1) for i in range(len(weights))]
        covectors = self._buffers(weights) if group["momentum"] else gradients
        for batch in batches:
            if group["momentum"]:
                _accumulate(covectors[batch], gradients[batch], group["momentum"])
            self._move(place, group, places[batch], weights[batch], covectors[batch])

    def _move(
        self,
        place: int,
        group: dict[str, Any],
        places: list[int],
        weights: list[Tensor],
        covectors: list[Tensor],
    ) -> None:
        potential, rate, signs = group["potential"], group["lr"], group["freeze_signs"]
        if isinstance(rate, Tensor):
            rate = rate.reshape(())
        if not is_known(potential):
            move(potential, weights, covectors, rate, signs)
            return
        if potential.index == 0:
            _descend(weights, covectors, rate)
            return
        work = [weight.to(_working(weight)) for weight in weights]

        def steps(at: slice) -> Tensors:
            return torch._foreach_mul(
                [covector.to(w.dtype) for covector, w in zip(covectors[at], work[at], strict=True)],
                rate,
            )

        reached = list(held_step(potential, work, steps(slice(None)), signs))
        looks = torch.stack(
            [unsettled(potential, *pair) for pair in zip(weights, reached, strict=True)]
        )
        for i, look in enumerate(looks.tolist()):
            if look or "dual" in self.state.get(weights[i], ()):
                self._move_carefully(place, group, places[i], weights[i], steps(slice(i, i + 1))[0])
                reached[i] = weights[i]
        torch._foreach_copy_(weights, reached)

    def _move_carefully(
        self, place: int, group: dict[str, Any], at: int, weight: Tensor, step: Tensor
    ) -> None:
        """One parameter's step where duals are kept, or weights may be lost."""
        state, potential = self.state[weight], group["potential"]
        kept = Kept(state["dual"], state["dual_rest"]) if "dual" in state else None
        written, lost, kept = careful_step(potential, weight, step, kept, group["freeze_signs"])
        if bool(lost.any()):
            dtype = str(weight.dtype).removeprefix("torch.")
            raise refusal(self._name(place, at), int(lost.sum()), weight.numel(), dtype, potential)
        state.pop("dual", None)
        state.pop("dual_rest", None)
        if kept is not None:
            state["dual"], state["dual_rest"] = kept
        weight.copy_(written)

    def _buffers(self, weights: list[Tensor]) -> list[Tensor]:
        for weight in weights:
            if "momentum_buffer" not in self.state[weight]:
                self.state[weight]["momentum_buffer"] = torch.zeros_like(weight)
        return [self.state[weight]["momentum_buffer"] for weight in weights]

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
        check_momentum(where, group["momentum"])
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
            values = weight.detach().to(_working(weight)).cpu().numpy()
            tallies.append(tally(self._name(place, at), values, potential, group["freeze_signs"]))
        check_start(tallies, potential)
        self._seen.update(id(group["params"][at]) for at in members)


def _working(weight: Tensor) -> torch.dtype:
    """The precision in which weights are moved: half a float is too short for a dual."""
    return weight.dtype if weight.dtype == torch.float64 else torch.float32


def _descend(weights: list[Tensor], covectors: list[Tensor], rate: float | Tensor) -> None:
    if isinstance(rate, Tensor):
        torch._foreach_sub_(weights, torch._foreach_mul(covectors, rate))
    else:
        torch._foreach_add_(weights, covectors, alpha=-rate)


def _accumulate(buffers: list[Tensor], gradients: list[Tensor], momentum: float) -> None:
    """m <- momentum m + g, in place; a tensor alone in one pass over its memory."""
    if len(buffers) == 1:
        torch.add(gradients[0], buffers[0], alpha=momentum, out=buffers[0])
    else:
        torch._foreach_mul_(buffers, momentum)
        torch._foreach_add_(buffers, gradients)
