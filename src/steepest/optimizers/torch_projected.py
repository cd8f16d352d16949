# pyright: reportPrivateImportUsage=false
# torch documents its foreach operations under these names.
"""Projected gradient descent: the baseline that keeps signs without a geometry for it."""

from collections.abc import Callable
from typing import Any

import torch

from steepest.optimizers.settings import check_keys

__all__ = ["ProjectedSGD"]


class ProjectedSGD(torch.optim.SGD):
    """`torch.optim.SGD`, after which weights that have crossed 0 are set to 0.

    The signs are those with which a parameter makes its first step; a weight that is 0 then is
    free. They are kept in the state, one byte a weight. Arguments are SGD's, and each group's
    `keep_signs` (True): set it to False for biases. What Dale's law is usually kept with (Cornford
    et al. 2024 compare exponentiated gradient with it).

    >>> weights = torch.nn.Parameter(torch.tensor([1.0, -1.0]))
    >>> optimizer = ProjectedSGD([weights], lr=1.0)
    >>> weights.grad = torch.tensor([3.0, 3.0])
    >>> optimizer.step()
    >>> weights.tolist()
    [0.0, -4.0]
    """

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters; raises `UsageError` for keys that no setting has."""
        if isinstance(param_group, dict):
            param_group.setdefault("keep_signs", True)
            where = f"group {len(self.param_groups)} of ProjectedSGD"
            check_keys(where, param_group, {**self.defaults, "keep_signs": True})
        super().add_param_group(param_group)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """SGD's step, and the projection; `closure` re-evaluates the loss, which is returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        moving = [
            weight
            for group in self.param_groups
            if group["keep_signs"]
            for weight in group["params"]
            if weight.grad is not None
        ]
        for weight in moving:
            if "signs" not in self.state[weight]:
                self.state[weight]["signs"] = weight.sign().to(torch.int8)
        super().step()
        for weight in moving:
            state = self.state[weight]
            state["signs"] = state["signs"].to(
                torch.int8
            )  # loading gives it the weight's precision
            weight.masked_fill_(weight * state["signs"] < 0, 0.0)
        return loss
