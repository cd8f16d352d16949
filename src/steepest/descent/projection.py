"""Where mirror descent ends, without descending: the Bregman projection onto the solutions.

An overparametrised linear problem X w = y has many solutions. Mirror descent from w0 ends at the
one that is nearest to w0 in the Bregman divergence (Gunasekar et al. 2018; Pogodin et al. 2024,
Eqs 8 and 13): g(w) = g(w0) + X' lam, with one multiplier per row such that X w = y. This solves
the N equations for lam. With a slack the equations need only nearly hold, X w + slack lam = y: the
weights that minimise D(w, w0) + |X w - y|^2 / (2 slack), a ridge under the potential.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float

from steepest.arrays.entry import entry_point
from steepest.arrays.given import same_axes, same_labels
from steepest.arrays.numbers import Numbers, as_numbers
from steepest.descent.multipliers import (
    Problem,
    dense_newton,
    newton_cg,
    quasi_newton,
)
from steepest.descent.trajectory import short
from steepest.errors import ProjectionError, UsageError
from steepest.geometry.coupled import Coupled
from steepest.geometry.potential import AbstractPotential

__all__ = ["Method", "Projection", "bregman_projection"]

Method = Literal["dense newton", "newton-cg", "quasi-newton"]

# Multiply-adds of one Gram matrix, beyond which products with X alone are faster.
_DENSE = 1e9
_LARGEST_P = 6.0
# How far above the tolerance a residual may stay where rounding ends all progress.
_ROUNDING = 100.0


@dataclass(frozen=True, eq=False, repr=False)
class Projection:
    """The solution nearest to the start, as NumPy float64, and how well it solves its equations.

    `residual` is max |X w + slack lam - y| over the largest of |y| and |X w0|; `kkt` is max |g(w) -
    g(w0) - X' lam| over the largest of |g(w)| and |g(w0)|. `iterations` counts outer steps,
    `products` the products of X or X' with a vector. Of m problems at once, weights and dual change
    are (m, d), multipliers (N, m); the residual, kkt and iterations are the largest, the products
    those of all.

    >>> from steepest import bregman_projection
    >>> from steepest.geometry import PNorm
    >>> bregman_projection([[1.0, 1.0]], [2.0], [0.0, 1.0], PNorm(2))
    Projection: 2 weights, 1 equation(s), by dense newton in 1 iteration(s)
      weights [0.5 1.5]
      residual 0, kkt ...
    """

    weights: Float[np.ndarray, "*m d"]
    multipliers: Float[np.ndarray, "n *m"]
    dual_change: Float[np.ndarray, "*m d"]
    residual: float
    kkt: float
    method: Method
    iterations: int
    products: int

    def __repr__(self) -> str:
        return (
            f"Projection: {self.weights.size} weights, {self.multipliers.size} equation(s),"
            f" by {self.method} in {self.iterations} iteration(s)\n"
            f"  weights {short(self.weights)}\n"
            f"  residual {self.residual:.2g}, kkt {self.kkt:.2g}"
        )


@entry_point(kernel="mirror_step")
def bregman_projection(
    inputs: Numbers,
    targets: Numbers,
    start: Numbers,
    potential: AbstractPotential,
    *,
    slack: float = 0.0,
    method: Method | None = None,
    tolerance: float = 1e-11,
    max_iterations: int = 500,
) -> Projection:
    """The weights that mirror descent from `start` reaches on X w = y, found without training.

    - `inputs`: X (N, d), with N < d unless there is a slack.
    - `targets`: y (N,); or Y (N, m), one column for each of m units that see the same inputs.
    - `start`: w0 (d,); for m units W0 (m, d), a row a unit (W X' = Y').
    - `potential`: its fields may be one number, one per weight (d,) or, for m units, (m, d).
    - `slack`: how much an equation may miss its target per multiplier, X w + slack lam = y: the
      ridge of noisy targets, in units of target^2 over divergence. 0 asks for exact solutions.
    - `method`: chosen by size and potential unless given: for p-norms with p > 2, whose Newton
      steps do not settle, the quasi-Newton (dual L-BFGS, preconditioned by the Gram matrix of
      secant slopes at the start); else dense Newton while N^2 d is below 1e9, and Newton by
      conjugate gradients, which forms no Gram matrix, beyond. The result says which.
    - `tolerance`: of the residual, or 100 times that where rounding allows no more.
    - `max_iterations`: outer steps at most.

    Raises `UsageError` for shapes that do not fit, rows that are not fewer than weights, numbers
    that are not finite, and p >= 6 (a documented limit); `DomainError` for a start outside the
    potential's domain; `ProjectionError` for rows that depend on each other, or where no weights
    of the start's signs solve the problem, with the unit whose problem it is.

    >>> from steepest import bregman_projection
    >>> from steepest.geometry import Entropy, PNorm
    >>> for potential in (PNorm(2), Entropy()):
    ...     bregman_projection([[1.0, 1.0]], [4.0], [0.5, 1.5], potential).weights.round(6).tolist()
    [1.5, 2.5]
    [1.0, 3.0]
    >>> units = bregman_projection([[1.0, 1.0]], [[4.0, 1.0]], [[0.5, 1.5], [1.0, 1.0]], Entropy())
    >>> units.weights.round(6).tolist()
    [[1.0, 3.0], [0.5, 0.5]]
    """
    same_labels({"inputs": inputs, "targets": targets}, rows="equations")
    x, y, w0 = (
        as_numbers(value, name)
        for name, value in (("inputs", inputs), ("targets", targets), ("start", start))
    )
    same_axes({"inputs": (inputs, 1), "start": (start, max(w0.ndim - 1, 0))})
    if not 0 <= slack < np.inf:
        raise UsageError(f"slack is {slack:g}; it is 0 or a positive number")
    _check(x, y, w0, slack)
    p = 2 - (potential.index or 0.0)
    if p >= _LARGEST_P:
        raise UsageError(
            f"the projection is limited to p-norms with p < 6, and this potential has p = {p:g}:"
            " its inverse Hessian is too singular at 0; descend with mirror_step instead"
        )
    potential.domain.check(w0, potential.name)
    if method is None:
        if p > 2:
            method = "quasi-newton"
        else:
            method = "dense newton" if x.shape[0] * x.size <= _DENSE else "newton-cg"
    if w0.ndim == 1:
        return _project(Problem(x, y, w0, potential, tolerance, max_iterations, slack), method)
    projections = []
    for at, row in enumerate(w0):
        own = _row_of(potential, at, w0.shape)
        problem = Problem(x, y[:, at], row, own, tolerance, max_iterations, slack)
        try:
            projections.append(_project(problem, method))
        except ProjectionError as error:
            raise ProjectionError(f"unit {at} (of {len(w0)}): {error}") from error
    return Projection(
        weights=np.stack([each.weights for each in projections]),
        multipliers=np.stack([each.multipliers for each in projections], axis=1),
        dual_change=np.stack([each.dual_change for each in projections]),
        residual=max(each.residual for each in projections),
        kkt=max(each.kkt for each in projections),
        method=method,
        iterations=max(each.iterations for each in projections),
        products=sum(each.products for each in projections),
    )


def _row_of(potential: AbstractPotential, unit: int, shape: tuple[int, ...]) -> AbstractPotential:
    """The potential of one unit's weights: of fields (m, d) its row, of others all."""
    if isinstance(potential, Coupled):  # whose mixing belongs to the weights of every unit
        inner = _row_of(potential.potential, unit, shape)
        return dataclasses.replace(potential, potential=inner)

    def own(leaf: Any) -> Any:
        return leaf[unit] if eqx.is_array_like(leaf) and np.shape(leaf) == shape else leaf

    return jax.tree.map(own, potential)


def _project(problem: Problem, method: Method) -> Projection:
    """One unit's projection; raises `ProjectionError` with the reason where there is none."""
    potential, tolerance = problem.potential, problem.tolerance
    solve = {
        "dense newton": dense_newton,
        "newton-cg": newton_cg,
        "quasi-newton": quasi_newton,
    }[method]
    solution = solve(problem)
    if not solution.residual <= _ROUNDING * tolerance:
        raise ProjectionError(_reason(problem, solution.residual, method, solution.weights))
    change = solution.dual_change
    before = np.asarray(problem.dual)
    after = np.asarray(potential.to_dual(solution.weights))
    # A weight at 0 may have an infinite dual, and does not move; one that vanished has no float's.
    kept = np.isfinite(before) & np.isfinite(after)
    before, after, asked = before[kept], after[kept], change[kept]
    scale = max(np.abs(before).max(initial=0.0), np.abs(after).max(initial=0.0), 1e-300)
    kkt = np.abs(after - before - asked).max(initial=0.0) / scale
    return Projection(
        weights=solution.weights,
        multipliers=solution.multipliers,
        dual_change=change,
        residual=solution.residual,
        kkt=float(kkt),
        method=method,
        iterations=solution.iterations,
        products=problem.products,
    )


def _check(x: Any, y: Any, w0: Any, slack: float) -> None:
    fits = x.ndim == 2 and y.shape[:1] == x.shape[:1] and w0.shape[-1:] == x.shape[1:]
    if not (fits and y.ndim in (1, 2) and y.shape[1:] == w0.shape[:-1]):
        raise UsageError(
            "inputs (N, d), targets (N,) and start (d,) do not fit, nor do targets (N, m) and start"
            f" (m, d): they have shapes {x.shape}, {y.shape} and {w0.shape}"
        )
    rows, weights = x.shape
    if not rows < weights and not slack:
        raise UsageError(
            f"{rows} rows for {weights} weights: the regression is not overparametrised, so"
            " nothing is left for the geometry to choose; give fewer rows than weights, or a slack"
        )
    for name, array in (("inputs", x), ("targets", y), ("start", w0)):
        # Sums first: looking at every entry of large inputs takes longer than many products.
        if not np.isfinite(array @ np.ones(array.shape[-1])).all() and not np.isfinite(array).all():
            where = ", ".join(str(i) for i in np.argwhere(~np.isfinite(array))[0])
            raise UsageError(f"{name}: entry ({where}) is not finite")


def _reason(problem: Problem, residual: float, method: str, weights: np.ndarray) -> str:
    if not problem.slack and (dependence := _dependence(problem.inputs)):
        return dependence
    vanished = int((np.abs(weights) < 1e-100).sum())
    detail = f" ({vanished} weights have vanished)" if vanished else ""
    return (
        f"no solution was found by {method}: the residual stays at {residual:.2g}{detail}. Either"
        " no weights in the potential's domain (their signs are kept from index 1 on) solve the"
        " problem, or it asks for changes too large for its dual; check targets and signs, or"
        " descend with mirror_step"
    )


def _dependence(inputs: np.ndarray) -> str | None:
    """Which rows are nothing, or depend on each other; None where none do."""
    size = np.linalg.norm(inputs, axis=1)
    if (size == 0).any():
        return f"row {int(np.flatnonzero(size == 0)[0])} of the inputs is all 0: remove it"
    unit = inputs / size[:, None]
    values, vectors = np.linalg.eigh(unit @ unit.T)
    if values[0] > 1e-10 * values[-1]:
        return None
    involved = np.flatnonzero(np.abs(vectors[:, 0]) > 0.1 / np.sqrt(len(inputs)))[:6]
    return (
        f"the inputs have rank {int((values > 1e-10 * values[-1]).sum())} with {len(inputs)} rows:"
        f" rows {', '.join(map(str, involved))} (at least) depend on each other and their"
        " targets contradict that, so no weights solve it; remove one of them, or give a slack"
    )
