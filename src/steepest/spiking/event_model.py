"""What the event-driven engine needs to know of a run, as numbers."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from steepest.spiking import _lockstep as kernel
from steepest.spiking import _updates as layout
from steepest.spiking._random import EDGE, FIRST, GAIN, OWN, RATE, SIZE, WIDTH, alias_table

__all__ = ["EventModel", "Events"]

PERIOD = 64  # steps between rebases, at most
DRAWN = 4096  # spikes drawn at a time


@dataclass(frozen=True)
class Events:
    """Given spikes: step, trial and (for inputs) afferent of each, sorted by step.

    Arrays (spikes,) of integers; a spike that stands twice counts twice.
    """

    step: Int[np.ndarray, " spikes"]
    trial: Int[np.ndarray, " spikes"]
    afferent: Int[np.ndarray, " spikes"] | None = None


@dataclass(frozen=True)
class EventModel:
    """The numbers that the kernel needs of a neuron, its afferents, its teacher and its rule.

    `rule` is 0 (Euclidean), 1 (natural) or 2 (approximate natural); time constants and `dt` in s,
    `eps0` in mV s, `c_eps` in 1/(mV^2 s), rates in Hz, voltages in mV. `decay` holds
    exp(-dt/tau_m) and exp(-dt/tau_s), or their Euler forms. The teacher spikes at the sigmoid of
    its own voltage, at `teacher_rate` (Hz) when that is a number, or as given to the engine.

    `gains` (n,) multiply the Euclidean rule's steps (a diagonal metric's sharp). `factors` (n,) are
    how much of a teacher's spike reaches each synapse. Rates that vary are `courses` (k, n) at the
    times `knots` (k,) in s, linear between them; `rates` are the highest then.
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
    gains: Float[np.ndarray, " n"] | None = None
    factors: Float[np.ndarray, " n"] | None = None
    knots: Float[np.ndarray, " k"] | None = None
    courses: Float[np.ndarray, "k n"] | None = None

    @property
    def by_class(self) -> bool:
        """Whether synapses of different classes have different scalars (`_classes`)."""
        return self.factors is not None or self.courses is not None

    @property
    def period(self) -> int:
        """Steps between two rebases: b^-period <= 1e5."""
        fastest = -math.log(min(self.decay))
        return max(1, min(PERIOD, int(math.log(kernel.GROWTH) / fastest)))

    def drawn(self, lanes: int) -> int:
        """Steps whose spikes are drawn at a time: few enough that they stay in the cache."""
        each = lanes * self.dt * float(self.rates.sum())
        return max(1, min(self.period, int(DRAWN / max(each, 1e-9))))

    def parameters(self) -> Float[np.ndarray, " 15"]:
        """The kernel's array of scalars."""
        par = np.zeros(layout.PARAMETERS)
        par[layout.DECAY_M], par[layout.DECAY_S] = self.decay
        par[layout.KAPPA] = self.kappa
        par[layout.C_EPS] = self.c_eps
        par[layout.EPS0] = self.eps0
        par[layout.SLOPE] = self.slope
        par[layout.OFFSET] = self.slope * (self.threshold - self.bias)
        par[layout.MAXIMUM] = self.maximum
        par[layout.DT] = self.dt
        par[layout.ETA] = self.eta
        par[layout.TOTAL_RATE] = math.fsum(self.rates)
        par[layout.C_U], par[layout.C_W] = self.c_u, self.c_w
        if self.teacher_rate is None:
            par[layout.TEACHER_OFFSET] = self.slope * (self.threshold - self.teacher_bias)
            par[layout.TEACHER_HAZARD] = self.maximum * self.dt
        else:  # every candidate is a spike
            par[layout.TEACHER_OFFSET] = -np.inf
            par[layout.TEACHER_HAZARD] = self.teacher_rate * self.dt
        return par

    def classes(self) -> tuple[Float[np.ndarray, "6 kinds"], Int[np.ndarray, " active"]]:
        """The classes of afferents that learn alike, and the afferents in the order of the classes.

        Afferents that never fire are in no class, unless scalars are those of classes.
        """
        told = [self.rates]
        told += [array for array in (self.gains, self.factors) if array is not None]
        told += [] if self.courses is None else list(self.courses)
        alike = np.stack(told)
        active = np.flatnonzero((self.rates > 0) | self.by_class)
        first, kind, sizes = np.unique(
            alike[:, active], axis=1, return_index=True, return_inverse=True, return_counts=True
        )[1:]
        active, first = active[np.argsort(kind.reshape(-1), kind="stable")], active[first]
        table = np.zeros((6, max(1, len(first))))
        if len(first):
            rates = self.rates[first]
            hazards = rates * self.dt * sizes
            table[EDGE] = np.cumsum(hazards) - hazards
            table[WIDTH] = hazards
            table[FIRST] = np.cumsum(sizes) - sizes
            table[SIZE] = sizes
            table[RATE] = rates
            table[GAIN] = self._class_gains(rates, first)
        return table, active

    def _class_gains(self, rates: np.ndarray, first: np.ndarray) -> np.ndarray:
        """The gains k at rates (..., classes) of the classes that begin with afferents `first`."""
        if self.rule == kernel.EUCLIDEAN:
            gains = np.ones(len(first)) if self.gains is None else self.gains[first]
            return np.broadcast_to(gains, rates.shape)
        return np.where(rates > 0, self.c_eps / np.where(rates > 0, rates, 1.0), 0.0)

    def _leaders(self) -> Int[np.ndarray, " kinds"]:
        """An afferent of each class."""
        table, active = self.classes()
        return active[table[FIRST].astype(np.int64)] if len(active) else np.zeros(0, np.int64)

    def class_factors(self) -> Float[np.ndarray, " kinds"]:
        """How much of a teacher's spike reaches each class."""
        leaders = self._leaders()
        return np.ones(len(leaders)) if self.factors is None else self.factors[leaders]

    def class_course(self, first: int, last: int) -> Float[np.ndarray, "3 steps kinds"]:
        """Rates (Hz), gains and shares of the highest rates of the classes in steps first to last.

        One step stands for all where rates do not vary.
        """
        leaders = self._leaders()
        most = self.rates[leaders]
        if self.courses is None or self.knots is None:
            rates = most[None]
        else:
            times = np.arange(first, last) * self.dt
            courses = self.courses[:, leaders]
            rates = np.stack([np.interp(times, self.knots, course) for course in courses.T], axis=1)
        shares = rates / np.where(most > 0, most, 1.0)
        return np.ascontiguousarray([rates, self._class_gains(rates, leaders), shares])

    def afferent_table(self) -> Float[np.ndarray, "3 active"]:
        """The table to draw one of the active afferents by rate: where it is, and its class."""
        classes, active = self.classes()
        kinds = np.repeat(np.arange(classes.shape[1]), classes[SIZE].astype(np.int64))
        rates = self.rates[active]
        table = alias_table(rates, np.arange(len(active))) if len(active) else np.zeros((3, 0))
        table[OWN] = kinds[: len(active)]
        return table
