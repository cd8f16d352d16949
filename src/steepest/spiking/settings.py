"""How a run is set: checked once, before any engine starts."""

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from jaxtyping import UInt8

from steepest.arrays.given import real_numbers
from steepest.errors import UsageError
from steepest.spiking.afferents import Afferents, SteadyGroup, check_bins
from steepest.spiking.recording import State
from steepest.spiking.rules import AbstractRule, ApproximateNaturalRule, NaturalRule
from steepest.spiking.task import (
    FixedRateTeacher,
    GivenTeacher,
    RealisableTeacher,
    Task,
    check_weights,
)
from steepest.spiking.trains import LARGEST_COUNT
from steepest.spiking.transfer import Sigmoid

__all__ = ["Settings", "Spikes", "check_run", "check_voltages"]

MOST_STEPS = 2.0**53  # whole numbers up to here are exact in double precision


@dataclass(frozen=True)
class Settings:
    """Learning rate, duration and step (s), the seed, and whether USPs are forward Euler's.

    The seed is None or a whole number from 0 to 2^63 - 1. Raises `UsageError`.

    >>> Settings(rate=1e-3, duration=1.0).steps
    2000
    """

    rate: float
    duration: float
    dt: float = 5e-4
    seed: int | None = None
    euler: bool = False

    def __post_init__(self) -> None:
        if not (np.isfinite(self.rate) and self.rate >= 0):
            raise UsageError(f"the learning rate is {self.rate}; it is finite and not negative")
        if not (np.isfinite(self.dt) and self.dt > 0):
            raise UsageError(f"the time step dt is {self.dt} s; it is positive")
        count = self.duration / self.dt
        if np.isfinite(self.duration) and count > MOST_STEPS:
            raise UsageError(
                f"the run of {self.duration:g} s has {count:.3g} steps of {self.dt:g} s: more than"
                f" {MOST_STEPS:.3g} cannot be counted exactly; is it in seconds?"
            )
        if not (np.isfinite(self.duration) and self.steps >= 1):
            raise UsageError(
                f"the run lasts {self.duration} s, less than one step of {self.dt:g} s"
            )
        if self.seed is not None:
            whole = isinstance(self.seed, Integral) and not isinstance(self.seed, bool)
            if not (whole and 0 <= self.seed < 2**63):
                raise UsageError(
                    f"the seed is {self.seed!r}; give a whole number from 0 to 2^63 - 1"
                )
            object.__setattr__(self, "seed", int(self.seed))  # NumPy's integers are the same seed

    @property
    def steps(self) -> int:
        """Number of steps."""
        return round(self.duration / self.dt)


@dataclass(frozen=True, eq=False)
class Spikes:
    """Spike counts of a whole run: `afferents` (steps, trials, n), `teacher` (steps, trials).

    For short runs and for comparing engines: this is the array of trials x n x steps that the
    engines themselves never hold. Raises `UsageError` for counts that are not whole numbers from
    0 to 255, or shapes that do not fit each other.

    >>> spikes = Spikes(np.zeros((20, 1, 4)), np.zeros((20, 1)))
    >>> spikes.afferents.dtype
    dtype('uint8')
    """

    afferents: UInt8[np.ndarray, "steps trials n"]
    teacher: UInt8[np.ndarray, "steps trials"]

    def __init__(self, afferents: Any, teacher: Any) -> None:
        object.__setattr__(self, "afferents", _counts(afferents, 3, "afferents"))
        object.__setattr__(self, "teacher", _counts(teacher, 2, "teacher"))
        if self.afferents.shape[:2] != self.teacher.shape:
            raise UsageError(
                f"spikes of afferents {self.afferents.shape} and of the teacher "
                f"{self.teacher.shape}: steps and trials must agree"
            )


def _counts(values: Any, ndim: int, what: str) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != ndim or array.size == 0:
        shape = "(steps, trials, n)" if ndim == 3 else "(steps, trials)"
        raise UsageError(f"spikes of the {what} are {shape}, not of shape {array.shape}")
    number = np.issubdtype(array.dtype, np.number) or array.dtype == bool
    if not number or not np.array_equal(array, np.floor(array.astype(np.float64))):
        raise UsageError(f"spikes of the {what} are whole numbers")
    if array.min() < 0 or array.max() > LARGEST_COUNT:
        raise UsageError(
            f"spikes of the {what} run from {array.min()} to {array.max()} per bin; counts from 0 "
            f"to {LARGEST_COUNT} can be represented: use shorter bins"
        )
    return array.astype(np.uint8)


def check_run(
    task: Task, weights: Any, settings: Settings, spikes: Spikes | None, state: State | None
) -> State:
    """The state from which to start, after everything that could be wrong was looked at.

    Raises `UsageError`, which says what and what to do.

    >>> from steepest.spiking import paper_task
    >>> task, start = paper_task(trials=2, n=4)
    >>> check_run(task, start, Settings(1e-3, 1.0, seed=0), None, None).weights.shape
    (2, 4)
    """
    n = task.afferents.size
    task.neuron.kernel.check_step(settings.dt)
    if state is None:
        w = np.atleast_2d(real_numbers(weights, "weights"))
        if w.ndim != 2 or w.shape[1] != n or len(w) == 0:
            raise UsageError(
                f"weights of shape {np.shape(weights)} for {n} afferents; give (n,) or (trials, n)"
            )
        state = State(0, w, np.zeros((len(w), 2, n)))
    check_weights(state.weights, "weights")
    check_weights(state.traces, "the state's traces")
    if state.step < 0:
        raise UsageError(f"the state is at step {state.step}; steps are counted from 0")
    trials = len(state.weights)
    if state.weights.shape != (trials, n) or state.traces.shape != (trials, 2, n):
        raise UsageError(
            f"a state of weights {state.weights.shape} and traces {state.traces.shape} does not "
            f"belong to {n} afferents"
        )
    source, transfer = task.source, task.neuron.transfer
    if isinstance(transfer, Sigmoid):
        # Of the student and of a realisable teacher; other functions have no highest rate.
        check_bins(transfer.maximum, settings.dt, "the transfer function's highest rate")
    if isinstance(source, RealisableTeacher) and source.weights.ndim == 2:
        if len(source.weights) != trials:
            raise UsageError(f"{len(source.weights)} teachers for {trials} trials; give one each")
    elif isinstance(source, FixedRateTeacher):
        check_bins(source.rate, settings.dt, "the teacher")
    end = (state.step + settings.steps) * settings.dt
    task.afferents.check(settings.dt, end)
    if isinstance(source, GivenTeacher) and end > source.spikes.duration * (1 + 1e-12):
        raise UsageError(
            f"the run ends at {end:g} s, after the teacher's spikes, {source.spikes.duration:g} s"
        )
    if spikes is not None:
        _check_spikes(spikes, task.afferents, settings.steps, trials)
    elif settings.seed is None and _draws(task):
        raise UsageError("spikes are random: give a seed, or the spikes themselves")
    return state


def check_voltages(task: Task, rule: AbstractRule, somatic: Any) -> None:
    """Raise a `UsageError` where somatic weights (trials, n) make voltages that no run can hold.

    The natural rules need the voltage's mean and variance, and a quadrature over both.

    >>> from steepest.spiking import NaturalRule, paper_task
    >>> task, start = paper_task(trials=2, n=4)
    >>> try:
    ...     check_voltages(task, NaturalRule(), 1e8 * start)
    ... except UsageError as error:
    ...     print(str(error).partition(" by ")[0])
    trial 0: the voltage would spread
    """
    w, fisher = np.asarray(somatic, dtype=np.float64), task.fisher()
    means, variances = np.asarray(fisher.usp_means()), np.asarray(fisher.usp_variances())
    with np.errstate(over="ignore", invalid="ignore"):
        mean, spread = w @ means, np.sqrt(w**2 @ variances)
    quadrature = isinstance(rule, NaturalRule | ApproximateNaturalRule)
    widest = float(task.neuron.transfer.widest) if quadrature else np.inf
    bad = ~(np.isfinite(mean) & np.isfinite(spread) & (spread <= widest))
    if not bad.any():
        return
    k = int(np.flatnonzero(bad)[0])
    largest = float(np.abs(w[k]).max())
    if not (np.isfinite(mean[k]) and np.isfinite(spread[k])):
        raise UsageError(
            f"trial {k}: weights of up to {largest:.3g} make a voltage that is no finite number;"
            " start from smaller weights"
        )
    raise UsageError(
        f"trial {k}: the voltage would spread by {spread[k]:.3g} mV (standard deviation), more than"
        f" the {widest:.4g} mV over which the rule's quadrature reaches: start from weights smaller"
        f" than {largest:.3g}, from lower rates of the afferents, or take the Euclidean rule"
    )


def _check_spikes(spikes: Spikes, afferents: Afferents, steps: int, trials: int) -> None:
    n = afferents.size
    if spikes.afferents.shape != (steps, trials, n):
        raise UsageError(
            f"spikes of shape {spikes.afferents.shape} for {steps} steps of {trials} trials with "
            f"{n} afferents"
        )
    groups = afferents.groups
    off = [np.full(g.size, isinstance(g, SteadyGroup) and g.rate == 0) for g in groups]
    silent = np.flatnonzero(np.concatenate(off))
    seen = spikes.afferents[:, :, silent].any(axis=(0, 1))
    if seen.any():
        i = int(silent[np.flatnonzero(seen)[0]])
        step, trial = np.argwhere(spikes.afferents[:, :, i])[0]
        raise UsageError(
            f"spikes: afferent {i} spikes in step {step}, trial {trial}, but its rate is 0 Hz; "
            "leave the spike out, or give the afferent the rate at which it fires"
        )


def _draws(task: Task) -> bool:
    given = isinstance(task.source, GivenTeacher)
    return not (given and task.afferents.is_given.all())
