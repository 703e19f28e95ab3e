"""VRRP advertisements: the controller gets a copy, everybody in the bridge domain gets them."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.vrrp import VRRPv3
from scapy.packet import Packet

from tests.unit.p4src.harness import PipelineUnderTest
from tests.unit.p4src.provider_edge import FLOOD_LABEL, HOST_A, HOST_B, PW_LABEL, frame, from_core

VRRP = 8
GROUP, GROUP6 = "01:00:5e:00:00:12", "33:33:00:00:00:12"
ADVERTISEMENTS = {
    "IPv4": (
        GROUP,
        IP(src="10.0.10.254", dst="224.0.0.18", ttl=255, proto=112) / VRRPv3(vrid=10, priority=200),
    ),
    "IPv6": (GROUP6, IPv6(src="fe80::2", dst="ff02::12", hlim=255, nh=112) / VRRPv3(vrid=10, priority=200)),
}


@pytest.fixture(params=list(ADVERTISEMENTS))
def advertisement(request: pytest.FixtureRequest) -> tuple[str, Packet]:
    """The group's MAC, and the packet."""
    found: tuple[str, Packet] = ADVERTISEMENTS[request.param]
    return found


def test_from_a_circuit(pe: PipelineUnderTest, advertisement: tuple[str, Packet]) -> None:
    group, packet = advertisement
    sent = frame(HOST_B, group, packet)
    (report,) = pe.reports(2, sent)
    assert (report.reason, report.attachment, report.bridge_domain, report.drop_reason) == (VRRP, 102, 10, 0)
    assert bytes(report.payload) == bytes(sent)
    assert [out.port for out in pe.frames(2, sent)] == [1, 3, 3]


def test_from_a_pseudo_wire(pe: PipelineUnderTest, advertisement: tuple[str, Packet]) -> None:
    """As it came in, labels and all; flooded to circuits only (RFC 4762 §4.4)."""
    group, packet = advertisement
    sent = from_core(PW_LABEL, payload=frame("00:00:5e:00:01:0a", group, packet))
    (report,) = pe.reports(3, sent)
    assert (report.reason, report.attachment, report.bridge_domain) == (VRRP, 900, 10)
    assert bytes(report.payload) == bytes(sent)
    assert [out.port for out in pe.frames(3, sent)] == [1, 2]


def test_not_what_evpn_peers_flood(pe: PipelineUnderTest, advertisement: tuple[str, Packet]) -> None:
    group, packet = advertisement
    assert pe.reports(3, from_core(FLOOD_LABEL, payload=frame(HOST_A, group, packet))) == []


@pytest.mark.parametrize(
    "packet",
    [
        IP(src="10.0.10.12", dst="224.0.0.5", ttl=1, proto=112) / VRRPv3(),
        IP(src="10.0.10.12", dst="224.0.0.18", ttl=255) / UDP(),
        IPv6(src="fe80::2", dst="ff02::1", hlim=255, nh=112) / VRRPv3(),
    ],
    ids=["another group", "another protocol", "another IPv6 group"],
)
def test_nothing_else(pe: PipelineUnderTest, packet: Packet) -> None:
    assert pe.reports(2, frame(HOST_B, GROUP, packet)) == []
