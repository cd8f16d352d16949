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
from steepest.inference.synapses.signal import resampled

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
    cluster: Int[np.ndarray, " n"],
    weights: Float[np.ndarray, "b c"],
) -> Float[np.ndarray, " b"]:
    """The geometry index from the mean product at every size, for every row of cluster weights.

    Weighted least squares of products on s^2 e^(2(a-1)m), by twelve classes of size; `variance` is
    the expected variance of every change, which weights them, `cluster` that of each synapse. NaN
    where the products of a row do not determine an index. Unbiased for any noise that is
    independent between sessions, but less precise than the likelihood, and on its own no rule for
    naming: it does not see slow noise.

    Raises DataError where no synapse has four sessions in a row.
    """
    rows, product = nested_products(found, step)
    if rows.size < _CLASSES:
        raise DataError(
            f"only {rows.size} changes lie inside a longer one: the product estimator needs"
            " synapses that are seen in four sessions in a row"
        )
    middle = found.middle[rows]
    # The variance of a product of two changes goes with the squared variance of one.
    precision = 1 / variance[rows] ** 2
    edges = np.quantile(middle, np.linspace(0, 1, _CLASSES + 1)[1:-1])
    code = cluster[found.synapse[rows]] * _CLASSES + np.searchsorted(edges, middle)
    shape = (weights.shape[1], _CLASSES)

    def sums(values: np.ndarray) -> np.ndarray:
        table = np.bincount(code, values, shape[0] * _CLASSES).reshape(shape)
        return resampled(weights, table)

    total, mean = sums(precision), sums(precision * product)
    place = sums(precision * middle)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, place = mean / total, place / total
    return _slopes(total, mean, place)


def _slopes(
    total: Float[np.ndarray, "b j"], mean: Float[np.ndarray, "b j"], place: Float[np.ndarray, "b j"]
) -> Float[np.ndarray, " b"]:
    """The index whose power of size is nearest to the mean products, by Gauss-Newton, by row."""
    seen = total > 0
    mean, place = np.where(seen, mean, 0.0), np.where(seen, place, 0.0)
    level = (total * mean).sum(axis=1) / np.maximum(total.sum(axis=1), math.ulp(0.0))
    index = np.full(len(total), math.nan)
    todo = np.flatnonzero((level > 0) & (seen.sum(axis=1) >= 3))
    theta = np.stack([np.log(level[todo]), np.zeros(todo.size)])
    for _ in range(_STEPS):
        if not todo.size:
            break
        weight, at = total[todo], place[todo]
        expected = np.exp(np.clip(theta[0][:, None] + theta[1][:, None] * at, -60, 60))
        rest = weight * expected * (mean[todo] - expected)
        square = weight * expected**2
        moment = [np.sum(square * at**power, axis=1) for power in range(3)]
        pull = rest.sum(axis=1), (rest * at).sum(axis=1)
        spread = moment[0] * moment[2] - moment[1] ** 2
        fine = spread > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            move = np.stack(
                [
                    (moment[2] * pull[0] - moment[1] * pull[1]) / spread,
                    (moment[0] * pull[1] - moment[1] * pull[0]) / spread,
                ]
            )
        theta = theta + np.clip(np.where(fine, move, 0.0), -0.5, 0.5)
        done = fine & (np.abs(move).max(axis=0) < 1e-8)
        index[todo[done]] = 1 + theta[1][done] / 2
        left = fine & ~done
        todo, theta = todo[left], theta[:, left]
    return index
