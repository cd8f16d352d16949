"""A metric from what changes cost: energies of a synapse, as functions of its state."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.numbers import as_field, is_concrete
from steepest.errors import MetricError
from steepest.geometry.domain import AbstractDomain, Everywhere
from steepest.geometry.matrix import AbstractMatrixMetric

__all__ = ["MetabolicEnergies"]


class MetabolicEnergies(AbstractMatrixMetric):
    """Changes are as long as the energies they alter: G = sum_k w_k dE_k dE_k' + delta I.

    `energies`: point (n,) -> (k,), in jax.numpy; `weights` (k,) or one number, positive; `delta` is
    the cost of a change that alters no energy. With fewer energies than coordinates and delta = 0
    the metric is rank-deficient: `MetricError` names the direction that costs nothing. Surace et
    al. 2020, "Gradient descent in neuroscience"; `Metabolic` is the diagonal form in closed form.

    >>> import jax.numpy as jnp
    >>> import jax
    >>> from steepest.geometry import MetabolicEnergies
    >>> metric = MetabolicEnergies(lambda x: x**2, weights=[1.0, 2.0])
    >>> with jax.enable_x64(True):
    ...     matrix = metric.matrix(jnp.array([1.0, 2.0]))
    >>> matrix.tolist()
    [[4.0, 0.0], [0.0, 32.0]]
    """

    energies: Callable[[Any], Any]
    weights: np.ndarray = eqx.field(converter=as_field, default=1.0)
    delta: np.ndarray = eqx.field(converter=as_field, default=0.0)
    domain: AbstractDomain = Everywhere()

    def __check_init__(self) -> None:
        if is_concrete(self.weights, self.delta) and not (
            (self.weights > 0).all()
            and np.isfinite(self.weights).all()
            and self.delta.ndim == 0
            and 0 <= self.delta < np.inf
        ):
            raise MetricError(
                "MetabolicEnergies: weights are positive and delta is one number, not negative; "
                f"not {self.weights} and {self.delta}"
            )

    def compute_matrix(self, point: Float[Array, " n"]) -> Float[Array, "n n"]:
        slopes = jnp.atleast_2d(jax.jacfwd(self.energies)(point))
        weights = jnp.broadcast_to(jnp.asarray(self.weights), slopes.shape[:1])
        matrix = slopes.T @ (weights[:, None] * slopes)
        return matrix + jnp.asarray(self.delta) * jnp.eye(point.shape[0], dtype=point.dtype)
