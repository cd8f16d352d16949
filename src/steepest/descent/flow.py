"""Steepest descent in continuous time, followed by an adaptive solver and checked at its end."""

from collections.abc import Callable
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx
from jaxtyping import Array, Float

from steepest.descent.trajectory import Trajectory
from steepest.errors import FlowError, SteepestError, UsageError
from steepest.geometry.arrays import Numbers
from steepest.geometry.domain import Boundary
from steepest.geometry.entry import entry_point
from steepest.geometry.metric import AbstractMetric

__all__ = ["gradient_flow"]

Cost = Callable[[Any], Any]
Stop = Callable[[Any], Any]


@entry_point(kernel="the metric's sharp (or give batched starts)")
def gradient_flow(
    cost: Cost,
    metric: AbstractMetric,
    start: Numbers,
    times: Numbers,
    *,
    stop: Stop | None = None,
    solver: diffrax.AbstractAdaptiveSolver | None = None,
    rtol: float = 1e-8,
    atol: float = 1e-10,
    max_steps: int = 20_000,
) -> Trajectory:
    """Follow d(point)/dt = -sharp(point, dC) from `start` at time 0 (Surace et al. 2020, Eq 5).

    `cost`: point (n,) -> scalar, in jax.numpy. `start` (n,), or (b, n) for b flows in one compiled
    call. `times` (m,), increasing from 0 or later; a single number T stands for 101 times from 0
    to T. `stop`: point -> scalar; the flow ends where it falls to 0 (`domain.boundary()` makes
    one, and the time at which the edge itself would be hit is then extrapolated). `solver`:
    diffrax's Tsit5 unless given; take `diffrax.Kvaerno5()` for a stiff flow.

    A learning rate eta is a change of time: pass times multiplied by eta.

    Raises `FlowError` (time and coordinate named) if the flow leaves its domain, stalls or is not
    finite, the metric's own error where it is singular, and `UsageError` for times or a cost that
    cannot be used.
    """
    points = _check_start(start)
    moments = _check_times(times)
    single = points.ndim == 1
    starts = np.atleast_2d(points)
    _check_beginning(cost, metric, starts[0], stop)
    solver = diffrax.Tsit5() if solver is None else solver
    solution = _integrate_all(
        cost, metric, stop, solver, jnp.asarray(starts), jnp.asarray(moments), rtol, atol, max_steps
    )
    reached, states, costs, end_times, ends, end_costs, boundary, steps, ok, stopped = (
        np.asarray(part) for part in solution
    )
    finite = np.isfinite(ends).all(axis=1) & np.isfinite(end_costs)
    complete = stopped | (end_times == moments[-1])
    for lane in np.flatnonzero(~(ok & finite & complete)):
        _explain(cost, metric, starts, int(lane), ends[lane], end_times[lane], steps[lane], stop)
    if single:
        metric.check(ends[0])

    present = np.isfinite(reached)
    states = np.where(present[..., None], states, np.nan)
    costs = np.where(present, costs, np.nan)
    settings: dict[str, str | float] = {
        "metric": type(metric).__name__,
        "solver": type(solver).__name__,
        "rtol": rtol,
        "atol": atol,
    }
    if not single:
        return Trajectory(
            moments, states, costs, stopped, end_times, ends, boundary, steps, settings
        )
    kept = present[0]
    moments, path, values = moments[kept], states[0, kept], costs[0, kept]
    if stopped[0] and (moments.size == 0 or moments[-1] < end_times[0]):
        moments = np.append(moments, end_times[0])
        path = np.concatenate([path, ends[:1]])
        values = np.append(values, end_costs[0])
    return Trajectory(
        moments,
        path,
        values,
        stopped[0:1].reshape(()),
        end_times[0:1].reshape(()),
        ends[0],
        boundary[0:1].reshape(()),
        steps[0:1].reshape(()),
        settings,
    )


def _check_start(start: Numbers) -> Float[np.ndarray, "..."]:
    points = np.asarray(start, dtype=np.float64)
    if points.ndim not in (1, 2) or points.size == 0:
        raise UsageError(f"start is one point (n,) or several (b, n), not of shape {points.shape}")
    if not np.isfinite(points).all():
        where = ", ".join(str(i) for i in np.argwhere(~np.isfinite(points))[0])
        raise UsageError(f"start: coordinate {where} is not finite")
    return points


def _check_times(times: Numbers) -> Float[np.ndarray, " m"]:
    moments = np.asarray(times, dtype=np.float64)
    if moments.ndim == 0:
        moments = np.linspace(0.0, float(moments), 101)
    if moments.ndim != 1 or moments.size == 0:
        raise UsageError(f"times is a number or a list (m,), not of shape {moments.shape}")
    if not np.isfinite(moments).all() or moments[0] < 0 or (np.diff(moments) <= 0).any():
        raise UsageError("times must be finite, not negative, and strictly increasing")
    if moments[-1] == 0:
        raise UsageError("times: the last one must be after 0, where the flow starts")
    return moments


def _check_beginning(
    cost: Cost, metric: AbstractMetric, start: np.ndarray, stop: Stop | None
) -> None:
    point = jnp.asarray(start)
    try:
        jax.eval_shape(jax.grad(cost), point)
        value = cost(point)
    except TypeError as error:
        raise UsageError(
            "the cost cannot be differentiated: it must take a point (n,), be written with "
            f"jax.numpy and return a scalar ({error})"
        ) from error
    metric.check(point)
    if not np.isfinite(float(value)):
        raise FlowError(f"the cost is {float(value)} at the start {start}; move it into its domain")
    if stop is not None and not float(stop(point)) > 0:
        raise FlowError(
            f"the stop condition is {float(stop(point)):.6g} at the start {start}, so the flow "
            "would end before it begins; start where it is positive"
        )


def _velocity(cost: Cost, metric: AbstractMetric, point: Array) -> Array:
    return -metric.sharp(point, jax.grad(cost)(point))


@eqx.filter_jit
def _integrate_all(
    cost: Cost,
    metric: AbstractMetric,
    stop: Stop | None,
    solver: diffrax.AbstractAdaptiveSolver,
    starts: Float[Array, "b n"],
    times: Float[Array, " m"],
    rtol: float,
    atol: float,
    max_steps: int,
) -> tuple[Array, ...]:
    event = None
    if stop is not None:
        event = diffrax.Event(
            lambda t, y, args, **_: stop(y),
            root_finder=optx.Bisection(rtol=1e-12, atol=1e-12),
            direction=False,
        )

    def integrate(start: Array) -> tuple[Array, ...]:
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, y, args: _velocity(cost, metric, y)),
            solver,
            t0=jnp.zeros_like(times[-1]),
            t1=times[-1],
            dt0=None,
            y0=start,
            saveat=diffrax.SaveAt(subs=[diffrax.SubSaveAt(ts=times), diffrax.SubSaveAt(t1=True)]),
            stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol),
            event=event,
            max_steps=max_steps,
            throw=False,
        )
        assert solution.ts is not None
        assert solution.ys is not None
        (reached, last), (states, ends) = solution.ts, solution.ys
        stopped = solution.result == diffrax.RESULTS.event_occurred
        ok = stopped | (solution.result == diffrax.RESULTS.successful)
        end, end_time = ends[0], last[0]
        boundary = jnp.full_like(end_time, jnp.nan)
        if isinstance(stop, Boundary):
            hit = _time_of_impact(cost, metric, stop, end, end_time, stopped)
            boundary = jnp.where(stopped, hit, boundary)
        return (
            reached,
            states,
            jax.vmap(cost)(states),
            end_time,
            end,
            cost(end),
            boundary,
            jnp.asarray(solution.stats["num_steps"]),
            ok,
            stopped,
        )

    return jax.vmap(integrate)(starts)


def _time_of_impact(
    cost: Cost, metric: AbstractMetric, stop: Boundary, point: Array, time: Array, stopped: Array
) -> Array:
    """When a stopped flow would have reached the edge, where its velocity may be infinite.

    Henon's trick: with the distance d to the edge as the independent variable, dt/dd = 1/d' and
    dx/dd = x'/d' stay finite where d' does not. The last thousandth of the way is closed as a power
    law, d' = -c d^-k. Infinite where the flow slows down or turns before it arrives.
    """
    first = stop.distance(point)
    last = 1e-3 * first

    def speed(x: Array) -> tuple[Array, Array]:
        velocity = _velocity(cost, metric, x)
        return jax.jvp(stop.distance, (x,), (velocity,))[1], velocity

    def per_distance(log_distance: Any, state: tuple[Array, Array], args: Any) -> Any:
        approach, velocity = speed(state[0])
        factor = jnp.where(stopped & (approach < 0), jnp.exp(log_distance) / approach, 0.0)
        return velocity * factor, factor

    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(per_distance),
        diffrax.Tsit5(),
        t0=jnp.log(first),
        t1=jnp.log(last),
        dt0=None,
        y0=(point, jnp.zeros_like(time)),
        stepsize_controller=diffrax.PIDController(rtol=1e-10, atol=1e-14),
        max_steps=2_000,
        throw=False,
    )
    assert solution.ys is not None
    end, waited = solution.ys[0][0], solution.ys[1][0]
    approach, velocity = speed(end)
    change = jax.jvp(lambda x: speed(x)[0], (end,), (velocity,))[1]
    exponent = -stop.distance(end) * change / approach**2
    rest = stop.distance(end) / (jnp.abs(approach) * (1 + exponent))
    arrives = (solution.result == diffrax.RESULTS.successful) & (approach < 0) & (exponent > -0.99)
    return jnp.where(arrives, time + waited + rest, jnp.inf)


def _explain(
    cost: Cost,
    metric: AbstractMetric,
    starts: np.ndarray,
    lane: int,
    end: np.ndarray,
    end_time: Any,
    steps: Any,
    stop: Stop | None,
) -> None:
    """Raise the `FlowError` that says why a flow did not arrive."""
    which = "" if len(starts) == 1 else f" from start {lane}"
    state = np.array2string(end, precision=6)
    cure = (
        "end it before the edge with `stop=`, for example `stop=metric.domain.boundary()`"
        if stop is None
        else "stop it earlier, at a larger margin"
    )
    message = f"the flow{which} broke down at time {float(end_time):.6g}, at {state}"
    if np.isfinite(end).all():
        point = jnp.asarray(end)
        try:
            metric.check(point)
        except SteepestError as error:
            raise FlowError(f"{message}: {error}; {cure}") from error
        speed = np.abs(np.asarray(_velocity(cost, metric, point)))
        speed = np.where(np.isnan(speed), np.inf, speed)
        where = int(np.argmax(speed))
        raise FlowError(
            f"{message}: after {int(steps)} solver steps the fastest coordinate {where} moves at "
            f"{speed[where]:.3g} per unit of time and no step is small enough. It runs into the "
            f"edge of the domain ({cure}), or it is stiff (`solver=diffrax.Kvaerno5()`), or it "
            "needs more `max_steps`"
        )
    where = int(np.flatnonzero(~np.isfinite(end))[0])
    raise FlowError(f"{message}: coordinate {where} is not finite; {cure}")
