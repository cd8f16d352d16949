"""How a network's neurons learn from the credit that comes back to them.

Every rule sees the same covectors, d(log-likelihood of the teacher's spikes)/dw_j summed over an
update, and differs by the geometry: `Descent` is Euclid's on dendritic weights, `OwnFisher` each
neuron's own `NeuronFisher`, `OutputFisher` the same over lambda_j.

There are two Fishers. *Joint*: all spikes are the network's output; scores of different neurons are
uncorrelated, so the metric is block-diagonal, and each block is the neuron's own (`OwnFisher`).
*Output*: hidden spikes are summed over; its blocks are smaller, and not a single factor of the own
ones. `OutputFisher` takes one factor a neuron, lambda_j = phi_j [V'(V Phi V' + I^-1)^-1 V]_jj with
V = eps0 v, Phi the hidden rates and I the outputs' information: below 1, an approximation. Through
several hidden layers, I of a layer is what its spikes say, times its own share.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from steepest.errors import UsageError
from steepest.geometry.chart import Pullback, Scaling
from steepest.spiking.fisher import NeuronFisher
from steepest.spiking.neuron import PoissonNeuron

__all__ = [
    "AbstractNetworkRule",
    "Adam",
    "Descent",
    "LayerView",
    "OutputFisher",
    "OwnFisher",
    "hidden_shares",
    "network_shares",
]


class LayerView(NamedTuple):
    """What a layer's neurons know of themselves: their weights, and the statistics of their USPs.

    `weights`, `factors` (neurons, afferents): dendritic ones, and how much of each the soma sees;
    `means` (mV), `variances` (mV^2) (afferents,): running averages; `shares` (neurons,): lambda_j.

    >>> LayerView(*(jnp.ones((3, 4)),) * 2, *(jnp.ones(4),) * 2, shares=jnp.ones(3)).shares.shape
    (3,)
    """

    weights: Float[Array, "neurons afferents"]
    factors: Float[Array, "neurons afferents"]
    means: Float[Array, " afferents"]
    variances: Float[Array, " afferents"]
    shares: Float[Array, " neurons"]


class AbstractNetworkRule(eqx.Module):
    """A rule of learning: covectors of all layers -> changes of all layers, per unit of `rate`.

    `rate` is one number, or one a layer; `max_step` (mV) the cap on sqrt(dw' E[x x'] dw), by how
    much an update may move a neuron's voltage. Without a cap (None), an update past
    `LARGEST_STEP` ends the run with an error; `max_step=np.inf` says that it need not.

    >>> Descent(rate=1e-4).max_step is None
    True
    """

    rate: eqx.AbstractVar[Any]
    max_step: eqx.AbstractVar[float | None]

    @abstractmethod
    def directions(
        self, neuron: PoissonNeuron, layers: tuple[LayerView, ...], covectors: Any, memory: Any
    ) -> tuple[Any, Any]:
        """Directions of all layers, uphill, and the rule's memory, which `begin` starts."""

    def begin(self, weights: Any) -> Any:
        """What the rule remembers between updates: nothing, unless a rule says otherwise."""
        return ()

    def describe(self) -> dict[str, Any]:
        """The rule and its options, as they are recorded with a result."""
        words: dict[str, Any] = {"rule": type(self).__name__}
        for name, value in vars(self).items():
            words[name] = "none" if value is None else value
        return words

    def check(self, layers: int) -> None:
        """Raise a `UsageError` for options that cannot be."""
        name = type(self).__name__
        rates = np.atleast_1d(np.asarray(self.rate, dtype=np.float64))
        if rates.shape not in ((1,), (layers,)) or not (np.isfinite(rates) & (rates >= 0)).all():
            raise UsageError(
                f"{name}: the rate is {self.rate}; give one number, or one for each of {layers}"
                " layers of synapses, finite and not negative"
            )
        if self.max_step is not None and not self.max_step > 0:
            raise UsageError(
                f"{name}: max_step is {self.max_step} mV; it is positive, or None, or infinite"
            )
        damping = getattr(self, "damping", 0.0)
        if not (np.isfinite(damping) and damping >= 0):
            raise UsageError(f"{name}: damping is {damping}; it is finite and not negative")


class Descent(AbstractNetworkRule):
    """Euclid's steepest descent on the weights that learn: the dendritic ones, where they fade.

    >>> Descent(rate=(1e-3, 1e-4)).rate
    (0.001, 0.0001)
    """

    rate: Any
    max_step: float | None = None

    def directions(
        self, neuron: PoissonNeuron, layers: tuple[LayerView, ...], covectors: Any, memory: Any
    ) -> tuple[Any, Any]:
        return tuple(p * layer.factors for p, layer in zip(covectors, layers, strict=True)), memory


class Adam(AbstractNetworkRule):
    """Adam (Kingma and Ba 2015) on the weights that learn; `b1`, `b2` are optax's own defaults.

    >>> Adam(rate=3e-3).b2
    0.999
    """

    rate: Any
    max_step: float | None = None
    b1: float = 0.9
    b2: float = 0.999

    def _adam(self) -> optax.GradientTransformation:
        return optax.scale_by_adam(b1=self.b1, b2=self.b2)

    def begin(self, weights: Any) -> Any:
        return self._adam().init(weights)

    def directions(
        self, neuron: PoissonNeuron, layers: tuple[LayerView, ...], covectors: Any, memory: Any
    ) -> tuple[Any, Any]:
        seen = tuple(p * layer.factors for p, layer in zip(covectors, layers, strict=True))
        # optax raises a float to a whole number, which a strict caller's JAX refuses.
        with jax.numpy_dtype_promotion("standard"):
            return self._adam().update(seen, memory)


class OwnFisher(AbstractNetworkRule):
    """Every neuron's natural gradient in its own `NeuronFisher`, the joint Fisher's exact block.

    A rate is in 1/s, as of `NaturalRule`. The metric takes running means and variances of the
    layer's USPs as those of independent afferents. `damping`: that share of the mean variance is
    added to each variance, which keeps silent afferents from having none; 0 is exact. Where
    dendrites fade, it is the `Pullback` of the somatic metric.

    >>> OwnFisher(rate=(1.0, 0.05), damping=0.05, max_step=0.3).damping
    0.05
    """

    rate: Any
    max_step: float | None = None
    damping: float = 0.0

    def directions(
        self, neuron: PoissonNeuron, layers: tuple[LayerView, ...], covectors: Any, memory: Any
    ) -> tuple[Any, Any]:
        seen = zip(covectors, layers, strict=True)
        return tuple(own_natural(neuron, p, layer, self.damping) for p, layer in seen), memory


class OutputFisher(AbstractNetworkRule):
    """Each neuron's natural gradient over lambda_j, its share in the outputs' information.

    The output Fisher's blocks are smaller than the joint one's: this takes each as a single factor
    lambda_j of the neuron's own, so hidden neurons learn faster. A neuron whose outgoing weights
    are 0 has none, and is refused.

    >>> OutputFisher(rate=0.05, damping=0.05, max_step=0.3).rate
    0.05
    """

    rate: Any
    max_step: float | None = None
    damping: float = 0.0

    def directions(
        self, neuron: PoissonNeuron, layers: tuple[LayerView, ...], covectors: Any, memory: Any
    ) -> tuple[Any, Any]:
        seen = zip(covectors, layers, strict=True)
        return tuple(
            own_natural(neuron, p, layer, self.damping) / layer.shares[:, None] for p, layer in seen
        ), memory


def own_natural(
    neuron: PoissonNeuron,
    covector: Float[Array, "neurons afferents"],
    layer: LayerView,
    damping: float,
) -> Float[Array, "neurons afferents"]:
    """The natural gradient of each neuron of a layer in its own metric, on dendritic weights."""
    variances = layer.variances + damping * jnp.mean(layer.variances)
    rates = variances * neuron.kernel.c_eps  # not used: means and variances are given

    def natural(w: Array, factors: Array, p: Array) -> Array:
        fisher = NeuronFisher(neuron, rates, layer.means, variances)
        chart = Scaling(factors)
        return Pullback(fisher, chart).sharp(w, chart.pull(w, p))

    return jax.vmap(natural)(layer.weights, layer.factors, covector)


def hidden_shares(
    neuron: PoissonNeuron,
    outgoing: Float[Array, "outputs hidden"],
    rates: Float[Array, " hidden"],
    information: Float[Array, " outputs"],
) -> Float[Array, " hidden"]:
    """lambda_j of hidden neurons: phi_j [V'(V Phi V' + I^-1)^-1 V]_jj, from 0 to 1.

    `outgoing` weights as the soma sees them, hidden `rates` (Hz), the outputs' `information`
    E[phi'^2/phi] (Hz/mV^2).

    >>> share = hidden_shares(PoissonNeuron(), jnp.ones((1, 1)), jnp.ones(1), jnp.ones(1))
    >>> share.tolist()
    [0.5]
    """
    V = neuron.kernel.integral * outgoing
    spread = (V * rates[None, :]) @ V.T + jnp.diag(1 / information)
    return rates * jnp.sum(V * jnp.linalg.solve(spread, V), axis=0)


def network_shares(
    neuron: PoissonNeuron,
    somatic: Sequence[Array],
    rates: Sequence[Array],
    information: Sequence[Array],
) -> list[Array]:
    """lambda_j of all layers: 1 at the outputs, and below by `hidden_shares`, layer by layer.

    Of what the spikes of a hidden layer say of its voltages, a share lambda reaches the outputs: to
    the layer below that much of it is there. `somatic` weights of all layers, `rates` of the hidden
    ones, and the `information` E[phi'^2/phi] of those above the first hidden layer.

    >>> weights, ones = [jnp.ones((2, 3)), jnp.ones((1, 2)), jnp.ones((1, 1))], jnp.ones(1)
    >>> shares = network_shares(PoissonNeuron(), weights, [jnp.ones(2), ones], [ones, ones])
    >>> [share.tolist() for share in shares]
    [[0.25, 0.25], [0.5], [1.0]]
    """
    shares = [jnp.ones(len(somatic[-1]))]
    for layer in range(len(somatic) - 2, -1, -1):
        reaching = information[layer] * shares[0]
        shares.insert(0, hidden_shares(neuron, somatic[layer + 1], rates[layer], reaching))
    return shares
