"""The product estimator: signal from changes that share no measurement, whatever the noise.

The change from one session to the next and the change from the session before to the session after
both hold the signal of the step between, and no error of measurement in common, so the mean of
their product is the variance of the signal alone.
"""

import math

import numpy as np
from jaxtyping import Float, Int

from steepest.errors import DataError
from steepest.inference.synapses.changes import Pairs

__all__ = ["nested_products", "product_index", "product_share"]

_CLASSES = 12
_STEPS = 60


def nested_products(
    found: Pairs, step: Float[np.ndarray, " p"]
) -> tuple[Int[np.ndarray, " q"], Float[np.ndarray, " q"]]:
    """Which changes over one session lie inside one over three, and the products of the two.

    `step` are the changes to be multiplied, such as those of `found` less their drift.
    """
    inner, outer = np.flatnonzero(found.lag == 1), np.flatnonzero(found.lag == 3)
    span = int(found.start.max()) + 2
    key_inner = found.synapse[inner] * span + found.start[inner]
    key_outer = found.synapse[outer] * span + found.start[outer] + 1
    _, at_inner, at_outer = np.intersect1d(key_inner, key_outer, return_indices=True)
    return inner[at_inner], step[inner[at_inner]] * step[outer[at_outer]]


def product_share(
    found: Pairs, step: Float[np.ndarray, " p"], cluster: Int[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, " c"], Float[np.ndarray, " c"]]:
    """Sums by cluster of the products, and of the squared changes over one session.

    The ratio of the sums is the share of the signal in the variance of change.
    """
    rows, product = nested_products(found, step)
    where, size = cluster[found.synapse[rows]], int(cluster.max()) + 1
    return np.bincount(where, product, size), np.bincount(where, step[rows] ** 2, size)


def product_index(
    found: Pairs,
    step: Float[np.ndarray, " p"],
    variance: Float[np.ndarray, " p"],
    weights: Float[np.ndarray, "b n"],
) -> Float[np.ndarray, " b"]:
    """The geometry index from the mean product at every size, for every row of synapse weights.

    Weighted least squares of products on s^2 e^(2(a-1)m), by twelve classes of size; `variance` is
    the expected variance of every change, which weights them. NaN where the products of a row do
    not determine an index. Unbiased for any noise that is independent between sessions, but less
    precise than the likelihood, and on its own no rule for naming: it does not see slow noise.

    Raises DataError where no synapse has four sessions in a row.
    """
    rows, product = nested_products(found, step)
    if rows.size < _CLASSES:
        raise DataError(
            f"only {rows.size} changes lie inside a longer one: the product estimator needs"
            " synapses that are seen in four sessions in a row"
        )
    middle, synapse = found.middle[rows], found.synapse[rows]
    # The variance of a product of two changes goes with the squared variance of one.
    precision = 1 / variance[rows] ** 2
    edges = np.quantile(middle, np.linspace(0, 1, _CLASSES + 1)[1:-1])
    code = synapse * _CLASSES + np.searchsorted(edges, middle)
    shape = (weights.shape[1], _CLASSES)

    def sums(values: np.ndarray) -> np.ndarray:
        table = np.bincount(code, values, shape[0] * _CLASSES).reshape(shape)
        return np.einsum("bn,nj->bj", weights, table)

    total, mean = sums(precision), sums(precision * product)
    place = sums(precision * middle)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, place = mean / total, place / total
    return np.array([_slope(*row) for row in zip(total, mean, place, strict=True)])


def _slope(total: np.ndarray, mean: np.ndarray, place: np.ndarray) -> float:
    """The index whose power of size is nearest to the mean products, by Gauss-Newton."""
    seen = total > 0
    total, mean, place = total[seen], mean[seen], place[seen]
    level = float(np.sum(total * mean) / np.sum(total))
    if not level > 0 or place.size < 3:
        return math.nan
    theta = np.array([math.log(level), 0.0])
    for _ in range(_STEPS):
        expected = np.exp(np.clip(theta[0] + theta[1] * place, -60, 60))
        slope = expected * np.stack([np.ones_like(place), place])
        moment = np.einsum("pj,qj->pq", slope * total, slope)
        if not np.linalg.det(moment) > 0:
            return math.nan
        move = np.linalg.solve(moment, np.einsum("pj,j->p", slope * total, mean - expected))
        theta = theta + np.clip(move, -0.5, 0.5)
        if np.abs(move).max() < 1e-8:
            return 1 + theta[1] / 2
    return math.nan
