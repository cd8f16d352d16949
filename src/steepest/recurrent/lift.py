"""Inputs carried into more dimensions, and the connectivity that never becomes an n x n matrix.

A network of n units plays flows of n dimensions; low-dimensional, temporally rich inputs must be
lifted first (Galtier & Wainrib 2013, "Learning the dynamics").
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from steepest.arrays.given import real_numbers
from steepest.arrays.numbers import Numbers
from steepest.errors import DataError, UsageError
from steepest.recurrent.inputs import Inputs
from steepest.recurrent.modes import inverse_modes, rates_and_target
from steepest.recurrent.network import AbstractAdditive

__all__ = ["AffineLift", "BoxCode", "DualWeights", "fit_dual", "lifted"]


@dataclass(frozen=True, eq=False)
class BoxCode:
    """One unit per box of a grid over phase space: the unit of the nearest node has activity 1.

    `nodes[d]` (k,) are the nodes of dimension d, the first and last at the extremes of the data
    (node-centred: with boxes between the extremes instead, Fig 5's counts differ). Unit numbers
    run over the grid with the last dimension fastest.

    >>> code = BoxCode.over([[0.0, 0.0], [1.0, 2.0]], k=3)
    >>> code.units, code.box([[1.0, 0.0]])
    (9, array([6]))
    """

    nodes: tuple[Float[np.ndarray, " k"], ...]

    @classmethod
    def over(cls, points: Numbers, k: int) -> "BoxCode":
        """The grid of k nodes per dimension over points (t, d). Raises `DataError` if flat."""
        array = real_numbers(points, "points", error=DataError)
        low, high = array.min(axis=0), array.max(axis=0)
        if k < 2:
            raise UsageError(f"k is {k}: a grid needs at least 2 nodes per dimension")
        flat = np.flatnonzero(high <= low)
        if flat.size:
            raise DataError(f"coordinate {flat[0]} of the points is constant: leave it out")
        return cls(tuple(np.linspace(a, b, k) for a, b in zip(low, high, strict=True)))

    @property
    def units(self) -> int:
        return int(np.prod([len(nodes) for nodes in self.nodes]))

    def box(self, points: Numbers) -> Int[np.ndarray, " t"]:
        """The unit of each point (t, d)."""
        array = real_numbers(points, "points", error=DataError)
        places = []
        for nodes, column in zip(self.nodes, array.T, strict=True):
            place = np.round((column - nodes[0]) / (nodes[1] - nodes[0])).astype(np.int64)
            places.append(np.clip(place, 0, len(nodes) - 1))
        shape = [len(nodes) for nodes in self.nodes]
        return np.asarray(np.ravel_multi_index(tuple(places), tuple(shape)))

    def encode(self, points: Numbers) -> Float[np.ndarray, "t n"]:
        """The activity for each point (t, d): 1 in its box, 0 elsewhere."""
        boxes = self.box(points)
        code = np.zeros((len(boxes), self.units))
        code[np.arange(len(boxes)), boxes] = 1.0
        return code

    def decode(self, states: Float[np.ndarray, "t n"]) -> Float[np.ndarray, "t d"]:
        """The node of the most active unit at each time."""
        shape = tuple(len(nodes) for nodes in self.nodes)
        places = np.unravel_index(states.argmax(axis=1), shape)
        return np.stack([n[p] for n, p in zip(self.nodes, places, strict=True)], axis=1)


@dataclass(frozen=True, eq=False)
class AffineLift:
    """v = A u + b with A (n, d), b (n,); decoded by least squares.

    >>> lift = AffineLift.random(dimensions=1, units=3, seed=0)
    >>> lift.decode(lift.encode([[2.0]])).round(6)
    array([[2.]])
    """

    matrix: Float[np.ndarray, "n d"]
    offset: Float[np.ndarray, " n"]

    @classmethod
    def random(
        cls, dimensions: int, units: int, seed: int, *, scale: float = 1.0, spread: float = 1.0
    ) -> "AffineLift":
        """Normal A with sd `scale`, and b uniform in -spread to spread."""
        random = np.random.default_rng(seed)
        matrix = scale * random.standard_normal((units, dimensions))
        return cls(matrix, random.uniform(-spread, spread, units))

    def encode(self, points: Numbers) -> Float[np.ndarray, "*t n"]:
        return real_numbers(points, "points", error=DataError) @ self.matrix.T + self.offset

    def decode(self, states: Float[np.ndarray, "*t n"]) -> Float[np.ndarray, "*t d"]:
        return (states - self.offset) @ np.linalg.pinv(self.matrix).T


def lifted(inputs: Inputs, lift: AffineLift) -> Inputs:
    """The inputs seen through an affine lift: states A u + b, velocities A xi.

    >>> inputs = Inputs.sampled(np.arange(5.0)[:, None], dt=1.0)
    >>> lifted(inputs, AffineLift.random(1, 3, seed=0)).states.shape
    (3, 3)
    """
    return Inputs(
        lift.encode(inputs.states), inputs.velocities @ lift.matrix.T, inputs.dt, inputs.periodic
    )


@dataclass(frozen=True, eq=False)
class DualWeights:
    """W = M S', kept as its factors M and S (n, F): O(n F) memory and work per product.

    `rank` of the F modes were used; `ridge` and `cut` are as asked for, `spectrum` (F,) the
    eigenvalues of the Gram matrix S'S, largest first.

    >>> weights = DualWeights(np.ones((3, 1)), np.ones((3, 1)), 0.0, 0.0, 1, np.array([3.0]))
    >>> weights.shape, weights @ np.array([1.0, 2.0, 3.0])
    ((3, 3), array([6., 6., 6.]))
    """

    left: Float[np.ndarray, "n F"]
    right: Float[np.ndarray, "n F"]
    ridge: float
    cut: float
    rank: int
    spectrum: Float[np.ndarray, " F"]

    @property
    def shape(self) -> tuple[int, int]:
        return (self.left.shape[0], self.right.shape[0])

    def __matmul__(self, other: Any) -> Any:
        return self.left @ (self.right.T @ other)

    def dense(self) -> Float[np.ndarray, "n n"]:
        """The matrix itself; n^2 numbers."""
        return self.left @ self.right.T

    def modes(self) -> tuple[np.ndarray, np.ndarray]:
        """Nonzero eigenvalues (F,) and their eigenvectors (n, F), the largest in modulus first.

        They are those of S'M, F x F; an eigenvector x of it gives M x.
        """
        values, vectors = np.linalg.eig(self.right.T @ self.left)
        order = np.argsort(-np.abs(values))
        modes = self.left @ vectors[:, order]
        return values[order], modes / np.linalg.norm(modes, axis=0)


def fit_dual(
    inputs: Inputs, network: AbstractAdditive, *, ridge: float = 0.0, cut: float = 0.0
) -> DualWeights:
    """The minimum of relative entropy, W = (xi - f(U)) (K + ridge lam I)^-1 S(U)', K = S(U)'S(U).

    Equal to `RelativeEntropy.minimum` with the same ridge or cut (relative to the largest
    eigenvalue lam); with neither, and K singular, it raises `DataError` naming the frames; blank
    frames raise it too. `UsageError` for a negative or doubled stabilisation.

    >>> from steepest.recurrent import linear_network
    >>> turns = 2 * np.pi * np.arange(40) / 40
    >>> inputs = Inputs.cycle(np.stack([np.cos(turns), np.sin(turns)], axis=1), dt=turns[1])
    >>> fit_dual(inputs, linear_network(), cut=1e-6).dense().round(3)
    array([[ 1., -1.],
           [ 1.,  1.]])
    """
    rates, target = rates_and_target(inputs, network)
    modes = inverse_modes(rates @ rates.T, ridge, cut, _repeated)
    return DualWeights(modes.divide(target.T), rates.T, ridge, cut, modes.rank, modes.spectrum)


def _repeated(values: np.ndarray, vectors: np.ndarray, rank: int) -> str:
    frames = np.argsort(-np.sum(vectors[:, rank:] ** 2, axis=1))[:6]
    return (
        f"only {rank} of {len(values)} frames are independent (frames"
        f" {', '.join(map(str, sorted(frames)))} repeat others): ask for a ridge or a cut"
    )
