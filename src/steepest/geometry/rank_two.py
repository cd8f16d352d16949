"""The simplest metric in which a given update is steepest: a multiple of Euclid's plus rank two."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.numbers import Coordinates, as_field, is_concrete, like
from steepest.errors import MetricError
from steepest.geometry.metric import AbstractMetric

__all__ = ["RankTwo"]


class RankTwo(AbstractMetric):
    """G = p p'/(p.u) + alpha (I - u u'/|u|^2): flat(u) = p, alpha across u. Constant, O(n).

    `update` u and `covector` p, both (n,), with p.u > 0; `alpha` is |p|^2/(p.u) unless given, with
    which the condition number is the least that any metric with flat(u) = p has. Raises
    `MetricError` where p.u or alpha is not positive. Shoji et al. 2024, Sec 3.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import RankTwo
    >>> metric = RankTwo(update=[1.0, 0.0], covector=[2.0, 1.0])
    >>> metric.flat(jnp.zeros(2), jnp.array([1.0, 0.0])).tolist()
    [2.0, 1.0]
    >>> metric.sharp(jnp.zeros(2), jnp.array([2.0, 1.0])).tolist()
    [1.0, 0.0]
    """

    update: np.ndarray = eqx.field(converter=as_field)
    covector: np.ndarray = eqx.field(converter=as_field)
    alpha: np.ndarray | None = eqx.field(
        converter=lambda value: None if value is None else as_field(value), default=None
    )

    def __check_init__(self) -> None:
        u, p = self.update, self.covector
        if not is_concrete(u, p, self.alpha):
            return
        if u.ndim != 1 or u.shape != p.shape:
            raise MetricError(
                f"RankTwo: update and covector are both (n,), not of shapes {u.shape} and {p.shape}"
            )
        if not p @ u > 0:  # NaN as well
            raise MetricError(
                f"RankTwo: covector . update is {p @ u:.6g}, and must be positive: no metric turns"
                " a vector into a covector that does not grow along it"
            )
        if self.alpha is not None and not (self.alpha.ndim == 0 and 0 < self.alpha < np.inf):
            raise MetricError(f"RankTwo: alpha is a positive number, not {self.alpha}")

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, " n"]:
        v = jnp.asarray(vector)
        u, p, rate, alpha = self._parts(v)
        return p * (p @ v / rate) + alpha * (v - u * (u @ v / (u @ u)))

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, " n"]:
        c = jnp.asarray(covector)
        u, p, rate, alpha = self._parts(c)
        along = u @ c / rate
        across = (c - p * along) / alpha
        return across + u * (along - p @ across / rate)

    def _parts(self, vector: Array) -> tuple[Array, Array, Array, Array]:
        if vector.shape != self.update.shape:
            raise MetricError(
                f"RankTwo: an update of shape {self.update.shape} for a vector of shape "
                f"{vector.shape}"
            )
        u, p = like(self.update, vector), like(self.covector, vector)
        rate = p @ u
        return u, p, rate, p @ p / rate if self.alpha is None else like(self.alpha, vector)
