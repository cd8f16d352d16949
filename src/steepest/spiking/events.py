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
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float

from steepest.errors import LearningError, MetricError, UsageError
from steepest.machine import cores
from steepest.spiking import _lockstep as kernel
from steepest.spiking import _updates as layout
from steepest.spiking._moments import TILE
from steepest.spiking._random import GAIN, SIZE, STREAMS, count_table, stream_states
from steepest.spiking.event_model import EventModel, Events

__all__ = ["EventEngine"]

# The kernel reads the number of lanes off the type.
LANES = {16: (0,) * 16, 8: (0,) * 8}
NARROW_FROM = 300  # afferents: above, 16 lanes of records no longer pay
REACH = 12.0  # standard deviations of room in the spike buffers: an overflow raises


def _aligned(*shape: int, dtype: Any = np.float64) -> np.ndarray:
    """Zeros that begin at a multiple of 64 bytes, so that a vector load crosses no cache line."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + 64, dtype=np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype).reshape(shape)


def _room(mean: float) -> int:
    return int(mean + REACH * math.sqrt(mean + 1.0)) + 128


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
        self.model = model
        self.trials, self.n = weights.shape
        self.table, self.active = model.classes()
        self.silent = np.flatnonzero(model.rates <= 0)
        if lanes is None:
            lanes = 8 if self.trials <= 8 or self.n >= NARROW_FROM else 16
        self.lanes = LANES[lanes]
        self.threads = threads or cores()
        self.drawn = draws
        self.parameters = model.parameters()
        self.blocks = -(-self.trials // lanes)
        self.key = self._key(target, seed)
        self.gains = np.ascontiguousarray(self.table[GAIN])
        self.afferents = model.afferent_table()
        sizes = {self._real(0), self._real(self.blocks - 1)}
        self.counts = {real: self._count_tables(real) for real in sizes}
        self.work = [
            (
                _aligned(kernel.SUMS * lanes),
                _aligned(kernel.CHANGES * lanes),
                _aligned(lanes, dtype=np.int64),
                _aligned(8 + 3 * TILE),
            )
            for _ in range(self.blocks)
        ]
        self.state = self._allocate()
        traces = np.zeros((self.trials, 2, self.n)) if traces is None else traces
        if saved is None or not self._restore(saved, weights, traces, step):
            self.state = self._allocate()
            self._begin(weights, target, traces, seed, step)

    def _real(self, block: int) -> int:
        """How many of a block's lanes are trials."""
        lanes = len(self.lanes)
        return min(lanes, self.trials - block * lanes)

    def _count_tables(self, real: int) -> tuple[np.ndarray, np.ndarray]:
        """Tables of how many inputs and teacher's candidates fall in a step of `real` trials."""
        hazard = self.model.dt * float(self.parameters[layout.TOTAL_RATE])
        taught = float(self.parameters[layout.TEACHER_HAZARD])
        return count_table(real * hazard), count_table(real * taught)

    def _key(self, target: np.ndarray, seed: int | None) -> np.ndarray:
        """What a saved state must have in common with this run: all but the learning rate."""
        told = replace(self.model, eta=0.0, rates=np.zeros(0))
        words = repr((told, seed, self.drawn, self.trials, len(self.lanes)))
        digest = hashlib.sha256(words.encode())
        digest.update(self.model.rates.tobytes())
        digest.update(np.ascontiguousarray(target).tobytes())
        return np.frombuffer(digest.digest(), dtype=np.uint8)

    def _restore(
        self, saved: dict[str, np.ndarray], weights: np.ndarray, traces: np.ndarray, step: int
    ) -> bool:
        """Take over an earlier engine's `save()`; whether it is of this run, at this very state."""
        if not np.array_equal(saved.get("key", []), self.key):
            return False
        for name in self._kept():
            mine, array = self.state[name], saved.get(name)
            if array is None or array.shape != mine.shape or array.dtype != mine.dtype:
                return False
            mine[...] = array
        # Given spikes come anew; without them these counters would point at nothing.
        counters = self.state["counters"]
        for drawn, first in zip(self.drawn, (kernel.SPIKES, kernel.CANDIDATES), strict=True):
            if not drawn:
                counters[:, first : first + 2] = 0
                counters[:, first + 2] = step
        return (
            self._is_sound()
            and bool((counters[:, kernel.STEP] == step).all())
            and np.array_equal(weights, self.weights())
            and np.array_equal(traces, self.traces())
        )

    def _is_sound(self) -> bool:
        """Whether all that the kernel takes as places in its arrays lies inside them."""
        N, counters = len(self.lanes), self.state["counters"]
        spikes, candidates = self.state["spikes"], self.state["candidates"]
        step, phase = counters[:, kernel.STEP], counters[:, kernel.PHASE]
        slot, row = spikes >> 32, spikes & 0xFFFFFFFF
        sound = [
            (phase >= 0) & (phase < self.model.period),
            (slot >= 0) & (slot < self.table.shape[1] * N),
            row < max(1, N * len(self.active)),
            (candidates >= 0) & (candidates < N),
        ]
        for k, name in ((kernel.SPIKES, "spikes"), (kernel.CANDIDATES, "candidates")):
            total, used, base = counters[:, k : k + 3].T
            numbers = self.state[f"{name}_per_step"]
            ahead = np.arange(numbers.shape[1]) >= (step - base)[:, None]
            left = np.where(ahead, numbers, 0).sum(axis=1)
            sound += [(numbers >= 0) & (numbers <= total[:, None]), (base >= 0) & (base <= step)]
            sound += [(used >= 0) & (used + left <= total), total <= self.state[name].shape[1]]
        return all(bool(check.all()) for check in sound)

    def _allocate(self) -> dict[str, np.ndarray]:
        N, active = len(self.lanes), len(self.active)
        span = N * self.model.drawn(N)
        inputs = _room(span * self.model.dt * float(self.parameters[layout.TOTAL_RATE]))
        taught = _room(span * float(self.parameters[layout.TEACHER_HAZARD]))
        return {
            "scalars": _aligned(self.blocks, layout.ROWS * N),
            "records": _aligned(self.blocks, N * active, 4),
            "silent": _aligned(self.blocks, N * len(self.silent)),
            "counters": np.zeros((self.blocks, kernel.COUNTERS), dtype=np.int64),
            "random": np.zeros((self.blocks, 5 * STREAMS), dtype=np.uint64),
            "spikes_per_step": np.zeros((self.blocks, STREAMS), dtype=np.int64),
            "spikes": np.zeros(
                (self.blocks, inputs if self.drawn[0] else kernel.AHEAD), dtype=np.int64
            ),
            "candidates_per_step": np.zeros((self.blocks, STREAMS), dtype=np.int64),
            "candidates": np.zeros((self.blocks, taught if self.drawn[1] else 1), dtype=np.int64),
            "chances": np.zeros((self.blocks, taught if self.drawn[1] else 1)),
        }

    def _begin(
        self,
        weights: np.ndarray,
        target: np.ndarray,
        traces: np.ndarray,
        seed: int | None,
        step: int,
    ) -> None:
        N, active, state = len(self.lanes), self.active, self.state
        shape = (self.blocks, N, len(active))
        padded = np.minimum(np.arange(self.blocks * N), self.trials - 1)
        gain, rates = self._gains, self.model.rates[active]
        records = state["records"].reshape(*shape, 4)
        records[..., 0] = w = weights[padded][:, active].reshape(shape)
        # Traces that no spike renews would decay to numbers that the processor is slow with.
        real = (np.arange(self.blocks * N) < self.trials)[:, None]
        m, s = ((real * traces[padded, k])[:, active].reshape(shape) for k in range(2))
        records[..., 1], records[..., 2] = gain * m, gain * s
        records[..., 3] = taught = target[padded][:, active].reshape(shape)
        state["silent"][:] = weights[padded][:, self.silent].reshape(self.blocks, -1)
        x = self._scalars
        sums = {
            layout.VM: w * m,
            layout.VS: w * s,
            layout.TM: taught * m,
            layout.TS: taught * s,
            layout.RM: m,
            layout.RS: s,
            layout.QMM: gain * m * m,
            layout.QMS: gain * m * s,
            layout.QSS: gain * s * s,
            layout.MEAN: w * rates,
            layout.SQUARE: w * w * rates,
        }
        for row, terms in sums.items():
            x[:, row] = terms.sum(axis=-1)
        x[:, layout.L] = 1.0
        x[:, layout.MEAN0] = np.inf  # no quadrature yet
        for counter in (kernel.STEP, kernel.SPIKE_BASE, kernel.CANDIDATE_BASE):
            state["counters"][:, counter] = step
        # A run that goes on from weights and traces alone must not see its spikes again.
        for block in range(self.blocks):
            state["random"][block] = stream_states(0 if seed is None else seed, step, block)

    @property
    def _scalars(self) -> np.ndarray:
        return self.state["scalars"].reshape(self.blocks, layout.ROWS, len(self.lanes))

    @property
    def _gains(self) -> np.ndarray:
        return np.repeat(self.table[GAIN], self.table[SIZE].astype(np.int64))

    @property
    def step(self) -> int:
        """How many steps have been made."""
        return int(self.state["counters"][:, kernel.STEP].min())

    def _kept(self) -> list[str]:
        """The names of what is saved: all but given spikes."""
        given = set() if self.drawn[0] else {"spikes", "spikes_per_step"}
        given |= set() if self.drawn[1] else {"candidates", "candidates_per_step", "chances"}
        return sorted(self.state.keys() - given)

    def save(self) -> dict[str, np.ndarray]:
        """A copy of everything that moves, for `saved`; given spikes are given anew."""
        return {"key": self.key} | {name: self.state[name].copy() for name in self._kept()}

    def give(self, inputs: Events | None = None, teacher: Events | None = None) -> None:
        """Take the spikes of the steps that are run next, up to the next call, instead of drawing.

        Needs an engine whose `draws` says so. Raises `UsageError` for a spike of an afferent whose
        rate is 0.
        """
        N = len(self.lanes)
        if inputs is not None and inputs.afferent is not None:
            if np.isin(inputs.afferent, self.silent).any():
                i = int(np.flatnonzero(np.isin(inputs.afferent, self.silent))[0])
                raise UsageError(
                    f"afferent {inputs.afferent[i]} spikes in step {inputs.step[i]}, trial "
                    f"{inputs.trial[i]}, but its rate is 0 Hz; leave the spike out"
                )
            place = np.full(self.n, -1)
            place[self.active] = np.arange(len(self.active))
            kind = np.repeat(np.arange(self.table.shape[1]), self.table[SIZE].astype(np.int64))
            at, lane = place[inputs.afferent], inputs.trial % N
            words = ((kind[at] * N + lane) << 32) | (lane * len(self.active) + at)
            self._give("spikes", words, inputs, kernel.SPIKES)
        if teacher is not None:
            self._give("candidates", teacher.trial % N, teacher, kernel.CANDIDATES)
            room = self.state["candidates"].shape[-1]
            self.state["chances"] = np.full((self.blocks, room), -1.0)

    def _give(self, name: str, words: np.ndarray, events: Events, counter: int) -> None:
        block, base = events.trial // len(self.lanes), self.step
        counts = np.bincount(block, minlength=self.blocks)
        table = np.zeros((self.blocks, int(counts.max()) + kernel.AHEAD), dtype=np.int64)
        steps = int(events.step.max(initial=base)) - base + 1
        numbers = np.zeros((self.blocks, steps), dtype=np.int64)
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
        share = (until - self.step) / self.blocks
        with ThreadPoolExecutor(self.threads) as pool:
            jobs = [pool.submit(self._run_block, block, until) for block in range(self.blocks)]
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

    def _run_block(self, block: int, until: int) -> tuple[int, int]:
        N = len(self.lanes)
        state = {name: array[block] for name, array in self.state.items()}
        return kernel.run_block(
            self.lanes,
            N,
            self.model.rule,
            self._real(block),
            self.model.period,
            self.model.drawn(N),
            until,
            *self.drawn,
            self.parameters,
            self.table,
            self.gains,
            *self.counts[self._real(block)],
            self.afferents,
            state["scalars"],
            state["records"],
            state["silent"],
            state["counters"],
            state["random"],
            state["spikes_per_step"],
            state["spikes"],
            state["candidates_per_step"],
            state["candidates"],
            state["chances"],
            *self.work[block],
        )

    def _raise_for(self, block: int, happened: int, lane: int) -> None:
        step = int(self.state["counters"][block, kernel.STEP])
        where = f"trial {block * len(self.lanes) + lane}, step {step} ({step * self.model.dt:g} s)"
        if happened == kernel.LAMBDA:
            growth = float(self._scalars[block, layout.LAM, lane])
            safe = self.model.eta / (1.0 - growth)
            raise LearningError(
                f"{where}: the learning rate {self.model.eta:g} multiplies the weights by "
                f"{growth:.3g} in one step (lambda = 1 + g gamma_w), past 0; the largest safe rate "
                f"there is {safe:.3g}"
            )
        mean = self.model.eps0 * float(self._scalars[block, layout.MEAN, lane])
        variance = float(self._scalars[block, layout.SQUARE, lane]) / self.model.c_eps
        reach = layout.MOST_EXPONENT / self.model.slope
        if happened == kernel.SPREAD:
            raise MetricError(
                f"{where}: the voltage spreads by {math.sqrt(variance):.4g} mV (standard deviation)"
                f", more than the {reach:.4g} mV over which the rule's quadrature reaches: the"
                " weights have run away; lower the learning rate"
            )
        if happened == kernel.FLAT:
            voltage = self.model.kappa * float(
                self._scalars[block, layout.VM, lane] - self._scalars[block, layout.VS, lane]
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
        N, active = len(self.lanes), len(self.active)
        x = self._scalars
        big_l, big_u, big_a, big_b = (
            x[:, k][..., None] for k in (layout.L, layout.U, layout.A, layout.B)
        )
        records = self.state["records"].reshape(self.blocks, N, active, 4)
        p, m, s = records[..., 0], records[..., 1], records[..., 2]
        out = np.empty((self.blocks * N, self.n))
        now = big_l * (p + (m * big_a - s * big_b) - big_u)
        out[:, self.active] = now.reshape(len(out), active)
        silent = self.state["silent"].reshape(self.blocks, N, len(self.silent))
        out[:, self.silent] = (big_l * (silent - big_u)).reshape(len(out), len(self.silent))
        return out[: self.trials]

    def traces(self) -> Float[np.ndarray, "trials 2 n"]:
        """The two traces of each synapse now; x is kappa times their difference."""
        N, active = len(self.lanes), len(self.active)
        records = self.state["records"].reshape(self.blocks, N, active, 4)
        phase = self.state["counters"][:, kernel.PHASE].astype(float)[:, None, None]
        out = np.zeros((self.blocks * N, 2, self.n))
        for k, decay in enumerate(self.model.decay):
            trace = records[..., 1 + k] / self._gains * decay**phase
            out[:, k, self.active] = trace.reshape(len(out), active)
        return out[: self.trials]

    def voltages(self) -> Float[np.ndarray, " trials"]:
        """V now (trials,), in mV, without the bias."""
        x = self._scalars
        return (self.model.kappa * (x[:, layout.VM] - x[:, layout.VS])).reshape(-1)[: self.trials]
