"""A learning rule with its neuron, its task and its run, as JSON of the form steepest.rule/1.

It is what every export reads: which rule and in which metric, and each constant with its unit.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from steepest._version import __version__
from steepest.arrays.entry import entry_point
from steepest.errors import DataError, SteepestError, UsageError
from steepest.spiking.afferents import Afferents
from steepest.spiking.engines import limits
from steepest.spiking.kernel import Alpha, DifferenceOfExponentials
from steepest.spiking.neuron import PoissonNeuron
from steepest.spiking.rules import (
    AbstractRule,
    ApproximateNaturalRule,
    EuclideanRule,
    NaturalRule,
    QuadraticNaturalRule,
)
from steepest.spiking.settings import Settings, check_run
from steepest.spiking.task import AttenuatedTeacher, FixedRateTeacher, RealisableTeacher, Task
from steepest.spiking.transfer import Exponential, RectifiedQuadratic, Sigmoid

__all__ = ["SCHEMA", "RuleDescription", "describe_rule"]

SCHEMA = "steepest.rule/1"


@dataclass(frozen=True)
class Kind:
    """How a class is written: its name, its numbers with their units, and what is said beside."""

    made: Any
    name: str
    units: Mapping[str, str]
    words: Mapping[str, str]


def _kind(made: Any, name: str, units: Mapping[str, str], **words: str) -> Kind:
    return Kind(made, name, units, words)


_NATURAL = "dw = eta score gamma_s (c_eps x / r - gamma_u + gamma_w w)"
RULES = [
    _kind(EuclideanRule, "euclidean", {}, metric="euclidean", change="dw = eta score x"),
    _kind(NaturalRule, "natural", {}, metric="fisher", change=_NATURAL),
    _kind(
        ApproximateNaturalRule,
        "approximate",
        {"c_u": "1", "c_w": "1/mV^2"},
        metric="fisher, approximately",
        change=_NATURAL,
    ),
    _kind(
        QuadraticNaturalRule,
        "quadratic",
        {},
        metric="fisher of phi'^2/phi = 1",
        change="dw = eta score (c_eps x / r - gamma_u)",
    ),
]
TRANSFERS = [
    _kind(Sigmoid, "sigmoid", {"maximum": "Hz", "steepness": "1/mV", "threshold": "mV"}),
    _kind(
        Exponential,
        "exponential",
        {"rate_at_threshold": "Hz", "steepness": "1/mV", "threshold": "mV"},
    ),
    _kind(RectifiedQuadratic, "rectified_quadratic", {"gain": "Hz/mV^2", "threshold": "mV"}),
]
KERNELS = [
    _kind(
        DifferenceOfExponentials,
        "difference_of_exponentials",
        {"tau_m": "s", "tau_s": "s", "integral": "mV s"},
    ),
    _kind(Alpha, "alpha", {"tau": "s", "integral": "mV s"}),
]
_RATES = {"euclidean": "1"}  # of learning; the natural rules' is in 1/s


@dataclass(frozen=True, eq=False)
class RuleDescription:
    """A rule, the task that it learns, the weights (n,) from which, and its `settings`.

    `to_json` and `from_json` are inverse to the bit. `describe_rule` makes one.

    >>> from steepest.spiking import NaturalRule, paper_task
    >>> task, start = paper_task(trials=1, n=4)
    >>> description = describe_rule(task, NaturalRule(), start[0], rate=6e-4, duration=1.0)
    >>> again = RuleDescription.from_json(description.to_json())
    >>> again.rule, bool((again.weights == start[0]).all())
    (NaturalRule(), True)
    """

    rule: AbstractRule
    task: Task
    weights: Float[np.ndarray, " n"]
    settings: Settings

    @property
    def rates(self) -> Float[np.ndarray, " n"]:
        """Firing rates of the afferents, in Hz."""
        rates = self.task.afferents.constant_rates
        assert rates is not None
        return rates

    @property
    def name(self) -> str:
        """The rule's name: euclidean, natural, approximate or quadratic."""
        return _of(self.rule, RULES).name

    def to_dict(self) -> dict[str, Any]:
        """The description as plain values, of the form steepest.rule/1."""
        neuron, source, settings = self.task.neuron, self.task.source, self.settings
        if isinstance(source, RealisableTeacher):
            teacher = {"name": "realisable", "weights": _numbers(source.weights, "1")}
        else:
            assert isinstance(source, FixedRateTeacher)
            teacher = {"name": "fixed_rate", "rate": _number(source.rate, "Hz")}
        factors = None
        if isinstance(self.task.teacher, AttenuatedTeacher):
            factors = _numbers(self.task.teacher.factors, "1")
        return {
            "schema": SCHEMA,
            "version": __version__,
            "rule": _written(self.rule, RULES),
            "learning_rate": _number(settings.rate, _RATES.get(self.name, "1/s")),
            "weights": _numbers(self.weights, "1"),
            "neuron": {
                "transfer": _written(neuron.transfer, TRANSFERS),
                "kernel": _written(neuron.kernel, KERNELS),
                "bias": _number(neuron.bias, "mV"),
            },
            "afferents": {"rates": _numbers(self.rates, "Hz")},
            "teacher": {**teacher, "attenuation": factors},
            "run": {
                "duration": _number(settings.duration, "s"),
                "time_step": _number(settings.dt, "s"),
                "integration": "euler" if settings.euler else "exact",
                "seed": settings.seed,
            },
        }

    def to_json(self) -> str:
        """The description as JSON text."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> "RuleDescription":
        """Read what `to_json` wrote. Raises `DataError`, naming the field that is wrong."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DataError(f"the rule's description is not JSON: {error}") from error
        return cls.from_dict(values)

    @classmethod
    @entry_point(kernel="NeuronFisher and the rules")
    def from_dict(cls, values: Any) -> "RuleDescription":
        """The same from plain values; fields that are not known are left unread."""
        top = Fields(values, "")
        if top["schema"] != SCHEMA:
            raise DataError(
                f"the rule's description is of the form {top['schema']!r}, not {SCHEMA!r}"
            )
        neuron, teacher, run = (top.part(name) for name in ("neuron", "teacher", "run"))
        rule = top.part("rule").read(RULES)
        rate = top.number("learning_rate", _RATES.get(_of(rule, RULES).name, "1/s"))
        integration = run.choice("integration", ("exact", "euler"))
        seed = run["seed"]
        weights = top.numbers("weights", "1")
        if teacher.choice("name", ("realisable", "fixed_rate")) == "realisable":
            source: Any = RealisableTeacher(teacher.numbers("weights", "1"))
        else:
            source = FixedRateTeacher(teacher.number("rate", "Hz"))
        if teacher.get("attenuation") is not None:
            source = AttenuatedTeacher(source, teacher.numbers("attenuation", "1"))
        task = Task(
            PoissonNeuron(
                neuron.part("transfer").read(TRANSFERS),
                neuron.part("kernel").read(KERNELS),
                neuron.number("bias", "mV"),
            ),
            Afferents.steady(top.part("afferents").numbers("rates", "Hz")),
            source,
        )
        return describe_rule(
            task,
            rule,
            weights,
            rate=rate,
            duration=run.number("duration", "s"),
            dt=run.number("time_step", "s"),
            seed=seed,
            euler=integration == "euler",
        )


@entry_point(kernel="NeuronFisher and the rules")
def describe_rule(
    task: Task,
    rule: AbstractRule,
    weights: Any,
    *,
    rate: float,
    duration: float,
    dt: float = 5e-4,
    seed: int = 0,
    euler: bool = False,
) -> RuleDescription:
    """The description of one neuron that learns a task by a rule from `weights` (n,).

    - `task`, `rule`: what is learned, and how; `weights`: where learning begins, (n,).
    - `rate`: eta, in 1/s for the natural rules, a number without unit for the Euclidean one.
    - `duration`, `dt`: of the run and of one step, in s; `seed`: of the spikes that are drawn.
    - `euler`: USPs by forward Euler instead of exact ones.

    Raises `UsageError` for what the form steepest.rule/1 cannot say, naming it.

    >>> from steepest.spiking import NaturalRule, paper_task
    >>> task, start = paper_task(trials=1, n=4)
    >>> description = describe_rule(task, NaturalRule(), start[0], rate=6e-4, duration=1.0)
    >>> description.to_dict()["learning_rate"]
    {'value': 0.0006, 'unit': '1/s'}
    """
    for limit in limits(task, rule):
        if limit.described:
            raise UsageError(f"a rule's description ({SCHEMA}) cannot say {limit.described}")
    settings = Settings(rate, duration, dt, seed, euler)
    start = check_run(task, weights, settings, None, None).weights
    if len(start) != 1:
        raise UsageError(f"a rule's description: {len(start)} trials; give the weights (n,) of one")
    source = task.source
    if isinstance(source, RealisableTeacher) and source.weights.ndim == 2:
        source = RealisableTeacher(source.weights[0])
        teacher = task.teacher
        attenuated = isinstance(teacher, AttenuatedTeacher)
        task = Task(
            task.neuron,
            task.afferents,
            AttenuatedTeacher(source, teacher.factors) if attenuated else source,
        )
    return RuleDescription(rule, task, start[0], settings)


class Fields:
    """An object of a description that is read, and where it stands, for errors that say so."""

    def __init__(self, values: Any, place: str) -> None:
        self.place = place
        if not isinstance(values, dict):
            where = f"{place}: " if place else ""
            raise DataError(f"the rule's description: {where}an object was expected")
        self.values = values

    def __getitem__(self, name: str) -> Any:
        if name not in self.values:
            raise self.wrong(name, "is missing")
        return self.values[name]

    def get(self, name: str) -> Any:
        """A field that may be missing, or None."""
        return self.values.get(name)

    def wrong(self, name: str, what: str) -> DataError:
        """The error that says what is wrong with a field."""
        return DataError(f"the rule's description: {self.place}{name} {what}")

    def part(self, name: str) -> "Fields":
        """A field that is an object itself."""
        return Fields(self[name], f"{self.place}{name}.")

    def choice(self, name: str, known: tuple[str, ...]) -> str:
        """A field that is one of some words."""
        value = self[name]
        if value not in known:
            raise self.wrong(name, f"is {value!r}; known are {', '.join(known)}")
        return value

    def number(self, name: str, unit: str) -> float:
        """A number that is given in a unit."""
        values = self._in_unit(name, "value", unit)
        if isinstance(values, bool) or not isinstance(values, int | float):
            raise self.wrong(name, f"is {values!r}; give a number, in {unit}")
        return float(values)

    def numbers(self, name: str, unit: str) -> Float[np.ndarray, " n"]:
        """Numbers that are given in a unit."""
        values = self._in_unit(name, "values", unit)
        plain = isinstance(values, list) and all(
            isinstance(v, int | float) and not isinstance(v, bool) for v in values
        )
        if not plain or not values:
            raise self.wrong(name, f"has no values; give a list of numbers, in {unit}")
        return np.asarray(values, dtype=np.float64)

    def _in_unit(self, name: str, key: str, unit: str) -> Any:
        part = self.part(name)
        if part["unit"] != unit:
            raise self.wrong(name, f"is in {part['unit']!r}; give it in {unit!r}")
        return part[key]

    def read(self, kinds: list[Kind]) -> Any:
        """The object of one of some kinds, whose name and numbers the fields are."""
        name = self.choice("name", tuple(kind.name for kind in kinds))
        kind = next(kind for kind in kinds if kind.name == name)
        numbers = {field: self.number(field, unit) for field, unit in kind.units.items()}
        try:
            return kind.made(**numbers)
        except SteepestError as error:
            raise DataError(f"the rule's description: {self.place}{name}: {error}") from error


def _of(value: Any, kinds: list[Kind]) -> Kind:
    return next(kind for kind in kinds if type(value) is kind.made)


def _written(value: Any, kinds: list[Kind]) -> dict[str, Any]:
    kind = _of(value, kinds)
    numbers = {name: _number(getattr(value, name), unit) for name, unit in kind.units.items()}
    return {"name": kind.name, **kind.words, **numbers}


def _number(value: Any, unit: str) -> dict[str, Any]:
    return {"value": float(value), "unit": unit}


def _numbers(values: Any, unit: str) -> dict[str, Any]:
    return {"values": [float(v) for v in values], "unit": unit}
