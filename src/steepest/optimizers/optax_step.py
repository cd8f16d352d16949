"""One parameter's step in optax: the change to add to its weights, and what its state becomes."""

from collections.abc import Callable
from math import factorial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from steepest.arrays.numbers import floating, is_concrete, like
from steepest.descent.step import mirror_step
from steepest.errors import DomainError, UsageError
from steepest.geometry import AbstractPotential, Fermi, HyperbolicEntropy, Logit, PNorm, Power
from steepest.optimizers.kept_dual import (
    EDGE_OF_FERMI,
    EDGE_OF_LOGIT,
    HARMLESS,
    LOOK_AGAIN,
    Kept,
    decay_step,
    near_edge,
    refusal,
    scale_of,
    short_change,
    step_dual,
    still_kept,
)

__all__ = ["Memory", "Rule", "expm1", "move", "name_of", "require_real", "working"]

# log 2 as a sum of a short number and the rest, and (exp(r) - 1 - r) / r^2 for |r| < log(2)/2.
_LOG_2 = np.float32(0.693359375), np.float32(-2.12194440e-4)
_SERIES = tuple(np.float32(1 / factorial(order)) for order in range(2, 9))


class Rule(NamedTuple):
    """How a step is made: `mirror_descent`'s arguments, with the rate and the decay of this step.

    `momentum` and `max_step` are None where there is none; `weight_decay` is 0 then.
    """

    potential: AbstractPotential
    rate: Any
    momentum: Any
    nesterov: bool
    weight_decay: Any
    decay: str
    reference: Any
    max_step: Any
    own_signs: bool
    count: Any = 0  # steps made before
    reach: Any = None  # a bound on the covector's components, where one is known
    covector: Callable[..., Any] | None = None  # of what is given in the place of gradients

    @property
    def decays(self) -> bool:
        """Whether there is a decay, as far as that is known."""
        return not (isinstance(self.weight_decay, float | int) and self.weight_decay == 0)


class Memory(NamedTuple):
    """One parameter's part of `MirrorState`, None where there is none."""

    momentum: Any
    kept: Any
    rest: Any
    room: Any
    spare: Any


def name_of(path: Any) -> str:
    """How messages call a leaf of a tree of parameters."""
    return f"parameter {jax.tree_util.keystr(path)}"


def require_real(path: Any, *arrays: Any) -> None:
    """Raise `UsageError` for complex weights or gradients."""
    if any(jnp.issubdtype(jnp.result_type(array), jnp.complexfloating) for array in arrays):
        raise UsageError(
            f"{name_of(path)} is complex: mirror descent moves real weights; give real and"
            " imaginary parts as parameters of their own"
        )


def working(weights: Any) -> Any:
    """The precision in which weights are moved: half a float is too short for a dual."""
    dtype = floating(jnp.result_type(weights))
    return dtype if jnp.finfo(dtype).bits >= 32 else jnp.dtype("float32")


def move(
    rule: Rule, path: Any, weights: Any, gradient: Any, memory: Memory
) -> tuple[Any, Memory, Any]:
    """The change of one parameter, its memory, and how many components `max_step` has bounded."""
    if weights is None or gradient is None:
        return None, memory, 0
    weights = jnp.asarray(weights)
    work = weights.astype(working(weights))
    if rule.covector is None:
        require_real(path, weights, gradient)
        covector, buffer = _covector(rule, work, jnp.asarray(gradient), memory.momentum)
        sources = (covector,)
    else:
        require_real(path, weights, *gradient)
        sources, buffer = gradient, memory.momentum
    covector = _covector_of(rule, work, sources)
    bounded = 0
    if rule.max_step is not None:
        most = like(rule.max_step, covector)
        bounded = (jnp.abs(like(rule.rate, work) * covector) > most).sum()
    kept = None if memory.kept is None else Kept(memory.kept, memory.rest)
    try:
        change, kept, room, spare = _change(
            rule, weights, work, sources, kept, memory.room, memory.spare
        )
    except DomainError as error:
        raise DomainError(f"{name_of(path)}: {error}") from error
    if is_concrete(change, covector):
        lost = np.isfinite(covector) & ~np.isfinite(change)
        if lost.any():
            kind = weights.dtype.name
            raise refusal(name_of(path), int(lost.sum()), lost.size, kind, rule.potential)
    dual, rest = (memory.kept, memory.rest) if kept is None else kept
    return change.astype(weights.dtype), Memory(buffer, dual, rest, room, spare), bounded


def _covector_of(rule: Rule, work: Array, sources: tuple[Array, ...]) -> Array:
    covector = sources[0] if rule.covector is None else rule.covector(*sources)
    return covector.astype(work.dtype)


def _step(rule: Rule, work: Array, covector: Array) -> Array:
    """By how much the dual falls."""
    step = like(rule.rate, work) * covector
    if rule.max_step is None:
        return step
    most = like(rule.max_step, step)
    return jnp.clip(step, -most, most)


def _covector(rule: Rule, work: Array, gradient: Array, buffer: Any) -> tuple[Array, Any]:
    """What moves the dual: the gradient with its decay and its momentum."""
    if rule.decays and rule.decay == "gradient":
        gradient = gradient.astype(work.dtype) + like(rule.weight_decay, work) * work
    if rule.momentum is None:
        return gradient, buffer
    momentum = like(rule.momentum, buffer)
    gradient = gradient.astype(buffer.dtype)
    buffer = momentum * buffer + gradient
    return (gradient + momentum * buffer if rule.nesterov else buffer), buffer


def _change(
    rule: Rule,
    weights: Array,
    work: Array,
    sources: tuple[Array, ...],
    kept: Kept | None,
    room: Any,
    spare: Any,
) -> tuple[Array, Kept | None, Any, Any]:
    """What one step adds to the weights; duals that are kept after it, the room, and the spare.

    The room is how far duals can move before a weight comes near an edge. A look at all weights
    tells it; while the steps' bounds do not use it up, nobody need look again. Where somebody
    looks, the change is written into the spare array: one made for it would be paid for by every
    step.
    """
    loss = None
    if rule.decays and rule.decay == "weights":
        loss = like(rule.rate, work) * like(rule.weight_decay, work)
    covector = _covector_of(rule, work, sources)
    usual = _usual_change(rule, work, _step(rule, work, covector), loss)
    if kept is None:
        return _unless_lost(usual), None, room, spare
    room = jnp.zeros((), work.dtype) if room is None else room
    spare = jnp.zeros_like(work) if spare is None else spare
    longest = jax.lax.stop_gradient(_longest(rule, covector, loss))
    left = room - longest
    calm = (left > 0) & (jnp.asarray(rule.count) % LOOK_AGAIN != 0)

    def near(points: Array) -> Array:
        return near_edge(jnp, rule.potential, points, like(scale_of(rule.potential), points))

    def look(kept: Kept, work: Array, *sources: Array) -> tuple[Array, Kept, Array]:
        step = _step(rule, work, _covector_of(rule, work, sources))
        usual = _usual_change(rule, work, step, loss)
        written = weights + usual.astype(weights.dtype)
        unsettled = (near(weights) | near(written) | ~jnp.isfinite(written)).any()
        change, kept = jax.lax.cond(
            unsettled,
            lambda: _careful_change(rule, weights, work, step, loss, kept, near),
            lambda: (usual, kept),
        )
        return change, kept, _room(rule.potential, weights + change.astype(weights.dtype), kept)

    spare, kept, left = _replace(calm, (spare, kept, left), look, work, *sources)
    return jnp.where(calm, usual, spare), kept, left, spare


def _longest(rule: Rule, covector: Array, loss: Array | None) -> Array:
    """A bound on what a step adds to a dual's distance to an edge; not finite for no bound."""
    if rule.decays and rule.decay == "dual":
        return jnp.full((), jnp.inf, covector.dtype)
    if rule.reach is None:  # a product of vectors: XLA's search for the largest takes longer
        flat = covector.ravel()
        longest = 1.01 * jnp.sqrt(jnp.dot(flat, flat))
    else:
        longest = like(rule.reach, covector)
    longest = like(rule.rate, covector) * longest
    if rule.max_step is not None:
        longest = jnp.minimum(longest, like(rule.max_step, covector))
    return longest if loss is None else longest - 4 * jnp.log1p(-loss)


def _room(potential: AbstractPotential, weights: Array, kept: Kept) -> Array:
    """How far duals can move before a weight of these is near an edge; 0 where one is already."""
    dtype = kept.dual.dtype
    weights = jax.lax.stop_gradient(weights)
    info = jnp.finfo(weights.dtype)
    floor = float(info.tiny) / float(info.eps)
    scale = like(scale_of(potential), kept.dual)
    points = weights.astype(dtype)
    if isinstance(potential, Fermi):
        room = jnp.arctanh(EDGE_OF_FERMI) - jnp.arctanh(jnp.abs(points) / scale)
    elif isinstance(potential, Logit):
        low = jnp.log(points) - float(np.log(floor))
        share = points / scale
        top = float(np.log(EDGE_OF_LOGIT / (1 - EDGE_OF_LOGIT))) - jnp.log(share / (1 - share))
        room = jnp.minimum(low, top)
    elif potential.index == 1:  # a weight that is 0 stays, and so does what it says
        sizes = jnp.abs(points)
        ends = jnp.minimum(jnp.log(sizes / floor), float(np.log(float(info.max))) - jnp.log(sizes))
        room = jnp.where(points == 0, jnp.inf, ends)
    else:  # up to this index a weight near 0 has a dual that is nothing beside a step
        assert potential.index is not None
        room = jnp.full(points.shape, jnp.inf if potential.index <= HARMLESS else 0.0, dtype)
    free = (kept.dual == 0) & (room > 0)
    return jnp.where(free, room, 0).min(initial=jnp.inf).astype(dtype)


def _usual_change(rule: Rule, work: Array, step: Array, loss: Array | None) -> Array:
    """The change of weights that hold their duals."""
    potential = rule.potential
    if rule.decays and rule.decay == "dual":
        own = _signed(potential, _signs(work), rule.own_signs)
        step = step + _pull(rule, own, own.to_dual(work))
    if loss is None:
        return _held_change(potential, work, step, rule.own_signs)
    shrunk = work * (1 - loss)
    return _held_change(potential, shrunk, step, rule.own_signs) - loss * work


def _pull(rule: Rule, potential: AbstractPotential, dual: Array) -> Array:
    """The step of decay in the dual, towards the reference on each weight's side of 0."""
    pull = like(rule.rate, dual) * like(rule.weight_decay, dual)
    if rule.reference is None:
        return pull * dual
    goal = like(rule.reference, dual) * like(getattr(potential, "sign", 1.0), dual)
    return pull * (dual - potential.to_dual(jnp.broadcast_to(goal, dual.shape)))


def _signs(values: Array) -> Array:
    return jnp.where(values < 0, -1, 1).astype(values.dtype)


def _signed(potential: AbstractPotential, signs: Array, own_signs: bool) -> AbstractPotential:
    """The potential, with each weight's own sign where that is asked for."""
    if own_signs and isinstance(potential, Power) and potential.freezes_signs:
        return Power(potential.index, signs)
    return potential


def _replace(
    calm: Array, usual: tuple[Array, Kept, Array], look: Callable[..., Any], *operands: Array
) -> tuple[Array, Kept, Array]:
    """`usual`, or where it is not calm what `look` makes of it, for which nobody pays otherwise.

    A loop that runs once or never changes arrays in place, where `lax.cond` copies them; its
    derivative is that of a choice between the two.
    """
    if is_concrete(calm):
        # Traced all the same: what is undefined there is NaN, and the caller names the parameter.
        return usual if calm else jax.jit(look)(usual[1], *operands)

    @jax.custom_jvp
    def replace(calm: Array, usual: Any, operands: Any) -> Any:
        def once(state: Any) -> Any:
            # Tied to what the loop changes, else the work would be done before it, every time.
            _, _, kept, _, tied = jax.lax.optimization_barrier((*state, operands))
            return True, *look(kept, *tied)

        return jax.lax.while_loop(lambda state: ~state[0], once, (calm, *usual))[1:]

    @replace.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        def choose(calm: Array, usual: Any, operands: Any) -> Any:
            return jax.tree_util.tree_map(
                lambda one, other: jnp.where(calm, one, other),
                tuple(usual),
                tuple(look(usual[1], *operands)),
            )

        return jax.jvp(choose, primals, tangents)

    return replace(calm, usual, operands)


def _held_change(
    potential: AbstractPotential, weights: Array, step: Array, own_signs: bool
) -> Array:
    """The change of weights that hold their duals, without cancellation where that is known."""
    if potential.index == 0:  # PNorm(2) and Power(0): the dual is the weight
        return -step
    if isinstance(potential, Power) and potential.freezes_signs:
        potential = Power(potential.index, _signs(weights)) if own_signs else potential
        weights = potential.domain.require(weights, potential.name)
        if potential.index == 1:
            return weights * expm1(-like(potential.sign, weights) * step)
    if isinstance(potential, HyperbolicEntropy | Fermi | Logit):
        weights = potential.domain.require(weights, potential.name)
        return short_change(jnp, potential, weights, step, like(scale_of(potential), weights))
    if isinstance(potential, Power | PNorm):
        return potential.to_primal(potential.to_dual(weights) - step) - weights
    return mirror_step(potential, weights, step, 1.0) - weights  # not known weight by weight


def _careful_change(
    rule: Rule,
    weights: Array,
    work: Array,
    step: Array,
    loss: Array | None,
    kept: Kept,
    near: Callable[[Array], Array],
) -> tuple[Array, Kept]:
    """The change where some duals are kept, or shall be."""
    weights = jax.lax.stop_gradient(weights)
    # A weight that went below the smallest float has lost its sign; its dual has not.
    sign = jnp.where(near(weights) & (kept.dual != 0), -jnp.sign(kept.dual), jnp.sign(work))
    potential = _signed(rule.potential, _signs(sign), rule.own_signs)
    shown = potential.to_primal(kept.dual).astype(weights.dtype)
    still = jax.lax.stop_gradient(work)
    counts = still_kept(jnp, near(weights), weights, kept, potential.to_dual(still), shown)
    shrunk = work
    if loss is not None:
        shrunk = work * (1 - loss)
        side = like(getattr(potential, "sign", 1.0), work)
        far = decay_step(jnp, potential, kept.dual, side, loss)
        step = step + jnp.where(counts, far, jnp.zeros_like(far))
    read = potential.to_dual(jnp.where(counts, still, shrunk))
    if rule.decays and rule.decay == "dual":
        step = step + _pull(rule, potential, jnp.where(counts, kept.dual, read))
    missing = (shrunk - potential.to_primal(read)) / potential.sharp(work, jnp.ones_like(work))
    total, rest = step_dual(jnp, counts, kept, Kept(read, jax.lax.stop_gradient(missing)), step)
    reached = potential.to_primal(total)
    reached += potential.sharp(reached, rest)  # a long dual's last digits, which a weight shows
    change = _unless_lost(reached - work, ~jnp.isfinite(total) & (reached != work))
    keep = near(weights + change.astype(weights.dtype)) & jnp.isfinite(total)
    nothing = jnp.zeros_like(total)
    return change, Kept(jnp.where(keep, total, nothing), jnp.where(keep, rest, nothing))


def _unless_lost(change: Array, lost: Array | bool = False) -> Array:
    """The change; NaN, derivatives included, where it is lost or infinite."""
    return change * jnp.where(lost | ~jnp.isfinite(change), like(jnp.nan, change), 1)


def expm1(x: Array) -> Array:
    """exp(x) - 1; in float32 within 3e-7 of itself, or of exp(x) where that is larger.

    XLA's own costs half an SGD step more. With x = n log 2 + r it is 2^n (exp(r) - 1) + 2^n - 1.
    """
    if x.dtype != jnp.float32:
        return jnp.expm1(x)
    x = jnp.clip(x, -87.0, 89.0)
    whole = jnp.round(x * np.float32(1 / np.log(2)))
    rest = x - whole * _LOG_2[0] - whole * _LOG_2[1]
    series = jnp.full_like(rest, _SERIES[-1])
    for coefficient in _SERIES[-2::-1]:
        series = series * rest + coefficient
    growth = rest + rest * rest * series
    half = jax.lax.bitcast_convert_type((whole.astype(jnp.int32) + 126) << 23, jnp.float32)
    return 2 * (half * growth + (half - 0.5))
