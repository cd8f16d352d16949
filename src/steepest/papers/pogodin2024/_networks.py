"""Networks that are trained, fine-tuned by mirror descent, and compared before and after (B.3).

Everything here works on any `torch.nn.Module` that maps a batch of inputs to logits: the small
networks below, models of torchvision and timm, or a module of your own (CORnet, ...).
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from steepest.data.numpy_files import load_npz
from steepest.errors import DataError, UsageError
from steepest.geometry import AbstractPotential, Entropy, PNorm
from steepest.optimizers import require_torch

__all__ = [
    "POTENTIALS",
    "Tuning",
    "build",
    "device_of",
    "digits",
    "finetune",
    "images_of",
    "load_model",
    "one_thread",
    "optimizer_for",
    "plastic",
    "pretrain",
    "snapshot",
]

POTENTIALS: dict[str, AbstractPotential] = {
    "entropy": Entropy(),
    "2-norm": PNorm(2),
    "3-norm": PNorm(3),
}
_BATCH = 256


@dataclass(frozen=True)
class Tuning:
    """How a network was fine-tuned: the rate and epochs it took, accuracy, weights on each side.

    `loss` is the mean of the last epoch, `accuracy` NaN where there are no labels.
    """

    rate: float
    epochs: int
    accuracy: float
    loss: float
    before: dict[str, np.ndarray]
    after: dict[str, np.ndarray]


def digits(seed: int, pretrained: int, tuned: int) -> tuple[Any, Any, Any, Any]:
    """Images (n, 1, 8, 8) in 0..1 and labels of scikit-learn's digits, two disjoint samples."""
    torch = require_torch("fine-tuning")
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise UsageError(
            'the digits come with scikit-learn, which is an extra: pip install "steepest[torch]"'
        ) from error
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(labels))
    x = torch.tensor(images[order].reshape(-1, 1, 8, 8) / 16, dtype=torch.float32)
    y = torch.tensor(labels[order])
    end = pretrained + tuned
    if end > len(labels):
        raise UsageError(f"{pretrained} + {tuned} images asked for; there are {len(labels)}")
    return x[:pretrained], y[:pretrained], x[pretrained:end], y[pretrained:end]


def images_of(path: str | Path) -> tuple[Any, Any]:
    """Images (n, c, h, w), float32, and labels (n,) of an NPZ that holds `images` and `labels`.

    Raises `DataError` where the file or one of the two is missing, or they do not fit.
    """
    torch = require_torch("fine-tuning")
    try:
        arrays = load_npz(Path(path))
        images, labels = arrays["images"], arrays["labels"]
    except (DataError, KeyError) as error:
        raise DataError(
            f"{path} cannot be read: {error}; give an NPZ with the arrays images (n, c, h, w) and"
            " labels (n,)"
        ) from error
    if images.ndim != 4 or labels.shape != images.shape[:1] or not np.isfinite(images).all():
        raise DataError(
            f"{path}: images {images.shape} and labels {labels.shape} do not fit, or are not"
            " finite: images are (n, c, h, w), labels (n,)"
        )
    return torch.tensor(images, dtype=torch.float32), torch.tensor(labels.astype(np.int64))


def build(kind: str, width: int, seed: int) -> Any:
    """A small network for 8 x 8 images: "mlp", "cnn" (with BatchNorm) or "rnn" (row by row)."""
    torch = require_torch("fine-tuning")
    nn = torch.nn
    torch.manual_seed(seed)
    if kind == "mlp":
        return nn.Sequential(
            nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width // 2),
            nn.ReLU(), nn.Linear(width // 2, 10),
        )  # fmt: skip
    if kind == "cnn":
        return nn.Sequential(
            nn.Conv2d(1, width // 8, 3, padding=1), nn.BatchNorm2d(width // 8), nn.ReLU(),
            nn.Conv2d(width // 8, width // 4, 3, padding=1), nn.BatchNorm2d(width // 4), nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(width // 4, width // 4, 3, padding=1), nn.BatchNorm2d(width // 4), nn.ReLU(),
            nn.Flatten(), nn.Linear(width // 4 * 16, 10),
        )  # fmt: skip
    if kind == "rnn":

        class Rows(nn.Module):
            """A recurrent network that reads an image row by row."""

            def __init__(self) -> None:
                super().__init__()
                self.rnn = nn.RNN(8, width, batch_first=True)
                self.readout = nn.Linear(width, 10)

            def forward(self, images: Any) -> Any:
                return self.readout(self.rnn(images.flatten(1, 2))[0][:, -1])

        return Rows()
    raise UsageError(f"network {kind!r} is not known: choose mlp, cnn or rnn")


def load_model(name: str) -> Any:
    """A pretrained model by name: "torchvision:resnet18" or "timm:efficientnet_b0".

    Needs the package and its weights on your machine. Raises `UsageError` where one is absent.
    """
    library, _, model = name.partition(":")
    try:
        if library == "torchvision":
            import torchvision  # pyright: ignore[reportMissingImports]

            return torchvision.models.get_model(model, weights="DEFAULT")
        if library == "timm":
            import timm  # pyright: ignore[reportMissingImports]

            return timm.create_model(model, pretrained=True)
    except ImportError as error:
        raise UsageError(f"{name} needs {library}: pip install {library}") from error
    raise UsageError(f"model {name!r}: give torchvision:NAME or timm:NAME")


def plastic(model: Any) -> list[str]:
    """Names of the weights that statistics are about: two or more axes, the readout left out.

    The readout is the last such parameter. Biases and BatchNorm have one axis.
    """
    names = [name for name, weight in model.named_parameters() if weight.ndim > 1]
    if len(names) < 2:
        raise UsageError("the model has no weights beside its readout")
    return names[:-1]


def snapshot(model: Any, names: Iterable[str]) -> dict[str, np.ndarray]:
    """The named weights as float64 arrays."""
    weights = dict(model.named_parameters())
    return {name: weights[name].detach().cpu().double().numpy().copy() for name in names}


def pretrain(model: Any, images: Any, labels: Any, epochs: int, seed: int) -> float:
    """Train by Adam with small weight decay; returns the accuracy on these images."""
    torch = require_torch("fine-tuning")
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=1e-2)
    for _ in _epochs(model, optimizer, None, images, labels, epochs, seed):
        pass
    return accuracy(model, images, labels)


def finetune(
    model: Any,
    images: Any,
    labels: Any,
    potential: AbstractPotential,
    rates: Iterable[float],
    *,
    epochs: int = 30,
    extensions: int = 4,
    momentum: float = 0.9,
    gentle: bool = True,
    seed: int = 0,
) -> Tuning:
    """Fine-tune copies of a model by mirror descent to 100 % accuracy, and keep the best.

    Batches of 256, cosine annealing, BatchNorm in evaluation mode. Weights move in `potential`,
    their signs frozen where it freezes them; biases and BatchNorm in the 2-norm. All `rates` are
    tried, and again with `epochs` more while none reaches 100 %, up to `extensions` times. The best
    is, if `gentle`, the lowest rate that reaches 100 %, where training stops at once, in the lazy
    regime; else that with the lowest loss at the end (the paper's, B.3).
    """
    import copy

    names = plastic(model)
    before = snapshot(model, names)
    best = Tuning(0.0, 0, -1.0, np.inf, before, before)
    for extension in range(extensions + 1):
        for rate in sorted(rates):
            trial = copy.deepcopy(model)
            total = epochs * (1 + extension)
            count, reached, loss = _tune(
                trial, images, labels, potential, rate, total, momentum, gentle, seed
            )
            tuned = Tuning(rate, count, reached, loss, before, snapshot(trial, names))
            if gentle and reached == 1.0:
                return tuned
            if reached > best.accuracy if gentle else loss < best.loss:
                best = tuned
        if best.accuracy == 1.0:
            break
    return best


def optimizer_for(model: Any, potential: AbstractPotential, rate: float, momentum: float) -> Any:
    """Mirror descent on the weights, with their signs frozen if need be; the 2-norm on the rest."""
    from steepest.optimizers import MirrorDescent

    learning = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    weights = [(name, weight) for name, weight in learning if weight.ndim > 1]
    others = [(name, weight) for name, weight in learning if weight.ndim < 2]
    groups = [
        {"params": weights, "potential": potential, "freeze_signs": True},
        {"params": others, "potential": PNorm(2)},
    ]
    return MirrorDescent([g for g in groups if g["params"]], rate, momentum=momentum)


def _tune(
    model: Any,
    images: Any,
    labels: Any,
    potential: AbstractPotential,
    rate: float,
    epochs: int,
    momentum: float,
    gentle: bool,
    seed: int,
) -> tuple[int, float, float]:
    torch = require_torch("fine-tuning")
    optimizer = optimizer_for(model, potential, rate, momentum)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    count, reached, loss = 0, accuracy(model, images, labels), np.inf
    for mean in _epochs(model, optimizer, schedule, images, labels, epochs, seed):
        count, loss = count + 1, mean
        if gentle or count == epochs:
            reached = accuracy(model, images, labels)
        if gentle and reached == 1.0:
            break
    if count < epochs and not (gentle and reached == 1.0):  # it diverged
        return count, 0.0, np.inf
    return count, reached, loss


def _epochs(
    model: Any, optimizer: Any, schedule: Any, images: Any, labels: Any, epochs: int, seed: int
) -> Iterable[float]:
    """Train on labels, and tell the mean loss of every epoch."""
    torch = require_torch("fine-tuning")
    device = device_of(model)
    # A fine-tuned network keeps the statistics of its BatchNorm, so that its map stays one map.
    model.train(schedule is None)

    def loss(batch: Any, _: Any) -> Any:
        answers = model(images[batch].to(device))
        return torch.nn.functional.cross_entropy(answers, labels[batch].to(device))

    return train_epochs(loss, len(labels), optimizer, schedule, epochs, seed)


def train_epochs(
    loss_of: Callable[[Any, Any], Any],
    examples: int,
    optimizer: Any,
    schedule: Any,
    epochs: int,
    seed: int,
) -> Iterable[float]:
    """Train, and tell the mean loss of every epoch; ends where a loss is not finite.

    `loss_of` takes the numbers of a batch's examples and the generator of all that is random.
    """
    torch = require_torch("fine-tuning")
    generator = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        total = 0.0
        for batch in torch.randperm(examples, generator=generator).split(_BATCH):
            optimizer.zero_grad()
            loss = loss_of(batch, generator)
            if not torch.isfinite(loss):
                return
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * len(batch)
        if schedule is not None:
            schedule.step()
        yield total / examples


def device_of(model: Any) -> Any:
    """Where the model's weights are."""
    return next(model.parameters()).device


def accuracy(model: Any, images: Any, labels: Any) -> float:
    """Share of images whose label has the largest logit, in evaluation mode."""
    torch = require_torch("fine-tuning")
    training, device, right = model.training, device_of(model), 0
    model.eval()
    with torch.no_grad():
        for batch in torch.arange(len(labels)).split(_BATCH):
            answers = model(images[batch].to(device)).argmax(1).cpu()
            right += int((answers == labels[batch]).sum())
    model.train(training)
    return right / len(labels)


@contextmanager
def one_thread() -> Iterator[None]:
    """On networks so small a second thread only waits; torch's random state is the caller's."""
    torch = require_torch("training networks")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)
