"""The command line: parses, calls, prints. Everything heavy is imported inside the commands.

A new command is one file here with a function `command`, and one line in `app.COMMANDS`.
"""

from steepest.cli.app import main, run

__all__ = ["main", "run"]
