"""A checked run on a GPU: its numbers, its spikes, what is recorded."""

from collections.abc import Callable

import numpy as np

from steepest.interrupts import is_passed_on
from steepest.progress import progress_bar
from steepest.spiking.event_model import Events
from steepest.spiking.event_run import events_of, to_event_model
from steepest.spiking.gpu_engine import GpuEngine
from steepest.spiking.gpu_layouts import THREADS_FROM
from steepest.spiking.recorder import Recorder, Run, record_somatic
from steepest.spiking.recording import Recording, State
from steepest.spiking.task import GivenTeacher, RealisableTeacher

__all__ = ["run_gpu"]

_GIVEN_AT_ONCE = 50_000_000  # bins whose given spikes are counted at a time


def run_gpu(run: Run) -> Recording:
    """The run on the first GPU. Raises `UsageError` where there is none, or too little memory."""
    task, settings, start = run.task, run.settings, run.start
    source, shape = task.source, start.weights.shape
    target = source.weights if isinstance(source, RealisableTeacher) else np.zeros(shape[1])
    draws = (
        run.spikes is None and task.afferents.constant_rates is not None,
        run.spikes is None and not isinstance(source, GivenTeacher),
    )
    engine = GpuEngine(
        to_event_model(task, run.rule, settings),
        start.weights,
        np.broadcast_to(target, shape),
        seed=settings.seed,
        draws=draws,
        traces=start.traces,
        step=start.step,
        saved=start.engine or None,
    )
    give = None if all(draws) else _giver(run, engine, draws)
    each = shape[1] if run.spikes is None else shape[0] * shape[1]
    span = settings.steps if give is None else max(1, _GIVEN_AT_ONCE // each)
    recorder, complete = Recorder(run), True
    try:
        with progress_bar("learning", float(settings.steps)) as advance:
            if start.step in run.marks:
                record_somatic(recorder, run, engine)
            for stop in run.stops:
                while (step := engine.step) < stop:
                    upto = min(stop, step + span)
                    if give is not None:
                        give(step, upto)
                    engine.run(upto, advance)
                if stop in run.marks:
                    record_somatic(recorder, run, engine)
    except KeyboardInterrupt:
        if is_passed_on():
            raise
        complete = False
    state = State(engine.step, engine.weights(), engine.traces(), engine.save())
    how = "a thread" if engine.layout.name == "threads" else "a team of threads"
    side = "from" if engine.layout.name == "threads" else "below"
    reason = f"asked for; {how} a trial, as {side} {THREADS_FROM} trials"
    return recorder.close(state, "gpu", complete, reason)


def _giver(run: Run, engine: GpuEngine, draws: tuple[bool, bool]) -> Callable[[int, int], None]:
    """A function of two steps that gives the engine the spikes, between them, that were given."""
    task, dt, spikes, origin = run.task, run.settings.dt, run.spikes, run.start.step

    def give(first: int, last: int) -> None:
        if spikes is not None:
            here = slice(first - origin, last - origin)
            inputs = events_of(spikes.afferents[here], first)
            engine.give(inputs, events_of(spikes.teacher[here], first))
            return
        inputs: Events | None = None
        teacher: Events | None = None
        if not draws[0]:
            inputs = events_of(task.afferents.given_counts(first, last, dt)[:, None], first)
        if not draws[1]:
            assert isinstance(task.source, GivenTeacher)
            teacher = events_of(task.source.spikes.counts(first, last, dt)[:, :1], first)
        engine.give(inputs, teacher, shared=True)

    return give
