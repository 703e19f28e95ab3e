"""Who may talk to the live page's server: a browser on this machine that was given the address.

Three locks, because the page moves machines and its server runs as root. The address carries a random token.
The Host header must name this machine, so that a foreign name that was pointed here (DNS rebinding) is of no
use. What changes something must come from a page of this server (Origin), so that another site's form is not.
"""

from __future__ import annotations

import secrets
from typing import Final, final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL: Final = frozenset({"127.0.0.1", "localhost", "::1"})
SAFE: Final = frozenset({"GET", "HEAD"})
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of every answer: nothing but this server's own files runs, and the address with the token goes nowhere."""


def problem(method: str, path: str, headers: Headers, token: str) -> tuple[int, str] | None:
    """Status and reason if a request is to be refused; None if it may pass."""
    host = headers.get("host", "")
    if _hostname(host) not in LOCAL:
        return 421, "this server answers to 127.0.0.1 and localhost"
    given = path.removeprefix("/").partition("/")[0]
    if not secrets.compare_digest(given.encode(), token.encode()):
        return 404, "open the address that `vmto web` printed"
    if method not in SAFE and headers.get("origin") != f"http://{host}":
        return 403, "requests come from the page itself"
    return None


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


@final
class Gate:
    """Refuses what `problem` finds; passes on the rest without the token in its path."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it; there are no WebSockets."""
        if scope["type"] != "http":
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refused = problem(scope["method"], scope["path"], Headers(scope=scope), self._token)
        if refused:
            status, reason = refused
            await PlainTextResponse(reason + "\n", status)(scope, receive, guarded)
        else:
            root = f"/{self._token}"
            await self._app({**scope, "root_path": root}, receive, guarded)
