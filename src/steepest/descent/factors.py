"""Three-factor rules under a potential: activity times whatever error a neuron knows."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.entry import entry_point
from steepest.arrays.given import real_numbers
from steepest.descent.step import mirror_step
from steepest.errors import DomainError, UsageError
from steepest.geometry.potential import AbstractPotential

__all__ = ["three_factor"]


def _difference(missing: Array) -> Array:
    return missing


@entry_point(kernel="mirror_step")
def three_factor(
    inputs: Any,
    targets: Any,
    start: Any,
    potential: AbstractPotential,
    rates: Any,
    error: Callable[[Array], Array] = _difference,
) -> Float[np.ndarray, " n"]:
    """Weights (n,) after steps that move the dual by rate * error(y - x.w) * x, over all inputs.

    The generic error term of Pogodin et al. 2024 (Sec 2.2): whatever `error` makes of what is
    missing, clipped or coarse, every synapse multiplies it by its own input, so that the dual
    change stays in the span of the inputs. Where `error` has no other root than 0, and the steps
    are small enough, the end is that of `bregman_projection`, which knows no errors at all.

    - `inputs` (rows, n) and `targets` (rows,): what is to be fitted; `start`: weights (n,).
    - `potential`: the geometry; `rates` (steps,): the rate of each step.
    - `error`: what the neuron knows of y - x.w, a function of jax.numpy, elementwise.

    Raises `UsageError` for shapes that do not fit, and `DomainError` where a step leaves floats.

    >>> import numpy as np
    >>> from steepest.geometry import PNorm
    >>> inputs, targets = np.array([[1.0, 1.0, 0.0]]), np.array([2.0])
    >>> three_factor(inputs, targets, np.zeros(3), PNorm(2), np.full(200, 0.1), jnp.tanh).round(6)
    array([1., 1., 0.])
    """
    x, y = real_numbers(inputs, "inputs"), real_numbers(targets, "targets")
    w, steps = real_numbers(start, "weights"), real_numbers(rates, "rates")
    if x.ndim != 2 or y.shape != x.shape[:1] or w.shape != x.shape[1:] or steps.ndim != 1:
        raise UsageError(
            f"inputs {x.shape}, targets {y.shape}, weights {w.shape} and rates {steps.shape} do not"
            " fit: give (rows, n), (rows,), (n,) and (steps,)"
        )
    potential.check(w)
    given = jnp.asarray(x), jnp.asarray(y), jnp.asarray(w), jnp.asarray(steps)
    end = np.asarray(_follow(potential, given, error))
    if not np.isfinite(end).all():
        i = int(np.flatnonzero(~np.isfinite(end))[0])
        raise DomainError(f"weight {i} is no finite number after the steps: take lower rates")
    return end


@eqx.filter_jit
def _follow(
    potential: AbstractPotential,
    given: tuple[Array, Array, Array, Array],
    error: Callable[[Array], Array],
) -> Array:
    inputs, targets, start, rates = given

    def step(weights: Array, rate: Array) -> tuple[Array, None]:
        covector = -error(targets - inputs @ weights) @ inputs
        return mirror_step(potential, weights, covector, rate), None

    return jax.lax.scan(step, start, rates)[0]
