"""Symmetric positive definite systems: what is wrong with a matrix, and its exact solve."""

import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_solve
from jaxtyping import Array, Float

from steepest.errors import MetricError, PrecisionError

__all__ = ["LARGEST_CONDITION", "check_spd", "require_double", "solve"]

LARGEST_CONDITION = 1e12
ASYMMETRY = 1e-10  # relative to the largest entry: what rounding leaves of a symmetric formula


def require_double(point: Array, what: str) -> None:
    """Raise a `PrecisionError` unless the point is float64: a dense solve needs its digits."""
    if point.dtype != jnp.float64:
        raise PrecisionError(
            f"{what} solves a dense linear system and needs float64, but the point is "
            f"{point.dtype}; call it inside `with jax.enable_x64(True):` with float64 arrays"
        )


def check_spd(matrix: np.ndarray, point: np.ndarray | None, what: str) -> None:
    """Raise a `MetricError` that names what keeps a matrix from being a metric, and where.

    >>> import numpy as np
    >>> from steepest.arrays.dense import check_spd
    >>> from steepest.errors import MetricError
    >>> try:
    ...     check_spd(np.diag([1.0, -2.0]), None, "G")
    ... except MetricError as error:
    ...     print(error)
    G: the matrix is not positive definite: its smallest eigenvalue is -2, along [0. 1.]
    """
    place = "" if point is None else f" at {np.array2string(point, precision=6)}"
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.size == 0:
        raise MetricError(f"{what}: a metric's matrix is square, not of shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        i, j = np.argwhere(~np.isfinite(matrix))[0]
        raise MetricError(f"{what}: entry ({i}, {j}) of the matrix is {matrix[i, j]}{place}")
    difference = np.abs(matrix - matrix.T)
    if difference.max(initial=0.0) > ASYMMETRY * np.abs(matrix).max(initial=0.0):
        i, j = np.unravel_index(difference.argmax(), difference.shape)
        raise MetricError(
            f"{what}: the matrix is not symmetric{place}: entry ({i}, {j}) is {matrix[i, j]:.6g} "
            f"but ({j}, {i}) is {matrix[j, i]:.6g}; a metric needs (G + G')/2"
        )
    eigenvalues, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    smallest, largest = eigenvalues[0], eigenvalues[-1]
    direction = np.array2string(vectors[:, 0] * np.sign(vectors[:, 0].sum() or 1.0), precision=4)
    if smallest <= 0 and abs(smallest) > largest / LARGEST_CONDITION:
        raise MetricError(
            f"{what}: the matrix is not positive definite{place}: its smallest eigenvalue is "
            f"{smallest:.6g}, along {direction}"
        )
    if smallest <= largest / LARGEST_CONDITION:
        raise MetricError(
            f"{what}: the matrix is singular{place}: its smallest eigenvalue is {smallest:.6g} "
            f"beside {largest:.6g}, a condition number past {LARGEST_CONDITION:.0e}; remove the "
            f"direction it does not measure, {direction}, or add to the metric what makes that "
            "direction costly"
        )


def solve(matrix: Float[Array, "n n"], covector: Float[Array, " n"]) -> Float[Array, " n"]:
    """G^-1 p by Cholesky; NaN under jit where G is not symmetric positive definite.

    >>> import jax.numpy as jnp
    >>> from steepest.arrays.dense import solve
    >>> solve(jnp.diag(jnp.array([2.0, 4.0])), jnp.array([2.0, 2.0])).round(4).tolist()
    [1.0, 0.5]
    """
    symmetric = (matrix + matrix.T) / 2
    lower = jnp.linalg.cholesky(symmetric)
    diagonal = jnp.diagonal(lower)
    # A lower bound of the condition number: cheap, and enough to notice a collapse in flight.
    sound = (jnp.max(diagonal) <= np.sqrt(LARGEST_CONDITION) * jnp.min(diagonal)) & (
        jnp.max(jnp.abs(matrix - matrix.T)) <= ASYMMETRY * jnp.max(jnp.abs(matrix))
    )
    return jnp.where(sound, cho_solve((lower, True), covector), jnp.nan)
