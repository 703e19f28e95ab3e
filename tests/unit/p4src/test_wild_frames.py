"""What holds whatever arrives, in both engines: every frame is accounted for, none goes where it must not."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise

import pytest

from tests.unit.p4src import provider_edge as edge
from tests.unit.p4src import real_switch
from tests.unit.p4src.conftest import ENGINES
from tests.unit.p4src.harness import CPU_PORT, PacketIn, PipelineUnderTest, Sent
from tests.unit.p4src.provider_edge import ip, mac
from tests.unit.p4src.wild_frames import WildFrames, checksum

FRAMES = 1000
REAL_FRAMES = 300
SHORTEST = 22
"""What interfaces pass on, tagged or not: shorter frames than 20 bytes with a tag end in the kernel."""
MPLS = b"\x88\x47"
TAGS = (b"\x81\x00", b"\x88\xa8")
HERE, THERE, NEXT = "0a:00:00:00:99:01", "0a:00:00:00:99:02", "0a:00:00:00:98:02"
COPIED = {1, 2, 3, 8}
"""Reasons of packet-in that come with the frame as it arrived: ARP, ND, RARP, VRRP."""
PUNTED = {4, 5}
"""GLEAN and LOCAL."""
OWN_ADDRESSES = {
    ip(address).to_bytes(size)
    for address, size in (
        ("10.0.10.1", 4),
        ("10.0.20.1", 4),
        ("10.255.0.1", 4),
        ("2001:db8:10::1", 16),
        ("2001:db8::1", 16),
    )
}


@pytest.fixture
def wild() -> WildFrames:
    """The same frames each time."""
    return WildFrames(4)


class Twins:
    """One switch in both engines, which must agree on everything."""

    def __init__(self, name: str) -> None:
        self.each = [PipelineUnderTest(name, engine) for engine in ENGINES]
        self._counted: dict[str, int] = {}

    def send(self, port: int, data: bytes) -> list[Sent]:
        """What leaves; nothing at all does only where a drop is counted under a reason."""
        first, second = ([*each.send(port, data, now=1)] for each in self.each)
        assert first == second
        counted = self.each[0].drops()
        assert counted == self.each[1].drops()
        assert not {"ingress NONE", "egress NONE"} & counted.keys()
        assert first or counted != self._counted, f"gone, and not counted: {data.hex()}"
        self._counted = counted
        return first

    def learned(self) -> Iterator[tuple[int, int, str]]:
        """The digests so far."""
        for each in self.each:
            while samples := each.learned():
                yield from samples


def _twins(name: str, equip: Callable[[PipelineUnderTest], None]) -> Iterator[Twins]:
    twins = Twins(name)
    for each in twins.each:
        equip(each)
    yield twins
    for each in twins.each:
        each.close()


# -- the provider edge ---------------------------------------------------------------------------------------


def _equip_pe(switch: PipelineUnderTest) -> None:
    """The PE of provider_edge.py, with IPv6, control word, ESI label, and an entry wrong for its label."""
    edge.configure(switch)
    switch.multicast(20, (1, 5))
    switch.add("replica", {"bridge_domain": 20, "egress_rid": 5}, "to_attachment_circuit", ac=201)
    router = ip("2001:db8:10::1")
    gateway = {"bridge_domain": 10, "address": router}
    switch.add("neighbor_ipv6", gateway, "gateway_reply_nd", gateway_mac=mac(edge.GATEWAY))
    switch.add("own_address_ipv6", {"vrf": 5, "address": router}, "own_ipv6")
    for bd, address in ((10, router), (0, ip("2001:db8::1"))):
        match = {"vrf": 5, "bridge_domain": bd}
        switch.add("router_address_ipv6", match, "time_exceeded_ipv6", address=address)
    for prefix, next_hop in (("2001:db8:10::", 100), ("2001:db8:20::", 102), ("2001:db8:30::", 110)):
        switch.add("ip_vrf_ipv6", {"vrf": 5, "prefix": (ip(prefix), 48 + 16)}, "route_to", next_hop=next_hop)
    switch.add("service_label", {"label": 0x60010}, "bridge_flood", bridge_domain=10)
    switch.add("service_label", {"label": 0x8000A}, "bridge_unicast", bridge_domain=10)
    switch.add("esi_label", {"label": 0xC0001}, "from_segment", segment_id=7)
    switch.add("esi_split_horizon", {"ac": 102, "segment": 7}, "same_segment")


@pytest.fixture(scope="module")
def pe() -> Iterator[Twins]:
    """In both engines."""
    yield from _twins("pe", _equip_pe)


def test_pe_from_customers(pe: Twins, wild: WildFrames) -> None:
    kinds: Counter[str] = Counter()
    for _ in range(FRAMES):
        port = wild.choice([1, 1, 1, 2, 2, 2, 9])
        usual = (10,) if port == 1 else ()
        data = wild.damaged(wild.customers(*usual) if wild.random() < 0.9 else wild.from_core())
        left = pe.send(port, data)
        assert port != 9 or not left, "no service on this port"
        assert data[12:14] != MPLS or not left, "labels of a customer"
        for sent in left:
            if sent.port in (1, 2) and (sent.port, _vlan(sent.data)) == (port, _vlan(data)):
                assert _made_here(sent.data), "back to where it came from"
            kinds[_check(sent, data)] += 1
    assert min(kinds[kind] for kind in ("report", "bridged", "routed", "from here")) > 0, kinds
    for _domain, attachment, source in pe.learned():
        assert attachment in (101, 102, 201)
        assert int(source[:2], 16) % 2 == 0


def test_pe_from_the_core(pe: Twins, wild: WildFrames) -> None:
    kinds: Counter[str] = Counter()
    for _ in range(FRAMES):
        data = wild.damaged(wild.from_core())
        for sent in pe.send(3, data):
            kind = _check(sent, data)
            assert sent.port != 3 or kind != "bridged" or _made_here(_stack(sent.data[14:])[1]), (
                "back into the core"
            )
            kinds[kind] += 1
    assert min(kinds[kind] for kind in ("report", "bridged", "routed", "from here")) > 0, kinds
    for _domain, attachment, _source in pe.learned():
        assert attachment == 900, "only pseudo-wires are learned from"


def _check(sent: Sent, data: bytes) -> str:
    """What it is that leaves: it must be one of the things that may leave there."""
    if sent.port == CPU_PORT:
        report = PacketIn(sent.data)
        assert report.reason in COPIED | PUNTED
        assert report.reason in PUNTED or bytes(report.payload) == data
        return "report"
    if sent.port == 3:
        return _check_towards_core(sent.data, data)
    assert sent.port in (1, 2)
    assert sent.port == 2 or sent.data[12:14] == b"\x81\x00"
    return _check_frame(sent.data if sent.port == 2 else sent.data[:12] + sent.data[16:], data)


def _check_towards_core(frame: bytes, data: bytes) -> str:
    """Beneath a stack that another PE can read."""
    assert frame[:14] == bytes.fromhex(f"{edge.P_MAC}{edge.CORE_MAC}".replace(":", "")) + MPLS
    (transport, service), inner = _stack(frame[14:])
    assert transport in (edge.PE2_SID, edge.PE3_SID)
    if service == edge.PE2_VRF:
        return _check_packet(inner, data)
    assert service in (edge.PE2_UNICAST, edge.PE2_FLOOD, edge.PE3_FLOOD)
    return _check_frame(inner, data)


def _check_frame(frame: bytes, data: bytes) -> str:
    """A frame that came in like this, behind no label but the customer's own; or one of a gateway."""
    if frame[:12] in data and frame[12:] in data:
        return "bridged"
    assert _made_here(frame)
    while frame[12:14] in TAGS:
        frame = frame[:12] + frame[16:]
    if frame[12:14] == b"\x08\x06":
        assert (frame[20:22], frame[28:32] in OWN_ADDRESSES) == (b"\0\2", True)
        return "from here"
    assert frame[12:14] in (b"\x08\x00", b"\x86\xdd")
    return _check_packet(frame[14:], data)


def _check_packet(packet: bytes, data: bytes) -> str:
    """An IP packet that came in with a TTL higher by one, or one of a gateway."""
    if _is_forwarded(packet, data):
        return "routed"
    assert _is_from_here(packet)
    return "from here"


def _made_here(frame: bytes) -> bool:
    """Routed or answered by a gateway (or sent by somebody who claims to be one)."""
    return frame[6:12] == bytes.fromhex(edge.GATEWAY.replace(":", ""))


def _is_forwarded(packet: bytes, data: bytes) -> bool:
    """Whether this very packet came in, its TTL higher by one; and its checksum is right."""
    ttl = 8 if packet[0] >> 4 == 4 else 7
    rest = 12 if packet[0] >> 4 == 4 else 8
    before = packet[:ttl] + bytes([packet[ttl] + 1 & 0xFF])
    place = data.find(before)
    if place < 0 or not packet[ttl] or data[place + rest :][: len(packet) - rest] != packet[rest:]:
        return False
    return ttl == 7 or checksum(packet[: 4 * (packet[0] & 15)]) == 0


def _is_from_here(packet: bytes) -> bool:
    """Whether a gateway says this: ICMP with a fresh TTL, or a neighbour advertisement."""
    if packet[0] >> 4 == 4:
        return packet[12:16] in OWN_ADDRESSES and packet[8:10] == b"\x40\x01" and checksum(packet[:20]) == 0
    return packet[8:24] in OWN_ADDRESSES and packet[6] == 58 and packet[7] in (64, 255)


def _stack(data: bytes) -> tuple[list[int], bytes]:
    """Labels that may stand on the wire, and what is beneath them."""
    labels = []
    while True:
        (entry,) = struct.unpack("!I", data[:4])
        data = data[4:]
        labels.append(entry >> 12)
        assert entry >> 12 > 15, "a reserved label"
        assert entry & 0xFF, "a label at its end"
        if entry & 0x100:
            return labels, data


def _vlan(frame: bytes) -> int:
    return int.from_bytes(frame[14:16]) & 0xFFF if frame[12:14] in TAGS else 0


# -- the P router --------------------------------------------------------------------------------------------


def _equip_lsr(switch: PipelineUnderTest) -> None:
    """Swaps the first label to PE 2, pops the one to PE 3, and answers what expires."""
    switch.add("core_interface", {"port": 1, "link_mac": mac(edge.CORE_MAC)}, "accept_labels")
    macs = {"src_mac": mac(THERE), "dst_mac": mac(NEXT)}
    switch.add("nhlfe", {"nhlfe": 1}, "push_0", **macs)
    switch.add("nhlfe", {"nhlfe": 2}, "push_2", **macs, label_1=16100, label_2=16101)
    switch.select(
        "incoming_label", {"label": edge.PE2_SID}, "swap", {"port": 2, "label": 16002, "nhlfe_id": 1}
    )
    switch.select("incoming_label", {"label": edge.OWN_SID}, "pop", {"port": 2, "nhlfe_id": 1})
    switch.select("incoming_label", {"label": 16}, "pop", {"port": 2, "nhlfe_id": 2})
    switch.write.default("expiry_ipv4", "answer_ipv4", address=ip("10.255.0.1"))
    switch.write.default("expiry_ipv6", "answer_ipv6", address=ip("2001:db8::1"))


@pytest.fixture(scope="module")
def lsr() -> Iterator[Twins]:
    """In both engines."""
    yield from _twins("lsr", _equip_lsr)


def test_lsr(lsr: Twins, wild: WildFrames) -> None:
    """One copy at most; labels stand over labels or over what lay beneath them; every TTL goes down."""
    kinds: Counter[str] = Counter()
    for _ in range(FRAMES):
        port = wild.choice([1] * 9 + [2])
        data = wild.damaged(wild.from_core() if wild.random() < 0.9 else wild.customers())
        left = lsr.send(port, data)
        assert not left or port == 1
        for sent in left:
            assert sent.port == 2
            assert sent.data[:12] == bytes.fromhex(f"{NEXT}{THERE}".replace(":", ""))
            kinds[_check_switched(sent.data, data)] += 1
    assert min(kinds[kind] for kind in ("labelled", "ip", "expired")) > 0, kinds


def _check_switched(frame: bytes, data: bytes) -> str:
    expired, entries, beneath = data[17] <= 1, [0x100 | data[17] - 1], frame[14:]
    if frame[12:14] == MPLS:
        entries, beneath = _entries(beneath)
    else:
        assert frame[12:14] in (b"\x08\x00", b"\x86\xdd")
    assert [entry >> 8 & 1 for entry in entries] == [0] * (len(entries) - 1) + [1]
    if expired:
        assert _is_from_here(beneath)
        assert not any(entry & 0xFF for above, entry in pairwise(entries) if above >> 12 == 7)
        assert frame[12:14] != MPLS or entries[0] & 0xFF == 254
        return "expired"
    assert entries[0] & 0xFF < data[17]
    assert data.endswith(beneath)
    return "labelled" if frame[12:14] == MPLS else "ip"


def _entries(data: bytes) -> tuple[list[int], bytes]:
    """The label stack, and what is beneath it."""
    entries: list[int] = []
    while not entries or not entries[-1] & 0x100:
        entries += struct.unpack("!I", data[:4])
        data = data[4:]
    return entries, data


# -- the access switch ---------------------------------------------------------------------------------------


def _equip_access(switch: PipelineUnderTest) -> None:
    """Access ports 1 and 2 of VLAN 10, a trunk, and a LAG."""
    for port, vlan_id, vlan, bridge_port in (
        (1, 0, 10, 1),
        (2, 0, 10, 2),
        (3, 10, 10, 3),
        (3, 20, 20, 3),
        (4, 10, 10, 50),
        (5, 10, 10, 50),
    ):
        match = {"port": port, "vlan_id": vlan_id}
        switch.add("port_vlan", match, "admit", vlan=vlan, bridge_port=bridge_port)
        switch.add("egress_vlan", {"port": port, "vlan": vlan}, "send_tagged" if vlan_id else "send_untagged")
    switch.select("lag", {"bridge_port": 50}, "lag_member", {"port": 4}, {"port": 5})
    switch.select("flood_lag", {"bridge_port": 50}, "flood_member", {"port": 4}, {"port": 5})
    switch.multicast(10, (1, 1), (2, 2), (3, 3), (4, 50), (5, 50))
    switch.multicast(20, (3, 3))
    switch.add(
        "destination_mac", {"vlan": 10, "mac": mac(edge.HOST_A)}, "forward_port", bridge_port=1, port=1
    )
    switch.add("destination_mac", {"vlan": 10, "mac": mac(edge.HOST_C)}, "forward_lag", bridge_port=50)


@pytest.fixture(scope="module")
def access() -> Iterator[Twins]:
    """In both engines."""
    yield from _twins("access", _equip_access)


def test_access(access: Twins, wild: WildFrames) -> None:
    """The frame itself leaves, in its VLAN, by other bridge ports, once by each."""
    for _ in range(FRAMES):
        port = wild.choice([1, 1, 2, 3, 3, 4, 5, 9])
        data = wild.damaged(wild.customers(*((10,) if port > 2 else ())))
        left = access.send(port, data)
        bridge_ports = [min(sent.port, 4) for sent in left]
        assert min(port, 4) not in bridge_ports
        assert len(bridge_ports) == len(set(bridge_ports))
        untagged = data[16:] if data[12:14] in TAGS else data[12:]
        for sent in left:
            if sent.port > 2:
                assert sent.data[12:14] == b"\x81\x00"
                assert _vlan(sent.data) == (_vlan(data) or 10)
            assert sent.data[:12] == data[:12]
            assert sent.data[12 if sent.port < 3 else 16 :] == untagged


# -- the real switch -----------------------------------------------------------------------------------------


def _arriving(name: str, wild: WildFrames) -> tuple[int, bytes]:
    """A port, and a frame that is in its place there, most of the time."""
    port = wild.choice({"pe": [1, 2, 3], "lsr": [1], "access": [1, 4]}[name])
    if (name, port) in (("pe", 3), ("lsr", 1)):
        return port, wild.damaged(wild.from_core())
    tagged = (name, port) in (("pe", 1), ("access", 4))
    return port, wild.damaged(wild.customers(*((10,) if tagged else ())))


@pytest.mark.needs_bmv2
@pytest.mark.needs_root
@pytest.mark.skipif(bool(real_switch.missing()), reason=real_switch.missing() or "-")
@pytest.mark.parametrize("name", ["pe", "lsr", "access"])
def test_real_switch_agrees(name: str, wild: WildFrames) -> None:
    """Whatever p4c and simple_switch_grpc make of invalid headers, full stacks, clones: the same leaves."""
    equip = {"pe": _equip_pe, "lsr": _equip_lsr, "access": _equip_access}[name]
    ours, real = PipelineUnderTest(name, ENGINES[-1]), real_switch.RealSwitch(name)
    with closing(ours), closing(real):
        for switch in (ours, real):
            equip(switch)
        left: list[Counter[tuple[int, bytes]]] = [Counter(), Counter()]
        for _ in range(REAL_FRAMES):
            port, data = _arriving(name, wild)
            for switch, counted in zip((ours, real), left, strict=True):
                out = switch.send(port, data) if len(data) >= SHORTEST else []
                counted.update(_timeless(sent) for sent in out if len(sent.data) >= SHORTEST)
        assert left[0] == left[1]
        assert ours.drops() == real.drops()


def _timeless(sent: Sent) -> tuple[int, bytes]:
    """The frame without the times that a report to the controller begins with."""
    times = len(PacketIn()) - 12
    return sent.port, sent.data[:times] + sent.data[times + 12 :] if sent.port == CPU_PORT else sent.data
