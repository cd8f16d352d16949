"""The laws that metrics, potentials and recipes obey, for users to check their own.

Each `check_*` returns a `LawReport` (print it) and raises `LawBroken` with the same table if one
of the laws fails.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from steepest.arrays.entry import entry_point
from steepest.arrays.numbers import Numbers, as_numbers
from steepest.errors import UsageError
from steepest.geometry.chart import AbstractChart, Composed, Elementwise, Linear, Pullback, Scaling
from steepest.geometry.directions import AbstractGeometry, velocity
from steepest.geometry.ledger import Law, LawReport, Ledger
from steepest.geometry.metric import AbstractMetric
from steepest.geometry.potential import AbstractPotential

__all__ = [
    "Law",
    "LawReport",
    "Model",
    "check_homogeneity",
    "check_invariance",
    "check_metric",
    "check_potential",
]


def _gap(left: Any, right: Any) -> np.ndarray:
    """Difference relative to the size of the two sides."""
    left, right = np.asarray(left), np.asarray(right)
    scale = max(np.abs(left).max(initial=0.0), np.abs(right).max(initial=0.0))
    return np.asarray(np.abs(left - right) / (scale if scale > 0 else 1.0))


def _points(points: Numbers, what: str) -> np.ndarray:
    array = np.atleast_2d(as_numbers(points, what))
    if array.ndim != 2 or array.size == 0:
        raise UsageError(f"{what}: give one point (n,) or several (m, n), not shape {array.shape}")
    return array


@entry_point(kernel="the metric's flat and sharp")
def check_metric(
    metric: AbstractMetric, points: Numbers, *, seed: int = 0, rtol: float = 1e-9
) -> LawReport:
    """Check at each point (n,) of `points` (m, n) that a metric is one.

    Among the laws: sharp inverts flat; symmetry; positivity; <sharp p, u> = p(u) (Surace et al.
    2020, Eq 3); the normalised sharp climbs faster than every other unit direction (Eqs 6-7, by
    brute force over random directions far and near); seen in other coordinates the matrix is
    J' G J. `rtol` is the violation allowed, relative to the sides compared. Raises `LawBroken`
    with the table of laws, or the metric's own error where a point is outside its domain.

    >>> from steepest.geometry import Weber, check_metric
    >>> report = check_metric(Weber(), [1.0, 2.0])
    >>> report.holds, len(report.laws)
    (True, 11)
    """
    ledger = Ledger()
    rng = np.random.default_rng(seed)
    for point in _points(points, "check_metric"):
        metric.check(point)
        _metric_laws(ledger, metric, jnp.asarray(point), rng, rtol)
    return ledger.close(f"{metric.name}, a metric at {len(_points(points, ''))} point(s)")


def _metric_laws(
    ledger: Ledger, metric: AbstractMetric, x: Any, rng: np.random.Generator, rtol: float
) -> None:
    n = x.shape[0]
    G = np.asarray(metric.matrix(x))
    # Everything is drawn and compared in the metric's own unit of each coordinate.
    unit = np.sqrt(np.abs(np.diag(G)))
    u, v = (jnp.asarray(rng.standard_normal(n) / unit) for _ in range(2))
    p = jnp.asarray(rng.standard_normal(n) * unit)

    def vectors(left: Any, right: Any) -> np.ndarray:
        return _gap(np.asarray(left) * unit, np.asarray(right) * unit)

    def covectors(left: Any, right: Any) -> np.ndarray:
        return _gap(np.asarray(left) / unit, np.asarray(right) / unit)

    ledger.enter("sharp inverts flat", vectors(metric.sharp(x, metric.flat(x, v)), v), rtol, x)
    ledger.enter("flat inverts sharp", covectors(metric.flat(x, metric.sharp(x, p)), p), rtol, x)
    q = jnp.asarray(rng.standard_normal(n) * unit)
    combined = 2 * metric.sharp(x, p) + metric.sharp(x, q)
    ledger.enter("sharp is linear", vectors(metric.sharp(x, 2 * p + q), combined), rtol, x)
    length = metric.norm(x, u) * metric.norm(x, v)
    asymmetry = jnp.abs(metric.inner(x, u, v) - metric.inner(x, v, u)) / length
    ledger.enter("<u, v> = <v, u>", asymmetry, rtol, x)
    columns = np.stack([np.asarray(metric.flat(x, e)) for e in jnp.eye(n)], axis=1)
    scaled = np.outer(unit, unit)
    same = _gap(G / scaled, columns / scaled)
    ledger.enter("the matrix's columns are flat of the basis", same, rtol, x)
    eigenvalues = np.linalg.eigvalsh((G + G.T) / 2 / scaled)
    ledger.enter("<v, v> > 0", np.where(eigenvalues > 0, 0.0, np.inf), 0.0, x)

    gradient = metric.sharp(x, p)
    eq3 = jnp.abs(metric.inner(x, gradient, u) - jnp.sum(p * u))
    lengths = metric.norm(x, gradient) * metric.norm(x, u)
    ledger.enter("<sharp p, u> = p(u)  [Eq 3]", eq3 / lengths, rtol, x)
    _steepest_laws(ledger, metric, x, p, unit, rng, rtol)

    A = np.eye(n) + 0.3 * rng.standard_normal((n, n)) / np.sqrt(n)
    chart = Composed(Composed(Linear(A), Elementwise(_bend, _unbend)), Scaling(1 / unit))
    y = chart.inverse(x)
    J = np.asarray(jax.jacfwd(chart)(y))
    seen = Pullback(metric, chart)
    transformed = _gap(seen.matrix(y), J.T @ G @ J)
    ledger.enter("seen in other coordinates, G~ = J' G J", transformed, rtol, x)
    transported = np.linalg.solve(J, np.asarray(gradient))
    moved = _gap(seen.sharp(y, J.T @ p), transported)
    ledger.enter("its sharp moves the same point the same way", moved, rtol, x)


@jax.jit
def _bend(y: Any) -> Any:
    return y + 0.1 * jnp.tanh(y)


@jax.jit
def _unbend(y: Any) -> Any:
    """Newton's method for z + tanh(z)/10 = y: 12 steps are past float64 from anywhere."""
    z = y
    for _ in range(12):
        z = z - (z + 0.1 * jnp.tanh(z) - y) / (1.1 - 0.1 * jnp.tanh(z) ** 2)
    return z


def _steepest_laws(
    ledger: Ledger,
    metric: AbstractMetric,
    x: Any,
    p: Any,
    unit: np.ndarray,
    rng: np.random.Generator,
    rtol: float,
) -> None:
    """Eqs 6-7 by brute force: random unit directions, and ever closer neighbours of the best."""
    best = metric.sharp(x, p) / metric.dual_norm(x, p)
    n = x.shape[0]
    spread = rng.standard_normal((448, n)) / unit
    size = np.repeat([1e-1, 1e-2, 1e-3], 64)[:, None]
    directions = jnp.asarray(np.concatenate([spread[:256], np.asarray(best) + size * spread[256:]]))
    lengths = jax.vmap(lambda u: metric.norm(x, u))(directions)
    slopes = (directions @ p) / lengths
    steepest = jnp.sum(p * best)
    ledger.enter("the normalised sharp has unit length", jnp.abs(metric.norm(x, best) - 1), rtol, x)
    excess = jnp.max(slopes - steepest) / steepest
    ledger.enter("no unit direction is steeper  [Eqs 6-7]", excess, rtol, x)


@entry_point(kernel="the potential's to_dual and to_primal")
def check_potential(
    potential: AbstractPotential, points: Numbers, *, seed: int = 0, rtol: float = 1e-9
) -> LawReport:
    """Check at each point (n,) of `points` (m, n) that a potential is convex and consistent.

    Among the laws: primal and dual maps invert each other (to 1e-13 of each coordinate, whatever
    `rtol`); the dual is the gradient of phi; flat and sharp are its Hessian and the inverse; the
    dual map is monotone; the divergence is positive and vanishes at its origin; and all laws of a
    metric.
    Points need to lie inside the domain, not on its boundary. Raises `LawBroken`.

    >>> from steepest.geometry import PNorm, check_potential
    >>> check_potential(PNorm(3), [1.0, -2.0]).holds
    True
    """
    ledger = Ledger()
    rng = np.random.default_rng(seed)
    array = _points(points, "check_potential")
    for i, point in enumerate(array):
        potential.check(point)
        x = jnp.asarray(point)
        z = potential.to_dual(x)
        back = np.asarray(potential.to_primal(z))
        missed = np.abs(back - point) / np.where(point == 0, 1.0, np.abs(point))
        ledger.enter("to_primal inverts to_dual", missed, 1e-13, x)
        again = np.asarray(potential.to_dual(jnp.asarray(back)))
        ledger.enter("to_dual inverts to_primal", _gap(again, z), 1e-12, x)
        derived = AbstractPotential.to_dual(potential, x)
        ledger.enter("the dual is the gradient of phi", _gap(z, derived), rtol, x)
        # Differentiation is wrong at exact zeros of |w|^p; closed forms are compared elsewhere.
        v = jnp.asarray(rng.standard_normal(x.shape[0]) * (point != 0))
        ledger.enter(
            "flat is phi's Hessian",
            _gap(potential.flat(x, v), AbstractPotential.flat(potential, x, v)),
            rtol,
            x,
        )
        ledger.enter(
            "sharp is the derivative of to_primal",
            _gap(potential.sharp(x, v), AbstractPotential.sharp(potential, x, v)),
            rtol,
            x,
        )
        other = array[(i + 1) % len(array)]
        if not np.array_equal(other, point):
            _pair_laws(ledger, potential, x, jnp.asarray(other), rtol)
        _metric_laws(ledger, potential, x, rng, rtol)
    return ledger.close(f"{potential.name}, a potential at {len(array)} point(s)")


def _pair_laws(ledger: Ledger, potential: AbstractPotential, x: Any, y: Any, rtol: float) -> None:
    change = potential.to_dual(y) - potential.to_dual(x)
    ledger.enter(
        "dual_change is the difference of the duals",
        _gap(potential.dual_change(x, y), change),
        rtol,
        x,
    )
    monotone = jnp.sum(change * (y - x))
    ledger.enter("the dual map is monotone", jnp.where(monotone > 0, 0.0, jnp.inf), 0.0, x)
    divergence = potential.divergence(y, x)
    ledger.enter("the divergence is positive", jnp.where(divergence > 0, 0.0, jnp.inf), 0.0, x)
    ledger.enter("the divergence from itself is 0", jnp.abs(potential.divergence(x, x)), 0.0, x)
    ledger.enter(
        "the two divergences add up to <dual change, change>",
        _gap(divergence + potential.divergence(x, y), monotone),
        rtol,
        x,
    )


@entry_point(kernel="the metric's sharp")
def check_homogeneity(
    metric: AbstractMetric, points: Numbers, *, seed: int = 0, rtol: float = 1e-9
) -> LawReport:
    """Check that a metric treats its n units identically: G(Px) = P G(x) P' for permutations P.

    At each point (n,) of `points` (m, n), for every exchange of two neighbours and for random
    permutations. Raises `LawBroken` with the point, or the metric's own error. Surace et al. 2020,
    "On choosing a metric" (homogeneity across an ensemble).

    >>> from steepest.errors import LawBroken
    >>> from steepest.geometry import Diagonal, check_homogeneity
    >>> try:
    ...     check_homogeneity(Diagonal([1.0, 2.0]), [1.0, 1.0])
    ... except LawBroken as report:
    ...     print(str(report).partition(" (")[0].splitlines()[0])
    Diagonal, the same for each of 2 units
    """
    ledger = Ledger()
    rng = np.random.default_rng(seed)
    for x in _points(points, "check_homogeneity"):
        n = len(x)
        orders = [rng.permutation(n) for _ in range(8)]
        for i in range(n - 1):
            order = np.arange(n)
            order[[i, i + 1]] = i + 1, i
            orders.append(order)
        p = rng.standard_normal(n)
        here = np.asarray(metric.sharp(jnp.asarray(x), jnp.asarray(p)))
        for order in orders:
            there = metric.sharp(jnp.asarray(x[order]), jnp.asarray(p[order]))
            ledger.enter(
                "exchanged units exchange their changes", _gap(there, here[order]), rtol, x
            )
    units = np.atleast_2d(np.asarray(points)).shape[-1]
    return ledger.close(f"{metric.name}, the same for each of {units} units")


class Model(eqx.Module):
    """A cost in some coordinates, with whatever else a recipe for a geometry looks at.

    `cost`: point (n,) -> scalar. `points` (m, n): where the model makes sense, to be tried.
    `family`: point -> anything that the parameters describe (a distribution's natural parameters,
    a log-density, a neuron's output); a recipe may read it, and it is the same in every chart.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Model, Scaling
    >>> model = Model(lambda x: jnp.sum(x**2), points=[[3.0]])
    >>> model.seen_in(Scaling([1000.0])).points.tolist()
    [[3000.0]]
    """

    cost: Callable[[Any], Any]
    points: np.ndarray = eqx.field(converter=lambda p: _points(p, "Model"))
    family: Callable[[Any], Any] | None = None

    def seen_in(self, chart: AbstractChart) -> "Model":
        """The same model with the chart's coordinates as its parameters."""
        cost, family = self.cost, self.family
        return Model(
            cost=lambda y: cost(chart.inverse(y)),
            points=np.stack([np.asarray(chart(jnp.asarray(x))) for x in self.points]),
            family=None if family is None else lambda y: family(chart.inverse(y)),
        )


Recipe = Callable[[Model], AbstractGeometry | Callable[[Any], Any]]


def _direction(answer: AbstractGeometry | Callable[[Any], Any], model: Model, point: Any) -> Any:
    if isinstance(answer, AbstractGeometry):
        return velocity(model.cost, answer, point)
    return answer(point)


@entry_point(kernel="the recipe's own metric or rule")
def check_invariance(
    recipe: Recipe, model: Model, chart: AbstractChart, *, rtol: float = 1e-8
) -> LawReport:
    """Check that a recipe does not depend on the map it is drawn on: the wicked-map test.

    The recipe (model -> metric, or model -> function from point to direction) is applied to the
    model and to the model seen in the chart; at each of the model's points the two directions must
    agree after transport by the chart's Jacobian. "The Euclidean metric of the coordinates at hand"
    fails in every chart that is not a rotation; a change of unit is the chart `Scaling(factors)`.
    Raises `LawBroken`, or `ChartError` where the chart's inverse does not invert it. Surace et al.
    2020, Fig 2 and Eq 5.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Model, Scaling, Weber, check_invariance
    >>> model = Model(lambda x: jnp.sum(x**2), points=[[3.0, 1.0]])
    >>> check_invariance(lambda model: Weber(), model, Scaling([1000.0, 1.0])).holds
    True
    """
    ledger = Ledger()
    seen = model.seen_in(chart)
    here, there = recipe(model), recipe(seen)
    for x in model.points:
        chart.check(x)
        point = jnp.asarray(x)
        moved = chart.push(point, _direction(here, model, point))
        direct = _direction(there, seen, chart(point))
        statement = "the direction is the same on both maps"
        ledger.enter(statement, _gap(moved, direct), rtol, x)
    return ledger.close(
        f"recipe {getattr(recipe, '__name__', recipe)!s}, seen in {type(chart).__name__}"
    )
