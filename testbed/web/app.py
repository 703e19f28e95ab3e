"""The live page's server: files of the page, and what a running lab answers, does and tells.

The lab is asked over its control socket, a connection for each question. What happens in it is pushed to the
page as server-sent events: `hello` with the lab, then every event of its timeline, `gone` when it has ended.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final, TypeVar, final

from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from testbed.lab import control
from testbed.lab.errors import LabError
from testbed.model.plan import Plan
from testbed.report.theme import DARK, LIGHT, RULES, properties
from testbed.web.gate import Gate
from testbed.web.picture import picture

HERE: Final = Path(__file__).parent / "page"
MAX_BODY: Final = 1 << 16
"""Bytes of a request."""
RETRY_MS: Final = 2000
"""How long a browser waits before it asks for a lab again that has ended."""
SHOWN: Final = frozenset({"bgp", "evpn", "labels", "mac", "route", "tables", "vpls"})

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]


def app(socket: Path, token: str, ended: asyncio.Event) -> Gate:
    """The application for the lab whose control socket is `socket`; `token` opens it.

    What it pushes stops when `ended` is set.
    """
    pages = _Pages(socket, ended)
    routes = [
        Route("/events", pages.events),
        Route("/follow", pages.follow),
        Route("/show/{what}", _told(pages.show)),
        Route("/migrate", _told(pages.migrate), methods=["POST"]),
        Route("/picture", _told(pages.picture), methods=["POST"]),
        Route("/theme.css", theme),
        Mount("/", StaticFiles(directory=HERE, html=True)),
    ]
    return Gate(Starlette(routes=routes), token)


def _told(handler: Handler) -> Handler:
    """What a handler's LabError says goes to the page as one line."""

    async def told(request: Request) -> Response:
        try:
            return await handler(request)
        except LabError as error:
            return JSONResponse({"error": str(error)}, 400)

    return told


@final
class _Pages:
    def __init__(self, socket: Path, ended: asyncio.Event) -> None:
        self._socket = socket
        self._ended = ended

    async def _ask(self, verb: str, **args: Any) -> Any:
        return await control.call(self._socket, verb, **args)

    async def _plan(self) -> Plan:
        return TypeAdapter(Plan).validate_python(await self._ask("plan"))

    async def events(self, _request: Request) -> Response:
        """Everything that happens, from the lab's start on."""
        return self._pushed(self._events())

    async def _events(self) -> AsyncGenerator[tuple[str, Any], None]:
        yield "hello", await self._lab()
        async with aclosing(control.stream(self._socket, "watch")) as answers:
            async for _, event in answers:
                yield "message", event

    async def follow(self, request: Request) -> Response:
        """Echo after echo between two machines, with the ways that each took."""
        ends = {name: request.query_params.get(name) for name in ("source", "destination")}
        return self._pushed(self._echoes(ends))

    async def _echoes(self, ends: dict[str, str | None]) -> AsyncGenerator[tuple[str, Any], None]:
        async with aclosing(control.stream(self._socket, "follow", **ends)) as answers:
            async for _, echo in answers:
                yield "message", echo

    async def _lab(self) -> dict[str, Any]:
        """What a page must know to begin with."""
        plan, status = await self._plan(), await self._ask("status")
        return {
            "name": status["name"],
            "description": plan.description,
            "setup": status["setup"],
            "alive": status["alive"],
            "blackout_ms": plan.defaults.blackout_ms,
            "announce": plan.defaults.announce,
            "machines": {
                machine.name: {"address": str(machine.address.ip), "mac": machine.mac}
                for machine in plan.machines.values()
            },
            "vms": {
                vm.name: {
                    "slot": status["machines"][vm.name]["slot"],
                    "slots": {slot.name: plan.sites[slot.site].label or slot.name for slot in vm.slots},
                }
                for vm in plan.vms.values()
            },
            "nodes": {switch.name: switch.role for switch in plan.switches.values()},
        }

    def _pushed(self, messages: AsyncGenerator[tuple[str, Any], None]) -> Response:
        """Messages to the page as they come; the last one is `gone` with the reason."""

        async def written() -> AsyncGenerator[bytes, None]:
            yield f"retry: {RETRY_MS}\n\n".encode()
            try:
                async with aclosing(until(self._ended, messages)) as coming:
                    async for event, data in coming:
                        yield message(event, data)
            except LabError as error:
                yield message("gone", str(error))

        return StreamingResponse(written(), media_type="text/event-stream")

    async def show(self, request: Request) -> Response:
        """Rows of `vmto show`; of `bgp` without a node, the sessions of all PEs."""
        what = request.path_params["what"]
        if what not in SHOWN:
            raise LabError(f"nothing to show by the name {what!r}: use one of {', '.join(sorted(SHOWN))}")
        node = request.query_params.get("node")
        return JSONResponse(await self._ask(f"show {what}", node=node))

    async def migrate(self, request: Request) -> Response:
        """Move a machine live."""
        return JSONResponse(await self._ask("migrate", **await _object(request)))

    async def picture(self, request: Request) -> Response:
        """The topology with ways of packets, as SVG."""
        drawn = picture(await self._plan(), await _body(request))
        return Response(drawn, media_type="image/svg+xml")


async def theme(_request: Request) -> Response:
    """Colours, dark and light, and the style of drawings: those of the report."""
    light, dark = properties(LIGHT), properties(DARK)
    rules = (
        f":root {{ color-scheme: light dark; {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root:not([data-theme=light]) {{ {dark} }} }}\n"
        f":root[data-theme=dark] {{ color-scheme: dark; {dark} }}\n"
        f":root[data-theme=light] {{ color-scheme: light; }}\n"
    )
    return Response(rules + RULES, media_type="text/css")


async def until(ended: asyncio.Event, messages: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """The messages until there are no more, or `ended` is set."""
    end = asyncio.ensure_future(ended.wait())
    try:
        while True:
            coming = asyncio.ensure_future(anext(messages))
            try:
                await asyncio.wait({end, coming}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not coming.done():
                    coming.cancel()
                    await asyncio.gather(coming, return_exceptions=True)
            if coming.cancelled():
                return
            try:
                yield coming.result()
            except StopAsyncIteration:
                return
    finally:
        end.cancel()


def message(event: str, data: Any) -> bytes:
    """A server-sent event (HTML Living Standard, section 9.2); JSON has no line breaks of its own."""
    return f"event: {event}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


async def _body(request: Request) -> bytes:
    found = b""
    async for part in request.stream():
        found += part
        if len(found) > MAX_BODY:
            raise LabError(f"a request has at most {MAX_BODY} bytes")
    return found


async def _object(request: Request) -> dict[str, Any]:
    return control.decode(await _body(request))
