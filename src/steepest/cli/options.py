"""Options that commands share."""

from collections.abc import Sequence
from typing import Annotated

from cyclopts import Group, Parameter
from cyclopts.validators import Number

__all__ = [
    "ANSWER",
    "HEADER_ROW",
    "READING",
    "SEEDS",
    "TABLE",
    "Json",
    "Seed",
    "dashes_as_values",
    "many",
]

READING = Group("How the file is read", sort_key=8)
ANSWER = Group("The answer", sort_key=9)
"""The last of the groups in which `--help` shows options; a command has its own before them."""

TABLE = "Sheet of a workbook, table of an NWB file, array of a MATLAB file, file in a zip."
HEADER_ROW = "Line of the header, counted from 1, or none; found by itself where not given."
SEEDS = Number(gte=0, lte=2**63 - 1)  # what a file of results can hold
Seed = Annotated[int, Parameter(group=ANSWER, help="Seed of everything random.", validator=SEEDS)]
Json = Annotated[
    bool,
    Parameter(
        group=ANSWER, name="--json", negative="", help="Print one JSON object, and nothing else."
    ),
]


def many(help: str, group: Group | str = "Parameters") -> Parameter:
    """An option that takes one value or more, with blanks between them."""
    return Parameter(help=help, group=group, consume_multiple=True, negative="", show_default=False)


def dashes_as_values(tokens: Sequence[str]) -> list[str]:
    """A single dash after an option, which marks an absent synapse, as `--option=-`.

    Alone it would be taken for an option without a name.

    >>> dashes_as_values(["infer", "a.csv", "--absent", "NA", "-", "-1"])
    ['infer', 'a.csv', '--absent', 'NA', '--absent=-', '-1']
    """
    spelled: list[str] = []
    option = ""
    for token in tokens:
        if token.startswith("--"):
            option = token.partition("=")[0]
        if token != "-" or len(option) < 3:
            spelled.append(token)
            continue
        if spelled[-1] == option:
            spelled.pop()
        spelled.append(f"{option}=-")
    return spelled
