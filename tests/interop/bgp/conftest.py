"""A network namespace with the lab's loopbacks, and speakers and daemons in it."""

from __future__ import annotations

import asyncio
import ctypes
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from controllers.bgp.policy import Policy
from controllers.runtime.bgp import PeerConfig, Speaker, SpeakerConfig, reflector
from controllers.runtime.bgp.reflectors import (
    ReflectorKind,
    ReflectorPlan,
    ReflectorProcess,
    export_policy,
    is_installed,
)
from controllers.wire.types import EVPN, Family
from tests.interop.bgp.lab import LOOPBACKS, PORT, REFLECTOR, Pe, pe

CLONE_NEWNET = 0x4000_0000


@pytest.fixture(scope="session")
def namespace() -> Iterator[None]:
    """Runs the tests that use it in a network namespace of their own, with 10.255.0.x on its loopback."""
    if os.geteuid() != 0:
        pytest.skip("needs root: a network namespace")
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/self/ns/net", os.O_RDONLY)
    if libc.unshare(CLONE_NEWNET) != 0:
        os.close(before)
        pytest.skip("this kernel gives no network namespaces")
    try:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        for address in LOOPBACKS:
            subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
        yield
    finally:
        libc.setns(before, CLONE_NEWNET)
        os.close(before)


class Lab:
    """Starts what a test needs and stops it afterwards."""

    def __init__(self, stack: AsyncExitStack, directory: Path) -> None:
        self._stack = stack
        self._directory = directory
        self.speaker: Speaker | None = None
        self.daemon: ReflectorProcess | None = None
        self._policy: Policy | None = None

    async def reflector(self, kind: str, clients: int = 2, families: tuple[Family, ...] = (EVPN,)) -> None:
        """Start a reflector: `embedded`, `gobgp` or `frr`."""
        addresses = tuple(pe(number) for number in range(1, clients + 1))
        if kind == "embedded":
            self.speaker = reflector(65000, REFLECTOR, REFLECTOR, addresses, port=PORT, families=families)
            await self._stack.enter_async_context(self.speaker)
            return
        plan = ReflectorPlan(65000, REFLECTOR, REFLECTOR, addresses, PORT, families)
        self._policy = export_policy(ReflectorKind(kind))
        self.daemon = ReflectorProcess(ReflectorKind(kind), plan, self._directory)
        await self.daemon.start()
        self._stack.push_async_callback(self.daemon.stop)

    async def pe(
        self,
        number: int,
        families: tuple[Family, ...] = (EVPN,),
        neighbor: IPv4Address = REFLECTOR,
        *,
        restart_time: int | None = None,
        resumed: bool = False,
    ) -> Pe:
        """Start a PE that connects to the reflector; `resumed` in place of one that was there before."""
        found = Pe()
        peer = PeerConfig(
            neighbor,
            65000,
            port=PORT,
            families=families,
            retry_first=0.2,
            retry_limit=1.0,
            export_policy=self._policy,
            restart_time=restart_time,
        )
        config = SpeakerConfig(65000, pe(number), pe(number), PORT, (peer,), listen=False)
        found.speaker = Speaker(
            config, on_routes=found.routes, on_peer=found.peer, on_end_of_rib=found.end_of_rib
        )
        await found.speaker.start(resumed=resumed)
        self._stack.push_async_callback(found.speaker.stop)
        return found

    async def shell(self, *command: str) -> str:
        """Run a daemon's own command line. Its output."""
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, f"{command}: {output.decode()}"
        return output.decode()

    async def gobgp(self, *words: str) -> str:
        """A command for gobgpd."""
        assert self.daemon is not None
        return await self.shell("gobgp", "--target", self.daemon.api_socket, *words)

    async def vtysh(self, *lines: str) -> str:
        """Commands for bgpd."""
        assert self.daemon is not None
        words = [word for line in lines for word in ("-c", line)]
        return await self.shell("vtysh", "--vty_socket", str(self.daemon.vty_directory), *words)


@pytest.fixture
async def lab(namespace: None, tmp_path: Path) -> AsyncIterator[Lab]:
    async with AsyncExitStack() as stack:
        yield Lab(stack, tmp_path)


def _missing(kind: str) -> str | None:
    package = {"gobgp": "gobgpd", "frr": "frr"}.get(kind)
    return None if is_installed(ReflectorKind(kind)) else f"needs {kind}: apt install {package}"


@pytest.fixture(
    params=[
        "embedded",
        pytest.param("gobgp", marks=pytest.mark.needs_gobgp),
        pytest.param("frr", marks=pytest.mark.needs_frr),
    ]
)
def kind(request: pytest.FixtureRequest) -> str:
    """Each reflector a lab can name."""
    missing = _missing(request.param)
    if missing is not None:
        pytest.skip(missing)
    return str(request.param)


@pytest.fixture
def need() -> Callable[[str], None]:
    """Skips a test about one daemon where it is not installed."""

    def check(kind: str) -> None:
        missing = _missing(kind)
        if missing is not None:
            pytest.skip(missing)

    return check
