"""Servers under test, over each engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from finsy.proto import p4i

from testbed.p4.switch.p4runtime.server import P4RuntimeServer
from tests.unit.p4.switch.p4runtime.harness import CPU_PORT, DEVICE, Harness, make_compiled, make_target


@pytest.fixture(scope="session")
def compiled() -> tuple[bytes, p4i.P4Info]:
    """`everything.p4` as bmv2 JSON and P4Info."""
    return make_compiled(Path(__file__).parent / "everything.p4")


@pytest.fixture(params=["reference", "native"])
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest_asyncio.fixture
async def bare(engine: str, compiled: tuple[bytes, p4i.P4Info]) -> AsyncIterator[Harness]:
    """A server without a pipeline."""
    target = make_target(engine)
    server = P4RuntimeServer(target, device_id=DEVICE, cpu_port=CPU_PORT)
    port = await server.listen("127.0.0.1:0")
    harness = Harness(target, server, port, *compiled)
    try:
        yield harness
    finally:
        await harness.close()


@pytest_asyncio.fixture
async def switch(bare: Harness) -> Harness:
    """A server that runs `everything.p4`."""
    await bare.set_pipeline()
    return bare
