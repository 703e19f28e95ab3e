"""Two PEs and a reflector: a controller that ends without a word and starts again, and a host that moves."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import pytest_asyncio

from controllers.dataplane import p4runtime
from controllers.dataplane.entity import Entity, EntityKey
from controllers.dataplane.p4runtime import Program
from controllers.pe.config import AcConfig
from controllers.pe.events import NeighborKind, NeighborSeen
from controllers.runtime import pe as pe_module
from controllers.runtime.bgp import Speaker, reflector
from controllers.runtime.bgp.rules import PolicyRule
from controllers.runtime.config import FabricConfig, PeSetup
from controllers.runtime.pe import PeController
from controllers.runtime.switch import Observer
from controllers.wire.evpn import MacIpAdvertisement
from controllers.wire.extended import MacMobility
from controllers.wire.types import EVPN, RT_CONSTRAINT, IpAddress
from testbed.lab.eventually import eventually_async
from testbed.lab.fabric_config import fabric_config
from testbed.model import load_plan
from testbed.model.topology import Mode, Reflector
from testbed.p4.switch.p4runtime.server import P4RuntimeServer
from testbed.p4.switch.target import Target
from tests.unit.p4.switch.p4runtime.harness import CPU_PORT, DEADLINE, make_compiled, make_target

ROOT = Path(__file__).parents[4]
REFLECTOR = IPv4Address("127.0.9.100")
MAC, IP = 0x02000A000A65, IPv4Address("10.0.10.101")


def on_this_machine(config: FabricConfig, ports: dict[str, int], bgp_port: int) -> FabricConfig:
    """A lab's configuration with addresses that need no namespace."""

    def here(address: IPv4Address) -> IPv4Address:
        return IPv4Address(f"127.0.9.{int(address) & 0xFF}")

    def moved(setup: PeSetup) -> PeSetup:
        switch = replace(setup.switch, address=f"127.0.0.1:{ports.get(setup.switch.name, 1)}")
        loopback = setup.core.loopback
        assert isinstance(loopback, IPv4Address)
        core = replace(setup.core, loopback=here(loopback))  # type: ignore[arg-type]
        return replace(setup, switch=switch, core=core)

    nodes = tuple(replace(node, loopback=here(node.loopback)) for node in config.link_state.nodes)
    times = replace(config.bgp.times, connect_retry=0.05)
    return replace(
        config,
        link_state=replace(config.link_state, nodes=nodes),
        bgp=replace(config.bgp, reflector=REFLECTOR, port=bgp_port, times=times),
        pes=tuple(moved(setup) for setup in config.pes),
    )


class Lab:
    """Two switches with a PE's program, a reflector, and the controllers that a test starts."""

    def __init__(self, config: FabricConfig, program: Program, targets: dict[str, Target]) -> None:
        self.config = config
        self._program = program
        self._targets = targets
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.pes: dict[str, PeController] = {}

    async def start(self, name: str, down: int | None = None) -> PeController:
        """`down`: a port that has no carrier."""
        setup = self.config.named(name)
        assert isinstance(setup, PeSetup)
        pe = PeController(setup, self.config.bgp, self.config.link_state, self._program, Observer())
        pe.start()
        if down is not None:
            pe.carrier(down, False)
        self.pes[name] = pe
        self._tasks[name] = asyncio.create_task(pe.switch.run())
        await asyncio.wait_for(pe.connected.wait(), DEADLINE)
        await asyncio.wait_for(pe.switch.ready.wait(), DEADLINE)
        return pe

    def circuit(self, name: str) -> AcConfig:
        """The circuit of a PE that the host is behind."""
        setup = self.config.named(name)
        assert isinstance(setup, PeSetup)
        return next(bd for bd in setup.core.bds if bd.acs).acs[0]

    def frame(self, name: str) -> None:
        """Let the host send a frame, of no protocol that anybody knows, into a circuit of a PE."""
        circuit = self.circuit(name)
        tag = b"\x81\x00" + (circuit.vlan or 0).to_bytes(2, "big")
        data = b"\x02" * 6 + MAC.to_bytes(6, "big") + tag + b"\x88\xb5" + bytes(46)
        self._targets[name].inject(circuit.port, data)

    async def end(self, name: str) -> None:
        task = self._tasks.pop(name)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self.pes[name].abort()

    async def holds(
        self, name: str, that: Callable[[dict[EntityKey, Entity]], bool]
    ) -> dict[EntityKey, Entity]:
        """Wait until what a PE's controller believes to be installed has a property."""
        plane = self.pes[name].switch.plane
        await eventually_async(lambda: that(dict(plane.installed)), within=DEADLINE)
        return dict(plane.installed)


@pytest.fixture(scope="module")
def program() -> Program:
    config, p4info = make_compiled(ROOT / "p4src/pe.p4")
    return Program(p4info, config)


@pytest_asyncio.fixture
async def lab(program: Program, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    monkeypatch.setattr(pe_module, "ADOPTION_SETTLE", 0.05)
    config = fabric_config(load_plan(ROOT / "topologies/wan.yaml"), Mode.EVPN, Reflector.EMBEDDED)
    async with AsyncExitStack() as stack:
        ports, targets = {}, {}
        for setup in config.pes[:2]:
            target = targets[setup.switch.name] = make_target("reference")
            stack.callback(target.close)
            device = setup.switch.device_id
            server = P4RuntimeServer(target, device_id=device, cpu_port=CPU_PORT)
            await stack.enter_async_context(server)
            ports[setup.switch.name] = await server.listen("127.0.0.1:0")
        clients = [IPv4Address(f"127.0.9.{number}") for number in (1, 2)]
        speaker: Speaker = reflector(
            config.bgp.asn, REFLECTOR, REFLECTOR, clients, port=0, families=(EVPN, RT_CONSTRAINT)
        )
        await stack.enter_async_context(speaker)
        made = Lab(on_this_machine(config, ports, speaker.port), program, targets)
        yield made
        for name in list(made._tasks):
            await made.end(name)


def knows(installed: dict[EntityKey, Entity]) -> bool:
    return any(key[0] == "mac_vrf" and ("mac", MAC) in key[1] for key in installed)  # type: ignore[operator]


def speaks(lab: Lab, name: str) -> None:
    """Let the host announce itself at a PE."""
    setup = lab.config.named(name)
    assert isinstance(setup, PeSetup)
    bd = next(bd for bd in setup.core.bds if bd.acs)
    lab.pes[name]._handle(NeighborSeen(bd.bd, bd.acs[0].ac, NeighborKind.GRATUITOUS, MAC, IP, IP))


def announced(lab: Lab, by: str) -> Counter[tuple[IpAddress | None, int]]:
    """Address and sequence of each route to the host by a PE, as both PEs' speakers hold them."""
    found: Counter[tuple[IpAddress | None, int]] = Counter()
    for pe in lab.pes.values():
        for route in pe.speaker.rib.best(EVPN):
            if isinstance(route.nlri, MacIpAdvertisement) and route.nlri.mac == MAC:
                mobility = route.attributes.find(MacMobility)
                if route.next_hop == lab.pes[by].core.config.loopback:
                    found[route.nlri.ip, 0 if mobility is None else mobility.sequence] += 1
    return found


async def test_who_was_left_says_so_in_a_lull(lab: Lab) -> None:
    await lab.start("pe1")
    await lab.start("pe2")
    speaks(lab, "pe1")
    await eventually_async(lambda: announced(lab, "pe1") == {(None, 0): 2, (IP, 0): 2}, within=DEADLINE)
    speaks(lab, "pe2")
    await eventually_async(lambda: announced(lab, "pe1") == {}, within=DEADLINE)
    assert announced(lab, "pe2") == {(None, 1): 2, (IP, 1): 2}


async def test_who_comes_back_before_has_nothing_to_take_back(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pe_module, "WITHDRAW_QUIET", 2 * DEADLINE)
    monkeypatch.setattr(pe_module, "WITHDRAW_LIMIT", 2 * DEADLINE)
    one = await lab.start("pe1")
    await lab.start("pe2")
    speaks(lab, "pe1")
    await eventually_async(lambda: announced(lab, "pe1") == {(None, 0): 2, (IP, 0): 2}, within=DEADLINE)
    speaks(lab, "pe2")
    await eventually_async(lambda: len(one._superseded) == 2, within=DEADLINE)
    speaks(lab, "pe1")
    await eventually_async(lambda: announced(lab, "pe1") == {(None, 2): 2, (IP, 2): 2}, within=DEADLINE)
    assert one._superseded == {}
    one._withdraw_superseded()
    assert announced(lab, "pe1") == {(None, 2): 2, (IP, 2): 2}


async def test_who_is_back_is_heard_of_before_its_first_digest_grows_old(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(p4runtime, "ACK_AFTER", 2 * DEADLINE)
    await lab.start("pe1")
    await lab.start("pe2")
    for sequence, name in enumerate(("pe1", "pe2", "pe1")):
        lab.frame(name)
        said = {(None, sequence): 2}
        await eventually_async(lambda said=said, name=name: announced(lab, name) == said, within=DEADLINE)


async def test_nobody_notices(lab: Lab) -> None:
    one, two = await lab.start("pe1"), await lab.start("pe2")
    speaks(lab, "pe1")
    await lab.holds("pe2", knows)
    for pe in (one, two):
        await pe.switch.session.flushed()
    before = await lab.holds("pe1", knows)
    there, writes = dict(two.switch.plane.installed), two.switch.session.writes

    await lab.end("pe1")
    again = await lab.start("pe1")
    assert again is not one
    assert dict(again.switch.plane.installed) == before, "the host that was learned, and pe2's routes"
    assert again.switch.session.writes == 0
    assert dict(two.switch.plane.installed) == there
    assert two.switch.session.writes == writes


async def test_a_host_whose_link_went_meanwhile_is_not_taken_over(lab: Lab) -> None:
    await lab.start("pe1")
    await lab.start("pe2")
    speaks(lab, "pe1")
    await lab.holds("pe2", knows)
    await lab.end("pe1")
    await lab.start("pe1", down=lab.circuit("pe1").port)
    await lab.holds("pe1", lambda installed: not knows(installed))
    await lab.holds("pe2", lambda installed: not knows(installed))
    assert announced(lab, "pe1") == {}


@pytest.mark.parametrize(("name", "direction"), [("pe2", "import_policy"), ("pe1", "export_policy")])
async def test_rules_for_routes(lab: Lab, name: str, direction: str) -> None:
    rules = {direction: (PolicyRule("reject", prefix=f"{IP}/32"),)}
    pes = tuple(
        replace(pe, **rules) if pe.switch.name == name else pe  # type: ignore[arg-type]
        for pe in lab.config.pes
    )
    lab.config = replace(lab.config, pes=pes)
    await lab.start("pe1")
    await lab.start("pe2")
    speaks(lab, "pe1")
    await eventually_async(lambda: announced(lab, "pe1") == {(None, 0): 2, (IP, 0): 1}, within=DEADLINE)
    await lab.holds("pe2", knows)
    assert ("Neighbor", 1, IP) not in lab.pes["pe2"].switch.plane.intents
