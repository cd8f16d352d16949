"""Mirror descent as optax transformations: with momentum, and with Adam's moments."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from steepest.arrays.numbers import is_concrete
from steepest.errors import UsageError
from steepest.optimizers.injection import Given, injectable
from steepest.optimizers.kept_dual import has_edges
from steepest.optimizers.optax_step import Memory, Rule, move, name_of, require_real, working
from steepest.optimizers.settings import (
    check_betas,
    check_decay,
    check_max_step,
    check_momentum,
    check_potential,
    check_rate,
)
from steepest.optimizers.starting_weights import check_start, tally

__all__ = ["MirrorState", "adaptive_mirror_descent", "mirror_descent"]


class MirrorState(NamedTuple):
    """Steps taken, the momentum (None without), and duals of weights near an edge of the domain.

    `kept` and its remainder `rest` have the weights' shape, and are 0 where a weight holds its own
    dual; None under potentials whose weights always do. `momentum` adds up gradients. `bounded`
    counts the components of steps that `max_step` has bounded so far; None without it. `room` says
    of each parameter how far its duals can move before all weights are to be looked at again;
    `spare` is memory for the changes of a step that looks.

    >>> from steepest.geometry import PNorm
    >>> state = mirror_descent(0.1, PNorm(3), momentum=0.9).init(jnp.ones(2))
    >>> int(state.count), state.momentum.tolist(), state.kept
    (0, [0.0, 0.0], None)
    """

    count: Any
    momentum: Any
    kept: Any = None
    rest: Any = None
    bounded: Any = None
    room: Any = None
    spare: Any = None


@injectable
def mirror_descent(
    learning_rate: Any,
    potential: Any,
    *,
    momentum: Any = None,
    nesterov: bool = False,
    weight_decay: Any = 0.0,
    decay: Any = "weights",
    reference: Any = None,
    max_step: Any = None,
    freeze_signs: bool = False,
) -> optax.GradientTransformation:
    """Mirror descent with momentum in the dual: m <- momentum m + g, then z <- z - rate m.

    Chain it last, after clipping and the like; one potential per group is `optax.multi_transform`.
    Needs `params` in `update`. Parameters without a gradient (None) stay. Half-precision weights
    are moved in float32 and rounded. Pogodin et al. 2024, Eq 6 and B.1.

    - `learning_rate`: a number, an optax schedule, or what jit, vmap, grad and
      `optax.inject_hyperparams` make of a number.
    - `potential`: any of `steepest.geometry`.
    - `momentum`: at least 0 and below 1; None or 0 for none. With `nesterov` the dual moves by
      g + momentum m.
    - `weight_decay`: how much decays per unit of the rate, and `decay` what: "weights" (each
      weight loses the share rate * weight_decay, as in AdamW), "gradient" (weight_decay w is added
      to the gradient, before momentum), or "dual" (z goes to that of `reference`, a weight; for
      potentials whose dual is 0 at 0 it need not be given).
    - `max_step`: the largest step of a component of the dual; what is longer is cut, and counted.
    - `freeze_signs`: every weight under a potential of index 1 and above keeps the sign it has,
      instead of the potential's `sign`.

    Near an edge of the domain, where floats do not hold a weight's dual, the state keeps it, so
    that a weight comes back as it went: `MirrorState`. That of a potential that couples weights,
    or of your own, is not kept: there `mirror_step` says what is refused.

    `init` raises `DomainError`, naming the parameter, for weights that the potential cannot hold
    or move, and warns of those that will never move (not under jit). A step to an infinite weight
    raises `DomainError` that names the parameter; under jit it is NaN, as is one from outside the
    domain or with a gradient that is not finite (see `optax.apply_if_finite`). Raises `UsageError`
    for settings that cannot be used and for complex weights.

    >>> from steepest.geometry import Entropy
    >>> weights = jnp.array([1.0, 2.0])
    >>> optimizer = mirror_descent(0.5, Entropy())
    >>> changes, state = optimizer.update(jnp.array([1.0, 0.0]), optimizer.init(weights), weights)
    >>> [round(float(w), 3) for w in weights + changes]
    [0.607, 2.0]
    """
    where = "mirror_descent"
    potential = potential.potential if isinstance(potential, Given) else potential
    check_potential(where, potential)
    check_rate(where, "learning_rate", learning_rate)
    check_momentum(where, momentum, nesterov)
    check_decay(where, potential, weight_decay, decay, reference)
    check_max_step(where, max_step)
    settings = (momentum, nesterov, weight_decay, decay, reference, max_step, freeze_signs)
    return _transformation(learning_rate, potential, *settings)


def _transformation(
    learning_rate: Any,
    potential: Any,
    momentum: Any,
    nesterov: bool,
    weight_decay: Any,
    decay: Any,
    reference: Any,
    max_step: Any,
    freeze_signs: bool,
    reach: Any = None,
) -> optax.GradientTransformation:
    """`mirror_descent` of checked arguments; covectors are at most `reach` long, if it is given."""
    where = "mirror_descent"
    # A number that is 0 needs no buffer; of an array nobody knows what it will be.
    moves_on = momentum is not None and not (isinstance(momentum, float | int) and momentum == 0)
    keeps = has_edges(potential)

    def init(params: Any) -> MirrorState:
        leaves = jax.tree_util.tree_leaves_with_path(params)
        for path, leaf in leaves:
            require_real(path, leaf)
        if is_concrete(*[leaf for _, leaf in leaves]):
            check_start(
                [
                    tally(name_of(path), np.asarray(leaf), potential, freeze_signs)
                    for path, leaf in leaves
                ],
                potential,
            )

        def blank() -> Any:
            return jax.tree_util.tree_map(lambda w: jnp.zeros(jnp.shape(w), working(w)), params)

        return MirrorState(
            count=jnp.zeros((), jnp.int32),
            momentum=jax.tree_util.tree_map(jnp.zeros_like, params) if moves_on else None,
            kept=blank() if keeps else None,
            rest=blank() if keeps else None,
            bounded=None if max_step is None else jnp.zeros((), jnp.int32),
            room=jax.tree_util.tree_map(lambda w: jnp.zeros((), working(w)), params)
            if keeps
            else None,
            spare=blank() if keeps else None,
        )

    def update(
        updates: Any, state: MirrorState, params: Any = None, covector: Any = None
    ) -> tuple[Any, MirrorState]:
        if params is None:
            raise UsageError(f"{where} needs the weights: update(gradients, state, params)")
        rate = learning_rate(state.count) if callable(learning_rate) else learning_rate
        rule = Rule(
            potential,
            rate,
            momentum if moves_on else None,
            nesterov,
            weight_decay,
            decay,
            reference,
            max_step,
            freeze_signs,
            state.count,
            reach,
            covector,
        )
        leaves, tree = jax.tree_util.tree_flatten_with_path(params, is_leaf=lambda x: x is None)
        memories = _rows(tree, [state.momentum, state.kept, state.rest, state.room, state.spare])
        moved = [
            move(rule, path, weights, gradient, Memory(*memory))
            for (path, weights), gradient, memory in zip(
                leaves, tree.flatten_up_to(updates), memories, strict=True
            )
        ]
        columns = _columns(tree, [memory for _, memory, _ in moved])
        bounded = state.bounded
        if bounded is not None:
            bounded = bounded + sum(jnp.asarray(count, bounded.dtype) for _, _, count in moved)
        return tree.unflatten([change for change, _, _ in moved]), MirrorState(
            count=state.count + 1,
            momentum=columns[0] if moves_on else None,
            kept=columns[1] if keeps else None,
            rest=columns[2] if keeps else None,
            bounded=bounded,
            room=columns[3] if keeps else None,
            spare=columns[4] if keeps else None,
        )

    return optax.GradientTransformation(init, update)  # pyright: ignore[reportArgumentType]


@injectable
def adaptive_mirror_descent(
    learning_rate: Any,
    potential: Any,
    *,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    weight_decay: Any = 0.0,
    decay: Any = "weights",
    reference: Any = None,
    max_step: Any = None,
    freeze_signs: bool = False,
) -> optax.GradientTransformation:
    """Mirror descent by Adam's moments of the covector: z <- z - rate m / (sqrt(v) + eps).

    With `PNorm(2)` it is `optax.adamw`, with `Entropy()` AdamW on log|w| that is fed sign(w) dL/dw
    (not the chain rule's w dL/dw). A component of the step is at most about 3 rates long, and 1 at
    first, so warm the rate up. `b1`, `b2` and `eps` are Adam's; the other arguments, what is raised
    and what the state keeps, are those of `mirror_descent`. Gradients are to be clipped before.
    Kingma & Ba 2015; Cornford et al. 2024.

    >>> from steepest.geometry import Entropy
    >>> weights = jnp.array([1.0, 2.0])
    >>> optimizer = adaptive_mirror_descent(0.5, Entropy())
    >>> gradient = jnp.array([1e-3, -7.0])
    >>> changes, state = optimizer.update(gradient, optimizer.init(weights), weights)
    >>> [round(float(w), 3) for w in weights + changes]
    [0.607, 3.297]
    """
    where = "adaptive_mirror_descent"
    potential = potential.potential if isinstance(potential, Given) else potential
    check_potential(where, potential)
    check_betas(where, (b1, b2), eps)
    check_decay(where, potential, weight_decay, decay, reference)
    of_gradient = decay == "gradient"
    check_rate(where, "learning_rate", learning_rate)
    check_max_step(where, max_step)
    mirror = _transformation(
        learning_rate,
        potential,
        None,
        False,
        0.0 if of_gradient else weight_decay,
        "weights" if of_gradient else decay,
        reference,
        max_step,
        freeze_signs,
        (1 - b1) / (1 - b2) ** 0.5 + 1,
    )
    before = [optax.add_decayed_weights(weight_decay)] if of_gradient else []
    return _after_adam(before, optax.scale_by_adam(b1, b2, eps), mirror, (b1, b2, eps))


def _after_adam(
    before: list[Any], adam: Any, mirror: Any, constants: tuple[Any, Any, Any]
) -> optax.GradientTransformation:
    """`optax.chain` of these, in which the mirror step makes its covectors of Adam's moments.

    The covectors themselves need no memory then, where a step may have to look at all weights.
    """
    first, second, eps = constants

    def init(params: Any) -> tuple[Any, ...]:
        return tuple(part.init(params) for part in (*before, adam, mirror))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, tuple[Any, ...]]:
        if params is None:
            return mirror.update(updates, state[-1], params)
        states = []
        for part, own in zip(before, state[:-2], strict=True):
            updates, own = part.update(updates, own, params)
            states.append(own)
        _, moments = adam.update(updates, state[-2], params)

        def covector(mean: Any, square: Any) -> Any:
            # m / (1 - first^t) / (sqrt(v / (1 - second^t)) + eps), with one division.
            dtype = jnp.result_type(mean)
            seen = jnp.sqrt(1 - second**moments.count)
            factor = (seen / (1 - first**moments.count)).astype(dtype)
            return mean * factor / (jnp.sqrt(square) + (eps * seen).astype(dtype))

        def pair(gradient: Any, mean: Any, square: Any) -> Any:
            return None if gradient is None else (mean, square)

        pairs = jax.tree_util.tree_map(
            pair, updates, moments.mu, moments.nu, is_leaf=lambda x: x is None
        )
        changes, own = mirror.update(pairs, state[-1], params, covector)
        return changes, (*states, moments, own)

    return optax.GradientTransformation(init, update)  # pyright: ignore[reportArgumentType]


def _rows(tree: Any, columns: list[Any]) -> list[tuple[Any, ...]]:
    """One row per parameter of trees like that of the weights; None for a tree that is None."""
    count = tree.num_leaves
    flat = [[None] * count if c is None else tree.flatten_up_to(c) for c in columns]
    return list(zip(*flat, strict=True))


def _columns(tree: Any, rows: list[Memory]) -> list[Any]:
    return [tree.unflatten([row[i] for row in rows]) for i in range(len(Memory._fields))]
