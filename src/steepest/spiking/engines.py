"""What the event-driven engine, and a Brian2 script, cannot do of a run."""

from typing import Any, NamedTuple

import numpy as np

from steepest.geometry.chart import AbstractChart, Identity
from steepest.spiking import _lockstep
from steepest.spiking.afferents import GivenGroup, SteadyGroup
from steepest.spiking.kernel import DifferenceOfExponentials
from steepest.spiking.rules import (
    AbstractRule,
    ApproximateNaturalRule,
    EuclideanRule,
    NaturalRule,
)
from steepest.spiking.task import AbstractTeacher, AttenuatedTeacher, GivenTeacher, Task
from steepest.spiking.transfer import Sigmoid

__all__ = ["RULES", "Limit", "limits", "why_dense"]

RULES: dict[type[AbstractRule], int] = {
    EuclideanRule: _lockstep.EUCLIDEAN,
    NaturalRule: _lockstep.NATURAL,
    ApproximateNaturalRule: _lockstep.APPROXIMATE,
}
"""The rules that the event-driven engine and a Brian2 script know, with the engine's number."""


class Limit(NamedTuple):
    """Something about a run, in words: `events` where the event-driven engine cannot do it.

    `brian2` where a Brian2 script cannot; None for the one that can.
    """

    events: str | None
    brian2: str | None


def limits(task: Task, rule: AbstractRule, chart: AbstractChart | None = None) -> list[Limit]:
    """All that is in the way of the event-driven engine, of a Brian2 script, or of both.

    The one list of both: what a new kind of rule, teacher or afferent needs is a line here.
    """
    groups = task.afferents.groups
    given = [isinstance(group, GivenGroup) for group in groups]
    varying = not all(isinstance(group, SteadyGroup | GivenGroup) for group in groups)
    rates = task.afferents.rates(np.zeros(1))[0]
    name, scripted = type(rule).__name__, "rates that vary, or given trains"
    rows: list[tuple[Any, str | None, str | None]] = [
        (type(rule) not in RULES, f"the rule is {name}", f"the rule {name}"),
        (not (chart is None or isinstance(chart, Identity)), "a chart was given", None),
        (
            type(task.neuron.transfer) is not Sigmoid,
            "the transfer function is not Sigmoid",
            "a transfer function that is not Sigmoid",
        ),
        (
            type(task.neuron.kernel) is not DifferenceOfExponentials,
            "the kernel is not a difference of exponentials",
            "a kernel that is not a difference of exponentials",
        ),
        (varying, "rates vary", scripted),
        (
            any(given) and not all(given),
            "some afferents have given trains and others draw spikes",
            scripted,
        ),
        (
            all(given) and (rates == 0).any(),
            "a given train has the nominal rate 0",
            scripted,
        ),
        (any(given), None, scripted),
        (
            isinstance(task.teacher, AttenuatedTeacher),
            "the teacher's spikes are attenuated",
            "an attenuated teacher",
        ),
        (
            isinstance(task.source, AbstractTeacher),
            f"the teacher is {type(task.source).__name__}",
            f"the teacher {type(task.source).__name__}",
        ),
        (
            isinstance(task.source, GivenTeacher),
            None,
            "given teacher's spikes (give them to the script, by --spikes)",
        ),
        (
            task.usp_means is not None or task.usp_variances is not None,
            "USP means or variances were given",
            "given USP means or variances",
        ),
        (not (rates > 0).any(), "no afferent fires", None),
    ]
    return [Limit(events, brian2) for applies, events, brian2 in rows if applies]


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

    >>> from steepest.spiking import NaturalRule, QuadraticNaturalRule, paper_task
    >>> task, start = paper_task(trials=2, n=4)
    >>> why_dense(task, NaturalRule()) is None
    True
    >>> why_dense(task, QuadraticNaturalRule())
    'the rule is QuadraticNaturalRule'
    """
    reason = next((limit.events for limit in limits(task, rule, chart) if limit.events), None)
    if reason is None:
        decay = np.diag(np.asarray(task.neuron.kernel.transition(dt, euler=euler)))
        if decay.min() < 1 / _lockstep.GROWTH:
            reason = "an Euler step of nearly a time constant leaves nothing of a USP"
    return reason
