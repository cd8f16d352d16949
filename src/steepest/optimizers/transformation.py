"""Mirror descent as an optax transformation."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array

from steepest.arrays.numbers import is_concrete
from steepest.descent.step import mirror_step
from steepest.errors import UsageError
from steepest.geometry import AbstractPotential, Power
from steepest.optimizers.starting_weights import check_start, tally

__all__ = ["MirrorState", "mirror_descent"]


class MirrorState(NamedTuple):
    """Steps taken, and the momentum of the dual weights (None without momentum).

    >>> from steepest.geometry import PNorm
    >>> state = mirror_descent(0.1, PNorm(3), momentum=0.9).init(jnp.ones(2))
    >>> int(state.count), state.momentum.tolist()
    (0, [0.0, 0.0])
    """

    count: Any
    momentum: Any


def mirror_descent(
    learning_rate: float | int | Callable[[Any], Any],
    potential: AbstractPotential,
    *,
    momentum: float | int = 0.0,
    freeze_signs: bool = False,
) -> optax.GradientTransformation:
    """Mirror descent with momentum in the dual: m <- momentum m + g, then z <- z - rate m.

    `learning_rate` is a number or an optax schedule. With `freeze_signs`, every weight under a
    potential of index 1 and above keeps the sign it has, instead of the potential's `sign`. Chain
    it last, after clipping and the like; one potential per group is `optax.multi_transform`.
    Needs `params` in `update`. Pogodin et al. 2024, Eq 6 and B.1.

    `init` raises `DomainError`, naming the parameter, for weights that the potential cannot hold
    or move, and warns of zeros that will never move (not under jit). Under jit a step that leaves
    the domain, or a gradient that is not finite, gives NaN (see `optax.apply_if_finite`).

    >>> from steepest.geometry import Entropy
    >>> weights = jnp.array([1.0, 2.0])
    >>> optimizer = mirror_descent(0.5, Entropy())
    >>> changes, state = optimizer.update(jnp.array([1.0, 0.0]), optimizer.init(weights), weights)
    >>> [round(float(w), 3) for w in weights + changes]
    [0.607, 2.0]
    """
    if not 0 <= momentum < 1:
        raise UsageError(f"momentum is {momentum:g}: it is at least 0 and below 1")
    if not callable(learning_rate) and not (np.isfinite(learning_rate) and learning_rate >= 0):
        raise UsageError(f"learning_rate is {learning_rate:g}: give a positive number or schedule")

    def init(params: Any) -> MirrorState:
        leaves = jax.tree_util.tree_leaves_with_path(params)
        if is_concrete(*[leaf for _, leaf in leaves]):
            check_start(
                [
                    tally(
                        f"parameter {jax.tree_util.keystr(path)}",
                        np.asarray(leaf),
                        potential,
                        freeze_signs,
                    )
                    for path, leaf in leaves
                ],
                potential,
            )
        moving = jax.tree_util.tree_map(jnp.zeros_like, params) if momentum else None
        return MirrorState(jnp.zeros((), jnp.int32), moving)

    def update(updates: Any, state: MirrorState, params: Any = None) -> tuple[Any, MirrorState]:
        if params is None:
            raise UsageError("mirror_descent needs the weights: update(gradients, state, params)")
        rate = learning_rate(state.count) if callable(learning_rate) else learning_rate
        moving = state.momentum
        if momentum:
            updates = moving = jax.tree_util.tree_map(
                lambda m, g: jnp.asarray(momentum, g.dtype) * m + g, moving, updates
            )

        def change(weights: Array, covector: Array) -> Array:
            return _change(potential, weights, covector, rate, freeze_signs)

        changes = jax.tree_util.tree_map(change, params, updates)
        return changes, MirrorState(state.count + 1, moving)

    return optax.GradientTransformation(init, update)  # pyright: ignore[reportArgumentType]


def _change(
    potential: AbstractPotential, weights: Array, covector: Array, rate: Any, own_signs: bool
) -> Array:
    """What one mirror step adds to the weights, without cancellation where a closed form has it."""
    weights = jnp.asarray(weights)
    rate = jnp.asarray(rate, weights.dtype)
    if potential.index == 0:  # PNorm(2) and Power(0): the dual is the weight
        return -rate * covector
    if isinstance(potential, Power) and potential.freezes_signs:
        if own_signs:
            sign = jnp.where(weights < 0, -1, 1).astype(weights.dtype)
        else:
            weights = potential.domain.require(weights, potential.name)
            sign = jnp.asarray(potential.sign, weights.dtype)
        if potential.index == 1:
            return weights * expm1(-rate * sign * covector)
        potential = Power(potential.index, sign)
    return mirror_step(potential, weights, covector, rate) - weights


def expm1(x: Array) -> Array:
    """exp(x) - 1; in float32 by a series near 0 and a difference beyond, within 2e-6 of itself.

    XLA's own costs half an SGD step more. The error, at most one rounding of a weight, is that of
    adding the change to the weight.
    """
    if x.dtype != jnp.float32:
        return jnp.expm1(x)
    near = x + x * x * (0.5 + x * (1 / 6 + x * (1 / 24)))
    return jnp.where(jnp.abs(x) < 2**-5, near, jnp.exp(x) - 1)
