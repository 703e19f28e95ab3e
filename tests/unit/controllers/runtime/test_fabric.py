"""All controllers together: what one that starts again is told of the WAN."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from controllers.dataplane.p4runtime import Program
from controllers.runtime.fabric import Fabric
from controllers.runtime.switch import Observer
from testbed.lab.fabric_config import fabric_config
from testbed.model import load_plan
from testbed.model.topology import Mode, Reflector
from tests.unit.p4.switch.p4runtime.harness import make_compiled

ROOT = Path(__file__).parents[4]


@pytest.mark.asyncio
@pytest.mark.parametrize(("name", "kind"), [("p1", "lsr"), ("pe1", "pe")])
async def test_one_that_starts_while_a_link_is_down_serves_it_when_it_is_up_again(
    name: str, kind: str, tmp_path: Path
) -> None:
    compiled, p4info = make_compiled(ROOT / f"p4src/{kind}.p4")
    config = fabric_config(load_plan(ROOT / "topologies/wan.yaml"), Mode.EVPN, Reflector.EMBEDDED)
    fabric = Fabric(config, {kind: Program(p4info, compiled)}, Observer(), tmp_path, only=[name])
    setup = config.named(name)
    fabric._ports = {interface: (name, port) for port, interface in setup.switch.interfaces.items()}
    fabric._start(name)

    def desired() -> set[object]:
        return set(fabric.controllers[name].switch.plane.intents)

    before = desired()
    fabric._carrier(f"{name}-eth1", False)
    cut = desired()
    assert cut <= before
    await fabric.restart(name)
    assert desired() == cut
    fabric._carrier(f"{name}-eth1", True)
    assert desired() == before
    await fabric.give_up(name)
    await asyncio.sleep(0)
