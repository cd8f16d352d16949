"""`steepest export brian2`: a learning rule as a script for another simulator."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from steepest.cli.options import Json, Seed
from steepest.cli.output import show, show_json
from steepest.errors import UsageError
from steepest.files import write_whole
from steepest.markup import visible

__all__ = ["command"]

_MOST = 100_000  # afferents: the script lists every weight

command = App(name="export", help="Write a learning rule as a script for another simulator.")


@command.command
def brian2(
    *,
    rule: Annotated[
        Literal["natural", "euclidean", "approximate"], Parameter(help="The learning rule.")
    ] = "natural",
    afferents: Annotated[
        int, Parameter(help="Number of afferents.", validator=Number(gte=2, lte=_MOST))
    ] = 100,
    rates: Annotated[
        tuple[float, float],
        Parameter(help="Firing rates of the two halves of afferents, in Hz.", negative=""),
    ] = (10.0, 50.0),
    learning_rate: Annotated[
        float | None, Parameter(help="Learning rate (the paper's for the rule).")
    ] = None,
    rate: Annotated[str | None, Parameter(show=False)] = None,
    duration: Annotated[float, Parameter(help="How long to learn, in s.")] = 10.0,
    dt: Annotated[float, Parameter(help="Time step, in s.")] = 5e-4,
    seed: Seed = 0,
    out: Annotated[
        Path | None, Parameter(help="File for the script; on stdout unless given.")
    ] = None,
    json: Json = False,
) -> int:
    """The Euclidean, natural or approximate rule as Brian2 equations in a runnable script.

    The task is that of Fig 3F of Kreutzer et al. 2022: a neuron learns to fire like a teacher.

    For example:

    ```
    steepest export brian2 > natural.py
    steepest export brian2 --rule euclidean --rates 5 20 --learning-rate 1e-7 --out euclidean.py
    ```
    """
    if rate is not None:
        raise UsageError(
            "the learning rate is now --learning-rate: type steepest export brian2 --learning-rate"
            f" {rate}"
        )
    from steepest.spiking import ApproximateNaturalRule, EuclideanRule, NaturalRule, paper_task
    from steepest.spiking.brian2 import export_brian2

    rules = {
        "natural": (NaturalRule(), 6e-4),
        "euclidean": (EuclideanRule(), 4.5e-7),
        "approximate": (ApproximateNaturalRule(), 5.5e-4),
    }
    chosen, usual = rules[rule]
    task, weights = paper_task(1, n=afferents, rates=rates, seed=seed, test_samples=1)
    script = export_brian2(
        task,
        chosen,
        weights[0],
        rate=usual if learning_rate is None else learning_rate,
        duration=duration,
        dt=dt,
        seed=seed,
    )
    if out is not None:
        try:
            write_whole(out, script.encode())
        except OSError as error:
            raise UsageError(f"{out} cannot be written: {error.strerror}") from error
    if json:
        show_json({"rule": rule, "file": None if out is None else str(out), "script": script})
    elif out is None:
        show(script.removesuffix("\n"))
    else:
        show(f"The {rule} rule is in {visible(str(out))}: run it with a Python that has Brian2.")
    return 0
