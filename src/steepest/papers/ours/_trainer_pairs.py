"""Pairs of checkpoints that are before and after one another, and kinds of pairs that are not."""

from collections.abc import Callable, Iterator

import numpy as np

from steepest.inference.networks.marks import Marks, marks_of
from steepest.inference.networks.trainer import LARGE
from steepest.papers.ours._trainers import Course, spoiled

__all__ = ["KINDS", "UNRELATED", "marks_of_pair", "pairs", "permuted"]

Weights = dict[str, np.ndarray]

_PRUNED = (0.5, 0.8, 0.95)  # shares of the weights set to 0, by seed


def pairs(course: Course, seed: int) -> Iterator[tuple[str, Weights, Weights]]:
    """Each kind of pair that a course gives: its name, and the weights before and after."""
    for kind in KINDS if spoiled(course.trainer, seed) else KINDS[:1]:
        yield kind, *_MADE[kind](course, np.random.default_rng([seed, KINDS.index(kind)]), seed)


def marks_of_pair(before: Weights, after: Weights) -> dict[str, Marks]:
    """The marks of all layers that are large enough to be judged by."""
    large = [name for name, weights in before.items() if weights.size >= LARGE]
    return {name: marks_of(before[name], after[name]) for name in large}


def permuted(weights: Weights, random: np.random.Generator) -> Weights:
    """The same network with its hidden units in another order.

    Rows of each layer but the last, and with them the columns (or blocks of columns) of the next.
    """
    last = list(weights)[-1]
    order, exchanged = None, {}
    for name, array in weights.items():
        if order is not None:
            blocks = array.reshape(len(array), len(order), -1)
            array = blocks[:, order].reshape(array.shape)
        if name != last:
            order = random.permutation(len(array))
            array = array[order]
        exchanged[name] = array
    return exchanged


def _masked(by: Weights, weights: Weights, share: float) -> Weights:
    """Weights where `by` is among the largest of its layer, 0 elsewhere."""
    return {
        name: np.where(np.abs(by[name]) > np.quantile(np.abs(by[name]), share), array, 0.0)
        for name, array in weights.items()
    }


def _noised(course: Course, random: np.random.Generator) -> Weights:
    """The trained weights with Gaussian noise as large as what training had changed."""
    noised = {}
    for name, array in course.end.items():
        size = np.sqrt(np.mean((array - course.start[name]) ** 2))
        noised[name] = array + size * random.standard_normal(array.shape)
    return noised


_Make = Callable[[Course, np.random.Generator, int], tuple[Weights, Weights]]

_MADE: dict[str, _Make] = {
    "trained": lambda c, random, seed: (c.start, c.end),
    "unrelated": lambda c, random, seed: (c.other, c.end),
    "permuted": lambda c, random, seed: (c.start, permuted(c.end, random)),
    "pruned": lambda c, random, seed: (c.start, _masked(c.end, c.end, _PRUNED[seed // 2 % 3])),
    "rewound": lambda c, random, seed: (c.end, _masked(c.end, c.middle, _PRUNED[seed // 2 % 3])),
    "noise": lambda c, random, seed: (c.end, _noised(c, random)),
    "swapped": lambda c, random, seed: (c.end, c.start),
    "rewound, unmasked": lambda c, random, seed: (c.end, c.redone or {}),
}

KINDS = tuple(_MADE)
"""Trained from one to the other, and what is not that.

Of `unrelated` networks the other one was trained by Adam; `rewound` is a lottery ticket (the mask
of the end on the weights of the middle); `rewound, unmasked` was trained from the middle again.
"""

UNRELATED = ("unrelated", "permuted", "pruned", "rewound", "noise")
"""The kinds that shall be refused whatever the training was.

Files given in the wrong order are noticed only after a large change, and what was trained from the
middle again is a change by training all the same: these two are counted apart.
"""
