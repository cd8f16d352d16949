"""Array types of the kernels, and how a field joins a point's precision."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from steepest.arrays.given import real_numbers
from steepest.errors import UsageError

__all__ = [
    "Coordinates",
    "Numbers",
    "as_coordinates",
    "as_field",
    "as_number",
    "as_numbers",
    "floating",
    "is_concrete",
    "lengthened",
    "like",
    "matched",
]

# One point, vector, covector or dual: any shape, since elementwise geometries serve weight
# matrices too; geometries with a matrix need one axis.
Coordinates: TypeAlias = Float[Array, "*n"] | Float[np.ndarray, "*n"]

if TYPE_CHECKING:
    Numbers: TypeAlias = ArrayLike | int | float
else:

    class _Convertible(type):
        def __instancecheck__(cls, value: Any) -> bool:
            known = isinstance(value, int | float | complex | Sequence | memoryview | np.generic)
            return known or hasattr(value, "__array__") or isinstance(value, Tracer)

    class Numbers(metaclass=_Convertible):
        """What entry points take: lists, NumPy or JAX arrays, data frames, single numbers.

        A class, so that signatures print its name and not the twenty types that NumPy converts.

        >>> from steepest.arrays.numbers import Numbers
        >>> isinstance([1.0, 2.0], Numbers), isinstance(None, Numbers)
        (True, False)
        """


def as_field(value: Any) -> Any:
    """A number or array as a NumPy float64 field; a tracer is left as it is.

    Raises `UsageError` for what is not real numbers, texts and truth values included.

    >>> from steepest.arrays.numbers import as_field
    >>> as_field(2).dtype.name
    'float64'
    """
    return value if isinstance(value, Tracer) else real_numbers(value, "a parameter")


def as_numbers(values: Any, what: str, *, empty: bool = False) -> Float[np.ndarray, "..."]:
    """What a user gave as NumPy float64; raises `UsageError`, naming it, for what is not real.

    >>> from steepest.arrays.numbers import as_numbers
    >>> as_numbers([1, 2], "sizes").tolist()
    [1.0, 2.0]
    """
    return real_numbers(values, what, empty=empty)


def as_coordinates(values: Any, what: str) -> Array:
    """A point, vector or covector as a JAX array of its own dtype, in or out of jit.

    Raises `UsageError`, naming it, for complex numbers, truth values, masked entries and texts:
    JAX would compute with them, or with what lies under a mask.

    >>> from steepest.arrays.numbers import as_coordinates
    >>> as_coordinates([1.0, 2.0], "point").tolist()
    [1.0, 2.0]
    """
    if not isinstance(values, jax.Array):
        numbers = real_numbers(values, what)
        values = np.asarray(values)
        return jnp.asarray(values if values.dtype.kind in "fiu" else numbers)
    if values.dtype.kind in "cb":
        real_numbers(np.zeros(1, values.dtype), what)
    return values


def as_number(value: Any) -> float:
    """One real number as a float. Raises `UsageError` for anything else, texts included.

    >>> from steepest.arrays.numbers import as_number
    >>> as_number(2)
    2.0
    """
    number = real_numbers(value, "a parameter")
    if number.ndim:
        raise UsageError(f"a parameter: give one number, not an array of shape {number.shape}")
    return float(number)


def like(value: Any, point: Any) -> Array:
    """`value` as an array of the point's floating dtype, so that float32 points stay float32.

    >>> import jax.numpy as jnp
    >>> from steepest.arrays.numbers import like
    >>> like(2, jnp.ones(2, jnp.float32)).dtype.name
    'float32'
    """
    return jnp.asarray(value, dtype=floating(point.dtype))


def matched(value: Any, point: Any, what: str) -> Array:
    """`like`, of one number or one for each coordinate; a single one in an array is no default.

    Raises `UsageError`, naming it, for an array of another length: it would be stretched.

    >>> import jax.numpy as jnp
    >>> from steepest.arrays.numbers import matched
    >>> matched([2.0, 3.0], jnp.ones(2), "factors").tolist()
    [2.0, 3.0]
    """
    field = like(value, point)
    if field.ndim and field.shape != point.shape[point.ndim - field.ndim :]:
        raise UsageError(
            f"{what} of shape {field.shape} for coordinates of shape {point.shape}: give one "
            "number, or one for each coordinate"
        )
    return field


def floating(dtype: Any) -> Any:
    """The dtype itself if it is a floating one, else the default: integers become numbers."""
    known = jnp.issubdtype(dtype, jnp.floating)
    return dtype if known else jax.dtypes.canonicalize_dtype(np.float64)


def is_concrete(*values: Any) -> bool:
    """Whether these are numbers that can be looked at, not tracers of jit, vmap or grad."""
    return not any(isinstance(value, Tracer) for value in values)


def lengthened(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " m"]:
    """Values (n,) followed by copies of the last, to a power of two: few shapes to compile for.

    >>> import numpy as np
    >>> from steepest.arrays.numbers import lengthened
    >>> lengthened(np.array([1.0, 2.0, 3.0])).tolist()
    [1.0, 2.0, 3.0, 3.0]
    """
    length = 1 << max(values.size - 1, 0).bit_length()
    return np.pad(values, (0, length - values.size), mode="edge") if values.size else values
