"""Networks for multiplicative learning in torch: log-normal starts, and neurons of one sign."""

from typing import Any

import torch
from torch import Tensor, nn

from steepest.errors import DomainError, UsageError
from steepest.geometry import AbstractPotential, HyperbolicEntropy

__all__ = ["DaleLinear", "DaleRNNCell", "lognormal_", "split_bias"]


@torch.no_grad()
def lognormal_(
    weight: Tensor,
    *,
    gain: float | int = 1.0,
    ratio: float | int = 1.5,
    signs: Tensor | None = None,
    generator: Any = None,
) -> Tensor:
    """Fill a weight (out, in, ...) with log-normal sizes of variance gain^2 / fan-in, in place.

    `ratio` is the mean size over its standard deviation. Signs are random, or those of the columns
    (`signs`, one of 1 and -1 per input): then the sizes of inhibitory columns are multiplied by the
    excitatory ones' number over theirs, so that both add up to the same. Returns the weight. Raises
    `UsageError` for fewer than two axes, and for signs that are not 1 or -1 or not one per column.
    Cornford et al. 2024.

    >>> weight = lognormal_(torch.empty(400, 100), generator=torch.Generator().manual_seed(0))
    >>> round(float(weight.pow(2).mean() * 100), 1), bool((weight == 0).any())
    (1.0, False)
    """
    if weight.ndim < 2:
        raise UsageError(
            f"lognormal_: a weight has two axes or more, not shape {tuple(weight.shape)}"
        )
    if not (gain > 0 and ratio > 0):
        raise UsageError(f"lognormal_: gain and ratio are positive, not {gain:g} and {ratio:g}")
    spread = gain / weight[0].numel() ** 0.5 / (1 + ratio**2) ** 0.5
    width = torch.log1p(torch.tensor(1 / ratio**2, dtype=torch.float64))
    middle = float(torch.log(torch.tensor(ratio * spread, dtype=torch.float64)) - width / 2)
    weight.log_normal_(middle, float(width.sqrt()), generator=generator)
    if signs is None:
        heads = torch.empty_like(weight).bernoulli_(0.5, generator=generator)
        return weight.mul_(2 * heads - 1)
    _check_signs(signs, weight.shape[1])
    excitatory, inhibitory = int((signs > 0).sum()), int((signs < 0).sum())
    balance = excitatory / inhibitory if excitatory and inhibitory else 1.0
    factors = torch.where(signs > 0, 1.0, -balance).to(weight)
    return weight.mul_(factors.reshape(1, -1, *[1] * (weight.ndim - 2)))


class DaleLinear(nn.Module):
    """A linear layer whose columns are excitatory or inhibitory: each input neuron has one sign.

    The first `excitatory` share of the inputs are positive, the others negative (`signs`); sizes
    start log-normal. Nothing in the layer keeps the signs: the geometry does. Train `weight` under
    `Entropy()` with `freeze_signs=True` (`split_bias` makes the groups), or by `ProjectedSGD`.
    `check` raises `DomainError`, naming the column, where a sign was lost; so does loading a state.

    >>> layer = DaleLinear(5, 3, excitatory=0.6)
    >>> layer.signs.tolist(), bool((layer.weight * layer.signs > 0).all())
    ([1.0, 1.0, 1.0, -1.0, -1.0], True)
    """

    signs: Tensor

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        excitatory: float | int = 0.8,
        gain: float | int = 1.0,
        bias: bool = True,
        generator: Any = None,
    ) -> None:
        super().__init__()
        if not 0 <= excitatory <= 1:
            raise UsageError(f"DaleLinear: excitatory is a share of the inputs, not {excitatory:g}")
        signs = torch.ones(in_features)
        signs[round(excitatory * in_features) :] = -1.0
        self.register_buffer("signs", signs)
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None
        lognormal_(self.weight, gain=gain, signs=signs, generator=generator)
        self.register_load_state_dict_post_hook(lambda module, keys: module.check())

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs (..., in) to outputs (..., out)."""
        return nn.functional.linear(inputs, self.weight, self.bias)

    def check(self) -> None:
        """Raise `DomainError` where a column has a weight of the other sign."""
        wrong = (self.weight.detach() * self.signs < 0).any(dim=0)
        if bool(wrong.any()):
            column = int(torch.nonzero(wrong)[0])
            kind = "excitatory" if self.signs[column] > 0 else "inhibitory"
            raise DomainError(
                f"DaleLinear: column {column} is {kind} and has weights of the other sign (so have"
                f" {int(wrong.sum()) - 1} more columns): train it under Entropy() with"
                " freeze_signs=True, or by ProjectedSGD"
            )


class DaleRNNCell(nn.Module):
    """A recurrent cell h' = relu(V x + W h + b) of excitatory and inhibitory neurons.

    `recurrent` (W) is a `DaleLinear` with the share `excitatory` of excitatory columns; `input`
    (V) is one with excitatory columns only. The geometry keeps the signs, as in `DaleLinear`.

    >>> cell = DaleRNNCell(4, 10)
    >>> cell(torch.ones(2, 4)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        excitatory: float | int = 0.8,
        gain: float | int = 1.0,
        bias: bool = True,
        generator: Any = None,
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.input = DaleLinear(
            input_size, hidden_size, excitatory=1.0, gain=gain, bias=False, generator=generator
        )
        self.recurrent = DaleLinear(
            hidden_size,
            hidden_size,
            excitatory=excitatory,
            gain=gain,
            bias=bias,
            generator=generator,
        )

    def forward(self, inputs: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Inputs (..., in) and rates (..., hidden), 0 where none are given, to the next rates."""
        if hidden is None:
            hidden = inputs.new_zeros(*inputs.shape[:-1], self.hidden_size)
        return torch.relu(self.input(inputs) + self.recurrent(hidden))


def split_bias(
    model: nn.Module, potential: AbstractPotential, *, scale: float | int = 1.0
) -> list[dict[str, Any]]:
    """Parameter groups: weights under a potential that keeps their signs, biases free of theirs.

    A bias under exponentiated gradient is often split into b+ - b-, each positive. Its product
    b+ b- then stays scale^2 / 4, and b moves as under `HyperbolicEntropy(scale)`, with half the
    parameters: that is the biases' potential here. Weights are parameters of two axes or more.
    Cornford et al. 2024.

    >>> from steepest.geometry import Entropy
    >>> from steepest.optimizers import MirrorDescent
    >>> groups = split_bias(torch.nn.Linear(3, 2), Entropy())
    >>> MirrorDescent(groups, lr=0.1).param_groups[1]["potential"].scale.tolist()
    1.0
    """
    named = list(model.named_parameters())
    weights = [(name, weight) for name, weight in named if weight.ndim > 1]
    biases = [(name, bias) for name, bias in named if bias.ndim < 2]
    groups: list[dict[str, Any]] = [
        {"params": weights, "potential": potential, "freeze_signs": True},
        {"params": biases, "potential": HyperbolicEntropy(scale)},
    ]
    return [group for group in groups if group["params"]]


def _check_signs(signs: Tensor, columns: int) -> None:
    if signs.shape != (columns,) or not bool((signs.abs() == 1).all()):
        raise UsageError(
            f"signs are 1 or -1, one for each of {columns} columns, not"
            f" {signs.unique().tolist()} of shape {tuple(signs.shape)}"
        )
