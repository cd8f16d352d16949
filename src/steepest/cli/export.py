"""`steepest export`: a learning rule as JSON, and as a script or model for other simulators."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from steepest.cli.options import Json, Seed
from steepest.cli.output import show, show_json
from steepest.errors import DataError, UsageError
from steepest.files import write_whole
from steepest.markup import visible

if TYPE_CHECKING:
    from steepest.spiking import RuleDescription

__all__ = ["command"]

_MOST = 100_000  # afferents: the script lists every weight

command = App(name="export", help="Write a learning rule as a script for another simulator.")

Out = Annotated[Path | None, Parameter(help="File to write; on stdout unless given.")]


@Parameter(name="*")
@dataclass(frozen=True)
class Asked:
    """The rule, its task and its run, by options or by a description in a file."""

    rule: Annotated[
        Literal["natural", "euclidean", "approximate"], Parameter(help="The learning rule.")
    ] = "natural"
    afferents: Annotated[
        int, Parameter(help="Number of afferents.", validator=Number(gte=2, lte=_MOST))
    ] = 100
    rates: Annotated[
        tuple[float, float],
        Parameter(help="Firing rates of the two halves of afferents, in Hz.", negative=""),
    ] = (10.0, 50.0)
    learning_rate: Annotated[
        float | None, Parameter(help="Learning rate (the paper's for the rule).")
    ] = None
    rate: Annotated[str | None, Parameter(show=False)] = None
    duration: Annotated[float, Parameter(help="How long to learn, in s.")] = 10.0
    dt: Annotated[float, Parameter(help="Time step, in s.")] = 5e-4
    seed: Seed = 0
    description: Annotated[
        Path | None,
        Parameter(help="File of a rule's description (steepest.rule/1), for all the above."),
    ] = None

    def describe(self, name: str) -> "RuleDescription":
        """The description that was asked for by the command `steepest export NAME`."""
        if self.rate is not None:
            raise UsageError(
                "the learning rate is now --learning-rate: type steepest export "
                f"{name} --learning-rate {self.rate}"
            )
        if self.description is not None:
            return self._read(self.description)
        from steepest.spiking import (
            ApproximateNaturalRule,
            EuclideanRule,
            NaturalRule,
            describe_rule,
            paper_task,
        )

        chosen, usual = {
            "natural": (NaturalRule(), 6e-4),
            "euclidean": (EuclideanRule(), 4.5e-7),
            "approximate": (ApproximateNaturalRule(), 5.5e-4),
        }[self.rule]
        task, weights = paper_task(
            1, n=self.afferents, rates=self.rates, seed=self.seed, test_samples=1
        )
        return describe_rule(
            task,
            chosen,
            weights[0],
            rate=usual if self.learning_rate is None else self.learning_rate,
            duration=self.duration,
            dt=self.dt,
            seed=self.seed,
        )

    def _read(self, path: Path) -> "RuleDescription":
        given = [
            f"--{field.name.replace('_', '-')}"
            for field in fields(self)
            if field.name != "description" and getattr(self, field.name) != field.default
        ]
        if given:
            raise UsageError(f"{', '.join(given)}: {path} says it already; leave out either")
        try:
            text = path.read_bytes()
        except FileNotFoundError as error:
            raise DataError(f"no such file: {path}") from error
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}") from error
        from steepest.spiking import RuleDescription

        try:
            return RuleDescription.from_json(text)
        except ValueError as error:
            raise DataError(f"{path}: {error}") from error


_PAPER = Asked()


def _export(
    name: str,
    asked: Asked,
    write: "Callable[[RuleDescription], str]",
    advice: str,
    out: Path | None,
    json: bool,
) -> int:
    described = asked.describe(name)
    script = write(described)
    if out is not None:
        try:
            write_whole(out, script.encode())
        except OSError as error:
            raise UsageError(f"{out} cannot be written: {error.strerror}") from error
    if json:
        answer: dict[str, Any] = {
            "rule": described.name,
            "file": None if out is None else str(out),
            "script": script,
            "description": described.to_dict(),
        }
        show_json(answer)
    elif out is None:
        show(script.removesuffix("\n"))
    else:
        show(f"The {described.name} rule is in {visible(str(out))}: {advice}")
    return 0


@command.command
def brian2(*, asked: Asked = _PAPER, out: Out = None, json: Json = False) -> int:
    """The Euclidean, natural or approximate rule as Brian2 equations in a runnable script.

    The task is that of Fig 3F of Kreutzer et al. 2022: a neuron learns to fire like a teacher.

    For example:

    ```
    steepest export brian2 > natural.py
    steepest export brian2 --rule euclidean --rates 5 20 --learning-rate 1e-7 --out euclidean.py
    ```
    """

    def write(described: "RuleDescription") -> str:
        from steepest.spiking import brian2_script

        return brian2_script(described)

    return _export("brian2", asked, write, "run it with a Python that has Brian2.", out, json)


@command.command
def nestml(*, asked: Asked = _PAPER, out: Out = None, json: Json = False) -> int:
    """The Euclidean, natural or approximate rule as a NESTML model of a neuron.

    Its weights are a vector of the neuron; the values to give it are in the rule's description.

    For example:

    ```
    steepest export nestml --afferents 20 --out natural_neuron.nestml
    steepest export nestml --description rule.json --out neuron.nestml
    ```
    """

    def write(described: "RuleDescription") -> str:
        from steepest.spiking import nestml_model

        return nestml_model(described)

    return _export("nestml", asked, write, "its first lines say how NEST takes it.", out, json)


@command.command
def genn(*, asked: Asked = _PAPER, out: Out = None, json: Json = False) -> int:
    """The Euclidean, natural or approximate rule as PyGeNN model classes in a runnable script.

    The task is that of Fig 3F of Kreutzer et al. 2022: a neuron learns to fire like a teacher.

    For example:

    ```
    steepest export genn --rule approximate --out approximate.py
    steepest export genn --description rule.json --out learn.py
    ```
    """

    def write(described: "RuleDescription") -> str:
        from steepest.spiking import genn_script

        return genn_script(described)

    return _export("genn", asked, write, "run it with a Python that has PyGeNN.", out, json)


@command.command(name="rule")
def described_rule(*, asked: Asked = _PAPER, out: Out = None, json: Json = False) -> int:
    """The rule's description, which the other exports read: JSON of the form steepest.rule/1.

    For example:

    ```
    steepest export rule --rule natural --afferents 20 --out rule.json
    steepest export rule --rates 5 20 --duration 100
    ```
    """
    if json and out is None:  # the description is one JSON object already
        show_json(asked.describe("rule").to_dict())
        return 0
    return _export(
        "rule",
        asked,
        lambda described: described.to_json() + "\n",
        "give it to steepest export brian2, nestml or genn by --description.",
        out,
        json,
    )
