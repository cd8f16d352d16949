"""What a network is shown: states, their velocities, and how the velocities were found.

A periodic input is one whole period of samples, a sampled one a stretch of a time series, an
ergodic one a long orbit of a known vector field (Galtier & Wainrib 2013, Eq 1: u' = xi(u)).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.integrate import solve_ivp
from scipy.optimize import root_scalar

from steepest.arrays.given import real_numbers
from steepest.arrays.numbers import Numbers
from steepest.errors import DataError, FlowError, UsageError
from steepest.recurrent.network import rk4

__all__ = ["Inputs", "Scheme", "checked", "limit_cycle", "pooled", "velocity"]

Scheme = Literal["spectral", "fourth", "central", "forward"]
VectorField = Callable[[np.ndarray], np.ndarray]

# Differences u[k + shift] times weight / dt.
_STENCILS: dict[str, dict[int, float]] = {
    "forward": {0: -1.0, 1: 1.0},
    "central": {-1: -0.5, 1: 0.5},
    "fourth": {-2: 1 / 12, -1: -2 / 3, 1: 2 / 3, 2: -1 / 12},
}


def velocity(
    states: Float[np.ndarray, "t n"], dt: float, scheme: Scheme
) -> Float[np.ndarray, "t n"]:
    """du/dt of one whole period of samples (t, n), dt apart, the last followed by the first.

    Errors are of order dt (forward: the map that Euler's step inverts exactly), dt^2 (central),
    dt^4 (fourth), or below every order for a smooth input (spectral; the Nyquist mode of an even
    number of samples has no derivative and is left out).

    >>> turns = 2 * np.pi * np.arange(8) / 8
    >>> velocity(np.sin(turns)[:, None], turns[1], "spectral")[0].round(6)
    array([1.])
    """
    if scheme == "spectral":
        frequencies = 2 * np.pi * np.fft.rfftfreq(len(states), dt)
        if len(states) % 2 == 0:
            frequencies[-1] = 0.0
        spectrum = np.fft.rfft(states, axis=0) * (1j * frequencies[:, None])
        return np.fft.irfft(spectrum, n=len(states), axis=0)
    stencil = _STENCILS[scheme]
    return sum(  # pyright: ignore[reportReturnType]
        weight / dt * np.roll(states, -shift, axis=0) for shift, weight in stencil.items()
    )


@dataclass(frozen=True, eq=False)
class Inputs:
    """Samples of an input: states u and velocities xi, each (t, n), `dt` apart in time.

    `periodic` says that the first sample follows the last. Make one with `Inputs.cycle`,
    `Inputs.sampled` or `Inputs.ergodic`.

    >>> turns = 2 * np.pi * np.arange(8) / 8
    >>> inputs = Inputs.cycle(np.sin(turns)[:, None], dt=turns[1])
    >>> inputs.periodic, round(inputs.duration, 3)
    (True, np.float64(6.283))
    """

    states: Float[np.ndarray, "t n"]
    velocities: Float[np.ndarray, "t n"]
    dt: float
    periodic: bool

    @property
    def duration(self) -> float:
        """Time covered by the samples; the period of a periodic input."""
        return len(self.states) * self.dt

    @classmethod
    def cycle(
        cls,
        states: Numbers,
        *,
        dt: float | None = None,
        period: float | None = None,
        xi: Scheme | VectorField | np.ndarray = "spectral",
    ) -> "Inputs":
        """One whole period of samples (t, n), `dt` apart or covering a `period`: give one, by name.

        `xi` is a scheme of `velocity`, a vector field, or an array. Raises `DataError` for samples
        that cannot be used and `UsageError` for a bad dt or period, for both, or for neither.
        """
        if (dt is None) == (period is None):
            raise UsageError("give dt, the time between samples, or the period, not both")
        given = dt if period is None else period
        states = checked(states, given or 0.0)
        step = dt if dt is not None else float(period or 0.0) / len(states)
        if callable(xi) or isinstance(xi, np.ndarray):
            return cls(states, _given(xi, states), step, periodic=True)
        return cls(states, velocity(states, step, xi), step, periodic=True)

    @classmethod
    def sampled(
        cls, states: Numbers, dt: float, xi: Scheme | VectorField | np.ndarray = "central"
    ) -> "Inputs":
        """A stretch of a time series (t, n); rows that a scheme reaches past are dropped.

        Raises `UsageError` for the spectral scheme, which needs a whole period.
        """
        states = checked(states, dt)
        if callable(xi) or isinstance(xi, np.ndarray):
            return cls(states, _given(xi, states), dt, periodic=False)
        if xi == "spectral":
            raise UsageError(
                "the spectral derivative needs one whole period: use Inputs.cycle, or the central"
                " or forward difference"
            )
        reach = _STENCILS[xi]
        first, last = max(0, -min(reach)), len(states) - max(reach)
        if last - first < 1:
            raise DataError(
                f"a series of {len(states)} rows is too short for the {xi} difference: give at"
                f" least {1 + max(reach) - min(0, *reach)} rows"
            )
        return cls(states[first:last], velocity(states, dt, xi)[first:last], dt, periodic=False)

    @classmethod
    def ergodic(
        cls,
        xi: VectorField,
        start: Numbers,
        dt: float,
        steps: int,
        *,
        transient: int = 0,
        substeps: int = 1,
    ) -> "Inputs":
        """A long orbit of u' = xi(u), sampled every dt, after `transient` samples are dropped.

        Integrated by the Runge-Kutta map of order 4 with `substeps` steps between samples;
        velocities are xi itself. Raises `FlowError` where the orbit is not finite.
        """
        state = real_numbers(start, "start")
        states = np.empty((steps, *state.shape))
        for step in range(-transient, steps):
            if step >= 0:
                states[step] = state
            for _ in range(substeps):
                state = rk4(xi, state, dt / substeps)
        if not np.isfinite(states).all():
            raise FlowError("the orbit is not finite: take a smaller dt or more substeps")
        return cls(states, np.stack([xi(states[k]) for k in range(steps)]), dt, periodic=False)


def pooled(parts: Sequence[Inputs]) -> Inputs:
    """Several inputs as one collection of samples, for time averages; dt must be the same.

    >>> part = Inputs.sampled(np.arange(5.0)[:, None], dt=1.0)
    >>> len(pooled([part, part]).states)
    6
    """
    if len({part.dt for part in parts}) != 1:
        raise UsageError("inputs that are pooled must have one dt, so that each sample counts once")
    return Inputs(
        np.concatenate([part.states for part in parts]),
        np.concatenate([part.velocities for part in parts]),
        parts[0].dt,
        periodic=False,
    )


def limit_cycle(
    xi: VectorField,
    start: Numbers,
    samples: int,
    *,
    transient: float = 200.0,
    longest: float = 200.0,
) -> Inputs:
    """One period of the limit cycle that the orbit from `start` reaches, as `Inputs`.

    `samples` states at equal times, beginning where coordinate 0 rises through its mean, with
    spectral velocities; `duration` is the period. Integrated to 1e-12 (DOP853). Raises `FlowError`
    when the orbit does not return to within 1e-6 in time `longest` after the transient.

    >>> def xi(state):
    ...     x, y = state
    ...     return np.array([x - y, x + y]) - (x * x + y * y) * state
    >>> inputs = limit_cycle(xi, [0.5, 0.0], 4, transient=20.0, longest=20.0)
    >>> inputs.states.round(3) + 0.0, round(inputs.duration, 4)
    (array([[-0.008, -1.   ],
           [ 1.   , -0.008],
           [ 0.008,  1.   ],
           [-1.   ,  0.008]]), 6.2832)
    """
    tight = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-12}

    def right(_time: float, state: np.ndarray) -> np.ndarray:
        return xi(state)

    settled = solve_ivp(right, (0, transient), real_numbers(start, "start"), **tight)
    survey = solve_ivp(right, (0, longest), settled.y[:, -1], dense_output=True, **tight)
    grid = np.linspace(0, longest, 4001)
    size = np.ptp(survey.y, axis=1).max()
    height = survey.sol(grid)[0]
    level = height.mean()
    first: tuple[float, np.ndarray] | None = None
    for k in np.flatnonzero((height[:-1] < level) & (height[1:] >= level)):
        bracket = (float(grid[k]), float(grid[k + 1]))
        time = root_scalar(lambda t: survey.sol(t)[0] - level, bracket=bracket, xtol=1e-14).root
        state = survey.sol(time)
        if first is None:
            first = (time, state)
        elif np.abs(state - first[1]).max() < 1e-6 * size:
            period = float(time - first[0])
            moments = np.arange(samples) * period / samples
            cycle = solve_ivp(right, (0, period), first[1], t_eval=moments, **tight)
            return Inputs.cycle(cycle.y.T, period=period)
    raise FlowError(
        f"the orbit does not close in time {longest:g} after a transient of {transient:g}: it is"
        " no limit cycle, or it needs a longer transient"
    )


def checked(states: Numbers, dt: float) -> Float[np.ndarray, "t n"]:
    """A copy of states (t, n). Raises `DataError` for gaps, `UsageError` for a bad dt."""
    array = real_numbers(states, "inputs", error=DataError)
    if not (np.isfinite(dt) and dt > 0):
        raise UsageError(f"the time step dt is {dt}: give a positive number")
    if array.ndim != 2 or array.size == 0:
        raise DataError(
            f"inputs have shape {array.shape}: give one row per time and one column per unit"
        )
    if not np.isfinite(array).all():
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise DataError(
            f"row {row}, column {column} of the inputs is {array[row, column]}: leave no gaps"
        )
    return array


def _given(xi: VectorField | np.ndarray, states: np.ndarray) -> np.ndarray:
    values = real_numbers(xi(states) if callable(xi) else xi, "xi", error=DataError)
    if values.shape != states.shape:
        raise DataError(
            f"xi has shape {values.shape}, but the states have {states.shape}: give one velocity"
            " for each state"
        )
    return values
