"""`steepest lab`: a page of this machine on which tables are dropped and judged."""

import signal
from types import FrameType
from typing import Annotated, NoReturn

from cyclopts import Parameter
from cyclopts.validators import Number

from steepest.cli.caching import own_process
from steepest.cli.output import complain, show
from steepest.interrupts import heard, is_first_to_speak

__all__ = ["command"]


def command(
    *,
    browser: Annotated[
        bool, Parameter(help="Open the page, or only print its address.", negative="--no-browser")
    ] = True,
    port: Annotated[
        int, Parameter(help="Port of this machine (any that is free).", validator=Number(gte=0))
    ] = 0,
) -> int:
    """Drop a table on a page of this machine, and read its verdict there: no command line.

    Shows what a table seems to be, judges what you choose as `steepest infer` does, and saves the
    verdict's page. No table leaves this machine: only its own browsers reach the page, by an
    address with a secret in it. Ctrl-C ends it and forgets what was not saved. Needs the extra
    `lab`.

    For example:

    ```
    steepest lab
    steepest lab --no-browser --port 8000
    ```
    """
    from steepest.lab.server import serving

    if own_process.get():
        for name in ("SIGTERM", "SIGHUP"):  # a terminal that is closed: tables must not stay behind
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), _leave)
    with serving(port=port) as address:
        show(f"The lab is open on this machine: {address.page}\nCtrl-C closes it.")
        if browser:
            import webbrowser

            webbrowser.open(address.ticket)
        try:
            # Not for the thread: Python takes one that Ctrl-C was waiting for to be at its end.
            while not address.closed.wait(1.0):
                pass
        finally:
            if heard() and is_first_to_speak():
                complain("the lab is closed; what was not saved is gone")
    return 0


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
