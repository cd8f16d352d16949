"""Relative entropy of a Wilson-Cowan network, v' = -l v + S(W v + h), and its convex relative.

Galtier & Wainrib 2013, "Extension and perspectives": another network gives another rule. Here
dH/dW = <[(S(W u + h) - y) S'(W u + h)] u'> with the target y = l u + xi. H is not convex in W.
Without the factor S' it is the differential of the matching loss, which is convex and has the same
minimum wherever a network fits the input exactly.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from steepest.errors import DataError
from steepest.recurrent.inputs import Inputs
from steepest.recurrent.network import WilsonCowan

__all__ = ["WilsonCowanEntropy"]


@dataclass(frozen=True, eq=False)
class WilsonCowanEntropy:
    """The relative entropy per unit of time of an input and a Wilson-Cowan network, on W (n, n).

    >>> inputs = Inputs.sampled(np.zeros((5, 1)), dt=1.0)
    >>> WilsonCowanEntropy(inputs, WilsonCowan())(np.zeros((1, 1)))
    0.125
    """

    inputs: Inputs
    network: WilsonCowan

    @property
    def target(self) -> Float[np.ndarray, "t n"]:
        """y = l u + xi: what S(W u + h) must be."""
        return self.network.decay * self.inputs.states + self.inputs.velocities

    def __call__(self, weights: Float[np.ndarray, "n n"]) -> float:
        """H(W) = <|S(W u + h) - y|^2> / 2."""
        miss = self.network.nonlinearity(self._drive(weights)) - self.target
        return float(np.mean(np.sum(miss**2, axis=1)) / 2)

    def differential(self, weights: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
        """dH/dW. Raises `UsageError` where S was given without its slope."""
        drive, s = self._drive(weights), self.network.nonlinearity
        miss = (s(drive) - self.target) * s.derivative(drive)
        return miss.T @ self.inputs.states / len(miss)

    def matching_differential(self, weights: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
        """<(S(W u + h) - y) u'>: needs no slope of S."""
        miss = self.network.nonlinearity(self._drive(weights)) - self.target
        return miss.T @ self.inputs.states / len(miss)

    def minimum(self, *, steps: int = 100) -> Float[np.ndarray, "n n"]:
        """The minimum of the matching loss, by Newton's method from W = 0.

        Each row has its own Hessian <S'(W u + h)_i u u'>; a step is halved until the differential
        shrinks. Raises `DataError` when it does not arrive, as when y leaves the range of S, and
        `UsageError` where S was given without its slope.
        """
        u, s, n = self.inputs.states, self.network.nonlinearity, self.inputs.states.shape[1]
        weights = np.zeros((n, n))
        slope = self.matching_differential(weights)
        goal = 1e-13 * np.sqrt(np.mean(u**2) * np.mean(self.target**2))
        for _ in range(steps):
            if np.abs(slope).max() <= goal:
                return weights
            gains = s.derivative(self._drive(weights))
            try:
                move = np.stack(
                    [
                        np.linalg.solve((u * gains[:, i, None]).T @ u / len(u), slope[i])
                        for i in range(n)
                    ]
                )
            except np.linalg.LinAlgError as error:
                raise DataError(
                    "the input does not span all units' directions: W is not determined"
                ) from error
            size = float(np.linalg.norm(slope))
            share, trial = self._shortened(weights, move, size)
            if share <= 1e-6:
                if size <= 1e4 * goal * n:  # as close as rounding allows
                    return weights
                break
            weights[:] = weights - share * move
            slope[:] = trial
        low, high = self.target.min(), self.target.max()
        raise DataError(
            f"the matching loss has no minimum that can be reached: the target l u + xi runs from"
            f" {low:.3g} to {high:.3g}, and must stay within the range of S; scale the input"
        )

    def _shortened(
        self, weights: np.ndarray, move: np.ndarray, size: float
    ) -> tuple[float, np.ndarray]:
        """The share of the move after which the differential is smaller than `size`, and it."""
        share, trial = 1.0, self.matching_differential(weights - move)
        while np.linalg.norm(trial) >= size and share > 1e-6:
            share /= 2
            trial = self.matching_differential(weights - share * move)
        return share, trial

    def _drive(self, weights: np.ndarray) -> np.ndarray:
        return self.inputs.states @ weights.T + self.network.bias
