"""Families of metrics that are linear in their inverse, so that they can be fitted exactly.

With a known cost, v = -G^-1 dC is linear in the mobility M = G^-1. A family says which mobilities
it holds and in which coordinates they are constant. Only M times the learning rate can be known,
and no data tell (C, G) from (f(C), f'(C) G) with f' > 0: cost and metric are never fixed jointly.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.entry import double_precision
from steepest.geometry.chart import AbstractChart, Elementwise, Identity

__all__ = [
    "ANY",
    "DIAGONAL",
    "EXCHANGEABLE",
    "ISOTROPIC",
    "LOGS",
    "SYMMETRIC",
    "MobilityFamily",
]


@dataclass(frozen=True)
class MobilityFamily:
    """Mobilities M = sum of coefficients times basis(n), (k, n, n), constant in a chart.

    At a point with the chart's Jacobian J the mobility is J^-1 M J^-1'. `names` of the coefficients
    are those of the entries M_ij unless given.

    >>> SYMMETRIC.labels(2)
    ['M00', 'M01', 'M11']
    >>> DIAGONAL.seen_in(LOGS, "in logs").name
    'diagonal in logs'
    """

    name: str
    basis: Callable[[int], np.ndarray]
    names: tuple[str, ...] = ()
    chart: AbstractChart = field(default_factory=Identity)

    def seen_in(self, chart: AbstractChart, where: str) -> "MobilityFamily":
        """The same family with constant mobility in another chart; `where` completes the name."""
        return replace(self, name=f"{self.name} {where}", chart=chart)

    def labels(self, n: int) -> list[str]:
        """Names of the coefficients: the family's own, or M00, M01, ..., by the entry."""
        if self.names:
            return list(self.names[: len(self.basis(n))])
        entries = (np.argwhere(matrix)[0] for matrix in self.basis(n))
        return [f"M{i}{j}" if n <= 10 else f"M{i},{j}" for i, j in entries]

    def design(
        self, positions: Float[np.ndarray, "m s n"], covectors: Float[np.ndarray, "m s n"]
    ) -> Float[np.ndarray, "m n k"]:
        """Velocities -M_k dC for each basis element, averaged over the s places of a sample."""
        if isinstance(self.chart, Identity):
            return -np.einsum(
                "kij,mj->mik", self.basis(positions.shape[-1]), covectors.mean(axis=1)
            )
        with double_precision():
            basis = jnp.asarray(self.basis(positions.shape[-1]), dtype=jnp.float64)
            columns = _spread(self.chart, basis, jnp.asarray(positions), jnp.asarray(covectors))
            return np.asarray(columns).mean(axis=1)


@eqx.filter_jit
def _spread(chart: AbstractChart, basis: Array, positions: Array, covectors: Array) -> Array:
    def one(point: Array, covector: Array) -> Array:
        seen = chart.pull_back(point, covector)
        return -jax.vmap(lambda M: chart.push_back(point, M @ seen))(basis).T

    return jax.vmap(jax.vmap(one))(positions, covectors)


def _isotropic(n: int) -> np.ndarray:
    return np.eye(n)[None]


def _diagonal(n: int) -> np.ndarray:
    return np.eye(n)[:, :, None] * np.eye(n)[:, None, :]


def _exchangeable(n: int) -> np.ndarray:
    return np.stack([np.eye(n), np.ones((n, n))])[: 1 if n == 1 else 2]


def _symmetric(n: int) -> np.ndarray:
    pairs = [(i, j) for i in range(n) for j in range(i, n)]
    basis = np.zeros((len(pairs), n, n))
    for k, (i, j) in enumerate(pairs):
        basis[k, i, j] = basis[k, j, i] = 1.0
    return basis


def _any(n: int) -> np.ndarray:
    return np.eye(n * n).reshape(n * n, n, n)


ISOTROPIC = MobilityFamily("Euclidean", _isotropic, ("eta",))
"""One learning rate: M = eta I (1 coefficient)."""
DIAGONAL = MobilityFamily("diagonal", _diagonal)
"""One learning rate each (n)."""
EXCHANGEABLE = MobilityFamily("exchangeable", _exchangeable, ("own", "shared"))
"""N identical units: M = own I + shared 11' (2)."""
SYMMETRIC = MobilityFamily("constant metric", _symmetric)
"""Any constant metric (n(n+1)/2)."""
ANY = MobilityFamily("any matrix", _any)
"""Any matrix, which need not come from a metric (n^2)."""


LOGS = Elementwise(jnp.log, jnp.exp)
"""The chart of log sizes, for positive coordinates."""
