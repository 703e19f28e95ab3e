"""The numbering plan: pure functions from small ordinals to addresses, labels and MACs.

Chosen so that a person reading a capture can tell what is what:

| what | value |
|---|---|
| node SID label | 16000 + sid (PE 1.., P 101..) |
| service label of PE n | C NN K II: C what lies beneath, NN the PE, K the kind, II the service |
| loopback | 10.255.0.sid |
| port MAC | 0a:00:DD:DD:PP:PP (device, port) |
| router MAC, per-PE gateway MAC | 0a:01:DD:DD:00:00, 0a:02:DD:DD:EE:EE (EVI) |
| guest MAC | 02:TT: and the four octets of its IPv4 address |

No MAC starts with the nibble 4 or 6, which would pass for an IP version beneath a label stack
(RFC 7432 section 18).
"""

from __future__ import annotations

from enum import IntEnum
from ipaddress import IPv4Address
from typing import final

MAX_PES = 30
MAX_SERVICES = 30
MAX_PORTS = 500
CPU_PORT = 510
FIRST_P = 101
FIRST_ACCESS = 1001
L3_EVI = 60000
REFLECTOR = IPv4Address("10.255.255.254")

_SID_BASE = 16000
_GRPC_BASE = 50000
_LOOPBACKS = int(IPv4Address("10.255.0.0"))


@final
class LabelKind(IntEnum):
    """What a service label stands for; the third digit from the right."""

    UNICAST = 0
    BUM = 1
    IP_VRF = 2
    SEGMENT = 3
    VPLS = 4


_BENEATH = {LabelKind.IP_VRF: 600_000, LabelKind.SEGMENT: 800_000}
"""Where the labels of a kind begin. The PE's parser tells from the high bits what lies beneath a label
(docs/reference/data-plane.md): Ethernet from 262144, behind a control word from 393216, IP from 524288, a
segment's split horizon from 786432."""

_ETHERNET, _CONTROL_WORD = 300_000, 400_000
_VPLS_BELOW = 36_000
"""The blocks of VPLS labels lie so far below (Ethernet), or above (control word), the labels of EVPN."""

VPLS_BLOCK = 32
"""Labels in a block of RFC 4761 §3.2.1: one for each VE id from 1 to 30."""


def sid_label(sid: int) -> int:
    """Node-SID label of a segment."""
    return _SID_BASE + sid


def loopback(sid: int) -> IPv4Address:
    """Loopback of the node with this segment."""
    return IPv4Address(_LOOPBACKS + sid)


def service_label(pe: int, kind: LabelKind, ordinal: int, control_word: bool = False) -> int:
    """Downstream-assigned label of the service number `ordinal` (1..30) on PE number `pe` (1..30).

    For VPLS it is the base of a label block (RFC 4761 section 3.2.1): base + VE id of the sender.
    `control_word` asks the sender for one (RFC 7432 section 18). ValueError if there is no such label.
    """
    if not (1 <= pe <= MAX_PES and 1 <= ordinal <= MAX_SERVICES):
        raise ValueError(f"no label for PE {pe}, service {ordinal}")
    ethernet = _CONTROL_WORD if control_word else _ETHERNET
    if kind is LabelKind.VPLS:
        block = (pe - 1) * MAX_SERVICES + ordinal - 1
        return ethernet + (_VPLS_BELOW if control_word else -_VPLS_BELOW) + block * VPLS_BLOCK
    return _BENEATH.get(kind, ethernet) + pe * 1_000 + kind * 100 + ordinal


def grpc_port(device: int) -> int:
    """TCP port of a switch's P4Runtime server, inside the lab's own network."""
    return _GRPC_BASE + device


def mac(*octets: int) -> str:
    """Text of six octets."""
    return ":".join(f"{octet:02x}" for octet in octets)


def port_mac(device: int, port: int) -> str:
    """MAC of a switch port."""
    return mac(0x0A, 0, *divmod(device, 256), *divmod(port, 256))


def router_mac(device: int) -> str:
    """MAC that a PE uses for itself."""
    return mac(0x0A, 1, *divmod(device, 256), 0, 0)


def gateway_mac(device: int, evi: int) -> str:
    """MAC of one PE's own gateway in a bridge domain."""
    return mac(0x0A, 2, *divmod(device, 256), *divmod(evi, 256))


def anycast_mac(vrid: int) -> str:
    """The automatic anycast MAC, 00-00-5E-00-01-{VRID} (RFC 9135 section 4.1, RFC 5798 section 7.3)."""
    return mac(0, 0, 0x5E, 0, 1, vrid)


def guest_mac(tenant: int, address: IPv4Address) -> str:
    """MAC of a host or virtual machine; `tenant` is the tenant's ordinal from 0."""
    return mac(0x02, tenant, *address.packed)


def segment_id(ordinal: int) -> str:
    """ESI of type 0; the six octets that make the ES-Import RT (RFC 7432 section 7.6) differ per segment."""
    return "00:" + mac(0x02, 0, 0, 0, *divmod(ordinal, 256)) + ":00:00:01"
