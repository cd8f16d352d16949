"""The relative entropy between an input and a network, as a cost on the connectivity.

Galtier & Wainrib 2013, Eqs 3-4, per unit of time: H(W) = <|f(u) + W S(u) - xi|^2> / 2, the mean
over the samples (Eq 3 is this times the period). With B = <(xi - f(u)) S(u)'> and C = <S(u) S(u)'>
its differential is W C - B, its Hessian C (x) I, and W* = B C^-1.

With noise of diffusion matrix D (du = f dt + L dB, L L' = 2 D) the squared length is taken in
(2 D)^-1, and H is then the relative entropy rate of the two path laws, in nats per unit of time
(Eq 13). Eq 12 as printed has the wrong sign: it must read E_Q ln dQ/dP.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.dense import check_spd
from steepest.arrays.given import real_numbers
from steepest.arrays.numbers import Coordinates, as_field, like
from steepest.errors import UsageError
from steepest.geometry.metric import AbstractMetric
from steepest.recurrent.inputs import Inputs
from steepest.recurrent.modes import ROUNDING, inverse_modes, rates_and_target
from steepest.recurrent.network import AbstractAdditive

__all__ = ["InputCovariance", "Minimum", "RelativeEntropy", "relative_entropy"]


@dataclass(frozen=True, eq=False)
class Minimum:
    """The connectivity W* (m, n) that minimises relative entropy, and how far it is determined.

    `ridge` and `cut` are as asked for, relative to the largest eigenvalue of C; `spectrum` (n,)
    holds the eigenvalues of C, largest first, of which the first `rank` were used; `directions`
    (n, n) the eigenvectors, in columns. W* is zero along the unused ones.
    """

    weights: Float[np.ndarray, "m n"]
    ridge: float
    cut: float
    rank: int
    spectrum: Float[np.ndarray, " n"]
    directions: Float[np.ndarray, "n n"]

    @property
    def undetermined(self) -> Float[np.ndarray, " n"]:
        """Per presynaptic unit, the share of its outgoing weights' direction that C does not see.

        All rows of W share C, so what the input leaves open is columns, and combinations of them.
        """
        return np.sum(self.directions[:, self.rank :] ** 2, axis=1)


class RelativeEntropy(eqx.Module):
    """Relative entropy per unit of time as a cost on W (m, n), given flat or as a matrix.

    `covariance` is C, `cross` is B, `energy` is <|xi - f(u)|^2> / 2 (in the noise's metric) and
    `precision` is (2 D)^-1, or the identity without noise. Calling it is a JAX kernel: it and
    `InputCovariance` go straight into `gradient_flow`. `value` is the same as a plain number.

    >>> cost = RelativeEntropy(np.eye(2), np.ones((1, 2)), 1.0, np.eye(1))
    >>> cost.value(np.array([[1.0, 1.0]])), cost.minimum().weights
    (0.0, array([[1., 1.]]))
    """

    covariance: np.ndarray = eqx.field(converter=as_field)
    cross: np.ndarray = eqx.field(converter=as_field)
    energy: np.ndarray = eqx.field(converter=as_field)
    precision: np.ndarray = eqx.field(converter=as_field)

    def __call__(self, weights: Coordinates) -> Float[Array, ""]:
        """H(W)."""
        w = jnp.reshape(jnp.asarray(weights), self.cross.shape)
        covariance, cross = like(self.covariance, w), like(self.cross, w)
        quadratic = (w @ covariance) / 2 - cross
        return jnp.sum((like(self.precision, w) @ w) * quadratic) + like(self.energy, w)

    def value(self, weights: Coordinates) -> float:
        """H(W) in double precision, outside JAX."""
        w = np.reshape(real_numbers(weights, "weights"), self.cross.shape)
        return float(
            np.sum((self.precision @ w) * (w @ self.covariance / 2 - self.cross)) + self.energy
        )

    def differential(self, weights: Coordinates) -> Float[np.ndarray, "m n"]:
        """dH/dW = precision (W C - B); the paper's Eq 4 without noise."""
        w = np.reshape(real_numbers(weights, "weights"), self.cross.shape)
        return self.precision @ (w @ self.covariance - self.cross)

    def minimum(
        self, *, ridge: float = 0.0, cut: float = 0.0, names: Sequence[str] | None = None
    ) -> Minimum:
        """W* = B C^-1, or with what was asked for: B (C + ridge lam I)^-1, or modes > cut lam only.

        lam is the largest eigenvalue of C. Raises `DataError` naming the directions (by `names` of
        the units, or their numbers) when C is singular and neither was asked for, `UsageError` when
        both were or one is negative.
        """
        modes = inverse_modes(
            self.covariance,
            ridge,
            cut,
            lambda values, vectors, rank: _uncovered(values, vectors, rank, names),
        )
        weights = modes.divide(self.cross)
        return Minimum(weights, ridge, cut, modes.rank, modes.spectrum, modes.directions)

    def flow(self, times: Any, start: np.ndarray | None = None) -> Float[np.ndarray, "t m n"]:
        """W(t) under rule (4), dW/dt = B - W C, exactly, from `start` (0 unless given).

        Time is in units of the learning rate. The part of `start` in the null space of C stays
        for ever. Without noise; with noise the flow in the noise's metric is the same.
        """
        moments = np.atleast_1d(real_numbers(times, "times"))
        values, vectors = np.linalg.eigh(self.covariance)
        values = np.maximum(values, 0.0)  # C is a mean of squares: below zero is rounding
        pushed = self.cross @ vectors
        held = np.zeros_like(pushed) if start is None else np.asarray(start) @ vectors
        paths = []
        for moment in moments:
            decay = np.exp(-values * moment)
            gain = np.full_like(values, moment)
            moving = values * moment > 1e-300
            gain[moving] = -np.expm1(-values[moving] * moment) / values[moving]
            paths.append((held * decay + pushed * gain) @ vectors.T)
        return np.array(paths)


def relative_entropy(
    inputs: Inputs, network: AbstractAdditive, *, diffusion: np.ndarray | None = None
) -> RelativeEntropy:
    """The cost on W that an input sets an additive network (Eq 3; with noise, Eq 13).

    `diffusion` is the matrix D that the input and the network share. Raises `DataError` for a
    frame of a periodic input at which S(u) is zero while the input moves, such as a blank one of a
    movie: no W can move the network from there. Raises `UsageError` where D is not positive
    definite.

    >>> from steepest.recurrent import linear_network
    >>> turns = 2 * np.pi * np.arange(40) / 40
    >>> inputs = Inputs.cycle(np.stack([np.cos(turns), np.sin(turns)], axis=1), dt=0.1)
    >>> relative_entropy(inputs, linear_network()).minimum().weights.round(3)
    array([[ 1.   , -1.571],
           [ 1.571,  1.   ]])
    """
    rates, target = rates_and_target(inputs, network)
    count, n = rates.shape
    precision = np.eye(n) if diffusion is None else precision_of(diffusion)
    return RelativeEntropy(
        covariance=rates.T @ rates / count,
        cross=target.T @ rates / count,
        energy=np.einsum("ti,ij,tj->", target, precision, target, optimize=True) / (2 * count),
        precision=precision,
    )


def precision_of(diffusion: np.ndarray) -> Float[np.ndarray, "n n"]:
    """(2 D)^-1. Raises `UsageError` unless D is symmetric positive definite."""
    matrix = real_numbers(diffusion, "diffusion")
    symmetric = matrix.ndim == 2 and matrix.shape == matrix.T.shape
    if not (symmetric and np.allclose(matrix, matrix.T, rtol=1e-10, atol=0)):
        raise UsageError("the diffusion matrix is not symmetric: give D with L L' = 2 D")
    smallest = np.linalg.eigvalsh(matrix)[0]
    if smallest <= ROUNDING * np.trace(matrix):
        raise UsageError(
            f"the diffusion matrix is not positive definite (smallest eigenvalue {smallest:.3g}):"
            " without noise in a direction the two path laws are singular there"
        )
    return np.linalg.inv(2 * matrix)


class InputCovariance(AbstractMetric):
    """The natural metric of relative entropy on W (m, n): V -> V (C + ridge I), all rows alike.

    The Hessian of `RelativeEntropy`, and, over the noise, the Fisher information of a path per
    unit of time. `ridge` is absolute, in the unit of C. Points may be flat (m n,) or matrices.
    Raises `MetricError` from `check` where C + ridge I is singular.

    >>> metric = InputCovariance(np.diag([1.0, 4.0]))
    >>> metric.sharp(np.zeros((1, 2)), np.ones((1, 2))).tolist()
    [[1.0, 0.25]]
    """

    covariance: np.ndarray = eqx.field(converter=as_field)
    ridge: float = 0.0

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        v = jnp.asarray(vector)
        rows = jnp.reshape(v, (-1, self.covariance.shape[0]))
        return jnp.reshape(rows @ like(self._metric, v), v.shape)

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        p = jnp.asarray(covector)
        rows = jnp.reshape(p, (-1, self.covariance.shape[0]))
        return jnp.reshape(jnp.linalg.solve(like(self._metric, p), rows.T).T, p.shape)

    def check(self, point: Any) -> None:
        check_spd(self._metric, None, "InputCovariance")

    @property
    def _metric(self) -> Any:  # a tracer where the metric itself is being transformed
        return self.covariance + self.ridge * np.eye(self.covariance.shape[0])


def _uncovered(
    values: np.ndarray, vectors: np.ndarray, rank: int, names: Sequence[str] | None
) -> str:
    """Names the units that the undetermined directions load on, the heaviest first."""
    share = np.sum(vectors[:, rank:] ** 2, axis=1)
    units = [int(unit) for unit in np.argsort(-share) if share[unit] > 0.01]
    called = range(len(values)) if names is None else names
    named = ", ".join(f"{called[unit]} ({share[unit]:.0%})" for unit in units[:10])
    more = f" and {len(units) - 10} more" if len(units) > 10 else ""
    return (
        f"the input covers {rank} of {len(values)} directions (eigenvalues of C past the last:"
        f" below {ROUNDING:.0e} of the largest), so W is not determined along"
        f" {len(values) - rank}: outgoing weights of units {named}{more} (share not seen). Give"
        " richer inputs, or ask for a ridge or a cut"
    )
