"""A checked run on the event-driven engine: its numbers, its spikes, what is recorded."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from steepest.interrupts import is_passed_on
from steepest.progress import progress_bar
from steepest.spiking.afferents import rate_knots
from steepest.spiking.engines import RULES, constant_gains
from steepest.spiking.event_model import EventModel, Events
from steepest.spiking.events import EventEngine
from steepest.spiking.fisher import NeuronFisher
from steepest.spiking.kernel import DifferenceOfExponentials
from steepest.spiking.recorder import Recorder, Run
from steepest.spiking.recording import Recording, State
from steepest.spiking.rules import (
    AbstractRule,
    AbstractSomaticRule,
    ApproximateNaturalRule,
    EuclideanRule,
)
from steepest.spiking.settings import Settings
from steepest.spiking.task import (
    AttenuatedTeacher,
    FixedRateTeacher,
    GivenTeacher,
    RealisableTeacher,
    Task,
)
from steepest.spiking.transfer import Sigmoid

__all__ = ["events_of", "run_events", "to_event_model"]

_LOOK_AFTER = 2.0e7  # trial-steps (of about 30 ns) between two looks at progress and interrupts
_RATES_AT_ONCE = 1_000_000  # rates of classes in steps
_GIVEN_AT_ONCE = 2_000_000  # given spikes, of all trials, and bins in which one train's are counted


def to_event_model(task: Task, rule: AbstractRule, settings: Settings) -> EventModel:
    """The numbers of a task and a rule that the event-driven engine can run."""
    neuron, source = task.neuron, task.source
    transfer, kernel = neuron.transfer, neuron.kernel
    assert isinstance(transfer, Sigmoid)
    assert isinstance(kernel, DifferenceOfExponentials)
    decay = np.diag(np.asarray(kernel.transition(settings.dt, euler=settings.euler)))
    constants = rule if isinstance(rule, ApproximateNaturalRule) else ApproximateNaturalRule()
    teacher, afferents = task.teacher, task.afferents
    knots, courses = rate_knots(afferents)
    varies = courses.ndim == 2
    gains = None if type(rule) in RULES else constant_gains(rule, afferents.size)
    return EventModel(
        rule=RULES.get(type(rule), RULES[EuclideanRule]),
        rates=courses.max(axis=0) if varies else courses,
        eta=settings.rate,
        dt=settings.dt,
        decay=(float(decay[0]), float(decay[1])),
        kappa=float(np.asarray(kernel.readout)[0]),
        eps0=float(kernel.integral),
        c_eps=float(kernel.c_eps),
        maximum=float(transfer.maximum),
        slope=float(transfer.steepness),
        threshold=float(transfer.threshold),
        bias=float(neuron.bias),
        teacher_bias=float(neuron.bias),
        teacher_rate=float(source.rate) if isinstance(source, FixedRateTeacher) else None,
        c_u=float(constants.c_u),
        c_w=float(constants.c_w),
        gains=gains,
        factors=teacher.factors if isinstance(teacher, AttenuatedTeacher) else None,
        knots=knots if varies else None,
        courses=courses if varies else None,
    )


def run_events(run: Run, threads: int | None) -> Recording:
    """The run on the event-driven engine, on `threads` cores (all unless given)."""
    task, settings, start = run.task, run.settings, run.start
    source = task.source
    shape = start.weights.shape
    target = source.weights if isinstance(source, RealisableTeacher) else np.zeros(shape[1])
    draws_inputs = run.spikes is None and not task.afferents.is_given.any()
    draws_teacher = run.spikes is None and not isinstance(source, GivenTeacher)
    model = to_event_model(task, run.rule, settings)
    runner = EventEngine(
        model,
        start.weights,
        np.broadcast_to(target, shape),
        seed=settings.seed,
        draws=(draws_inputs, draws_teacher),
        traces=start.traces,
        step=start.step,
        saved=start.engine or None,
        threads=threads,
    )
    give = None
    if not (draws_inputs and draws_teacher):
        give = _giver(run, (draws_inputs, draws_teacher))
    span = max(model.period, int(_LOOK_AFTER / shape[0]))
    if give is not None:
        rate_sum = float(model.rates.sum()) + 1 / settings.dt
        most = max(shape[0] * rate_sum * settings.dt, shape[1])
        span = min(span, max(1, int(_GIVEN_AT_ONCE / most)))
    if model.courses is not None:  # of each step the rates of all classes are laid out
        span = min(span, max(model.period, int(_RATES_AT_ONCE / len(runner.factors))))
    recorder = Recorder(run)
    complete = True
    try:
        with progress_bar("learning", float(settings.steps)) as advance:
            if start.step in run.marks:
                _record(recorder, run, runner)
            for stop in run.stops:
                while runner.step < stop:
                    upto = min(stop, runner.step + span)
                    if give is not None:
                        runner.give(*give(runner.step, upto))
                    runner.run(upto, advance)
                if stop in run.marks:
                    _record(recorder, run, runner)
    except KeyboardInterrupt:
        if is_passed_on():
            raise
        complete = False
    state = State(runner.step, runner.weights(), runner.traces(), runner.save())
    return recorder.close(state, "events", complete, "the event-driven engine can do this run")


def _record(recorder: Recorder, run: Run, runner: EventEngine) -> None:
    weights, traces = runner.weights(), runner.traces()
    gammas: dict[str, Array] = {}
    if isinstance(run.rule, AbstractSomaticRule):
        usps = jnp.asarray(runner.model.kappa * (traces[:, 0] - traces[:, 1]))
        fisher = run.task.fisher(np.array([runner.step * run.settings.dt]))
        gammas = _coefficients(run.rule, fisher, jnp.asarray(weights), usps)
    recorder.add(runner.step, weights, runner.voltages(), weights, gammas)


def _giver(
    run: Run, draws: tuple[bool, bool]
) -> Callable[[int, int], tuple[Events | None, Events | None]]:
    """A function of two steps that returns the spikes, between them, that were given.

    First the afferents' spikes, then the teacher's; None for those that the engine draws itself,
    as `draws` says of each.
    """
    task, dt, spikes = run.task, run.settings.dt, run.spikes
    origin, trials = run.start.step, len(run.start.weights)

    def give(first: int, last: int) -> tuple[Events | None, Events | None]:
        if spikes is not None:
            here = slice(first - origin, last - origin)
            return events_of(spikes.afferents[here], first), events_of(spikes.teacher[here], first)
        inputs = taught = None
        if not draws[0]:
            counts = task.afferents.given_counts(first, last, dt)
            inputs = _in_all(counts, first, trials)
        if not draws[1]:
            assert isinstance(task.source, GivenTeacher)
            counts = task.source.spikes.counts(first, last, dt)[:, 0]
            taught = _in_all(counts, first, trials)
        return inputs, taught

    return give


def _in_all(counts: np.ndarray, first: int, trials: int) -> Events:
    """The spikes of counts (steps, n) or (steps,), which are the same in every trial."""
    events = events_of(counts[:, None], first)
    afferent = None if events.afferent is None else np.repeat(events.afferent, trials)
    trial = np.tile(np.arange(trials), len(events.step))
    return Events(np.repeat(events.step, trials), trial, afferent)


def events_of(counts: np.ndarray, first: int) -> Events:
    """The spikes of counts (steps, trials, n) or (steps, trials), from step `first` on."""
    places = np.nonzero(counts)
    step, trial, *afferent = (np.repeat(place, counts[places]) for place in places)
    return Events(step + first, trial, afferent[0] if afferent else None)


@eqx.filter_jit
def _coefficients(
    rule: AbstractSomaticRule, fisher: NeuronFisher, weights: Array, usps: Array
) -> dict[str, Array]:
    """gamma_s, gamma_u and gamma_w of every trial."""
    return jax.vmap(lambda w, x: rule.coefficients(fisher, w, x)._asdict())(weights, usps)
