"""The arrays of a run on the event-driven engine, and what they say of trials and afferents."""

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from steepest.spiking import _classes
from steepest.spiking import _lockstep as kernel
from steepest.spiking import _updates as layout
from steepest.spiking._random import FIRST, GAIN, SIZE, STREAMS, stream_states
from steepest.spiking.event_model import EventModel

__all__ = ["EventBlocks", "aligned"]

REACH = 12.0  # standard deviations of room in the spike buffers: an overflow raises


def aligned(*shape: int, dtype: Any = np.float64) -> np.ndarray:
    """Zeros that begin at a multiple of 64 bytes, so that a vector load crosses no cache line."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + 64, dtype=np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype).reshape(shape)


def _room(mean: float) -> int:
    return int(mean + REACH * math.sqrt(mean + 1.0)) + 128


class EventBlocks:
    """All that moves in a run of `trials` trials, in blocks of `lanes` trials side by side.

    `arrays` holds it by name, blocks first; `drawn` says whether inputs and teacher are drawn.
    """

    def __init__(
        self, model: EventModel, trials: int, n: int, lanes: int, drawn: tuple[bool, bool]
    ) -> None:
        self.model, self.trials, self.n, self.lanes, self.drawn = model, trials, n, lanes, drawn
        self.table, self.active = model.classes()
        self.silent = np.setdiff1d(np.arange(n), self.active)
        self.count = -(-trials // lanes)
        self.kinds = np.repeat(np.arange(self.table.shape[1]), self.table[SIZE].astype(np.int64))
        # By classes it is not the records that carry the gains, but the classes.
        gains = np.ones(self.table.shape[1]) if model.by_class else self.table[GAIN]
        self.gains = gains[self.kinds[: len(self.active)]]
        self.arrays = self.allocate()

    def real(self, block: int) -> int:
        """How many of a block's lanes are trials."""
        return min(self.lanes, self.trials - block * self.lanes)

    def allocate(self) -> dict[str, np.ndarray]:
        """All arrays, zero."""
        N, active, count, par = self.lanes, len(self.active), self.count, self.model.parameters()
        span = N * self.model.drawn(N)
        inputs = _room(span * self.model.dt * float(par[layout.TOTAL_RATE]))
        taught = _room(span * float(par[layout.TEACHER_HAZARD]))
        rows = _classes.CLASS_ROWS * self.table.shape[1] if self.model.by_class else 0
        spikes = inputs if self.drawn[0] else kernel.AHEAD
        candidates = taught if self.drawn[1] else 1
        return {
            "scalars": aligned(count, layout.ROWS * N),
            "classes": aligned(count, rows * N),
            "records": aligned(count, N * active, 4),
            "silent": aligned(count, N * len(self.silent)),
            "counters": np.zeros((count, kernel.COUNTERS), dtype=np.int64),
            "random": np.zeros((count, 5 * STREAMS), dtype=np.uint64),
            "spikes_per_step": np.zeros((count, STREAMS), dtype=np.int64),
            "spikes": np.zeros((count, spikes), dtype=np.int64),
            "candidates_per_step": np.zeros((count, STREAMS), dtype=np.int64),
            "candidates": np.zeros((count, candidates), dtype=np.int64),
            "chances": np.zeros((count, candidates)),
        }

    def names_kept(self) -> list[str]:
        """The names of what is saved: all but given spikes."""
        given = set() if self.drawn[0] else {"spikes", "spikes_per_step"}
        given |= set() if self.drawn[1] else {"candidates", "candidates_per_step", "chances"}
        return sorted(self.arrays.keys() - given)

    def begin(
        self,
        weights: np.ndarray,
        target: np.ndarray,
        traces: np.ndarray,
        seed: int | None,
        step: int,
    ) -> None:
        """Set all arrays to where a run of these weights, targets and traces begins."""
        active, arrays = self.active, self.arrays
        shape = (self.count, self.lanes, len(active))
        places = np.arange(self.count * self.lanes)
        padded = np.minimum(places, self.trials - 1)
        gain = self.gains
        records = arrays["records"].reshape(*shape, 4)
        records[..., 0] = w = weights[padded][:, active].reshape(shape)
        # Traces that no spike renews would decay to numbers that the processor is slow with.
        real = (places < self.trials)[:, None]
        m, s = ((real * traces[padded, k])[:, active].reshape(shape) for k in range(2))
        records[..., 1], records[..., 2] = gain * m, gain * s
        records[..., 3] = taught = target[padded][:, active].reshape(shape)
        arrays["silent"][:] = weights[padded][:, self.silent].reshape(self.count, -1)
        x = self.scalars
        x[:, layout.TM], x[:, layout.TS] = (taught * m).sum(axis=-1), (taught * s).sum(axis=-1)
        x[:, layout.MEAN0] = np.inf  # no quadrature yet
        if self.model.by_class:
            self._begin_classes(w, m, s)
        else:
            rates = self.model.rates[active]
            sums = {
                layout.VM: w * m,
                layout.VS: w * s,
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
        for counter in (kernel.STEP, kernel.SPIKE_BASE, kernel.CANDIDATE_BASE):
            arrays["counters"][:, counter] = step
        # A run that goes on from weights and traces alone must not see its spikes again.
        for block in range(self.count):
            arrays["random"][block] = stream_states(0 if seed is None else seed, step, block)

    def _begin_classes(self, w: np.ndarray, m: np.ndarray, s: np.ndarray) -> None:
        y, first = self.class_rows, self.table[FIRST].astype(np.int64)
        sums = {
            _classes.Y_VM: w * m,
            _classes.Y_VS: w * s,
            _classes.Y_RM: m,
            _classes.Y_RS: s,
            _classes.Y_QMM: m * m,
            _classes.Y_QMS: m * s,
            _classes.Y_QSS: s * s,
            _classes.Y_MEAN: w,
            _classes.Y_SQUARE: w * w,
        }
        for row, terms in sums.items():
            y[:, row] = np.add.reduceat(terms, first, axis=-1).swapaxes(1, 2)
        y[:, _classes.Y_L] = 1.0

    @property
    def scalars(self) -> np.ndarray:
        """The neurons' scalars, (blocks, rows, lanes)."""
        return self.arrays["scalars"].reshape(self.count, layout.ROWS, self.lanes)

    @property
    def class_rows(self) -> np.ndarray:
        """The classes' scalars, (blocks, rows, classes, lanes)."""
        shape = (self.count, _classes.CLASS_ROWS, self.table.shape[1], self.lanes)
        return self.arrays["classes"].reshape(shape)

    def is_sound(self) -> bool:
        """Whether all that the kernel takes as places in its arrays lies inside them."""
        N, counters = self.lanes, self.arrays["counters"]
        spikes, candidates = self.arrays["spikes"], self.arrays["candidates"]
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
            numbers = self.arrays[f"{name}_per_step"]
            ahead = np.arange(numbers.shape[1]) >= (step - base)[:, None]
            left = np.where(ahead, numbers, 0).sum(axis=1)
            sound += [(numbers >= 0) & (numbers <= total[:, None]), (base >= 0) & (base <= step)]
            sound += [(used >= 0) & (used + left <= total), total <= self.arrays[name].shape[1]]
        return all(bool(check.all()) for check in sound)

    def weights(self) -> Float[np.ndarray, "trials n"]:
        """The weights now (trials, n)."""
        N, active = self.lanes, len(self.active)
        if self.model.by_class:
            rows = (_classes.Y_L, _classes.Y_U, _classes.Y_A, _classes.Y_B)
            scales = [self.class_rows[:, k][:, self.kinds].swapaxes(1, 2) for k in rows]
        else:
            rows = (layout.L, layout.U, layout.A, layout.B)
            scales = [self.scalars[:, k][..., None] for k in rows]
        big_l, big_u, big_a, big_b = scales
        records = self.arrays["records"].reshape(self.count, N, active, 4)
        p, m, s = records[..., 0], records[..., 1], records[..., 2]
        out = np.empty((self.count * N, self.n))
        now = big_l * (p + (m * big_a - s * big_b) - big_u)
        out[:, self.active] = now.reshape(len(out), active)
        if len(self.silent):
            silent = self.arrays["silent"].reshape(self.count, N, len(self.silent))
            out[:, self.silent] = (big_l * (silent - big_u)).reshape(len(out), len(self.silent))
        return out[: self.trials]

    def traces(self) -> Float[np.ndarray, "trials 2 n"]:
        """The two traces of each synapse now; x is kappa times their difference."""
        N, active = self.lanes, len(self.active)
        records = self.arrays["records"].reshape(self.count, N, active, 4)
        phase = self.arrays["counters"][:, kernel.PHASE].astype(float)[:, None, None]
        out = np.zeros((self.count * N, 2, self.n))
        for k, decay in enumerate(self.model.decay):
            trace = records[..., 1 + k] / self.gains * decay**phase
            out[:, k, self.active] = trace.reshape(len(out), active)
        return out[: self.trials]

    def voltages(self) -> Float[np.ndarray, " trials"]:
        """V now (trials,), in mV, without the bias."""
        if self.model.by_class:
            y = self.class_rows
            difference = (y[:, _classes.Y_VM] - y[:, _classes.Y_VS]).sum(axis=1)
        else:
            difference = self.scalars[:, layout.VM] - self.scalars[:, layout.VS]
        return (self.model.kappa * difference).reshape(-1)[: self.trials]
