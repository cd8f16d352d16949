"""A metric made to measure: all metrics in which a given field descends a given cost.

Where u = -v and p = dC have <p, u> > 0, all of them are G = Pi' B Pi + p p'/<p, u> with
Pi = I - u p'/<p, u> and any symmetric positive definite B: n(n-1)/2 numbers stay free, and the
least anisotropic metric is one way to choose. Surace et al. 2020, "On choosing a metric".
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.dense import solve
from steepest.arrays.given import real_numbers
from steepest.arrays.numbers import Numbers
from steepest.errors import DataError, MetricError
from steepest.geometry.metric import AbstractMetric

__all__ = [
    "LeastAnisotropic",
    "least_anisotropic_matrix",
    "linear_flow_metric",
    "tailored_matrix",
]


def tailored_matrix(
    velocity: Float[Array, " n"],
    covector: Float[Array, " n"],
    free: Float[Array, "n n"] | None = None,
) -> Float[Array, "n n"]:
    """The metric's matrix with v = -G^-1 p that the free part B (n, n) singles out: a kernel.

    Every solution has this form, with B = G itself: one update fixes G along itself and says
    nothing of the lengths of the eigenvectors across it. So B is free, and unit lengths (B = I)
    are no better founded than others. Without `free` the answer is the member of least condition
    number whose remaining eigenvalues are one number, alpha = |p|^2/(p.u): `RankTwo` in O(n). NaN
    where the velocity does not descend the cost, p v >= 0: no metric exists there.

    >>> v, p = jnp.array([-1.0, 0.0]), jnp.array([2.0, 0.0])
    >>> tailored_matrix(v, p, jnp.eye(2)).tolist()
    [[2.0, 0.0], [0.0, 1.0]]
    >>> tailored_matrix(v, p).tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """
    u, p = -velocity, covector
    rate = jnp.where(p @ u > 0, p @ u, jnp.nan)
    identity = jnp.eye(len(u), dtype=u.dtype)
    if free is None:
        across = (p @ p / rate) * (identity - jnp.outer(u, u) / (u @ u))
    else:
        project = identity - jnp.outer(u, p) / rate
        across = project.T @ free @ project
    return across + jnp.outer(p, p) / rate


def least_anisotropic_matrix(
    velocity: Float[Array, " n"], covector: Float[Array, " n"]
) -> Float[Array, "n n"]:
    """The matrix of least condition number with v = -G^-1 p: a kernel.

    With alpha the angle between -v and p the condition number is (1 + sin alpha)/(1 - sin alpha),
    which is least; the extreme eigenvectors stand at 45 degrees to their bisector. NaN where
    p v >= 0.

    >>> v, p = jnp.array([-1.0, 0.0]), jnp.array([2.0, 0.0])
    >>> least_anisotropic_matrix(v, p).tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """
    u, p = -velocity, covector
    size = jnp.linalg.norm(p) / jnp.linalg.norm(u)
    left, right = u / jnp.linalg.norm(u), p / jnp.linalg.norm(p)
    cosine = jnp.where(left @ right > 0, left @ right, jnp.nan)
    half, other = left + right, right - left
    s = half / jnp.linalg.norm(half)
    length = jnp.linalg.norm(other)
    d = jnp.where(length > 0, other / jnp.where(length > 0, length, 1.0), 0.0)
    # G maps u to p. In the orthonormal s (the bisector) and d, G/size is [[a, b], [b, a]], with
    # eigenvalues a + b and a - b = 1/(a + b) at 45 degrees to s; off their plane it is 1.
    sine = jnp.linalg.norm(half) * length / 2
    a, b = 1 / cosine, sine / cosine
    identity = jnp.eye(len(u), dtype=u.dtype)
    plane = (a - 1) * (jnp.outer(s, s) + jnp.outer(d, d)) + b * (jnp.outer(s, d) + jnp.outer(d, s))
    return size * (identity + plane)


class LeastAnisotropic(AbstractMetric):
    """The metric of least anisotropy in which a field is steepest descent on a cost.

    `cost`: point -> scalar, `field`: point -> velocity (n,), both in jax.numpy. Undefined where
    the field does not descend the cost, at the minimum among others (`MetricError`, which says
    so; NaN under jit). It is smooth elsewhere, but need not have a limit at the minimum: see
    `find_obstruction`.

    >>> metric = LeastAnisotropic(lambda x: jnp.sum(x**2), lambda x: -x)
    >>> metric.matrix([1.0, 0.0]).tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """

    cost: Callable[[Any], Any]
    field: Callable[[Any], Any]

    def matrix(self, point: Any) -> Float[Array, "n n"]:
        x = jnp.asarray(point)
        return least_anisotropic_matrix(self.field(x), jax.jacfwd(self.cost)(x))

    def flat(self, point: Any, vector: Any) -> Float[Array, " n"]:
        return self.matrix(point) @ jnp.asarray(vector)

    def sharp(self, point: Any, covector: Any) -> Float[Array, " n"]:
        return solve(self.matrix(point), jnp.asarray(covector))

    def check(self, point: Any) -> None:
        x = jnp.asarray(point)
        slope = float(self.field(x) @ jax.jacfwd(self.cost)(x))
        if not slope < 0:
            raise MetricError(
                f"LeastAnisotropic: at {np.asarray(x)} the cost changes at rate {slope:.6g} along "
                "the field; no metric makes a field that does not descend the cost its steepest "
                "descent"
            )


def linear_flow_metric(matrix: Numbers) -> Float[np.ndarray, "n n"]:
    """A constant metric in which v = -A x is steepest descent: G = (P P')^-1 with A = P D P^-1.

    The cost is x' G A x / 2. The eigenvectors in P have unit length here; their lengths are free,
    and every choice is a metric with the same flow. Raises `MetricError` where A (n, n) has complex
    eigenvalues or is not diagonalisable: then no metric that is continuous at 0 does it, whatever
    the cost.

    >>> linear_flow_metric([[2.0, 1.0], [0.0, 1.0]]).round(6)
    array([[1., 1.],
           [1., 3.]])
    """
    A = real_numbers(matrix, "linear_flow_metric: A", error=DataError)
    if A.ndim != 2 or A.shape[0] != A.shape[1] or not np.isfinite(A).all():
        raise MetricError(f"linear_flow_metric: A is square and finite, not of shape {A.shape}")
    values, vectors = (np.asarray(x, dtype=np.complex128) for x in np.linalg.eig(A))
    if np.abs(values.imag).max() > 1e-9 * np.abs(values).max():
        raise MetricError(
            f"linear_flow_metric: A has complex eigenvalues, {values}: the flow spirals, which "
            "steepest descent in a continuous metric never does at a minimum"
        )
    if np.linalg.cond(vectors) > 1e7:
        raise MetricError(
            f"linear_flow_metric: A is not diagonalisable (eigenvalues {values.real}): no metric "
            "makes its flow steepest descent"
        )
    vectors = vectors.real
    inverse = np.linalg.inv(vectors @ vectors.T)
    return (inverse + inverse.T) / 2
