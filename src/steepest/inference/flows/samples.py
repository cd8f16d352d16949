"""Samples of a flow on a known cost: velocities at positions, or steps of trajectories."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from steepest.arrays.entry import entry_point
from steepest.arrays.given import real_numbers, same_axes, same_labels
from steepest.arrays.numbers import Numbers
from steepest.errors import DataError

__all__ = ["FlowSamples", "flow_samples", "join_samples", "trajectory_samples"]

Cost = Callable[[Any], Any]


@dataclass(frozen=True, eq=False)
class FlowSamples:
    """Velocities (m, n), with positions and the cost's differentials (m, s, n) that drive them.

    s = 1 for a velocity measured at a position; s = 2 for a step between two positions, whose mean
    velocity is driven by the mean of both ends (the trapezoid rule). `rows` (m,) say where each
    sample stands in the user's table.

    >>> positions = np.array([[1.0, 2.0], [2.0, 1.0]])
    >>> samples = flow_samples(positions, -positions, lambda x: jnp.sum(x**2) / 2)
    >>> len(samples), samples.dimension, samples.slopes
    (2, 2, array([-5., -5.]))
    """

    positions: Float[np.ndarray, "m s n"]
    covectors: Float[np.ndarray, "m s n"]
    velocities: Float[np.ndarray, "m n"]
    rows: Int[np.ndarray, " m"] = field(repr=False)

    @property
    def dimension(self) -> int:
        return self.velocities.shape[1]

    def __len__(self) -> int:
        return len(self.velocities)

    @property
    def slopes(self) -> Float[np.ndarray, " m"]:
        """dC(v): how fast the cost changes along each velocity."""
        return np.einsum("msn,mn->m", self.covectors, self.velocities) / self.covectors.shape[1]

    @property
    def climbing(self) -> Int[np.ndarray, " c"]:
        """Rows whose velocity climbs the cost, which steepest descent never does."""
        return self.rows[self.slopes > 0]


def flow_samples(
    positions: Numbers, velocities: Numbers, cost: Cost, *, rows: Numbers | None = None
) -> FlowSamples:
    """Samples of velocities (m, n) measured at positions (m, n), on a cost in jax.numpy.

    `rows` (m,) number the samples in later messages (from 0 unless given). Raises `DataError` for
    shapes that do not fit, and naming the row for numbers that are not finite and for a cost that
    fails or is not differentiable there.

    >>> samples = flow_samples([[1.0, 2.0]], [[-1.0, -2.0]], lambda x: jnp.sum(x**2) / 2)
    >>> samples.covectors
    array([[[1., 2.]]])
    """
    same_labels({"positions": positions, "velocities": velocities, "rows": rows}, rows="samples")
    same_axes({"positions": (positions, 1), "velocities": (velocities, 1)})
    where, v = _table(positions, "positions"), _table(velocities, "velocities")
    if where.shape != v.shape:
        raise DataError(f"positions are of shape {where.shape} but velocities of {v.shape}")
    numbers = np.arange(len(v)) if rows is None else np.asarray(rows)
    covectors = _differentials(cost, where, numbers)
    return FlowSamples(where[:, None], covectors[:, None], v, numbers.astype(np.int64))


def trajectory_samples(
    times: Numbers, points: Numbers, cost: Cost, *, flows: Any = None, rows: Numbers | None = None
) -> FlowSamples:
    """The steps of trajectories `points` (m, n) at `times` (m,), on a cost in jax.numpy.

    `flows` (m,) says to which trajectory each row belongs (all to one unless given); times
    increase within each. Steps are taken by the trapezoid rule, which is right to second order in
    the time between samples, where forward differences are biased at first. Raises `DataError`.

    >>> samples = trajectory_samples([0.0, 1.0], [[2.0], [1.0]], lambda x: jnp.sum(x**2) / 2)
    >>> samples.velocities
    array([[-1.]])
    """
    same_labels({"times": times, "points": points, "flows": flows, "rows": rows}, rows="samples")
    where, moments = _table(points, "points"), real_numbers(times, "times", error=DataError)
    numbers = np.arange(len(where)) if rows is None else np.asarray(rows)
    if moments.shape != (len(where),) or not np.isfinite(moments).all():
        raise DataError(f"{len(where)} points need as many finite times, not {moments.shape}")
    labels = np.zeros(len(where)) if flows is None else np.asarray(flows)
    if labels.shape != (len(where),):
        raise DataError(f"{len(where)} points need as many labels of flows, not {labels.shape}")
    covectors = _differentials(cost, where, numbers)
    first, second = [], []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        back = np.flatnonzero(np.diff(moments[members]) <= 0)
        if back.size:
            raise DataError(
                f"row {numbers[members[back[0] + 1]]}: the time does not increase within its flow; "
                "sort the rows, or give the column that tells flows apart"
            )
        first.extend(members[:-1])
        second.extend(members[1:])
    if not first:
        raise DataError("no flow has two points: there is no step to learn from")
    ends = np.array([first, second]).T
    waits = (moments[second] - moments[first])[:, None]
    velocities = (where[second] - where[first]) / waits
    return FlowSamples(where[ends], covectors[ends], velocities, numbers[second].astype(np.int64))


def join_samples(samples: Sequence[FlowSamples]) -> FlowSamples:
    """Samples from several costs on the same parameters, to be fitted by one metric together.

    Raises `DataError` where dimensions differ, or velocities are mixed with steps.

    >>> samples = flow_samples([[1.0, 2.0]], [[-1.0, -2.0]], lambda x: jnp.sum(x**2) / 2)
    >>> len(join_samples([samples, samples]))
    2
    """
    if len({part.positions.shape[1:] for part in samples}) != 1:
        raise DataError(
            "samples that share a metric have one dimension, and are all velocities or all steps, "
            f"not {[part.positions.shape for part in samples]}"
        )
    names = ("positions", "covectors", "velocities", "rows")
    return FlowSamples(*(np.concatenate([getattr(s, name) for s in samples]) for name in names))


def _table(values: Numbers, what: str) -> Float[np.ndarray, "m n"]:
    array = real_numbers(values, what, error=DataError)
    if array.ndim != 2 or array.size == 0:
        raise DataError(f"{what} are a table (m, n), one sample a row, not of shape {array.shape}")
    bad = np.argwhere(~np.isfinite(array))
    if bad.size:
        raise DataError(f"{what}: row {bad[0, 0]}, coordinate {bad[0, 1]} is not finite")
    return array


@eqx.filter_jit
def _slopes(cost: Cost, points: Array) -> Array:
    return jax.vmap(jax.grad(cost))(points)


@entry_point(kernel="jax.grad(cost)")
def _differentials(cost: Cost, points: np.ndarray, rows: np.ndarray) -> Float[np.ndarray, "m n"]:
    """dC at every point; a cost that raises or is not finite is told with the row it fails at."""
    try:
        slopes = np.asarray(_slopes(cost, jnp.asarray(points)))
    except Exception as error:
        raise DataError(
            f"the cost fails on a position of {points.shape[1]} coordinates: "
            f"{type(error).__name__}: {error}; it must take a point (n,), be written with "
            "jax.numpy and return a scalar"
        ) from error
    bad = np.flatnonzero(~np.isfinite(slopes).all(axis=1))
    if bad.size:
        raise DataError(
            f"row {rows[bad[0]]}: the cost has no finite differential at {points[bad[0]]}"
            + (f" (and {bad.size - 1} more rows)" if bad.size > 1 else "")
            + "; leave the row out, or check the order of the columns"
        )
    return slopes
