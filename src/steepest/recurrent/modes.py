"""What relative entropy and its dual form share: their regression, and the inverse it needs.

Both solve xi - f(u) = W S(u) by least squares, the one through C (n, n), the other through the Gram
matrix of the frames (F, F). A direction that such a matrix does not cover is refused, or left out,
or damped, as asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from steepest.errors import DataError, UsageError
from steepest.recurrent.inputs import Inputs
from steepest.recurrent.network import AbstractAdditive

__all__ = ["ROUNDING", "Modes", "inverse_modes", "rates_and_target"]

# Relative to the largest eigenvalue; below it a direction carries nothing but rounding.
ROUNDING = 1e-12


def rates_and_target(
    inputs: Inputs, network: AbstractAdditive
) -> tuple[Float[np.ndarray, "t n"], Float[np.ndarray, "t n"]]:
    """S(u) and xi - f(u) at each sample.

    Raises `DataError` for a frame of a periodic input at which S(u) is zero while the input moves.
    """
    rates = network.nonlinearity(inputs.states)
    target = inputs.velocities - network.intrinsic(inputs.states)
    blank = ~rates.any(axis=1) & target.any(axis=1)
    if inputs.periodic and blank.any():
        raise DataError(
            f"frame {int(np.argmax(blank))} of the input is blank: S(u) is zero there and a network"
            " without activity stays without, whatever its weights; remove blank frames"
        )
    return rates, target


@dataclass(frozen=True, eq=False)
class Modes:
    """Eigenvalues of a covariance, largest first, and its eigenvectors, in columns.

    The first `rank` are used; `ridge`, relative to the largest eigenvalue lam, is added to each.
    """

    spectrum: Float[np.ndarray, " k"]
    directions: Float[np.ndarray, "k k"]
    rank: int
    ridge: float

    def divide(self, matrix: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "m k"]:
        """matrix (covariance + ridge lam I)^-1, on the modes that are used."""
        kept, values = self.directions[:, : self.rank], self.spectrum[: self.rank]
        return (matrix @ kept) / (values + self.ridge * self.spectrum[0]) @ kept.T


def inverse_modes(
    covariance: Float[np.ndarray, "k k"],
    ridge: float,
    cut: float,
    describe: Callable[[np.ndarray, np.ndarray, int], str],
) -> Modes:
    """The modes in which a covariance is inverted: all, or with a `cut` those above cut lam.

    Raises `UsageError` for a stabilisation that is negative or double, and `DataError`, in the
    words of `describe(eigenvalues, eigenvectors, rank)`, where the covariance is singular and
    neither was asked for, or is zero.
    """
    if not (0 <= ridge < np.inf and 0 <= cut < 1) or (ridge > 0 and cut > 0):
        raise UsageError(
            f"ridge {ridge:g} and cut {cut:g}: give one of them, finite and not negative (cut below"
            " 1)"
        )
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = values[::-1], vectors[:, ::-1]
    if values[0] <= 0:
        raise DataError("S(u) is zero throughout: the input says nothing about W")
    floor = max(cut, 0.0 if ridge else ROUNDING) * values[0]
    rank = int(np.sum(values > floor)) if floor else len(values)
    if rank < len(values) and not cut:
        raise DataError(describe(values, vectors, rank))
    return Modes(values, vectors, rank, ridge)
