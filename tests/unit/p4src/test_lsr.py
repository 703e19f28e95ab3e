"""The P router: swap, pop, push, equal-cost paths, TTL, postcards (RFC 3031, 3032, 3443, 6790)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6TimeExceeded, IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

from tests.unit.p4src.harness import CPU_PORT, Label, PacketIn, PipelineUnderTest, Sent, drop_reasons, link
from tests.unit.p4src.provider_edge import mac, udp

HERE, THERE, OTHER = "0a:00:00:00:99:01", "0a:00:00:00:99:02", "0a:00:00:00:99:03"
NEXT, NEXT_2 = "0a:00:00:00:98:02", "0a:00:00:00:98:03"
SWAPPED, POPPED, LOCAL_PE = 16002, 16003, 16004
FRAME = udp("02:00:00:00:0a:01", "02:00:00:00:0b:01")


@pytest.fixture
def lsr(switch: Callable[[str], PipelineUnderTest]) -> PipelineUnderTest:
    """Port 1 faces the sender. 16002 goes on over port 2, 16003 ends behind port 3."""
    made = switch("lsr")
    made.add("core_interface", {"port": 1, "link_mac": mac(HERE)}, "accept_labels")
    for number, port_mac, far in ((2, THERE, NEXT), (3, OTHER, NEXT_2)):
        made.add("nhlfe", {"nhlfe": number}, "push_0", src_mac=mac(port_mac), dst_mac=mac(far))
    made.select("incoming_label", {"label": SWAPPED}, "swap", {"port": 2, "label": SWAPPED, "nhlfe_id": 2})
    made.select("incoming_label", {"label": POPPED}, "pop", {"port": 3, "nhlfe_id": 3})
    return made


def arriving(*labels: tuple[int, int], payload: Packet | bytes = FRAME) -> Packet:
    """(label, TTL) outermost first."""
    return _stack(link(HERE, NEXT), labels, payload)


def leaving(port: int, *labels: tuple[int, int], payload: Packet | bytes = FRAME) -> tuple[int, Packet]:
    """What port 2 or 3 sends."""
    return port, _stack(link(NEXT, THERE) if port == 2 else link(NEXT_2, OTHER), labels, payload)


def _stack(header: Packet, labels: tuple[tuple[int, int], ...], payload: Packet | bytes) -> Packet:
    for position, (label, ttl) in enumerate(labels, start=1):
        header /= Label(label=label, ttl=ttl, bos=position == len(labels))
    return header / Raw(bytes(payload))


def test_swap(lsr: PipelineUnderTest) -> None:
    lsr.expect(1, arriving((SWAPPED, 64), (0x40001, 64)), leaving(2, (SWAPPED, 63), (0x40001, 64)))


def test_swap_to_another_label(lsr: PipelineUnderTest) -> None:
    lsr.select("incoming_label", {"label": 20}, "swap", {"port": 2, "label": 30, "nhlfe_id": 2})
    lsr.expect(1, arriving((20, 9), (0x40001, 64)), leaving(2, (30, 8), (0x40001, 64)))


@pytest.mark.parametrize("label", [SWAPPED, POPPED])
def test_traffic_class_is_kept(lsr: PipelineUnderTest, label: int) -> None:
    packet = link(HERE, NEXT) / Label(label=label, tc=5) / Label(label=0x40001, bos=1) / Raw(bytes(FRAME))
    (sent,) = lsr.frames(1, packet)
    assert Label(sent.data[14:]).tc == 5


def test_penultimate_hop_pops_and_the_ttl_goes_down_with_it(lsr: PipelineUnderTest) -> None:
    lsr.expect(1, arriving((POPPED, 40), (0x40001, 64)), leaving(3, (0x40001, 39)))
    lsr.expect(1, arriving((POPPED, 40), (0x40001, 20)), leaving(3, (0x40001, 20)))


@pytest.mark.parametrize(
    "payload", [IP(dst="10.0.0.1", ttl=9) / UDP(), IPv6(dst="2001:db8::1", hlim=9) / UDP()]
)
def test_last_label_over_ip(lsr: PipelineUnderTest, payload: Packet) -> None:
    """The router's own packets in band: beneath the last label there is IP, and the link says so."""
    ether_type = 0x0800 if isinstance(payload, IP) else 0x86DD
    expected = Ether(dst=NEXT_2, src=OTHER, type=ether_type) / payload
    lsr.expect(1, arriving((POPPED, 64), payload=payload), (3, expected))


def test_last_label_over_anything_else(lsr: PipelineUnderTest) -> None:
    lsr.expect(1, arriving((POPPED, 64), payload=FRAME))
    assert lsr.drops() == {"egress BAD_LABEL_STACK": 1}


@pytest.mark.parametrize("depth", range(6))
def test_repair_stack_on_top(lsr: PipelineUnderTest, depth: int) -> None:
    """Swap, then push: what fast reroute needs (RFC 4090 §3.2)."""
    labels = {f"label_{n}": 16100 + n for n in range(1, depth + 1)}
    lsr.add("nhlfe", {"nhlfe": 9}, f"push_{depth}", src_mac=mac(THERE), dst_mac=mac(NEXT), **labels)
    lsr.select("incoming_label", {"label": 20}, "swap", {"port": 2, "label": 30, "nhlfe_id": 9})
    lsr.select("incoming_label", {"label": 21}, "pop", {"port": 2, "nhlfe_id": 9})
    pushed = [(label, 49) for label in labels.values()]
    lsr.expect(1, arriving((20, 50), (0x40001, 64)), leaving(2, *pushed, (30, 49), (0x40001, 64)))
    lsr.expect(1, arriving((21, 50), (0x40001, 64)), leaving(2, *pushed, (0x40001, 49)))


@pytest.mark.parametrize("depth", range(1, 6))
def test_repair_stack_over_ip_has_a_bottom(lsr: PipelineUnderTest, depth: int) -> None:
    """The router's own packets in band, round a link that failed: the last label went, others came."""
    labels = {f"label_{n}": 16100 + n for n in range(1, depth + 1)}
    lsr.add("nhlfe", {"nhlfe": 9}, f"push_{depth}", src_mac=mac(THERE), dst_mac=mac(NEXT), **labels)
    lsr.select("incoming_label", {"label": 21}, "pop", {"port": 2, "nhlfe_id": 9})
    packet = IP(dst="10.0.0.1", ttl=9) / UDP()
    pushed = [(label, 49) for label in labels.values()]
    lsr.expect(1, arriving((21, 50), payload=packet), leaving(2, *pushed, payload=packet))


@pytest.mark.parametrize("ttl", [0, 1])
def test_ttl_expires(lsr: PipelineUnderTest, ttl: int) -> None:
    lsr.expect(1, arriving((SWAPPED, ttl), (0x40001, 64)))
    assert lsr.drops() == {"ingress TTL_EXCEEDED": 1}


def test_replication_tree(lsr: PipelineUnderTest) -> None:
    """A label per copy, and none back (RFC 6388)."""
    lsr.select("incoming_label", {"label": 60}, "replicate", {"tree": 6})
    lsr.multicast(6, (1, 1), (2, 2), (3, 3), (3, 4))
    for rid, port, label in ((1, 2, 61), (2, 2, 62), (3, 3, 63)):
        match = {"tree": 6, "egress_rid": rid}
        lsr.add("branch", match, "swap_branch", label=label, nhlfe_id=port)
    lsr.add("branch", {"tree": 6, "egress_rid": 4}, "pop_branch", nhlfe_id=3)
    lsr.expect(
        1,
        arriving((60, 64), (0x40001, 64)),
        leaving(2, (62, 63), (0x40001, 64)),
        leaving(3, (63, 63), (0x40001, 64)),
        leaving(3, (0x40001, 63)),
    )
    assert lsr.drops() == {"egress SOURCE_PRUNED": 1}


def test_branch_that_nobody_described(lsr: PipelineUnderTest) -> None:
    lsr.select("incoming_label", {"label": 60}, "replicate", {"tree": 6})
    lsr.multicast(6, (2, 9))
    lsr.expect(1, arriving((60, 64), (0x40001, 64)))
    assert lsr.drops() == {"egress NO_REPLICA": 1}


def _exceeded(packet: Packet) -> Packet:
    if isinstance(packet, IPv6):
        ipv6 = IPv6(src="2001:db8:ffff::101", dst=packet.src, hlim=64, tc=0xC0, nh=58)
        return ipv6 / ICMPv6TimeExceeded(code=0) / Raw(bytes(packet)[:48])
    ipv4 = IP(src="10.255.0.101", dst=packet.src, ttl=64, tos=0xC0, id=0)
    return ipv4 / ICMP(type=11, code=0) / Raw(bytes(packet)[:28])


EXPIRED = [
    IP(src="10.0.10.11", dst="10.0.30.9") / UDP(dport=33434) / Raw(bytes(1000)),
    IP(src="10.0.10.11", dst="10.0.30.9") / ICMP(id=5) / Raw(bytes(56)),
    IPv6(src="2001:db8:10::11", dst="2001:db8:30::9") / UDP(dport=33434) / Raw(bytes(1000)),
    IPv6(src="2001:db8:10::11", dst="2001:db8:30::9") / ICMPv6EchoRequest(id=5, data=bytes(99)),
]


@pytest.mark.parametrize("packet", EXPIRED, ids=["udp", "ping", "udp6", "ping6"])
def test_expiry_answered_by_way_of_the_end_of_the_path(lsr: PipelineUnderTest, packet: Packet) -> None:
    """RFC 3032 §2.3.2: a P router has no route to the customer, the egress PE has."""
    lsr.write.default("expiry_ipv4", "answer_ipv4", address=0x0AFF0065)
    lsr.write.default("expiry_ipv6", "answer_ipv6", address=0x20010DB8FFFF00000000000000000101)
    arrived = arriving((SWAPPED, 1), (0x80005, 1), payload=packet)
    lsr.expect(1, arrived, leaving(2, (SWAPPED, 254), (0x80005, 255), payload=_exceeded(packet)))
    arrived = arriving((POPPED, 1), (0x80005, 1), payload=packet)
    lsr.expect(1, arrived, leaving(3, (0x80005, 254), payload=_exceeded(packet)))


def test_entropy_label_keeps_its_ttl_of_zero(lsr: PipelineUnderTest) -> None:
    """RFC 6790 §4.2: nobody may switch on it, when all labels around it are renewed neither."""
    lsr.write.default("expiry_ipv4", "answer_ipv4", address=0x0AFF0065)
    packet, beneath = EXPIRED[0], ((7, 1), (0x12345, 0), (0x80005, 1))
    renewed = ((7, 255), (0x12345, 0), (0x80005, 255))
    arrived = arriving((SWAPPED, 1), *beneath, payload=packet)
    lsr.expect(1, arrived, leaving(2, (SWAPPED, 254), *renewed, payload=_exceeded(packet)))
    lsr.select("incoming_label", {"label": 7}, "swap", {"port": 2, "label": 7, "nhlfe_id": 2})
    expected = leaving(2, (7, 254), *renewed[1:], payload=_exceeded(packet))
    lsr.expect(1, arriving(*beneath, payload=packet), expected)


def test_postcard_of_an_icmp_error_is_cut_as_the_error_is(lsr: PipelineUnderTest) -> None:
    lsr.write.default("expiry_ipv4", "answer_ipv4", address=0x0AFF0065)
    lsr.add("watch_ipv4", {"protocol": (17, 0xFF)}, "watch", priority=1, id=1)
    sent = lsr.send(1, arriving((SWAPPED, 1), (0x80005, 1), payload=EXPIRED[0]))
    (card,) = (PacketIn(out.data) for out in sent if out.port == CPU_PORT)
    assert [bytes(card.payload)] == [out.data for out in sent if out.port == 2]


@pytest.mark.parametrize(
    "payload",
    [
        FRAME,
        bytes(4) + bytes(FRAME),
        IP(src="10.0.10.11", dst="10.0.30.9") / ICMP(type=3) / Raw(bytes(28)),
        IP(src="10.0.10.11", dst="10.0.30.9", frag=9, proto=17) / Raw(bytes(28)),
        IP(src="10.0.10.11", dst="10.0.30.9", len=20) / UDP(),
        IPv6(src="2001:db8:10::11", dst="2001:db8:30::9", plen=0) / UDP(),
        b"",
    ],
    ids=["ethernet", "control word", "icmp error", "fragment", "padding", "padding6", "nothing"],
)
def test_expiry_that_cannot_be_answered(lsr: PipelineUnderTest, payload: Packet | bytes) -> None:
    lsr.write.default("expiry_ipv4", "answer_ipv4", address=0x0AFF0065)
    lsr.write.default("expiry_ipv6", "answer_ipv6", address=0x20010DB8FFFF00000000000000000101)
    lsr.expect(1, arriving((SWAPPED, 1), (0x80005, 1), payload=payload))
    assert lsr.drops() == {"ingress TTL_EXCEEDED": 1}


def test_unknown_label_no_path_and_foreign_frames(lsr: PipelineUnderTest) -> None:
    lsr.select("incoming_label", {"label": 20}, "swap", {"port": 2, "label": 30, "nhlfe_id": 2}, down=1)
    lsr.select("incoming_label", {"label": 21}, "swap", {"port": 2, "label": 30, "nhlfe_id": 99})
    for label in (0, 1, 16099, 20, 21):
        lsr.expect(1, arriving((label, 64), (0x40001, 64)))
    lsr.expect(2, arriving((SWAPPED, 64), (0x40001, 64)))
    lsr.expect(1, FRAME)
    assert lsr.drops() == {
        "ingress UNKNOWN_LABEL": 3,
        "ingress NO_PATH": 1,
        "egress NO_PATH": 1,
        "ingress NOT_FOR_US": 2,
    }


def test_stack_cut_short_or_without_a_bottom(lsr: PipelineUnderTest) -> None:
    whole = bytes(arriving((SWAPPED, 64), (0x40001, 64)))
    for length in range(22):
        lsr.expect(1, whole[:length])
    lsr.expect(1, arriving(*[(SWAPPED, 64)] * 12))
    assert lsr.drops() == {"ingress MALFORMED": 23}


@pytest.mark.parametrize(("depth", "left"), [(10, 1), (11, 0)])
def test_deep_stack(lsr: PipelineUnderTest, depth: int, left: int) -> None:
    """More than a PE pushes: five transport labels, entropy label and its indicator, service, segment."""
    assert len(lsr.frames(1, arriving(*[(SWAPPED, 64)] * depth))) == left
    assert lsr.drops() == ({} if left else {"ingress MALFORMED": 1})


def test_what_lies_beneath_is_not_judged(lsr: PipelineUnderTest) -> None:
    for payload in (b"", b"abc", b"\x45", bytes(4), bytes(FRAME)[:20], b"\x4f" + bytes(30), bytes(9000)):
        lsr.expect(
            1,
            arriving((SWAPPED, 64), (0x40001, 64), payload=payload),
            leaving(2, (SWAPPED, 63), (0x40001, 64), payload=payload),
        )


def _ports(lsr: PipelineUnderTest, payloads: list[Packet | bytes], *labels: tuple[int, int]) -> list[int]:
    lsr.select(
        "incoming_label", {"label": 50}, "swap", *({"port": p, "label": 50, "nhlfe_id": 2} for p in (2, 3))
    )
    return [out.port for each in payloads for out in lsr.frames(1, arriving((50, 64), *labels, payload=each))]


INNER: dict[str, Callable[[int], Packet | bytes]] = {
    "ipv4": lambda n: IP(src="10.1.0.1", dst="10.2.0.2") / UDP(sport=n),
    "ipv6": lambda n: IPv6(src="2001:db8::1", dst="2001:db8::2") / TCP(sport=n),
    "ethernet": lambda n: udp("02:00:00:00:0a:01", "02:00:00:00:0b:01", sport=n),
    "vlan": lambda n: udp("02:00:00:00:0a:01", "02:00:00:00:0b:01", sport=n, vlan=10),
    "control word": lambda n: bytes(4) + bytes(udp("02:00:00:00:0a:01", "02:00:00:00:0b:01", sport=n)),
    "mac that begins with 4": lambda n: udp("02:00:00:00:0a:01", "42:00:00:00:0b:01", sport=n),
    "gateway mac": lambda n: udp("02:00:00:00:0a:01", "00:00:5e:00:01:01", sport=n),
}


@pytest.mark.parametrize("kind", INNER)
def test_flows_beneath_the_stack_share_the_paths(lsr: PipelineUnderTest, kind: str) -> None:
    ports = _ports(lsr, [INNER[kind](n) for n in range(1, 65)], (0x40001, 64))
    assert len(ports) == 64
    assert 16 <= ports.count(2) <= 48


def test_entropy_label_decides_and_nothing_else(lsr: PipelineUnderTest) -> None:
    payloads = [INNER["ethernet"](n) for n in range(1, 9)]
    assert len(set(_ports(lsr, payloads, (7, 64), (0x12345, 0), (0x40001, 64)))) == 1
    ports = {
        out.port
        for entropy in range(16, 48)
        for out in lsr.frames(1, arriving((50, 64), (7, 64), (entropy, 0), (0x40001, 64)))
    }
    assert ports == {2, 3}


@pytest.mark.parametrize(
    "payload",
    [
        IP(src="10.1.0.1", dst="10.2.0.2") / UDP(dport=4000),
        udp("02:00:00:00:0a:01", "02:00:00:00:0b:01", src="10.1.0.1", dport=4000),
        bytes(4) + bytes(udp("02:00:00:00:0a:01", "02:00:00:00:0b:01", src="10.1.0.1", dport=4000)),
        udp("02:00:00:00:0a:01", "02:00:00:00:0b:01", src="10.1.0.1", dport=4000, vlan=10),
        Ether(src="02:00:00:00:0a:01", dst="02:00:00:00:0b:01")
        / Dot1Q(vlan=1)
        / Dot1Q(vlan=2)
        / IP(src="10.1.0.1")
        / UDP(dport=4000),
    ],
    ids=["ip", "ethernet", "control word", "vlan", "two vlans"],
)
def test_postcards_see_through_the_stack(lsr: PipelineUnderTest, payload: Packet | bytes) -> None:
    match = {"src_addr": (0x0A010001, 0xFFFFFFFF), "dst_port": (4000, 0xFFFF)}
    lsr.add("watch_ipv4", match, "watch", priority=1, id=9)
    for label, out_port in ((SWAPPED, 2), (POPPED, 3)):
        sent = lsr.send(1, arriving((label, 64), (0x40001, 64), payload=payload), now=1234)
        (card,) = (PacketIn(out.data) for out in sent if out.port == CPU_PORT)
        (out,) = (out for out in sent if out.port != CPU_PORT)
        assert (card.reason, card.watch, card.ingress_port, card.egress_port) == (7, 9, 1, out_port)
        lsr.check_times(card, 1234)
        assert out == Sent(out_port, bytes(card.payload))


def test_postcards_of_arp_ipv6_and_drops(lsr: PipelineUnderTest) -> None:
    lsr.add("watch_arp", {"target_ip": (0x0A000001, 0xFFFFFFFF)}, "watch", priority=1, id=1)
    lsr.add("watch_ipv6", {"protocol": (58, 0xFF)}, "watch", priority=1, id=2)
    lsr.add("watch_ipv4", {"protocol": (1, 0xFF)}, "watch", priority=1, id=3)
    arp = Ether(src="02:00:00:00:0a:01", dst="ff:ff:ff:ff:ff:ff") / ARP(pdst="10.0.0.1")
    ping6 = IPv6(dst="2001:db8::1", nh=58) / Raw(bytes(16))
    for payload, watch in ((arp, 1), (ping6, 2)):
        (card,) = lsr.reports(1, arriving((SWAPPED, 64), (0x40001, 64), payload=payload))
        assert card.watch == watch
    expired = arriving((SWAPPED, 1), (0x40001, 64), payload=IP(dst="10.0.0.1") / ICMP())
    (card,) = lsr.reports(1, expired)
    assert (card.reason, card.drop_reason) == (6, drop_reasons()["TTL_EXCEEDED"])
    assert bytes(card.payload) == bytes(expired)
    lsr.write.default("expiry_ipv4", "answer_ipv4", address=0x0AFF0065)
    unknown = arriving((16099, 1), (0x80005, 64), payload=IP(dst="10.0.0.1") / ICMP())
    (card,) = lsr.reports(1, unknown)
    assert (card.reason, card.drop_reason) == (6, drop_reasons()["UNKNOWN_LABEL"])
    assert bytes(card.payload) == bytes(unknown)


def test_packet_out(lsr: PipelineUnderTest) -> None:
    packet = arriving((SWAPPED, 64), (0x40001, 64))
    assert lsr.packet_out(packet, operation=0, port=3) == [Sent(3, bytes(packet))]
    for operation in (1, 2, 3, 4, 99):
        assert lsr.packet_out(packet, operation=operation, port=3) == []
    assert lsr.drops() == {"ingress MALFORMED": 5}
