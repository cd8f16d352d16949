"""What the event-driven engine, a rule's description, and another simulator's script cannot do."""

from typing import Any, NamedTuple

import numpy as np

from steepest.geometry.chart import AbstractChart, Identity
from steepest.spiking import _lockstep
from steepest.spiking.afferents import GivenGroup, SteadyGroup
from steepest.spiking.kernel import Alpha, DifferenceOfExponentials
from steepest.spiking.rules import (
    AbstractRule,
    ApproximateNaturalRule,
    EuclideanRule,
    NaturalRule,
    QuadraticNaturalRule,
)
from steepest.spiking.task import AbstractTeacher, AttenuatedTeacher, GivenTeacher, Task
from steepest.spiking.transfer import Exponential, RectifiedQuadratic, Sigmoid

__all__ = ["RULES", "Limit", "limits", "why_dense"]

RULES: dict[type[AbstractRule], int] = {
    EuclideanRule: _lockstep.EUCLIDEAN,
    NaturalRule: _lockstep.NATURAL,
    ApproximateNaturalRule: _lockstep.APPROXIMATE,
}
"""The rules that the event-driven engine and scripts know, with the engine's number."""


DESCRIBED = (*RULES, QuadraticNaturalRule)
TRANSFERS = (Sigmoid, Exponential, RectifiedQuadratic)
KERNELS = (DifferenceOfExponentials, Alpha)


class Limit(NamedTuple):
    """Something about a run, in words: `events` where the event-driven engine cannot do it.

    `described` where a description of the form steepest.rule/1 cannot say it, `scripted` where a
    script for another simulator cannot; None for those that can.
    """

    events: str | None
    described: str | None
    scripted: str | None


def limits(task: Task, rule: AbstractRule, chart: AbstractChart | None = None) -> list[Limit]:
    """All that is in the way of the event-driven engine, of a description, or of a script.

    The one list of them: what a new kind of rule, teacher or afferent needs is a line here.
    """
    groups = task.afferents.groups
    given = [isinstance(group, GivenGroup) for group in groups]
    varying = not all(isinstance(group, SteadyGroup | GivenGroup) for group in groups)
    rates = task.afferents.rates(np.zeros(1))[0]
    name, trains = type(rule).__name__, "rates that vary, or given trains"
    neuron = task.neuron
    transfer, kernel = type(neuron.transfer), type(neuron.kernel)
    source = type(task.source).__name__
    curve, usp = f"the transfer function {transfer.__name__}", f"the kernel {kernel.__name__}"
    rows: list[tuple[Any, str | None, str | None, str | None]] = [
        (type(rule) not in RULES, f"the rule is {name}", None, f"the rule {name}"),
        (type(rule) not in DESCRIBED, None, f"the rule {name}", None),
        (not (chart is None or isinstance(chart, Identity)), "a chart was given", None, None),
        (
            transfer is not Sigmoid,
            "the transfer function is not Sigmoid",
            None,
            "a transfer function that is not Sigmoid",
        ),
        (transfer not in TRANSFERS, None, curve, None),
        (
            kernel is not DifferenceOfExponentials,
            "the kernel is not a difference of exponentials",
            None,
            "a kernel that is not a difference of exponentials",
        ),
        (kernel not in KERNELS, None, usp, None),
        (varying, "rates vary", trains, trains),
        (
            any(given) and not all(given),
            "some afferents have given trains and others draw spikes",
            trains,
            trains,
        ),
        (
            all(given) and (rates == 0).any(),
            "a given train has the nominal rate 0",
            trains,
            trains,
        ),
        (any(given), None, trains, trains),
        (
            isinstance(task.teacher, AttenuatedTeacher),
            "the teacher's spikes are attenuated",
            None,
            "an attenuated teacher",
        ),
        (
            isinstance(task.source, AbstractTeacher),
            f"the teacher is {source}",
            f"the teacher {source}",
            f"the teacher {source}",
        ),
        (
            isinstance(task.source, GivenTeacher),
            None,
            "given teacher's spikes",
            "given teacher's spikes (give them to the script, by --spikes)",
        ),
        (
            task.usp_means is not None or task.usp_variances is not None,
            "USP means or variances were given",
            "given USP means or variances",
            "given USP means or variances",
        ),
        (not (rates > 0).any(), "no afferent fires", None, None),
    ]
    return [Limit(*words) for applies, *words in rows if applies]


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
