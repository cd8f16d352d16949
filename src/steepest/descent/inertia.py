"""Descent with inertia: a damped Hamiltonian system whose kinetic energy is the metric's.

q' = G^-1 p, p' = -d_q (p' G^-1 p / 2 + C) - friction p, dH/dt = -friction p' G^-1 p. The same in
every chart, which the naive x'' = -friction x' - G^-1 dC is not: it leaves out that p is a
covector. Surace et al. 2020, Conclusions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.entry import entry_point
from steepest.arrays.given import same_axes
from steepest.arrays.numbers import Numbers, as_numbers
from steepest.descent.solve import solve_recorded
from steepest.descent.trajectory import coordinate_names, short
from steepest.errors import FlowError, UsageError
from steepest.geometry.metric import AbstractMetric

__all__ = ["InertialTrajectory", "inertial_flow"]


@dataclass(frozen=True, repr=False)
class InertialTrajectory:
    """A damped flow at the times asked for: `times` (m,), `points` and `momenta` (m, n).

    `costs` (m,) and `energies` (m,), the Hamiltonian: cost plus kinetic energy.

    >>> import numpy as np
    >>> from steepest.descent import InertialTrajectory
    >>> row = np.zeros((1, 1))
    >>> InertialTrajectory(np.array([1.0]), row + 2, row, np.array([4.0]), np.array([4.5]))
    InertialTrajectory: 1 coordinate(s) at 1 time(s)
      time 1: [2.], cost 4, energy 4.5
      time 1: [2.], cost 4, energy 4.5
    """

    times: Float[np.ndarray, " m"]
    points: Float[np.ndarray, "m n"]
    momenta: Float[np.ndarray, "m n"]
    costs: Float[np.ndarray, " m"]
    energies: Float[np.ndarray, " m"]

    def __repr__(self) -> str:
        n = self.points.shape[1]
        rows = [
            f"  time {self.times[i]:.6g}: {short(self.points[i])}, cost {self.costs[i]:.4g},"
            f" energy {self.energies[i]:.4g}"
            for i in (0, -1)
        ]
        head = f"InertialTrajectory: {n} coordinate(s) at {self.times.size} time(s)"
        return "\n".join([head, *rows])

    def plot(self, coordinates: Sequence[str] | None = None) -> Any:
        """A matplotlib Figure: coordinates, cost and energy against time, and in a plane the path.

        `coordinates` names the n coordinates (default x0, x1, ...). Raises `UsageError` if their
        number differs.
        """
        from steepest.descent.picture import draw_flow

        names = coordinate_names(self.points.shape[1], coordinates)
        return draw_flow(
            self.times, self.points[None], self.costs[None], names, self.energies[None]
        )


@entry_point(kernel="the metric's sharp, and integrate Hamilton's equations")
def inertial_flow(
    cost: Callable[[Any], Any],
    metric: AbstractMetric,
    start: Numbers,
    times: Numbers,
    *,
    friction: float,
    momentum: Numbers | None = None,
    solver: diffrax.AbstractAdaptiveSolver | None = None,
    rtol: float = 1e-9,
    atol: float = 1e-11,
    max_steps: int = 20_000,
) -> InertialTrajectory:
    """Follow damped Hamiltonian descent from `start` (n,), at rest unless a momentum is given.

    `cost`: point (n,) -> scalar, in jax.numpy; `times` (m,) increasing from 0 or later; `friction`
    per unit of time, not negative; `momentum` (n,), a covector. With large friction it becomes
    steepest descent at learning rate 1/friction.

    Raises `FlowError` where the flow leaves the metric's domain or is not finite, `UsageError`
    for arguments that cannot be used.

    >>> from steepest.descent import inertial_flow
    >>> from steepest.geometry import Euclidean
    >>> pendulum = lambda x: (x**2).sum() / 2
    >>> flow = inertial_flow(pendulum, Euclidean(), [1.0], [3.141593], friction=0.0)
    >>> flow.points.round(4).tolist()  # half a period of the pendulum
    [[-1.0]]
    """
    same_axes({"start": (start, 0), "momentum": (momentum, 0)})
    q = as_numbers(start, "start")
    p = np.zeros_like(q) if momentum is None else as_numbers(momentum, "momentum")
    moments = np.atleast_1d(as_numbers(times, "times"))
    if q.ndim != 1 or p.shape != q.shape:
        raise UsageError(f"start and momentum are points (n,), not of {q.shape} and {p.shape}")
    if not (np.isfinite(moments).all() and moments[0] >= 0 and (np.diff(moments) > 0).all()):
        raise UsageError("times must be finite, not negative, and strictly increasing")
    if moments[-1] == 0 or not friction >= 0:
        raise UsageError("the last time must be after 0, and the friction not negative")
    metric.check(q)
    solver = diffrax.Tsit5() if solver is None else solver
    state, costs, energies, reached, ok = _integrate(
        cost,
        metric,
        solver,
        jnp.asarray(np.concatenate([q, p])),
        jnp.asarray(moments),
        jnp.asarray(float(friction)),
        jnp.asarray(float(rtol)),
        jnp.asarray(float(atol)),
        max_steps,
    )
    states = np.asarray(state)
    if not (ok and np.isfinite(states).all() and np.isfinite(energies).all()):
        finite = np.isfinite(states).all(axis=1) & np.isfinite(np.asarray(energies))
        last = states[np.flatnonzero(finite)[-1]] if finite.any() else np.concatenate([q, p])
        where = np.array2string(last[: q.size], precision=6)
        raise FlowError(
            f"the damped flow broke down at time {float(reached):.6g}, last recorded at {where}: "
            "it left the metric's domain, or is stiff; raise the friction, start nearer, or try "
            "`solver=diffrax.Kvaerno5()`"
        )
    n = q.size
    return InertialTrajectory(
        moments, states[:, :n], states[:, n:], np.asarray(costs), np.asarray(energies)
    )


def _hamiltonian(cost: Any, metric: AbstractMetric, q: Array, p: Array) -> Array:
    return cost(q) + jnp.sum(p * metric.sharp(q, p)) / 2


@eqx.filter_jit
def _integrate(
    cost: Any,
    metric: AbstractMetric,
    solver: diffrax.AbstractAdaptiveSolver,
    start: Float[Array, " two_n"],
    times: Float[Array, " m"],
    friction: Any,
    rtol: Any,
    atol: Any,
    max_steps: int,
) -> tuple[Array, Array, Array, Array, Array]:
    n = start.shape[0] // 2

    def move(state: Array) -> Array:
        q, p = state[:n], state[n:]
        # Forward mode, so that metrics found by adaptive quadrature serve as well.
        force = jax.jacfwd(lambda x: _hamiltonian(cost, metric, x, p))(q)
        return jnp.concatenate([metric.sharp(q, p), -force - friction * p])

    solution = solve_recorded(move, solver, start, times, rtol=rtol, atol=atol, max_steps=max_steps)
    states = solution.states
    costs = jax.vmap(cost)(states[:, :n])
    energies = jax.vmap(lambda s: _hamiltonian(cost, metric, s[:n], s[n:]))(states)
    return states, costs, energies, solution.end_time, solution.ok
