"""Charts: other coordinates for the same points, and the metric seen through them."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.numbers import (
    Coordinates,
    as_coordinates,
    as_field,
    floating,
    is_concrete,
    like,
    matched,
)
from steepest.errors import ChartError
from steepest.geometry.domain import AbstractDomain, Preimage
from steepest.geometry.metric import AbstractMetric

__all__ = [
    "AbstractChart",
    "Attenuation",
    "Composed",
    "Elementwise",
    "Identity",
    "Linear",
    "Pullback",
    "Scaling",
]


class AbstractChart(eqx.Module):
    """An invertible, smooth change of coordinates: point -> coordinates.

    With J the Jacobian at the point, vectors are pushed to the coordinates by J and covectors
    pulled from them by J'; a subclass defines the map and its inverse.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import AbstractChart
    >>> class Log(AbstractChart):
    ...     def __call__(self, point):
    ...         return jnp.log(point)
    ...     def inverse(self, coordinates):
    ...         return jnp.exp(coordinates)
    >>> Log().push(jnp.array([2.0]), jnp.array([1.0])).tolist()
    [0.5]
    """

    @abstractmethod
    def __call__(self, point: Coordinates) -> Float[Array, "*n"]:
        """The point's coordinates in this chart."""

    @abstractmethod
    def inverse(self, coordinates: Coordinates) -> Float[Array, "*n"]:
        """The point that has these coordinates."""

    def push(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        """J v: a vector at the point, seen in the coordinates."""
        return jax.jvp(self, (jnp.asarray(point),), (jnp.asarray(vector),))[1]

    def pull(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        """J' q: a covector given in the coordinates, seen at the point."""
        return jax.vjp(self, jnp.asarray(point))[1](jnp.asarray(covector))[0]

    def push_back(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        """J^-1 u: a vector given in the coordinates, seen at the point."""
        return jax.jvp(self.inverse, (self(point),), (jnp.asarray(vector),))[1]

    def pull_back(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        """J'^-1 p: a covector at the point, seen in the coordinates."""
        return jax.vjp(self.inverse, self(point))[1](jnp.asarray(covector))[0]

    def misses(self, point: Coordinates) -> Float[Array, "*n"]:
        """How far the inverse misses each coordinate of a point, relative to its largest one."""
        point = jnp.asarray(point)
        scale = jnp.max(jnp.abs(point), initial=0.0) + jnp.finfo(point.dtype).tiny
        return jnp.abs(self.inverse(self(point)) - point) / scale

    def check(self, point: Any) -> None:
        """Raise a `ChartError` if the inverse does not bring a concrete point back.

        The round trip may miss by the square root of the precision, relative to the point.
        """
        point = as_coordinates(point, "the point")
        error = np.asarray(self.misses(point))
        if not (error <= _allowed(point)).all():
            where = int(np.argmax(np.where(np.isnan(error), np.inf, error)))
            back = self.inverse(self(point))
            raise ChartError(
                f"{type(self).__name__}: the inverse does not invert the chart at "
                f"{np.asarray(point)}: coordinate {where} comes back as "
                f"{np.asarray(back).flat[where]:.6g} instead of "
                f"{np.asarray(point).flat[where]:.6g}; correct the inverse, or move the point into "
                "the chart's domain"
            )


def _allowed(point: Array) -> float:
    return float(jnp.finfo(point.dtype).eps) ** 0.5


class Identity(AbstractChart):
    """The coordinates that the point already has.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Identity
    >>> Identity()(jnp.array([1.0, 2.0])).tolist()
    [1.0, 2.0]
    """

    def __call__(self, point: Coordinates) -> Float[Array, "*n"]:
        return jnp.asarray(point)

    def inverse(self, coordinates: Coordinates) -> Float[Array, "*n"]:
        return jnp.asarray(coordinates)


class Linear(AbstractChart):
    """Coordinates y = A x with an invertible matrix A (n, n).

    Raises `ChartError` where it is made if A is not invertible (condition number past 1e12).

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Linear
    >>> Linear([[1.0, 1.0], [0.0, 1.0]])(jnp.array([1.0, 2.0])).tolist()
    [3.0, 2.0]
    """

    matrix: np.ndarray = eqx.field(converter=as_field)

    def __check_init__(self) -> None:
        if is_concrete(self.matrix):
            shape = self.matrix.shape
            if len(shape) != 2 or shape[0] != shape[1]:
                raise ChartError(f"Linear: the matrix is square, not of shape {shape}")
            if not np.isfinite(self.matrix).all() or np.linalg.cond(self.matrix) > 1e12:
                raise ChartError(
                    "Linear: the matrix is not finite or not invertible "
                    f"(singular values {np.linalg.svd(self.matrix, compute_uv=False)})"
                    if np.isfinite(self.matrix).all()
                    else "Linear: the matrix has entries that are not finite"
                )

    def __call__(self, point: Coordinates) -> Float[Array, "*n"]:
        point = jnp.asarray(point)
        return like(self.matrix, point) @ point

    def inverse(self, coordinates: Coordinates) -> Float[Array, "*n"]:
        coordinates = jnp.asarray(coordinates)
        return jnp.linalg.solve(like(self.matrix, coordinates), coordinates)


class Elementwise(AbstractChart):
    """Coordinates y_i = function(x_i), with the inverse function given; both in jax.numpy.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Elementwise
    >>> Elementwise(jnp.square, jnp.sqrt).inverse(jnp.array([4.0, 9.0])).tolist()
    [2.0, 3.0]
    """

    function: Callable[[Any], Any]
    inverse_function: Callable[[Any], Any]

    def __call__(self, point: Coordinates) -> Float[Array, "*n"]:
        return self.function(jnp.asarray(point))

    def inverse(self, coordinates: Coordinates) -> Float[Array, "*n"]:
        return self.inverse_function(jnp.asarray(coordinates))


class Scaling(AbstractChart):
    """Coordinates y_i = factors_i x_i: a change of unit. Raises `ChartError` for a factor of 0.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Scaling
    >>> Scaling([1000.0, 1.0])(jnp.array([0.5, 2.0])).tolist()
    [500.0, 2.0]
    """

    factors: np.ndarray = eqx.field(converter=as_field)

    def __check_init__(self) -> None:
        if is_concrete(self.factors) and not (
            np.isfinite(self.factors).all() and (self.factors != 0).all()
        ):
            raise ChartError(f"Scaling: factors are finite and not 0, not {self.factors}")

    def __call__(self, point: Coordinates) -> Float[Array, "*n"]:
        point = jnp.asarray(point)
        return matched(self.factors, point, f"{type(self).__name__}: factors") * point

    def inverse(self, coordinates: Coordinates) -> Float[Array, "*n"]:
        coordinates = jnp.asarray(coordinates)
        return coordinates / matched(self.factors, coordinates, f"{type(self).__name__}: factors")


class Attenuation(AbstractChart):
    """Somatic weights of dendritic ones: w_i exp(-distance_i / length), both lengths in um.

    Other attenuation profiles are a `Scaling` (d0/(d0 + d), say) or, where attenuation depends on
    the weight itself, an `Elementwise`. Kreutzer et al. 2022, Fig 4.

    >>> from steepest.geometry import Attenuation
    >>> Attenuation([0.0, 200.0]).factors.round(4).tolist()
    [1.0, 0.3679]
    """

    distance: np.ndarray = eqx.field(converter=as_field)
    length: np.ndarray = eqx.field(converter=as_field, default=200.0)

    def __check_init__(self) -> None:
        if is_concrete(self.distance, self.length) and not (
            np.isfinite(self.distance).all() and (self.length > 0).all()
        ):
            raise ChartError(
                f"Attenuation: distances are finite and the length positive, not {self.distance} "
                f"and {self.length}"
            )

    @property
    def factors(self) -> Any:
        """exp(-distance / length) of each synapse; NumPy unless the chart is being transformed."""
        xp = np if is_concrete(self.distance, self.length) else jnp
        return xp.exp(-self.distance / self.length)

    def __call__(self, point: Coordinates) -> Float[Array, "*n"]:
        point = jnp.asarray(point)
        return point * matched(self.factors, point, f"{type(self).__name__}: factors")

    def inverse(self, coordinates: Coordinates) -> Float[Array, "*n"]:
        coordinates = jnp.asarray(coordinates)
        return coordinates / matched(self.factors, coordinates, f"{type(self).__name__}: factors")


class Composed(AbstractChart):
    """One chart after another: y = then(first(x)).

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Composed, Elementwise, Scaling
    >>> Composed(Scaling([2.0]), Elementwise(jnp.square, jnp.sqrt))(jnp.array([3.0])).tolist()
    [36.0]
    """

    first: AbstractChart
    then: AbstractChart

    def __call__(self, point: Coordinates) -> Float[Array, "*n"]:
        return self.then(self.first(point))

    def inverse(self, coordinates: Coordinates) -> Float[Array, "*n"]:
        return self.first.inverse(self.then.inverse(coordinates))


class Pullback(AbstractMetric):
    """A metric known in a chart's coordinates, seen at the point: G = J' G~(chart(point)) J.

    This is the transformation rule below Surace et al. 2020, Eq 4. As cheap as the metric and
    the chart themselves: no matrix is formed.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Euclidean, Pullback, Scaling
    >>> metric = Pullback(Euclidean(), Scaling([10.0, 1.0]))
    >>> metric.flat(jnp.ones(2), jnp.ones(2)).tolist()
    [100.0, 1.0]
    """

    metric: AbstractMetric
    chart: AbstractChart

    @property
    def domain(self) -> AbstractDomain:
        return Preimage(self.metric.domain, self.chart)

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        point = self._in_chart(point)
        lowered = self.metric.flat(self.chart(point), self.chart.push(point, vector))
        return self.chart.pull(point, lowered) + self._doubt(point)

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        point = self._in_chart(point)
        seen = self.chart.pull_back(point, covector)
        raised = self.metric.sharp(self.chart(point), seen)
        return self.chart.push_back(point, raised) + self._doubt(point)

    def logarithm(
        self, point: Float[Array, " n"], other: Float[Array, " n"]
    ) -> Float[Array, " n"] | None:
        seen = self.metric.logarithm(self.chart(point), self.chart(other))
        return None if seen is None else self.chart.push_back(point, seen)

    def _in_chart(self, point: Coordinates) -> Float[Array, "*n"]:
        point = jnp.asarray(point)
        point = point.astype(floating(point.dtype))
        if is_concrete(point):
            self.chart.check(point)
        return point

    def _doubt(self, point: Float[Array, "*n"]) -> Float[Array, ""]:
        """0, or in jit NaN where the chart's inverse does not bring the point back."""
        if is_concrete(point):
            return like(0, point)  # `_in_chart` has refused what does not come back
        sound = (self.chart.misses(point) <= _allowed(point)).all()
        return jnp.where(sound, like(0, point), like(jnp.nan, point))

    def check(self, point: Any) -> None:
        self.chart.check(point)
        self.metric.check(self.chart(as_coordinates(point, "the point")))
        super().check(point)
