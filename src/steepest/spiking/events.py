"""The fast engine: the exact event-driven scheme for constant rates, many trials side by side.

A synapse is touched only when it spikes, yet the weights are those of the dense scheme to rounding
(`_lockstep`): a step costs one neuron's dozen scalars and the spikes that fall in it, not n
synapses. Trials run in blocks of 16 or 8, blocks on as many threads as there are cores; a trial's
numbers depend on the seed and on the number of trials only, never on the threads.
"""

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from steepest.errors import DomainError, UsageError
from steepest.spiking import _lockstep as kernel
from steepest.spiking._moments import TILE
from steepest.spiking._random import EDGE, FIRST, GAIN, RATE, SIZE, WIDTH, stream_states

__all__ = ["EventEngine", "EventModel", "SpikeTrains"]

WIDE, NARROW = (0,) * 16, (0,) * 8  # the kernel reads the number of lanes off the type
NARROW_FROM = 300  # afferents: above, 16 lanes of records no longer pay
PERIOD = 64  # steps between rebases, at most
GROWTH = 1e5  # how far 1/b^period may grow: rounding errors grow with it
REACH = 12.0  # standard deviations of room in the spike buffers: an overflow raises


@dataclass(frozen=True)
class SpikeTrains:
    """Spikes of all trials: step and trial of each, and its afferent (None for the teacher's).

    Arrays (spikes,) of integers, sorted by step; a spike given twice counts twice.
    """

    step: Int[np.ndarray, " spikes"]
    trial: Int[np.ndarray, " spikes"]
    afferent: Int[np.ndarray, " spikes"] | None = None


@dataclass(frozen=True)
class EventModel:
    """The numbers that the kernel needs of a neuron, its afferents, its teacher and its rule.

    `rule` is 0 (Euclidean), 1 (natural) or 2 (approximate natural); time constants and `dt` in s,
    `eps0` in mV s, `c_eps` in s/mV^2, rates in Hz, voltages in mV. `decay` holds exp(-dt/tau_m),
    exp(-dt/tau_s) or their Euler forms. The teacher spikes at the sigmoid of its own voltage, at
    `teacher_rate` (Hz) when that is a number, or as given to the engine.
    """

    rule: int
    rates: Float[np.ndarray, " n"]
    eta: float
    dt: float
    decay: tuple[float, float]
    kappa: float
    eps0: float
    c_eps: float
    maximum: float
    slope: float
    threshold: float
    bias: float = 0.0
    teacher_bias: float = 0.0
    teacher_rate: float | None = None
    c_u: float = 0.95
    c_w: float = 0.05

    @property
    def period(self) -> int:
        """Steps between two rebases: b^-period <= 1e5."""
        fastest = -math.log(min(self.decay))
        return max(1, min(PERIOD, int(math.log(GROWTH) / fastest)))

    def parameters(self) -> Float[np.ndarray, " 15"]:
        """The kernel's array of scalars."""
        par = np.zeros(kernel.PARAMETERS)
        par[kernel.DECAY_M], par[kernel.DECAY_S] = self.decay
        par[kernel.KAPPA] = self.kappa
        par[kernel.C_EPS] = self.c_eps
        par[kernel.EPS0] = self.eps0
        par[kernel.SLOPE] = self.slope
        par[kernel.OFFSET] = self.slope * (self.threshold - self.bias)
        par[kernel.MAXIMUM] = self.maximum
        par[kernel.DT] = self.dt
        par[kernel.ETA] = self.eta
        par[kernel.TOTAL_RATE] = math.fsum(self.rates)
        par[kernel.C_U], par[kernel.C_W] = self.c_u, self.c_w
        if self.teacher_rate is None:
            par[kernel.TEACHER_OFFSET] = self.slope * (self.threshold - self.teacher_bias)
            par[kernel.TEACHER_HAZARD] = self.maximum * self.dt
        else:  # every candidate is a spike
            par[kernel.TEACHER_OFFSET] = -np.inf
            par[kernel.TEACHER_HAZARD] = self.teacher_rate * self.dt
        return par

    def classes(self) -> tuple[Float[np.ndarray, "6 kinds"], Int[np.ndarray, " active"]]:
        """The classes of equal rates, and the active afferents in the order of the classes."""
        active = np.flatnonzero(self.rates > 0)
        active = active[np.argsort(self.rates[active], kind="stable")]
        values, sizes = np.unique(self.rates[active], return_counts=True)
        table = np.zeros((6, max(1, len(values))))
        hazards = values * self.dt * sizes
        if len(values):
            table[EDGE] = np.cumsum(hazards) - hazards
            table[WIDTH] = hazards
            table[FIRST] = np.cumsum(sizes) - sizes
            table[SIZE] = sizes
            table[RATE] = values
            table[GAIN] = 1.0 if self.rule == kernel.EUCLIDEAN else self.c_eps / values
        return table, active


def _aligned(*shape: int, dtype: Any = np.float64) -> np.ndarray:
    """Zeros that begin at a multiple of 64 bytes, so that a vector load crosses no cache line."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + 64, dtype=np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype).reshape(shape)


def _room(mean: float) -> int:
    return int(mean + REACH * math.sqrt(mean + 1.0)) + 128


class EventEngine:
    """Many trials of one neuron learning, run step by step; see `simulate` for the front door.

    `weights`, `target` (trials, n): where the student begins, and the teacher's weights. Inputs and
    teacher are drawn from `seed`, or given.
    """

    def __init__(
        self,
        model: EventModel,
        weights: Float[np.ndarray, "trials n"],
        target: Float[np.ndarray, "trials n"],
        *,
        seed: int,
        inputs: SpikeTrains | None = None,
        teacher: SpikeTrains | None = None,
        threads: int | None = None,
        lanes: int | None = None,
    ) -> None:
        self.model = model
        self.trials, self.n = weights.shape
        self.table, self.active = model.classes()
        self.silent = np.flatnonzero(model.rates <= 0)
        if lanes is None:
            narrow = self.trials <= len(NARROW) or self.n >= NARROW_FROM
            lanes = len(NARROW) if narrow else len(WIDE)
        self.lanes = WIDE if lanes == len(WIDE) else NARROW
        self.threads = threads or len(os.sched_getaffinity(0))
        self.drawn = inputs is None, teacher is None
        self.parameters = model.parameters()
        N = len(self.lanes)
        self.blocks = -(-self.trials // N)
        shape = (self.blocks, N)
        padded = np.minimum(np.arange(self.blocks * N), self.trials - 1)
        kinds = self.table.shape[1]
        self.state: dict[str, np.ndarray] = {
            "scalars": _aligned(self.blocks, kernel.ROWS * N),
            "records": _aligned(self.blocks, N * len(self.active), 4),
            "silent": _aligned(self.blocks, N * len(self.silent)),
            "counters": np.zeros((self.blocks, kernel.COUNTERS), dtype=np.int64),
            "random": np.stack([stream_states(seed, k) for k in range(self.blocks)]),
        }
        self.work = [
            (
                _aligned(kinds * kernel.SLOTS * N),
                _aligned(N, dtype=np.int64),
                _aligned(8 + 3 * TILE),
            )
            for _ in range(self.blocks)
        ]
        records = self.state["records"].reshape(*shape, len(self.active), 4)
        records[..., 0] = weights[padded][:, self.active].reshape(*shape, -1)
        records[..., 3] = target[padded][:, self.active].reshape(*shape, -1)
        self.state["silent"][:] = weights[padded][:, self.silent].reshape(self.blocks, -1)
        x = self._scalars
        x[:, kernel.L] = 1.0
        rates = model.rates[self.active]
        x[:, kernel.MEAN] = records[..., 0] @ rates
        x[:, kernel.SQUARE] = records[..., 0] ** 2 @ rates
        self._lay_out_spikes(inputs, teacher)

    @property
    def _scalars(self) -> np.ndarray:
        return self.state["scalars"].reshape(self.blocks, kernel.ROWS, len(self.lanes))

    def _lay_out_spikes(self, inputs: SpikeTrains | None, teacher: SpikeTrains | None) -> None:
        N, period, dt = len(self.lanes), self.model.period, self.model.dt
        if inputs is None:
            room = _room(N * period * dt * float(self.parameters[kernel.TOTAL_RATE]))
            self.state["spikes"] = np.zeros((self.blocks, 3, room), dtype=np.int64)
        else:
            place = np.zeros(self.n, dtype=np.int64)
            place[self.active] = np.arange(len(self.active))
            kind = np.repeat(np.arange(self.table.shape[1]), self.table[SIZE].astype(np.int64))
            lane = inputs.trial % N
            at = place[inputs.afferent]
            columns = np.stack(
                [inputs.step, kind[at] * kernel.SLOTS * N + lane, lane * len(self.active) + at]
            )
            self._given(columns, inputs.trial // N, "spikes", kernel.SPIKES)
        if teacher is None:
            room = _room(N * period * float(self.parameters[kernel.TEACHER_HAZARD]))
            self.state["candidates"] = np.zeros((self.blocks, 2, room), dtype=np.int64)
        else:
            columns = np.stack([teacher.step, teacher.trial % N])
            self._given(columns, teacher.trial // N, "candidates", kernel.CANDIDATES)
        room = self.state["candidates"].shape[-1]
        self.state["chances"] = np.full((self.blocks, room), 0.0 if teacher is None else -1.0)

    def _given(self, columns: np.ndarray, block: np.ndarray, name: str, counter: int) -> None:
        counts = np.bincount(block, minlength=self.blocks)
        table = np.zeros((self.blocks, len(columns), max(1, counts.max())), dtype=np.int64)
        for k in range(self.blocks):
            mine = columns[:, block == k]
            table[k, :, : mine.shape[1]] = mine
        self.state[name] = table
        self.state["counters"][:, counter] = counts

    @property
    def step(self) -> int:
        """How many steps have been made."""
        return int(self.state["counters"][:, kernel.STEP].min())

    def run(self, until: int, advance: Callable[[float], None] | None = None) -> None:
        """Run every trial to step `until`.

        Raises `DomainError` where a learning rate makes lambda <= 0 or the metric fails, naming
        trial, step and cure.
        """
        if len(self.table[RATE]) and self.blocks:
            if self.threads == 1 or self.blocks == 1:
                for block in range(self.blocks):
                    self._raise_for(block, *self._run_block(block, until))
                    if advance:
                        advance(1 / self.blocks)
            else:
                self._run_threads(until, advance)

    def _run_threads(self, until: int, advance: Callable[[float], None] | None) -> None:
        with ThreadPoolExecutor(self.threads) as pool:
            jobs = [pool.submit(self._run_block, block, until) for block in range(self.blocks)]
            try:
                for block, job in enumerate(jobs):
                    self._raise_for(block, *job.result())
                    if advance:
                        advance(1 / self.blocks)
            finally:
                for job in jobs:
                    job.cancel()
                wait(jobs)

    def _run_block(self, block: int, until: int) -> tuple[int, int]:
        N = len(self.lanes)
        state = {name: array[block] for name, array in self.state.items()}
        return kernel.run_block(
            self.lanes,
            N,
            self.model.rule,
            min(N, self.trials - block * N),
            self.model.period,
            until,
            *self.drawn,
            self.parameters,
            self.table,
            state["scalars"],
            state["records"],
            state["silent"],
            state["counters"],
            state["random"],
            state["spikes"],
            state["candidates"],
            state["chances"],
            *self.work[block],
        )

    def _raise_for(self, block: int, happened: int, lane: int) -> None:
        if happened == kernel.FINE:
            return
        step = int(self.state["counters"][block, kernel.STEP])
        where = f"trial {block * len(self.lanes) + lane}, step {step} ({step * self.model.dt:g} s)"
        if happened == kernel.LAMBDA:
            lam = float(self._scalars[block, kernel.LAM, lane])
            safe = self.model.eta / (1.0 - lam)
            raise DomainError(
                f"{where}: the learning rate {self.model.eta:g} makes the factor of the weights "
                f"lambda = 1 + g gamma_w = {lam:.3g}, which must stay positive; the largest safe "
                f"rate at this step is {safe:.3g}"
            )
        if happened == kernel.METRIC:
            raise DomainError(
                f"{where}: the neuron's Fisher metric is not positive definite there (mean voltage "
                f"{self.model.eps0 * float(self._scalars[block, kernel.MEAN, lane]):.4g} mV): the "
                "weights have run away; lower the learning rate"
            )
        raise UsageError(
            f"block {block}, step {step}: more spikes in {self.model.period} steps than the buffer "
            f"of {REACH:g} standard deviations holds; this is not a Poisson process any more"
        )

    def weights(self) -> Float[np.ndarray, "trials n"]:
        """The weights now (trials, n)."""
        N, active = len(self.lanes), len(self.active)
        x = self._scalars
        big_l, big_u, big_a, big_b = (x[:, k][..., None] for k in (11, 12, 13, 14))
        records = self.state["records"].reshape(self.blocks, N, active, 4)
        p, m, s = records[..., 0], records[..., 1], records[..., 2]
        gain = np.repeat(self.table[GAIN], self.table[SIZE].astype(np.int64))
        out = np.empty((self.blocks * N, self.n))
        now = big_l * (p + gain * (m * big_a - s * big_b) - big_u)
        out[:, self.active] = now.reshape(len(out), active)
        silent = self.state["silent"].reshape(self.blocks, N, len(self.silent))
        out[:, self.silent] = (big_l * (silent - big_u)).reshape(len(out), len(self.silent))
        return out[: self.trials]

    def usps(self) -> Float[np.ndarray, "trials n"]:
        """The USPs x now (trials, n), in mV."""
        N, active = len(self.lanes), len(self.active)
        records = self.state["records"].reshape(self.blocks, N, active, 4)
        phase = self.state["counters"][:, kernel.PHASE].astype(float)[:, None, None]
        a, b = self.model.decay
        x = self.model.kappa * (records[..., 1] * a**phase - records[..., 2] * b**phase)
        out = np.zeros((self.blocks * N, self.n))
        out[:, self.active] = x.reshape(len(out), active)
        return out[: self.trials]

    def voltages(self) -> Float[np.ndarray, " trials"]:
        """V now (trials,), in mV, without the bias."""
        x = self._scalars
        return (self.model.kappa * (x[:, kernel.VM] - x[:, kernel.VS])).reshape(-1)[: self.trials]
