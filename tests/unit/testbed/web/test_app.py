"""The live page's server by HTTP."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from testbed.lab.errors import LabError
from testbed.web.app import MAX_BODY
from testbed.web.serve import Server, serve
from tests.unit.testbed.web.conftest import HOSTILE, TOKEN, FakeLab


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.text = response.status, response.headers, response.read().decode()

    @property
    def json(self) -> Any:
        return json.loads(self.text)


async def ask(address: str, path: str = "", body: Any = None, **headers: str) -> Answer:
    parts = urlsplit(address)

    def asked() -> Answer:
        connection = http.client.HTTPConnection(parts.netloc, timeout=10)
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body)
        origin = {} if body is None else {"Origin": f"http://{parts.netloc}"}
        connection.request("GET" if body is None else "POST", parts.path + path, data, origin | headers)
        answer = Answer(connection.getresponse())
        connection.close()
        return answer

    return await asyncio.to_thread(asked)


class Stream:
    """Server-sent events, one after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, address: str, path: str) -> Stream:
        parts = urlsplit(address)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(f"GET {parts.path}{path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"text/event-stream" in head
        return cls(reader, writer)

    async def next(self) -> tuple[str, Any]:
        async with asyncio.timeout(10):
            while not (line := await self.reader.readline()).startswith(b"event:"):
                assert line
            kind = line.decode().split(": ", 1)[1].strip()
            return kind, json.loads((await self.reader.readline()).decode().removeprefix("data: "))


async def test_the_page_and_its_files(address: str) -> None:
    page = await ask(address)
    assert page.status == 200
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'")
    assert "unsafe" not in policy
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert not re.search(r"https?://", page.text), "nothing comes from elsewhere"
    for file in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert (await ask(address, file)).status == 200, file
    assert "--vmto-page" in (await ask(address, "theme.css")).text
    assert (await ask(address, "../conftest.py")).status == 404
    assert (await ask(address, "nothing.js")).status == 404


async def test_orders_reach_the_lab_and_refusals_the_page(address: str, fake: FakeLab) -> None:
    done = await ask(address, "migrate", {"machine": "vm1", "to": "dc2", "blackout_ms": 20})
    assert (done.status, done.json) == (200, {"vm": "vm1"})
    assert fake.asked == [("migrate", {"machine": "vm1", "to": "dc2", "blackout_ms": 20})]
    refused = await ask(address, "migrate", {"machine": "vm1", "to": "dc9"})
    assert (refused.status, refused.json) == (
        400,
        {"error": "vm1 has no slot 'dc9': use one of dc1, dc2, dc3"},
    )
    for body in (b"", b"[]", b"{", b"\xff"):
        assert (await ask(address, "migrate", body)).json == {"error": "not a JSON object on one line"}
    assert "at most" in (await ask(address, "migrate", bytes(MAX_BODY + 1))).json["error"]


async def test_orders_from_elsewhere_do_not(address: str, fake: FakeLab) -> None:
    order = {"machine": "vm1", "to": "dc2"}
    assert (await ask(address, "migrate", order, Origin="http://evil.example")).status == 403
    assert (await ask(address, "migrate", order, Host="evil.example")).status == 421
    assert (await ask(address.replace("a-token", "a-guess"), "migrate", order)).status == 404
    assert (await ask(address, "migrate")).status == 404
    assert fake.asked == []


async def test_tables(address: str, fake: FakeLab) -> None:
    rows = await ask(address, "show/evpn?node=pe1")
    assert rows.json[0]["source"] == HOSTILE
    assert fake.asked == [("show", {"node": "pe1"})]
    assert "use one of bgp, evpn" in (await ask(address, "show/passwords")).json["error"]


async def test_pictures(address: str) -> None:
    way = {"source": "client", "target": "vm1", "nodes": ["acc4", "pe4"], "trombone": False, "back": False}
    drawn = await ask(address, "picture", {"at": {"vm1": "dc2"}, "ways": [way]})
    assert drawn.headers["Content-Type"].startswith("image/svg+xml")
    assert 'id="route-way-0"' in drawn.text
    for ways, at, words in (
        ([{**way, "nodes": ["pe9"]}], {}, "not in this lab: "),
        ([way], {"vm1": "dc9"}, "not in this lab: "),
        ([{**way, "nodes": []}], {}, "not a picture: ways.0.nodes"),
    ):
        refused = await ask(address, "picture", {"at": at, "ways": ways})
        assert refused.status == 400
        assert refused.json["error"].startswith(words)


async def test_what_happens_is_pushed(address: str, fake: FakeLab) -> None:
    events = await Stream.open(address, "events")
    kind, lab = await events.next()
    assert (kind, lab["name"], lab["vms"]["vm1"]["slot"]) == ("hello", "wan", "dc1")
    assert lab["machines"]["vm1"] == {"address": "10.0.10.11", "mac": "02:00:0a:00:0a:0b"}
    assert await events.next() == ("message", {"t_ms": 0.0, "event": "up", "node": HOSTILE})
    fake.happen("learned", "pe2", mac="02:00:0a:00:0a:0b\n\nevent: gone")
    assert (await events.next())[1]["details"]["mac"].endswith("\n\nevent: gone"), "one message still"
    events.writer.close()
    async with asyncio.timeout(10):
        await fake.nobody_listens.wait()


async def test_echoes_are_pushed(address: str, fake: FakeLab) -> None:
    echoes = await Stream.open(address, "follow?source=client&destination=vm1")
    assert (await echoes.next())[1]["there"]["nodes"][0] == "acc4"
    assert fake.asked == [("follow", {"source": "client", "destination": "vm1"})]
    echoes.writer.close()


async def test_streams_end_with_the_server(fake: FakeLab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(fake.path, TOKEN)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/{TOKEN}/"
        streams = [
            await Stream.open(address, path) for path in ("events", "follow?source=client&destination=vm1")
        ]
        for stream in streams:
            await stream.next()
        server.should_exit = True
        await serving
        for stream in streams:
            assert (await stream.reader.read()).endswith(b"\r\n0\r\n\r\n"), "the last chunk"


async def test_a_lab_that_is_gone_is_told(address: str, fake: FakeLab) -> None:
    fake.path.unlink()
    kind, why = await (await Stream.open(address, "events")).next()
    assert kind == "gone"
    assert why.endswith("`vmto up` starts one")
    assert "no lab answers" in (await ask(address, "show/evpn?node=pe1")).json["error"]


def test_a_port_that_is_taken(tmp_path: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LabError, match=f"port {port} cannot be had .*: choose another --port"):
            serve(tmp_path / "control", port, print)
