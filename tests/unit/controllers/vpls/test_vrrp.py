"""The virtual router's state machine and its packets (RFC 5798)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.layers.vrrp import VRRPv3

from controllers.vpls.config import VrrpConfig
from controllers.vpls.vrrp import (
    Advertisement,
    BecameBackup,
    BecameMaster,
    Send,
    VirtualRouter,
    VrrpState,
)
from controllers.vpls.vrrp_packet import checksum, frame, parse
from controllers.wire.types import IpAddress

VIRTUAL = ip_address("10.1.0.1")


def router(priority: int = 100, *, preempt: bool = True, number: int = 2) -> VirtualRouter:
    own = ip_interface(f"10.1.0.{number}/24")
    return VirtualRouter(VrrpConfig(1, VIRTUAL, own, 0x02AA00000000 | number, priority, preempt=preempt))


def advertisement(priority: int, number: int = 3, interval: float = 1.0) -> Advertisement:
    return Advertisement(1, priority, interval, (VIRTUAL,), ip_address(f"10.1.0.{number}"))


def test_the_owner_is_master_at_once() -> None:
    one = router(255)
    assert one.start(0.0) == [Send(255), BecameMaster()]
    assert (one.state, one.deadline) == (VrrpState.MASTER, 1.0)


def test_the_owner_gives_way_to_nobody() -> None:
    """RFC 5798 §7.1: what it hears about its own address it discards, whatever the priority."""
    one = router(255, number=2)
    one.start(0.0)
    assert [one.heard(advertisement(priority, number=3), 0.5) for priority in (0, 100, 255)] == [[], [], []]
    assert (one.state, one.deadline) == (VrrpState.MASTER, 1.0)


def test_a_backup_takes_over_after_three_intervals_and_its_skew() -> None:
    one = router(100)
    assert one.start(0.0) == []
    assert one.deadline == pytest.approx(3.0 + 156 / 256)
    assert one.tick(3.5) == []
    assert one.tick(3.7) == [Send(100), BecameMaster()]
    assert one.tick(4.7) == [Send(100)]


def test_the_higher_the_priority_the_sooner() -> None:
    assert router(200).skew_time < router(100).skew_time


def test_a_backup_obeys_a_better_master_and_its_interval() -> None:
    one = router(100)
    one.start(0.0)
    assert one.heard(advertisement(200, interval=2.0), 1.0) == []
    assert one.deadline == pytest.approx(1.0 + 6.0 + 2 * 156 / 256)


def test_a_lesser_master_is_preempted_or_not() -> None:
    eager, patient = router(100), router(100, preempt=False)
    for one in (eager, patient):
        one.start(0.0)
        one.heard(advertisement(50), 3.0)
    assert eager.tick(3.7) == [Send(100), BecameMaster()]
    assert patient.tick(3.7) == []


def test_a_master_that_leaves_is_followed_after_the_skew() -> None:
    one = router(100)
    one.start(0.0)
    one.heard(advertisement(0), 1.0)
    assert one.deadline == pytest.approx(1.0 + 156 / 256)
    master = router(200)
    master.start(0.0)
    master.tick(10.0)
    assert master.stop() == [Send(0), BecameBackup()]
    assert master.state is VrrpState.INITIALIZE
    assert master.heard(advertisement(50), 11.0) == []
    assert router(1).stop() == []


def test_two_masters_settle() -> None:
    one = router(100, number=2)
    one.start(0.0)
    one.tick(10.0)
    assert one.heard(advertisement(0), 10.1) == [Send(100)]
    assert one.heard(advertisement(50), 10.2) == []
    assert one.heard(advertisement(100, number=1), 10.3) == [], "the same priority, a lower address"
    assert one.heard(advertisement(100, number=3), 10.4) == [BecameBackup()]
    assert one.state is VrrpState.BACKUP


def advertised_by(addresses: st.SearchStrategy[IpAddress]) -> st.SearchStrategy[Advertisement]:
    return st.builds(
        Advertisement,
        st.integers(1, 255),
        st.integers(0, 255),
        st.integers(1, 4095).map(lambda centiseconds: centiseconds / 100),
        st.lists(addresses, min_size=1, max_size=5).map(tuple),
        addresses,
    )


ipv4 = advertised_by(st.builds(IPv4Address, st.integers(0, 2**32 - 1)))
ipv6 = advertised_by(st.builds(IPv6Address, st.integers(0, 2**128 - 1)))
advertisements = ipv4 | ipv6


@given(advertisements)
def test_packets_read_back(one: Advertisement) -> None:
    data = frame(one)
    assert parse(data) == one
    tagged = data[:12] + b"\x81\x00\x00\x0a" + data[12:]
    assert parse(tagged + bytes(8)) == one, "a tag and padding"


@pytest.mark.parametrize(("own", "virtual"), [("10.1.0.2", "10.1.0.1"), ("fe80::2", "fe80::1")])
def test_an_interval_of_zero_and_no_address_are_refused(own: str, virtual: str) -> None:
    """A backup that believed the interval would take over at once, and give up at each advertisement."""
    source, addresses = ip_address(own), (ip_address(virtual),)
    assert parse(frame(Advertisement(1, 200, 0.01, addresses, source))) is not None
    assert parse(frame(Advertisement(1, 200, 0.0, addresses, source))) is None
    assert parse(frame(Advertisement(1, 200, 0.01, (), source))) is None


@pytest.mark.parametrize(
    "wrong", [{"vrid": 256}, {"priority": 0}, {"priority": 256}, {"interval": 41}, {"interval": 0}]
)
def test_what_no_advertisement_can_carry_is_refused(wrong: dict[str, int]) -> None:
    """An interval of 41 s would have been told to the others as 0.04 s."""
    right = VrrpConfig(1, VIRTUAL, ip_interface("10.1.0.2/24"), 0x02AA00000002)
    adapter = TypeAdapter(VrrpConfig)
    assert adapter.validate_json(adapter.dump_json(right)) == right
    with pytest.raises(ValueError, match=r"must be 1 to 255, the interval .* 0\.01 to 40\.95 s"):
        adapter.validate_python({**adapter.dump_python(right), **wrong})


def test_a_packet_by_hand() -> None:
    data = frame(Advertisement(1, 100, 1.0, (VIRTUAL,), ip_address("10.1.0.2")))
    assert data[:14].hex() == "01005e000012" + "00005e000101" + "0800"
    assert data[22:24] == bytes((255, 112))
    assert data[34:40].hex() == "310164010064"
    assert checksum(data[14:34]) == 0


def test_a_packet_for_ipv6_is_what_another_codec_makes() -> None:
    gateway = VrrpConfig(10, ip_address("fd00::1"), ip_interface("fd00::ffff/64"), 0x0A0100010000)
    ours = frame(Advertisement(10, 200, 1.0, gateway.addresses, gateway.source))
    vrrp = VRRPv3(vrid=10, priority=200, adv=100, ipcount=2, addrlist=[str(a) for a in gateway.addresses])
    ip = IPv6(src="fe80::801:ff:fe01:0", dst="ff02::12", hlim=255, nh=112, tc=0xC0)
    assert ours == bytes(Ether(src="00:00:5e:00:02:0a", dst="33:33:00:00:00:12") / ip / vrrp)
    assert gateway.addresses == (ip_address("fe80::200:5eff:fe00:20a"), ip_address("fd00::1"))


@given(advertisements, st.data())
def test_a_flipped_bit_is_noticed(one: Advertisement, data: st.DataObject) -> None:
    packet = bytearray(frame(one))
    # The class and the flow label of IPv6 are in no checksum, and of no matter.
    at = data.draw(st.integers(14 if one.source.version == 4 else 18, len(packet) - 1))
    packet[at] ^= 1 << data.draw(st.integers(0, 7))
    assert parse(bytes(packet)) is None


@given(st.binary(max_size=80))
def test_garbage_is_nothing(data: bytes) -> None:
    assert parse(data) is None
    for ethertype in (b"\x08\x00", b"\x86\xdd"):
        assert parse(data[:12] + ethertype + data[12:]) is None
