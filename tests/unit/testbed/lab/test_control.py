"""The control socket: verbs, events, errors, and clients that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from testbed.lab import control
from testbed.lab.control import ControlClient, ControlServer, decode
from testbed.lab.errors import LabError


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[ControlServer]:
    async def count(args: dict[str, Any], emit: control.Emit) -> Any:
        for i in range(args["to"]):
            await emit(i)
        return {"counted": args["to"]}

    async def refuse(_args: dict[str, Any], _emit: control.Emit) -> Any:
        raise LabError("no such machine 'x': use one of vm1")

    async def crash(_args: dict[str, Any], _emit: control.Emit) -> Any:
        raise ZeroDivisionError("oops")

    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    async with ControlServer(tmp_path / "control") as server:
        for verb in (count, refuse, crash):
            server.register(verb.__name__, verb)
        yield server
    assert not (tmp_path / "control").exists()


async def call(server: ControlServer, verb: str, **args: Any) -> tuple[Any, list[Any]]:
    def blocking() -> tuple[Any, list[Any]]:
        events: list[Any] = []
        with ControlClient(server.path, timeout=5) as client:
            return client.call(verb, events.append, **args), events

    return await asyncio.to_thread(blocking)


async def raw(server: ControlServer, data: bytes) -> list[dict[str, Any]]:
    """Send lines and read an answer to each."""
    reader, writer = await asyncio.open_unix_connection(server.path, limit=1 << 20)
    writer.write(data)
    answers = [json.loads(await asyncio.wait_for(reader.readline(), 5)) for _ in data.splitlines()]
    writer.close()
    return answers


async def test_events_then_result(server: ControlServer) -> None:
    assert await call(server, "count", to=3) == ({"counted": 3}, [0, 1, 2])
    assert await call(server, "verbs") == (["count", "crash", "refuse", "verbs"], [])


@pytest.mark.parametrize(
    ("verb", "message"),
    [
        ("refuse", "no such machine 'x': use one of vm1"),
        ("crash", "internal error: ZeroDivisionError: oops"),
        ("nothing", "unknown verb 'nothing': use one of count, crash, refuse, verbs"),
    ],
)
async def test_errors_are_one_line(server: ControlServer, verb: str, message: str) -> None:
    with pytest.raises(LabError) as caught:
        await call(server, verb)
    assert str(caught.value) == message


async def test_many_calls_on_one_connection(server: ControlServer) -> None:
    def blocking() -> list[Any]:
        with ControlClient(server.path, timeout=5) as client:
            return [client.call("count", to=n) for n in range(20)]

    assert await asyncio.to_thread(blocking) == [{"counted": n} for n in range(20)]


async def test_a_verb_is_cancelled_when_its_client_goes(server: ControlServer) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def forever(_args: dict[str, Any], _emit: control.Emit) -> Any:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    server.register("forever", forever)
    _, writer = await asyncio.open_unix_connection(server.path)
    writer.write(control.encode({"verb": "forever"}))
    await asyncio.wait_for(started.wait(), 5)
    writer.close()
    await asyncio.wait_for(cancelled.wait(), 5)


async def test_garbage_is_refused_and_the_connection_lives(server: ControlServer) -> None:
    answers = await raw(server, b'\xff\xfe\n[1]\n{"verb": 1}\n{"verb": "verbs"}\n')
    assert [next(iter(answer)) for answer in answers] == ["error", "error", "error", "result"]


async def test_a_line_without_end_is_refused(server: ControlServer) -> None:
    reader, writer = await asyncio.open_unix_connection(server.path)

    async def pour() -> None:
        try:
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
        except ConnectionError:
            pass

    pouring = asyncio.ensure_future(pour())
    assert b"a request has at most" in await asyncio.wait_for(reader.readline(), 20)
    pouring.cancel()
    writer.close()


async def test_no_lab(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"no lab answers at .*: `vmto up` starts one"):
        ControlClient(tmp_path / "control")


async def test_a_lab_that_hangs_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "control"))
        listener.listen()
        with ControlClient(tmp_path / "control", timeout=5) as client:
            listener.accept()[0].close()
            with pytest.raises(LabError, match="the lab hung up"):
                client.call("verbs")


async def test_where_an_event_loop_runs(server: ControlServer) -> None:
    assert await control.call(server.path, "count", to=3) == {"counted": 3}
    assert "verbs" in await control.call(server.path, "verbs")
    with pytest.raises(LabError, match="unknown verb 'nonsense'"):
        await control.call(server.path, "nonsense")
    with pytest.raises(LabError, match=r"no lab answers at .*: `vmto up` starts one"):
        await control.call(server.path.with_name("nowhere"), "verbs")


async def test_a_stream_that_nobody_reads_on_is_cancelled(tmp_path: Path) -> None:
    cancelled = asyncio.Event()

    async def count(_args: dict[str, Any], emit: control.Emit) -> Any:
        try:
            for number in range(3):
                await emit(number)
            return await asyncio.Event().wait()
        finally:
            cancelled.set()

    server = ControlServer(tmp_path / "control")
    server.register("count", count)
    async with server:
        async with contextlib.aclosing(control.stream(server.path, "count")) as answers:
            assert [(await anext(answers)) for _ in range(3)] == [("event", number) for number in range(3)]
        async with asyncio.timeout(10):
            await cancelled.wait()


async def test_a_lab_that_hangs_up_on_an_event_loop(tmp_path: Path) -> None:
    async def end(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_unix_server(end, tmp_path / "control"):
        with pytest.raises(LabError, match="the lab hung up"):
            await control.call(tmp_path / "control", "verbs")


@given(st.one_of(st.binary(), st.text().map(str.encode), st.just(b"[" * 100_000)))
def test_any_line_is_an_object_or_refused(line: bytes) -> None:
    try:
        assert isinstance(decode(line), dict)
    except LabError as error:
        assert str(error) == "not a JSON object on one line"
