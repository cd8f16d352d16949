"""The readable reference engine: every synapse in every step, any rule, any metric, in JAX."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from steepest.arrays.entry import entry_point
from steepest.geometry.chart import AbstractChart, Identity
from steepest.progress import progress
from steepest.spiking.afferents import Afferents, VaryingGroup
from steepest.spiking.dense_step import (
    Model,
    Trial,
    advance_trials,
    explain_failure,
    look_at,
    most_drawn,
)
from steepest.spiking.recording import Recording, State, evaluate, record_steps
from steepest.spiking.rules import AbstractRule
from steepest.spiking.settings import Settings, Spikes, check_run
from steepest.spiking.task import AttenuatedTeacher, GivenTeacher, RealisableTeacher, Task

__all__ = ["simulate_dense"]

_AT_ONCE = 20_000_000  # synapse-steps between two looks at the weights
_SMALL = 2_000  # synapses below which a step takes no less time


@dataclass
class _Log:
    """What has been recorded so far."""

    model: Model
    task: Task
    dt: float
    times: list[float]
    weights: list[np.ndarray]
    voltage: list[np.ndarray]
    measures: list[dict[str, np.ndarray]]

    def add(self, step: int, trials: Trial) -> None:
        found = {
            k: np.asarray(v) for k, v in look_at(self.model, jnp.asarray(step), trials).items()
        }
        measures = evaluate(self.task, found.pop("somatic"), self.dt)
        # All or nothing: an interrupt while the cost is computed leaves no half of a record.
        self.times.append(step * self.dt)
        self.weights.append(np.asarray(trials.weights))
        self.voltage.append(found.pop("voltage"))
        self.measures.append(found | measures)

    def close(self, step: int, trials: Trial, complete: bool) -> Recording:
        shape = trials.weights.shape
        names = self.measures[0] if self.measures else {}
        return Recording(
            np.array(self.times, dtype=np.float64),
            np.array(self.weights, dtype=np.float64).reshape(-1, *shape),
            np.array(self.voltage, dtype=np.float64).reshape(-1, shape[0]),
            {name: np.stack([m[name] for m in self.measures]) for name in names},
            State(step, np.asarray(trials.weights), np.asarray(trials.traces)),
            self.dt,
            "dense",
            complete,
        )


@entry_point(kernel="NeuronFisher and the rules")
def simulate_dense(
    task: Task,
    rule: AbstractRule,
    weights: Any,
    *,
    rate: float,
    duration: float,
    dt: float = 5e-4,
    seed: int | None = None,
    spikes: Spikes | None = None,
    record: Any = None,
    euler: bool = False,
    chart: AbstractChart | None = None,
    state: State | None = None,
) -> Recording:
    """Let a neuron learn for `duration` s from `weights` (n,) or (trials, n), in steps of `dt` s.

    `rate` is eta: 1/s for the natural rules (weights relax as exp(-rate t)), a number without unit
    for the Euclidean one (the score, 1/mV, times USPs in mV). Spikes are drawn from `seed` step by
    step, or given as `spikes` for the whole run. `record` is None (start and end), a number of
    intervals, or a list of times in s. `euler` takes forward-Euler USPs, as the paper did, instead
    of exact ones. With a `chart` from learning (dendritic) to somatic weights the rule acts in the
    chart's points, `weights` included. With a `state` from an earlier recording the run goes on
    from there and `weights` are not looked at. Ctrl-C ends the run with what is recorded.

    Raises `UsageError` for what cannot be run, and `LearningError` that names the step, the trial
    and the largest safe rate, or `MetricError` with the cure, where learning leaves the range in
    which the rule is defined.
    """
    settings = Settings(rate, duration, dt, seed, euler)
    start = check_run(task, weights, settings, spikes, state)
    model = _model(task, rule, settings, Identity() if chart is None else chart, spikes is None)
    first, steps = start.step, settings.steps
    marks = record_steps(record, steps, dt, first)
    count, n = start.weights.shape
    trials = Trial(
        jnp.asarray(start.weights),
        jnp.asarray(start.traces),
        jnp.full(count, -1),
        jnp.ones(count),
    )
    chunk = max(1, _AT_ONCE // max(count * n, _SMALL))
    move = _mover(task, model, settings, spikes, first, count, chunk)
    log = _Log(model, task, dt, [], [], [], [])
    done = first
    try:
        with progress("learning", float(steps)) as advance:
            if done in marks:
                log.add(done, trials)
            for stop in sorted({*marks, first + steps} - {first}):
                while done < stop:
                    upto = min(stop, done + chunk)
                    reached = jax.block_until_ready(move(done, upto, trials))
                    explain_failure(model, reached, dt)
                    amount, trials, done = upto - done, reached, upto
                    advance(float(amount))
                if done in marks:
                    log.add(done, trials)
    except KeyboardInterrupt:
        return log.close(done, trials, complete=False)
    return log.close(done, trials, complete=True)


def _model(
    task: Task, rule: AbstractRule, settings: Settings, chart: AbstractChart, drawn: bool
) -> Model:
    afferents = task.afferents
    knots, rates = _rate_knots(afferents)
    factors = task.teacher.factors if isinstance(task.teacher, AttenuatedTeacher) else 1.0
    return Model(
        task.neuron,
        rule,
        chart,
        jnp.asarray(rates),
        jnp.asarray(knots),
        None if task.usp_means is None else jnp.asarray(task.usp_means, dtype=jnp.float64),
        None if task.usp_variances is None else jnp.asarray(task.usp_variances, dtype=jnp.float64),
        jnp.asarray(afferents.is_given),
        jnp.asarray(task.neuron.kernel.transition(settings.dt, euler=settings.euler)),
        jnp.asarray(factors, dtype=jnp.float64),
        jnp.asarray(settings.rate, dtype=jnp.float64),
        jnp.asarray(settings.dt, dtype=jnp.float64),
        most_drawn(float(rates.max()) * settings.dt),
        type(task.source),
        drawn,
    )


def _rate_knots(afferents: Afferents) -> tuple[np.ndarray, np.ndarray]:
    """Constant rates (n,), or the rates (knots, n) at all groups' knots."""
    varying = [group.knots for group in afferents.groups if isinstance(group, VaryingGroup)]
    if not varying:
        return np.zeros(1), afferents.rates(np.zeros(1))[0]
    knots = np.unique(np.concatenate(varying))
    return knots, afferents.rates(knots)


def _mover(
    task: Task,
    model: Model,
    settings: Settings,
    spikes: Spikes | None,
    origin: int,
    count: int,
    chunk: int,
) -> Callable[[int, int, Trial], Trial]:
    """The function that takes all trials from one step to another."""
    source, afferents = task.source, task.afferents
    n = afferents.size
    if isinstance(source, RealisableTeacher):
        teacher = jnp.broadcast_to(jnp.asarray(source.weights), (count, n))
    elif isinstance(source, GivenTeacher):
        teacher = jnp.zeros(count)
    else:
        teacher = jnp.full(count, float(source.rate))
    root = jax.random.key(0 if settings.seed is None else settings.seed)
    keys = jax.vmap(lambda k: jax.random.fold_in(root, k))(jnp.arange(count))

    def padded(given: np.ndarray) -> np.ndarray:
        # One shape for all chunks: another would be compiled anew.
        rest = [(0, chunk - len(given)), *[(0, 0)] * (given.ndim - 1)]
        return np.pad(given, rest)

    def move(first: int, last: int, trials: Trial) -> Trial:
        counts, taught = np.zeros(n, dtype=np.uint8), np.zeros((), dtype=np.uint8)
        if spikes is not None:
            counts = padded(spikes.afferents[first - origin : last - origin])
            taught = padded(spikes.teacher[first - origin : last - origin])
        else:
            if afferents.is_given.any():
                counts = padded(afferents.given_counts(first, last, settings.dt))
            if isinstance(source, GivenTeacher):
                taught = padded(source.spikes.counts(first, last, settings.dt)[:, 0])
        return advance_trials(
            model,
            teacher,
            keys,
            jnp.asarray(counts),
            jnp.asarray(taught),
            jnp.asarray(first),
            jnp.asarray(last),
            trials,
        )

    return move
