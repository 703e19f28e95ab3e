"""Flows through switches one behind the other: what one chose must not choose for the next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from testbed.model.addresses import port_mac
from tests.unit.p4src.conftest import ENGINES
from tests.unit.p4src.harness import PipelineUnderTest, Sent
from tests.unit.p4src.provider_edge import CORE_MAC, HOST_A, HOST_C, PE2_UNICAST, configure, mac, udp

FLOWS = 512
ROUTERS = [port_mac(device, 1) for device in (5, 6, 7, 8)]
"""The port by which each P router receives; the last one is not here."""


def _access(switch: PipelineUnderTest) -> None:
    """Guests on port 1, a LAG of ports 4 and 5."""
    switch.add("port_vlan", {"port": 1, "vlan_id": 0}, "admit", vlan=10, bridge_port=1)
    for port in (4, 5):
        switch.add("egress_vlan", {"port": port, "vlan": 10}, "send_tagged")
    switch.select("lag", {"bridge_port": 50}, "lag_member", {"port": 4}, {"port": 5})
    switch.add("destination_mac", {"vlan": 10, "mac": mac(HOST_C)}, "forward_lag", bridge_port=50)


def _pe(switch: PipelineUnderTest, member: str = "path") -> None:
    """Circuits on port 1, two paths to where HOST_C is."""
    configure(switch)
    paths = [{"port": port, "nhlfe_id": 20} for port in (4, 5)]
    macs = {"src_mac": mac(CORE_MAC), "dst_mac": mac(ROUTERS[0])}
    switch.add("nhlfe", {"nhlfe": 20}, "push_1", label_1=16002, **macs)
    switch.select("tunnel", {"tunnel": 20}, member, *paths)
    switch.add("next_hop", {"next_hop": 20}, "remote", service_label=PE2_UNICAST, tunnel_id=20)
    switch.add("mac_vrf", {"bridge_domain": 10, "mac": mac(HOST_C)}, "forward", next_hop=20)


def _router(switch: PipelineUnderTest, here: str, there: str) -> None:
    """Links on port 1, two paths on."""
    switch.add("core_interface", {"port": 1, "link_mac": mac(here)}, "accept_labels")
    switch.add("nhlfe", {"nhlfe": 1}, "push_0", src_mac=mac(here), dst_mac=mac(there))
    members = [{"port": port, "label": 16002, "nhlfe_id": 1} for port in (4, 5)]
    switch.select("incoming_label", {"label": 16002}, "swap", *members)


@pytest.fixture(params=ENGINES, ids=lambda engine: str(engine.__name__))
def switches(request: pytest.FixtureRequest) -> Iterator[list[PipelineUnderTest]]:
    """An access switch, a PE and three P routers, without entries."""
    made = [PipelineUnderTest(name, request.param) for name in ("access", "pe", "lsr", "lsr", "lsr")]
    yield made
    for switch in made:
        switch.close()


@pytest.mark.parametrize("member", ["path", "path_with_entropy"])
def test_choices_one_behind_the_other_do_not_depend_on_each_other(
    switches: list[PipelineUnderTest], member: str
) -> None:
    """Each switch gets the flows for which the one before it chose port 4, and shares them again."""
    _access(switches[0])
    _pe(switches[1], member)
    for switch, here, there in zip(switches[2:], ROUTERS, ROUTERS[1:], strict=False):
        _router(switch, here, there)
    frames = [bytes(udp(HOST_A, HOST_C, sport=1000 + flow)) for flow in range(FLOWS)]
    for switch in switches:
        left: list[Sent] = [sent for frame in frames for sent in switch.frames(1, frame)]
        assert len(left) == len(frames)
        frames = [sent.data for sent in left if sent.port == 4]
        assert 0.3 < len(frames) / len(left) < 0.7
