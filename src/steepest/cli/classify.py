"""`steepest classify`: which synapses grew, shrank, stayed, were lost or are new?"""

import inspect
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from steepest.cli import infer
from steepest.cli.options import ANSWER, Json
from steepest.cli.output import command_line, give
from steepest.errors import UsageError

if TYPE_CHECKING:
    from steepest.report.answer import Answer

__all__ = ["command"]

CALLS = Group("What is called a change", sort_key=0)
_LEFT_OUT = ("unpaired", "pairs", "pair", "rate", "compare", "full")


def command(
    *file: Path,
    change: Annotated[
        float, Parameter(group=CALLS, help="Change of log size that counts as one (.2 is 22 %).")
    ] = 0.2,
    fdr: Annotated[float, Parameter(group=CALLS, help="Share of calls that may be wrong.")] = 0.05,
    out: Annotated[
        Path | None,
        Parameter(group=ANSWER, help="Folder for calls.html, calls.png, calls.json and calls.csv."),
    ] = None,
    json: Json = False,
    **options: Any,
) -> int:
    """Which synapses grew, shrank, stayed, were lost or are new?

    Takes the options of `steepest infer`. Every synapse is called potentiated, depressed, stable,
    lost, new, or "cannot say", from the first session to the last; at most the share `--fdr` of the
    calls is expected to be wrong. Needs to know the noise: three or more sessions, replicates, a
    null condition, or sizes stated to be exact.

    For example:

    ```
    steepest classify sizes.csv --sessions day0 day4 day8 --group dendrite --out calls
    steepest classify sizes.csv --before a1 --replicate-before a2 --after b1 --replicate-after b2
    ```
    """
    from steepest.inference.synapses.request import Request

    if not file:
        raise UsageError("give a file: steepest classify FILE")
    config = options.get("config")
    known = {field.name for field in fields(Request)}
    given = {name: value for name, value in options.items() if name in known}
    request = Request(**given) if config is None else Request.from_toml(config, given)

    def make() -> "Answer":
        from steepest.data.several import expanded

        paths = expanded(file)
        from steepest.report.asked import classify_request

        return classify_request(paths, request, change=change, fdr=fdr)

    asked = asdict(request) | {"seed": request.seed or 0, "change": change, "fdr": fdr}
    return give(make, command_line("classify", *file, **asked), out=out, json=json)


def _signature() -> inspect.Signature:
    """The options of `infer`, but for those of other questions, and those of `command` itself."""
    own = inspect.signature(command).parameters
    shared = {
        name: parameter
        for name, parameter in inspect.signature(infer.command).parameters.items()
        if name not in _LEFT_OUT and name not in own
    }
    file = inspect.signature(infer.command).parameters["file"]
    mine = [own[name] for name in ("change", "fdr", "out", "json")]
    return inspect.Signature([file, *shared.values(), *mine])


_SIGNATURE = _signature()
setattr(command, "__signature__", _SIGNATURE)  # noqa: B010
command.__annotations__ = {
    name: parameter.annotation for name, parameter in _SIGNATURE.parameters.items()
}
