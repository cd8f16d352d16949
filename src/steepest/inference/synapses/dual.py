"""The change of a synapse's dual weight in the power family, from its log sizes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer

from steepest.inference.synapses.geometries import BELOW_ONE, SEARCHED

__all__ = ["Signs", "dual_change"]


@dataclass(frozen=True, eq=False)
class Signs:
    """The signs of weights before, +1 or -1, and which of them `crossed` zero since.

    >>> Signs.of(np.array([1.0, -2.0]), np.array([-0.5, -2.5])).crossed.tolist()
    [True, False]
    """

    before: Float[np.ndarray, "*n"]
    crossed: Bool[np.ndarray, "*n"]

    @classmethod
    def of(cls, before: Float[np.ndarray, " n"], after: Float[np.ndarray, " n"]) -> "Signs":
        """The signs of weights, none of which is 0."""
        return cls(np.sign(before), np.sign(before) != np.sign(after))

    @property
    def searched(self) -> tuple[float, float]:
        """Where an index is looked for: no weight crosses zero in a geometry of index 1 and above.

        There zero is infinitely far, and next to it the dual of all crossings is alike.
        """
        return (SEARCHED[0], BELOW_ONE) if self.crossed.any() else SEARCHED

    def part(self, block: slice) -> "Signs":
        """Those of neighbouring weights."""
        return Signs(self.before[block], self.crossed[block])

    def take(self, rows: Integer[np.ndarray, "*m"]) -> "Signs":
        """Those of some weights."""
        return Signs(self.before.take(rows), self.crossed.take(rows))


def dual_change(
    log_before: Float[np.ndarray, "*n"],
    log_after: Float[np.ndarray, "*n"],
    index: float | Float[np.ndarray, "*#n"],
    signs: Signs | None = None,
) -> Float[np.ndarray, "*n"]:
    """g(w1) - g(w0) = w0^(1-a) expm1((1-a)(l1 - l0)) / (1-a), continuous in the index a at 1.

    Sizes and changes are in the unit in which log size is 0; the change carries that unit to the
    power 1 - a. An array of indices broadcasts against the sizes. With `signs` the logs are those
    of the absolute weights, and g(w) = sign(w) |w|^(1-a) / (1-a) is odd: a weight that crossed zero
    has a change as any other for a < 1, and an infinite one from a = 1 on.

    >>> import numpy as np
    >>> dual_change(np.zeros(2), np.log([1.1, 2.0]), 0.0).round(6)
    array([0.1, 1. ])
    >>> signs = Signs.of(np.array([1.0, -1.0]), np.array([-1.1, -2.0]))
    >>> dual_change(np.zeros(2), np.log([1.1, 2.0]), 0.0, signs).round(6)
    array([-2.1, -1. ])
    """
    if signs is not None:
        return _signed(log_before, log_after, index, signs)
    power = 1.0 - np.asarray(index)
    step = log_after - log_before
    at_one = power == 0
    if not np.any(at_one):
        change = np.expm1(power * step)
        change *= np.exp(power * log_before)
        change /= power
        return change
    if np.all(at_one):
        return step
    return np.where(
        at_one, step, dual_change(log_before, log_after, np.where(at_one, 0.0, np.asarray(index)))
    )


def _signed(
    log_before: Float[np.ndarray, "*n"],
    log_after: Float[np.ndarray, "*n"],
    index: float | Float[np.ndarray, "*#n"],
    signs: Signs,
) -> Float[np.ndarray, "*n"]:
    change = dual_change(log_before, log_after, index)
    if signs.crossed.any():
        crossed = np.broadcast_to(signs.crossed, change.shape)
        power = np.broadcast_to(1.0 - np.asarray(index), change.shape)[crossed]
        way = np.full(power.size, -np.inf)
        open_ = power > 0
        ends = [np.broadcast_to(logs, change.shape)[crossed] for logs in (log_before, log_after)]
        way[open_] = -sum(np.exp(power[open_] * end[open_]) for end in ends) / power[open_]
        change = change.copy()
        change[crossed] = way
    return signs.before * change
