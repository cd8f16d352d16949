"""Many trials on a GPU: their state there and back, one launch for thousands of steps.

What is imported here needs no GPU; numba.cuda is imported by `open_gpu`, when a run asks for it.
"""

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float

from steepest.errors import LearningError, MetricError, UsageError
from steepest.spiking import _device as device
from steepest.spiking import _gpu_rows as row
from steepest.spiking._philox import key_of
from steepest.spiking._updates import MOST_EXPONENT
from steepest.spiking.event_model import EventModel, Events
from steepest.spiking.gpu_layouts import AbstractLayout, Launch, Start, layout_of

__all__ = ["GpuEngine", "open_gpu"]

INSTALL = "pip install 'steepest[gpu]'"
WORK = 5e10  # synapse-steps of one launch: about half a second between two looks at Ctrl-C
FEWEST, MOST = 1_000, 100_000  # steps of one launch


def open_gpu() -> Any:
    """The module with the kernels. Raises `UsageError` that says what is missing, and the cure."""
    from importlib.util import find_spec

    from numba.core import config

    simulated = bool(vars(config)["ENABLE_CUDASIM"])
    if not simulated and find_spec("numba_cuda") is None:
        raise UsageError(
            f"engine 'gpu' needs numba-cuda, which is not installed: {INSTALL}; or take 'events'"
        )
    from numba import cuda

    if not simulated:
        try:
            count = len(cuda.gpus)
            seen = f"{count} GPUs"
        except Exception as error:  # of the driver, which has many kinds
            count, seen = 0, " ".join(str(error).split()) or type(error).__name__
        if not count:
            raise UsageError(
                f"engine 'gpu': no GPU was found by numba-cuda ({seen}); it needs one of NVIDIA's "
                "with its driver; take 'events', or 'dense'"
            )
    from steepest.spiking import _gpu_kernels

    return _gpu_kernels


class _Copies(dict[str, np.ndarray]):
    """Arrays of a GPU, copied from it when they are first asked for."""

    def __init__(self, device: dict[str, Any]) -> None:
        super().__init__()
        self.device = device

    def __missing__(self, name: str) -> np.ndarray:
        self[name] = array = self.device[name].copy_to_host()
        return array


class GpuEngine:
    """Many trials of one neuron learning on a GPU, run step by step; `simulate` is the front door.

    The arguments are those of `EventEngine`; `layout` is the kernel's, which the number of trials
    decides unless one is given. Raises `UsageError` where there is no GPU, or too little memory.
    """

    def __init__(
        self,
        model: EventModel,
        weights: Float[np.ndarray, "trials n"],
        target: Float[np.ndarray, "trials n"],
        *,
        seed: int | None,
        draws: tuple[bool, bool] = (True, True),
        traces: Float[np.ndarray, "trials 2 n"] | None = None,
        step: int = 0,
        saved: dict[str, np.ndarray] | None = None,
        layout: AbstractLayout | None = None,
    ) -> None:
        self.kernels = open_gpu()
        self.model, self.draws = model, draws
        trials, n = weights.shape
        self.layout = layout or layout_of(model, trials)
        shapes = self.layout.shapes()
        self._check_memory(shapes)
        traces = np.zeros((trials, 2, n)) if traces is None else traces
        start = Start(weights, target, traces)
        self.key = self._key(target, seed)
        state = None if saved is None else self._restored(saved, start, step)
        if state is None:
            self.origin = step
            state = {name: np.zeros(shape, kind) for name, (kind, shape) in shapes.items()}
            state["numbers"][row.MEAN0] = np.inf  # no quadrature yet
            counters = state["counters"]
            counters[row.STEP] = step
            counters[[row.EVENTS, row.TEACHER_EVENTS]] = -1  # not even the first gap
            self.layout.begin(state, start)
        # A run that goes on from weights and traces alone must not see its spikes again.
        self.words = key_of(0 if seed is None else seed, self.origin)
        self.device = {name: self._send(array) for name, array in state.items()}
        self.device |= {name: self._send(array) for name, array in self.layout.constants().items()}
        none = np.zeros(1, dtype=np.int64)
        self.lists = [none, none, none]
        self.stops = np.zeros((2, trials), dtype=np.int64)
        self.given = tuple(self._send(array) for array in (*self.lists, self.stops))

    def _send(self, array: np.ndarray) -> Any:
        return self.kernels.cuda.to_device(np.ascontiguousarray(array))

    def _check_memory(self, shapes: dict[str, tuple[type, tuple[int, ...]]]) -> None:
        needed = sum(float(np.prod(shape, dtype=float)) * 8 for _, shape in shapes.values())
        there = float(self.kernels.cuda.current_context().get_memory_info().free)
        if needed > there:
            raise UsageError(
                f"engine 'gpu': the run needs {needed:.4g} bytes of the GPU's memory, and "
                f"{there:.4g} are free: run fewer trials at a time, or take 'events'"
            )

    def _key(self, target: np.ndarray, seed: int | None) -> np.ndarray:
        """What a saved state must have in common with this run: all but the learning rate."""
        told = replace(self.model, eta=0.0, rates=np.zeros(0))
        words = repr((told, seed, self.draws, target.shape, "gpu", self.layout.name))
        digest = hashlib.sha256(words.encode())
        digest.update(self.model.rates.tobytes())
        digest.update(np.ascontiguousarray(target).tobytes())
        return np.frombuffer(digest.digest(), dtype=np.uint8)

    def _restored(
        self, saved: dict[str, np.ndarray], start: Start, step: int
    ) -> dict[str, np.ndarray] | None:
        """The arrays of an earlier engine's `save()`, if it is of this run at this very state."""
        if not np.array_equal(saved.get("key", []), self.key):
            return None
        state: dict[str, np.ndarray] = {}
        for name, (kind, shape) in {**self.layout.shapes(), "origin": (np.int64, (1,))}.items():
            array = saved.get(name)
            if array is None or array.shape != shape or array.dtype != kind:
                return None
            state[name] = array.copy()
        self.origin = int(state.pop("origin")[0])
        counters = state["counters"]
        counters[[row.GIVEN, row.TAUGHT]] = 0  # given spikes come anew
        hazards = [state["numbers"][[row.LEFT, row.TEACHER_LEFT]]]
        if "synapses" in state:
            hazards.append(state["synapses"][4])
        sound = (
            0 <= self.origin <= step
            and (counters[row.STEP] == step).all()
            and (counters[row.HAPPENED] == device.FINE).all()
            and all(((left >= 0) & np.isfinite(left)).all() for left in hazards)
            and np.array_equal(start.weights, self.layout.weights(state))
            and np.array_equal(start.traces, self.layout.traces(state, step - self.origin))
        )
        return state if sound else None

    @property
    def step(self) -> int:
        """How many steps have been made."""
        return int(self._read("counters")[row.STEP].min())

    def _read(self, name: str) -> np.ndarray:
        return self.device[name].copy_to_host()

    def _state(self) -> dict[str, np.ndarray]:
        return _Copies(self.device)

    def save(self) -> dict[str, np.ndarray]:
        """A copy of everything that moves, for `saved`; given spikes are given anew."""
        copies = {name: self._read(name) for name in self.layout.shapes()}
        return {"key": self.key, "origin": np.array([self.origin]), **copies}

    def give(
        self, inputs: Events | None = None, teacher: Events | None = None, *, shared: bool = False
    ) -> None:
        """Take the spikes of the steps that are run next, up to the next call, instead of drawing.

        Of each trial, or with `shared` those of trial 0 for every trial.
        """
        trials = self.layout.trials
        counters = self._read("counters")
        for which, events in enumerate((inputs, teacher)):
            if events is None:
                continue
            order = np.lexsort((events.step, events.trial))
            trial = events.trial[order]
            every = np.zeros(trials, dtype=np.int64) if shared else np.arange(trials)
            steps = events.step[order].astype(np.int64)
            counters[row.TAUGHT if which else row.GIVEN] = np.searchsorted(trial, every)
            self.stops[which] = np.searchsorted(trial, every, side="right")
            if events.afferent is not None:
                places = self.layout.place(events.afferent[order]).astype(np.int64)
                self.lists[1] = np.append(places, 0)
            self.lists[2 if which else 0] = np.append(steps, -1)
        self.device["counters"] = self._send(counters)
        self.given = tuple(self._send(array) for array in (*self.lists, self.stops))

    def run(self, until: int, advance: Callable[[float], None] | None = None) -> None:
        """Run every trial to step `until`; `advance` hears of the steps made after each launch.

        Raises `LearningError` where the learning rate makes lambda <= 0 and `MetricError` where the
        metric fails, naming trial, step and cure: the earliest step at which a trial failed.
        """
        size = self.layout.trials * len(self.model.rates)
        span = int(min(MOST, max(FEWEST, WORK / size)))
        step = self.step
        while step < until:
            last = min(until, step + span)
            with warnings.catch_warnings():
                # A small grid leaves much of a GPU idle: a small run is what was asked for.
                warnings.filterwarnings("ignore", message=".*[Gg]rid size", category=Warning)
                launch = Launch(last, self.origin, self.draws, self.words, self.device, self.given)
                self.layout.launch(self.kernels, launch)
                self.kernels.cuda.synchronize()
            self._check(self._read("counters"))
            if advance:
                advance(float(last - step))
            step = last
        voltages = self.voltages()
        lost = ~np.isfinite(voltages)
        if lost.any():
            raise LearningError(
                f"trial {int(np.flatnonzero(lost)[0])}, by step {step} ({step * self.model.dt:g} s)"
                ": the voltage is no finite number any more: the weights have run away; lower the "
                "learning rate"
            )

    def _check(self, counters: np.ndarray) -> None:
        failed = np.flatnonzero(counters[row.HAPPENED] != device.FINE)
        if not len(failed):
            return
        trial = int(failed[np.argmin(counters[row.STEP, failed])])
        happened, step = (int(counters[k, trial]) for k in (row.HAPPENED, row.STEP))
        numbers = self._read("numbers")[:, trial]
        where = f"trial {trial}, step {step} ({step * self.model.dt:g} s)"
        mean = self.model.eps0 * numbers[row.LOST_MEAN]
        reach = MOST_EXPONENT / self.model.slope
        if happened == device.LAMBDA:
            growth = numbers[row.LAM]
            raise LearningError(
                f"{where}: the learning rate {self.model.eta:g} multiplies the weights by "
                f"{growth:.3g} in one step (lambda = 1 + g gamma_w), past 0; the largest safe rate "
                f"there is {self.model.eta / (1.0 - growth):.3g}"
            )
        if happened == device.SPREAD:
            spread = np.sqrt(numbers[row.LOST_SQUARE] / self.model.c_eps)
            raise MetricError(
                f"{where}: the voltage spreads by {spread:.4g} mV (standard deviation), more than "
                f"the {reach:.4g} mV over which the rule's quadrature reaches: the weights have run"
                " away; lower the learning rate"
            )
        if happened == device.FLAT:
            raise MetricError(
                f"{where}: the voltage {numbers[row.LOST_V]:.4g} mV or its mean {mean:.4g} mV is "
                f"more than {reach:.4g} mV from the threshold, where the neuron's firing says "
                "nothing about it: the weights have run away; lower the learning rate"
            )
        raise MetricError(
            f"{where}: the neuron's Fisher metric is not positive definite (mean voltage "
            f"{mean:.4g} mV): the weights have run away; lower the learning rate"
        )

    def weights(self) -> Float[np.ndarray, "trials n"]:
        """The weights now (trials, n)."""
        return self.layout.weights(self._state())

    def traces(self) -> Float[np.ndarray, "trials 2 n"]:
        """The two traces of each synapse now; x is kappa times their difference."""
        return self.layout.traces(self._state(), self.step - self.origin)

    def voltages(self) -> Float[np.ndarray, " trials"]:
        """V now (trials,), in mV, without the bias."""
        return self.layout.voltages(self._state(), self.step - self.origin)
