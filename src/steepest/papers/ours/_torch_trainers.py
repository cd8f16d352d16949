# pyright: reportPrivateImportUsage=false
# torch documents its gradient modes under these names.
"""Trainers that torch does not have (in all versions that are supported), a few lines each."""

from collections.abc import Callable
from typing import Any

import torch

__all__ = ["Lion", "Muon", "SignDescent"]


class SignDescent(torch.optim.Optimizer):
    """w <- w - lr sgn(m), with m the running mean of the gradient (signSGD with momentum)."""

    def __init__(self, params: Any, lr: float, momentum: float = 0.9) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One step; `closure` is not used."""
        for group in self.param_groups:
            for weight in group["params"]:
                mean = _buffer(self.state[weight], weight)
                mean.lerp_(weight.grad, 1 - group["momentum"])
                weight.add_(mean.sign(), alpha=-group["lr"])


class Lion(torch.optim.Optimizer):
    """w <- w (1 - lr decay) - lr sgn(.9 m + .1 g), then m <- .99 m + .01 g. Chen et al. 2023."""

    def __init__(self, params: Any, lr: float, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One step; `closure` is not used."""
        for group in self.param_groups:
            for weight in group["params"]:
                mean = _buffer(self.state[weight], weight)
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(mean.lerp(weight.grad, 0.1).sign(), alpha=-group["lr"])
                mean.lerp_(weight.grad, 0.01)


class Muon(torch.optim.Optimizer):
    """Nesterov momentum whose matrix is made nearly orthogonal by five steps of Newton and Schulz.

    For weights of two axes or more, the axes after the first as one; steps are scaled by
    sqrt(max(1, rows/columns)). Jordan et al. 2024.
    """

    def __init__(self, params: Any, lr: float, momentum: float = 0.95) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One step; `closure` is not used."""
        for group in self.param_groups:
            for weight in group["params"]:
                mean = _buffer(self.state[weight], weight)
                mean.lerp_(weight.grad, 1 - group["momentum"])
                ahead = weight.grad.lerp(mean, group["momentum"]).flatten(1)
                scale = max(1.0, ahead.shape[0] / ahead.shape[1]) ** 0.5
                step = _orthogonal(ahead).reshape(weight.shape)
                weight.add_(step, alpha=-group["lr"] * scale)


def _orthogonal(matrix: Any) -> Any:
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix) / (matrix.norm() + 1e-7)
    for _ in range(5):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x


def _buffer(state: dict[str, Any], weight: Any) -> Any:
    if "mean" not in state:
        state["mean"] = torch.zeros_like(weight)
    return state["mean"]
