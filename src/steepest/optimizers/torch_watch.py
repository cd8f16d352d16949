# pyright: reportPrivateImportUsage=false
# torch documents its foreach operations under these names.
"""How far a group's weights are from an edge of the domain, known without looking at every step."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from steepest.geometry import AbstractPotential
from steepest.optimizers.kept_dual import LOOK_AGAIN
from steepest.optimizers.torch_kernel import room

__all__ = ["LONG", "Watch", "count_steps", "largest_of"]

# A longer step of the dual may carry a weight of ordinary size past infinity: such steps are taken
# on trial.
LONG = 16.0


class Watch:
    """A look at a tensor's weights tells how far the nearest is, each step how far duals move.

    While the steps' bounds do not use up what the look has found, nobody need look again, except
    after `LOOK_AGAIN` steps, or where others have changed the weights.
    """

    def __init__(self) -> None:
        self._moved = 0.0  # how far duals can have moved so far
        self._steps = 0
        self._safe: dict[int, tuple[float, int, int]] = {}  # until, changes seen, looked at
        # The same for the weights of a step in which all were calm.
        self._all: tuple[list[tuple[int, int]], float, int] = [], -math.inf, 0

    def calm(
        self, potential: AbstractPotential, weights: Sequence[Tensor], further: float
    ) -> list[Tensor]:
        """Which of these cannot come near an edge where no dual moves further than that."""
        changes, until, looked = self._all
        if self._suffices(until, looked, further) and changes == _changes(weights):
            return list(weights)
        calm = [weight for weight in weights if self._is_calm(potential, weight, further)]
        self._all = [], -math.inf, 0
        if calm and len(calm) == len(weights):
            looks = [self._safe[id(weight)] for weight in weights]
            until, looked = min(look[0] for look in looks), min(look[2] for look in looks)
            self._all = _changes(weights), until, looked
        return calm

    def add(self, further: float, moved: Sequence[Tensor] = ()) -> None:
        """Count a step, in which no dual moved further, and these weights' counts of changes rose.

        Weights whose count has not risen need not be named.
        """
        self._moved += further
        self._steps += 1
        changes, until, looked = self._all
        if changes:
            if moved:
                self._all = _changes(moved), until, looked
            return
        for weight in moved:
            until, _, looked = self._safe[id(weight)]
            self._safe[id(weight)] = until, weight._version, looked

    def _is_calm(self, potential: AbstractPotential, weight: Tensor, further: float) -> bool:
        until, changes, looked = self._safe.get(id(weight), (-math.inf, -1, 0))
        if changes != weight._version or not self._suffices(until, looked, further):
            until, looked = self._moved + room(potential, weight.detach()), self._steps
            self._safe[id(weight)] = until, weight._version, looked
        return self._suffices(until, looked, further)

    def _suffices(self, until: float, looked: int, further: float) -> bool:
        return until >= self._moved + further and self._steps - looked < LOOK_AGAIN


def _changes(weights: Sequence[Tensor]) -> list[tuple[int, int]]:
    return [(id(weight), weight._version) for weight in weights]


def count_steps(states: Sequence[dict[str, Any]]) -> list[float]:
    """How many steps the parameter of each state has made, this one included."""
    for own in states:
        if "step" not in own:
            own["step"] = torch.zeros(())
    if not states:
        return []
    steps = [own["step"] for own in states]
    torch._foreach_add_(steps, 1)
    return torch.stack(steps).tolist()


def largest_of(tensors: Sequence[Tensor]) -> float:
    """The longest component."""
    ends = [end for tensor in tensors for end in torch.aminmax(tensor)]
    return max(abs(float(end)) for end in ends)
