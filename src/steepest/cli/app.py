"""The application: what its commands share, and how a command line is run."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter
from cyclopts.validators import Number

from steepest._version import __version__
from steepest.cli.output import to_json
from steepest.errors import SteepestError

__all__ = ["Json", "Seed", "app", "main", "many", "run"]

app = App(
    name="steepest",
    help="""Which plasticity follows from a cost and a geometry, and in which geometry did measured
    synapses move?

    New here? Run `steepest demo`.""",
    version=__version__,
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)

Seed = Annotated[int, Parameter(help="Seed of everything random.", validator=Number(gte=0))]
Json = Annotated[
    bool,
    Parameter(name="--json", negative="", help="Print one JSON object, and nothing else."),
]


def many(help: str) -> Parameter:
    """An option that takes one value or more."""
    return Parameter(help=help, consume_multiple=True, negative="")


def run(tokens: Sequence[str]) -> int:
    """Run one command line (without the program's name); returns the exit code.

    0 done, 1 a claim does not hold, 2 bad usage or bad input, 70 a fault of the program,
    130 interrupted, 141 the reader of
    the output went away.
    """
    as_json = "--json" in tokens
    try:
        code = app(list(tokens), exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except (CycloptsError, SteepestError) as error:
        return _fail(str(error), as_json)
    except KeyboardInterrupt:
        print("steepest: interrupted; what was finished is kept", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Python would flush once more at its end, and complain: let it flush into nothing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        _fail(f"a fault of this program, not of yours: {type(error).__name__}: {error}", as_json)
        return 70
    return code if isinstance(code, int) else 0


def main() -> None:
    """The console script."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # pyright: ignore[reportAttributeAccessIssue]
    sys.exit(run(sys.argv[1:]))


def _fail(message: str, as_json: bool) -> int:
    if as_json:
        print(to_json({"error": message}))
    else:
        print(f"steepest: {message}", file=sys.stderr)
    return 2
