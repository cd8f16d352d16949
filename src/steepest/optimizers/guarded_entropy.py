"""Steps of the entropy on a CPU that need no look at the gradients first: each weight is guarded.

A kernel that must know beforehand that no step is long has to read the gradients twice. This one
leaves a weight where it is if its dual would move further than `SHORT`, or not to a number, and
says how many there were: they are few, and are moved with care afterwards.
"""

import numpy as np
from numpy.typing import NDArray

from steepest.machine import compiled

__all__ = ["SHORT", "guarded_step"]

SHORT = 0.25
"""The longest step of a dual that the kernel takes: exp is its series there, to 2e-8."""
_BLOCK = 2**14  # weights whose steps are bounded together, by the root of the sum of their squares
_C2, _C3, _C4, _C5, _C6 = (np.float32(1 / k) for k in (2, 6, 24, 120, 720))
_LIMIT, _NOTHING = np.float32(SHORT), np.float32(0)


@compiled(cache=True, fastmath={"contract", "nsz", "reassoc"})
def _step_block(
    weights: NDArray[np.float32],
    gradients: NDArray[np.float32],
    sums: NDArray[np.float32],
    rate: np.float32,
    momentum: np.float32,
    kept: np.float32,
) -> tuple[np.float32, int]:
    """The sum of the squares of a block's steps, and how many of its weights stay."""
    squares, staying = _NOTHING, 0
    for i in range(weights.size):
        weight = weights[i]
        covector = gradients[i]
        if sums.size:
            covector = momentum * sums[i] + covector
            sums[i] = covector
        step = rate * covector
        power = step if weight < 0 else -step
        part = power * _C6 + _C5
        part = part * power + _C4
        part = part * power + _C3
        part = part * power + _C2
        growth = power + power * power * part
        short = abs(power) <= _LIMIT
        staying += 0 if short else 1
        squares += power * power if short else _NOTHING
        left = kept * weight
        weights[i] = left + left * growth if short else weight
    return squares, staying


@compiled(cache=True)
def guarded_step(
    weights: NDArray[np.float32],
    gradients: NDArray[np.float32],
    sums: NDArray[np.float32],
    rate: np.float32,
    momentum: np.float32,
    kept: np.float32,
) -> tuple[float, int]:
    """Move weights (n,) in place; a bound on the steps that were taken, and how many stay.

    - `gradients`: of the loss, (n,).
    - `sums`: momentum's buffer (n,), brought up to date for all; empty where there is none.
    - `rate`, `momentum`: of the step; the sum becomes momentum sum + gradient.
    - `kept`: the share of a weight that decay leaves of it.

    Those that stay are the ones with `abs(rate * covector) > SHORT` in single precision, where the
    covector is the sum, or the gradient if there is none.
    """
    most, staying = _NOTHING, 0
    for start in range(0, weights.size, _BLOCK):
        stop = min(start + _BLOCK, weights.size)
        here = slice(start, stop)
        squares, stay = _step_block(
            weights[here], gradients[here], sums[here], rate, momentum, kept
        )
        most, staying = max(most, squares), staying + stay
    return 1.001 * np.sqrt(most), staying  # the sum is rounded
