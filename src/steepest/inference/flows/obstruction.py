"""Certificates of impossibility: why no metric makes a field steepest descent.

Steepest descent lowers its cost wherever it moves; near a nondegenerate minimum its Jacobian is
-G^-1 H, which is diagonalisable with real, negative eigenvalues; and it never comes back. Surace
et al. 2020, "On choosing a metric".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

from steepest.arrays.entry import double_precision, entry_point
from steepest.arrays.given import real_numbers
from steepest.arrays.numbers import Numbers
from steepest.errors import DataError

__all__ = ["Obstruction", "find_closed_orbit", "find_obstruction"]

Reason = Literal[
    "cost rises",
    "moves without slope",
    "complex eigenvalues",
    "not diagonalisable",
    "not symmetric at the minimum",
    "closed orbit",
]


@dataclass(frozen=True)
class Obstruction:
    """What rules out every metric: the reason, one sentence, and the evidence.

    `rows` are the points (by number) at fault; `values` the slopes dC(v) there, the eigenvalues
    (complex) at the minimum, or the period of the orbit.

    >>> reason = find_obstruction(lambda x: x, cost=lambda x: jnp.sum(x**2), points=[[1.0, 0.0]])
    >>> reason.reason, reason.rows
    ('cost rises', (0,))
    """

    reason: Reason
    statement: str
    rows: tuple[int, ...]
    values: np.ndarray


@entry_point(kernel="the field and jax.grad(cost)")
def find_obstruction(
    field: Callable[[Any], Any],
    *,
    cost: Callable[[Any], Any] | None = None,
    points: Numbers | None = None,
    minimum: Numbers | None = None,
    orbit_from: Numbers | None = None,
    duration: float | int = 100.0,
    tolerance: float = 1e-8,
) -> Obstruction | None:
    """A reason why no metric makes `field` steepest descent, or None if none was found.

    Looked at is what is given; None means that nothing was found there, not that a metric exists.

    - `field`: point (n,) -> velocity (n,), in jax.numpy; `cost`: point -> number.
    - `points`: (m, n), where the cost's slope along the field is looked at; faults are listed by
      row. Needs the cost.
    - `minimum`: (n,), where the field vanishes and its Jacobian is looked at; with a cost also
      whether G = -H (Dv)^-1 is symmetric positive definite.
    - `orbit_from`: (n,), from where the flow may run into a closed orbit within `duration`.
    - `tolerance`: relative.

    Without a cost the last two rule out every cost as well. Raises `DataError` if nothing is given
    to look at, or the field does not vanish at the minimum.

    >>> def spiral(x):
    ...     return jnp.stack([-x[0] - x[1], x[0] - x[1]])
    >>> find_obstruction(spiral, minimum=[0.0, 0.0]).reason
    'complex eigenvalues'
    >>> find_obstruction(lambda x: -x, minimum=[0.0, 0.0]) is None
    True
    """
    if points is None and minimum is None and orbit_from is None:
        raise DataError("find_obstruction: give points (with a cost), a minimum, or orbit_from")
    obstruction = None
    if points is not None:
        if cost is None:
            raise DataError("find_obstruction: points are looked at on a cost; give `cost`")
        places = np.atleast_2d(real_numbers(points, "points", error=DataError))
        obstruction = _climbs(field, cost, places, tolerance)
    if obstruction is None and minimum is not None:
        place = real_numbers(minimum, "minimum", error=DataError)
        obstruction = _at_minimum(field, cost, place, tolerance)
    if obstruction is None and orbit_from is not None:
        obstruction = find_closed_orbit(field, orbit_from, duration)
    return obstruction


def _climbs(field: Any, cost: Any, points: np.ndarray, tolerance: float) -> Obstruction | None:
    x = jnp.asarray(points)
    v, p = (np.asarray(y) for y in (jax.vmap(field)(x), jax.vmap(jax.grad(cost))(x)))
    slopes = (v * p).sum(axis=1)
    sizes = np.linalg.norm(v, axis=1), np.linalg.norm(p, axis=1)
    flat = sizes[1] <= tolerance * sizes[1].max(initial=0.0)
    moving = sizes[0] > tolerance * sizes[0].max(initial=0.0)
    rising = np.flatnonzero((slopes > tolerance * sizes[0] * sizes[1]) & ~flat)
    if rising.size:
        return Obstruction(
            "cost rises",
            f"the cost rises along the field at {_rows(rising)}; steepest descent lowers it in "
            "every metric",
            tuple(int(i) for i in rising),
            slopes[rising],
        )
    # Along a level set the cost does not rise, but no metric has <p, u> = 0 with p and u not 0.
    level = np.flatnonzero(moving & (np.abs(slopes) <= tolerance * sizes[0] * sizes[1]))
    if level.size:
        return Obstruction(
            "moves without slope",
            f"the field moves without changing the cost at {_rows(level)}; where steepest descent "
            "moves, the cost falls",
            tuple(int(i) for i in level),
            slopes[level],
        )
    return None


def _rows(rows: np.ndarray) -> str:
    shown = ", ".join(str(int(i)) for i in rows[:10])
    more = f" and {rows.size - 10} more" if rows.size > 10 else ""
    return f"point{'s' if rows.size > 1 else ''} {shown}{more}"


def _at_minimum(field: Any, cost: Any, point: np.ndarray, tolerance: float) -> Obstruction | None:
    x = jnp.asarray(point)
    speed, slope = np.asarray(field(x)), np.asarray(jax.jacfwd(field)(x))
    size = np.abs(slope).max()
    if not np.abs(speed).max() <= 1e-6 * (size * (1 + np.abs(point).max())):
        raise DataError(f"the field does not vanish at {point}, which is therefore no minimum")
    values, vectors = (np.asarray(y, dtype=np.complex128) for y in np.linalg.eig(-slope))
    loose = max(tolerance, 1e-9)
    if np.abs(values.imag).max() > loose * np.abs(values).max():
        return Obstruction(
            "complex eigenvalues",
            f"at the minimum the field's Jacobian has complex eigenvalues {-values}: the flow "
            "spirals, which no continuous metric allows",
            (),
            -values,
        )
    if np.linalg.cond(vectors) > 1e7:
        return Obstruction(
            "not diagonalisable",
            f"at the minimum the field's Jacobian (eigenvalues {-values.real}) cannot be "
            "diagonalised; that of steepest descent can, in every continuous metric",
            (),
            -values,
        )
    if cost is None:
        return None
    hessian = np.asarray(jax.hessian(cost)(x))
    metric = np.linalg.solve(-slope.T, hessian.T).T
    skew = np.abs(metric - metric.T).max()
    eigenvalues = np.linalg.eigvalsh((metric + metric.T) / 2)
    if skew > max(loose, 1e-7) * np.abs(metric).max() or eigenvalues[0] <= 0:
        return Obstruction(
            "not symmetric at the minimum",
            "at the minimum the metric would have to be -H (Dv)^-1 = "
            f"{np.array2string(metric, precision=4)}, which is not symmetric positive definite",
            (),
            eigenvalues,
        )
    return None


def find_closed_orbit(
    field: Callable[[Any], Any], start: Numbers, duration: float | int
) -> Obstruction | None:
    """The closed orbit that the flow from `start` (n,) runs into within `duration`, or None.

    After half the duration a plane is laid across the flow; the orbit is closed where successive
    returns to it converge (or repeat) to 1e-6 of the orbit's size. The flow of a gradient never
    returns, whatever cost and metric.

    >>> def turning(x):
    ...     return jnp.stack([x[0] - x[1], x[0] + x[1]]) - jnp.sum(x**2) * x
    >>> find_closed_orbit(turning, [0.5, 0.0], duration=40.0).values.round(3)
    array([6.283])
    """
    with double_precision():
        speed = jax.jit(field)

        def move(t: Any, x: np.ndarray) -> np.ndarray:
            return np.asarray(speed(jnp.asarray(x)))

        x0 = real_numbers(start, "start", error=DataError)
        settled = solve_ivp(move, (0, duration / 2), x0, "DOP853", rtol=1e-9, atol=1e-11)
        if not settled.success:
            return None
        base = settled.y[:, -1]
        across = move(0, base)
        if not np.linalg.norm(across) > 1e-8 * (np.abs(move(0, x0)).max() + 1e-300):
            return None  # it has come to rest

        def section(t: Any, x: np.ndarray) -> float:
            return float((x - base) @ across)

        section.direction = 1  # pyright: ignore[reportFunctionMemberAccess]
        orbit = solve_ivp(
            move, (0, duration / 2), base, "DOP853", events=section, rtol=1e-9, atol=1e-11
        )
    size = np.ptp(orbit.y, axis=1).max()
    times, crossings = np.asarray(orbit.t_events)[0], np.asarray(orbit.y_events)[0]
    returns = crossings[times > 1e-9 * duration]
    times = times[times > 1e-9 * duration]
    if len(times) < 2 or not np.linalg.norm(returns[-1] - returns[-2]) <= 1e-6 * size:
        return None
    if not np.linalg.norm(returns[-1] - base) <= 0.1 * size:
        return None  # the section is met elsewhere, on the way to rest
    period = float(times[-1] - times[-2])
    return Obstruction(
        "closed orbit",
        f"the flow from {x0} runs into a closed orbit of period {period:.6g} through "
        f"{returns[-1]}: along it no cost can fall all the way, so it is steepest descent on "
        "nothing",
        (),
        np.array([period]),
    )
