"""A network of Poisson neurons in layers: its sizes, its neurons, and how far its dendrites fade.

A layer's neurons fire at phi(V_j), V_j = sum_i w_ji x_i, with the USPs x_i of the layer below.
Credit comes back through one hidden layer along one trace a synapse, which a neuron can keep;
through each layer more it takes one for every neuron of that layer and synapse below
(`network_credit`).
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.given import real_numbers
from steepest.errors import UsageError
from steepest.spiking.neuron import PoissonNeuron

__all__ = ["LayeredNetwork", "Weights", "check_layers"]

Weights = tuple[
    Any, ...
]  # one matrix (neurons, afferents) a layer, or (trials, neurons, afferents)


class LayeredNetwork(eqx.Module):
    """Layers of Poisson neurons: `sizes` are (inputs, outputs), with hidden layers between them.

    `neuron`: what all neurons are. `attenuation`: one entry a layer of synapses, None or factors
    in (0, 1], (afferents,) or (neurons, afferents): how much of a dendritic weight, which learns,
    the soma sees. Raises `UsageError` for layers that do not fit.

    >>> network = LayeredNetwork((30, 15, 3))
    >>> network.shapes
    ((15, 30), (3, 15))
    """

    sizes: tuple[int, ...] = eqx.field(static=True)
    neuron: PoissonNeuron = PoissonNeuron()
    attenuation: tuple[Any, ...] | None = None

    def __init__(
        self,
        sizes: Any,
        neuron: PoissonNeuron | None = None,
        attenuation: Any = None,
    ) -> None:
        numbers = np.asarray(sizes)
        if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or (numbers < 1).any():
            raise UsageError(f"the sizes of layers are whole numbers, 1 or more, not {sizes!r}")
        if len(numbers) < 2:
            raise UsageError(
                f"sizes {tuple(sizes)}: give (inputs, outputs), or (inputs, hidden, ..., outputs)"
            )
        self.sizes = tuple(int(size) for size in numbers)
        self.neuron = PoissonNeuron() if neuron is None else neuron
        self.attenuation = None if attenuation is None else self._factors(tuple(attenuation))

    def _factors(self, given: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(given) != len(self.shapes):
            raise UsageError(
                f"attenuation: {len(given)} entries for {len(self.shapes)} layers of synapses; "
                "give None, or factors, for each"
            )
        made = []
        for layer, (factors, shape) in enumerate(zip(given, self.shapes, strict=True)):
            values = np.ones(shape) if factors is None else real_numbers(factors, "attenuation")
            if values.shape not in (shape, shape[1:]):
                raise UsageError(
                    f"attenuation of layer {layer} has shape {values.shape}; give one factor an"
                    f" afferent {shape[1:]}, or one a synapse {shape}"
                )
            if not ((values > 0) & (values <= 1)).all():
                raise UsageError(
                    f"attenuation of layer {layer}: factors are above 0 and at most 1, not"
                    f" {values.min():g} to {values.max():g}"
                )
            made.append(np.broadcast_to(values, shape).copy())
        return tuple(made)

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(neurons, afferents) of each layer of synapses, from the inputs on."""
        return tuple(zip(self.sizes[1:], self.sizes[:-1], strict=True))

    @property
    def inputs(self) -> int:
        """The number of inputs."""
        return self.sizes[0]

    @property
    def outputs(self) -> int:
        """The number of output neurons."""
        return self.sizes[-1]

    def somatic(self, weights: Weights) -> Weights:
        """The weights that the soma sees, of dendritic ones."""
        if self.attenuation is None:
            return weights
        return tuple(np.asarray(w) * f for w, f in zip(weights, self.attenuation, strict=True))

    def draw_weights(
        self, trials: int, *, mean: Any = 0.0, spread: Any = 1.0, seed: int = 0
    ) -> tuple[Float[np.ndarray, "trials neurons afferents"], ...]:
        """Random dendritic weights to start from, (trials, neurons, afferents) for each layer.

        Normal with `mean`/afferents and standard deviation `spread`/sqrt(afferents), both one
        number or one a layer; where dendrites fade, the somatic weights are so drawn, whatever the
        attenuation is.

        >>> weights = LayeredNetwork((30, 15, 3)).draw_weights(2, mean=0.2, spread=0.1)
        >>> [w.shape for w in weights]
        [(2, 15, 30), (2, 3, 15)]
        """
        random = np.random.default_rng([seed, 3])
        layers = len(self.shapes)
        means, spreads = np.broadcast_to(mean, layers), np.broadcast_to(spread, layers)
        drawn = []
        for layer, shape in enumerate(self.shapes):
            normal = random.normal(size=(trials, *shape))
            n = shape[1]
            somatic = means[layer] / n + spreads[layer] / np.sqrt(n) * normal
            fading = 1.0 if self.attenuation is None else self.attenuation[layer]
            drawn.append(somatic / fading)
        return tuple(drawn)


def check_layers(
    network: LayeredNetwork, weights: Any, trials: int, what: str
) -> tuple[Float[Array, "trials neurons afferents"], ...]:
    """Weights as one array (trials, neurons, afferents) a layer; raises `UsageError` otherwise.

    >>> network = LayeredNetwork((2, 1))
    >>> check_layers(network, [np.ones((1, 2))], trials=3, what="weights")[0].shape
    (3, 1, 2)
    """
    given = tuple(weights)
    if len(given) != len(network.shapes):
        raise UsageError(
            f"{what}: {len(given)} matrices for {len(network.shapes)} layers of synapses"
        )
    full = []
    for layer, (matrix, shape) in enumerate(zip(given, network.shapes, strict=True)):
        values = real_numbers(matrix, what)
        if values.shape not in (shape, (trials, *shape)):
            raise UsageError(
                f"{what} of layer {layer} have shape {values.shape}; layers of sizes"
                f" {network.sizes} take (neurons, afferents) = {shape}, or one such for each of"
                f" {trials} trials"
            )
        if not np.isfinite(values).all():
            raise UsageError(f"{what} of layer {layer} are not all finite numbers")
        full.append(jnp.asarray(np.broadcast_to(values, (trials, *shape))))
    return tuple(full)
