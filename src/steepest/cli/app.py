"""The application: which commands there are, and how a command line is run."""

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from steepest._version import __version__
from steepest.cli.options import dashes_as_values
from steepest.errors import SteepestError
from steepest.files import to_json

__all__ = ["COMMANDS", "application", "main", "run"]

COMMANDS = {
    "connectivity": "Which connectivity makes a rate network do what was recorded?",
    "demo": "Learn with two geometries, then find each back from the synapses alone: a first tour.",
    "export": "Write a learning rule as a script for another simulator.",
    "infer": "In which geometry did measured synapses change?",
    "infer-layers": "Which geometry trained this network, layer by layer?",
    "infer-metric": "In which metric does a measured flow descend a known cost?",
    "papers": "List the papers and figures that `steepest reproduce` knows.",
    "plan": "How many synapses, sessions and replicates does it take to name a geometry?",
    "reproduce": "Recompute a paper's figures and check what it claims.",
    "sweep": "Compute a figure over a grid of parameters and seeds, into one Zarr store.",
}
"""Every command in one line; `command` in the file of its name (infer_layers.py) is what it does.

The line is the first one of its docstring, and stands here so that a list of the commands imports
none of them.
"""


def application(named: str = "") -> App:
    """The application, in which the command that is named is described by its own docstring."""
    app = App(
        name="steepest",
        help="""Which plasticity follows from a cost and a geometry, and in which geometry did
        measured synapses move?

        New here? Run `steepest demo`.""",
        version=__version__,
        result_action="return_value",
        suppress_keyboard_interrupt=False,
    )
    for name, summary in COMMANDS.items():
        module = f"steepest.cli.{name.replace('-', '_')}"
        app.command(f"{module}:command", name=name, help=None if name == named else summary)
    return app


def run(tokens: Sequence[str]) -> int:
    """Run one command line (without the program's name); returns the exit code.

    0 done, 1 a claim does not hold, 2 bad usage or bad input, 70 a fault of the program,
    130 interrupted, 141 the reader of the output went away.

    >>> run(["infer", "sizes.csv", "--before", "a", "--after", "b", "--json"])
    {"error": "no such file: sizes.csv"}
    2
    """
    as_json = "--json" in tokens
    try:
        app = application(tokens[0] if tokens else "")
        code = app(dashes_as_values(tokens), exit_on_error=False, print_error=False)
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
