"""A leaf of an L2/L3 fabric, with tables in stages, an ACL and the controller."""

from __future__ import annotations

from typing import Any

import finsy as fy
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

from tests.conformance.case import (
    Case,
    PacketIn,
    Read,
    Send,
    SendOut,
    act,
    entry,
    group,
    member,
    multicast,
    session,
    to_group,
)

HOST_1, HOST_2, HOST_3 = (f"02:00:00:00:00:0{n}" for n in (1, 2, 3))
ROUTER, SPINE = "02:00:00:00:00:fe", "02:00:00:00:00:55"
VLAN, TAGGED_PORT = 10, 3
BROADCAST = "ff:ff:ff:ff:ff:ff"


def number(mac: str) -> int:
    """A MAC address as a number."""
    return int(mac.replace(":", ""), 16)


def frame(dst: str, src: str, rest: Packet, vlan: int | None = None) -> str:
    """A frame, tagged or not."""
    link = Ether(dst=dst, src=src)
    return bytes(link / rest if vlan is None else link / Dot1Q(vlan=vlan) / rest).hex()


def arp(src: str, vlan: int | None = None) -> str:
    """A broadcast of ARP."""
    return frame(BROADCAST, src, ARP(psrc="10.0.1.1", pdst="10.0.1.2", hwsrc=src), vlan)


def udp(ttl: int = 64, dst: str = "10.0.2.2", dport: int = 80) -> Packet:
    """An IPv4 packet whose UDP checksum does not matter."""
    return IP(src="10.0.1.1", dst=dst, ttl=ttl) / UDP(sport=7, dport=dport, chksum=0) / Raw(b"fabric")


def untagged(port: int) -> tuple[Any, Any]:
    """An access port of the VLAN, in both directions."""
    return (
        entry("ingress_port_vlan", {"ig_port": port, "vlan_is_valid": 0},
              act("permit_with_internal_vlan", vlan_id=VLAN), priority=1),
        entry("egress_vlan", {"vlan_id": VLAN, "eg_port": port}, act("pop_vlan")),
    )  # fmt: skip


def tagged(port: int) -> tuple[Any, Any]:
    """A trunk port of the VLAN."""
    return (
        entry(
            "ingress_port_vlan",
            {"ig_port": port, "vlan_is_valid": 1, "vlan_id": VLAN},
            act("permit"),
            priority=1,
        ),
        entry("egress_vlan", {"vlan_id": VLAN, "eg_port": port}, act("push_vlan")),
    )


def host(mac: str, port: int) -> tuple[Any, Any]:
    """A host behind a port; the next id is the port's number."""
    return (
        entry(
            "bridging",
            {"vlan_id": VLAN, "eth_dst": number(mac)},
            act("set_next_id_bridging", next_id=port),
            priority=10,
        ),
        entry("simple", {"next_id": port}, act("output_simple", port_num=port)),
    )


def acl(action: fy.P4TableAction, priority: int = 10, **match: Any) -> Any:
    """An entry of the ACL."""
    return entry("acl", match, action, priority=priority)


BRIDGE = (
    *untagged(1), *untagged(2), *tagged(TAGGED_PORT),
    *host(HOST_1, 1), *host(HOST_2, 2), *host(HOST_3, TAGGED_PORT),
    entry("bridging", {"vlan_id": VLAN}, act("flood", group_id=VLAN), priority=1),
    multicast(VLAN, 1, 2, TAGGED_PORT),
)  # fmt: skip
ROUTED = (
    *BRIDGE,
    *(
        entry(
            "fwd_classifier",
            {"ig_port": port, "eth_dst": number(ROUTER)},
            act("set_forwarding_type", fwd_type=2),
            priority=1,
        )
        for port in (1, 2)
    ),
    entry("routing_v4", {"ipv4_dst": "10.0.0.0/16"}, act("set_next_id_routing", next_id=100)),
    entry("routing_v4", {"ipv4_dst": "10.0.2.2/32"}, act("set_next_id_routing", next_id=101)),
    entry("routing_v6", {"ipv6_dst": "2001:db8::/32"}, act("set_next_id_routing", next_id=101)),
    member("hashed_selector", 1, act("routing_hop", port_num=5, smac=number(ROUTER), dmac=number(SPINE))),
    group("hashed_selector", 1, (1, 1)),
    entry("hashed", {"next_id": 101}, to_group(1)),
    entry("next_vlan", {"next_id": 101}, act("set_vlan", vlan_id=20)),
    entry("egress_vlan", {"vlan_id": 20, "eg_port": 5}, act("pop_vlan")),
)

CASES = [
    Case(
        "bridging",
        "A frame goes to the port of its destination, tagged as that port wants it.",
        BRIDGE,
        (
            Send(1, frame(HOST_2, HOST_1, udp()), {2: frame(HOST_2, HOST_1, udp())}),
            Send(1, frame(HOST_3, HOST_1, udp()), {TAGGED_PORT: frame(HOST_3, HOST_1, udp(), VLAN)}),
            Send(TAGGED_PORT, frame(HOST_1, HOST_3, udp(), VLAN), {1: frame(HOST_1, HOST_3, udp())}),
            Send(TAGGED_PORT, frame(HOST_1, HOST_3, udp(), VLAN + 1)),
            Send(TAGGED_PORT, frame(HOST_1, HOST_3, udp())),
            Send(4, frame(HOST_1, HOST_3, udp())),
        ),
    ),
    Case(
        "flooding",
        "An unknown destination floods the VLAN, but for the port it came from.",
        BRIDGE,
        (
            Send(
                1,
                frame(BROADCAST, HOST_1, udp()),
                {2: frame(BROADCAST, HOST_1, udp()), TAGGED_PORT: frame(BROADCAST, HOST_1, udp(), VLAN)},
            ),
            Send(
                TAGGED_PORT,
                frame(BROADCAST, HOST_3, udp(), VLAN),
                {1: frame(BROADCAST, HOST_3, udp()), 2: frame(BROADCAST, HOST_3, udp())},
            ),
        ),
    ),
    Case(
        "routing",
        "A frame to the router is routed by longest prefix, through a group, with its TTL lowered.",
        ROUTED,
        (
            Send(1, frame(ROUTER, HOST_1, udp()), {5: frame(SPINE, ROUTER, udp(63))}),
            Send(2, frame(ROUTER, HOST_2, udp(1))),
            Send(1, frame(ROUTER, HOST_1, udp(dst="10.0.9.9"))),
            Send(1, frame(ROUTER, HOST_1, udp(dst="11.0.9.9"))),
        ),
    ),
    Case(
        "routing-ipv6",
        "An IPv6 packet takes the same next hop; a write to its invalid IPv4 header leaves no trace.",
        ROUTED,
        (
            Send(
                1,
                frame(ROUTER, HOST_1, IPv6(src="::1", dst="2001:db8::9", nh=59) / Raw(b"six")),
                {5: frame(SPINE, ROUTER, IPv6(src="::1", dst="2001:db8::9", nh=59) / Raw(b"six"))},
            ),
        ),
    ),
    Case(
        "wrong-checksum",
        "exit in the apply block after a checksum error drops.",
        BRIDGE,
        (
            Send(
                1,
                frame(HOST_2, HOST_1, IP(src="10.0.1.1", dst="10.0.2.2", chksum=1) / UDP(chksum=0)),
            ),
        ),
    ),
    Case(
        "acl-drop",
        "The ACL drops what its ternary, optional and range fields fit, by priority.",
        (
            *BRIDGE,
            acl(act("acl.drop"), ip_proto=17, l4_dport="80...90"),
            acl(act("NoAction"), priority=20, ipv4_src="10.0.1.1/&255.255.255.255", l4_dport="85...85"),
        ),
        (
            Send(1, frame(HOST_2, HOST_1, udp(dport=80))),
            Send(1, frame(HOST_2, HOST_1, udp(dport=90))),
            Send(1, frame(HOST_2, HOST_1, udp(dport=85)), {2: frame(HOST_2, HOST_1, udp(dport=85))}),
            Send(1, frame(HOST_2, HOST_1, udp(dport=91)), {2: frame(HOST_2, HOST_1, udp(dport=91))}),
        ),
    ),
    Case(
        "acl-redirect",
        "The ACL sends elsewhere than forwarding would.",
        (*BRIDGE, acl(act("set_next_id_acl", next_id=2), eth_dst=number(HOST_3))),
        (Send(1, frame(HOST_3, HOST_1, udp()), {2: frame(HOST_3, HOST_1, udp())}),),
    ),
    Case(
        "acl-punt",
        "A punted frame reaches the controller as it came, its port in the header.",
        (*BRIDGE, acl(act("punt_to_cpu"), eth_type=0x0806)),
        (Send(2, arp(HOST_2), packet_ins=[PacketIn(arp(HOST_2), {"ingress_port": 2, "pad": 0})]),),
    ),
    Case(
        "acl-clone",
        "A cloned frame reaches the controller and its destinations; counters count it once.",
        (*BRIDGE, session(99, 510), acl(act("clone_to_cpu", session=99), eth_type=0x0806)),
        (
            Send(
                TAGGED_PORT,
                arp(HOST_3, VLAN),
                {1: arp(HOST_3), 2: arp(HOST_3)},
                packet_ins=[PacketIn(arp(HOST_3, VLAN), {"ingress_port": TAGGED_PORT, "pad": 0})],
            ),
            Read(
                fy.P4DirectCounterEntry(
                    "acl_counter",
                    table_entry=acl(act("clone_to_cpu", session=99), eth_type=0x0806),
                ),
                {"data.packet_count": 1},
            ),
        ),
    ),
    Case(
        "packet-out",
        "The controller's packets leave as they are.",
        (),
        (
            SendOut(
                frame(HOST_1, HOST_2, udp(), 77),
                {"egress_port": 4, "pad": 0},
                out={4: frame(HOST_1, HOST_2, udp(), 77)},
            ),
        ),
    ),
]
