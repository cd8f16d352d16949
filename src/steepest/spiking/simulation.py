"""The front door to simulation: picks the engine, says which, records, and can go on later."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from steepest.arrays.entry import entry_point
from steepest.errors import UsageError
from steepest.geometry.chart import AbstractChart, Identity
from steepest.progress import progress
from steepest.spiking import _lockstep
from steepest.spiking.afferents import GivenGroup, SteadyGroup
from steepest.spiking.dense import simulate_dense
from steepest.spiking.event_model import EventModel, Events
from steepest.spiking.events import EventEngine
from steepest.spiking.fisher import NeuronFisher
from steepest.spiking.kernel import DifferenceOfExponentials
from steepest.spiking.recording import Recording, State, evaluate, record_steps
from steepest.spiking.rules import (
    AbstractRule,
    AbstractSomaticRule,
    ApproximateNaturalRule,
    EuclideanRule,
    NaturalRule,
)
from steepest.spiking.settings import Settings, Spikes, check_run
from steepest.spiking.task import (
    AttenuatedTeacher,
    FixedRateTeacher,
    GivenTeacher,
    RealisableTeacher,
    Task,
)
from steepest.spiking.transfer import Sigmoid

__all__ = ["simulate", "why_dense"]

RULES: dict[type[AbstractRule], int] = {
    EuclideanRule: _lockstep.EUCLIDEAN,
    NaturalRule: _lockstep.NATURAL,
    ApproximateNaturalRule: _lockstep.APPROXIMATE,
}
_LOOK_AFTER = 2.0e7  # trial-steps (of about 30 ns) between two looks at progress and interrupts
_GIVEN_AT_ONCE = 2_000_000  # given spikes, of all trials, and bins in which one train's are counted


def why_dense(
    task: Task,
    rule: AbstractRule,
    chart: AbstractChart | None = None,
    dt: float = 5e-4,
    euler: bool = False,
) -> str | None:
    """What of this run the event-driven engine cannot do, in words; None where it can do it all.

    It does the Euclidean, natural and approximate rules on somatic weights, for a sigmoid, a
    difference of two exponentials, and constant rates or given trains. `dt` (s) is the step, which
    with `euler` must stay clear of the shortest time constant.
    """
    groups = task.afferents.groups
    given = [isinstance(group, GivenGroup) for group in groups]
    rates = task.afferents.rates(np.zeros(1))[0]
    reasons = {
        f"the rule is {type(rule).__name__}": type(rule) not in RULES,
        "a chart was given": not (chart is None or isinstance(chart, Identity)),
        "the transfer function is not Sigmoid": type(task.neuron.transfer) is not Sigmoid,
        "the kernel is not a difference of exponentials": (
            type(task.neuron.kernel) is not DifferenceOfExponentials
        ),
        "rates vary": not all(isinstance(group, SteadyGroup | GivenGroup) for group in groups),
        "some afferents have given trains and others draw spikes": any(given) and not all(given),
        "a given train has the nominal rate 0": all(given) and bool((rates == 0).any()),
        "the teacher's spikes are attenuated": isinstance(task.teacher, AttenuatedTeacher),
        "USP means or variances were given": (
            task.usp_means is not None or task.usp_variances is not None
        ),
        "no afferent fires": not (rates > 0).any(),
    }
    if not any(reasons.values()):
        decay = np.diag(np.asarray(task.neuron.kernel.transition(dt, euler=euler)))
        reasons["an Euler step of nearly a time constant leaves nothing of a USP"] = bool(
            decay.min() < 1 / _lockstep.GROWTH
        )
    return next((reason for reason, applies in reasons.items() if applies), None)


@entry_point(kernel="NeuronFisher and the rules")
def simulate(
    task: Task,
    rule: AbstractRule,
    weights: Any = None,
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
    engine: str | None = None,
    threads: int | None = None,
) -> Recording:
    """Let a neuron learn for `duration` s from `weights` (n,) or (trials, n), in steps of `dt` s.

    Takes the event-driven engine where it can (`why_dense` says where not) and the dense one
    elsewhere, or the `engine` that is asked for; the recording's `engine` says which it was, and
    its attribute `engine_reason` why. On the same `spikes` both give the same weights; from a
    `seed` each draws its own.

    `rate` is eta: 1/s for the natural rules, a number without unit for the Euclidean one. `record`
    is None (start and end), a number of intervals, or a list of times in s; recording does not
    change the run.
    With the `state` of an earlier recording (`State.save`, `State.load`) the run goes on from
    there, to the bit as if it had never stopped, and `weights` are not looked at. `threads` is the
    number of cores of the event-driven engine, all unless given. Ctrl-C ends the run with what is
    recorded. The other arguments are those of `simulate_dense`.

    Raises `UsageError` for what cannot be run, `LearningError` that names the step, the trial and
    the largest safe rate, and `MetricError` where the metric is not positive definite.
    """
    if weights is None and state is None:
        raise UsageError("give the weights to start from, or a state to go on from")
    if engine not in (None, "events", "dense"):
        raise UsageError(f"engine {engine!r}: the engines are 'events' and 'dense'")
    if threads is not None and threads < 1:
        raise UsageError(f"threads={threads}: give 1 or more")
    settings = Settings(rate, duration, dt, seed, euler)
    start = check_run(task, weights, settings, spikes, state)
    reason = why_dense(task, rule, chart, dt, euler)
    if engine == "events" and reason is not None:
        raise UsageError(f"the event-driven engine cannot do this run: {reason}; take 'dense'")
    if engine == "dense" or reason is not None:
        recording = simulate_dense(
            task,
            rule,
            weights,
            rate=rate,
            duration=duration,
            dt=dt,
            seed=seed,
            spikes=spikes,
            record=record,
            euler=euler,
            chart=chart,
            state=start if state is not None else None,
        )
        recording.attributes["engine_reason"] = reason or "asked for"
        return recording
    return _simulate_events(task, rule, settings, start, spikes, record, threads)


def event_model(task: Task, rule: AbstractRule, settings: Settings) -> EventModel:
    """The numbers of a task and a rule that the event-driven engine can run."""
    neuron, source = task.neuron, task.source
    transfer, kernel = neuron.transfer, neuron.kernel
    assert isinstance(transfer, Sigmoid)
    assert isinstance(kernel, DifferenceOfExponentials)
    decay = np.diag(np.asarray(kernel.transition(settings.dt, euler=settings.euler)))
    constants = rule if isinstance(rule, ApproximateNaturalRule) else ApproximateNaturalRule()
    return EventModel(
        rule=RULES[type(rule)],
        rates=task.afferents.rates(np.zeros(1))[0],
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
    )


def _simulate_events(
    task: Task,
    rule: AbstractRule,
    settings: Settings,
    start: State,
    spikes: Spikes | None,
    record: Any,
    threads: int | None,
) -> Recording:
    source = task.source
    shape = start.weights.shape
    target = source.weights if isinstance(source, RealisableTeacher) else np.zeros(shape[1])
    draws_inputs = spikes is None and task.afferents.constant_rates is not None
    draws_teacher = spikes is None and not isinstance(source, GivenTeacher)
    model = event_model(task, rule, settings)
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
    last = start.step + settings.steps
    marks = record_steps(record, settings.steps, settings.dt, start.step)
    give = None
    if not (draws_inputs and draws_teacher):
        give = _giver(task, settings, spikes, start, (draws_inputs, draws_teacher))
    span = max(model.period, int(_LOOK_AFTER / shape[0]))
    if give is not None:
        rate_sum = float(model.rates.sum()) + 1 / settings.dt
        most = max(shape[0] * rate_sum * settings.dt, shape[1])
        span = min(span, max(1, int(_GIVEN_AT_ONCE / most)))
    log = _Log(task, rule, settings)
    complete = True
    try:
        with progress("learning", float(settings.steps)) as advance:
            if start.step in marks:
                log.add(runner)
            for stop in sorted({*marks, last} - {start.step}):
                while runner.step < stop:
                    upto = min(stop, runner.step + span)
                    if give is not None:
                        runner.give(*give(runner.step, upto))
                    runner.run(upto, advance)
                if stop in marks:
                    log.add(runner)
    except KeyboardInterrupt:
        complete = False
    return log.close(runner, complete)


def _giver(
    task: Task, settings: Settings, spikes: Spikes | None, start: State, draws: tuple[bool, bool]
) -> Callable[[int, int], tuple[Events | None, Events | None]]:
    """What gives the engine the spikes of the steps from one to another that it does not draw."""
    origin, trials = start.step, len(start.weights)

    def give(first: int, last: int) -> tuple[Events | None, Events | None]:
        if spikes is not None:
            here = slice(first - origin, last - origin)
            return _events(spikes.afferents[here], first), _events(spikes.teacher[here], first)
        inputs = taught = None
        if not draws[0]:
            counts = task.afferents.given_counts(first, last, settings.dt)
            inputs = _in_all(counts, first, trials)
        if not draws[1]:
            assert isinstance(task.source, GivenTeacher)
            counts = task.source.spikes.counts(first, last, settings.dt)[:, 0]
            taught = _in_all(counts, first, trials)
        return inputs, taught

    return give


def _in_all(counts: np.ndarray, first: int, trials: int) -> Events:
    """The spikes of counts (steps, n) or (steps,), which are the same in every trial."""
    one = _events(counts[:, None], first)
    afferent = None if one.afferent is None else np.repeat(one.afferent, trials)
    trial = np.tile(np.arange(trials), len(one.step))
    return Events(np.repeat(one.step, trials), trial, afferent)


def _events(counts: np.ndarray, first: int) -> Events:
    places = np.nonzero(counts)
    step, trial, *afferent = (np.repeat(place, counts[places]) for place in places)
    return Events(step + first, trial, afferent[0] if afferent else None)


@eqx.filter_jit
def _coefficients(
    rule: AbstractSomaticRule, fisher: NeuronFisher, weights: Array, usps: Array
) -> dict[str, Array]:
    """gamma_s, gamma_u and gamma_w of every trial."""
    return jax.vmap(lambda w, x: rule.coefficients(fisher, w, x)._asdict())(weights, usps)


class _Log:
    """What has been recorded so far."""

    def __init__(self, task: Task, rule: AbstractRule, settings: Settings) -> None:
        self.task, self.rule, self.settings = task, rule, settings
        self.times: list[float] = []
        self.weights: list[np.ndarray] = []
        self.voltage: list[np.ndarray] = []
        self.measures: list[dict[str, np.ndarray]] = []

    def add(self, runner: EventEngine) -> None:
        w = runner.weights()
        traces = runner.traces()
        x = runner.model.kappa * (traces[:, 0] - traces[:, 1])
        found = {}
        if isinstance(self.rule, AbstractSomaticRule):
            gamma = _coefficients(self.rule, self.task.fisher(), jnp.asarray(w), jnp.asarray(x))
            found = {name: np.asarray(value) for name, value in gamma.items()}
        found |= evaluate(self.task, w, self.settings.dt)
        # All or nothing: an interrupt while the cost is computed leaves no half of a record.
        self.times.append(runner.step * self.settings.dt)
        self.weights.append(w)
        self.voltage.append(runner.voltages())
        self.measures.append(found)

    def close(self, runner: EventEngine, complete: bool) -> Recording:
        names = self.measures[0] if self.measures else {}
        shape = (runner.trials, runner.n)
        return Recording(
            np.array(self.times, dtype=np.float64),
            np.array(self.weights, dtype=np.float64).reshape(-1, *shape),
            np.array(self.voltage, dtype=np.float64).reshape(-1, shape[0]),
            {name: np.stack([m[name] for m in self.measures]) for name in names},
            State(runner.step, runner.weights(), runner.traces(), runner.save()),
            self.settings.dt,
            "events",
            complete,
            {"engine_reason": "the event-driven engine can do this run"},
        )
