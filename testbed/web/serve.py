"""The live page of a lab, served on loopback until Ctrl-C."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from testbed.lab.errors import LabError
from testbed.web.app import app

LOOPBACK = "127.0.0.1"
GRACE = 1
"""Seconds that open event streams get at the end."""


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
        settings = uvicorn.Config(
            app(lab, token),
            http="h11",
            ws="none",
            lifespan="off",
            log_level="error",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE,
        )
        asyncio.run(uvicorn.Server(settings).serve(sockets=[listener]))
