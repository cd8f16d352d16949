"""The application: which commands there are, and how a command line is run."""

import errno
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from cyclopts import App, CycloptsError

from steepest._version import __version__
from steepest.cli.caching import own_process
from steepest.cli.options import dashes_as_values
from steepest.cli.output import GuardedStream, OutputLost, complain, guarded_stdout, show_json
from steepest.cli.variables import unusable_variable
from steepest.errors import SteepestError
from steepest.interrupts import (
    FAREWELL,
    INTERRUPTED,
    as_interrupt,
    end_at_once,
    is_first_to_speak,
    leave,
)

__all__ = ["COMMANDS", "application", "main", "run"]

# What the system refuses for reasons that its user can see to: names, rights, room.
_REFUSALS = {
    errno.EACCES, errno.EDQUOT, errno.EIO, errno.EISDIR, errno.ELOOP, errno.EMFILE,
    errno.ENAMETOOLONG, errno.ENFILE, errno.ENOENT, errno.ENOSPC, errno.ENOTDIR, errno.EPERM,
    errno.EROFS,
}  # fmt: skip

COMMANDS = {
    "classify": "Which synapses grew, shrank, stayed, were lost or are new?",
    "connectivity": "Which connectivity makes a rate network do what was recorded?",
    "demo": "Learn with two geometries, then find each back from the synapses alone: a first tour.",
    "explore": "Write a page to play with: a map to shear, a metric to switch, noise to add.",
    "export": "Write a learning rule as a script for another simulator.",
    "infer": "In which geometry did measured synapses change?",
    "infer-layers": "Which geometry trained this network, layer by layer?",
    "infer-metric": "In which metric does a measured flow descend a known cost?",
    "lab": "Drop a table on a page of this machine, and read its verdict there: no command line.",
    "papers": "List the papers and figures that can be reproduced.",
    "plan": "How many synapses, sessions and replicates does it take to name a geometry?",
    "reproduce": "Recompute a paper's figures and check what it claims.",
    "sweep": "Compute a figure over a grid of parameters and seeds, into one Zarr store.",
}
"""Every command in one line; `command` in the file of its name (infer_layers.py) is what it does.

The line is the first one of its docstring, and stands here so that a list of the commands imports
none of them.
"""

_PAGES = {
    "classify": "inference",
    "connectivity": "recurrent",
    "demo": "start/ten_minutes",
    "explore": "explorers",
    "export": "simulating",
    "infer": "inference",
    "infer-layers": "mirror",
    "infer-metric": "metric",
    "lab": "lab",
    "papers": "figures",
    "plan": "inference",
    "reproduce": "figures",
    "sweep": "sweeps",
}


def application(named: str = "") -> App:
    """The application, in which the command that is named is described by its own docstring."""
    app = App(
        name="steepest",
        help="""Which plasticity follows from a cost and a geometry, and in which geometry did
        measured synapses move?

        New here? Run [bold]steepest demo[/bold].""",
        # The list of commands needs no Markdown, which takes a third of its time to import.
        help_format="markdown" if named in COMMANDS else "rich",
        help_epilogue=_page(named) if named in COMMANDS else None,
        version=__version__,
        result_action="return_value",
        suppress_keyboard_interrupt=False,
    )
    app.register_install_completion_command(
        help="Have your shell complete commands and options (bash, zsh, fish), from its next start."
    )
    for name, summary in COMMANDS.items():
        module = f"steepest.cli.{name.replace('-', '_')}"
        app.command(f"{module}:command", name=name, help=None if name == named else summary)
    return app


def _page(command: str) -> str:
    name = _PAGES[command]
    return f"Its page: docs/{name}.md, on the site {name}.html (`make docs`)."


def run(tokens: Sequence[str]) -> int:
    """Run one command line (without the program's name); returns the exit code.

    0 done, 1 a claim does not hold, 2 bad usage or bad input, 70 a fault of the program,
    130 interrupted, 141 the reader of the output went away.

    >>> run(["infer", "sizes.csv", "--before", "a", "--after", "b", "--json"])
    {"error": "no such file: sizes.csv"}
    2
    """
    as_json = _wants_json(tokens)
    try:
        with guarded_stdout(as_json) as stdout:
            return _answered(tokens, stdout if as_json else None)
    except OutputLost as error:
        if error.reader_left:
            return 141
        complain(str(error))
        return 2


def main() -> None:
    """Run the command line of this process, which ends at once on Ctrl-C."""
    # A file that were opened as number 1 or 2 would receive what libraries write there.
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    end_at_once()
    own_process.set(True)
    # Pictures go to files here, whatever backend the user prefers elsewhere, or misspelt.
    os.environ["MPLBACKEND"] = "agg"
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # pyright: ignore[reportAttributeAccessIssue]
    if _wants_json(sys.argv[1:]):
        _keep_stdout_to_itself()
    code = run(sys.argv[1:])
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
        except (OSError, ValueError):
            # Python would flush once more at its end, and complain: let it flush into nothing.
            with suppress(ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if code == INTERRUPTED:
        leave()
    sys.exit(code)


def _wants_json(tokens: Sequence[str]) -> bool:
    return "--json" in tokens and not {"--help", "-h", "--version"} & {*tokens}


def _keep_stdout_to_itself() -> None:
    """Leave stdout to Python's own stream: what libraries of C and other processes say is stderr's.

    They write to descriptor 1, whatever Python prints to.
    """
    try:
        answers = os.dup(sys.stdout.fileno())
    except (AttributeError, OSError, ValueError):  # there is none, or it is no file
        return
    os.dup2(2, 1)
    raw = io.BufferedWriter(io.FileIO(answers, "w"))
    sys.stdout = io.TextIOWrapper(raw, sys.stdout.encoding, errors="replace")


def _answered(tokens: Sequence[str], as_json: GuardedStream | None) -> int:
    """Run the command; `as_json` is stdout where errors are JSON, too."""
    if any("\0" in token for token in tokens):
        return _fail("an argument holds a zero byte, which no name can: leave it out", as_json)
    try:
        app = application(tokens[0] if tokens else "")
        with as_interrupt():
            code = app(dashes_as_values(tokens), exit_on_error=False, print_error=False)
    except OutputLost:
        raise
    except (CycloptsError, SteepestError) as error:
        # Of a cost that fails, say: JAX may have failed in it, and not the cost.
        cause = error.__cause__ if "jax" in sys.modules else None
        variable = None if cause is None else unusable_variable(cause)
        return _fail(variable or str(error), as_json)
    except KeyboardInterrupt:
        if is_first_to_speak():
            complain(FAREWELL)
        return INTERRUPTED
    except OSError as error:
        if error.errno not in _REFUSALS:
            return _fault(error, as_json)
        name = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return _fail(f"{name}{error.strerror}", as_json)
    except Exception as error:
        return _fault(error, as_json)
    return code if isinstance(code, int) else 0


def _fault(error: Exception, as_json: GuardedStream | None) -> int:
    variable = unusable_variable(error)
    if variable is not None:
        return _fail(variable, as_json)
    _fail(f"a fault of this program, not of yours: {type(error).__name__}: {error}", as_json)
    return 70


def _fail(message: str, as_json: GuardedStream | None) -> int:
    if as_json is None or as_json.used:
        complain(message)
    else:
        show_json({"error": message})
    return 2
