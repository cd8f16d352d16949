"""Steepest descent in lengths that are not quadratic: p-norms, the spectral norm.

`sharp` of a norm is no linear map, but the same sentence holds: it is the direction that climbs
fastest per unit length, times that slope. For a norm |v| with dual norm |p|* it is the gradient of
|p|*^2 / 2, so that dC(v) = -(|p|*)^2 along v = -sharp(p).
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.numbers import Coordinates, as_number, is_concrete
from steepest.errors import MetricError
from steepest.geometry.chart import AbstractChart
from steepest.geometry.directions import AbstractGeometry

__all__ = ["AbstractNorm", "DualPower", "NormPullback", "Spectral"]


class AbstractNorm(AbstractGeometry):
    """A length of vectors at a point, as the map from covectors to steepest vectors.

    To add one, define `norm` and `sharp`, the gradient of half the squared dual norm; `dual_norm`
    follows, and a closed form that overrides it must equal it.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import AbstractNorm
    >>> class Largest(AbstractNorm):  # no coordinate moves by more than 1
    ...     def norm(self, point, vector):
    ...         return jnp.max(jnp.abs(vector))
    ...     def sharp(self, point, covector):
    ...         return jnp.sum(jnp.abs(covector)) * jnp.sign(covector)
    >>> Largest().sharp(jnp.zeros(2), jnp.array([1.0, -3.0])).tolist()
    [4.0, -4.0]
    """


class DualPower(AbstractNorm):
    """Steepest descent in the norm whose dual is the Q-norm, 1 < Q < inf.

    sharp_i = |p|_Q^(2-Q) |p_i|^(Q-1) sign p_i; lengths are measured by the P-norm, 1/P + 1/Q = 1.
    Q = 2 is Euclid, Q -> 1 moves all coordinates alike (sign descent), a large Q only the one with
    the largest slope. Belongs to its coordinates, as `Euclidean` does: use `NormPullback` to say
    to which.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import DualPower
    >>> DualPower(3.0).sharp(jnp.zeros(2), jnp.array([1.0, 0.0])).tolist()
    [1.0, 0.0]
    """

    exponent: float = eqx.field(static=True, converter=as_number)

    def __check_init__(self) -> None:
        if not 1 < self.exponent < np.inf:
            raise MetricError(
                f"DualPower: the dual exponent is between 1 and infinity, not {self.exponent:g}"
            )

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        covector = jnp.asarray(covector)
        size = _scaled_norm(covector, self.exponent)
        shares = jnp.abs(covector) / jnp.where(size > 0, size, 1)
        return size * jnp.sign(covector) * shares ** (self.exponent - 1)

    def norm(self, point: Coordinates, vector: Coordinates) -> Float[Array, ""]:
        return _scaled_norm(jnp.asarray(vector), self.exponent / (self.exponent - 1))

    def dual_norm(self, point: Coordinates, covector: Coordinates) -> Float[Array, ""]:
        return _scaled_norm(jnp.asarray(covector), self.exponent)


def _scaled_norm(values: Array, exponent: float) -> Array:
    """(sum |x|^e)^(1/e), without overflow for large exponents."""
    largest = jnp.max(jnp.abs(values), initial=0.0)
    scale = jnp.where(largest > 0, largest, 1)
    return scale * jnp.sum((jnp.abs(values) / scale) ** exponent) ** (1 / exponent)


class Spectral(AbstractNorm):
    """Steepest descent of a weight matrix (a, b) in the spectral norm: sharp P = |P|_nuc U V'.

    P = U s V' is the covector's singular value decomposition. Points are matrices, or their
    entries in a row of length a b when `shape` is given. Unchanged by rotations of inputs and of
    outputs; not by other charts. Raises `MetricError` where P is no matrix.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Spectral
    >>> Spectral().sharp(jnp.zeros((2, 2)), jnp.diag(jnp.array([3.0, 1.0]))).round(4).tolist()
    [[4.0, 0.0], [0.0, 4.0]]
    """

    shape: tuple[int, int] | None = eqx.field(static=True, default=None)

    def _matrix(self, array: Coordinates) -> Array:
        matrix = jnp.asarray(array)
        if self.shape is not None:
            matrix = matrix.reshape(self.shape)
        if matrix.ndim != 2:
            raise MetricError(
                f"Spectral: points are matrices (a, b), not of shape {matrix.shape}; give "
                "`shape=(a, b)` for matrices written as one row"
            )
        return matrix

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        left, values, right = jnp.linalg.svd(self._matrix(covector), full_matrices=False)
        # Directions without slope do not move: U V' is defined on the range of P alone.
        eps = jnp.finfo(values.dtype).eps
        moved = (values > eps * max(left.shape[0], right.shape[1]) * values[0]).astype(values.dtype)
        steepest = jnp.sum(values) * (left * moved[None, :]) @ right
        return steepest.reshape(jnp.asarray(covector).shape)

    def norm(self, point: Coordinates, vector: Coordinates) -> Float[Array, ""]:
        return jnp.linalg.svd(self._matrix(vector), compute_uv=False)[0]

    def dual_norm(self, point: Coordinates, covector: Coordinates) -> Float[Array, ""]:
        return jnp.sum(jnp.linalg.svd(self._matrix(covector), compute_uv=False))


class NormPullback(AbstractNorm):
    """A norm known in a chart's coordinates, seen at the point: the length of J v there.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import DualPower, NormPullback, Scaling
    >>> norm = NormPullback(DualPower(2.0), Scaling([10.0, 1.0]))
    >>> float(norm.norm(jnp.zeros(2), jnp.array([1.0, 0.0])))
    10.0
    """

    seen: AbstractNorm
    chart: AbstractChart

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        if is_concrete(point):
            self.chart.check(point)
        raised = self.seen.sharp(self.chart(point), self.chart.pull_back(point, covector))
        return self.chart.push_back(point, raised)

    def norm(self, point: Coordinates, vector: Coordinates) -> Float[Array, ""]:
        return self.seen.norm(self.chart(point), self.chart.push(point, vector))

    def dual_norm(self, point: Coordinates, covector: Coordinates) -> Float[Array, ""]:
        return self.seen.dual_norm(self.chart(point), self.chart.pull_back(point, covector))
