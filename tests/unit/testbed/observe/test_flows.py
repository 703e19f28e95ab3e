"""Probes on the loopback interface: real programs, no root."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.observe import probes, web_probe
from testbed.observe.flows import BulkFlow, HttpFlow, PingFlow, TcpFlow, UdpFlow, probe
from testbed.observe.programs import ProgramError
from testbed.observe.samples import decode
from testbed.observe.stamp import PROBE, PROBE_MAGIC


class Here:
    """The machine the tests run on."""

    def command(self, argv: Sequence[str]) -> list[str]:
        return list(argv)


def free_port() -> int:
    with socket.socket() as wire:
        wire.bind(("127.0.0.1", 0))
        return int(wire.getsockname()[1])


async def traffic(seconds: float) -> tuple[float, float]:
    """Let flows run; the span they ran."""
    start = time.monotonic()
    await asyncio.sleep(seconds)
    return start, time.monotonic()


async def test_udp() -> None:
    port = free_port()
    flow = UdpFlow(Here(), Here(), "127.0.0.1", port, rate=500, source_port=0)
    await flow.start()
    start, end = await traffic(0.2)
    result = await flow.stop()
    stats = result.stats(start, end)
    assert stats.sent >= 80
    assert (stats.lost, stats.duplicated, stats.reordered) == (0, 0, 0)
    assert stats.gap_ms < (end - start) * 1e3, "something arrived"


async def test_what_a_late_reader_reads_was_received_in_time() -> None:
    """The stamp is the kernel's: a probe that waits for a processor does not make a gap of it."""
    port = free_port()
    receiver = probe(Here(), "udp-receive", port)
    await receiver.start()
    assert receiver._process
    receiver._process.send_signal(signal.SIGSTOP)
    sent = time.monotonic_ns()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.sendto(PROBE.pack(PROBE_MAGIC, 0, 7, sent), ("127.0.0.1", port))
    read = time.monotonic_ns()
    await asyncio.sleep(0.05)
    receiver._process.send_signal(signal.SIGCONT)
    (sample,) = decode((await receiver.stop())["samples"])
    assert sample.sequence == 7
    assert sent / 1e9 <= sample.received < read / 1e9 + 0.05


def test_a_stamp_is_never_taken_for_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever time passes between readings of the clocks: an echo must not be back before it left."""
    clock = iter(range(1_000_000, 10**9, 1_000_000))
    shift = 5_000_000_000
    monkeypatch.setattr(time, "monotonic_ns", lambda: next(clock))
    monkeypatch.setattr(time, "time_ns", lambda: next(clock) + shift)
    true = 500_000
    assert probes._monotonic(true + shift) >= true


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 in this kernel")
async def test_udp_over_ipv6() -> None:
    flow = UdpFlow(Here(), Here(), "::1", free_port(), rate=500, source_port=0)
    await flow.start()
    await traffic(0.05)
    assert (await flow.stop()).samples


async def test_tcp() -> None:
    flow = TcpFlow(Here(), Here(), "127.0.0.1", free_port(), interval=0.005, mbps=100)
    await flow.start()
    start, end = await traffic(0.3)
    result = await flow.stop()
    assert result.survived(start)
    assert result.broken == ""
    assert result.stats(start, end).gap_ms < (end - start) * 1e3, "something was answered"
    assert 40 < result.goodput.mbps(start, end) < 250
    assert not result.survived(end + 1)


async def test_a_session_that_is_reset_did_not_survive() -> None:
    port = free_port()
    flow = TcpFlow(Here(), Here(), "127.0.0.1", port, interval=0.005, mbps=50)
    await flow.start()
    await flow._server.kill()
    await flow._server.start()
    start, _ = await traffic(0.05)
    result = await flow.stop()
    assert result.broken in ("ECONNRESET", "EPIPE")
    assert not result.survived(start)


async def test_bulk() -> None:
    flow = BulkFlow(Here(), Here(), "127.0.0.1", free_port(), mbps=8)
    await flow.start()
    start, end = await traffic(0.5)
    result = await flow.stop()
    assert result.broken == ""
    assert 0.5e6 < result.goodput.total(start, end) / (end - start) < 1.5e6
    assert result.goodput.longest_stall(start, end).ms < (end - start) * 1e3


async def test_http() -> None:
    flow = HttpFlow(Here(), Here(), "127.0.0.1", free_port(), interval=0.01, size=5000)
    await flow.start()
    start, end = await traffic(0.2)
    result = await flow.stop()
    assert (result.failed, result.survived(start), result.survived(end + 1)) == (0, True, False)
    assert result.stats(start, end).lost == 0
    assert result.sent >= 15


async def test_http_of_a_server_that_has_gone() -> None:
    flow = HttpFlow(Here(), Here(), "127.0.0.1", free_port(), interval=0.01)
    await flow.start()
    await flow._server.kill()
    await flow._server.start()
    await traffic(0.05)
    await flow._server.kill()
    await traffic(0.05)
    await flow._server.start()
    result = await flow.stop()
    assert result.failed > 0
    assert len(result.samples) + result.failed <= result.sent


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"GET /3 HTTP/1.1\r\n\r\n", b"200"),
        (b"GET /9999999 HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /x HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /3 HTTP/1.1\r\n\r\n", b"404"),
        (b"G", b"404"),
        (b"", b"404"),
    ],
)
def test_responses(request_: bytes, answer: bytes) -> None:
    found = web_probe.respond(request_)
    assert found.split()[1] == answer
    assert web_probe.whole(found) is (answer == b"200")


@given(st.binary(max_size=60))
def test_answers_of_any_kind(data: bytes) -> None:
    assert web_probe.whole(data) in (True, False)
    assert web_probe.respond(data).startswith(b"HTTP/1.1 ")


async def test_no_server_is_one_line() -> None:
    talk = probe(Here(), "tcp-talk", "127.0.0.1", free_port())
    with pytest.raises(ProgramError, match=r"no TCP session to 127.0.0.1 port .*: connection refused"):
        await talk.start()


async def test_port_in_use_is_one_line() -> None:
    port = free_port()
    first, second = probe(Here(), "udp-receive", port), probe(Here(), "udp-receive", port)
    await first.start()
    with pytest.raises(ProgramError, match="Address already in use"):
        await second.start()
    await first.stop()


@pytest.mark.needs_root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a raw socket")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_ping(address: str) -> None:
    flow = PingFlow(Here(), address, interval=0.01, count=5)
    await flow.start()
    await traffic(0.08)
    result = await flow.stop()
    assert [sample.sequence for sample in result.samples] == [0, 1, 2, 3, 4]
    rtt = result.rtt_ms()
    assert rtt is not None
    assert 0 < rtt < 50


def test_gets_that_find_no_room_for_a_connection_fail() -> None:
    """A server that is silent for longer than there are descriptors."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        port = str(server.getsockname()[1])
        get = ["http-get", "127.0.0.1", port, "--interval", "0.002"]
        program = subprocess.Popen(
            ["/bin/sh", "-c", 'ulimit -n 24; exec "$0" -m testbed.observe.probes "$@"', sys.executable, *get],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        time.sleep(0.7)
        found = program.communicate(timeout=20)[0].splitlines()[-1]
    report = json.loads(found)
    assert report["sent"] > report["failed"] > 0
