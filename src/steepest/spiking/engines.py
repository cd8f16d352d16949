"""What the event-driven engine, a rule's description, and another simulator's script cannot do."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from steepest.geometry.chart import AbstractChart, Identity
from steepest.geometry.diagonal import Diagonal, Euclidean
from steepest.geometry.power import PNorm, Power
from steepest.spiking import _lockstep
from steepest.spiking.afferents import GivenGroup, SteadyGroup, rate_knots
from steepest.spiking.kernel import Alpha, DifferenceOfExponentials
from steepest.spiking.rules import (
    AbstractRule,
    ApproximateNaturalRule,
    EuclideanRule,
    MetricRule,
    MirrorRule,
    NaturalRule,
    QuadraticNaturalRule,
)
from steepest.spiking.task import AbstractTeacher, AttenuatedTeacher, GivenTeacher, Task
from steepest.spiking.transfer import Exponential, RectifiedQuadratic, Sigmoid

__all__ = ["RULES", "Limit", "constant_gains", "limits", "why_dense"]

RULES: dict[type[AbstractRule], int] = {
    EuclideanRule: _lockstep.EUCLIDEAN,
    NaturalRule: _lockstep.NATURAL,
    ApproximateNaturalRule: _lockstep.APPROXIMATE,
}
"""The rules that the event-driven engine and scripts know, with the engine's number."""


DIVIDING = (NaturalRule, ApproximateNaturalRule)  # by the rates of the moment
DESCRIBED = (*RULES, QuadraticNaturalRule)
TRANSFERS = (Sigmoid, Exponential, RectifiedQuadratic)
KERNELS = (DifferenceOfExponentials, Alpha)


def constant_gains(rule: AbstractRule, n: int) -> Float[np.ndarray, " n"] | None:
    """The gains (n,) by which a constant, diagonal metric multiplies the Euclidean rule's steps.

    None for any other rule. A quadratic potential is such a metric, and its mirror step an Euler
    step.

    >>> from steepest.geometry import Diagonal, Entropy
    >>> from steepest.spiking import MetricRule
    >>> constant_gains(MetricRule(Diagonal([1.0, 4.0])), 2).tolist()
    [1.0, 0.25]
    >>> constant_gains(MetricRule(Entropy()), 2) is None
    True
    """
    if type(rule) is MetricRule:
        metric = rule.metric
    elif type(rule) is MirrorRule:
        metric = rule.potential
    else:
        return None
    if type(metric) is Diagonal and metric.factors.shape in ((), (n,)):
        return np.broadcast_to(1.0 / np.asarray(metric.factors, dtype=np.float64), n).copy()
    quadratic = type(metric) in (Power, PNorm) and metric.index == 0
    return np.ones(n) if quadratic or type(metric) is Euclidean else None


def _rule_in_the_way(rule: AbstractRule, n: int) -> str | None:
    """Why the event-driven engine cannot do a rule, in words."""
    name = type(rule).__name__
    if type(rule) in RULES or constant_gains(rule, n) is not None:
        return None
    if type(rule) in (MetricRule, MirrorRule):
        metric = rule.metric if isinstance(rule, MetricRule) else rule.potential
        return (
            f"the rule is {name} of {type(metric).__name__}: unless a metric is diagonal and the "
            "same at all weights, a step depends on each synapse's weight and USP together, and no "
            "few sums stand for all synapses"
        )
    return f"the rule is {name}"


class Limit(NamedTuple):
    """Something about a run, in words: `events` where the event-driven engine cannot do it.

    `described` where a description of the form steepest.rule/1 cannot say it, `scripted` where a
    script for another simulator cannot; None for those that can.
    """

    events: str | None
    described: str | None
    scripted: str | None


def _falls_to_zero(courses: np.ndarray) -> bool:
    """Whether a rate that is not always 0 is 0 at some time; courses (knots, n)."""
    return bool(((courses <= 0).any(axis=0) & (courses > 0).any(axis=0)).any())


def limits(task: Task, rule: AbstractRule, chart: AbstractChart | None = None) -> list[Limit]:
    """All that is in the way of the event-driven engine, of a description, or of a script.

    The one list of them: what a new kind of rule, teacher or afferent needs is a line here.
    """
    groups = task.afferents.groups
    given = [isinstance(group, GivenGroup) for group in groups]
    varying = not all(isinstance(group, SteadyGroup | GivenGroup) for group in groups)
    rates = task.afferents.rates(np.zeros(1))[0]
    name, trains = type(rule).__name__, "rates that vary, or given trains"
    stopped = _rule_in_the_way(rule, task.afferents.size)
    courses = rate_knots(task.afferents)[1] if varying else rates
    neuron = task.neuron
    transfer, kernel = type(neuron.transfer), type(neuron.kernel)
    source = type(task.source).__name__
    curve, usp = f"the transfer function {transfer.__name__}", f"the kernel {kernel.__name__}"
    rows: list[tuple[Any, str | None, str | None, str | None]] = [
        (stopped is not None, stopped, None, None),
        (type(rule) not in RULES, None, None, f"the rule {name}"),
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
        (varying, None, trains, trains),
        (
            varying
            and isinstance(rule, NaturalRule | ApproximateNaturalRule)
            and _falls_to_zero(courses),
            "rates fall to 0 Hz, and the natural rules divide by the rate of the moment",
            None,
            None,
        ),
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
            None,
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
        (not (courses > 0).any(), "no afferent fires", None, None),
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

    It does the Euclidean, natural and approximate rules, and constant diagonal metrics, on somatic
    weights, for a sigmoid, a difference of two exponentials, rates that are constant or vary, or
    given trains, and teachers whose spikes reach synapses with different strengths. Its scheme is
    exact where a step is affine in a synapse's weight and USP, with coefficients that whole classes
    of synapses share. So no metric that depends on the weights runs on it, nor the mirror step of a
    potential that is not quadratic: the dual moves by sums that synapses share, but V needs the
    weight itself, a nonlinear function of it, of every active synapse in every step. Nor do
    curves and kernels other than these, charts, and teachers of your own. `dt` (s) is the step,
    which with `euler` must stay clear of the shortest time constant.

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
