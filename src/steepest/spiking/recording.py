"""What a simulation gives back: recorded quantities, and the state from which it goes on."""

from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import equinox as eqx
import numpy as np
from jaxtyping import Float

from steepest.arrays.entry import entry_point
from steepest.arrays.given import real_numbers
from steepest.data.numpy_files import load_npz
from steepest.errors import DataError, UsageError
from steepest.files import writing
from steepest.machine import memory
from steepest.spiking.cost import cost_per_bin, cost_per_second, rate_distance, weight_distance
from steepest.spiking.neuron import PoissonNeuron
from steepest.spiking.task import RealisableTeacher, Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from xarray import Dataset

__all__ = ["Recording", "State", "evaluate", "record_steps"]

UNITS = {
    "weights": "1",
    "voltage": "mV",
    "gamma_s": "mV^2/Hz",
    "gamma_u": "1/mV",
    "gamma_w": "1/mV",
    "cost": "nats per bin",
    "cost_per_second": "nats/s",
    "rate_distance": "Hz",
    "weight_distance": "1",
}


@dataclass(frozen=True, eq=False)
class State:
    """Everything a run needs to go on: `weights` (trials, n) and `traces` (trials, 2, n).

    `traces` are the kernel's two states of each synapse, `step` the number of steps done. A run
    that goes on is the run that never stopped: the dense engine draws spikes from (seed, trial,
    step), and `engine` holds what the event-driven one keeps besides, its random streams and the
    spikes drawn ahead included. A run that cannot use it (another rule, seed, teacher or engine,
    or weights, traces or a step that were changed) goes on from weights and traces.

    >>> state = State(0, np.zeros((1, 3)), np.zeros((1, 2, 3)))
    >>> state.step, state.weights.shape
    (0, (1, 3))
    """

    step: int
    weights: Float[np.ndarray, "trials n"]
    traces: Float[np.ndarray, "trials 2 n"]
    engine: dict[str, np.ndarray] = field(default_factory=dict)

    def save(self, path: str | Path) -> None:
        """Write the state to a .npz file, from which `State.load` reads the very same numbers.

        The file is there as a whole or not at all. Raises the system's OSError.
        """
        arrays: dict[str, Any] = {f"engine_{name}": array for name, array in self.engine.items()}
        arrays |= {"step": self.step, "weights": self.weights, "traces": self.traces}
        with writing(path) as file:
            np.savez(file, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> "State":
        """Read a state that `save` wrote; nothing in the file is run. Raises `DataError`."""
        try:
            arrays = load_npz(Path(path))
            absent = [name for name in ("step", "weights", "traces") if name not in arrays]
            if absent:
                raise ValueError(f"it has no {' and no '.join(absent)}")
            stored = arrays.pop("step")
            if stored.shape or stored.dtype.kind not in "iu":
                raise ValueError(f"step is of type {stored.dtype} and shape {stored.shape}")
            step, weights, traces = int(stored), arrays.pop("weights"), arrays.pop("traces")
            if not 0 <= step < 2**62:
                raise ValueError(f"step {step} is none that a run reaches")
            shape = weights.shape
            if len(shape) != 2 or traces.shape != (shape[0], 2, *shape[1:]):
                raise ValueError(f"weights {shape} and traces {traces.shape} do not fit")
            if not (weights.dtype == traces.dtype == np.float64):
                raise ValueError(f"weights of type {weights.dtype}, traces of {traces.dtype}")
            engine = {name.removeprefix("engine_"): array for name, array in arrays.items()}
            return cls(step, weights, traces, engine)
        except ValueError as error:  # a DataError of the reader is one
            raise DataError(f"{path} is not a saved state: {error}") from error


@dataclass(frozen=True, eq=False, repr=False)
class Recording:
    """Quantities at recorded `times` (s), each (times, trials) or (times, trials, n) for weights.

    `weights` are those that learn (dendritic ones where a chart was given); `voltage` is V (mV)
    without the bias; `measures` holds cost (nats per bin), cost_per_second, rate_distance (Hz) and
    weight_distance where a test set and a teacher's rates exist, and gamma_s, gamma_u, gamma_w.
    `complete` is False where the run was interrupted: what was recorded until then is here.

    >>> from steepest.spiking import EuclideanRule, paper_task, simulate
    >>> task, start = paper_task(trials=2, n=4)
    >>> recording = simulate(task, EuclideanRule(), start, rate=0.0, duration=0.1, seed=0)
    >>> recording
    Recording: 2 trials of 4 synapses until 0.1 s, recorded 2 times by the events engine
    cost (nats per bin): 0.06014 -> 0.06014, mean over trials
    rate_distance (Hz): 49.85 -> 49.85, mean over trials
    weight_distance (1): 0.5182 -> 0.5182, mean over trials
    >>> dict(recording.to_dataset().sizes)
    {'time': 2, 'trial': 2, 'synapse': 4}
    """

    times: Float[np.ndarray, " times"]
    weights: Float[np.ndarray, "times trials n"]
    voltage: Float[np.ndarray, "times trials"]
    measures: dict[str, np.ndarray]
    state: State
    dt: float
    engine: str
    complete: bool = True
    attributes: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        times, trials, n = self.weights.shape
        end = self.state.step * self.dt
        lines = [
            f"Recording: {trials} trials of {n} synapses until {end:g} s, recorded {times} times"
            f" by the {self.engine} engine" + ("" if self.complete else "; interrupted")
        ]
        for name in ("cost", "rate_distance", "weight_distance"):
            if name in self.measures:
                first, last = self.measures[name][[0, -1]].mean(axis=1)
                lines.append(f"{name} ({UNITS[name]}): {first:.4g} -> {last:.4g}, mean over trials")
        return "\n".join(lines)

    def plot(self) -> "Figure":
        """The cost, or the distance that was measured, and the weights, against time."""
        from steepest.spiking.picture import draw_recording

        return draw_recording(self)

    def to_dataset(self) -> "Dataset":
        """The same with named axes and units."""
        import xarray as xr

        data: dict[str, Any] = {
            "weights": (("time", "trial", "synapse"), self.weights),
            "voltage": (("time", "trial"), self.voltage),
            **{name: (("time", "trial"), value) for name, value in self.measures.items()},
        }
        dataset = xr.Dataset(data, coords={"time": self.times})
        dataset["time"].attrs["units"] = "s"
        for name in data:
            dataset[name].attrs["units"] = UNITS[name]
        dataset.attrs.update({"dt": self.dt, "engine": self.engine, "complete": int(self.complete)})
        dataset.attrs.update(self.attributes)
        return dataset


def record_steps(
    record: Any, steps: int, dt: float, first: int = 0, shape: tuple[int, int] = (1, 1)
) -> list[int]:
    """The steps at which to record: `record` is None (start and end), a count, or times in s.

    A count is that many intervals of equal length between start and end. Raises `UsageError` for
    times outside the run, for one number that is not a count (it could be meant as a time), and
    where so many records of weights of a `shape` (trials, n) would not fit the machine's memory.
    """
    last = first + steps
    if record is None:
        return [first, last]
    if np.ndim(record) == 0:
        if isinstance(record, bool) or not isinstance(record, Integral) or record < 1:
            raise UsageError(
                f"record={record!r}: give a whole number of intervals, 1 or more, or a list of "
                "times in s"
            )
        count = int(record)
        _check_memory(count + 1, shape)
        if count >= steps:
            return list(range(first, last + 1))
        return sorted({round(first + steps * k / count) for k in range(count + 1)})
    times = np.atleast_1d(real_numbers(record, "record", empty=True))
    chosen = np.rint(times / dt)
    bad = ~(np.isfinite(times) & (chosen >= first) & (chosen <= last))
    if times.size == 0 or bad.any():
        shown = times[bad][0] if bad.any() else "none"
        raise UsageError(
            f"recording time {shown} is outside the run from {first * dt:g} to {last * dt:g} s"
        )
    _check_memory(np.unique(chosen).size, shape)
    return sorted({int(k) for k in chosen})


def _check_memory(records: int, shape: tuple[int, int]) -> None:
    needed, there = _gigabytes(records, shape), memory() / 1e9
    if needed > there:
        raise UsageError(
            f"{records} records of {shape[0]} trials with {shape[1]} synapses take {needed:.3g} GB,"
            f" and this machine has {there:.3g} GB of memory: record fewer times, or fewer trials"
        )


def _gigabytes(records: int, shape: tuple[int, int]) -> float:
    """What that many records take: weights, voltages and measures in double precision."""
    trials, n = shape
    return 8e-9 * records * trials * (n + len(UNITS) - 1)


@entry_point(kernel="the functions of steepest.spiking.cost")
def evaluate(task: Task, somatic: Any, dt: float = 5e-4) -> dict[str, np.ndarray]:
    """Cost and distances of somatic weights (..., trials, n), each (..., trials).

    `cost` (nats per bin of `dt` s), `cost_per_second` and `rate_distance` (Hz) over the task's
    test USPs, `weight_distance` to a realisable teacher; what does not exist is left out.

    >>> from steepest.spiking import paper_task
    >>> task, start = paper_task(trials=2, n=4)
    >>> measures = evaluate(task, task.teacher.weights)
    >>> measures["rate_distance"].round(9), measures["weight_distance"]
    (array([0., 0.]), array([0., 0.]))
    """
    w = real_numbers(somatic, "weights")
    measures: dict[str, np.ndarray] = {}
    source = task.source
    if isinstance(source, RealisableTeacher):
        target = np.broadcast_to(source.weights, w.shape)
        measures["weight_distance"] = np.asarray(weight_distance(target, w))
    if task.test_usps is None:
        return measures
    target = task.teacher_rates(task.test_usps)
    if target is not None:
        voltages = w @ task.test_usps.T
        target = np.broadcast_to(target, voltages.shape)
        measured = _compare_outputs(task.neuron, target, voltages, np.float64(dt))
        measures |= {name: np.asarray(value) for name, value in measured.items()}
    return measures


@eqx.filter_jit  # one program for each shape, in place of one for each operation
def _compare_outputs(neuron: PoissonNeuron, target: Any, voltages: Any, dt: Any) -> dict[str, Any]:
    rates = neuron.rate(voltages)
    return {
        "cost": cost_per_bin(target, rates, dt),
        "cost_per_second": cost_per_second(target, rates),
        "rate_distance": rate_distance(target, rates),
    }
