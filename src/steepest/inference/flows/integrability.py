"""Is a vector field steepest descent on *some* cost, in a metric that is given?

v = -sharp(dC) means that the covector -flat(v) is a differential, so its curl vanishes and the
cost is its line integral. "Gradient systems are rotation-free" holds for that covector, not for v.
A closed covector need not be exact: around a hole the cost may depend on the path. Surace et al.
2020, "On choosing a metric" and S1 Appendix.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.entry import entry_point
from steepest.arrays.given import real_numbers, same_axes, same_labels
from steepest.arrays.numbers import Numbers
from steepest.arrays.quadrature import integrate
from steepest.errors import DataError, FlowError
from steepest.geometry.metric import AbstractMetric
from steepest.inference.flows.ftest import FTest, least_squares, nested_f_test

__all__ = ["Reconstruction", "curl", "curl_f_test", "reconstruct_cost"]

Field = Callable[[Any], Any]


def curl(field: Field, metric: AbstractMetric, point: Float[Array, " n"]) -> Float[Array, "n n"]:
    """d_i w_j - d_j w_i of the covector w = -flat(v), an antisymmetric matrix: a kernel.

    `field`: point (n,) -> velocity (n,). It vanishes everywhere if and only if v is, near each
    point, steepest descent on some cost in this metric.

    >>> from steepest.geometry import Euclidean
    >>> def spiral(x):
    ...     return jnp.array([-x[0] - x[1], x[0] - x[1]])
    >>> curl(spiral, Euclidean(), jnp.array([1.0, 2.0])).tolist()
    [[0.0, -2.0], [2.0, 0.0]]
    """
    slope = jax.jacfwd(lambda x: -metric.flat(x, field(x)))(point)  # [j, i] = d_i w_j
    return slope.T - slope


@dataclass(frozen=True)
class Reconstruction:
    """The cost at points (m,), 0 at the origin, and how much it depends on the path (m,).

    `path_dependence` is the difference between the straight path and the one that changes one
    coordinate after the other; beside it, `error` (m,) is what the quadrature may be off by.

    >>> rebuilt = Reconstruction(np.array([2.5]), np.array([0.0]), np.array([1e-13]))
    >>> rebuilt.path_dependence
    array([0.])
    """

    costs: Float[np.ndarray, " m"]
    path_dependence: Float[np.ndarray, " m"]
    error: Float[np.ndarray, " m"]


@entry_point(kernel="curl")
def reconstruct_cost(
    field: Field, metric: AbstractMetric, origin: Numbers, points: Numbers
) -> Reconstruction:
    """The cost whose steepest descent a field is, by integrating -flat(v) along paths.

    From `origin` (n,) to each of `points` (m, n); both paths must stay in the metric's domain.
    Look at `path_dependence` before using `costs`: where it is not 0 there is no such cost. Raises
    `FlowError` where a path leaves the domain or the integral does not converge.

    >>> from steepest.geometry import Euclidean
    >>> rebuilt = reconstruct_cost(lambda x: -x, Euclidean(), [0.0, 0.0], [[1.0, 2.0]])
    >>> rebuilt.costs.round(6), rebuilt.path_dependence.round(6)
    (array([2.5]), array([0.]))
    """
    same_axes({"origin": (origin, 0), "points": (points, np.ndim(points) - 1)})
    start = jnp.asarray(real_numbers(origin, "origin", error=DataError))
    ends = jnp.asarray(np.atleast_2d(real_numbers(points, "points", error=DataError)))
    if start.ndim != 1 or ends.shape[1:] != start.shape:
        raise DataError(f"origin is one point (n,), points are (m, n), not {ends.shape}")
    straight, corner, error = (np.asarray(x) for x in _integrate(field, metric, start, ends))
    bad = np.flatnonzero(~(error <= 1e-6 * (1 + np.abs(straight))))
    if bad.size:
        raise FlowError(
            f"reconstruct_cost: the line integral to point {bad[0]}, {np.asarray(ends)[bad[0]]}, "
            "does not converge: a path to it, straight or one coordinate after the other, leaves "
            "the domain; start from another origin"
        )
    return Reconstruction(straight, np.abs(corner - straight), error)


@eqx.filter_jit
def _integrate(field: Field, metric: AbstractMetric, start: Array, ends: Array) -> Any:
    n = start.shape[0]

    def along(left: Array, right: Array) -> tuple[Array, Array]:
        def rate(s: Array) -> Array:
            point = left + s * (right - left)
            return -jnp.sum(metric.flat(point, field(point)) * (right - left))[None]

        integral = integrate(rate, 0.0, 1.0, tolerance=1e-12)
        return integral.value[0], integral.error[0]

    def both(end: Array) -> tuple[Array, Array, Array]:
        order = jnp.arange(n)
        corners = jax.vmap(lambda k: jnp.where(order < k, end, start))(jnp.arange(n + 1))
        # The straight path first, then one leg for each coordinate.
        lefts = jnp.concatenate([start[None], corners[:-1]])
        rights = jnp.concatenate([end[None], corners[1:]])
        parts, errors = jax.vmap(along)(lefts, rights)
        return parts[0], parts[1:].sum(), errors.sum()

    return jax.vmap(both)(ends)


@entry_point(kernel="curl, on a function")
def curl_f_test(
    positions: Numbers, velocities: Numbers, metric: AbstractMetric, *, degree: int = 4
) -> FTest:
    """Test on noisy samples whether a field is a gradient in a given metric, without a cost.

    `positions` and `velocities` (m, n), the latter with independent noise of equal variance. The
    hypothesis is v = -sharp(d phi) with a polynomial phi of `degree` + 2; the larger model adds
    every covector field with polynomial entries of `degree` - 1 (in the plane: a stream function of
    `degree`). Both are compared on velocities, so the noise is whitened by the metric. The test is
    exact where such a phi exists; the potential gets two degrees more than what it is tested
    against, because what it cannot follow would count against it (on Fig 3's flow with 100 samples
    equal degrees reject .10 of true metrics at 5 %, these .05). Raises `DataError` for fewer data
    than coefficients, and the metric's own error where a position is outside it.

    >>> from steepest.geometry import Euclidean
    >>> random = np.random.default_rng(0)
    >>> positions = random.standard_normal((40, 2))
    >>> velocities = -positions + 0.1 * random.standard_normal((40, 2))
    >>> curl_f_test(positions, velocities, Euclidean(), degree=2).holds
    True
    """
    same_labels({"positions": positions, "velocities": velocities}, rows="samples")
    same_axes({"positions": (positions, 1), "velocities": (velocities, 1)})
    where = real_numbers(positions, "positions", error=DataError)
    v = real_numbers(velocities, "velocities", error=DataError)
    if where.ndim != 2 or where.shape != v.shape:
        raise DataError(f"positions and velocities are (m, n), not {where.shape} and {v.shape}")
    n = where.shape[1]
    middle, spread = where.mean(axis=0), where.std(axis=0)
    scaled = (where - middle) / np.where(spread > 0, spread, 1.0)
    most = degree + 2
    powers = [k for k in itertools.product(range(most + 1), repeat=n) if sum(k) <= most]
    exact = [_differential(scaled, k) for k in powers if sum(k)]
    lower = [np.prod(scaled ** np.array(k), axis=1) for k in powers if sum(k) < degree]
    free = [monomial[:, None] * axis for monomial in lower for axis in np.eye(n)]
    shared = sum(0 < sum(k) <= degree for k in powers)  # differentials among the free fields
    coefficients = len(exact) + len(free) - shared
    stretch = np.where(spread > 0, spread, 1.0)

    def design(covectors: list[np.ndarray]) -> np.ndarray:
        raised = np.asarray(_raise(metric, where, np.stack(covectors) / stretch))
        if not np.isfinite(raised).all():
            for point in where:
                metric.check(point)
        return -raised.reshape(len(covectors), -1).T

    if v.size <= coefficients:
        raise DataError(
            f"{v.size} numbers cannot tell {coefficients} coefficients of degree {degree} from "
            "noise; give more samples or a lower degree"
        )
    small, large = (least_squares(design(part), v.ravel()) for part in (exact, exact + free))
    return nested_f_test(small, large, "a gradient in this metric", "any covector field")


@eqx.filter_jit
def _raise(metric: AbstractMetric, points: Any, covectors: Any) -> Array:
    """Several fields of covectors (c, m, n) at points (m, n), raised."""
    raise_all = jax.vmap(jax.vmap(metric.sharp), in_axes=(None, 0))
    return raise_all(jnp.asarray(points), jnp.asarray(covectors))


def _differential(points: np.ndarray, powers: tuple[int, ...]) -> np.ndarray:
    """The differential of a monomial at points (m, n)."""
    k = np.array(powers)
    columns = []
    for i in range(len(k)):
        lower = k - (np.arange(len(k)) == i)
        columns.append(
            k[i] * np.prod(points ** np.maximum(lower, 0), axis=1) if k[i] else 0 * points[:, 0]
        )
    return np.stack(columns, axis=1)
