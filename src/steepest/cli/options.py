"""Options that commands share."""

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

__all__ = ["Json", "Seed", "many"]

Seed = Annotated[int, Parameter(help="Seed of everything random.", validator=Number(gte=0))]
Json = Annotated[
    bool,
    Parameter(name="--json", negative="", help="Print one JSON object, and nothing else."),
]


def many(help: str) -> Parameter:
    """An option that takes one value or more, with blanks between them."""
    return Parameter(help=help, consume_multiple=True, negative="", show_default=False)
