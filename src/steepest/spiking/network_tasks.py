"""What a network learns: to fire like another network, or to tell patterns of rates apart."""

from abc import abstractmethod
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.given import real_numbers
from steepest.errors import UsageError
from steepest.spiking.afferents import MOST_EXPECTED
from steepest.spiking.dense_step import draw_counts, most_drawn
from steepest.spiking.network import LayeredNetwork

__all__ = ["AbstractNetworkTask", "Clock", "RatePatterns", "TeacherNetwork"]


class Clock(NamedTuple):
    """A step: its length `dt` (s), and what it does to the kernel's state (`transition`)."""

    dt: Array
    transition: Array


class AbstractNetworkTask(eqx.Module):
    """Input rates and the teacher's output rates; what is shown changes every `hold` s, or never.

    >>> isinstance(RatePatterns([[5.0, 40.0]], [[50.0]]), AbstractNetworkTask)
    True
    """

    hold: eqx.AbstractVar[float | None]

    @property
    @abstractmethod
    def sizes(self) -> tuple[int, int]:
        """Inputs and outputs."""

    @property
    @abstractmethod
    def shown(self) -> Float[np.ndarray, "patterns inputs"]:
        """All input rates (Hz) that can be shown."""

    @property
    @abstractmethod
    def highest(self) -> float:
        """The highest rate (Hz) of an input or of the teacher."""

    @abstractmethod
    def begin(self, trials: int) -> tuple[Any, Any]:
        """What belongs to each trial of the teacher, and its state; leading axes are trials."""

    @abstractmethod
    def teach(
        self, which: Array, own: Any, state: Any, usps: Array, uniform: Array, clock: Clock
    ) -> tuple[Float[Array, " outputs"], Any]:
        """The teacher's rates (Hz) now, and its next state; `uniform` (draws,) is random."""

    @property
    def draws(self) -> int:
        """How many random numbers a step of the teacher takes."""
        return 0


class TeacherNetwork(AbstractNetworkTask):
    """Another network on the same inputs, with hidden spikes of its own.

    `weights` as of `network`, (neurons, afferents) a layer or with trials in front; `rates`
    (inputs,) in Hz, constant. Hidden spikes are drawn anew: the teacher's own weights do not score
    0, and not even best. Score outputs, never weights.

    >>> network = LayeredNetwork((4, 3, 2))
    >>> TeacherNetwork(network, network.draw_weights(1), np.full(4, 20.0)).sizes
    (4, 2)
    """

    network: LayeredNetwork
    weights: tuple[Any, ...]
    rates: Any
    hold: float | None = None

    def __init__(self, network: LayeredNetwork, weights: Any, rates: Any) -> None:
        self.network = network
        self.hold = None
        self.weights = tuple(real_numbers(w, "the teacher's weights") for w in weights)
        self.rates = real_numbers(rates, "rates")
        if self.rates.shape != (network.inputs,):
            raise UsageError(f"rates of shape {self.rates.shape} for {network.inputs} inputs")
        _check_rates(self.rates, "input rates")
        fits = [w.shape[-2:] for w in self.weights] == list(network.shapes)
        trials = {w.shape[0] for w in self.weights if w.ndim == 3}
        if not fits or len(trials) > 1 or any(w.ndim not in (2, 3) for w in self.weights):
            raise UsageError(
                f"the teacher's weights have shapes {[w.shape for w in self.weights]}; layers of"
                f" sizes {network.sizes} take {list(network.shapes)}, or that for each trial"
            )

    @property
    def sizes(self) -> tuple[int, int]:
        return self.network.inputs, self.network.outputs

    @property
    def shown(self) -> Float[np.ndarray, "patterns inputs"]:
        return self.rates[None]

    @property
    def highest(self) -> float:
        return float(self.rates.max())

    @property
    def draws(self) -> int:
        return sum(self.network.sizes[1:-1])

    def begin(self, trials: int) -> tuple[Any, Any]:
        for w in self.weights:
            if w.ndim == 3 and len(w) not in (1, trials):
                raise UsageError(f"{len(w)} teachers for {trials} trials; give one each")
        own = tuple(
            jnp.asarray(np.broadcast_to(w, (trials, *w.shape[-2:])))
            for w in self.network.somatic(self.weights)
        )
        traces = tuple(jnp.zeros((trials, 2, size)) for size in self.network.sizes[1:-1])
        return own, traces

    def teach(
        self, which: Array, own: Any, state: Any, usps: Array, uniform: Array, clock: Clock
    ) -> tuple[Float[Array, " outputs"], Any]:
        neuron = self.network.neuron
        kernel = neuron.kernel
        readout, kick = jnp.asarray(kernel.readout), jnp.asarray(kernel.kick)
        x, moved, first = usps, [], 0
        for w, traces in zip(own[:-1], state, strict=True):
            expected = neuron.rate(w @ x) * clock.dt
            spikes = draw_counts(
                expected, uniform[first : first + len(w)], most_drawn(MOST_EXPECTED)
            )
            first += len(w)
            x = readout @ traces
            moved.append(clock.transition @ traces + jnp.outer(kick, spikes))
        return neuron.rate(own[-1] @ x), tuple(moved)


class RatePatterns(AbstractNetworkTask):
    """Patterns of input rates, shown at random for `hold` s each, and the rates that they ask for.

    `rates` (patterns, inputs) and `targets` (patterns, outputs) in Hz; `test_rates`,
    `test_targets` the same of patterns on which learning is measured, those that are learned unless
    given. `classes` of test patterns are the outputs of the highest target.

    >>> patterns = RatePatterns([[5.0, 40.0], [40.0, 5.0]], [[60.0, 5.0], [5.0, 60.0]])
    >>> patterns.classes
    array([0, 1])
    """

    rates: Any
    targets: Any
    test_rates: Any
    test_targets: Any
    hold: float | None

    def __init__(
        self,
        rates: Any,
        targets: Any,
        *,
        hold: float = 0.25,
        test_rates: Any = None,
        test_targets: Any = None,
    ) -> None:
        self.rates, self.targets = _patterns(rates, targets, "patterns")
        if (test_rates is None) != (test_targets is None):
            raise UsageError("give the test patterns' rates and targets, or neither")
        self.test_rates, self.test_targets = self.rates, self.targets
        if test_rates is not None:
            self.test_rates, self.test_targets = _patterns(
                test_rates, test_targets, "test patterns"
            )
        if (
            self.rates.shape[1] != self.test_rates.shape[1]
            or self.targets.shape[1] != self.test_targets.shape[1]
        ):
            raise UsageError(
                f"test patterns {self.test_rates.shape} -> {self.test_targets.shape} do not fit"
                f" patterns {self.rates.shape} -> {self.targets.shape}"
            )
        if not (np.isfinite(hold) and hold > 0):
            raise UsageError(f"a pattern is shown for a positive time, not {hold} s")
        self.hold = float(hold)

    @property
    def sizes(self) -> tuple[int, int]:
        return self.rates.shape[1], self.targets.shape[1]

    @property
    def shown(self) -> Float[np.ndarray, "patterns inputs"]:
        return self.rates

    @property
    def highest(self) -> float:
        arrays = (self.rates, self.targets, self.test_rates, self.test_targets)
        return float(max(array.max() for array in arrays))

    @property
    def classes(self) -> np.ndarray:
        """Which output each test pattern asks for most."""
        return self.test_targets.argmax(axis=1)

    def begin(self, trials: int) -> tuple[Any, Any]:
        return (), ()

    def teach(
        self, which: Array, own: Any, state: Any, usps: Array, uniform: Array, clock: Clock
    ) -> tuple[Float[Array, " outputs"], Any]:
        return jnp.asarray(self.targets)[which], state

    def tested(self) -> "RatePatterns":
        """The test patterns as a task of their own."""
        assert self.hold is not None
        return RatePatterns(self.test_rates, self.test_targets, hold=self.hold)


def _check_rates(rates: np.ndarray, what: str) -> None:
    bad = ~(np.isfinite(rates) & (rates >= 0))
    if bad.any():
        place = ", ".join(str(int(i)) for i in np.argwhere(bad)[0])
        raise UsageError(
            f"{what}: number ({place}) is {rates[bad][0]:g} Hz; rates are not negative"
        )


def _patterns(rates: Any, targets: Any, what: str) -> tuple[np.ndarray, np.ndarray]:
    r, t = real_numbers(rates, what), real_numbers(targets, f"targets of {what}")
    if r.ndim != 2 or t.ndim != 2 or len(r) != len(t) or not r.size or not t.size:
        raise UsageError(
            f"{what}: rates {r.shape} and targets {t.shape}; give (patterns, inputs) and"
            " (patterns, outputs)"
        )
    _check_rates(r, f"rates of {what}")
    _check_rates(t, f"targets of {what}")
    return r, t
