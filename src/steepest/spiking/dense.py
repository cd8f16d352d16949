"""The readable reference engine: every synapse in every step, any rule, any metric, in JAX.

One step, in this order (the event-driven engine has the same): the teacher's spikes are drawn and
the weights updated with the USPs as they stand; the USPs decay; this step's spikes are added and
count from the next step on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy.stats import poisson

from steepest.errors import LearningError
from steepest.geometry.arrays import like
from steepest.geometry.chart import AbstractChart, Identity
from steepest.geometry.entry import entry_point
from steepest.progress import progress
from steepest.spiking.afferents import MOST_EXPECTED, Afferents, VaryingGroup
from steepest.spiking.fisher import NeuronFisher
from steepest.spiking.neuron import PoissonNeuron
from steepest.spiking.recording import Recording, State, evaluate, record_steps
from steepest.spiking.rules import AbstractRule, AbstractSomaticRule
from steepest.spiking.settings import Settings, Spikes, check_run
from steepest.spiking.task import AttenuatedTeacher, GivenTeacher, RealisableTeacher, Task

__all__ = ["simulate_dense"]

_AT_ONCE = 20_000_000  # synapse-steps between two looks at the weights
_SMALL = 2_000  # synapses below which a step takes no less time
_RARE = 1e-17  # a count of spikes in a bin that is less likely than this is not drawn


class _Model(eqx.Module):
    """All that stays as it is during a run, as arrays: what one trial's step needs."""

    neuron: PoissonNeuron
    rule: AbstractRule
    chart: AbstractChart
    rates: Array  # (n,) Hz, or (knots, n) beside `knots`
    knots: Array  # (knots,) s
    means: Any
    variances: Any
    given: Array  # (n,) which afferents have given trains
    transition: Array
    factors: Array  # () or (n,): how much of a teacher's spike reaches each synapse
    eta: Array
    dt: Array
    most: int = eqx.field(static=True)  # the largest count drawn of an afferent in a bin
    source: type = eqx.field(static=True)  # which kind of teacher
    drawn: bool = eqx.field(static=True)  # whether spikes are drawn or all given

    def fisher(self, step: Array) -> NeuronFisher:
        """The metric at a step, of the rates of the moment."""
        if self.rates.ndim == 1:
            rates = self.rates
        else:
            time = like(step, self.dt) * self.dt
            rates = jax.vmap(lambda r: jnp.interp(time, self.knots, r), in_axes=1)(self.rates)
        return NeuronFisher(self.neuron, rates, self.means, self.variances)


class _Trial(NamedTuple):
    """A trial's moving state; `failed` is the step that was not taken, or -1."""

    weights: Array  # (n,)
    traces: Array  # (2, n)
    failed: Array
    growth: Array  # lambda of the failed step


def _most_drawn(expected: float) -> int:
    """The largest count per bin worth drawing."""
    return int(np.argmax(poisson.sf(np.arange(64), expected) < _RARE))


def _draw_counts(expected: Any, uniform: Any, most: int) -> Any:
    """Poisson counts by inversion: how many cumulative probabilities lie below `uniform`."""
    probability = total = jnp.exp(-expected)
    count = jnp.zeros_like(uniform)
    for k in range(1, most + 1):
        count = count + (uniform > total).astype(uniform.dtype)
        probability = probability * expected / k
        total = total + probability
    return count


def _step(
    model: _Model,
    teacher: Array,
    key: Array,
    counts: Array,
    taught: Array,
    step: Array,
    trial: _Trial,
) -> _Trial:
    """One step of one trial; `counts` (n,) and `taught` are given spikes, or what is not drawn."""
    neuron, kernel = model.neuron, model.neuron.kernel
    w, z = trial.weights, trial.traces
    x = like(kernel.readout, w) @ z
    somatic = model.chart(w)
    V = jnp.sum(somatic * x)
    fisher = model.fisher(step)
    expected_taught = like(0, w)
    if model.source is RealisableTeacher:
        expected_taught = neuron.rate(jnp.sum(teacher * x)) * model.dt
    elif model.source is not GivenTeacher:
        expected_taught = teacher * model.dt
    spikes, y = counts, taught
    if model.drawn:
        n = w.shape[0]
        uniform = jax.random.uniform(jax.random.fold_in(key, step), (n + 1,), dtype=w.dtype)
        expected = like(fisher.rates, w) * model.dt
        spikes = jnp.where(model.given, counts, _draw_counts(expected, uniform[:n], model.most))
        if model.source is not GivenTeacher:
            y = _draw_counts(expected_taught, uniform[n], _most_drawn(MOST_EXPECTED))
    response, growth = model.rule.respond(fisher, w, x, model.chart)
    reached = model.factors * y
    score = neuron.score(jnp.broadcast_to(V, reached.shape), reached, model.dt)
    growing = 1 + model.eta * jnp.min(score * growth)
    updated = w + model.eta * score * response
    usable = jnp.isfinite(updated).all() & (growing > 0) & (expected_taught <= MOST_EXPECTED)
    moved = _Trial(
        updated,
        model.transition @ z + jnp.outer(like(kernel.kick, w), spikes),
        trial.failed,
        trial.growth,
    )
    alive = trial.failed < 0
    stopped = _Trial(w, z, like_step(step, trial.failed), growing)
    choice = jax.tree.map(lambda a, b: jnp.where(usable, a, b), moved, stopped)
    return jax.tree.map(lambda a, b: jnp.where(alive, a, b), choice, trial)


def like_step(step: Array, other: Array) -> Array:
    """A step number as an integer of another's type."""
    return jnp.asarray(step, dtype=other.dtype)


@eqx.filter_jit
def _advance(
    model: _Model,
    teacher: Array,
    keys: Array,
    counts: Array,
    taught: Array,
    first: Array,
    last: Array,
    trials: _Trial,
) -> _Trial:
    """All trials from step `first` to `last`; given spikes are those from `first` on.

    `counts` (steps, n) or (steps, trials, n), or (n,) zeros where none are given; `taught`
    (steps,) or (steps, trials), or one 0.
    """

    def one(step: Array, state: _Trial) -> _Trial:
        now = counts if counts.ndim == 1 else counts[step - first]
        y = taught if taught.ndim == 0 else taught[step - first]
        axes = (0, 0, 0 if now.ndim == 2 else None, 0 if y.ndim == 1 else None, 0)

        def advance(teacher: Array, key: Array, c: Array, y: Array, trial: _Trial) -> _Trial:
            return _step(model, teacher, key, c, y, step, trial)

        dtype = model.dt.dtype
        return jax.vmap(advance, in_axes=axes)(
            teacher, keys, now.astype(dtype), y.astype(dtype), state
        )

    return jax.lax.fori_loop(first, last, one, trials)


@eqx.filter_jit
def _look(model: _Model, step: Array, trials: _Trial) -> dict[str, Array]:
    """V and the rule's coefficients of every trial."""

    def one(trial: _Trial) -> dict[str, Array]:
        x = like(model.neuron.kernel.readout, trial.weights) @ trial.traces
        somatic = model.chart(trial.weights)
        found = {"voltage": jnp.sum(somatic * x), "somatic": somatic}
        if isinstance(model.rule, AbstractSomaticRule):
            gamma = model.rule.coefficients(model.fisher(step), somatic, x)
            found |= gamma._asdict()
        return found

    return jax.vmap(one)(trials)


@dataclass
class _Log:
    """What has been recorded so far."""

    model: _Model
    task: Task
    dt: float
    times: list[float]
    weights: list[np.ndarray]
    voltage: list[np.ndarray]
    measures: list[dict[str, np.ndarray]]

    def add(self, step: int, trials: _Trial) -> None:
        found = {k: np.asarray(v) for k, v in _look(self.model, jnp.asarray(step), trials).items()}
        somatic = found.pop("somatic")
        self.times.append(step * self.dt)
        self.weights.append(np.asarray(trials.weights))
        self.voltage.append(found.pop("voltage"))
        self.measures.append(found | evaluate(self.task, somatic, self.dt))

    def close(self, step: int, trials: _Trial, complete: bool) -> Recording:
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

    `rate` is eta: 1/s for the natural rules (weights relax as exp(-rate t)), Hz/mV^2 times that
    for the Euclidean one. Spikes are drawn from `seed` step by step, or given as `spikes` for the
    whole run. `record` is None (start and end), a number of intervals, or times in s. `euler`
    takes forward-Euler USPs, as the paper did, instead of exact ones. With a `chart` from learning
    (dendritic) to somatic weights the rule acts in the chart's points, `weights` included. With a
    `state` from an earlier recording the run goes on from there and `weights` are not looked at.
    Ctrl-C ends the run with what is recorded.

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
    trials = _Trial(
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
                    _explain(model, reached, dt)
                    amount, trials, done = upto - done, reached, upto
                    advance(float(amount))
                if done in marks:
                    log.add(done, trials)
    except KeyboardInterrupt:
        return log.close(done, trials, complete=False)
    return log.close(done, trials, complete=True)


def _model(
    task: Task, rule: AbstractRule, settings: Settings, chart: AbstractChart, drawn: bool
) -> _Model:
    afferents = task.afferents
    knots, rates = _rate_knots(afferents)
    factors = task.teacher.factors if isinstance(task.teacher, AttenuatedTeacher) else 1.0
    return _Model(
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
        _most_drawn(float(rates.max()) * settings.dt),
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
    model: _Model,
    settings: Settings,
    spikes: Spikes | None,
    origin: int,
    count: int,
    chunk: int,
) -> Callable[[int, int, _Trial], _Trial]:
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

    def move(first: int, last: int, trials: _Trial) -> _Trial:
        counts, taught = np.zeros(n, dtype=np.uint8), np.zeros((), dtype=np.uint8)
        if spikes is not None:
            counts = padded(spikes.afferents[first - origin : last - origin])
            taught = padded(spikes.teacher[first - origin : last - origin])
        else:
            if afferents.is_given.any():
                counts = padded(afferents.given_counts(first, last, settings.dt))
            if isinstance(source, GivenTeacher):
                taught = padded(source.spikes.counts(first, last, settings.dt)[:, 0])
        return _advance(
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


def _explain(model: _Model, trials: _Trial, dt: float) -> None:
    """Raise what went wrong in the first trial that stopped, if one did."""
    failed = np.asarray(trials.failed)
    if (failed < 0).all():
        return
    k = int(np.flatnonzero(failed == failed[failed >= 0].min())[0])
    step, growth = int(failed[k]), float(trials.growth[k])
    place = f"trial {k}, step {step} ({step * dt:g} s)"
    weights, traces = trials.weights[k], trials.traces[k]
    somatic = model.chart(weights)
    try:
        model.fisher(jnp.asarray(step)).check(somatic)
    except ValueError as error:
        raise type(error)(f"{place}: {error}") from error
    if np.isfinite(growth) and growth <= 0:
        safe = float(model.eta) / (1 - growth)
        raise LearningError(
            f"{place}: the learning rate {float(model.eta):g} multiplies the weights by "
            f"{growth:.3g} in one step, past 0; the largest safe rate there is {safe:.3g}"
        )
    V = float(jnp.sum(somatic * (model.neuron.kernel.readout @ traces)))
    raise LearningError(
        f"{place}: the weights' change is not finite, or the teacher fires more than "
        f"{MOST_EXPECTED} spikes per bin (V = {V:g} mV, largest weight "
        f"{float(jnp.max(jnp.abs(somatic))):g}); lower the learning rate, or take another transfer "
        "function or a smaller dt"
    )
