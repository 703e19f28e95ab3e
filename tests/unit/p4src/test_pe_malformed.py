"""Whatever arrives: counted with a reason, never forwarded wrongly, never a fault."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from testbed.p4.switch.native.engine import NativeTarget
from testbed.p4.switch.reference.target import ReferenceTarget
from tests.unit.p4src.harness import CPU_PORT, PipelineUnderTest
from tests.unit.p4src.provider_edge import (
    FLOOD_LABEL,
    HOST_A,
    HOST_B,
    REMOTE,
    UNICAST_LABEL,
    VRF_LABEL,
    configure,
    frame,
    from_core,
    request,
    udp,
)

WHOLE = [
    (1, bytes(udp(HOST_A, HOST_B, vlan=10))),
    (2, bytes(request(HOST_B, "10.0.10.12", "10.0.10.1"))),
    (3, bytes(from_core(16001, UNICAST_LABEL, payload=udp(REMOTE, HOST_A)))),
    (3, bytes(from_core(VRF_LABEL, payload=udp(REMOTE, HOST_A).payload))),
    (3, bytes(from_core(FLOOD_LABEL, payload=udp(REMOTE, HOST_A)))),
]


@pytest.mark.parametrize(("port", "whole"), WHOLE, ids=["frame", "arp", "two labels", "vrf", "flood"])
def test_cut_within_the_headers(pe: PipelineUnderTest, port: int, whole: bytes) -> None:
    """Every length that ends within a header that must be read."""
    headers = 42 if port == 2 else len(whole) - 32
    for length in range(headers):
        assert pe.send(port, whole[:length]) == [], f"{length} bytes"
    drops = pe.drops()
    assert sum(drops.values()) == headers
    assert set(drops) <= {"ingress MALFORMED", "ingress NO_ATTACHMENT_CIRCUIT"}
    assert pe.learned() == []


@pytest.mark.parametrize("ihl", range(5))
def test_ip_header_shorter_than_a_header(pe: PipelineUnderTest, ihl: int) -> None:
    pe.expect(1, udp(HOST_A, HOST_B, vlan=10, ihl=ihl))
    assert pe.drops() == {"ingress MALFORMED": 1}


def test_options_longer_than_the_packet(pe: PipelineUnderTest) -> None:
    packet = IP(src="10.0.10.11", dst="10.0.10.12", ihl=15) / UDP()
    pe.expect(2, frame(HOST_B, HOST_A, packet))
    assert pe.drops() == {"ingress MALFORMED": 1}


@pytest.mark.parametrize("first", [0x00, 0x15, 0x75, 0xFF])
def test_neither_ipv4_nor_ipv6_beneath_a_vrf_label(pe: PipelineUnderTest, first: int) -> None:
    pe.expect(3, from_core(VRF_LABEL, payload=bytes([first]) + bytes(60)))
    assert pe.drops() == {"ingress MALFORMED": 1}


def test_nested_tags_beyond_the_third_are_payload(pe: PipelineUnderTest) -> None:
    inner = Dot1Q(vlan=2) / Dot1Q(vlan=3) / Dot1Q(vlan=4) / IP(dst="10.0.10.12") / UDP()
    sent = Ether(src=HOST_A, dst=HOST_B) / Dot1Q(vlan=10) / inner
    pe.expect(1, sent, (2, Ether(src=HOST_A, dst=HOST_B) / inner))


def test_unknown_protocols_are_bridged(pe: PipelineUnderTest) -> None:
    pe.expect(2, Ether(src=HOST_B, dst=HOST_A, type=0x88B5) / Raw(b"x" * 46), (1, _tagged(b"x" * 46)))
    pe.expect(2, Ether(src=HOST_B, dst=HOST_A, type=0x88B5), (1, _tagged(b"")))


def _tagged(payload: bytes) -> bytes:
    return bytes(Ether(src=HOST_B, dst=HOST_A) / Dot1Q(vlan=10, type=0x88B5)) + payload


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[PipelineUnderTest, ...]]:
    """The same PE in both engines, watching everything."""
    pair = PipelineUnderTest("pe", ReferenceTarget), PipelineUnderTest("pe", NativeTarget)
    for each in pair:
        configure(each)
        for table in ("watch_ipv4", "watch_ipv6", "watch_arp"):
            each.add(table, {}, "watch", priority=1, id=1)
    yield pair
    for each in pair:
        each.close()


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(WHOLE), st.data())
def test_engines_agree_on_damaged_packets(
    both: tuple[PipelineUnderTest, ...], sound: tuple[int, bytes], data: st.DataObject
) -> None:
    """Frames, copies for the controller and postcards alike, byte by byte."""
    port, whole = sound
    damaged = _damage(whole, data)
    first, second = (each.send(port, damaged, now=1000) for each in both)
    assert first == second
    assert both[0].drops() == both[1].drops()


def _damage(whole: bytes, data: st.DataObject) -> bytes:
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    return bytes(damaged[: data.draw(st.integers(1, len(whole)))])


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from(WHOLE), st.data())
def test_damaged_packets(pe: PipelineUnderTest, sound: tuple[int, bytes], data: st.DataObject) -> None:
    """Some bytes changed: nothing labelled leaves towards customers, nothing unlabelled to the core."""
    port, whole = sound
    damaged = _damage(whole, data)
    for out in pe.send(port, damaged):
        if out.port in (1, 2):
            assert out.data[12:14] != b"\x88\x47" or damaged[12:14] != b"\x88\x47"
            assert len(out.data) >= 14
        elif out.port == 3:
            assert out.data[12:14] == b"\x88\x47"
        else:
            assert out.port == CPU_PORT
