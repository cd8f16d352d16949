"""Metrics of many units: alike wherever they sit, or coupled by where they sit.

Homogeneity is the third principle of Surace et al. 2020, "On choosing a metric": N units of the
same type and function are treated identically, G(Px) = P G(x) P' for every permutation P. Cross
talk between neighbouring synapses is their example of a metric that is not diagonal.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.dense import check_spd, require_double, solve
from steepest.arrays.numbers import Coordinates, as_field, is_concrete, like
from steepest.errors import MetricError
from steepest.geometry.domain import AbstractDomain, Everywhere
from steepest.geometry.metric import AbstractMetric

__all__ = ["Homogeneous", "HomogeneousState", "Neighbour"]


class Homogeneous(AbstractMetric):
    """G = own I + shared 11': a change costs each unit alone, and the sum of all changes.

    These are all constant metrics that treat n units alike. `shared` may be negative as long as
    own + n shared > 0 (`MetricError`, which says so, where it is not; NaN under jit).

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Homogeneous
    >>> Homogeneous(own=1.0, shared=0.5).sharp(jnp.zeros(2), jnp.ones(2)).tolist()
    [0.5, 0.5]
    """

    own: np.ndarray = eqx.field(converter=as_field, default=1.0)
    shared: np.ndarray = eqx.field(converter=as_field, default=0.0)

    def __check_init__(self) -> None:
        if is_concrete(self.own, self.shared) and not (self.own > 0 and np.isfinite(self.shared)):
            raise MetricError(
                f"Homogeneous: own is positive and shared finite, not {self.own} and {self.shared}"
            )

    def _common(self, n: int) -> Any:
        common = self.own + n * self.shared
        if is_concrete(common) and not common > 0:
            raise MetricError(
                f"Homogeneous: with n = {n} units the eigenvalue of changing all alike is "
                f"own + n shared = {common:.6g}; it must be positive: raise shared above "
                f"{-self.own / n:.6g}"
            )
        return common

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        vector = jnp.asarray(vector)
        self._common(vector.size)
        return like(self.own, vector) * vector + like(self.shared, vector) * jnp.sum(vector)

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        covector = jnp.asarray(covector)
        share = self.shared / self._common(covector.size)
        return (covector - like(share, covector) * jnp.sum(covector)) / like(self.own, covector)


class HomogeneousState(AbstractMetric):
    """G = diag(own(x_i)) + b b', b_i = shared(x_i): alike, but each unit's state counts.

    `own` (positive) and `shared`: elementwise functions in jax.numpy; with own = 1/x^2 and
    shared = c/x every unit keeps Weber's law and changes of the total log size cost extra.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import HomogeneousState
    >>> metric = HomogeneousState(lambda x: x**-2, lambda x: 1 / x)
    >>> metric.flat(jnp.array([1.0, 2.0]), jnp.array([1.0, 2.0])).tolist()
    [3.0, 1.5]
    """

    own: Callable[[Any], Any]
    shared: Callable[[Any], Any]
    domain: AbstractDomain = Everywhere()

    def _parts(self, point: Coordinates) -> tuple[Array, Array]:
        point = self.domain.require(point, "HomogeneousState")
        own, shared = self.own(point), self.shared(point)
        if is_concrete(own) and not (np.asarray(own) > 0).all():
            i = int(np.flatnonzero(~(np.asarray(own).ravel() > 0))[0])
            raise MetricError(
                f"HomogeneousState: own is {float(own.ravel()[i]):.6g} for unit {i}, whose state "
                f"is {float(point.ravel()[i]):.6g}; it must be positive"
            )
        return own, shared

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        own, shared = self._parts(point)
        return own * jnp.asarray(vector) + shared * jnp.sum(shared * jnp.asarray(vector))

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        own, shared = self._parts(point)
        raised, along = jnp.asarray(covector) / own, shared / own
        return raised - along * jnp.sum(shared * raised) / (1 + jnp.sum(shared * along))


class Neighbour(AbstractMetric):
    """Cross talk between neighbours: a covector at one synapse also moves those near it.

    G^-1 = (1 - spillover) I + spillover K with K_ij = exp(-|position_i - position_j|/length), so
    v_i = -sum_j (G^-1)_ij p_j. `positions` (n,) along a dendrite or (n, d) in space, and `length`,
    in um; `spillover` in (0, 1]. Two synapses at one place with spillover 1 cannot move apart
    (`MetricError` names them). Surace et al. 2020, "Gradient descent in neuroscience".

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Neighbour
    >>> metric = Neighbour([0.0, 5.0], length=5.0)
    >>> moved = metric.sharp(jnp.zeros(2), jnp.array([1.0, 0.0]))
    >>> [round(float(x), 4) for x in moved]  # e^-1 of it spills over
    [1.0, 0.3679]
    """

    positions: np.ndarray = eqx.field(converter=as_field)
    length: np.ndarray = eqx.field(converter=as_field)
    spillover: np.ndarray = eqx.field(converter=as_field, default=1.0)

    def __check_init__(self) -> None:
        if not is_concrete(self.positions, self.length, self.spillover):
            return
        if not np.isfinite(self.positions).all() or self.positions.ndim not in (1, 2):
            raise MetricError("Neighbour: positions are finite, of shape (n,) or (n, d)")
        if not (self.length > 0 and 0 < self.spillover <= 1):
            raise MetricError(
                f"Neighbour: the length is positive and the spillover in (0, 1], not {self.length} "
                f"and {self.spillover}"
            )
        talk = np.asarray(self._talk())
        twins = np.argwhere(np.triu(talk >= 1, k=1))
        if twins.size:
            i, j = twins[0]
            raise MetricError(
                f"Neighbour: synapses {i} and {j} are at one place and could only move together; "
                "separate them, or let less spill over (`spillover` below 1)"
            )
        check_spd(talk, None, "Neighbour (its inverse)")

    def _talk(self) -> Any:
        xp = np if is_concrete(self.positions, self.length, self.spillover) else jnp
        places = self.positions.reshape(self.positions.shape[0], -1)
        squared = ((places[:, None, :] - places[None, :, :]) ** 2).sum(axis=-1)
        kernel = xp.exp(-xp.sqrt(squared) / self.length)
        return (1 - self.spillover) * np.eye(places.shape[0]) + self.spillover * kernel

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        covector = jnp.asarray(covector)
        return like(self._talk(), covector) @ covector

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        vector = jnp.asarray(vector)
        require_double(vector, "Neighbour's flat")
        return solve(like(self._talk(), vector), vector)
