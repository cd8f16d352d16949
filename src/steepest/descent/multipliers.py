"""Three ways to solve X g^-1(g(w0) + X' lam) + slack lam = y for the multipliers lam."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.linalg import cho_factor, cho_solve

from steepest.errors import ProjectionError
from steepest.geometry.potential import AbstractPotential

__all__ = ["Multipliers", "Problem", "dense_newton", "newton_cg", "quasi_newton"]

Vector = Float[np.ndarray, " n"]
Weights = Float[np.ndarray, " d"]

# Largest step of a logarithmic dual at once: beyond, exponentials leave where Newton's model holds.
_CAP = 3.0
_MEMORY = 30


class Multipliers(NamedTuple):
    """Multipliers with their weights and change of dual X' lam; `residual` as a share.

    It is the largest |X w + slack lam - y|.
    """

    multipliers: Vector
    weights: Weights
    dual_change: Weights
    residual: float
    iterations: int


@dataclass
class Problem:
    """X w + slack lam = y, the start, and the potential; counts the products with X."""

    inputs: Float[np.ndarray, "n d"]
    targets: Vector
    start: Weights
    potential: AbstractPotential
    tolerance: float
    max_iterations: int
    slack: float = 0.0
    products: int = 0
    dual: Any = field(init=False)
    missing_at_start: Vector = field(init=False)
    scale: float = field(init=False)

    def __post_init__(self) -> None:
        self.dual = self.potential.to_dual(jnp.asarray(self.start))
        here = self.forward(self.start)
        self.missing_at_start = self.targets - here
        self.scale = float(max(np.abs(here).max(), np.abs(self.targets).max())) or 1.0

    def forward(self, weights: np.ndarray) -> np.ndarray:
        """X w."""
        self.products += 1
        return self.inputs @ weights

    def back(self, multipliers: np.ndarray) -> np.ndarray:
        """X' lam."""
        self.products += 1
        return multipliers @ self.inputs

    def weights(self, change: np.ndarray) -> np.ndarray:
        """The weights whose dual is the start's plus `change`; NaN where there are none."""
        return np.asarray(_to_primal(self.potential, self.dual, change, self.start))

    def missing(self, weights: np.ndarray, multipliers: np.ndarray) -> np.ndarray:
        """y - X w - slack lam."""
        with np.errstate(invalid="ignore", over="ignore"):
            left = self.targets - self.forward(weights)
            return left - self.slack * multipliers if self.slack else left

    def share(self, missing: np.ndarray) -> float:
        """The largest missing part of a target, relative to the problem's scale."""
        return float(np.abs(missing).max()) / self.scale


@eqx.filter_jit
def _to_primal(potential: Any, dual: Any, change: Any, start: Any) -> Any:
    # A weight at 0 may have an infinite dual, and stays where nothing pulls at it. One of finite
    # dual need not: a potential that couples weights moves it with the others.
    stays = (change == 0) & ~jnp.isfinite(dual)
    weights = jnp.where(stays, start, potential.to_primal(dual + change))
    return jnp.where(potential.domain.outside(weights), jnp.nan, weights)


@eqx.filter_jit
def _raise_rows(potential: Any, weights: Any, rows: Any) -> Any:
    return jax.vmap(lambda row: potential.sharp(weights, row))(rows)


@eqx.filter_jit
def _raise(potential: Any, weights: Any, covector: Any) -> Any:
    return potential.sharp(weights, covector)


def dense_newton(problem: Problem) -> Multipliers:
    """Newton's method with the Gram matrix X H^-1 X' of the potential's Hessian H at the weights.

    Also for potentials that couple weights: only their `sharp` is used.
    """

    def direction(weights: np.ndarray, missing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        raised = np.asarray(_raise_rows(problem.potential, weights, problem.inputs))
        gram = problem.inputs @ raised.T
        gram[np.diag_indices(len(gram))] += problem.slack
        step = _solve(gram, missing)
        return step, problem.back(step)

    return _newton(problem, direction)


def newton_cg(problem: Problem) -> Multipliers:
    """Newton's method whose linear systems are solved by conjugate gradients, as products with X.

    Each is solved only as well as the outer residual deserves (Eisenstat and Walker 1996).
    """

    def direction(weights: np.ndarray, missing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        share = problem.share(missing)
        accuracy = max(min(0.05, share), 0.1 * problem.tolerance / share)
        return _conjugate_gradients(_gram(problem, weights), missing, accuracy)

    return _newton(problem, direction)


Gram = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def _gram(problem: Problem, weights: np.ndarray) -> Gram:
    """The products (X H^-1 X' + slack) v and X' v."""

    def product(v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        along = problem.back(v)
        raised = problem.forward(np.asarray(_raise(problem.potential, weights, along)))
        return raised + problem.slack * v, along

    return product


def _newton(
    problem: Problem,
    direction: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> Multipliers:
    """Damped Newton steps; `direction` gives the step of the multipliers and X' times it."""
    multipliers = np.zeros_like(problem.targets)
    change, weights = np.zeros_like(problem.start), problem.start
    missing = problem.missing_at_start
    for iteration in range(problem.max_iterations):
        if problem.share(missing) <= problem.tolerance:
            return Multipliers(multipliers, weights, change, problem.share(missing), iteration)
        step, along = direction(weights, missing)
        length, weights_next, missing_next = _damped(
            problem, change, along, multipliers, step, missing
        )
        if length == 0:
            return Multipliers(multipliers, weights, change, problem.share(missing), iteration)
        multipliers[:] = multipliers + length * step
        change[:] = change + length * along
        weights, missing = weights_next, missing_next
    return Multipliers(multipliers, weights, change, problem.share(missing), problem.max_iterations)


def _damped(
    problem: Problem,
    change: np.ndarray,
    along: np.ndarray,
    multipliers: np.ndarray,
    step: np.ndarray,
    missing: np.ndarray,
) -> tuple[float, np.ndarray, np.ndarray]:
    """The longest of the lengths 1, 1/2, 1/4, ... at which less is missing; 0 where none is."""
    length = 1.0
    if problem.potential.index in (1.0, None):
        length = min(1.0, _CAP / max(float(np.abs(along).max()), 1e-300))
    before = float(np.linalg.norm(missing))
    while True:
        weights = problem.weights(change + length * along)
        left = problem.missing(weights, multipliers + length * step)
        norm = float(np.linalg.norm(left))
        if np.isfinite(norm) and norm <= (1 - 1e-4 * length) * before:
            return length, weights, left
        length /= 2
        if length < 1e-8:
            return 0.0, problem.start, missing


def quasi_newton(problem: Problem) -> Multipliers:
    """L-BFGS on the convex dual problem, in coordinates in which its Gram matrix is near unity.

    The preconditioner is the Cholesky factor of X diag(s) X' with s the secant slope of the
    inverse dual map between 0 and twice the dual at the start: where Newton's tangent is
    infinite (p > 2, weights at 0), a secant is not.
    """
    slopes = _secant_slopes(problem)
    gram = (problem.inputs * slopes) @ problem.inputs.T + problem.slack * np.eye(
        len(problem.targets)
    )
    lower = np.linalg.cholesky(_regular(gram))

    def precondition(v: np.ndarray) -> np.ndarray:
        return cho_solve((lower, True), v)

    multipliers = np.zeros_like(problem.targets)
    change, weights = np.zeros_like(problem.start), problem.start
    missing = problem.missing_at_start
    steps: list[np.ndarray] = []
    differences: list[np.ndarray] = []
    for iteration in range(problem.max_iterations):
        if problem.share(missing) <= problem.tolerance:
            return Multipliers(multipliers, weights, change, problem.share(missing), iteration)
        step = _two_loops(missing, steps, differences, precondition)
        along = problem.back(step)
        length, weights_next, missing_next = _wolfe(
            problem, change, along, multipliers, step, missing
        )
        if length == 0:
            if not steps:
                break
            steps.clear()  # forget a curvature that misleads, and go on from steepest descent
            differences.clear()
            continue
        moved, difference = length * step, missing - missing_next
        if difference @ moved > 1e-14 * np.linalg.norm(difference) * np.linalg.norm(moved):
            steps.append(moved)
            differences.append(difference)
            del steps[:-_MEMORY], differences[:-_MEMORY]
        multipliers[:] = multipliers + moved
        change[:] = change + length * along
        weights, missing = weights_next, missing_next
    return Multipliers(multipliers, weights, change, problem.share(missing), problem.max_iterations)


def _secant_slopes(problem: Problem) -> np.ndarray:
    dual = np.asarray(problem.dual)
    typical = np.median(np.abs(dual[dual != 0])) if (dual != 0).any() else 1.0
    reach = np.maximum(np.abs(dual), 0.1 * typical)
    up, down = (
        np.asarray(problem.potential.to_primal(jnp.asarray(dual + s * reach))) for s in (1, -1)
    )
    return (up - down) / (2 * reach)


def _wolfe(
    problem: Problem,
    change: np.ndarray,
    along: np.ndarray,
    multipliers: np.ndarray,
    step: np.ndarray,
    missing: np.ndarray,
) -> tuple[float, np.ndarray, np.ndarray]:
    """A length at which the slope of the dual function along the step has nearly vanished.

    The function is convex, so its slope, missing @ step, falls monotonically through 0.
    """
    slope = float(missing @ step)
    if not slope > 0:
        return 0.0, problem.start, missing
    low, high, length = 0.0, np.inf, 1.0
    best: tuple[float, np.ndarray, np.ndarray] = (0.0, problem.start, missing)
    low_slope, high_slope = slope, np.nan
    for _ in range(40):
        weights = problem.weights(change + length * along)
        left = problem.missing(weights, multipliers + length * step)
        here = float(left @ step)
        if np.isfinite(here):
            best = (length, weights, left)
            if abs(here) <= 0.3 * slope:
                return best
        if np.isfinite(here) and here > 0:
            low, low_slope = length, here
        else:
            high, high_slope = length, here
        if np.isinf(high):
            length *= 2
        elif np.isfinite(high_slope):
            share = low_slope / (low_slope - high_slope)
            length = low + min(max(share, 0.1), 0.9) * (high - low)
        else:
            length = (low + high) / 2
    return best


def _two_loops(
    missing: np.ndarray,
    steps: list[np.ndarray],
    differences: list[np.ndarray],
    precondition: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    v = missing.copy()
    factors = []
    for s, t in zip(reversed(steps), reversed(differences), strict=True):
        factor = (s @ v) / (s @ t)
        factors.append(factor)
        v -= factor * t
    v = precondition(v)
    if steps:
        s, t = steps[-1], differences[-1]
        v *= (s @ t) / (t @ precondition(t))
    for s, t, factor in zip(steps, differences, reversed(factors), strict=True):
        v += (factor - (t @ v) / (s @ t)) * s
    return v


def _conjugate_gradients(
    gram: Gram, right: np.ndarray, accuracy: float
) -> tuple[np.ndarray, np.ndarray]:
    """The solution of gram(v) = right, and X' times it."""
    solution, left = np.zeros_like(right), right.copy()
    step, square = left.copy(), float(left @ left)
    goal = accuracy**2 * square
    along: Any = 0.0
    for _ in range(4 * right.size + 10):
        raised, along_step = gram(step)
        curvature = step @ raised
        if not (np.isfinite(curvature) and curvature > 0):
            return (solution, along) if solution.any() else (right, along_step)
        length = square / curvature
        solution[:] += length * step
        along = along + length * along_step
        left[:] -= length * raised
        previous, square = square, float(left @ left)
        if square <= goal:
            break
        step[:] = left + square / previous * step
    return solution, along


def _regular(gram: np.ndarray) -> np.ndarray:
    """A copy in which rows that depend on each other still have a Cholesky factor.

    It serves the preconditioner alone: the jitter changes how fast the solution is reached, not
    which one.
    """
    return gram + 1e-13 * np.trace(gram) / len(gram) * np.eye(len(gram))


def _solve(gram: np.ndarray, right: np.ndarray) -> np.ndarray:
    if not np.isfinite(gram).all():
        raise ProjectionError(
            "Newton's equations are not finite: a weight is where the inverse Hessian is singular"
            " (0, for p > 2); use method='quasi-newton'"
        )
    try:
        return cho_solve(cho_factor(gram), right)
    except np.linalg.LinAlgError:
        return np.linalg.lstsq(gram, right)[0]
