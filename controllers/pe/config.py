"""Configuration that EVPN and VPLS PEs share: frozen values. MAC addresses are `int`, times are seconds."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Address, IPv6Interface
from typing import Final, TypeAlias, final

IpInterface: TypeAlias = IPv4Interface | IPv6Interface

AUTOMATIC_VIRTUAL_MAC: Final = {4: 0x00005E000100, 6: 0x00005E000200}
"""00-00-5E-00-01-{VRID} and 00-00-5E-00-02-{VRID}: VRRP's, and the automatic anycast MAC (RFC 9135 §4.1)."""


def virtual_mac(vrid: int, version: int = 4) -> int:
    """Make the automatic virtual router MAC for a VRID of 1..255 (RFC 5798 §7.3)."""
    if not 1 <= vrid <= 255:
        raise ValueError(f"virtual router id {vrid}: write 1 to 255")
    return AUTOMATIC_VIRTUAL_MAC[version] | vrid


def link_local(mac: int) -> IPv6Address:
    """Make the link-local address of an interface from its MAC (RFC 4291 appendix A)."""
    high, low = mac >> 24 ^ 0x020000, mac & 0xFFFFFF
    return IPv6Address(0xFE80 << 112 | high << 40 | 0xFFFE << 24 | low)


@final
@dataclass(frozen=True, slots=True)
class Probing:
    """How the PE asks for hosts it must not lose sight of (RFC 9135 §7).

    A local binding that was silent for `refresh` seconds (None: ever so long) is asked for; `retries`
    unanswered questions, `timeout` seconds apart, and it is gone. `glean_interval` is the shortest time
    between two questions for the same unknown address. Whether a host has left is asked `farewell` seconds
    after it was seen elsewhere: by then switches on the way know where its announcement came from.
    """

    refresh: float | None = 300.0
    timeout: float = 1.0
    retries: int = 3
    glean_interval: float = 1.0
    farewell: float = 0.1


@final
@dataclass(frozen=True, slots=True)
class AcConfig:
    """An attachment circuit: port and VLAN (None: untagged). MACs learned on a `sticky` one do not move."""

    ac: int
    port: int
    vlan: int | None = None
    egress_vlan: int | None = None
    split_horizon_group: int = 0
    sticky: bool = False
    mac_limit: int | None = None
