"""The control socket: how the command line, tests and the live page talk to a lab that runs.

JSON objects, one a line, at most `MAX_LINE` bytes each. A request is `{"verb": ..., "args": {...}}`; the
answer is any number of `{"event": ...}` and then one `{"result": ...}` or `{"error": "one line"}`.
Requests on one connection are served one after the other; a verb is cancelled when its client goes away.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self, final

from testbed.lab.errors import LabError

MAX_LINE = 16 << 20
AHEAD = 16
"""Requests read ahead of the one being served."""

Json = Any
Emit = Callable[[Json], Awaitable[None]]
Verb = Callable[[dict[str, Any], Emit], Awaitable[Json]]


def encode(message: Mapping[str, Json]) -> bytes:
    """One line."""
    return json.dumps(message, separators=(",", ":"), default=str).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The object on a line. Raises `LabError` for anything else."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise LabError("not a JSON object on one line")
    return message


@final
class ControlServer:
    """Serves verbs on a unix socket inside the lab's program. An async context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._verbs: dict[str, Verb] = {"verbs": self._list}
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Future[None]] = set()

    def register(self, name: str, verb: Verb) -> None:
        """Serve `name` by `verb(args, emit)`; a `LabError` that it raises goes to the client as one line."""
        if name in self._verbs:
            raise ValueError(f"verb {name!r} is taken")
        self._verbs[name] = verb

    async def _list(self, _args: dict[str, Any], _emit: Emit) -> Json:
        return sorted(self._verbs)

    async def __aenter__(self) -> Self:
        self.path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._accept, self.path, limit=MAX_LINE)
        self.path.chmod(0o600)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server:
            self._server.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        self.path.unlink(missing_ok=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.ensure_future(self._serve(reader, writer))
        self._connections.add(serving)
        try:
            await serving
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(serving)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def send(message: Mapping[str, Json]) -> None:
            writer.write(encode(message))
            await writer.drain()

        requests: asyncio.Queue[bytes | None] = asyncio.Queue(AHEAD)
        gone = asyncio.ensure_future(_read_lines(reader, requests))
        try:
            while (line := await requests.get()) is not None:
                await send(await self._answer(line, send, gone))
            if problem := gone.result():
                await send({"error": problem})
        finally:
            gone.cancel()

    async def _answer(
        self, line: bytes, send: Callable[[Mapping[str, Json]], Awaitable[None]], gone: asyncio.Future[str]
    ) -> Mapping[str, Json]:
        """Serve one request; cancel the verb when the client hangs up meanwhile."""

        async def emit(event: Json) -> None:
            await send({"event": event})

        try:
            verb, args = self._parse(line)
            work = asyncio.ensure_future(verb(args, emit))
            try:
                await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
                if not work.done():
                    raise ConnectionResetError
                return {"result": work.result()}
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
        except LabError as error:
            return {"error": str(error)}
        except ConnectionError:
            raise
        except Exception as error:
            context = {"message": "a control verb failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
            return {"error": f"internal error: {type(error).__name__}: {error}"}

    def _parse(self, line: bytes) -> tuple[Verb, dict[str, Any]]:
        request = decode(line)
        name, args = request.get("verb"), request.get("args", {})
        if not isinstance(name, str) or not isinstance(args, dict):
            raise LabError('a request is {"verb": "name", "args": {...}}')
        if name not in self._verbs:
            raise LabError(f"unknown verb {name!r}: use one of {', '.join(sorted(self._verbs))}")
        return self._verbs[name], args


async def _read_lines(reader: asyncio.StreamReader, requests: asyncio.Queue[bytes | None]) -> str:
    """Queue what the client sends, None at its end; what was wrong with it, if anything."""
    problem = ""
    try:
        while line := await reader.readline():
            await requests.put(line)
    except ValueError:
        problem = f"a request has at most {MAX_LINE} bytes"
    except ConnectionError:
        pass
    await requests.put(None)
    return problem


@final
class ControlClient:
    """Calls the verbs of a lab; blocking. A context manager."""

    def __init__(self, path: Path, timeout: float | None = None) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise _nobody(path, error) from None
        self._stream = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; a verb under way is cancelled."""
        with contextlib.suppress(OSError):
            self._stream.close()
        self._socket.close()

    def stream(self, verb: str, **args: Json) -> Iterator[tuple[str, Json]]:
        """Call a verb: `("event", ...)` as they come, at last `("result", ...)`. Raises `LabError`."""
        try:
            self._socket.sendall(encode({"verb": verb, "args": args}))
            while line := self._stream.readline(MAX_LINE):
                yield (answer := _answered(line))
                if answer[0] == "result":
                    return
        except TimeoutError:
            raise LabError(f"the lab did not answer {verb!r} in time") from None
        except OSError as error:
            raise LabError(f"the lab hung up: {(error.strerror or str(error)).lower()}") from None
        raise LabError("the lab hung up")

    def call(self, verb: str, on_event: Callable[[Json], None] | None = None, **args: Json) -> Json:
        """Call a verb; its result. Raises `LabError`."""
        for kind, value in self.stream(verb, **args):
            if kind == "result":
                return value
            if on_event:
                on_event(value)
        return None


async def stream(path: Path, verb: str, **args: Json) -> AsyncGenerator[tuple[str, Json], None]:
    """As `ControlClient.stream`, on a connection of its own, where an event loop runs."""
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=MAX_LINE)
    except OSError as error:
        raise _nobody(path, error) from None
    try:
        writer.write(encode({"verb": verb, "args": args}))
        while line := await reader.readline():
            yield (answer := _answered(line))
            if answer[0] == "result":
                return
    except (OSError, ValueError) as error:
        raise LabError(f"the lab hung up: {str(error).lower()}") from None
    finally:
        writer.close()
    raise LabError("the lab hung up")


async def call(path: Path, verb: str, **args: Json) -> Json:
    """As `ControlClient.call`, on a connection of its own, where an event loop runs."""
    async with contextlib.aclosing(stream(path, verb, **args)) as answers:
        async for kind, value in answers:
            if kind == "result":
                return value
    return None


def _answered(line: bytes) -> tuple[str, Json]:
    """("event" or "result", what) of a line from a server. LabError if it is an error."""
    message = decode(line)
    if "event" in message:
        return "event", message["event"]
    if "error" in message:
        raise LabError(str(message["error"]))
    return "result", message.get("result")


def _nobody(path: Path, error: OSError) -> LabError:
    reason = (error.strerror or str(error)).lower()
    return LabError(f"no lab answers at {path} ({reason}): `vmto up` starts one")
