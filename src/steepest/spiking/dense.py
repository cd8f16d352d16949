"""The readable reference engine: every synapse in every step, any rule, any metric, in JAX."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from steepest.geometry.chart import AbstractChart, Identity
from steepest.interrupts import is_passed_on
from steepest.progress import progress_bar
from steepest.spiking.afferents import rate_knots
from steepest.spiking.dense_step import (
    Model,
    Trial,
    advance_trials,
    explain_failure,
    look_at,
    most_drawn,
)
from steepest.spiking.recorder import Recorder, Run
from steepest.spiking.recording import Recording, State
from steepest.spiking.task import (
    AbstractTeacher,
    AttenuatedTeacher,
    GivenTeacher,
    RealisableTeacher,
)

__all__ = ["run_dense"]

_AT_ONCE = 20_000_000  # synapse-steps between two looks at the weights
_SMALL = 2_000  # synapses below which a step takes no less time


def run_dense(run: Run, chart: AbstractChart | None, reason: str = "") -> Recording:
    """The run on the dense engine; `reason` says why on this one, "" where nobody chose."""
    settings, start = run.settings, run.start
    model = _model(run, Identity() if chart is None else chart)
    first, (count, n) = start.step, start.weights.shape
    trials = Trial(
        jnp.asarray(start.weights),
        jnp.asarray(start.traces),
        jnp.full(count, -1, dtype=jnp.int64),  # not weakly typed, as what comes back is not
        jnp.ones(count),
    )
    chunk = max(1, _AT_ONCE // max(count * n, _SMALL))
    move = _mover(run, model, chunk)
    recorder, done, complete = Recorder(run), first, True
    try:
        with progress_bar("learning", float(settings.steps)) as advance:
            if done in run.marks:
                _record(recorder, model, done, trials)
            for stop in run.stops:
                while done < stop:
                    upto = min(stop, done + chunk)
                    reached = jax.block_until_ready(move(done, upto, trials))
                    explain_failure(model, reached, settings.dt)
                    amount, trials, done = upto - done, reached, upto
                    advance(float(amount))
                if done in run.marks:
                    _record(recorder, model, done, trials)
    except KeyboardInterrupt:
        if is_passed_on():
            raise
        complete = False
    state = State(done, np.asarray(trials.weights), np.asarray(trials.traces))
    return recorder.close(state, "dense", complete, reason)


def _record(recorder: Recorder, model: Model, step: int, trials: Trial) -> None:
    seen = {
        name: np.asarray(value) for name, value in look_at(model, jnp.asarray(step), trials).items()
    }
    voltage, somatic = seen.pop("voltage"), seen.pop("somatic")
    recorder.add(step, np.asarray(trials.weights), voltage, somatic, seen)


def _model(run: Run, chart: AbstractChart) -> Model:
    task, settings = run.task, run.settings
    afferents = task.afferents
    knots, rates = rate_knots(afferents)
    factors = task.teacher.factors if isinstance(task.teacher, AttenuatedTeacher) else 1.0
    return Model(
        task.neuron,
        run.rule,
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
        task.source if isinstance(task.source, AbstractTeacher) else None,
        run.spikes is None,
    )


def _mover(run: Run, model: Model, chunk: int) -> Callable[[int, int, Trial], Trial]:
    """The function that takes all trials from one step to another."""
    source, afferents = run.task.source, run.task.afferents
    spikes, settings, origin = run.spikes, run.settings, run.start.step
    count, n = run.start.weights.shape
    if isinstance(source, RealisableTeacher):
        teacher = jnp.broadcast_to(jnp.asarray(source.weights), (count, n))
    elif isinstance(source, GivenTeacher | AbstractTeacher):
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
