"""Self-supervised learning from pairs of views, without labels (SimSiam; Chen and He 2021)."""

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np

from steepest.geometry import AbstractPotential
from steepest.optimizers import require_torch
from steepest.papers.pogodin2024._networks import (
    Tuning,
    build,
    device_of,
    optimizer_for,
    snapshot,
    train_epochs,
)

__all__ = ["build_pairs", "finetune_pairs", "pair_loss", "pretrain_pairs", "views"]


def build_pairs(width: int, seed: int) -> Any:
    """A convolutional encoder of 8 x 8 images, with projector (part of it) and predictor.

    Any module with `encoder` (images to codes) and `predictor` (codes to codes) can be used in its
    place, such as SimSiam's ResNet50.
    """
    torch = require_torch("self-supervised fine-tuning")
    nn = torch.nn
    convolutions = build("cnn", width, seed)[:-2]
    codes = width // 2
    projector = nn.Sequential(
        nn.Linear(width * 4, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(),
        nn.Linear(width, codes, bias=False), nn.BatchNorm1d(codes, affine=False),
    )  # fmt: skip
    predictor = nn.Sequential(
        nn.Linear(codes, codes // 4, bias=False), nn.BatchNorm1d(codes // 4), nn.ReLU(),
        nn.Linear(codes // 4, codes),
    )  # fmt: skip
    model = nn.Module()
    model.encoder = nn.Sequential(convolutions, nn.Flatten(), projector)
    model.predictor = predictor
    return model


def views(images: Any, generator: Any) -> Any:
    """Every image (n, 1, h, w) shifted by up to one pixel, with Gaussian noise of sd .1."""
    torch = require_torch("self-supervised fine-tuning")
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1))
    height, width = images.shape[-2:]
    shifts = torch.randint(3, (len(images), 2), generator=generator)
    rows = shifts[:, :1] + torch.arange(height)
    columns = shifts[:, 1:] + torch.arange(width)
    each = torch.arange(len(images))[:, None, None]
    moved = padded[each, 0, rows[:, :, None], columns[:, None, :]][:, None]
    return moved + 0.1 * torch.randn(moved.shape, generator=generator)


def pair_loss(model: Any, first: Any, second: Any, stop_gradient: bool) -> Any:
    """Mean of D(p1, z2) and D(p2, z1), with D the negative cosine, z codes, p predicted codes.

    With `stop_gradient` the codes that are predicted are constants, as in SimSiam.
    """
    torch = require_torch("self-supervised fine-tuning")
    codes = [model.encoder(view) for view in (first, second)]
    predicted = [model.predictor(code) for code in codes]
    aims = [code.detach() if stop_gradient else code for code in codes]
    cosine = torch.nn.functional.cosine_similarity
    return -(cosine(predicted[0], aims[1]).mean() + cosine(predicted[1], aims[0]).mean()) / 2


def pretrain_pairs(model: Any, images: Any, epochs: int, seed: int) -> None:
    """Train by Adam on pairs of views, with stop-gradient."""
    torch = require_torch("self-supervised fine-tuning")
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=1e-2)
    model.train()
    for _ in _epochs(model, optimizer, None, images, True, epochs, seed):
        pass


def finetune_pairs(
    model: Any,
    images: Any,
    potential: AbstractPotential,
    rates: Iterable[float],
    *,
    stop_gradient: bool,
    epochs: int = 50,
    momentum: float = 0.9,
    seed: int = 0,
) -> Tuning:
    """Fine-tune copies by mirror descent on pairs of views; the rate of the lowest loss counts.

    Batches of 256, cosine annealing, BatchNorm in evaluation mode. What is kept are the encoder's
    convolutions (its projector and the predictor left out). Pogodin et al. 2024, B.3.
    """
    torch = require_torch("self-supervised fine-tuning")
    names = [
        name
        for name, weight in model.named_parameters()
        if name.startswith("encoder") and weight.ndim > 2
    ]
    before = snapshot(model, names)
    best = Tuning(0.0, 0, np.nan, np.inf, before, before)
    for rate in sorted(rates):
        trial = copy.deepcopy(model).eval()
        optimizer = optimizer_for(trial, potential, rate, momentum)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
        losses = list(_epochs(trial, optimizer, schedule, images, stop_gradient, epochs, seed))
        if len(losses) == epochs and losses[-1] < best.loss:
            best = Tuning(rate, epochs, np.nan, losses[-1], before, snapshot(trial, names))
    return best


def _epochs(
    model: Any, optimizer: Any, schedule: Any, images: Any, stop_gradient: bool, epochs: int,
    seed: int,
) -> Iterable[float]:  # fmt: skip
    """Train on two views of every image, and tell the mean loss of every epoch."""
    device = device_of(model)

    def loss(batch: Any, generator: Any) -> Any:
        first, second = (views(images[batch], generator).to(device) for _ in range(2))
        return pair_loss(model, first, second, stop_gradient)

    return train_epochs(loss, len(images), optimizer, schedule, epochs, seed)
