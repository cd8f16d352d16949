"""Recurrent rate networks, the maps that step them, and what they do when left alone.

Galtier & Wainrib 2013, Eq 2: v' = -l v + W S(v) + u(t). Time is in whatever unit 1/l has;
activities and weights are dimensionless.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from steepest.arrays.entry import readable
from steepest.arrays.given import real_numbers
from steepest.arrays.numbers import Numbers
from steepest.errors import DataError, FlowError, UsageError
from steepest.recurrent.nonlinearity import IDENTITY, TANH, Nonlinearity, logistic

__all__ = [
    "AbstractAdditive",
    "AbstractNetwork",
    "AdditiveNetwork",
    "Kuramoto",
    "RateNetwork",
    "WilsonCowan",
    "drive",
    "euler",
    "linear_network",
    "replay",
    "rk4",
    "simulate",
]

# One state (n,) or one per row (t, n). Not shape-checked: fields are called once per time step.
States = np.ndarray
Field = Callable[[np.ndarray], np.ndarray]
_DRAWN = 30_000  # normal numbers drawn at once


@runtime_checkable
class Weights(Protocol):
    """A connectivity: a matrix (n, n), or whatever multiplies like one (`lift.DualWeights`)."""

    @property
    def shape(self) -> Any: ...

    def __matmul__(self, other: Any, /) -> Any: ...


def drive(weights: Weights, rates: States) -> States:
    """W s for one vector (n,) of rates, or for each row of (..., n)."""
    if rates.ndim == 1:
        return weights @ rates
    flat = rates.reshape(-1, rates.shape[-1])
    return (weights @ flat.T).T.reshape(rates.shape)


class AbstractNetwork(ABC):
    """A network's vector field, given its connectivity: what it does without input."""

    @abstractmethod
    def field(self, weights: Weights, states: States) -> States:
        """dv/dt without input, at one state (n,) or at each row of (t, n)."""


class AbstractAdditive(AbstractNetwork):
    """v' = f(v) + W S(v): intrinsic dynamics plus communication.

    Relative entropy is quadratic in W for these, and the online rule has three terms: STDP, the
    Hebbian -f(v) S(v)', and scaling (the paper's "additive structure").
    """

    nonlinearity: Nonlinearity

    @abstractmethod
    def intrinsic(self, states: States) -> States:
        """f(v)."""

    def field(self, weights: Weights, states: States) -> States:
        return self.intrinsic(states) + drive(weights, self.nonlinearity(states))


@dataclass(frozen=True, eq=False)
class RateNetwork(AbstractAdditive):
    """v' = -l v + W S(v) (Eq 2); `decay` is l, in 1/time.

    >>> RateNetwork(decay=1.0).field(np.eye(2), np.array([0.5, 0.0])).round(3)
    array([-0.038,  0.   ])
    """

    decay: float = 1.0
    nonlinearity: Nonlinearity = TANH

    def intrinsic(self, states: States) -> States:
        return -self.decay * states


def linear_network(decay: float = 1.0) -> RateNetwork:
    """v' = -l v + W v: the network of linear inverse modelling.

    >>> linear_network().field(2 * np.eye(2), np.array([0.5, 1.0]))
    array([0.5, 1. ])
    """
    return RateNetwork(decay, IDENTITY)


@dataclass(frozen=True, eq=False)
class AdditiveNetwork(AbstractAdditive):
    """v' = f(v) + W S(v) with any f: array (..., n) -> array of the same shape.

    >>> AdditiveNetwork(lambda states: -(states**3)).field(np.zeros((2, 2)), np.array([1.0, 2.0]))
    array([-1., -8.])
    """

    function: Field
    nonlinearity: Nonlinearity = TANH

    def intrinsic(self, states: States) -> States:
        return np.asarray(self.function(states), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class WilsonCowan(AbstractNetwork):
    """v' = -l v + S(W v + h): the nonlinearity acts on the summed drive; `bias` is h.

    >>> WilsonCowan().field(np.zeros((1, 1)), np.array([0.5]))
    array([0.])
    """

    decay: float = 1.0
    nonlinearity: Nonlinearity = field(default_factory=logistic)
    bias: Any = 0.0

    def field(self, weights: Weights, states: States) -> States:
        return -self.decay * states + self.nonlinearity(drive(weights, states) + self.bias)


@dataclass(frozen=True, eq=False)
class Kuramoto(AbstractNetwork):
    """theta_i' = omega_i + sum_j K_ij sin(theta_j - theta_i); `frequencies` is omega (n,).

    >>> Kuramoto([1.0, 2.0]).field(np.zeros((2, 2)), np.array([0.0, 0.5]))
    array([1., 2.])
    """

    frequencies: Any

    def field(self, weights: Weights, states: States) -> States:
        # sin(b - a) = sin b cos a - cos b sin a: two products instead of a table of n x n sines.
        sine, cosine = np.sin(states), np.cos(states)
        turning = cosine * drive(weights, sine) - sine * drive(weights, cosine)
        return np.asarray(self.frequencies, dtype=np.float64) + turning


def euler(field: Field, state: np.ndarray, dt: float) -> np.ndarray:
    """The map v -> v + dt F(v).

    >>> euler(lambda state: -state, np.array([1.0]), 0.1)
    array([0.9])
    """
    return state + dt * field(state)


def rk4(field: Field, state: np.ndarray, dt: float) -> np.ndarray:
    """The classical Runge-Kutta map of order 4; inputs are held constant during the step.

    >>> rk4(lambda state: -state, np.array([1.0]), 0.1).round(4)
    array([0.9048])
    """
    a = field(state)
    b = field(state + dt / 2 * a)
    c = field(state + dt / 2 * b)
    return state + dt / 6 * (a + 2 * b + 2 * c + field(state + dt * c))


@readable
def simulate(
    network: AbstractNetwork,
    weights: Weights,
    start: Numbers,
    dt: float,
    steps: int,
    *,
    inputs: Float[np.ndarray, "steps n"] | None = None,
    diffusion: Float[np.ndarray, "n n"] | None = None,
    seed: int | None = None,
    integrator: Callable[[Field, np.ndarray, float], np.ndarray] = euler,
) -> Float[np.ndarray, "t *batch n"]:
    """The states at times 0, dt, ..., steps dt, from `start` (n,), or (b, n) for b copies.

    - `network`, `weights`: the vector field, and its connectivity (n, n).
    - `start`: the first state; `dt`, `steps`: the time between states, and how many follow.
    - `inputs`: u (steps, n), held during each step.
    - `diffusion`: the matrix D of the noise du = f dt + L dB with L L' = 2 D (Euler-Maruyama:
      sqrt(dt) L z is added after the step), drawn from `seed`.
    - `integrator`: the map of one step, `euler` or `rk4`.

    Raises `FlowError`, naming the time and unit, if a state is not finite, and
    `UsageError` for a step or diffusion that cannot be used.

    >>> simulate(linear_network(), np.zeros((1, 1)), [1.0], dt=0.1, steps=3).round(3)
    array([[1.   ],
           [0.9  ],
           [0.81 ],
           [0.729]])
    """
    state = real_numbers(start, "start")
    if not (np.isfinite(dt) and dt > 0):
        raise UsageError(f"the time step dt is {dt}: give a positive number")
    if inputs is not None and len(inputs) < steps:
        raise UsageError(f"inputs have {len(inputs)} rows, fewer than the {steps} steps asked for")
    noise = None if diffusion is None else _noise_factor(diffusion, dt, seed)
    random = np.random.default_rng(seed)
    path = np.empty((steps + 1, *state.shape))
    path[0] = state
    chunk = max(1, _DRAWN // state.size)  # shocks drawn at once: they come in the same order
    shocks = np.empty((0, *state.shape))
    push: np.ndarray | float = 0.0

    def pushed(v: np.ndarray) -> np.ndarray:
        return network.field(weights, v) + push

    alone = partial(network.field, weights)
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(steps):
            if inputs is not None:
                push = inputs[step]
            state = integrator(alone if inputs is None else pushed, state, dt)
            if noise is not None:
                if step % chunk == 0:
                    count = min(chunk, steps - step)
                    shocks = random.standard_normal((count, *state.shape)) @ noise.T
                state = state + shocks[step % chunk]
            path[step + 1] = state
    bad = ~np.isfinite(path)
    if bad.any():
        when = int(np.argmax(bad.reshape(len(path), -1).any(axis=1)))
        unit = int(np.argwhere(bad[when])[0][-1])
        raise FlowError(
            f"the network's activity is not finite at time {when * dt:g} (unit {unit}): take a"
            " smaller dt, or weights with more ridge"
        )
    return path


def _noise_factor(diffusion: np.ndarray, dt: float, seed: int | None) -> np.ndarray:
    if seed is None:
        raise UsageError("noise is random: give a seed")
    try:
        return np.sqrt(2 * dt) * np.linalg.cholesky(diffusion)
    except np.linalg.LinAlgError as error:
        smallest = np.linalg.eigvalsh((diffusion + diffusion.T) / 2)[0]
        raise UsageError(
            "the diffusion matrix is not positive definite (smallest eigenvalue"
            f" {smallest:.3g}): remove the units without noise"
        ) from error


@readable
def replay(
    network: AbstractNetwork,
    weights: Weights,
    prime: Numbers,
    dt: float,
    steps: int,
    *,
    integrator: Callable[[Field, np.ndarray, float], np.ndarray] = euler,
) -> Float[np.ndarray, "t n"]:
    """What the network plays by itself after being set to the state `prime` (n,).

    Raises `DataError` when `prime` is a fixed point, such as a blank image where S(0) = 0: the
    network would stay there for every connectivity. Otherwise as `simulate` without input.

    >>> turn = np.array([[1.0, -1.0], [1.0, 1.0]])
    >>> replay(linear_network(), turn, [1.0, 0.0], dt=0.1, steps=2, integrator=rk4).round(3)
    array([[1.   , 0.   ],
           [0.995, 0.1  ],
           [0.98 , 0.199]])
    """
    state = real_numbers(prime, "prime")
    if not network.field(weights, state).any():
        what = "blank" if not state.any() else "a fixed point of the network"
        raise DataError(
            f"the priming state is {what}, and the network would stay there: prime it with a state"
            " of the input"
        )
    return simulate(network, weights, state, dt, steps, integrator=integrator)
