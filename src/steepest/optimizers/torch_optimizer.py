# pyright: reportPrivateImportUsage=false
# torch documents its foreach operations under these names.
"""Mirror descent as a torch optimizer."""

from collections.abc import Callable
from dataclasses import fields
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

from steepest.errors import DataError, PrecisionError, UsageError
from steepest.geometry import AbstractPotential, PNorm
from steepest.optimizers.starting_weights import check_start, tally
from steepest.optimizers.torch_maps import move

__all__ = ["MirrorDescent"]


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

    Give `model.named_parameters()` and errors name the parameter. Weights are float32 or float64;
    for mixed precision use `torch.autocast`, which leaves the weights in float32.

    Raises `DomainError` for weights that the potential cannot hold or move (and warns of single
    zeros that never will), `PrecisionError` for half-precision weights, `UsageError` for settings
    that cannot be used, and from `step` `DataError` for gradients that are not finite; then no
    weight of any group has moved. Pogodin et al. 2024, Eq 6 and B.1.

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
        lr: float | Tensor = 1e-3,
        potential: AbstractPotential | None = None,
        momentum: float | int = 0.0,
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
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters, checked as those given at the start are."""
        super().add_param_group(param_group)
        try:
            self._check_group(len(self.param_groups) - 1)
        except ValueError:
            del self.param_groups[-1]
            raise

    def state_dict(self) -> dict[str, Any]:
        """Momentum and settings as plain values, so that `torch.load(weights_only=True)` reads it.

        A potential is kept as words that `load_state_dict` compares.
        """
        saved = super().state_dict()
        for group in saved["param_groups"]:
            group["potential"] = _describe(group["potential"])
        return saved

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Go on from a saved state; raises `UsageError` where it belongs to another potential."""
        groups = [dict(group) for group in state_dict["param_groups"]]
        for place, (saved, own) in enumerate(zip(groups, self.param_groups, strict=False)):
            ours = _describe(own["potential"])
            if saved.get("potential") != ours:
                raise UsageError(
                    f"group {place}: the saved state belongs to {saved.get('potential')}, this"
                    f" optimizer has {ours}: their momentum is not in the same dual; make the"
                    " optimizer with the saved potential"
                )
            saved["potential"] = own["potential"]
        super().load_state_dict({**state_dict, "param_groups": groups})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One step of every group; `closure`, if given, re-evaluates the loss, which is returned.

        Raises `DataError` that names the parameter when a gradient is not finite or is sparse.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for place, group in enumerate(self.param_groups):
            self._check_gradients(place, group)
        for group in self.param_groups:
            self._step_group(group)
        return loss

    def _step_group(self, group: dict[str, Any]) -> None:
        weights = [weight for weight in group["params"] if weight.grad is not None]
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
            move(
                group["potential"],
                weights[batch],
                covectors[batch],
                group["lr"],
                group["freeze_signs"],
            )

    def _buffers(self, weights: list[Tensor]) -> list[Tensor]:
        for weight in weights:
            if "momentum_buffer" not in self.state[weight]:
                self.state[weight]["momentum_buffer"] = torch.zeros_like(weight)
        return [self.state[weight]["momentum_buffer"] for weight in weights]

    def _name(self, place: int, at: int) -> str:
        group = self.param_groups[place]
        if "param_names" in group:
            return f"parameter {group['param_names'][at]!r}"
        shape = tuple(group["params"][at].shape)
        return f"parameter {at} of group {place} (shape {shape})"

    def _check_group(self, place: int) -> None:
        group = self.param_groups[place]
        potential = group["potential"]
        if not isinstance(potential, AbstractPotential):
            raise UsageError(
                f"group {place}: potential is {potential!r}; give one of steepest.geometry, for"
                " example PNorm(3) or Entropy()"
            )
        if move.dispatch(type(potential)) is move.dispatch(object):
            move(potential, [], [], 0.0, False)
        if not float(group["lr"]) >= 0:
            raise UsageError(f"group {place}: lr is {float(group['lr']):g}, which is negative")
        if not 0 <= group["momentum"] < 1:
            raise UsageError(
                f"group {place}: momentum is {group['momentum']:g}: at least 0 and below 1"
            )
        tallies = []
        for at, weight in enumerate(group["params"]):
            if weight.dtype not in (torch.float32, torch.float64):
                raise PrecisionError(
                    f"{self._name(place, at)} is {weight.dtype}: mirror maps lose small steps in"
                    " it; keep the weights in float32 and use torch.autocast"
                )
            values = weight.detach().cpu().numpy()
            tallies.append(tally(self._name(place, at), values, potential, group["freeze_signs"]))
        check_start(tallies, potential)

    def _check_gradients(self, place: int, group: dict[str, Any]) -> None:
        for at, weight in enumerate(group["params"]):
            if weight.grad is not None and weight.grad.is_sparse:
                raise DataError(f"{self._name(place, at)} has a sparse gradient: use dense ones")
        if not group["check_gradients"]:
            return
        gradients = [weight.grad for weight in group["params"] if weight.grad is not None]
        if not gradients or bool(torch.isfinite(sum(gradient.sum() for gradient in gradients))):  # pyright: ignore[reportArgumentType]
            return
        for at, weight in enumerate(group["params"]):  # a sum may also overflow: look closely
            if weight.grad is not None and not bool(torch.isfinite(weight.grad).all()):
                count = int((~torch.isfinite(weight.grad)).sum())
                raise DataError(
                    f"{self._name(place, at)}: {count} of {weight.numel()} gradients are not"
                    " finite; nothing was changed. Clip them, lower the learning rate, or step"
                    " through torch.amp.GradScaler, which skips such steps"
                )


def _describe(potential: AbstractPotential) -> str:
    """Class and fields of a potential in one line; long fields by a digest."""
    values = []
    for field in fields(potential):
        array = np.asarray(getattr(potential, field.name))
        text = str(array.tolist()) if array.size < 9 else sha256(array.tobytes()).hexdigest()[:16]
        values.append(f"{field.name}={text}")
    return f"{type(potential).__name__}({', '.join(values)})"


def _accumulate(buffers: list[Tensor], gradients: list[Tensor], momentum: float) -> None:
    """m <- momentum m + g, in place; a tensor alone in one pass over its memory."""
    if len(buffers) == 1:
        torch.add(gradients[0], buffers[0], alpha=momentum, out=buffers[0])
    else:
        torch._foreach_mul_(buffers, momentum)
        torch._foreach_add_(buffers, gradients)
