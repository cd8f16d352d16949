"""What scripts for other simulators share: their numbers as text, and what none of them can say."""

from string import Template
from typing import Any

import numpy as np

from steepest.errors import UsageError
from steepest.spiking.description import RuleDescription
from steepest.spiking.engines import limits
from steepest.spiking.kernel import DifferenceOfExponentials
from steepest.spiking.rules import AbstractRule, ApproximateNaturalRule, EuclideanRule, NaturalRule
from steepest.spiking.task import FixedRateTeacher, RealisableTeacher, Task
from steepest.spiking.transfer import Sigmoid

__all__ = ["check_scripted", "listed", "script_numbers", "steps_between"]

NAMES = {EuclideanRule: "Euclidean", NaturalRule: "natural", ApproximateNaturalRule: "approximate"}

# Of a script in Python with `parser`, its `arguments`, n and steps: the spikes that it is given.
READ_SPIKES = Template("""\
if arguments.spikes:
    with np.load(arguments.spikes, allow_pickle=False) as file:
        given = dict(file)
    for name in ("afferents", "teacher"):
        if name not in given:
            parser.error(f"{arguments.spikes} has no array {name!r}")
    seen, heard = given["afferents"], given["teacher"]
    if seen.ndim != 2 or seen.shape[1] != n or heard.shape != seen.shape[:1]:
        parser.error(
            f"{arguments.spikes}: afferents {seen.shape} and teacher {heard.shape}; give "
            f"(steps, {n}) and (steps,)"
        )
    if len(seen) < steps:
        parser.error(
            f"{arguments.spikes} holds {len(seen)} steps of $dt s, and a run of "
            f"{arguments.duration:g} s is {steps} steps: give more, or a shorter --duration"
        )
""")


def check_scripted(task: Task, rule: AbstractRule, simulator: str) -> None:
    """Raise the `UsageError` that names what of a run a script for `simulator` cannot say.

    >>> from steepest.spiking import QuadraticNaturalRule, paper_task
    >>> try:
    ...     check_scripted(paper_task(trials=1, n=4)[0], QuadraticNaturalRule(), "NESTML")
    ... except UsageError as error:
    ...     print(error)
    export to NESTML: the rule QuadraticNaturalRule cannot be written there
    """
    for limit in limits(task, rule):
        if limit.scripted:
            raise UsageError(f"export to {simulator}: {limit.scripted} cannot be written there")


def steps_between(description: RuleDescription, intervals: int) -> int:
    """Steps between two records of a script that records at so many intervals."""
    if intervals < 1:
        raise UsageError(f"intervals={intervals}: give 1 or more")
    settings = description.settings
    return max(1, round(settings.duration / settings.dt / intervals))


def script_numbers(description: RuleDescription, simulator: str) -> dict[str, Any]:
    """The constants of a rule, its neuron and its run, as a script's template takes them.

    With them its title, and `read_spikes`, by which a script in Python reads given spikes.

    Raises the `UsageError` of `check_scripted` for what the script cannot say.

    >>> from steepest.spiking import NaturalRule, describe_rule, paper_task
    >>> task, start = paper_task(trials=1, n=4)
    >>> description = describe_rule(task, NaturalRule(), start[0], rate=6e-4, duration=1.0)
    >>> numbers = script_numbers(description, "NESTML")
    >>> numbers["eta"], numbers["rates"]
    ('0.0006', '[10.0, 10.0, 50.0, 50.0]')
    """
    task, rule, settings = description.task, description.rule, description.settings
    check_scripted(task, rule, simulator)
    transfer, kernel, source = task.neuron.transfer, task.neuron.kernel, task.source
    assert isinstance(transfer, Sigmoid)
    assert isinstance(kernel, DifferenceOfExponentials)
    approximate = rule if isinstance(rule, ApproximateNaturalRule) else ApproximateNaturalRule()
    realisable = isinstance(source, RealisableTeacher)
    constants = {
        "duration": settings.duration,
        "dt": settings.dt,
        "eta": settings.rate,
        "tau_m": kernel.tau_m,
        "tau_s": kernel.tau_s,
        "kappa": 1.0 / float(kernel.tau_m - kernel.tau_s),
        "eps0": kernel.integral,
        "c_eps": kernel.c_eps,
        "q": kernel.c_eps * kernel.integral**2 * description.rates.sum(),
        "total_rate": description.rates.sum(),
        "maximum": transfer.maximum,
        "steepness": transfer.steepness,
        "threshold": transfer.threshold,
        "bias": task.neuron.bias,
        "teacher_rate": source.rate if isinstance(source, FixedRateTeacher) else 0.0,
        "c_u": approximate.c_u,
        "c_w": approximate.c_w,
    }
    target = source.weights if realisable else np.zeros(description.weights.shape)
    return {
        "title": f"A Poisson neuron that learns from a teacher by the {NAMES[type(rule)]} rule.",
        "read_spikes": READ_SPIKES.substitute(dt=repr(float(settings.dt))),
        **{name: repr(float(value)) for name, value in constants.items()},
        "n": len(description.weights),
        "seed": settings.seed,
        "rates": listed(description.rates),
        "start": listed(description.weights),
        "target": listed(target),
    }


def listed(values: np.ndarray) -> str:
    """Numbers as a list that Python reads back to the bit.

    >>> listed(np.array([0.1, 2.0]))
    '[0.1, 2.0]'
    """
    return "[" + ", ".join(repr(float(v)) for v in values) + "]"
