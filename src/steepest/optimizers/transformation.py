"""Mirror descent as an optax transformation."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array

from steepest.arrays.numbers import floating, is_concrete, like
from steepest.descent.step import mirror_step
from steepest.errors import DomainError, UsageError
from steepest.geometry import AbstractPotential, Fermi, HyperbolicEntropy, Logit, PNorm, Power
from steepest.optimizers.kept_dual import (
    Kept,
    has_edges,
    near_edge,
    refusal,
    scale_of,
    short_change,
    step_dual,
    still_kept,
)
from steepest.optimizers.settings import check_momentum, check_potential, check_rate
from steepest.optimizers.starting_weights import check_start, tally

__all__ = ["MirrorState", "mirror_descent"]


class MirrorState(NamedTuple):
    """Steps taken, the momentum (None without), and duals of weights near an edge of the domain.

    `kept` and its remainder `rest` have the weights' shape, and are 0 where a weight holds its own
    dual; None under potentials whose weights always do. `momentum` adds up gradients.

    >>> from steepest.geometry import PNorm
    >>> state = mirror_descent(0.1, PNorm(3), momentum=0.9).init(jnp.ones(2))
    >>> int(state.count), state.momentum.tolist(), state.kept
    (0, [0.0, 0.0], None)
    """

    count: Any
    momentum: Any
    kept: Any = None
    rest: Any = None


def mirror_descent(
    learning_rate: float | int | Array | np.ndarray | np.generic | Callable[[Any], Any],
    potential: Any,
    *,
    momentum: float | int | Array | np.ndarray | np.generic | None = None,
    freeze_signs: bool = False,
) -> optax.GradientTransformation:
    """Mirror descent with momentum in the dual: m <- momentum m + g, then z <- z - rate m.

    `learning_rate` is a number, an optax schedule, or what jit, vmap, grad and
    `optax.inject_hyperparams` make of a number. With `freeze_signs`, every weight under a
    potential of index 1 and above keeps the sign it has, instead of the potential's `sign`. Chain
    it last, after clipping and the like; one potential per group is `optax.multi_transform`.
    Needs `params` in `update`. Parameters without a gradient (None) stay. Half-precision weights
    are moved in float32 and rounded. Pogodin et al. 2024, Eq 6 and B.1.

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
    potential = potential.potential if isinstance(potential, _Given) else potential
    check_potential("mirror_descent", potential)
    check_rate("mirror_descent", "learning_rate", learning_rate)
    if momentum is not None:
        check_momentum("mirror_descent", momentum)
    # A number that is 0 needs no buffer; of an array nobody knows what it will be.
    moves_on = momentum is not None and not (isinstance(momentum, float | int) and momentum == 0)
    keeps = has_edges(potential)

    def init(params: Any) -> MirrorState:
        leaves = jax.tree_util.tree_leaves_with_path(params)
        for path, leaf in leaves:
            _require_real(path, leaf)
        if is_concrete(*[leaf for _, leaf in leaves]):
            check_start(
                [
                    tally(_name(path), np.asarray(leaf), potential, freeze_signs)
                    for path, leaf in leaves
                ],
                potential,
            )
        buffers = jax.tree_util.tree_map(jnp.zeros_like, params) if moves_on else None

        def blank() -> Any:
            return jax.tree_util.tree_map(lambda w: jnp.zeros(jnp.shape(w), _working(w)), params)

        kept, rest = (blank(), blank()) if keeps else (None, None)
        return MirrorState(jnp.zeros((), jnp.int32), buffers, kept, rest)

    def update(updates: Any, state: MirrorState, params: Any = None) -> tuple[Any, MirrorState]:
        if params is None:
            raise UsageError("mirror_descent needs the weights: update(gradients, state, params)")
        rate = learning_rate(state.count) if callable(learning_rate) else learning_rate
        paths, tree = jax.tree_util.tree_flatten_with_path(params, is_leaf=_is_none)
        columns = [updates, state.momentum, state.kept, state.rest]
        decay = momentum if moves_on else None
        moved = [
            _move(potential, path, weights, row, rate, decay, freeze_signs)
            for (path, weights), row in zip(paths, _rows(tree, columns), strict=True)
        ]
        changes, buffers, kept, rest = (
            tree.unflatten(column) for column in zip(*moved, strict=True)
        ) if moved else columns  # fmt: skip
        state = MirrorState(
            state.count + 1,
            buffers if moves_on else None,
            kept if keeps else None,
            rest if keeps else None,
        )
        return changes, state

    return optax.GradientTransformation(init, update)  # pyright: ignore[reportArgumentType]


class _Given(NamedTuple):
    """A potential on its way through `optax.inject_hyperparams`, which calls what can be called."""

    potential: AbstractPotential


class _Signature(inspect.Signature):
    """That of `mirror_descent`: who binds arguments to it finds a potential that is no schedule."""

    def bind(self, *args: Any, **kwargs: Any) -> inspect.BoundArguments:
        bound = super().bind(*args, **kwargs)
        if isinstance(bound.arguments["potential"], AbstractPotential):
            bound.arguments["potential"] = _Given(bound.arguments["potential"])
        return bound


_plain = inspect.signature(mirror_descent)
mirror_descent.__signature__ = _Signature(  # pyright: ignore[reportFunctionMemberAccess]
    list(_plain.parameters.values()), return_annotation=_plain.return_annotation
)


def _is_none(value: Any) -> bool:
    return value is None


def _rows(tree: Any, columns: list[Any]) -> list[tuple[Any, ...]]:
    """One row per parameter of trees like that of the weights; None for a tree that is None."""
    count = tree.num_leaves
    flat = [[None] * count if c is None else tree.flatten_up_to(c) for c in columns]
    return list(zip(*flat, strict=True))


def _name(path: Any) -> str:
    return f"parameter {jax.tree_util.keystr(path)}"


def _require_real(path: Any, *arrays: Any) -> None:
    if any(jnp.issubdtype(jnp.result_type(array), jnp.complexfloating) for array in arrays):
        raise UsageError(
            f"{_name(path)} is complex: mirror descent moves real weights; give real and imaginary"
            " parts as parameters of their own"
        )


def _working(weights: Any) -> Any:
    """The precision in which weights are moved: half a float is too short for a dual."""
    dtype = floating(jnp.result_type(weights))
    return dtype if jnp.finfo(dtype).bits >= 32 else jnp.dtype("float32")


def _move(
    potential: AbstractPotential,
    path: Any,
    weights: Any,
    row: tuple[Any, ...],
    rate: Any,
    momentum: Any,
    own_signs: bool,
) -> tuple[Any, Any, Any, Any]:
    """The change of one parameter, and what its state becomes.

    `row`: its gradient, momentum, and the dual that is kept with its remainder.
    """
    gradient, buffer, kept, rest = row
    if weights is None or gradient is None:
        return None, buffer, kept, rest
    _require_real(path, weights, gradient)
    weights = jnp.asarray(weights)
    covector = jnp.asarray(gradient)
    if momentum is not None:
        covector = buffer = like(momentum, buffer) * buffer + covector.astype(buffer.dtype)
    work = weights.astype(_working(weights))
    state = None if kept is None else Kept(kept, rest)
    try:
        change, state = _change(potential, weights, work, covector, rate, state, own_signs)
    except DomainError as error:
        raise DomainError(f"{_name(path)}: {error}") from error
    if is_concrete(change, covector):
        lost = np.isfinite(covector) & ~np.isfinite(change)
        if lost.any():
            kind = weights.dtype.name
            raise refusal(_name(path), int(lost.sum()), lost.size, kind, potential)
    if state is not None:
        kept, rest = state
    return change.astype(weights.dtype), buffer, kept, rest


def _change(
    potential: AbstractPotential,
    weights: Array,
    work: Array,
    covector: Array,
    rate: Any,
    kept: Kept | None,
    own_signs: bool,
) -> tuple[Array, Kept | None]:
    """What one step adds to the weights, and the duals that are kept after it."""
    step = like(rate, work) * covector.astype(work.dtype)
    if potential.index == 0:  # PNorm(2) and Power(0): the dual is the weight
        return -step, None
    if kept is None:
        if not isinstance(potential, Power | PNorm | HyperbolicEntropy):  # not known coordinatewise
            return mirror_step(potential, work, covector.astype(work.dtype), rate) - work, None
        return _unless_lost(_held_step(potential, work, step, own_signs)), None
    barrier = jax.lax.optimization_barrier  # without it XLA computes the step once for every use
    covector = barrier(covector)
    held = barrier(_held_step(potential, work, step, own_signs))

    def near(points: Array) -> Array:
        return near_edge(jnp, potential, points, like(scale_of(potential), points))

    written = weights + held.astype(weights.dtype)
    unsettled = near(weights) | near(written) | ~jnp.isfinite(written)
    # A product of vectors: XLA's other ways to look for one among many take longer than the step.
    flags = barrier(unsettled.astype(work.dtype).ravel())
    calm = jnp.dot(flags, flags) == 0

    def careful(work: Array, covector: Array, kept: Kept) -> tuple[Array, Kept]:
        step = like(rate, work) * covector.astype(work.dtype)
        return _careful_step(potential, weights, work, step, kept, near, own_signs)

    return _replace(calm, held, kept, careful, work, covector)


def _replace(
    calm: Array, usual: Array, kept: Kept, careful: Callable[..., Any], work: Array, covector: Array
) -> tuple[Array, Kept]:
    """`usual`, or where it is not calm `careful(...)`, for which nobody pays otherwise.

    A loop that runs once or never changes arrays in place, where `lax.cond` copies them; its
    derivative is that of a choice between the two.
    """
    if is_concrete(calm):
        # Traced all the same: what is undefined there is NaN, and the caller names the parameter.
        return (usual, kept) if calm else jax.jit(careful)(work, covector, kept)

    @jax.custom_jvp
    def replace(calm: Array, usual: Array, kept: Kept, work: Array, covector: Array) -> Any:
        def once(state: Any) -> Any:
            # Tied to what the loop changes, else the work would be done before it, every time.
            _, _, kept, operands = jax.lax.optimization_barrier((*state, (work, covector)))
            return True, *careful(*operands, kept)

        return jax.lax.while_loop(lambda state: ~state[0], once, (calm, usual, kept))[1:]

    @replace.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        def choose(calm: Array, usual: Array, kept: Kept, work: Array, covector: Array) -> Any:
            return jax.tree_util.tree_map(
                lambda one, other: jnp.where(calm, one, other),
                (usual, kept),
                careful(work, covector, kept),
            )

        return jax.jvp(choose, primals, tangents)

    return replace(calm, usual, kept, work, covector)


def _held_step(potential: AbstractPotential, weights: Array, step: Array, own_signs: bool) -> Array:
    """The change of weights that hold their duals, without cancellation where that is known."""
    if isinstance(potential, Power) and potential.freezes_signs:
        if own_signs:
            sign = jnp.where(weights < 0, -1, 1).astype(weights.dtype)
        else:
            weights = potential.domain.require(weights, potential.name)
            sign = like(potential.sign, weights)
        if potential.index == 1:
            return weights * expm1(-sign * step)
        potential = Power(potential.index, sign)
    if isinstance(potential, HyperbolicEntropy | Fermi | Logit):
        weights = potential.domain.require(weights, potential.name)
        return short_change(jnp, potential, weights, step, like(scale_of(potential), weights))
    return potential.to_primal(potential.to_dual(weights) - step) - weights


def _careful_step(
    potential: AbstractPotential,
    weights: Array,
    work: Array,
    step: Array,
    kept: Kept,
    near: Callable[[Array], Array],
    own_signs: bool,
) -> tuple[Array, Kept]:
    """The change where some duals are kept, or shall be."""
    weights = jax.lax.stop_gradient(weights)
    if isinstance(potential, Power) and potential.freezes_signs and own_signs:
        # A weight that went below the smallest float has lost its sign; its dual has not.
        sign = jnp.where(near(weights) & (kept.dual != 0), -jnp.sign(kept.dual), jnp.sign(work))
        potential = Power(potential.index, jnp.where(sign < 0, -1, 1).astype(work.dtype))
    shown = potential.to_primal(kept.dual).astype(weights.dtype)
    still = jax.lax.stop_gradient(work)
    counts = still_kept(jnp, near(weights), weights, kept, potential.to_dual(still), shown)
    read = potential.to_dual(jnp.where(counts, still, work))
    missing = (work - potential.to_primal(read)) / potential.sharp(work, jnp.ones_like(work))
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
    """exp(x) - 1; in float32 by a series near 0 and a difference beyond, within 3e-7 of itself.

    XLA's own costs half an SGD step more.
    """
    if x.dtype != jnp.float32:
        return jnp.expm1(x)
    series = jnp.ones_like(x)
    for order in (7, 6, 5, 4, 3, 2):
        series = 1 + x * series / order
    return jnp.where(jnp.abs(x) < 0.375, x * series, jnp.exp(x) - 1)
