"""Who may ask the page anything: only who knows its address, by this machine's own name for it."""

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Guard"]

_CLOSED = "Nothing is here. Open the address that `steepest lab` has printed.\n"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Lets requests pass that name one of `hosts`, the secret in their path, and no other page.

    Another page may make a browser ask (by a name of its own for this machine, or with a form of
    its own): `Host` and `Origin` tell it. `ticket` is a path that leads to the page once: a browser
    is opened with it, as all users of a machine see with which words a program was started.
    """

    def __init__(self, app: "ASGIApp", hosts: Sequence[str], secret: str, ticket: str) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._secret = secret
        self._tickets = [ticket]

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] != "http":
            return

        async def guarded(message: "Message") -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        await self._answering(scope)(scope, receive, guarded)

    def _answering(self, scope: "Scope") -> "ASGIApp":
        headers = Headers(scope=scope)
        own = {f"http://{host}" for host in self._hosts}
        if headers.get("host") not in self._hosts or headers.get("origin", min(own)) not in own:
            return PlainTextResponse("This page answers no other page.\n", 403)
        key, _, rest = scope["path"].removeprefix("/").partition("/")
        if rest == "" and any(_same(key, ticket) for ticket in self._tickets):
            self._tickets.clear()
            return RedirectResponse(f"/{self._secret}/", 303)
        if not _same(key, self._secret):
            return PlainTextResponse(_CLOSED, 404)
        return self._app


def _same(key: str, secret: str) -> bool:
    return secrets.compare_digest(key.encode(), secret.encode())
