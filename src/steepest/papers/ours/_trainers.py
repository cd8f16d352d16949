"""Small networks on handwritten digits, the trainers that train them, and what these are called."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import DomainError
from steepest.geometry import AbstractPotential, Entropy, HyperbolicEntropy, PNorm
from steepest.optimizers import require_torch
from steepest.papers.pogodin2024._networks import accuracy, build, digits, one_thread, pretrain

__all__ = [
    "CONDITIONS",
    "GEOMETRY_OF",
    "TRAINERS",
    "Course",
    "Recipe",
    "condition_of",
    "courses",
    "spoiled",
    "weights_in",
]

_BATCH = 32
_OTHERS = 0.3  # rate of biases and scales, in that of additive weights
_SCALE = 0.03  # of the hyperbolic entropy: about half of a weight's rms, where it is neither


@dataclass(frozen=True)
class Recipe:
    """A trainer: how its optimizer is made, its usual rate, and the name that the verdict has.

    `name` is empty where no name would be right.
    """

    make: Callable[[Any, float], Any]
    rate: float
    name: str


def _plain(kind: str, **options: float) -> Callable[[Any, float], Any]:
    def make(model: Any, rate: float) -> Any:
        optim = require_torch("training networks").optim
        return getattr(optim, kind)(model.parameters(), lr=rate, **options)

    return make


def _own(kind: str, **options: float) -> Callable[[Any, float], Any]:
    def make(model: Any, rate: float) -> Any:
        require_torch("training networks")
        from steepest.papers.ours import _torch_trainers

        return getattr(_torch_trainers, kind)(model.parameters(), lr=rate, **options)

    return make


def _muon(model: Any, rate: float) -> Any:
    """Muon for matrices, SGD for the rest: two optimizers that step as one."""
    torch = require_torch("training networks")
    from steepest.papers.ours._torch_trainers import Muon

    class Both(Muon):
        """Muon, and SGD beside it."""

        def __init__(self) -> None:
            super().__init__([w for w in model.parameters() if w.ndim > 1], rate)
            self.beside = torch.optim.SGD([w for w in model.parameters() if w.ndim < 2], 0.05)

        def step(self, closure: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            super().step(closure)
            self.beside.step()

        def zero_grad(self, set_to_none: bool = True) -> None:
            super().zero_grad(set_to_none)
            self.beside.zero_grad(set_to_none)

    return Both()


def _mirror(
    potential: AbstractPotential, *, adaptive: bool = False, **options: Any
) -> Callable[[Any, float], Any]:
    """Mirror descent on the weights, signs kept where the potential does; 2-norm on the rest."""

    def make(model: Any, rate: float) -> Any:
        require_torch("training networks")
        from steepest.optimizers import AdaptiveMirrorDescent, MirrorDescent

        named = list(model.named_parameters())
        weights = {"params": [x for x in named if x[1].ndim > 1], "potential": potential}
        others = {"params": [x for x in named if x[1].ndim < 2], "potential": PNorm(2)}
        groups: list[dict[str, Any]] = [
            weights | {"freeze_signs": potential.freezes_signs},
            others | {"lr": 1e-3 if adaptive else 0.05},
        ]
        if adaptive:
            return AdaptiveMirrorDescent(groups, rate, **options)
        return MirrorDescent(groups, rate, **options)

    return make


_ADDITIVE = {
    "SGD": "SGD, with or without momentum",
    "SGD with decay": "SGD with weight decay",
    "Adam": "Adam",
    "AdamW": "AdamW",
    "sign": "the sign of the gradient, or Lion",
    "Muon": "Muon, or another orthogonalised momentum",
}
_EG, _ADAPTIVE_EG = "exponentiated gradient", "adaptive exponentiated gradient"
_CUBIC = "mirror descent in the 3-norm"

TRAINERS: dict[str, Recipe] = {
    "SGD": Recipe(_plain("SGD"), 0.1, _ADDITIVE["SGD"]),
    "SGD, momentum": Recipe(_plain("SGD", momentum=0.9), 0.02, _ADDITIVE["SGD"]),
    "SGD, decay": Recipe(
        _plain("SGD", momentum=0.9, weight_decay=0.01), 0.02, _ADDITIVE["SGD with decay"]
    ),
    "Adam": Recipe(_plain("Adam"), 1e-3, _ADDITIVE["Adam"]),
    "AdamW": Recipe(_plain("AdamW", weight_decay=0.1), 1e-3, _ADDITIVE["AdamW"]),
    "AdamW, strong": Recipe(_plain("AdamW", weight_decay=1.0), 1e-3, _ADDITIVE["AdamW"]),
    "sign": Recipe(_own("SignDescent"), 3e-4, _ADDITIVE["sign"]),
    "Lion": Recipe(_own("Lion"), 3e-4, _ADDITIVE["sign"]),
    "Muon": Recipe(_muon, 0.01, _ADDITIVE["Muon"]),
    "EG": Recipe(_mirror(Entropy()), 1.0, _EG),
    "EG, momentum": Recipe(_mirror(Entropy(), momentum=0.9), 0.15, _EG),
    "adaptive EG": Recipe(_mirror(Entropy(), adaptive=True), 0.02, _ADAPTIVE_EG),
    "3-norm": Recipe(_mirror(PNorm(3)), 0.01, _CUBIC),
    "hyperbolic": Recipe(_mirror(HyperbolicEntropy(_SCALE)), 1.0, ""),
}

GEOMETRY_OF: dict[str, str] = {
    **dict.fromkeys(_ADDITIVE.values(), "additive"),
    _EG: "multiplicative",
    _ADAPTIVE_EG: "multiplicative",
    _CUBIC: "3-norm",
}
"""The geometry of each name that a verdict gives; hyperbolic entropy has none of them."""

CONDITIONS: dict[str, dict[str, Any]] = {
    "constant": {},
    "cosine": {"cosine": True},
    "long": {"length": 3.0},
    "fine-tuned": {"length": 0.4, "pretrained": True, "slower": 0.3},
}
"""How a network is trained: steps at one rate, warm-up and cosine, long, or after pretraining."""

_RATES = (1.0, 0.5, 2.0)


@dataclass(frozen=True)
class Course:
    """What one trainer did: weights by name at the start, in the middle, at the end, and redone.

    `rate` is the one that it learned at: half of the planned one, or less, where that diverged.
    `redone` was trained from the middle again, on other batches (None where that is left out);
    `other` is the end of another network's training, `accuracy` that on the digits learned.
    """

    trainer: str
    rate: float
    start: dict[str, np.ndarray]
    middle: dict[str, np.ndarray]
    end: dict[str, np.ndarray]
    redone: dict[str, np.ndarray] | None
    other: dict[str, np.ndarray]
    accuracy: float


def courses(
    architecture: str, trainers: tuple[str, ...], seed: int, *, width: int, steps: int, images: int
) -> Iterator[Course]:
    """One network of an architecture, trained by each trainer from the same start.

    The seed chooses the condition and the factor of the rate, so that 24 seeds are all of them
    twice, once with an even and once with an odd seed.
    """
    condition = condition_of(seed)
    options = CONDITIONS[condition]
    with one_thread():
        x, y, new_x, new_y = digits(seed, images, images)
        model = build(architecture, width, seed)
        if options.get("pretrained"):
            pretrain(model, x, y, 30, seed)
            x, y = new_x, new_y
        begun = {name: value.clone() for name, value in model.state_dict().items()}
        start = weights_in(model)
        count = max(2, round(steps * options.get("length", 1.0)))
        stranger = build(architecture, width, seed + 1000)
        pretrain(stranger, x, y, 20, seed + 1000)
        other = weights_in(stranger)
        for trainer in trainers:
            recipe = TRAINERS[trainer]
            rate = recipe.rate * options.get("slower", 1.0) * _RATES[seed // 8 % 3]
            factor = _cosine(count) if options.get("cosine") else (lambda _: 1.0)
            first, second = range(count // 2), range(count // 2, count)
            while True:
                model.load_state_dict(begun)
                optimizer = recipe.make(model, rate)
                try:
                    middle = _train(model, optimizer, x, y, first, factor, seed)
                    kept = {name: value.clone() for name, value in model.state_dict().items()}
                    end = _train(model, optimizer, x, y, second, factor, seed + 1)
                    reached, redone = accuracy(model, x, y), None
                    if spoiled(trainer, seed):
                        model.load_state_dict(kept)
                        again = recipe.make(model, rate)
                        redone = _train(model, again, x, y, second, factor, seed + 2)
                    break
                except DomainError:  # a step to infinity: it diverges
                    rate /= 2
            yield Course(trainer, rate, start, middle, end, redone, other, reached)


def spoiled(trainer: str, seed: int) -> bool:
    """Whether pairs that are not before and after are made of a training: of every second one."""
    return (list(TRAINERS).index(trainer) + seed // 2) % 2 == 0


def condition_of(seed: int) -> str:
    """How the networks of a seed are trained."""
    return list(CONDITIONS)[seed // 2 % len(CONDITIONS)]


def weights_in(model: Any) -> dict[str, np.ndarray]:
    """All arrays of two axes or more, in order, as float64."""
    return {
        name: weight.detach().double().numpy().copy()
        for name, weight in model.named_parameters()
        if weight.ndim > 1
    }


def _train(
    model: Any, optimizer: Any, x: Any, y: Any, steps: range, factor: Any, seed: int
) -> dict[str, np.ndarray]:
    """Weights after these steps; the optimizer's rates are as before."""
    torch = require_torch("training networks")
    generator = torch.Generator().manual_seed(seed)
    rates = [group["lr"] for group in optimizer.param_groups]
    model.train()
    for step in steps:
        batch = torch.randint(len(y), (_BATCH,), generator=generator)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * factor(step)
        optimizer.step()
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
    return weights_in(model)


def _cosine(count: int) -> Callable[[int], float]:
    """Warm-up over a tenth of the steps, then half a cosine to 0."""

    def factor(step: int) -> float:
        return min(1.0, 10 * (step + 1) / count) * (1 + math.cos(math.pi * step / count)) / 2

    return factor
