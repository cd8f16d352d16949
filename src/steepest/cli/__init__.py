"""The command line: parses, calls, prints. Everything heavy is imported inside the commands.

A new command is one file here with a function `command`, and one line in `app.COMMANDS`.
"""

from typing import TYPE_CHECKING

import lazy_loader

from steepest.interrupts import leave_at_once

if TYPE_CHECKING:
    from steepest.cli.app import run

__all__ = ["main", "run"]

__getattr__, __dir__, _ = lazy_loader.attach(__name__, submod_attrs={"app": ["run"]})


def main() -> None:
    """The console script; Ctrl-C ends it at once, also while it is still being imported."""
    leave_at_once()
    from steepest.cli import app

    app.main()
