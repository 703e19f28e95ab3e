"""The live page of a lab, served on loopback until Ctrl-C."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import final

import uvicorn

from testbed.lab.errors import LabError
from testbed.web.app import app

LOOPBACK = "127.0.0.1"
GRACE = 1
"""Seconds that answers under way get at the end."""


@final
class Server(uvicorn.Server):
    """Serves the page of a lab; streams of events end when it is told to."""

    def __init__(self, lab: Path, token: str) -> None:
        self._ended = asyncio.Event()
        super().__init__(
            uvicorn.Config(
                app(lab, token, self._ended),
                http="h11",
                ws="none",
                lifespan="off",
                log_level="error",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, which would wait for the streams in vain."""
        self._ended.set()
        await super().shutdown(sockets)


def serve(lab: Path, port: int, say: Callable[[str], None]) -> None:
    """Serve the lab whose control socket is `lab`; `port` 0 is any free one. LabError if it is taken.

    `say` is told the address, which carries the token: whoever has it may move machines.
    """
    try:
        listener = socket.create_server((LOOPBACK, port))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise LabError(f"port {port} cannot be had ({reason}): choose another --port") from None
    with listener:
        token = secrets.token_urlsafe(24)
        say(f"http://{LOOPBACK}:{listener.getsockname()[1]}/{token}/")
        asyncio.run(Server(lab, token).serve(sockets=[listener]))
