"""Steepest descent in continuous time, followed by an adaptive solver and checked at its end."""

from collections.abc import Callable
from typing import Any, NamedTuple

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx
from jaxtyping import Array, Bool, Float, Int

from steepest.arrays.entry import entry_point
from steepest.arrays.numbers import Numbers, as_numbers, like
from steepest.descent.solve import solve_recorded
from steepest.descent.trajectory import Trajectory
from steepest.errors import FlowError, SteepestError, UsageError
from steepest.geometry.directions import AbstractGeometry, velocity
from steepest.geometry.domain import Boundary
from steepest.geometry.metric import AbstractMetric

__all__ = ["gradient_flow"]

Cost = Callable[[Any], Any]
Stop = Callable[[Any], Any]

# Distances from the edge to which a stopped flow is followed, as shares of the margin. Where the
# solver is held back its steps grow as 1/distance: the last ladder takes no more than the flow did.
_LADDERS = ((10.0, 10.0**1.5, 100.0), (2.0, 4.0, 8.0), (2**0.5, 2.0, 2**1.5))
_FEW = 32  # so many starts are followed one after the other


@entry_point(kernel="the metric's sharp (or give batched starts)")
def gradient_flow(
    cost: Cost,
    geometry: AbstractGeometry,
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

    A learning rate eta is a change of time: pass times multiplied by eta.

    - `cost`: point (n,) -> scalar, in jax.numpy.
    - `geometry`: a metric, a potential or a norm.
    - `start`: (n,), or (b, n) for b flows in one compiled call.
    - `times`: (m,), increasing from 0 or later; a single number T stands for 101 times from 0 to T.
    - `stop`: point -> scalar; the flow ends where it falls to 0. `geometry.domain.boundary()` makes
      one, and the time at which the edge itself would be hit is then extrapolated.
    - `solver`: diffrax's Tsit5 unless given; take `diffrax.Kvaerno5()` for a stiff flow.
    - `rtol`, `atol`: relative and absolute tolerance of one step of the solver.
    - `max_steps`: so many steps of the solver at most.

    Raises `FlowError` (time and coordinate named) if the flow leaves its domain, stalls or is not
    finite, the geometry's own error where it is singular, and `UsageError` for times or a cost that
    cannot be used.

    >>> from steepest import gradient_flow
    >>> from steepest.geometry import Euclidean, Weber
    >>> gradient_flow(lambda x: (x ** 2).sum() / 2, Euclidean(), [1.0, 2.0], [1.0]).end.round(4)
    array([0.3679, 0.7358])
    >>> gradient_flow(lambda x: (x ** 2).sum() / 2, Weber(), [1.0, 2.0], [1.0]).end.round(4)
    array([0.5774, 0.6667])
    """
    solver = diffrax.Tsit5() if solver is None else solver
    _check_settings(geometry, solver, rtol, atol, max_steps)
    points = _check_start(start)
    moments = _check_times(times)
    single = points.ndim == 1
    starts = np.atleast_2d(points)
    ordinary = _has_common_check(geometry)
    if ordinary:  # the rest of what it does is compiled with the flow
        geometry.domain.check(starts[0], geometry.name)
    else:
        geometry.check(starts[0])
    # As arrays, so that other tolerances do not compile anew.
    accuracy = np.asarray(rtol, starts.dtype), np.asarray(atol, starts.dtype)
    flow = _numbers(
        _integrate_all(cost, geometry, stop, solver, starts, moments, *accuracy, max_steps)
    )
    if ordinary and not flow.sound[0, 0]:
        geometry.check(starts[0])
    _check_beginnings(geometry, starts, flow)
    stopped = flow.stopped
    finite = np.isfinite(flow.end).all(axis=1) & np.isfinite(flow.end_cost)
    for lane in np.flatnonzero(~(flow.ok & finite)):
        _explain(cost, geometry, flow, int(lane), stop)
    if single and not flow.sound[0, 1]:
        geometry.check(flow.end[0])
    boundary_time = np.full(len(starts), np.nan)
    if isinstance(stop, Boundary) and stopped.any():
        horizon = jnp.asarray(moments * (float(flow.end_time[stopped].max()) / moments[-1]))

        def resume(points: Any, margin: float) -> _Flow:
            return _integrate_all(
                cost, geometry, Boundary(stop.domain, margin), solver, jnp.asarray(points), horizon,
                *accuracy, max_steps,
            )  # fmt: skip

        margin = float(stop.margin)
        wait = np.full(len(starts), np.nan)
        for ladder in _LADDERS:
            if np.isnan(wait[stopped]).any():
                wait = np.where(
                    np.isnan(wait),
                    _time_to_edge(resume, np.asarray(flow.end), margin, ladder),
                    wait,
                )
        if np.isnan(wait[stopped]).any():
            lane = int(np.flatnonzero(stopped & np.isnan(wait))[0])
            raise FlowError(
                f"the flow from {starts[lane]} was stopped at {margin:g} from the edge, but when"
                " it would reach the edge itself cannot be told: the solver gives up on the way"
                " there; stop it at a larger margin, or give more `max_steps`"
            )
        boundary_time = np.where(stopped, np.asarray(flow.end_time) + wait, np.nan)

    present = np.isfinite(flow.times)
    states = np.where(present[..., None], flow.points, np.nan)
    costs = np.where(present, flow.costs, np.nan)
    if single:
        kept = present[0]
        moments, states, costs = moments[kept], states[:, kept], costs[:, kept]
        if stopped[0] and (moments.size == 0 or moments[-1] < flow.end_time[0]):
            moments = np.append(moments, flow.end_time[0])
            states = np.concatenate([states, flow.end[:, None]], axis=1)
            costs = np.concatenate([costs, flow.end_cost[:, None]], axis=1)
    lead = 0 if single else slice(None)
    return Trajectory(
        times=moments,
        points=states[lead],
        costs=costs[lead],
        stopped=np.asarray(stopped[lead]),
        end_time=np.asarray(flow.end_time[lead]),
        end=np.asarray(flow.end[lead]),
        boundary_time=np.asarray(boundary_time[lead]),
        steps=np.asarray(flow.steps[lead]),
        settings={
            "metric": geometry.name,
            "solver": type(solver).__name__,
            "rtol": rtol,
            "atol": atol,
        },
    )


class _Flow(NamedTuple):
    """What the solver brings back, one row per start; of the starts, what a flow begins with."""

    start_cost: Float[Array, " b"]
    start_velocity: Float[Array, "b n"]
    distance: Float[Array, " b"]  # the stop condition, infinite without one
    sound: Bool[Array, "b 2"]  # start and end: whether `check` need not be asked
    times: Float[Array, "b m"]
    points: Float[Array, "b m n"]
    costs: Float[Array, "b m"]
    end_time: Float[Array, " b"]
    end: Float[Array, "b n"]
    end_cost: Float[Array, " b"]
    steps: Int[Array, " b"]
    ok: Bool[Array, " b"]
    stopped: Bool[Array, " b"]


def _numbers(flow: _Flow) -> _Flow:
    """The same in NumPy, where to take a part of it costs a thousandth."""
    return jax.tree.map(np.asarray, flow)


def _check_start(start: Numbers) -> Float[np.ndarray, "..."]:
    points = as_numbers(start, "start", empty=True)
    if points.ndim not in (1, 2) or points.size == 0:
        raise UsageError(f"start is one point (n,) or several (b, n), not of shape {points.shape}")
    if not np.isfinite(points).all():
        where = ", ".join(str(i) for i in np.argwhere(~np.isfinite(points))[0])
        raise UsageError(f"start: coordinate {where} is not finite")
    return points


def _check_times(times: Numbers) -> Float[np.ndarray, " m"]:
    moments = as_numbers(times, "times", empty=True)
    if moments.ndim == 0 and moments > 0:
        moments = np.linspace(0.0, float(moments), 101)
    if moments.ndim != 1 or moments.size == 0:
        raise UsageError(
            f"times is a number after 0 or a list (m,), not {moments} of shape {moments.shape}"
        )
    if not np.isfinite(moments).all() or moments[0] < 0 or (np.diff(moments) <= 0).any():
        raise UsageError("times must be finite, not negative, and strictly increasing")
    if moments[-1] == 0:
        raise UsageError("times: the last one must be after 0, where the flow starts")
    return moments


def _check_settings(geometry: Any, solver: Any, rtol: float, atol: float, max_steps: int) -> None:
    if not isinstance(geometry, AbstractGeometry):
        raise UsageError(
            f"metric is a geometry such as Euclidean() or MatrixMetric(function), not {geometry!r}"
        )
    if not isinstance(solver, diffrax.AbstractAdaptiveSolver):
        raise UsageError(f"solver is an adaptive one such as diffrax.Kvaerno5(), not {solver!r}")
    if not (0 < rtol < 1 and 0 < atol < np.inf and max_steps >= 1):
        raise UsageError(
            f"rtol must be between 0 and 1, atol positive and max_steps at least 1, not {rtol}, "
            f"{atol} and {max_steps}"
        )


def _check_beginnings(geometry: AbstractGeometry, starts: np.ndarray, flow: _Flow) -> None:
    """Raise what is wrong with the first start from which no flow can begin."""
    values, velocities, distances = flow.start_cost, flow.start_velocity, flow.distance
    ready = np.isfinite(values) & np.isfinite(velocities).all(axis=1) & (distances > 0)
    for lane in np.flatnonzero(~ready):
        place = f"{starts[lane]}" if len(starts) == 1 else f"{starts[lane]} (start {lane})"
        geometry.check(starts[lane])
        if not np.isfinite(values[lane]):
            raise FlowError(
                f"the cost is {values[lane]} at the start {place}; move it into its domain"
            )
        if not distances[lane] > 0:
            raise FlowError(
                f"the stop condition is {distances[lane]:.6g} at the start {place}, so the flow "
                "would end before it begins; start where it is positive"
            )
        where = int(np.flatnonzero(~np.isfinite(velocities[lane]))[0])
        raise FlowError(
            f"the cost's derivative is not finite in coordinate {where} at the start {place}"
        )


def _check_functions(cost: Cost, stop: Stop | None, point: Float[Array, " n"]) -> None:
    try:
        jax.eval_shape(jax.grad(cost), point)
    except TypeError as error:
        raise UsageError(
            "the cost cannot be differentiated: it must take a point (n,), be written with "
            f"jax.numpy and return a scalar ({error})"
        ) from error
    if stop is not None and jax.eval_shape(stop, point).shape != ():
        raise UsageError("stop returns one number per point, which falls to 0 where the flow ends")


@eqx.filter_jit
def _integrate_all(
    cost: Cost,
    geometry: AbstractGeometry,
    stop: Stop | None,
    solver: diffrax.AbstractAdaptiveSolver,
    starts: Float[Array, "b n"] | Float[np.ndarray, "b n"],
    times: Float[Array, " m"] | Float[np.ndarray, " m"],
    rtol: Float[Array, ""] | Float[np.ndarray, ""],
    atol: Float[Array, ""] | Float[np.ndarray, ""],
    max_steps: int,
) -> _Flow:
    starts, times = jnp.asarray(starts), jnp.asarray(times)
    _check_functions(cost, stop, starts[0])  # when it is traced: once for each cost

    def integrate(start: Array) -> tuple[Array, ...]:
        event, distance = None, like(jnp.inf, start)
        if stop is not None:
            # A domain in several parts is left where the part that holds the start is left.
            local = stop.around(start) if isinstance(stop, Boundary) else stop
            distance = like(stop(start), start)
            event = diffrax.Event(
                lambda t, y, args, **_: local(y),
                root_finder=optx.Bisection(rtol=1e-12, atol=1e-12),
                direction=False,
            )
        solution = solve_recorded(
            lambda point: velocity(cost, geometry, point),
            solver, start, times, rtol=rtol, atol=atol, max_steps=max_steps, event=event,
        )  # fmt: skip
        # Each function is written into the program once: it compiles faster.
        ends = jnp.stack([start, solution.end])
        costs = jax.vmap(cost)(jnp.concatenate([ends, solution.states]))
        return (
            costs[0], velocity(cost, geometry, start), distance,
            jax.vmap(lambda point: _is_sound(geometry, point))(ends),
            solution.times, solution.states, costs[2:],
            solution.end_time, solution.end, costs[1],
            solution.steps, solution.ok, solution.stopped,
        )  # fmt: skip

    # One after the other compiles in half the time of a batched loop, and pays for few flows.
    # Batched, the search for an event would also run on the flows that have none, and fail.
    if stop is not None or len(starts) <= _FEW:
        return _Flow(*jax.lax.map(integrate, starts))
    return _Flow(*jax.vmap(integrate)(starts))


def _has_common_check(geometry: AbstractGeometry) -> bool:
    return type(geometry).check in (AbstractMetric.check, AbstractGeometry.check)


def _is_sound(geometry: AbstractGeometry, point: Float[Array, " n"]) -> Bool[Array, ""]:
    """Whether the common check would let the point pass, as a kernel; False where it is another."""
    if not _has_common_check(geometry):
        return jnp.array(False)
    inside = ~geometry.domain.outside(point).any()
    return inside & jnp.isfinite(geometry.sharp(point, jnp.ones_like(point))).all()


def _time_to_edge(
    resume: Callable[[Any, float], _Flow],
    ends: Float[np.ndarray, "b n"],
    margin: float,
    ladder: tuple[float, float, float],
) -> Float[np.ndarray, " b"]:
    """How long stopped flows would still take to the edge, where they may be singular.

    They are followed to three nearer distances in geometric progression (the margin over the
    `ladder`); where the time left goes
    as a power of the distance, so do the waits, and Aitken's formula sums the rest. Infinite where
    the waits do not shrink, NaN where the solver gives up.
    """
    waits, ok = [], np.ones(len(ends), dtype=bool)
    for factor in ladder:
        flow = resume(ends, margin / factor)
        ends = np.asarray(flow.end)
        waits.append(np.asarray(flow.end_time))
        ok &= np.asarray(flow.stopped)
    first, second, third = waits
    # Equal waits, up to solver error, are those of an edge that is only approached.
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.where(third < 0.99 * second, third**2 / (second - third), np.inf)
    return np.where(ok, first + second + third + rest, np.nan)


def _explain(
    cost: Cost,
    geometry: AbstractGeometry,
    flow: _Flow,
    lane: int,
    stop: Stop | None,
) -> None:
    """Raise the `FlowError` that says why a flow did not arrive."""
    end, end_time, steps = (np.asarray(x[lane]) for x in (flow.end, flow.end_time, flow.steps))
    which = "" if len(flow.end) == 1 else f" from start {lane}"
    state = np.array2string(end, precision=6)
    cure = (
        "end it before the edge with `stop=`, for example `stop=metric.domain.boundary()`"
        if stop is None
        else "stop it earlier, at a larger margin"
    )
    message = f"the flow{which} broke down at time {float(end_time):.6g}, at {state}"
    if np.isfinite(end).all():
        point = jnp.asarray(end)
        ahead = velocity(cost, geometry, point)
        ahead = ahead / jnp.max(jnp.abs(ahead)) * (1 + jnp.max(jnp.abs(point)))
        for distance in (0.0, 1e-12, 1e-9, 1e-6, 1e-3):
            try:
                geometry.check(point + distance * ahead if distance else point)
            except SteepestError as error:
                raise FlowError(f"{message}: {error}; {cure}") from error
        speed = np.abs(np.asarray(velocity(cost, geometry, point)))
        speed = np.where(np.isnan(speed), np.inf, speed)
        where = int(np.argmax(speed))
        raise FlowError(
            f"{message}: after {int(steps)} solver steps the fastest coordinate {where} moves at "
            f"{speed[where]:.3g} per unit of time and no step is small enough. It runs into the "
            f"edge of the domain ({cure}), or down a cost without a minimum, or it is stiff "
            "(`solver=diffrax.Kvaerno5()`), or it needs more `max_steps`"
        )
    where = int(np.flatnonzero(~np.isfinite(end))[0])
    raise FlowError(f"{message}: coordinate {where} is not finite; {cure}")
