"""The elementwise function S of a rate network, and its derivative where one is needed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from steepest.errors import UsageError

__all__ = ["IDENTITY", "TANH", "Nonlinearity", "logistic"]

Elementwise = Callable[[np.ndarray], Any]


@dataclass(frozen=True, eq=False)
class Nonlinearity:
    """A smooth elementwise S: array -> array of the same shape, with NumPy or JAX.

    `slope` is S', needed only by the noise correction and by Wilson-Cowan networks, and `inverse`
    is S^-1. `bound` is the largest |S|, where there is one: it saves a look at the data.
    `Nonlinearity.smooth` finds the slope of a function written in jax.numpy by itself.

    >>> square = Nonlinearity(np.square, slope=lambda states: 2 * states, name="square")
    >>> square.derivative(np.array([3.0]))
    array([6.])
    """

    function: Elementwise
    slope: Elementwise | None = None
    inverse: Elementwise | None = None
    name: str = "S"
    bound: float | None = None

    def __call__(self, states: np.ndarray) -> np.ndarray:
        return np.asarray(self.function(states), dtype=np.float64)

    def __repr__(self) -> str:
        return self.name

    def derivative(self, states: np.ndarray) -> np.ndarray:
        """S' at the states. Raises `UsageError` where S was given without its slope."""
        if self.slope is None:
            raise UsageError(
                f"{self.name} has no derivative, and one is needed here: give"
                " Nonlinearity(function, slope=...), or Nonlinearity.smooth(function) for a"
                " function written in jax.numpy"
            )
        return np.asarray(self.slope(states), dtype=np.float64)

    @classmethod
    def smooth(cls, function: Elementwise, name: str = "S") -> "Nonlinearity":
        """S written in jax.numpy; its slope is found by automatic differentiation."""
        import jax
        import jax.numpy as jnp

        from steepest.arrays.entry import double_precision

        def slope(states: np.ndarray) -> np.ndarray:
            with double_precision():
                at = jnp.asarray(states, dtype=jnp.float64)
                return np.asarray(jax.jvp(function, (at,), (jnp.ones_like(at),))[1])

        def value(states: np.ndarray) -> np.ndarray:
            with double_precision():
                return np.asarray(function(jnp.asarray(states, dtype=jnp.float64)))  # pyright: ignore[reportArgumentType]

        return cls(value, slope, name=name)


def _identity(states: np.ndarray) -> np.ndarray:
    return states


def _sech2(states: np.ndarray) -> np.ndarray:
    return 1 - np.tanh(states) ** 2


TANH = Nonlinearity(np.tanh, _sech2, np.arctanh, "tanh", 1.0)
IDENTITY = Nonlinearity(_identity, np.ones_like, _identity, "identity")


def logistic(gain: float = 1.0, threshold: float = 0.0) -> Nonlinearity:
    """S(x) = 1 / (1 + exp(-gain (x - threshold))).

    >>> logistic(gain=2.0)(np.array([0.0, 1.0])).round(3)
    array([0.5  , 0.881])
    """

    def function(states: np.ndarray) -> np.ndarray:
        return expit(gain * (states - threshold))

    def slope(states: np.ndarray) -> np.ndarray:
        value = function(states)
        return gain * value * (1 - value)

    def inverse(values: np.ndarray) -> np.ndarray:
        return threshold + np.log(values / (1 - values)) / gain

    return Nonlinearity(function, slope, inverse, f"logistic(gain={gain:g}, at={threshold:g})", 1.0)
