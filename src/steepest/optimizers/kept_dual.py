"""The dual of a weight whose own float no longer holds it, kept in the optimizer's state.

One rule for all potentials and for both frameworks. A weight is its own store: each step reads its
dual from it. Near an edge of the domain that loses too much: between Fermi's weights .9999999 and 1
lie all duals beyond 8, and a weight of the entropy below the smallest float is 0. There the state
holds the dual, as a sum of two floats so that steps of any size add up, and the weight is what a
float can show of it. 0 in the state means that nothing is kept.

A kept dual counts as long as the weight is the one that was written with it. Weights that others
have set since (a checkpoint, an average, a mask) are read anew.

`xp` is `jax.numpy` or `torch`: the rule is written once.
"""

from typing import Any, NamedTuple

from steepest.errors import DomainError
from steepest.geometry import AbstractPotential, Fermi, Logit, PNorm, Power

__all__ = [
    "EDGE_OF_FERMI",
    "EDGE_OF_LOGIT",
    "HARMLESS",
    "LOOK_AGAIN",
    "SHORT",
    "Kept",
    "decay_step",
    "has_edges",
    "near_edge",
    "refusal",
    "scale_of",
    "short_change",
    "step_dual",
    "still_kept",
]

# Beyond this share of its bound, rounding a weight costs its dual more than four times as much.
EDGE_OF_FERMI, EDGE_OF_LOGIT = 0.875, 0.75
SHORT = 0.5
# Up to this index a weight near 0 has a dual that is nothing beside a step: its float suffices.
HARMLESS = 0.6
# Steps after which all weights are looked at again, whoever has changed them unseen.
LOOK_AGAIN = 100


class Kept(NamedTuple):
    """The dual as a sum of two arrays in the shape of the weights; 0 where nothing is kept."""

    dual: Any
    rest: Any


def has_edges(potential: AbstractPotential) -> bool:
    """Whether finite duals exist whose weights floats cannot tell apart, weight by weight."""
    if isinstance(potential, Power | PNorm):
        return potential.index > 0
    return isinstance(potential, Fermi | Logit)


def scale_of(potential: AbstractPotential) -> Any:
    """The bound or scale of a potential that has one, else 1."""
    return getattr(potential, "bound", getattr(potential, "scale", 1.0))


def near_edge(xp: Any, potential: AbstractPotential, weights: Any, scale: Any) -> Any:
    """Which weights, in their own precision, do not hold their dual; `scale` as an array."""
    if isinstance(potential, Fermi):
        return xp.abs(weights) > EDGE_OF_FERMI * scale
    info = xp.finfo(weights.dtype)
    floor = float(info.tiny) / float(info.eps)  # below, small changes have no float, or are flushed
    if isinstance(potential, Logit):
        return (weights < floor) | (weights > EDGE_OF_LOGIT * scale)
    return xp.abs(weights) < floor


def short_change(
    xp: Any,
    potential: AbstractPotential,
    weights: Any,
    step: Any,
    scale: Any,
    *,
    all_short: bool = False,
) -> Any:
    """What a step of the dual adds to weights that hold it, without passing through the dual.

    The dual of a large weight of the hyperbolic entropy, or of one near a bound, is longer than a
    small step is precise. For `Fermi`, `Logit` and `HyperbolicEntropy`; `all_short` says that no
    step is longer than `SHORT`, which spares the last a branch.
    """
    if isinstance(potential, Fermi):
        share, turn = weights / scale, xp.tanh(step)
        return -scale * turn * (1 - share) * (1 + share) / (1 - share * turn)
    if isinstance(potential, Logit):
        share, growth = weights / scale, xp.expm1(-step)
        return weights * (1 - share) * growth / (1 + share * growth)
    half = _short_sinh(step / 2)
    near = 2 * half * (half * weights - xp.hypot(weights, scale) * xp.sqrt(1 + half * half))
    if all_short:
        return near
    # A long step back would cancel there.
    far = scale * xp.sinh(xp.arcsinh(weights / scale) - step) - weights
    return xp.where(xp.abs(step) < SHORT, near, far)


def still_kept(xp: Any, near: Any, weights: Any, kept: Kept, read: Any, shown: Any) -> Any:
    """Where the dual in the state is that of these weights.

    `read` is the dual that the weights show, `shown` the weights that the dual in the state shows.
    A weight at the edge itself has no finite dual: there the one that led to it counts.
    """
    info = xp.finfo(weights.dtype)
    tolerance = 4 * float(info.eps) * xp.abs(shown) + 2 * float(info.tiny)
    same = xp.abs(weights - shown) <= tolerance
    return near & (kept.dual != 0) & (same | xp.isinf(read) | (weights == 0))


def decay_step(xp: Any, potential: AbstractPotential, dual: Any, sign: Any, loss: Any) -> Any:
    """The step of the dual that takes a share `loss` from its weight, however far out it is."""
    kept = xp.log1p(-loss)
    if isinstance(potential, Fermi):
        far = xp.logaddexp(xp.log1p(-loss / 2), 2 * xp.abs(dual) + xp.log(loss / 2))
        near = xp.log1p(loss * xp.expm1(-2 * xp.abs(dual)) / 2)
        return xp.sign(dual) * (far - near) / 2
    if isinstance(potential, Logit):
        return xp.logaddexp(xp.zeros_like(dual), dual + xp.log(loss)) - kept
    if potential.index == 1:
        return -sign * kept
    assert potential.index is not None
    return -dual * xp.expm1((1 - potential.index) * kept)


def _short_sinh(x: Any) -> Any:
    """sinh to a rounding where |x| < 1/4: libraries are a little off, step after step."""
    square = x * x
    series = 1.0
    for order in (12, 10, 8, 6, 4, 2):
        series = 1.0 + square * series / (order * (order + 1))
    return x * series


def step_dual(xp: Any, counts: Any, kept: Kept, read: Kept, step: Any) -> tuple[Any, Any]:
    """The dual, kept or read, less the step, as a sum of two floats (Knuth's and Dekker's)."""
    nothing = xp.zeros_like(step)
    dual = xp.where(counts, kept.dual, read.dual)
    last = xp.where(xp.isfinite(read.rest), read.rest, nothing)
    total = dual - step
    share = total - dual
    error = (dual - (total - share)) - (step + share)
    rest = xp.where(xp.isfinite(total), error, nothing) + xp.where(counts, kept.rest, last)
    dual = total + rest
    return dual, xp.where(xp.isfinite(dual), rest - (dual - total), nothing)


def refusal(
    name: str, lost: int, size: int, dtype: str, potential: AbstractPotential
) -> DomainError:
    """The error for a step that takes weights where neither they nor their duals are numbers."""
    return DomainError(
        f"{name}: a step under {potential.name} carries {lost} of {size} weights past infinity, or"
        f" past what {dtype} can hold: lower the learning rate, or clip the gradients"
    )
