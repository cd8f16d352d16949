"""The front door to simulation: checks a run, picks the engine, and says which."""

from typing import Any

import jax
import jax.numpy as jnp

from steepest.arrays.entry import entry_point
from steepest.errors import UsageError
from steepest.geometry.chart import AbstractChart, Identity
from steepest.spiking.dense import run_dense
from steepest.spiking.engines import why_dense
from steepest.spiking.event_run import run_events
from steepest.spiking.gpu_limits import why_not_gpu
from steepest.spiking.recorder import Run
from steepest.spiking.recording import Recording, State, record_steps
from steepest.spiking.rules import AbstractRule
from steepest.spiking.settings import Settings, Spikes, check_run, check_voltages
from steepest.spiking.task import Task

__all__ = ["simulate", "simulate_dense"]


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
    """Let a neuron learn a task by a rule for `duration` s, many trials side by side.

    Takes the event-driven engine where it can (`why_dense` says where not) and the dense one
    elsewhere. On the same `spikes` both give the same weights; from a `seed` each draws its own.
    Ctrl-C ends the run with what is recorded.

    - `task`, `rule`: what is learned (`paper_task`, `Task`), and how (`NaturalRule`, ...).
    - `weights`: where learning begins, (n,) or (trials, n); not looked at with a `state`.
    - `rate`: eta, in 1/s for the natural rules (weights relax as exp(-rate t)), a number without
      unit for the Euclidean one (the score, 1/mV, times USPs in mV).
    - `duration`, `dt`: of the run and of one step, in s.
    - `seed`: a whole number from which all spikes are drawn, step by step.
    - `spikes`: the spikes of the whole run, in place of a seed.
    - `record`: None (start and end), a number of intervals, or a list of times in s; recording
      does not change the run.
    - `euler`: USPs by forward Euler, as in the paper, instead of exact ones.
    - `chart`: from learning (dendritic) to somatic weights; the rule acts in the chart's points,
      `weights` included.
    - `state`: that of an earlier recording (`State.save`, `State.load`); the run goes on from
      there, to the bit as if it had never stopped.
    - `engine`: "events" or "dense", to ask for one, or "gpu", which no run takes unasked (it needs
      the extra `gpu`; `why_not_gpu` says what it cannot do; its speed is not measured: no GPU was
      at hand). The recording's `engine` says which it was, and its attribute `engine_reason` why.
    - `threads`: cores of the event-driven engine, all unless given.

    Raises `UsageError` for what cannot be run, `LearningError` that names the step, the trial and
    the largest safe rate, and `MetricError` where the metric is not positive definite.

    >>> from steepest.spiking import EuclideanRule, paper_task
    >>> task, start = paper_task(trials=2, n=4)
    >>> recording = simulate(task, EuclideanRule(), start, rate=1e-5, duration=0.1, seed=0)
    >>> recording.engine, recording.weights.shape
    ('events', (2, 2, 4))
    """
    if weights is None and state is None:
        raise UsageError("give the weights to start from, or a state to go on from")
    if engine not in (None, "events", "dense", "gpu"):
        raise UsageError(f"engine {engine!r}: the engines are 'events', 'dense' and 'gpu'")
    if threads is not None and threads < 1:
        raise UsageError(f"threads={threads}: give 1 or more")
    _check_kinds(task, rule, chart)
    settings = Settings(rate, duration, dt, seed, euler)
    run = _checked(task, rule, weights, settings, spikes, state, record, chart)
    if engine == "gpu":
        if (reason := why_not_gpu(task, rule, chart, dt, euler)) is not None:
            raise UsageError(f"the engine for GPUs cannot do this run: {reason}; take 'dense'")
        from steepest.spiking.gpu_run import run_gpu  # nothing of it is read unasked

        return run_gpu(run)
    reason = why_dense(task, rule, chart, dt, euler)
    if engine == "events" and reason is not None:
        raise UsageError(f"the event-driven engine cannot do this run: {reason}; take 'dense'")
    if engine == "dense" or reason is not None:
        return run_dense(run, chart, reason or "asked for")
    return run_events(run, threads)


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
    """Let a neuron learn by the dense engine: every synapse in every step, any rule, any metric.

    The readable reference of the event-driven engine, which `simulate` takes where it can. Spikes
    are drawn from (seed, trial, step). Ctrl-C ends the run with what is recorded.

    - `task`, `rule`: what is learned (`paper_task`, `Task`), and how (`NaturalRule`, ...).
    - `weights`: where learning begins, (n,) or (trials, n); not looked at with a `state`.
    - `rate`: eta, in 1/s for the natural rules (weights relax as exp(-rate t)), a number without
      unit for the Euclidean one (the score, 1/mV, times USPs in mV).
    - `duration`, `dt`: of the run and of one step, in s.
    - `seed`: a whole number from which all spikes are drawn, step by step.
    - `spikes`: the spikes of the whole run, in place of a seed.
    - `record`: None (start and end), a number of intervals, or a list of times in s.
    - `euler`: USPs by forward Euler, as in the paper, instead of exact ones.
    - `chart`: from learning (dendritic) to somatic weights; the rule acts in the chart's points,
      `weights` included.
    - `state`: that of an earlier recording, from which the run goes on.

    Raises `UsageError` for what cannot be run, and `LearningError` that names the step, the trial
    and the largest safe rate, or `MetricError` with the cure, where learning leaves the range in
    which the rule is defined.

    >>> from steepest.spiking import EuclideanRule, paper_task
    >>> task, start = paper_task(trials=2, n=4)
    >>> recording = simulate_dense(task, EuclideanRule(), start, rate=1e-5, duration=0.01, seed=0)
    >>> recording.engine, recording.state.step
    ('dense', 20)
    """
    _check_kinds(task, rule, chart)
    settings = Settings(rate, duration, dt, seed, euler)
    run = _checked(task, rule, weights, settings, spikes, state, record, chart)
    return run_dense(run, chart)


def _checked(
    task: Task,
    rule: AbstractRule,
    weights: Any,
    settings: Settings,
    spikes: Spikes | None,
    state: State | None,
    record: Any,
    chart: AbstractChart | None,
) -> Run:
    start = check_run(task, weights, settings, spikes, state)
    rule.check(start.weights)
    somatic = start.weights if chart is None else jax.vmap(chart)(jnp.asarray(start.weights))
    check_voltages(task, rule, somatic)
    shape = start.weights.shape
    marks = record_steps(record, settings.steps, settings.dt, start.step, shape)
    return Run(task, rule, settings, start, spikes, marks)


def _check_kinds(task: Any, rule: Any, chart: Any) -> None:
    for value, kind, what, example in (
        (task, Task, "task", "paper_task()[0]"),
        (rule, AbstractRule, "rule", "NaturalRule()"),
        (Identity() if chart is None else chart, AbstractChart, "chart", "Attenuation(distance)"),
    ):
        if not isinstance(value, kind):
            given = f"the class {value.__name__}" if isinstance(value, type) else repr(value)
            raise UsageError(f"the {what} is one such as {example}, not {given}")
