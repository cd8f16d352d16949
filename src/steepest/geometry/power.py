"""The power family: geometries in which a synapse's change scales as its size to some power.

The geometry index a says to which: sd(change | size w) ~ |w|^a for small steps, because the
Hessian of the potential is |w|^-a. Index -1 is the 3-norm, 0 Euclid (gradient descent), 1/2 the
1.5-norm, 1 the negative entropy (multiplicative updates), 2 Burg's entropy (Itakura-Saito).
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import xlogy
from jaxtyping import Array, Float

from steepest.arrays.numbers import Coordinates, as_field, as_number, is_concrete, matched
from steepest.errors import DomainError
from steepest.geometry.domain import AbstractDomain, Box, Everywhere, Nonzero
from steepest.geometry.potential import AbstractPotential

__all__ = ["Entropy", "PNorm", "Power"]


def _check_sign(sign: Any, what: str) -> None:
    if is_concrete(sign) and not (np.abs(sign) == 1).all():
        raise DomainError(
            f"{what}: every sign is 1 or -1, not {sign}; a weight whose sign may change needs an "
            "index below 1, or HyperbolicEntropy"
        )


def _one_sign(sign: Any) -> Box:
    """The half line, closed at 0, on which a weight of this sign stays."""
    xp = np if is_concrete(sign) else jnp
    positive = xp.asarray(sign) > 0
    return Box(xp.where(positive, 0.0, -np.inf), xp.where(positive, np.inf, 0.0), inclusive=True)


class Power(AbstractPotential):
    """phi = |w|^(2-a) / ((1-a)(2-a)) with Hessian |w|^-a, for any geometry index a.

    For a < 1 weights of either sign share one dual axis. For a >= 1 they do not: `sign` (1, -1, or
    one per weight) says on which side of 0 each weight lives (Dale's law), and a weight at 0 never
    moves. At a = 1 the branch is |w| log|w| - |w|, at a = 2 it is -log|w|. Pogodin et al. 2024.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import Power
    >>> sizes = jnp.array([1.0, 4.0])
    >>> for index in (-1, 0, 1, 2):
    ...     Power(index).sharp(sizes, jnp.ones(2)).round(4).tolist()
    [1.0, 0.25]
    [1.0, 1.0]
    [1.0, 4.0]
    [1.0, 16.0]
    """

    index: float = eqx.field(converter=as_number, static=True)
    sign: np.ndarray = eqx.field(converter=as_field, default=1.0)

    def __check_init__(self) -> None:
        if not np.isfinite(self.index):
            raise DomainError(f"Power: the geometry index is a finite number, not {self.index}")
        _check_sign(self.sign, self.name)

    @property
    def domain(self) -> AbstractDomain:
        return Everywhere() if self.index < 1 else _one_sign(self.sign)

    @property
    def name(self) -> str:
        return "Entropy" if self.index == 1 else "Power"

    @property
    def _what(self) -> str:
        return self.name if self.index == 1 else f"Power(index={self.index:g})"

    def __repr__(self) -> str:
        plain = is_concrete(self.sign) and self.sign.ndim == 0 and self.sign == 1
        return f"Power({self.index:g}{'' if plain else f', sign={self.sign}'})"

    def _size(self, point: Coordinates) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
        """|w| and the sign of w."""
        point = self.domain.require(point, self._what)
        sign = (
            jnp.sign(point)
            if self.index < 1
            else jnp.broadcast_to(matched(self.sign, point, "Power: sign"), point.shape)
        )
        return jnp.abs(point), sign

    def __call__(self, point: Coordinates) -> Float[Array, ""]:
        size, _ = self._size(point)
        a = self.index
        if a == 1:
            return jnp.sum(xlogy(size, size) - size)
        if a == 2:
            return -jnp.sum(jnp.log(size))
        return jnp.sum(size ** (2 - a)) / ((1 - a) * (2 - a))

    def to_dual(self, point: Coordinates) -> Float[Array, "*n"]:
        size, sign = self._size(point)
        a = self.index
        return sign * (jnp.log(size) if a == 1 else size ** (1 - a) / (1 - a))

    def to_primal(self, dual: Coordinates) -> Float[Array, "*n"]:
        dual = jnp.asarray(dual)
        a = self.index
        if a < 1:
            return jnp.sign(dual) * ((1 - a) * jnp.abs(dual)) ** (1 / (1 - a))
        sign = matched(self.sign, dual, "Power: sign")
        if a == 1:
            return sign * jnp.exp(sign * dual)
        # For a > 1 the duals of one sign fill only a half line; past its end there is no weight.
        reach = Box(lower=0.0).require(
            (1 - a) * (sign * dual),
            f"Power(index={a:g}): the dual went past infinite weight (a smaller rate does not)",
        )
        return sign * reach ** (1 / (1 - a))

    def dual_change(self, before: Coordinates, after: Coordinates) -> Float[Array, "*n"]:
        """Continuous in the index, and without cancellation for small changes."""
        a = self.index
        start, sign = self._size(before)
        end, _ = self._size(after)
        log_ratio = jnp.log1p((end - start) / start)
        if a == 1:
            return sign * log_ratio
        together = (jnp.sign(jnp.asarray(before)) == jnp.sign(jnp.asarray(after))) & (start > 0)
        smooth = sign * start ** (1 - a) * jnp.expm1((1 - a) * log_ratio) / (1 - a)
        return jnp.where(together, smooth, self.to_dual(after) - self.to_dual(before))

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        if self.index > 0:
            point = Nonzero().require(point, f"flat of {self._what}")
        size, _ = self._size(point)
        # Division at index 1: exact to a rounding, which a power of -1 is not everywhere.
        vector = jnp.asarray(vector)
        return vector / size if self.index == 1 else vector * size**-self.index

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        if self.index < 0:
            point = Nonzero().require(point, f"sharp of {self._what}")
        size, _ = self._size(point)
        return jnp.asarray(covector) * (size if self.index == 1 else size**self.index)


class PNorm(AbstractPotential):
    """phi = |w|^p / p, p > 1: the p-norm's potential, with geometry index 2 - p.

    >>> import jax.numpy as jnp
    >>> from steepest.geometry import PNorm
    >>> PNorm(3).index, PNorm(3).to_dual(jnp.array([2.0, -3.0])).tolist()
    (-1.0, [4.0, -9.0])
    """

    p: float = eqx.field(converter=as_number, static=True)

    def __check_init__(self) -> None:
        if not (1 < self.p < np.inf):
            raise DomainError(
                f"PNorm: p is a finite number above 1, not {self.p:g}; for p = 1 use Entropy"
            )

    @property
    def index(self) -> float:
        """The geometry index a = 2 - p."""
        return 2 - self.p

    def __call__(self, point: Coordinates) -> Float[Array, ""]:
        return jnp.sum(jnp.abs(point) ** self.p) / self.p

    def to_dual(self, point: Coordinates) -> Float[Array, "*n"]:
        point = jnp.asarray(point)
        return jnp.sign(point) * jnp.abs(point) ** (self.p - 1)

    def to_primal(self, dual: Coordinates) -> Float[Array, "*n"]:
        dual = jnp.asarray(dual)
        return jnp.sign(dual) * jnp.abs(dual) ** (1 / (self.p - 1))

    def dual_change(self, before: Coordinates, after: Coordinates) -> Float[Array, "*n"]:
        return (self.p - 1) * Power(self.index).dual_change(before, after)

    def flat(self, point: Coordinates, vector: Coordinates) -> Float[Array, "*n"]:
        return (self.p - 1) * Power(self.index).flat(point, vector)

    def sharp(self, point: Coordinates, covector: Coordinates) -> Float[Array, "*n"]:
        return Power(self.index).sharp(point, covector) / (self.p - 1)


def Entropy(sign: Any = 1.0) -> Power:
    """The negative entropy |w| log|w| - |w|, a name for `Power(1, sign)`: multiplicative updates.

    `sign` (1, -1, or one per weight) is the side of 0 on which each weight stays; one at 0 never
    moves.

    >>> import jax.numpy as jnp
    >>> from steepest.descent import mirror_step
    >>> from steepest.geometry import Entropy
    >>> Entropy()
    Power(1)
    >>> stepped = mirror_step(Entropy(), jnp.ones(2), jnp.array([1.0, -1.0]), 0.1)
    >>> [round(float(x), 4) for x in stepped]
    [0.9048, 1.1052]
    """
    return Power(1.0, sign)
