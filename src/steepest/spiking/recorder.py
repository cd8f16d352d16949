"""What both engines record, in one way, and the run that they are given."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from steepest.spiking.fisher import NeuronFisher
from steepest.spiking.recording import Recording, State, evaluate
from steepest.spiking.rules import AbstractRule, AbstractSomaticRule
from steepest.spiking.settings import Settings, Spikes
from steepest.spiking.task import Task

__all__ = ["Recorder", "Run", "SomaticEngine", "record_somatic"]


@dataclass(frozen=True, eq=False)
class Run:
    """A run that was checked: it begins at `start` and is recorded at the steps `marks`."""

    task: Task
    rule: AbstractRule
    settings: Settings
    start: State
    spikes: Spikes | None
    marks: list[int]

    @property
    def stops(self) -> list[int]:
        """The steps, after the first, at which an engine must stop: to record, and the last."""
        first = self.start.step
        return sorted({*self.marks, first + self.settings.steps} - {first})


class Recorder:
    """What has been recorded so far of a run."""

    def __init__(self, run: Run) -> None:
        self.task, self.dt = run.task, run.settings.dt
        self.times: list[float] = []
        self.weights: list[np.ndarray] = []
        self.voltage: list[np.ndarray] = []
        self.measures: list[dict[str, np.ndarray]] = []

    def add(
        self,
        step: int,
        weights: np.ndarray,
        voltage: np.ndarray,
        somatic: np.ndarray,
        coefficients: dict[str, Any],
    ) -> None:
        """Record a step: weights that learn (trials, n), V (trials,), somatic weights, gammas."""
        gammas = {name: np.asarray(value) for name, value in coefficients.items()}
        measures = gammas | evaluate(self.task, somatic, self.dt)
        # All or nothing: an interrupt while the cost is computed leaves no half of a record.
        self.times.append(step * self.dt)
        self.weights.append(weights)
        self.voltage.append(voltage)
        self.measures.append(measures)

    def close(self, state: State, engine: str, complete: bool, reason: str) -> Recording:
        """The recording of a run that ended in `state`."""
        shape = state.weights.shape
        names = self.measures[0] if self.measures else {}
        return Recording(
            np.array(self.times, dtype=np.float64),
            np.array(self.weights, dtype=np.float64).reshape(-1, *shape),
            np.array(self.voltage, dtype=np.float64).reshape(-1, shape[0]),
            {name: np.stack([record[name] for record in self.measures]) for name in names},
            state,
            self.dt,
            engine,
            complete,
            {"engine_reason": reason} if reason else {},
        )


@runtime_checkable
class SomaticEngine(Protocol):
    """An engine whose synapses learn their somatic weights."""

    @property
    def step(self) -> int:
        """How many steps have been made."""
        ...

    def weights(self) -> np.ndarray:
        """The weights now (trials, n)."""
        ...

    def traces(self) -> np.ndarray:
        """The two traces of each synapse now (trials, 2, n)."""
        ...

    def voltages(self) -> np.ndarray:
        """V now (trials,), in mV, without the bias."""
        ...


def record_somatic(recorder: Recorder, run: Run, engine: SomaticEngine) -> None:
    """Record where an engine stands, with the rule's coefficients."""
    weights, traces = engine.weights(), engine.traces()
    gammas: dict[str, Array] = {}
    if isinstance(run.rule, AbstractSomaticRule):
        readout = np.asarray(run.task.neuron.kernel.readout)
        usps = readout[0] * traces[:, 0] + readout[1] * traces[:, 1]
        fisher = run.task.fisher()
        gammas = _coefficients(run.rule, fisher, jnp.asarray(weights), jnp.asarray(usps))
    recorder.add(engine.step, weights, engine.voltages(), weights, gammas)


@eqx.filter_jit
def _coefficients(
    rule: AbstractSomaticRule, fisher: NeuronFisher, weights: Array, usps: Array
) -> dict[str, Array]:
    """gamma_s, gamma_u and gamma_w of every trial."""
    return jax.vmap(lambda w, x: rule.coefficients(fisher, w, x)._asdict())(weights, usps)
