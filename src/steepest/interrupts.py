"""Ctrl-C: a command ends at once, whatever it is in, and takes away what it was writing.

Python hears of a signal between two of its own instructions. A compiled program (XLA, Numba) has
none of them, and a library that catches everything can keep it from being heard. So the console
script has a thread that listens to the signal itself, and ends the process where it has not ended
of its own in a moment. It leaves without Python's usual end, which takes the ground from under
threads of XLA that still run. In the midst of an import it leaves at once: an extension module that
is given up half made (jaxlib's are) takes the process with it by signal 11.
"""

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from socket import socket

__all__ = ["FAREWELL", "INTERRUPTED", "as_interrupt", "deferred_in_children", "end_at_once"]
__all__ += ["heard", "is_first_to_speak", "is_passed_on", "leave", "leave_at_once", "passed_on"]
__all__ += ["shielded", "undone"]

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C has ended."""

FAREWELL = "interrupted; what was finished is kept"
"""What such a command says last, on stderr."""

_GRACE = 0.5  # s in which the program may end of its own
_COMMIT = 1.0  # s for what is being moved into place
_SHOW_CURSOR = b"\r\x1b[K\x1b[?25h"  # which a progress bar has hidden

_heard = threading.Event()
_moving = threading.RLock()
_said = threading.Lock()
_shields: list[object] = []
_to_undo: list[Callable[[], None]] = []
_passed_on: ContextVar[bool] = ContextVar("passed_on", default=False)


def leave_at_once() -> None:
    """From now on Ctrl-C ends this process with 130, between two of Python's instructions.

    For a console script that has only begun to import what it needs, as it changes how the whole
    process takes the signal. Where Ctrl-C is ignored (nohup, jobs in the background of a script)
    it stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def end_at_once(silent: bool = False) -> None:
    """From now on Ctrl-C ends this process with 130 in about a second, whatever it is in.

    With `silent` it says nothing and waits for nothing, as another process speaks for it and
    waits. For the main thread of a console script, after `leave_at_once` or without it.
    """
    if signal.getsignal(signal.SIGINT) not in (signal.default_int_handler, _leave):
        return
    from socket import socketpair  # not needed to leave while a command is being imported

    listening, told = socketpair()
    told.setblocking(False)
    signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, _leave_silently if silent else _interrupt)
    farewell = b"" if silent else f"steepest: {FAREWELL}\n".encode()
    # Registered before all others, these are called last; a Ctrl-C that is about to be told would
    # end the first of them.
    atexit.register(_last_step, farewell)
    atexit.register(_last_step, farewell)
    sys.unraisablehook = _tell_others(sys.unraisablehook)
    # Nobody tears down what is left at once: the system does, and Python need not say so.
    sys.warnoptions.append("ignore:resource_tracker:UserWarning")
    watched = (listening, told, farewell, 0.0 if silent else _GRACE)
    threading.Thread(target=_watch, args=watched, name="interrupts", daemon=True).start()
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


@contextmanager
def deferred_in_children() -> Iterator[None]:
    """Have processes that the block starts take Ctrl-C only once they call `end_at_once`.

    One that is still importing what it needs would die with a traceback. This process itself
    goes on hearing it, in the threads that it has already. Where there are no signals of POSIX,
    nothing changes.

    >>> with deferred_in_children():
    ...     print("started")
    started
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # which hears the signal again where it begins later
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def heard() -> bool:
    """Whether there was a Ctrl-C since `end_at_once`; what is caught after it, it may have caused.

    >>> heard()
    False
    """
    return _heard.is_set()


def is_first_to_speak() -> bool:
    """Whether the farewell of this Ctrl-C was not said before; from now on it was.

    >>> is_first_to_speak()
    True
    """
    return not heard() or _said.acquire(blocking=False)


@contextmanager
def as_interrupt() -> Iterator[None]:
    """Raise KeyboardInterrupt for whatever ends the block after a Ctrl-C.

    Libraries that were called back make other errors of it, or results.

    >>> with as_interrupt():
    ...     print("whole")
    whole
    """
    try:
        yield
    except BaseException as error:
        if heard():
            raise KeyboardInterrupt from error
        raise
    if heard():
        raise KeyboardInterrupt


def leave(farewell: bytes = b"") -> NoReturn:
    """End the process with 130, now: what is half written is taken away, nothing is torn down."""
    _moving.acquire(timeout=_COMMIT)  # and kept: nothing is moved into place any more
    for undo in reversed(_to_undo):
        with suppress(Exception):
            undo()
    with suppress(OSError):
        if os.isatty(2):
            os.write(2, _SHOW_CURSOR)
        if farewell and is_first_to_speak():
            os.write(2, farewell)
    os._exit(INTERRUPTED)


@contextmanager
def undone(undo: Callable[[], None]) -> Iterator[None]:
    """Have `undo` called if the process ends at once within the block; it may run in any thread.

    >>> with undone(lambda: print("taken away")):
    ...     print("written")
    written
    """
    _to_undo.append(undo)
    try:
        yield
    finally:
        _to_undo.remove(undo)


@contextmanager
def shielded() -> Iterator[None]:
    """Let Ctrl-C wait until the end of the block, which must be short.

    Raises KeyboardInterrupt at its beginning where a library has swallowed an earlier Ctrl-C.
    """
    with _moving:
        if heard():
            raise KeyboardInterrupt
        shield = object()
        _shields.append(shield)
        try:
            yield
        finally:
            _shields.remove(shield)
    if heard():
        raise KeyboardInterrupt


@contextmanager
def passed_on() -> Iterator[None]:
    """Have Ctrl-C end the block, also where a run within it would return what it has so far.

    For whoever calls several runs in turn: the next would begin, on half of the last one's numbers.

    >>> with passed_on():
    ...     print(is_passed_on())
    True
    """
    token = _passed_on.set(True)
    try:
        yield
    finally:
        _passed_on.reset(token)


def is_passed_on() -> bool:
    """Whether a run that meets Ctrl-C must raise it, as `passed_on` says, or may return.

    >>> is_passed_on()
    False
    """
    return _passed_on.get()


def _leave(number: int, frame: Any) -> NoReturn:
    leave(f"steepest: {FAREWELL}\n".encode())


def _interrupt(number: int, frame: Any) -> None:
    _heard.set()
    if _shields:
        return
    if _is_importing(frame):
        leave(f"steepest: {FAREWELL}\n".encode())
    raise KeyboardInterrupt


def _is_importing(frame: Any) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _leave_silently(number: int, frame: Any) -> None:
    _heard.set()
    if not _shields:
        leave()


def _last_step(farewell: bytes) -> None:
    """Before Python's usual end: leave without it where there was a Ctrl-C, else hear none.

    What it had interrupted may not stand that end. And without our handler, which is then gone, a
    command that is done would die of the signal, unsaid.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if heard():
        leave(farewell)


def _tell_others(tell: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Not of Ctrl-C where nothing can be raised (in a finaliser, say), but of all other errors."""

    def tell_others(unraisable: Any) -> None:
        if not (heard() and issubclass(unraisable.exc_type, KeyboardInterrupt)):
            tell(unraisable)

    return tell_others


def _watch(listening: "socket", told: "socket", farewell: bytes, grace: float) -> None:
    """Wait for Ctrl-C, then for the program to end of its own or for a second one: then leave."""
    while signal.SIGINT not in listening.recv(64):
        pass
    _heard.set()
    listening.settimeout(grace)
    with suppress(TimeoutError, BlockingIOError):
        while signal.SIGINT not in listening.recv(64):
            pass
    leave(farewell)
