"""How many trials lie in a GPU's memory: a thread each, or a team of threads each."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from steepest.spiking import _device as device
from steepest.spiking import _gpu_rows as row
from steepest.spiking.event_model import EventModel

__all__ = ["THREADS_FROM", "AbstractLayout", "Launch", "Start", "Teams", "Threads", "layout_of"]

THREADS_FROM = 10_000  # trials: the geometric middle of a batch (1e3) and a sweep (1e5)
BLOCK = 128  # threads that a GPU starts together, where a thread is a trial


def parameters(model: EventModel) -> tuple[float, ...]:
    """A model's scalars, in the order of `_device`."""
    par = [0.0] * 15
    par[device.DECAY_M], par[device.DECAY_S] = model.decay
    par[device.KAPPA], par[device.C_EPS], par[device.EPS0] = model.kappa, model.c_eps, model.eps0
    par[device.SLOPE], par[device.MAXIMUM] = model.slope, model.maximum
    par[device.OFFSET] = model.slope * (model.threshold - model.bias)
    par[device.DT], par[device.ETA] = model.dt, model.eta
    par[device.TOTAL_RATE] = float(model.rates.sum())
    par[device.C_U], par[device.C_W] = model.c_u, model.c_w
    if model.teacher_rate is None:
        par[device.TEACHER_OFFSET] = model.slope * (model.threshold - model.teacher_bias)
        par[device.TEACHER_HAZARD] = model.maximum * model.dt
    else:  # every candidate is a spike
        par[device.TEACHER_OFFSET] = -np.inf
        par[device.TEACHER_HAZARD] = model.teacher_rate * model.dt
    return tuple(float(value) for value in par)


def gains(model: EventModel) -> Float[np.ndarray, " n"]:
    """What each synapse's potential is multiplied by: 1, or c_eps/r; 0 where r is 0."""
    fires = model.rates > 0
    if model.rule == device.EUCLIDEAN:
        return fires.astype(np.float64)
    return np.where(fires, model.c_eps / np.where(fires, model.rates, 1.0), 0.0)


class Start(NamedTuple):
    """Where a run begins: weights and the teacher's (trials, n), traces (trials, 2, n)."""

    weights: np.ndarray
    target: np.ndarray
    traces: np.ndarray


class Launch(NamedTuple):
    """What every launch is given: the last step, which spikes are drawn, the key, and the arrays.

    `given` holds the steps and places of the afferents' given spikes, the steps of the teacher's,
    and where a trial's own end in them (2, trials).
    """

    until: int
    origin: int
    draws: tuple[bool, bool]
    key: tuple[np.uint64, np.uint64]
    state: dict[str, Any]
    given: tuple[Any, Any, Any, Any]


class AbstractLayout(ABC):
    """What a kernel keeps of its trials, by name, and how it is started."""

    name: str
    trials: int

    @abstractmethod
    def shapes(self) -> dict[str, tuple[type, tuple[int, ...]]]:
        """Type and shape of all arrays that move, given spikes apart."""

    @abstractmethod
    def constants(self) -> dict[str, np.ndarray]:
        """Arrays that stay as they are."""

    @abstractmethod
    def begin(self, state: dict[str, np.ndarray], start: Start) -> None:
        """Fill arrays of zeros."""

    @abstractmethod
    def place(self, afferent: np.ndarray) -> np.ndarray:
        """Where the kernel looks for these afferents."""

    @abstractmethod
    def launch(self, kernels: Any, run: Launch) -> None:
        """Start the kernel, which runs all trials."""

    @abstractmethod
    def weights(self, state: dict[str, np.ndarray]) -> Float[np.ndarray, "trials n"]:
        """The weights now."""

    @abstractmethod
    def traces(self, state: dict[str, np.ndarray], steps: int) -> Float[np.ndarray, "trials 2 n"]:
        """The two traces of each synapse, `steps` after the first."""

    @abstractmethod
    def voltages(self, state: dict[str, np.ndarray], steps: int) -> Float[np.ndarray, " trials"]:
        """V (mV) without the bias, `steps` after the first."""


@dataclass(frozen=True)
class Threads(AbstractLayout):
    """A thread runs a trial and touches a synapse only when it spikes: for sweeps."""

    model: EventModel
    trials: int
    block: int = BLOCK
    name: str = "threads"

    def shapes(self) -> dict[str, tuple[type, tuple[int, ...]]]:
        active, trials = int((self.model.rates > 0).sum()), self.trials
        silent = max(1, len(self.model.rates) - active)  # a GPU has no arrays of nothing
        return {
            "numbers": (np.float64, (row.ROWS, trials)),
            "counters": (np.int64, (row.COUNTERS, trials)),
            "records": (np.float64, (active, trials, 4)),
            "silent": (np.float64, (silent, trials)),
        }

    @property
    def active(self) -> np.ndarray:
        """The afferents that fire, in the order of their rates."""
        fires = np.flatnonzero(self.model.rates > 0)
        return fires[np.argsort(self.model.rates[fires], kind="stable")]

    @property
    def still(self) -> np.ndarray:
        """The afferents that never fire."""
        return np.flatnonzero(self.model.rates <= 0)

    def constants(self) -> dict[str, np.ndarray]:
        model, active = self.model, self.active
        rates, first, sizes = np.unique(model.rates[active], return_index=True, return_counts=True)
        table = np.zeros((row.CLASSES, len(rates)))
        table[row.FIRST], table[row.SIZE], table[row.RATE] = first, sizes, rates
        table[row.GAIN] = gains(model)[active][first]
        table[row.EDGE] = (np.cumsum(rates * sizes) - rates * sizes) / model.rates.sum()
        powers = np.array(model.decay)[:, None] ** np.arange(model.period + 1)
        return {"classes": table, "powers": np.concatenate([powers, 1 / powers])}

    def begin(self, state: dict[str, np.ndarray], start: Start) -> None:
        active, numbers = self.active, state["numbers"]
        rates, gain = self.model.rates[active], gains(self.model)[active]
        w, target = start.weights[:, active], start.target[:, active]
        m, s = start.traces[:, 0, active], start.traces[:, 1, active]
        for k, values in enumerate((w, m, s, target)):
            state["records"][:, :, k] = values.T
        state["silent"][: len(self.still)] = start.weights[:, self.still].T
        sums = {
            row.VM: w * m,
            row.VS: w * s,
            row.TM: target * m,
            row.TS: target * s,
            row.RM: m,
            row.RS: s,
            row.QMM: gain * m * m,
            row.QMS: gain * m * s,
            row.QSS: gain * s * s,
            row.MEAN: w * rates,
            row.SQUARE: w * w * rates,
        }
        for place, terms in sums.items():
            numbers[place] = terms.sum(axis=1)
        numbers[row.L] = 1.0

    def place(self, afferent: np.ndarray) -> np.ndarray:
        places = np.zeros(len(self.model.rates), dtype=np.int64)
        places[self.active] = np.arange(len(self.active))
        return places[afferent]

    def launch(self, kernels: Any, run: Launch) -> None:
        kernel = kernels.thread_kernel()
        state = run.state
        kernel[-(-self.trials // self.block), self.block](
            self.trials,
            run.until,
            self.model.rule,
            run.origin,
            self.model.period,
            *run.draws,
            run.key,
            parameters(self.model),
            state["classes"],
            state["powers"],
            state["numbers"],
            state["counters"],
            state["records"],
            state["silent"],
            *run.given,
        )

    def weights(self, state: dict[str, np.ndarray]) -> Float[np.ndarray, "trials n"]:
        records, numbers = state["records"], state["numbers"]
        p, m, s = records[:, :, 0], records[:, :, 1], records[:, :, 2]
        change = gains(self.model)[self.active][:, None] * (m * numbers[row.A] - s * numbers[row.B])
        out = np.empty((self.trials, len(self.model.rates)))
        out[:, self.active] = (numbers[row.L] * (p + change - numbers[row.U])).T
        still = state["silent"][: len(self.still)]
        out[:, self.still] = (numbers[row.L] * (still - numbers[row.U])).T
        return out

    def traces(self, state: dict[str, np.ndarray], steps: int) -> Float[np.ndarray, "trials 2 n"]:
        out = np.zeros((self.trials, 2, len(self.model.rates)))
        for k, decay in enumerate(self.model.decay):
            now = state["records"][:, :, 1 + k] * decay ** (steps % self.model.period)
            out[:, k, self.active] = now.T
        return out

    def voltages(self, state: dict[str, np.ndarray], steps: int) -> Float[np.ndarray, " trials"]:
        numbers = state["numbers"]
        return self.model.kappa * (numbers[row.VM] - numbers[row.VS])


@dataclass(frozen=True)
class Teams(AbstractLayout):
    """A warp, or more of them, runs a trial with its synapses in registers, each in every step."""

    model: EventModel
    trials: int
    name: str = "teams"

    def shapes(self) -> dict[str, tuple[type, tuple[int, ...]]]:
        trials, n = self.trials, len(self.model.rates)
        return {
            "numbers": (np.float64, (row.SHARED, trials)),
            "counters": (np.int64, (row.COUNTERS, trials)),
            "synapses": (np.float64, (5, trials, n)),
            "drawn": (np.int64, (trials, n)),
        }

    def constants(self) -> dict[str, np.ndarray]:
        return {"rates": np.array(self.model.rates), "gains": gains(self.model)}

    def begin(self, state: dict[str, np.ndarray], start: Start) -> None:
        state["synapses"][0] = start.weights
        state["synapses"][1] = start.traces[:, 0]
        state["synapses"][2] = start.traces[:, 1]
        state["synapses"][3] = start.target
        state["drawn"][:] = -1

    def place(self, afferent: np.ndarray) -> np.ndarray:
        return afferent

    def launch(self, kernels: Any, run: Launch) -> None:
        threads, each = kernels.team_of(len(self.model.rates))
        kernel = kernels.team_kernel(self.model.rule, threads, each)
        state = run.state
        kernel[self.trials, threads](
            run.until,
            *run.draws,
            run.key,
            parameters(self.model),
            state["rates"],
            state["gains"],
            state["numbers"],
            state["counters"],
            state["synapses"],
            state["drawn"],
            *run.given,
        )

    def weights(self, state: dict[str, np.ndarray]) -> Float[np.ndarray, "trials n"]:
        return state["synapses"][0].copy()

    def traces(self, state: dict[str, np.ndarray], steps: int) -> Float[np.ndarray, "trials 2 n"]:
        return np.stack([state["synapses"][1], state["synapses"][2]], axis=1)

    def voltages(self, state: dict[str, np.ndarray], steps: int) -> Float[np.ndarray, " trials"]:
        w, m, s = state["synapses"][:3]
        return self.model.kappa * (w * (m - s)).sum(axis=1)


def layout_of(model: EventModel, trials: int) -> AbstractLayout:
    """A thread a trial from `THREADS_FROM` trials on, below it a team: the same on every GPU."""
    return Threads(model, trials) if trials >= THREADS_FROM else Teams(model, trials)
