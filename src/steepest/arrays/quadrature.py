"""Adaptive integration over an interval, a half line or the whole line, with an error estimate."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.entry import readable
from steepest.arrays.numbers import like

__all__ = ["Integral", "integrate", "to_line"]

_RULES = [np.polynomial.legendre.leggauss(n) for n in (12, 24)]
_NODES = np.concatenate([nodes for nodes, _ in _RULES])
_COARSE = np.concatenate([_RULES[0][1], np.zeros(24)])
_FINE = np.concatenate([np.zeros(12), _RULES[1][1]])
_FIRST_PANELS = 16
_MOST_PANELS = 192
_NARROWEST = 1e-10  # on (-1, 1): nearer to a singular end, the nodes themselves are rounded


class Integral(NamedTuple):
    """An integral (k,) and the estimate of its absolute error (k,).

    >>> import jax.numpy as jnp
    >>> from steepest.arrays.quadrature import integrate
    >>> integral = integrate(lambda x: x[None] ** 2, 0.0, 3.0, tolerance=1e-6)
    >>> round(float(integral.value[0]), 4), bool(integral.error[0] < 1e-4)
    (9.0, True)
    """

    value: Float[Array, " k"]
    error: Float[Array, " k"]


def to_line(t: Any, lower: float, upper: float, centre: Any, scale: Any) -> tuple[Any, Any]:
    """The point x of (lower, upper) that belongs to t in (-1, 1), and dx/dt.

    On the whole line x = centre + scale t/(1 - t^2); on a half line x is `scale` from the finite
    end at t = 0; on an interval both are without effect.
    """
    if np.isinf(lower) and np.isinf(upper):
        rest = (1 - t) * (1 + t)
        return centre + scale * t / rest, scale * (1 + t**2) / rest**2
    if np.isinf(upper):
        return lower + scale * (1 + t) / (1 - t), 2 * scale / (1 - t) ** 2
    if np.isinf(lower):
        return upper - scale * (1 - t) / (1 + t), 2 * scale / (1 + t) ** 2
    half = (upper - lower) / 2
    return (lower + upper) / 2 + half * t, half * jnp.ones_like(t)


@readable
def integrate(
    function: Callable[[Any], Any],
    lower: float = -np.inf,
    upper: float = np.inf,
    *,
    centre: Any = 0.0,
    scale: Any = 1.0,
    tolerance: float = 1e-12,
) -> Integral:
    """The integral over (lower, upper) of a function from a number to an array (k,): a kernel.

    Gauss-Legendre rules with 24 nodes on panels; the panel with the largest error, told by a rule
    of 12 nodes, is halved until the errors add up to `tolerance` times the largest integral, or
    192 panels are used up, or the worst are 1e-10 narrow, as at a pole (`error` then says so).
    `centre` and `scale` say where on an infinite line the function lives: a peak much narrower
    than `scale` and away from `centre` is missed. Works under jit, vmap and forward
    differentiation; not finite where the function is not.

    >>> import jax.numpy as jnp
    >>> from steepest.arrays.quadrature import integrate
    >>> integral = integrate(lambda x: jnp.exp(-(x**2) / 2)[None], tolerance=1e-6)
    >>> round(float(integral.value[0]), 4)  # sqrt(2 pi)
    2.5066
    """

    def panel(left: Array, right: Array) -> tuple[Array, Array]:
        half = (right - left) / 2
        x, stretch = to_line(
            (left + right) / 2 + half * like(_NODES, half), lower, upper, centre, scale
        )
        values = stretch[:, None] * jax.vmap(function)(x)
        coarse, fine = (half * (like(rule, half) @ values) for rule in (_COARSE, _FINE))
        return fine, jnp.abs(fine - coarse)

    edges = jnp.linspace(-1.0, 1.0, _FIRST_PANELS + 1)
    values, errors = jax.vmap(panel)(edges[:-1], edges[1:])
    spare = ((0, _MOST_PANELS - _FIRST_PANELS), (0, 0))
    lefts = jnp.pad(edges[:-1], spare[0])
    rights = jnp.pad(edges[1:], spare[0])
    state = (
        jnp.asarray(_FIRST_PANELS),
        lefts,
        rights,
        jnp.pad(values, spare),
        jnp.pad(errors, spare),
    )

    def unfinished(state: Any) -> Array:
        count, _, _, values, errors = state
        allowed = tolerance * jnp.max(jnp.abs(values.sum(axis=0)))
        room = (count < _MOST_PANELS) & jnp.any(wide(state))
        return room & (jnp.max(errors.sum(axis=0)) > allowed)

    def wide(state: Any) -> Array:
        _, lefts, rights, _, _ = state
        return rights - lefts > _NARROWEST

    def halve(state: Any) -> Any:
        count, lefts, rights, values, errors = state
        worst = jnp.argmax(jnp.where(wide(state), errors.max(axis=1), -1.0))
        left, right = lefts[worst], rights[worst]
        middle = (left + right) / 2
        value, error = jax.vmap(panel)(jnp.stack([left, middle]), jnp.stack([middle, right]))
        places = jnp.stack([worst.astype(count.dtype), count])
        return (
            count + 1,
            lefts.at[count].set(middle),
            rights.at[worst].set(middle).at[count].set(right),
            values.at[places].set(value),
            errors.at[places].set(error),
        )

    _, _, _, values, errors = jax.lax.while_loop(unfinished, halve, state)
    return Integral(values.sum(axis=0), errors.sum(axis=0))
