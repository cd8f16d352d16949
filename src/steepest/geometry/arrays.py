"""Array types of the kernels, and how a field joins a point's precision."""

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

__all__ = ["Coordinates", "Matrix", "Scalar", "as_field", "is_concrete", "like"]

# One point, vector, covector or dual: any shape, since elementwise geometries serve weight
# matrices too; geometries with a matrix need one axis.
Coordinates: TypeAlias = Float[Array, "*n"] | Float[np.ndarray, "*n"]
Matrix: TypeAlias = Float[Array, "n n"] | Float[np.ndarray, "n n"]
Scalar: TypeAlias = Float[Array, ""] | Float[np.ndarray, ""] | Bool[Array, ""]


def as_field(value: Any) -> Any:
    """A number or array as a NumPy float64 field; a tracer is left as it is."""
    return value if isinstance(value, jax.core.Tracer) else np.asarray(value, dtype=np.float64)


def like(value: Any, point: Any) -> Array:
    """`value` as an array of the point's dtype, so that float32 points stay float32."""
    return jnp.asarray(value, dtype=point.dtype)


def is_concrete(*values: Any) -> bool:
    """Whether these are numbers that can be looked at, not tracers of jit, vmap or grad."""
    return not any(isinstance(value, jax.core.Tracer) for value in values)
