"""What the benchmark runs: a program, its entries, and a frame that crosses it from port 0 to port 1."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

L3_SOURCE: Final = Path(__file__).parent / "l3.p4"

HOST_A, HOST_B = 0x020000000001, 0x020000000002
"""MAC addresses of the ends; 10.0.0.1 and 10.0.0.2 are theirs."""

ROUTER: Final = 0x0A0000000001


@dataclass(frozen=True)
class Entry:
    """A table entry by names. `match` values: exact ones, or (value, prefix length)."""

    table: str
    match: Mapping[str, int | tuple[int, int]]
    action: str
    params: Mapping[str, int] = field(default_factory=dict)
    selector: bool = False
    """The table has a selector: a group with this action alone (one-shot)."""


@dataclass(frozen=True)
class Case:
    """One program under test."""

    name: str
    source: Path
    entries: tuple[Entry, ...]
    header: bytes
    """The first bytes of the frame; zeros follow."""

    def frame(self, length: int) -> bytes:
        """A frame of `length` bytes without its FCS (60 is the shortest on Ethernet)."""
        return self.header.ljust(length, b"\0")[: max(length, len(self.header))]


def ipv4_header(payload: int, src: int = 0x0A000001, dst: int = 0x0A000002) -> bytes:
    """An IPv4 header (RFC 791) without options, UDP inside."""
    head: bytes = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + payload, 0, 0, 64, 17, 0, src, dst)
    total: int = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return head[:10] + total.to_bytes(2) + head[12:]


def ethernet(dst: int, src: int, kind: int) -> bytes:
    """An Ethernet header."""
    return dst.to_bytes(6) + src.to_bytes(6) + kind.to_bytes(2)


def l3_case() -> Case:
    """The plain router: 10.0.0.2 lies behind port 1, 10.0.0.1 behind port 0."""
    entries = tuple(
        Entry(
            "Ingress.route",
            {"hdr.ipv4.dst": (address, 32 if port else 24)},
            "Ingress.forward",
            {"port": port, "src_mac": ROUTER, "dst_mac": mac},
        )
        for address, port, mac in ((0x0A000002, 1, HOST_B), (0x0A000000, 0, HOST_A))
    )
    header = ethernet(ROUTER, HOST_A, 0x0800) + ipv4_header(26)
    return Case("l3", L3_SOURCE, entries, header)


def pe_case(source: Path) -> Case:
    """The provider edge of p4src: from a tagged circuit on port 0 into two labels on port 1."""
    circuit, bridge_domain, next_hop, tunnel = 101, 10, 3, 2
    bridged = {"bridge_domain": bridge_domain}
    entries = (
        Entry(
            "attachment_circuit",
            {"port": 0, "vlan_id": 10},
            "attach",
            {"ac": circuit, "bridge_domain": bridge_domain, "split_horizon_group": 0},
        ),
        Entry("source_mac", bridged | {"mac": HOST_A}, "learned", {"attachment": circuit}),
        Entry("mac_vrf", bridged | {"mac": HOST_B}, "forward", {"next_hop": next_hop}),
        Entry("next_hop", {"next_hop": next_hop}, "remote", {"service_label": 0x40200, "tunnel_id": tunnel}),
        Entry("nhlfe", {"nhlfe": 2}, "push_1", {"src_mac": ROUTER, "dst_mac": HOST_B, "label_1": 16002}),
        Entry("tunnel", {"tunnel": tunnel}, "path", {"port": 1, "nhlfe_id": 2}, selector=True),
    )
    tag = (10).to_bytes(2) + (0x0800).to_bytes(2)
    return Case("pe", source, entries, ethernet(HOST_B, HOST_A, 0x8100) + tag + ipv4_header(26))
