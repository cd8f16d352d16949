"""Straightest and shortest paths of a metric in a few dimensions, and how long they are."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.entry import double_precision, entry_point, readable
from steepest.arrays.given import same_axes
from steepest.arrays.numbers import Numbers, as_numbers
from steepest.arrays.quadrature import integrate
from steepest.errors import FlowError, MetricError, UsageError
from steepest.geometry.metric import AbstractMetric

__all__ = ["christoffel", "exponential_map", "geodesic_distance", "logarithm_map", "path_length"]


@readable
def christoffel(metric: AbstractMetric, point: Float[Array, " n"]) -> Float[Array, "n n n"]:
    """Christoffel symbols Gamma^k_ij at a point, as an array [k, i, j]: a kernel for small n.

    >>> import jax.numpy as jnp
    >>> import jax
    >>> from steepest.geometry import Weber, christoffel
    >>> with jax.enable_x64(True):
    ...     symbols = christoffel(Weber(), jnp.array([2.0]))
    >>> symbols.tolist()
    [[[-0.5]]]
    """
    slope = jax.jacfwd(metric.matrix)(point)  # [i, j, l] = d_l G_ij
    lowered = (jnp.moveaxis(slope, 2, 1) + slope - jnp.moveaxis(slope, 2, 0)) / 2  # [m, i, j]
    n = point.shape[0]
    raised = jax.vmap(lambda covector: metric.sharp(point, covector), in_axes=1, out_axes=1)
    return raised(lowered.reshape(n, n * n)).reshape(n, n, n)


@eqx.filter_jit
def _shoot(metric: AbstractMetric, start: Array, velocity: Array, rtol: Any) -> tuple[Array, Array]:
    """Where the geodesic is after unit time, and whether the solver arrived."""
    import diffrax  # takes longer to import than the rest of this room, and serves only here

    n = start.shape[0]

    def move(t: Any, state: Array, args: Any) -> Array:
        position, speed = state[:n], state[n:]
        turn = jnp.einsum("kij,i,j->k", christoffel(metric, position), speed, speed)
        return jnp.concatenate([speed, -turn])

    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(move),
        diffrax.Dopri8(),
        t0=0.0,
        t1=1.0,
        dt0=None,
        y0=jnp.concatenate([start, velocity]),
        stepsize_controller=diffrax.PIDController(rtol=rtol, atol=rtol * 1e-2),
        adjoint=diffrax.ForwardMode(),
        max_steps=4096,
        throw=False,
    )
    assert solution.ys is not None
    end = solution.ys[0, :n]
    arrived = (solution.result == diffrax.RESULTS.successful) & jnp.isfinite(end).all()
    return end, arrived


@entry_point(kernel="christoffel, and integrate the geodesic equation")
def exponential_map(
    metric: AbstractMetric, point: Numbers, vector: Numbers, *, rtol: float = 1e-11
) -> Float[np.ndarray, " n"]:
    """The end of the geodesic that leaves `point` (n,) with velocity `vector` (n,), at time 1.

    The same in every chart, unlike the straight step point + vector. Raises `FlowError` where the
    geodesic leaves the metric's domain before.

    >>> import numpy as np
    >>> from steepest.geometry import Weber, exponential_map
    >>> exponential_map(Weber(), [2.0], [2.0 * np.log(3.0)]).round(6).tolist()  # by a factor of 3
    [6.0]
    """
    start, velocity = _pair(point, vector)
    metric.check(start)
    end, arrived = _shoot(metric, start, velocity, rtol)
    if not arrived:
        raise FlowError(
            f"the geodesic from {np.asarray(start)} along {np.asarray(velocity)} leaves the domain "
            f"of {type(metric).__name__} within unit time; take a shorter vector"
        )
    return np.asarray(end)


@entry_point(kernel="christoffel, and solve the boundary value problem")
def logarithm_map(
    metric: AbstractMetric, point: Numbers, other: Numbers, *, rtol: float = 1e-11
) -> Float[np.ndarray, " n"]:
    """The velocity (n,) with which a geodesic leaves `point` to be at `other` at time 1.

    The inverse of `exponential_map`, in closed form where the metric knows one (`FisherNormal`),
    else by Newton's method from the straight line with damped steps: for a small number of
    dimensions. It finds a geodesic, which where several exist need not be
    the shortest. Raises `FlowError` where none is found: no geodesic joins the points, or the
    points are far apart in a curved space.

    >>> from steepest.geometry import Weber, logarithm_map
    >>> logarithm_map(Weber(), [1.0], [2.718281828]).round(6).tolist()
    [1.0]
    """
    start, goal = _pair(point, other)
    for end in (start, goal):
        metric.check(end)
    known = metric.logarithm(start, goal)
    if known is not None:
        return np.asarray(known)
    velocity = goal - start
    size = jnp.linalg.norm(velocity) + 1e-300

    @eqx.filter_jit
    def miss_and_slope(velocity: Array) -> tuple[Array, Array, Array]:
        def shot(v: Array) -> tuple[Array, tuple[Array, Array]]:
            end, arrived = _shoot(metric, start, v, rtol)
            return end - goal, (end - goal, arrived)

        slope, (miss, arrived) = jax.jacfwd(shot, has_aux=True)(velocity)
        return miss, slope, arrived

    miss, slope, arrived = miss_and_slope(velocity)
    for _ in range(60):
        if not arrived:
            velocity = velocity / 2
            miss, slope, arrived = miss_and_slope(velocity)
            continue
        if jnp.linalg.norm(miss) <= 20 * rtol * (size + jnp.linalg.norm(goal)):
            return np.asarray(velocity)
        step = jnp.linalg.solve(slope, miss)
        for halving in range(30):
            tried = velocity - step * 0.5**halving
            missed = miss_and_slope(tried)
            if missed[2] and jnp.linalg.norm(missed[0]) < jnp.linalg.norm(miss):
                break
        else:
            break
        velocity, (miss, slope, arrived) = tried, missed
    raise FlowError(
        f"no geodesic of {type(metric).__name__} was found from {np.asarray(start)} to "
        f"{np.asarray(goal)} (the nearest try missed by {float(jnp.linalg.norm(miss)):.3g}); "
        "choose points nearer to each other, or go there in several parts"
    )


@readable
def geodesic_distance(
    metric: AbstractMetric, point: Numbers, other: Numbers, *, rtol: float = 1e-11
) -> float:
    """Length of the geodesic between two points (n,); raises what `logarithm_map` raises.

    >>> from steepest.geometry import Weber, geodesic_distance
    >>> round(geodesic_distance(Weber(), [1.0], [2.718281828]), 6)
    1.0
    """
    velocity = logarithm_map(metric, point, other, rtol=rtol)
    with double_precision():
        start = jnp.asarray(as_numbers(point, "point"))
        return float(metric.norm(start, jnp.asarray(velocity)))


@entry_point(kernel="the metric's norm")
def path_length(
    metric: AbstractMetric, path: Callable[[Any], Any], *, tolerance: float = 1e-10
) -> float:
    """Length of a path, a function in jax.numpy from s in [0, 1] to points (n,).

    The ends themselves are not evaluated, so a path may end where the metric is singular at a
    finite distance, such as at the maximum of a release probability. Raises `MetricError` where
    the length is infinite or the path leaves the domain.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Weber, path_length
    >>> round(path_length(Weber(), lambda s: jnp.exp(s)[None]), 6)
    1.0
    """

    def speed(t: Array) -> Array:
        # A length is that of any parametrisation: with s = t^2 (3 - 2t) the path comes to rest
        # at its ends, which takes the root out of a metric that has a pole there.
        s = t**2 * (3 - 2 * t)
        point, tangent = jax.jvp(path, (s,), (6 * t * (1 - t),))
        return metric.norm(point, tangent)[None]

    length, error = jax.jit(lambda: integrate(speed, 0.0, 1.0, tolerance=tolerance))()
    if not error[0] <= 1e-6 * length[0]:
        raise MetricError(
            f"path_length: the length in {type(metric).__name__} does not converge (so far "
            f"{float(length[0]):.6g}, error {float(error[0]):.2g}): the path leaves the domain or "
            "runs to where the metric is infinitely far"
        )
    return float(length[0])


def _pair(point: Numbers, other: Numbers) -> tuple[Array, Array]:
    same_axes({"the point": (point, 0), "the other": (other, 0)})
    first, second = (as_numbers(x, "points") for x in (point, other))
    if first.ndim != 1 or first.shape != second.shape:
        raise UsageError(
            f"give two arrays of one shape (n,), not of {first.shape} and {second.shape}"
        )
    return jnp.asarray(first), jnp.asarray(second)
