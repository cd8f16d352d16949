"""Where mirror descent ends, without descending: the Bregman projection onto the solutions.

An overparametrised linear problem X w = y has many solutions. Mirror descent from w0 ends at the
one that is nearest to w0 in the Bregman divergence (Gunasekar et al. 2018; Pogodin et al. 2024,
Eqs 8 and 13): g(w) = g(w0) + X' lam, with one multiplier per row such that X w = y. This solves
the N equations for lam.
"""

from dataclasses import dataclass
from typing import Any, Literal

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

    `residual` is max |X w - y| over the largest of |y| and |X w0|; `kkt` is max |g(w) - g(w0) -
    X' lam| over the largest of |g(w)| and |g(w0)|. `iterations` counts outer steps, `products` the
    products of X or X' with a vector.

    >>> from steepest import bregman_projection
    >>> from steepest.geometry import PNorm
    >>> bregman_projection([[1.0, 1.0]], [2.0], [0.0, 1.0], PNorm(2))
    Projection: 2 weights, 1 equation(s), by dense newton in 1 iteration(s)
      weights [0.5 1.5]
      residual 0, kkt ...
    """

    weights: Float[np.ndarray, " d"]
    multipliers: Float[np.ndarray, " n"]
    dual_change: Float[np.ndarray, " d"]
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
    method: Method | None = None,
    tolerance: float = 1e-11,
    max_iterations: int = 500,
) -> Projection:
    """The weights that mirror descent from `start` reaches on X w = y, found without training.

    `inputs` (N, d) with N < d, `targets` (N,), `start` (d,). Without a `method` it is chosen by
    size and potential: for p-norms with p > 2, whose Newton steps do not settle, the quasi-Newton
    (dual L-BFGS, preconditioned by the Gram matrix of secant slopes at the start); else dense
    Newton while N^2 d is below 1e9, and Newton by conjugate gradients, which forms no Gram matrix,
    beyond. The result says which. The residual is brought below `tolerance`, or to within 100 times
    that where rounding allows no more.

    Raises `UsageError` for shapes that do not fit, rows that are not fewer than weights, numbers
    that are not finite, and p >= 6 (a documented limit); `DomainError` for a start outside the
    potential's domain; `ProjectionError` for rows that depend on each other, or where no weights
    of the start's signs solve the problem.

    >>> from steepest import bregman_projection
    >>> from steepest.geometry import Entropy, PNorm
    >>> for potential in (PNorm(2), Entropy()):
    ...     bregman_projection([[1.0, 1.0]], [4.0], [0.5, 1.5], potential).weights.round(6).tolist()
    [1.5, 2.5]
    [1.0, 3.0]
    """
    same_labels({"inputs": inputs, "targets": targets}, rows="equations")
    same_axes({"inputs": (inputs, 1), "start": (start, 0)})
    x, y, w0 = (
        as_numbers(value, name)
        for name, value in (("inputs", inputs), ("targets", targets), ("start", start))
    )
    _check(x, y, w0)
    p = 2 - (potential.index or 0.0)
    if p >= _LARGEST_P:
        raise UsageError(
            f"the projection is limited to p-norms with p < 6, and this potential has p = {p:g}:"
            " its inverse Hessian is too singular at 0; descend with mirror_step instead"
        )
    potential.domain.check(w0, potential.name)
    problem = Problem(x, y, w0, potential, tolerance, max_iterations)
    if method is None:
        if p > 2:
            method = "quasi-newton"
        else:
            method = "dense newton" if x.shape[0] * x.size <= _DENSE else "newton-cg"
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
    kept = np.isfinite(before)  # a weight at 0 may have an infinite dual, and does not move
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


def _check(x: Any, y: Any, w0: Any) -> None:
    if x.ndim != 2 or y.shape != x.shape[:1] or w0.shape != x.shape[1:]:
        raise UsageError(
            "inputs (N, d), targets (N,) and start (d,) do not fit: they have shapes"
            f" {x.shape}, {y.shape} and {w0.shape}"
        )
    rows, weights = x.shape
    if not 0 < rows < weights:
        raise UsageError(
            f"{rows} rows for {weights} weights: the regression is not overparametrised, so"
            " nothing is left for the geometry to choose; give fewer rows than weights"
        )
    for name, array in (("inputs", x), ("targets", y), ("start", w0)):
        # Sums first: looking at every entry of large inputs takes longer than many products.
        if not np.isfinite(array @ np.ones(array.shape[-1])).all() and not np.isfinite(array).all():
            where = ", ".join(str(i) for i in np.argwhere(~np.isfinite(array))[0])
            raise UsageError(f"{name}: entry ({where}) is not finite")


def _reason(problem: Problem, residual: float, method: str, weights: np.ndarray) -> str:
    x, y = problem.inputs, problem.targets
    size = np.linalg.norm(x, axis=1)
    if (size == 0).any():
        return f"row {int(np.flatnonzero(size == 0)[0])} of the inputs is all 0: remove it"
    unit = x / size[:, None]
    values, vectors = np.linalg.eigh(unit @ unit.T)
    if values[0] <= 1e-10 * values[-1]:
        involved = np.flatnonzero(np.abs(vectors[:, 0]) > 0.1 / np.sqrt(len(y)))[:6]
        return (
            f"the inputs have rank {int((values > 1e-10 * values[-1]).sum())} with {len(y)} rows:"
            f" rows {', '.join(map(str, involved))} (at least) depend on each other and their"
            " targets contradict that, so no weights solve it; remove one of them"
        )
    vanished = int((np.abs(weights) < 1e-100).sum())
    detail = f" ({vanished} weights have vanished)" if vanished else ""
    return (
        f"no solution was found by {method}: the residual stays at {residual:.2g}{detail}. Either"
        " no weights in the potential's domain (their signs are kept from index 1 on) solve the"
        " problem, or it asks for changes too large for its dual; check targets and signs, or"
        " descend with mirror_step"
    )
