"""The linear regression of section 4.1: correlated inputs, and training by the paper's protocol."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from steepest.errors import UsageError
from steepest.geometry import AbstractPotential, Entropy, PNorm

__all__ = ["POTENTIALS", "correlated_inputs", "potential_for", "rows_for", "train"]

POTENTIALS = ("entropy", "1.5-norm", "2-norm", "3-norm")
_RATES = np.logspace(-7, -1, 16)
_ENOUGH = 1e-3


def potential_for(name: str, start: np.ndarray) -> AbstractPotential:
    """The potential of that name, "entropy" or "P-norm"; an entropy with the signs of `start`."""
    return (
        Entropy(np.sign(start)) if name == "entropy" else PNorm(float(name.removesuffix("-norm")))
    )


def rows_for(width: int, exponent: float) -> int:
    """N = d^exponent, rounded down."""
    return int(width**exponent + 1e-9)


def correlated_inputs(
    rows: int, width: int, decay: float, random: np.random.Generator
) -> Float[np.ndarray, "n d"]:
    """N(0, C) + U(-.5, .5) with C_ij = (-1)^(i-j) / (1 + |i-j|^decay), row by row.

    By circulant embedding, O(d log d) a row. Raises `UsageError` where that is not positive.
    """
    lag = np.minimum(np.arange(2 * width), 2 * width - np.arange(2 * width))
    spectrum = np.fft.fft((-1.0) ** lag / (1.0 + lag**decay)).real
    if spectrum.min() < -1e-9 * spectrum.max():
        raise UsageError(
            f"correlations that decay with power {decay:g} have no circulant embedding"
        )
    noise = random.standard_normal((2, rows, 2 * width))
    mixed = np.fft.fft(
        (noise[0] + 1j * noise[1]) * np.sqrt(np.maximum(spectrum, 0) / (2 * width)), axis=1
    )
    return mixed.real[:, :width] + random.uniform(-0.5, 0.5, (rows, width))


def train(
    inputs: np.ndarray,
    targets: np.ndarray,
    start: np.ndarray,
    potential: AbstractPotential,
    *,
    epochs: int = 100,
    extensions: int = 4,
) -> tuple[Float[np.ndarray, " d"], float, float]:
    """Weights, final loss and rate of full-batch mirror descent by the paper's protocol (B.1).

    Mean squared error, momentum .9, cosine annealing; 16 rates from 1e-7 to 1e-1 and the best
    loss; while that is above 1e-3, `epochs` more, up to `extensions` times.
    """
    best: tuple[np.ndarray, float, float] = (start, np.inf, 0.0)
    with jax.enable_x64(True):
        for extension in range(extensions + 1):
            weights, losses = _descend(
                jnp.asarray(inputs), jnp.asarray(targets), jnp.asarray(start), potential,
                jnp.asarray(_RATES), epochs * (1 + extension),
            )  # fmt: skip
            losses = np.where(np.isfinite(losses), losses, np.inf)
            at = int(np.argmin(losses))
            best = (np.asarray(weights[at]), float(losses[at]), float(_RATES[at]))
            if best[1] < _ENOUGH:
                break
    return best


@eqx.filter_jit
def _descend(
    inputs: Any, targets: Any, start: Any, potential: Any, rates: Any, epochs: int
) -> tuple[Any, Any]:
    def run(rate: Any) -> tuple[Any, Any]:
        def step(carry: Any, epoch: Any) -> tuple[Any, None]:
            dual, moving = carry
            missing = inputs @ potential.to_primal(dual) - targets
            moving = 0.9 * moving + 2 * missing @ inputs / targets.size
            annealed = rate * (1 + jnp.cos(jnp.pi * epoch / epochs)) / 2
            return (dual - annealed * moving, moving), None

        dual = potential.to_dual(start)
        (dual, _), _ = jax.lax.scan(
            step, (dual, jnp.zeros_like(dual)), jnp.arange(epochs, dtype=dual.dtype)
        )
        weights = potential.to_primal(dual)
        return weights, jnp.mean((inputs @ weights - targets) ** 2)

    return jax.lax.map(run, rates)
