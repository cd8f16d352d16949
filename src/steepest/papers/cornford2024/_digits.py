"""Networks from a log-normal start that learn handwritten digits by the paper's rules."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from steepest.geometry import Entropy
from steepest.optimizers import require_torch
from steepest.papers.pogodin2024._networks import accuracy, digits
from steepest.pictures import GEOMETRY_COLOURS, LINE_COLOURS

__all__ = [
    "COLOURS",
    "RULES",
    "Data",
    "Rule",
    "best_rate",
    "data_of",
    "descend",
    "learn",
    "network",
]

_BATCH = 32
_RATES = (1 / 3, 1.0, 3.0)


@dataclass(frozen=True)
class Rule:
    """How a rule's optimizer is made of a network and a rate, and its usual rate."""

    make: Callable[[Any, float], Any]
    rate: float


def _gradient(model: Any, rate: float) -> Any:
    return require_torch("training networks").optim.SGD(model.parameters(), rate)


def _adam(model: Any, rate: float) -> Any:
    return require_torch("training networks").optim.Adam(model.parameters(), rate)


def _projected(model: Any, rate: float) -> Any:
    from steepest.optimizers import ProjectedSGD

    named = list(model.parameters())
    groups = [
        {"params": [w for w in named if w.ndim > 1]},
        {"params": [b for b in named if b.ndim < 2], "keep_signs": False},
    ]
    return ProjectedSGD([group for group in groups if group["params"]], rate)


def _exponentiated(model: Any, rate: float) -> Any:
    from steepest.optimizers import MirrorDescent, split_bias

    return MirrorDescent(split_bias(model, Entropy(), scale=0.1), rate)


def _adaptive(model: Any, rate: float) -> Any:
    from steepest.optimizers import AdaptiveMirrorDescent, split_bias

    return AdaptiveMirrorDescent(split_bias(model, Entropy(), scale=0.1), rate)


RULES = {
    "GD": Rule(_gradient, 0.1),
    "projected GD": Rule(_projected, 0.1),
    "EG": Rule(_exponentiated, 1.0),
    "Adam": Rule(_adam, 2e-3),
    "adaptive EG": Rule(_adaptive, 0.03),
}

COLOURS = {
    "GD": GEOMETRY_COLOURS["euclidean"],
    "projected GD": LINE_COLOURS[0],
    "EG": GEOMETRY_COLOURS["multiplicative"],
    "Adam": LINE_COLOURS[3],
    "adaptive EG": LINE_COLOURS[4],
}


@dataclass(frozen=True)
class Data:
    """Digits to learn from and to be tested on, with as many inputs of noise as asked for."""

    x: Any
    y: Any
    test_x: Any
    test_y: Any


def data_of(seed: int, learned: int, tested: int, noise: int = 0) -> Data:
    """Flat digits; `noise` more inputs are drawn for every image, uniformly from -.5 to .5."""
    torch = require_torch("training networks")
    x, y, test_x, test_y = digits(seed, learned, tested)
    generator = torch.Generator().manual_seed(seed)
    sides = [
        torch.cat([side.flatten(1), torch.rand(len(side), noise, generator=generator) - 0.5], 1)
        for side in (x, test_x)
    ]
    return Data(sides[0], y, sides[1], test_y)


def network(inputs: int, hidden: int, seed: int, *, uniform: bool = False) -> Any:
    """One hidden layer of rectified units; weights log-normal, or uniform, with random signs."""
    torch = require_torch("training networks")
    from steepest.optimizers import lognormal_

    generator = torch.Generator().manual_seed(seed)
    model = torch.nn.Sequential(
        torch.nn.Linear(inputs, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 10)
    )
    for layer in (model[0], model[2]):
        if uniform:
            edge = (3 / layer.weight.shape[1]) ** 0.5
            torch.nn.init.uniform_(layer.weight, -edge, edge, generator=generator)
        else:
            lognormal_(layer.weight, generator=generator)
        torch.nn.init.zeros_(layer.bias)
    return model


def descend(model: Any, rule: str, rate: float, loss_of: Callable[[Any], Any], steps: int) -> None:
    """Train in place, gradients clipped at norm 1; `loss_of` takes the number of a step."""
    clip = require_torch("training networks").nn.utils.clip_grad_norm_
    optimizer = RULES[rule].make(model, rate)
    for step in range(steps):
        optimizer.zero_grad()
        loss_of(step).backward()
        clip(model.parameters(), 1.0)
        optimizer.step()


def learn(model: Any, rule: str, rate: float, data: Data, steps: int, seed: int) -> float:
    """Train a network on the digits; returns its accuracy on those that it is tested on."""
    torch = require_torch("training networks")
    generator = torch.Generator().manual_seed(seed)

    def loss(_: int) -> Any:
        batch = torch.randint(len(data.y), (_BATCH,), generator=generator)
        return torch.nn.functional.cross_entropy(model(data.x[batch]), data.y[batch])

    descend(model, rule, rate, loss, steps)
    return accuracy(model, data.test_x, data.test_y)


def best_rate(rule: str, score: Callable[[float], float], tried: bool) -> float:
    """The rule's rate, or the best of three around it by a score that tests do not see."""
    rates = [RULES[rule].rate * factor for factor in _RATES]
    return max(rates, key=score) if tried else rates[1]
