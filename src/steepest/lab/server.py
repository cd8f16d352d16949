"""The page on this machine: its socket, its secret, and its end."""

import asyncio
import secrets
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from socket import AF_INET, SOCK_STREAM, socket
from typing import TYPE_CHECKING

from steepest.data.opening import size_limit
from steepest.errors import UsageError
from steepest.files import own_folder
from steepest.interrupts import undone
from steepest.lab.work import PROGRAM, Workplace

if TYPE_CHECKING:
    import uvicorn

__all__ = ["Address", "serving"]

_HERE = "127.0.0.1"


@dataclass(frozen=True)
class Address:
    """Where the page is: `page` may be opened by whoever knows it, `ticket` leads there once.

    `closed` is set once nothing answers there any more.

    >>> Address("http://127.0.0.1:8000/secret/", "http://127.0.0.1:8000/once/").page
    'http://127.0.0.1:8000/secret/'
    """

    page: str
    ticket: str
    closed: threading.Event = field(default_factory=threading.Event, repr=False)


@contextmanager
def serving(*, port: int = 0, program: Sequence[str] = PROGRAM) -> Iterator[Address]:
    """Answer the page on 127.0.0.1 within the block, in a thread; yields its address.

    - `port`: 0 for any that is free.
    - `program`: the words by which the command is started, whose `infer` looks and judges.

    At the end all its processes are ended, and all tables and verdicts are removed; those of a lab
    that was killed are removed by one that begins a day later. Raises UsageError where the extra
    `lab` is not installed, or the port is taken.

    >>> with serving() as address:
    ...     print(address.page)
    http://127.0.0.1:.../.../
    """
    try:
        import python_multipart
        import starlette
        import uvicorn
    except ModuleNotFoundError as error:
        raise UsageError(
            f'the lab needs {error.name}, which is in an extra: pip install "steepest[lab]"'
        ) from error
    del python_multipart, starlette
    largest = size_limit()
    listening = _listen(port)
    workplace = Workplace(own_folder(tempfile.gettempdir(), "lab"), program)
    with undone(workplace.abandon):
        host = f"{_HERE}:{listening.getsockname()[1]}"
        secret, ticket = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        from steepest.lab.app import application
        from steepest.lab.guard import Guard

        names = (host, host.replace(_HERE, "localhost"))
        page = Guard(application(workplace, secret, largest), names, secret, ticket)
        server = uvicorn.Server(
            uvicorn.Config(
                page, log_config=None, access_log=False, server_header=False, lifespan="off",
                ws="none", proxy_headers=False, timeout_graceful_shutdown=2,
            )
        )  # fmt: skip
        address = Address(f"http://{host}/{secret}/", f"http://{host}/{ticket}/")

        def answer() -> None:
            try:
                asyncio.run(_answer(server, listening, workplace))
            finally:
                address.closed.set()

        thread = threading.Thread(target=answer, name="lab")
        thread.start()
        try:
            yield address
        finally:
            server.should_exit = True
            address.closed.wait()
            thread.join()


async def _answer(server: "uvicorn.Server", listening: socket, workplace: Workplace) -> None:
    """Serve until the end is said; requests that wait for a process wait no longer then."""
    served = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not (server.should_exit or served.done()):
            await asyncio.sleep(0.05)
        workplace.cancel()
        await served
    finally:
        await workplace.close()


def _listen(port: int) -> socket:
    listening = socket(AF_INET, SOCK_STREAM)
    try:
        listening.bind((_HERE, port))
    except (OSError, OverflowError) as error:
        listening.close()
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"port {port} of this machine cannot be had: {why}") from error
    listening.listen()
    return listening
