"""Relative entropy of a Kuramoto network: couplings and frequencies from phases.

Galtier & Wainrib 2013, "Extension and perspectives". H(K, omega) = <sum_i (theta_i' - omega_i -
sum_j K_ij sin(theta_j - theta_i))^2> / 2 is quadratic, row by row, in K_i and omega_i, which is
the coupling to a constant regressor. Its online rule is K_ij' = eps (residual_i) sin(theta_j -
theta_i). Oscillators in phase lock say nothing: their sines do not change.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from steepest.errors import DataError
from steepest.recurrent.inputs import Inputs

__all__ = ["KuramotoEntropy", "KuramotoFit"]

# Least eigenvalue of a row's regressors beside the largest: below it lies phase lock.
LOCKED = 1e-8


@dataclass(frozen=True, eq=False)
class KuramotoFit:
    """Couplings K (n, n), zero on the diagonal, frequencies omega (n,), and per row how well posed.

    `conditioning` (n,) is the least over the largest eigenvalue of each row's regressors.
    """

    coupling: Float[np.ndarray, "n n"]
    frequencies: Float[np.ndarray, " n"]
    conditioning: Float[np.ndarray, " n"]


@dataclass(frozen=True, eq=False)
class KuramotoEntropy:
    """The relative entropy per unit of time of phases (t, n), in radians, and a Kuramoto network.

    Several runs are one cost: `inputs.pooled`. Velocities of phases that wrap are found from
    unwrapped ones (`np.unwrap` before `Inputs.sampled`).

    >>> theta = np.outer(np.arange(200) * 0.1, [1.0, 2.5])
    >>> entropy = KuramotoEntropy(Inputs.sampled(theta, 0.1))
    >>> entropy.minimum().frequencies.round(3)
    array([1. , 2.5])
    """

    inputs: Inputs

    def __call__(
        self, coupling: Float[np.ndarray, "n n"], frequencies: Float[np.ndarray, " n"]
    ) -> float:
        """H(K, omega)."""
        return float(np.mean(np.sum(self._residual(coupling, frequencies) ** 2, axis=1)) / 2)

    def differential(
        self, coupling: Float[np.ndarray, "n n"], frequencies: Float[np.ndarray, " n"]
    ) -> tuple[Float[np.ndarray, "n n"], Float[np.ndarray, " n"]]:
        """(dH/dK, dH/domega); minus eps times it, before averaging, is the online rule."""
        miss = self._residual(coupling, frequencies)
        theta = self.inputs.states
        sine, cosine = np.sin(theta), np.cos(theta)
        count = len(theta)
        slope = -((miss * cosine).T @ sine - (miss * sine).T @ cosine) / count
        return slope, -miss.mean(axis=0)

    def minimum(self) -> KuramotoFit:
        """The couplings and frequencies of least relative entropy.

        Raises `DataError`, naming the unit and the reason, where the phases do not determine them.
        """
        theta, velocity = self.inputs.states, self.inputs.velocities
        count, n = theta.shape
        coupling, frequencies, conditioning = np.zeros((n, n)), np.zeros(n), np.zeros(n)
        for i in range(n):
            others = np.delete(np.arange(n), i)
            sines = np.sin(theta[:, others] - theta[:, [i]])
            regressors = np.column_stack([np.ones(count), sines])
            gram = regressors.T @ regressors / count
            values = np.linalg.eigvalsh(gram)
            conditioning[i] = values[0] / values[-1]
            if conditioning[i] < LOCKED:
                raise DataError(_locked(i, sines, others))
            row = np.linalg.solve(gram, regressors.T @ velocity[:, i] / count)
            frequencies[i], coupling[i, others] = row[0], row[1:]
        return KuramotoFit(coupling, frequencies, conditioning)

    def _residual(self, coupling: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
        theta = self.inputs.states
        sine, cosine = np.sin(theta), np.cos(theta)
        pull = cosine * (sine @ coupling.T) - sine * (cosine @ coupling.T)
        return self.inputs.velocities - frequencies - pull


def _locked(unit: int, sines: np.ndarray, others: np.ndarray) -> str:
    still = others[np.std(sines, axis=0) < 1e-3]
    if still.size:
        return (
            f"unit {unit} is phase-locked with {', '.join(map(str, still[:10]))}: their phase"
            " differences do not change, so the couplings cannot be told from the frequency."
            " Record while they are incoherent, or pool transients from several starts"
        )
    return (
        f"the phases do not determine the couplings of unit {unit}: their sines are linearly"
        " dependent. Record longer, or pool transients from several starts"
    )
