"""Fit a metric to noisy trajectories by shooting: the flow itself must pass the points."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy import optimize

from steepest.errors import DataError
from steepest.geometry.arrays import Numbers
from steepest.geometry.entry import entry_point
from steepest.inference.flows import trajectory_samples
from steepest.inference.ftest import LeastSquares, least_squares
from steepest.inference.metric_fit import fit_mobility
from steepest.inference.mobility import SYMMETRIC, MobilityFamily

__all__ = ["ShootingFit", "fit_trajectories"]

_SUBSTEPS = 8


@dataclass(frozen=True, eq=False)
class ShootingFit:
    """Coefficients (k,) of the mobility and starts (b, n) of the flows that pass the points best.

    `mobility` (n, n) in the family's chart; `intervals()` (k, 2) by linearisation.
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
    """
    observed, moments = np.asarray(points, dtype=np.float64), np.asarray(times, dtype=np.float64)
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
    waits, target = jnp.asarray(np.diff(moments)), jnp.asarray(observed)
    basis = jnp.asarray(family.basis(n))

    def flow(coefficients: Array, start: Array) -> Array:
        M = jnp.einsum("k,kij->ij", coefficients, basis)

        def move(x: Array) -> Array:
            seen = family.chart.pull_back(x, jax.grad(cost)(x))
            return -family.chart.push_back(x, M @ seen)

        def substep(x: Array, h: Array) -> Array:
            k1 = move(x)
            k2 = move(x + h / 2 * k1)
            k3 = move(x + h / 2 * k2)
            k4 = move(x + h * k3)
            return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

        def step(x: Array, wait: Array) -> tuple[Array, Array]:
            x = jax.lax.fori_loop(0, _SUBSTEPS, lambda _, y: substep(y, wait / _SUBSTEPS), x)
            return x, x

        return jnp.concatenate([start[None], jax.lax.scan(step, start, waits)[1]])

    @jax.jit
    def misses(unknowns: Array) -> Array:
        starts = unknowns[k:].reshape(b, n)
        return (jax.vmap(lambda start: flow(unknowns[:k], start))(starts) - target).ravel()

    slopes = jax.jit(jax.jacfwd(misses))
    try:
        found = optimize.least_squares(
            lambda x: np.asarray(misses(jnp.asarray(x))),
            np.concatenate([first, observed[:, 0].ravel()]),
            jac=lambda x: np.asarray(slopes(jnp.asarray(x))),  # pyright: ignore[reportArgumentType]
            x_scale="jac",
        )
    except ValueError as error:
        raise DataError(
            f"the flow that the first guess {first} gives leaves the cost's domain; leave out the "
            "trajectories nearest to the edge"
        ) from error
    if not found.success:
        raise DataError(f"no flow was found that passes the points: {found.message}")
    linear = least_squares(found.jac, found.jac @ found.x - found.fun)
    fit = LeastSquares(
        linear.coefficients, linear.covariance, linear.unidentified,
        float(found.fun @ found.fun), linear.degrees,
    )  # fmt: skip
    mobility = np.einsum("k,kij->ij", found.x[:k], family.basis(n))
    return ShootingFit(family, found.x[:k], found.x[k:].reshape(b, n), mobility, fit)
