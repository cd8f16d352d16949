"""What the engine for GPUs cannot do, in words."""

import numpy as np

from steepest.geometry.chart import AbstractChart, Identity
from steepest.spiking._lockstep import GROWTH
from steepest.spiking.afferents import GivenGroup, SteadyGroup
from steepest.spiking.kernel import DifferenceOfExponentials
from steepest.spiking.rules import (
    AbstractRule,
    ApproximateNaturalRule,
    EuclideanRule,
    NaturalRule,
)
from steepest.spiking.task import (
    AttenuatedTeacher,
    FixedRateTeacher,
    GivenTeacher,
    RealisableTeacher,
    Task,
)
from steepest.spiking.transfer import Sigmoid

__all__ = ["why_not_gpu"]


def why_not_gpu(
    task: Task,
    rule: AbstractRule,
    chart: AbstractChart | None = None,
    dt: float = 5e-4,
    euler: bool = False,
) -> str | None:
    """What of this run the engine for GPUs cannot do, in words; None where it can do it all.

    It does the Euclidean, natural and approximate rules on somatic weights, for a sigmoid, a
    difference of two exponentials, and constant rates or given trains. Whether there is a GPU is
    another question, which `simulate(..., engine="gpu")` answers.

    >>> from steepest.spiking import NaturalRule, QuadraticNaturalRule, paper_task
    >>> task, start = paper_task(trials=2, n=4)
    >>> why_not_gpu(task, NaturalRule()) is None
    True
    >>> why_not_gpu(task, QuadraticNaturalRule())
    'the rule is QuadraticNaturalRule'
    """
    neuron, source = task.neuron, task.source
    groups = task.afferents.groups
    given = [isinstance(group, GivenGroup) for group in groups]
    rates = task.afferents.rates(np.zeros(1))[0]
    rows = [
        (
            not isinstance(rule, EuclideanRule | NaturalRule | ApproximateNaturalRule),
            f"the rule is {type(rule).__name__}",
        ),
        (not (chart is None or isinstance(chart, Identity)), "a chart was given"),
        (not isinstance(neuron.transfer, Sigmoid), "the transfer function is not Sigmoid"),
        (
            not isinstance(neuron.kernel, DifferenceOfExponentials),
            "the kernel is not a difference of exponentials",
        ),
        (not all(isinstance(g, SteadyGroup | GivenGroup) for g in groups), "rates vary"),
        (
            any(given) and not all(given),
            "some afferents have given trains and others draw spikes",
        ),
        (all(given) and bool((rates == 0).any()), "a given train has the nominal rate 0"),
        (isinstance(task.teacher, AttenuatedTeacher), "the teacher's spikes are attenuated"),
        (
            not isinstance(source, RealisableTeacher | FixedRateTeacher | GivenTeacher),
            f"the teacher is {type(source).__name__}",
        ),
        (
            task.usp_means is not None or task.usp_variances is not None,
            "USP means or variances were given",
        ),
        (not (rates > 0).any(), "no afferent fires"),
    ]
    reason = next((words for applies, words in rows if applies), None)
    if reason is None:
        decay = np.diag(np.asarray(neuron.kernel.transition(dt, euler=euler)))
        if decay.min() < 1 / GROWTH:
            return "an Euler step of nearly a time constant leaves nothing of a USP"
    return reason
