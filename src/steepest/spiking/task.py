"""The supervised task: afferents, a teacher, and a test set on which the learning is measured.

Kreutzer et al. 2022, Sec 6.4.1.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.special import expit

from steepest.arrays.entry import double_precision
from steepest.arrays.given import real_numbers
from steepest.errors import UsageError
from steepest.geometry.chart import Attenuation
from steepest.spiking.afferents import Afferents
from steepest.spiking.fisher import NeuronFisher
from steepest.spiking.neuron import PoissonNeuron
from steepest.spiking.trains import SpikeTrains
from steepest.spiking.usps import sample_usps

__all__ = [
    "AbstractTeacher",
    "AttenuatedTeacher",
    "FixedRateTeacher",
    "GivenTeacher",
    "RealisableTeacher",
    "Source",
    "Task",
    "Teacher",
    "backpropagation",
    "exponential_attenuation",
    "paper_task",
]


@dataclass(frozen=True, eq=False)
class RealisableTeacher:
    """Fires like the neuron itself with somatic `weights` (n,), or (trials, n), one per trial.

    >>> RealisableTeacher([0.1, 0.2]).weights
    array([0.1, 0.2])
    """

    weights: Any

    def __post_init__(self) -> None:
        weights = real_numbers(self.weights, "the teacher's weights")
        if weights.ndim not in (1, 2):
            raise UsageError(f"a teacher's weights are (n,) or (trials, n), not {weights.shape}")
        check_weights(weights, "the teacher's weights")
        object.__setattr__(self, "weights", weights)


@dataclass(frozen=True, eq=False)
class FixedRateTeacher:
    """Poisson spikes of a constant `rate` (Hz), whatever the afferents do.

    >>> FixedRateTeacher(20.0)
    FixedRateTeacher(rate=20.0)
    """

    rate: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.rate) and self.rate >= 0):
            raise UsageError(f"a teacher's rate is not negative, not {self.rate} Hz")


@dataclass(frozen=True, eq=False)
class GivenTeacher:
    """Given spikes, the same in every trial: one train in `spikes`.

    >>> GivenTeacher(SpikeTrains([[0.1, 0.2]], duration=1.0)).spikes.rates
    array([2.])
    """

    spikes: SpikeTrains

    def __post_init__(self) -> None:
        if self.spikes.size != 1:
            raise UsageError(f"a teacher is one spike train, not {self.spikes.size}")


class AbstractTeacher(eqx.Module):
    """A teacher of your own: Poisson spikes at a rate that follows the afferents, or time.

    To add one, define `rate`, a kernel in jax.numpy. The dense engine runs it (`why_dense` says
    so); a rate of more than half a spike per bin ends the run with a `LearningError`, and cost and
    distance are measured against its rates at time 0.

    >>> import jax.numpy as jnp
    >>> class Waves(AbstractTeacher):
    ...     mean: float
    ...     def rate(self, usps, time):
    ...         return self.mean * (1 + jnp.sin(2 * jnp.pi * time))
    >>> task = Task(PoissonNeuron(), Afferents.steady([10.0, 50.0]), Waves(20.0))
    >>> task.teacher_rates(np.zeros((3, 2)))
    array([20., 20., 20.])
    """

    @abstractmethod
    def rate(self, usps: Float[Array, " n"], time: Float[Array, ""]) -> Float[Array, ""]:
        """The rate (Hz) at the USPs (mV) of all afferents at a time (s)."""


Source: TypeAlias = RealisableTeacher | FixedRateTeacher | GivenTeacher | AbstractTeacher


@dataclass(frozen=True, eq=False)
class AttenuatedTeacher:
    """A teacher whose spikes reach synapse i with strength `factors[i]` (n,), from 0 to 1.

    In each synapse's rule Y* is replaced by factor Y* (Discussion of the paper): far from the
    soma the error turns negative and LTP becomes LTD. No cost belongs to this: it is a change of
    the rule.

    >>> AttenuatedTeacher(FixedRateTeacher(20.0), [1.0, 0.5]).factors
    array([1. , 0.5])
    """

    teacher: Source
    factors: Any

    def __post_init__(self) -> None:
        _check_teacher(self.teacher, Source)
        factors = real_numbers(self.factors, "the teacher's attenuation")
        if factors.ndim != 1 or not ((factors >= 0) & (factors <= 1)).all():
            raise UsageError(
                f"a teacher's attenuation is one factor from 0 to 1 per afferent, not {factors}"
            )
        object.__setattr__(self, "factors", factors)


Teacher: TypeAlias = Source | AttenuatedTeacher


def exponential_attenuation(distance: Any, length: float = 200.0) -> Float[np.ndarray, " n"]:
    """exp(-distance/length), both in um: 1/10 at 460 um for the default.

    >>> exponential_attenuation([0.0, 200.0, 460.5]).round(2)
    array([1.  , 0.37, 0.1 ])
    """
    distance = _distances(distance)
    if not (np.isfinite(length) and length > 0):
        raise UsageError(f"an attenuation length is positive, not {length} um")
    return Attenuation(distance, length).factors


def backpropagation(distance: Any, reach: float, width: float) -> Float[np.ndarray, " n"]:
    """Chance that a back-propagating spike reaches a distance: 1/2 at `reach`, all in um.

    1 / (1 + exp((distance - reach)/width)): propagation fails within about `width` of `reach`.

    >>> backpropagation([0.0, 300.0, 600.0], reach=300.0, width=50.0).round(3)
    array([0.998, 0.5  , 0.002])
    """
    distance = _distances(distance)
    if not (np.isfinite(reach) and np.isfinite(width) and width > 0):
        raise UsageError(f"back-propagation: reach {reach} um, width {width} um; width is positive")
    return expit((reach - distance) / width)


def _distances(distance: Any) -> np.ndarray:
    array = np.atleast_1d(real_numbers(distance, "distances"))
    if array.ndim != 1 or not (np.isfinite(array) & (array >= 0)).all():
        raise UsageError("distances from the soma are one finite number (um) per afferent, >= 0")
    return array


def _check_teacher(teacher: Any, kinds: Any) -> None:
    if isinstance(teacher, kinds):
        return
    given = f"the class {teacher.__name__}" if isinstance(teacher, type) else repr(teacher)
    raise UsageError(
        f"a teacher is a RealisableTeacher, FixedRateTeacher or GivenTeacher, or of a class of your"
        f" own that derives from AbstractTeacher, not {given}"
    )


def check_weights(weights: np.ndarray, what: str) -> None:
    """Raise a `UsageError` that names the first weight that is not a finite number."""
    bad = ~np.isfinite(weights)
    if bad.any():
        place = ", ".join(str(int(i)) for i in np.argwhere(bad)[0])
        raise UsageError(f"{what}: number ({place}) is {weights[bad][0]}; give finite numbers")


@dataclass(frozen=True, eq=False)
class Task:
    """A neuron, its afferents, a teacher, and test USPs (m, n) in mV that every rule shares.

    `usp_means`, `usp_variances` (n,) replace eps0 r and r/c_eps in the metric where the afferents
    are not independent Poisson trains. The cost scatters with the test set, so compare rules on the
    same one. Raises `UsageError` for lengths that differ.

    >>> task = Task(PoissonNeuron(), Afferents.steady([10.0, 50.0]), FixedRateTeacher(20.0))
    >>> task.afferents.size
    2
    """

    neuron: PoissonNeuron
    afferents: Afferents
    teacher: Teacher
    test_usps: Any = None
    usp_means: Any = None
    usp_variances: Any = None

    def __post_init__(self) -> None:
        if not isinstance(self.neuron, PoissonNeuron) or not isinstance(self.afferents, Afferents):
            raise UsageError(
                "a task is a PoissonNeuron, Afferents and a teacher, not"
                f" {self.neuron!r} and {self.afferents!r}"
            )
        _check_teacher(self.teacher, Teacher)
        n = self.afferents.size
        teacher = self.source
        if isinstance(teacher, RealisableTeacher):
            self._length("the teacher's weights", teacher.weights.shape[-1], n)
        if isinstance(self.teacher, AttenuatedTeacher):
            self._length("the teacher's attenuation", len(self.teacher.factors), n)
        if self.test_usps is not None:
            usps = real_numbers(self.test_usps, "test USPs")
            if usps.ndim != 2 or len(usps) == 0:
                raise UsageError(f"test USPs are samples (m, n), not of shape {usps.shape}")
            self._length("test USPs", usps.shape[1], n)
            check_weights(usps, "test USPs")
            object.__setattr__(self, "test_usps", usps)
        self.fisher(np.zeros(1))  # refuses means and variances that cannot be used

    @staticmethod
    def _length(what: str, length: int, n: int) -> None:
        if length != n:
            raise UsageError(f"{what}: {length} numbers for {n} afferents")

    @property
    def source(self) -> Source:
        """The teacher before any attenuation."""
        teacher = self.teacher
        return teacher.teacher if isinstance(teacher, AttenuatedTeacher) else teacher

    def teacher_rates(self, usps: np.ndarray) -> Float[np.ndarray, "*trials m"] | None:
        """The teacher's rates (Hz) at USPs (m, n), or None for given spikes, which have none."""
        source = self.source
        if isinstance(source, GivenTeacher):
            return None
        if isinstance(source, FixedRateTeacher):
            return np.full(len(usps), float(source.rate))
        if isinstance(source, AbstractTeacher):
            with double_precision():
                rate = jax.vmap(source.rate, in_axes=(0, None))
                return np.asarray(rate(jnp.asarray(usps), jnp.zeros(())))
        with double_precision():
            return np.asarray(self.neuron.rate(source.weights @ usps.T))

    def fisher(self, times: np.ndarray | None = None) -> NeuronFisher:
        """The natural metric at the first of `times` (s), 0 unless given."""
        rates = self.afferents.rates(np.zeros(1) if times is None else times)[0]
        return NeuronFisher(self.neuron, rates, self.usp_means, self.usp_variances)


def paper_task(
    trials: int = 1000,
    *,
    n: int = 100,
    rates: tuple[float, float] = (10.0, 50.0),
    span: float = 1.0,
    test_samples: int = 50,
    neuron: PoissonNeuron | None = None,
    seed: int = 0,
) -> tuple[Task, Float[np.ndarray, "trials n"]]:
    """The task of Fig 3F and its initial weights (trials, n).

    - `trials`: how many weight vectors, each with a target of its own; `n`: afferents.
    - `rates`: the two rates (Hz), at each of which half of the afferents fire.
    - `span`: initial and target weights are uniform in +-span/n.
    - `test_samples`: how many USPs of 250 ms the cost is measured on.
    - `neuron`: the paper's unless given; `seed`: from which all is drawn.

    >>> task, start = paper_task(trials=3, n=4)
    >>> start.shape, task.afferents.constant_rates
    ((3, 4), array([10., 10., 50., 50.]))
    """
    neuron = PoissonNeuron() if neuron is None else neuron
    if n < 2 or trials < 1:
        raise UsageError(f"{trials} trials of {n} afferents: give 1 or more of 2 or more")
    random = np.random.default_rng([seed, 0])
    start, target = random.uniform(-span / n, span / n, (2, trials, n))
    each = np.repeat(real_numbers(rates, "rates"), [n - n // 2, n // 2])
    afferents = Afferents.steady(each)
    usps = sample_usps(neuron.kernel, each, test_samples, seed=seed)
    return Task(neuron, afferents, RealisableTeacher(target), usps), start
