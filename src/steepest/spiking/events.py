"""The fast engine: the exact event-driven scheme for constant rates, many trials side by side.

A synapse is touched only when it spikes, yet the weights are those of the dense scheme to rounding
(`_lockstep`): a step costs one neuron's dozen scalars and the spikes that fall in it, not n
synapses. Trials run in blocks of 16 or 8, blocks on as many threads as there are cores; a trial's
numbers depend on the seed and on the number of trials only, never on the threads.
"""

import hashlib
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
from jaxtyping import Float

from steepest.errors import LearningError, MetricError, UsageError
from steepest.machine import cores
from steepest.spiking import _classes
from steepest.spiking import _lockstep as kernel
from steepest.spiking import _updates as layout
from steepest.spiking._class_block import run_classes
from steepest.spiking._moments import TILE
from steepest.spiking._random import GAIN, count_table
from steepest.spiking.event_blocks import REACH, EventBlocks, aligned
from steepest.spiking.event_model import EventModel, Events

__all__ = ["EventEngine"]

# The kernel reads the number of lanes off the type.
LANES = {16: (0,) * 16, 8: (0,) * 8}
NARROW_FROM = 300  # afferents: above, 16 lanes of records no longer pay


class EventEngine:
    """Many trials of one neuron learning, run step by step; `simulate` is the front door.

    `weights`, `target` (trials, n) are the student's at the start and the teacher's, `traces`
    (trials, 2, n) where the synapses stand. Inputs and teacher are drawn from `seed` unless `run`
    is given them. `saved` is an earlier engine's `save()`, which is continued where it belongs to
    the same run, whatever its learning rate, and to these `weights`, `traces` and `step`; elsewhere
    the run begins from them.
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
        threads: int | None = None,
        lanes: int | None = None,
    ) -> None:
        trials, n = weights.shape
        if lanes is None:
            narrow = trials <= 8 or n >= NARROW_FROM or model.by_class
            lanes = 8 if narrow else 16
        self.model, self.lanes = model, LANES[lanes]
        self.threads = threads or cores()
        self.moving = EventBlocks(model, trials, n, lanes, draws)
        self.parameters = model.parameters()
        self.key = self._key(target, seed)
        self.gains = np.ascontiguousarray(self.moving.table[GAIN])
        self.afferents = model.afferent_table()
        self.factors = model.class_factors()
        blocks = range(self.moving.count)
        sizes = {self.moving.real(block) for block in (0, blocks[-1])}
        self.counts = {real: self._count_tables(real) for real in sizes}
        slots = lanes * (self.moving.table.shape[1] if model.by_class else 1)
        self.work = [
            {
                "sums": aligned(kernel.SUMS * slots),
                "changes": aligned(kernel.CHANGES * slots),
                "shared": aligned(_classes.SHARED * lanes),
                "flags": aligned(lanes, dtype=np.int64),
                "scratch": aligned(8 + 3 * TILE),
            }
            for _ in blocks
        ]
        traces = np.zeros((trials, 2, n)) if traces is None else traces
        if saved is None or not self._restore(saved, weights, traces, step):
            self.moving.arrays = self.moving.allocate()
            self.moving.begin(weights, target, traces, seed, step)

    @property
    def state(self) -> dict[str, np.ndarray]:
        """The arrays of what moves, by name, blocks first."""
        return self.moving.arrays

    def _count_tables(self, real: int) -> tuple[np.ndarray, np.ndarray]:
        """Tables of how many inputs and teacher's candidates fall in a step of `real` trials."""
        hazard = self.model.dt * float(self.parameters[layout.TOTAL_RATE])
        taught = float(self.parameters[layout.TEACHER_HAZARD])
        return count_table(real * hazard), count_table(real * taught)

    def _key(self, target: np.ndarray, seed: int | None) -> np.ndarray:
        """What a saved state must have in common with this run: all but the learning rate."""
        arrays = ("rates", "gains", "factors", "knots", "courses")
        told = {k: v for k, v in vars(self.model).items() if k not in (*arrays, "eta")}
        words = repr((told, seed, self.moving.drawn, self.moving.trials, len(self.lanes)))
        digest = hashlib.sha256(words.encode())
        for name in arrays:
            array = getattr(self.model, name)
            digest.update(repr(None if array is None else array.shape).encode())
            digest.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
        digest.update(np.ascontiguousarray(target).tobytes())
        return np.frombuffer(digest.digest(), dtype=np.uint8)

    def _restore(
        self, saved: dict[str, np.ndarray], weights: np.ndarray, traces: np.ndarray, step: int
    ) -> bool:
        """Take over an earlier engine's `save()`; whether it is of this run, at this very state."""
        if not np.array_equal(saved.get("key", []), self.key):
            return False
        for name in self.moving.names_kept():
            mine, array = self.state[name], saved.get(name)
            if array is None or array.shape != mine.shape or array.dtype != mine.dtype:
                return False
            mine[...] = array
        # Given spikes come anew; without them these counters would point at nothing.
        counters = self.state["counters"]
        for drawn, first in zip(self.moving.drawn, (kernel.SPIKES, kernel.CANDIDATES), strict=True):
            if not drawn:
                counters[:, first : first + 2] = 0
                counters[:, first + 2] = step
        return (
            self.moving.is_sound()
            and bool((counters[:, kernel.STEP] == step).all())
            and np.array_equal(weights, self.weights())
            and np.array_equal(traces, self.traces())
        )

    @property
    def step(self) -> int:
        """How many steps have been made."""
        return int(self.state["counters"][:, kernel.STEP].min())

    def save(self) -> dict[str, np.ndarray]:
        """A copy of everything that moves, for `saved`; given spikes are given anew."""
        return {"key": self.key} | {
            name: self.state[name].copy() for name in self.moving.names_kept()
        }

    def give(self, inputs: Events | None = None, teacher: Events | None = None) -> None:
        """Take the spikes of the steps that are run next, up to the next call, instead of drawing.

        Needs an engine whose `draws` says so. Raises `UsageError` for a spike of an afferent whose
        rate is 0.
        """
        N, moving = len(self.lanes), self.moving
        if inputs is not None and inputs.afferent is not None:
            if np.isin(inputs.afferent, moving.silent).any():
                i = int(np.flatnonzero(np.isin(inputs.afferent, moving.silent))[0])
                raise UsageError(
                    f"afferent {inputs.afferent[i]} spikes in step {inputs.step[i]}, trial "
                    f"{inputs.trial[i]}, but its rate is 0 Hz; leave the spike out"
                )
            place = np.full(moving.n, -1)
            place[moving.active] = np.arange(len(moving.active))
            at, lane = place[inputs.afferent], inputs.trial % N
            words = ((moving.kinds[at] * N + lane) << 32) | (lane * len(moving.active) + at)
            self._give("spikes", words, inputs, kernel.SPIKES)
        if teacher is not None:
            self._give("candidates", teacher.trial % N, teacher, kernel.CANDIDATES)
            self.state["chances"] = np.full(self.state["candidates"].shape, -1.0)

    def _give(self, name: str, words: np.ndarray, events: Events, counter: int) -> None:
        block, base, blocks = events.trial // len(self.lanes), self.step, self.moving.count
        counts = np.bincount(block, minlength=blocks)
        table = np.zeros((blocks, int(counts.max()) + kernel.AHEAD), dtype=np.int64)
        steps = int(events.step.max(initial=base)) - base + 1
        numbers = np.zeros((blocks, steps), dtype=np.int64)
        np.add.at(numbers, (block, events.step - base), 1)
        order = np.argsort(block, kind="stable")
        for k, mine in enumerate(np.split(order, np.cumsum(counts)[:-1])):
            table[k, : len(mine)] = words[mine]
        self.state[name], self.state[f"{name}_per_step"] = table, numbers
        self.state["counters"][:, counter] = counts
        self.state["counters"][:, counter + 1] = 0
        self.state["counters"][:, counter + 2] = base

    def run(self, until: int, advance: Callable[[float], None] | None = None) -> None:
        """Run every trial to step `until`; `advance` hears of the steps made, a block at a time.

        An interrupt is raised when all blocks have come to the same step. Raises `LearningError`
        where the learning rate makes lambda <= 0 and `MetricError` where the metric fails, naming
        trial, step and cure: the earliest step at which a trial failed, also when interrupted.
        """
        blocks = range(self.moving.count)
        share = (until - self.step) / len(blocks)
        now = None
        if self.model.by_class:  # a period further: spikes are drawn ahead
            now = self.model.class_course(self.step, until + self.model.period)
        with ThreadPoolExecutor(self.threads) as pool:
            jobs = [pool.submit(self._run_block, block, until, now) for block in blocks]
            try:
                for job in jobs:
                    job.result()
                    if advance:
                        advance(share)
            finally:
                wait(jobs)
                results = [job.result() for job in jobs]
                steps = self.state["counters"][:, kernel.STEP]
                failed = [k for k, (happened, _) in enumerate(results) if happened != kernel.FINE]
                if failed:
                    first = min(failed, key=lambda k: (steps[k], k))
                    self._raise_for(first, *results[first])
        lost = ~np.isfinite(self.voltages())
        if lost.any():
            raise LearningError(
                f"trial {int(np.flatnonzero(lost)[0])}, by step {self.step} "
                f"({self.step * self.model.dt:g} s): the voltage is no finite number any more: the"
                " weights have run away; lower the learning rate"
            )

    def _run_block(self, block: int, until: int, now: np.ndarray | None = None) -> tuple[int, int]:
        state = {name: array[block] for name, array in self.state.items()}
        work, moving = self.work[block], self.moving
        real = moving.real(block)
        plan = (
            self.lanes,
            len(self.lanes),
            self.model.rule,
            real,
            self.model.period,
            self.model.drawn(len(self.lanes)),
            until,
            *moving.drawn,
            self.parameters,
            moving.table,
        )
        tables = (*self.counts[real], self.afferents)
        spikes = (
            state["counters"],
            state["random"],
            state["spikes_per_step"],
            state["spikes"],
            state["candidates_per_step"],
            state["candidates"],
            state["chances"],
            work["sums"],
            work["changes"],
        )
        X, records = state["scalars"], state["records"]
        rest = (work["flags"], work["scratch"])
        if now is None:
            return kernel.run_block(
                *plan, self.gains, *tables, X, records, state["silent"], *spikes, *rest
            )
        Y, shared = state["classes"], work["shared"]
        return run_classes(*plan, self.factors, now, *tables, X, Y, records, *spikes, shared, *rest)

    def _raise_for(self, block: int, happened: int, lane: int) -> None:
        step = int(self.state["counters"][block, kernel.STEP])
        where = f"trial {block * len(self.lanes) + lane}, step {step} ({step * self.model.dt:g} s)"
        if happened == kernel.LAMBDA:
            growth = float(self.moving.scalars[block, layout.LAM, lane])
            safe = self.model.eta / (1.0 - growth)
            raise LearningError(
                f"{where}: the learning rate {self.model.eta:g} multiplies the weights by "
                f"{growth:.3g} in one step (lambda = 1 + g gamma_w), past 0; the largest safe rate "
                f"there is {safe:.3g}"
            )
        mean = self.model.eps0 * float(self.moving.scalars[block, layout.MEAN, lane])
        variance = float(self.moving.scalars[block, layout.SQUARE, lane]) / self.model.c_eps
        reach = layout.MOST_EXPONENT / self.model.slope
        if happened == kernel.SPREAD:
            raise MetricError(
                f"{where}: the voltage spreads by {math.sqrt(variance):.4g} mV (standard deviation)"
                f", more than the {reach:.4g} mV over which the rule's quadrature reaches: the"
                " weights have run away; lower the learning rate"
            )
        if happened == kernel.FLAT:
            voltage = self.model.kappa * float(
                self.moving.scalars[block, layout.VM, lane]
                - self.moving.scalars[block, layout.VS, lane]
            )
            raise MetricError(
                f"{where}: V = {voltage:.4g} mV (mean {mean:.4g} mV) with the bias of "
                f"{self.model.bias:g} mV is more than {reach:.4g} mV from the threshold, where the "
                "firing says nothing about the voltage: start from weights nearer to it, change "
                "the neuron's bias, or lower the learning rate if the weights have run away"
            )
        if happened == kernel.METRIC:
            raise MetricError(
                f"{where}: the neuron's Fisher metric is not positive definite (mean voltage "
                f"{mean:.4g} mV): the weights have run away; lower the learning rate"
            )
        raise UsageError(
            f"block {block}, step {step}: more spikes than the buffer "
            f"of {REACH:g} standard deviations holds, which a Poisson process does not make"
        )

    def weights(self) -> Float[np.ndarray, "trials n"]:
        """The weights now (trials, n)."""
        return self.moving.weights()

    def traces(self) -> Float[np.ndarray, "trials 2 n"]:
        """The two traces of each synapse now (trials, 2, n); x is kappa times their difference."""
        return self.moving.traces()

    def voltages(self) -> Float[np.ndarray, " trials"]:
        """V now (trials,), in mV, without the bias."""
        return self.moving.voltages()
