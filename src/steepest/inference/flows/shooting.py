"""Fit a metric to noisy trajectories by shooting: the flow itself must pass the points."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy import optimize

from steepest.arrays.entry import entry_point
from steepest.arrays.given import real_numbers
from steepest.arrays.numbers import Numbers
from steepest.errors import DataError
from steepest.geometry.chart import AbstractChart
from steepest.inference.flows.fit import fit_mobility
from steepest.inference.flows.ftest import LeastSquares, least_squares
from steepest.inference.flows.mobility import SYMMETRIC, MobilityFamily
from steepest.inference.flows.samples import trajectory_samples

__all__ = ["ShootingFit", "fit_trajectories"]

_SUBSTEPS = 8


@dataclass(frozen=True, eq=False)
class ShootingFit:
    """Coefficients (k,) of the mobility and starts (b, n) of the flows that pass the points best.

    `mobility` (n, n) in the family's chart; `intervals()` (k, 2) by linearisation.

    >>> times = np.linspace(0.0, 1.0, 6)
    >>> points = np.array([[2.0], [-1.0]])[:, None] * np.exp(-3.0 * times)[:, None]
    >>> fit_trajectories(times, points, lambda x: jnp.sum(x**2) / 2).starts.round(2)
    array([[ 2.],
           [-1.]])
    """

    family: MobilityFamily
    coefficients: Float[np.ndarray, " k"]
    starts: Float[np.ndarray, "b n"]
    mobility: Float[np.ndarray, "n n"]
    fit: LeastSquares

    def intervals(self, level: float = 0.95) -> Float[np.ndarray, "k 2"]:
        """Student-t intervals (k, 2) of the coefficients."""
        k = len(self.coefficients)
        centred = self.fit.intervals(level)[:k] - self.fit.coefficients[:k, None]
        return self.coefficients[:, None] + centred


@entry_point(kernel="gradient_flow's own kernel, in a fit of your own")
def fit_trajectories(
    times: Numbers,
    points: Numbers,
    cost: Callable[[Any], Any],
    family: MobilityFamily = SYMMETRIC,
) -> ShootingFit:
    """Fit a mobility to trajectories whose *positions* are measured with noise.

    `times` (m,), the same for all b trajectories `points` (b, m, n). The starts are fitted too, and
    the flow is integrated between the times (Runge-Kutta, order 4): unbiased where steps of noisy
    positions are not. Begins with the trapezoid fit. Raises `DataError` for shapes that do not fit
    and where no flow is found that passes the points.

    >>> times = np.linspace(0.0, 1.0, 6)
    >>> points = np.array([[2.0], [-1.0]])[:, None] * np.exp(-3.0 * times)[:, None]
    >>> fit = fit_trajectories(times, points, lambda x: jnp.sum(x**2) / 2)
    >>> fit.coefficients.round(2)
    array([3.])
    """
    observed = real_numbers(points, "points", error=DataError)
    moments = real_numbers(times, "times", error=DataError)
    if observed.ndim != 3 or moments.shape != observed.shape[1:2] or len(moments) < 2:
        raise DataError(
            f"points are (flows, times, coordinates) with times (times,), not {observed.shape} "
            f"and {moments.shape}"
        )
    b, m, n = observed.shape
    labels = np.repeat(np.arange(b), m)
    steps = trajectory_samples(np.tile(moments, b), observed.reshape(-1, n), cost, flows=labels)
    first = fit_mobility(steps, family).fit.coefficients
    k = len(first)
    given = (
        cost,
        family.chart,
        jnp.asarray(family.basis(n)),
        jnp.asarray(np.diff(moments)),
        jnp.asarray(observed),
    )
    try:
        optimum = optimize.least_squares(
            lambda x: np.asarray(_misses(jnp.asarray(x), *given)),
            np.concatenate([first, observed[:, 0].ravel()]),
            jac=lambda x: np.asarray(_slopes(jnp.asarray(x), *given)),  # pyright: ignore[reportArgumentType]
            x_scale="jac",
        )
    except ValueError as error:
        raise DataError(
            f"the flow that the first guess {first} gives leaves the cost's domain; leave out the "
            "trajectories nearest to the edge"
        ) from error
    if not optimum.success:
        raise DataError(f"no flow was found that passes the points: {optimum.message}")
    jacobian = np.asarray(optimum.jac)
    linear = least_squares(jacobian, jacobian @ optimum.x - optimum.fun)
    fit = LeastSquares(
        linear.coefficients, linear.covariance, linear.unidentified,
        float(optimum.fun @ optimum.fun), linear.degrees,
    )  # fmt: skip
    mobility = np.einsum("k,kij->ij", optimum.x[:k], family.basis(n))
    return ShootingFit(family, optimum.x[:k], optimum.x[k:].reshape(b, n), mobility, fit)


def _misses_of(
    unknowns: Array, cost: Any, chart: AbstractChart, basis: Array, waits: Array, target: Array
) -> Array:
    """By how much the flows miss the points: coefficients first, then the starts."""
    (b, _, n), k = target.shape, basis.shape[0]
    M = jnp.einsum("k,kij->ij", unknowns[:k], basis)

    def move(x: Array) -> Array:
        seen = chart.pull_back(x, jax.grad(cost)(x))
        return -chart.push_back(x, M @ seen)

    def substep(x: Array, h: Array) -> Array:
        def stage(total: tuple[Array, Array], part: Array) -> tuple[tuple[Array, Array], None]:
            last, mean = total
            slope = move(x + part[0] * h * last)
            return (slope, mean + part[1] * slope), None

        # One trace of the slope for all four stages: a quarter of the time to compile.
        stages = jnp.asarray([[0.0, 1 / 6], [0.5, 1 / 3], [0.5, 1 / 3], [1.0, 1 / 6]])
        (_, mean), _ = jax.lax.scan(stage, (jnp.zeros_like(x), jnp.zeros_like(x)), stages)
        return x + h * mean

    def step(x: Array, wait: Array) -> tuple[Array, Array]:
        x = jax.lax.fori_loop(0, _SUBSTEPS, lambda _, y: substep(y, wait / _SUBSTEPS), x)
        return x, x

    def flow(start: Array) -> Array:
        return jnp.concatenate([start[None], jax.lax.scan(step, start, waits)[1]])

    return (jax.vmap(flow)(unknowns[k:].reshape(b, n)) - target).ravel()


_misses = eqx.filter_jit(_misses_of)
_slopes = eqx.filter_jit(jax.jacfwd(_misses_of))
