"""Extended communities: eight bytes each, typed where this testbed acts on them (RFC 4360).

A community of an unknown kind is kept raw, so that it can be carried on. As text they read as FRR's
`show bgp l2vpn evpn` writes them, where it knows the kind.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum, IntFlag
from functools import lru_cache
from typing import Final, final

from msgspec import Struct

from controllers.wire.types import (
    AdministratorKind,
    RouteTarget,
    administrator_text,
    decode_label,
    encode_label,
    mac_to_text,
    pack_administrator,
    unpack_administrator,
)

NON_TRANSITIVE: Final = 0x40
"""The bit of the first byte that keeps a community within its AS (RFC 4360 §2)."""


@final
class RouteOrigin(Struct, frozen=True):
    """The site a route came from (RFC 4360 §5)."""

    kind: int
    administrator: int
    assigned: int

    def to_bytes(self) -> bytes:
        """Encode as eight bytes."""
        return bytes((self.kind, 0x03)) + pack_administrator(self.kind, self.administrator, self.assigned)

    def __str__(self) -> str:
        return f"SoO:{administrator_text(self.kind, self.administrator, self.assigned)}"


@final
class MacMobility(Struct, frozen=True):
    """How often a MAC has moved, and whether it may at all (RFC 7432 §7.7). `sequence` has 32 bits."""

    sequence: int
    sticky: bool = False

    def to_bytes(self) -> bytes:
        """Encode as eight bytes."""
        return bytes((0x06, 0x00, self.sticky, 0)) + self.sequence.to_bytes(4, "big")

    def __str__(self) -> str:
        return f"MM:{self.sequence}{', sticky MAC' if self.sticky else ''}"


@final
class EsiLabel(Struct, frozen=True):
    """Redundancy mode and split-horizon label of a segment (RFC 7432 §7.5)."""

    label: int
    single_active: bool = False

    def to_bytes(self) -> bytes:
        """Encode as eight bytes."""
        label = encode_label(self.label, bottom=self.label != 0)
        return bytes((0x06, 0x01, self.single_active, 0, 0)) + label

    def __str__(self) -> str:
        return f"ESI-label-Rt:{'SA' if self.single_active else 'AA'}, label {self.label}"


@final
class EsImport(Struct, frozen=True):
    """The target that brings Ethernet segment routes to the PEs of one segment (RFC 7432 §7.6)."""

    mac: int

    def to_bytes(self) -> bytes:
        """Encode as eight bytes."""
        return b"\x06\x02" + self.mac.to_bytes(6, "big")

    def __str__(self) -> str:
        return f"ES-Import-Rt:{mac_to_text(self.mac)}"


@final
class RouterMac(Struct, frozen=True):
    """The MAC of the PE's IP-VRF, for symmetric IRB over Ethernet NVO tunnels (RFC 9135 §8.1)."""

    mac: int

    def to_bytes(self) -> bytes:
        """Encode as eight bytes."""
        return b"\x06\x03" + self.mac.to_bytes(6, "big")

    def __str__(self) -> str:
        return f"Rmac:{mac_to_text(self.mac)}"


class Layer2Flags(IntFlag):
    """Control flags of `Layer2Attributes` (RFC 8214 §3.1, draft-ietf-bess-rfc7432bis §7.11)."""

    BACKUP = 0x1
    PRIMARY = 0x2
    CONTROL_WORD = 0x4
    FLOW_LABEL = 0x8


@final
class Layer2Attributes(Struct, frozen=True):
    """Control word, primary/backup role and MTU (bytes, 0: not checked) of a service (RFC 8214 §3.1)."""

    flags: int = 0
    mtu: int = 0

    def to_bytes(self) -> bytes:
        """Encode as eight bytes."""
        return b"\x06\x04" + int(self.flags).to_bytes(2, "big") + self.mtu.to_bytes(2, "big") + b"\0\0"

    def __str__(self) -> str:
        letters = "".join(letter for bit, letter in enumerate("BPCF") if self.flags >> bit & 1)
        return f"L2:{letters or '-'}, MTU {self.mtu}"


class DfAlgorithm(IntEnum):
    """How a segment's PEs elect the designated forwarder (RFC 8584 §2.2, RFC 9785 §3)."""

    DEFAULT = 0
    HRW = 1
    HIGHEST_PREFERENCE = 2
    LOWEST_PREFERENCE = 3


class DfCapability(IntFlag):
    """Bits of the 16-bit capability map, bit 0 being the most significant (RFC 8584 §2.2, RFC 9785 §3)."""

    DONT_PREEMPT = 0x8000
    AC_DF = 0x4000


@final
class DfElection(Struct, frozen=True):
    """The election a PE is willing to take part in (RFC 8584 §2.2); `preference` as RFC 9785 §3 places it."""

    algorithm: int = DfAlgorithm.DEFAULT
    capabilities: int = 0
    preference: int = 0

    def to_bytes(self) -> bytes:
        """Encode as eight bytes."""
        return (
            bytes((0x06, 0x06, self.algorithm))
            + int(self.capabilities).to_bytes(2, "big")
            + b"\0"
            + self.preference.to_bytes(2, "big")
        )

    def __str__(self) -> str:
        return f"DF:(alg {self.algorithm}, bmap {self.capabilities:#x}, pref {self.preference})"


@final
class ArpNd(Struct, frozen=True):
    """Neighbour flags a proxy must answer with (RFC 9047 §2): router, override, immutable binding."""

    router: bool = False
    override: bool = False
    immutable: bool = False

    def to_bytes(self) -> bytes:
        """Encode as eight bytes."""
        flags = self.router << 0 | self.override << 1 | self.immutable << 3
        return bytes((0x06, 0x08, flags, 0, 0, 0, 0, 0))

    def __str__(self) -> str:
        flags = zip("ROI", (self.router, self.override, self.immutable), strict=True)
        return f"ND:{''.join(letter for letter, on in flags if on) or '-'}"


@final
class DefaultGateway(Struct, frozen=True):
    """Marks the MAC/IP route of a gateway's own address (RFC 7432 §7.8)."""

    def to_bytes(self) -> bytes:
        """Encode as eight bytes."""
        return b"\x03\x0d" + bytes(6)

    def __str__(self) -> str:
        return "Default Gateway"


class TunnelType(IntEnum):
    """Encapsulations of RFC 9012 §4.1 that EVPN uses; without the community it is MPLS (RFC 8365 §5.1.3)."""

    GRE = 2
    VXLAN = 8
    NVGRE = 9
    MPLS = 10
    MPLS_IN_GRE = 11
    GENEVE = 19


@final
class Encapsulation(Struct, frozen=True):
    """The tunnel that leads to the next hop (RFC 9012 §4.1)."""

    tunnel_type: int

    def to_bytes(self) -> bytes:
        """Encode as eight bytes."""
        return b"\x03\x0c" + bytes(4) + self.tunnel_type.to_bytes(2, "big")

    def __str__(self) -> str:
        return f"ET:{self.tunnel_type}"


@final
class Layer2Info(Struct, frozen=True):
    """Encapsulation, control word / sequencing flags and MTU (bytes) of a VPLS (RFC 4761 §3.2.4)."""

    encapsulation: int = 19
    control_flags: int = 0
    mtu: int = 0
    preference: int = 0

    def to_bytes(self) -> bytes:
        """Encode as eight bytes."""
        return (
            bytes((0x80, 0x0A, self.encapsulation, self.control_flags))
            + self.mtu.to_bytes(2, "big")
            + self.preference.to_bytes(2, "big")
        )

    def __str__(self) -> str:
        flags = f", flags {self.control_flags:#04x}" if self.control_flags else ""
        preference = f", pref {self.preference}" if self.preference else ""
        return f"L2:encaps {self.encapsulation}, MTU {self.mtu}{flags}{preference}"


@final
class UnknownExtendedCommunity(Struct, frozen=True):
    """A community carried without being understood."""

    raw: bytes

    def to_bytes(self) -> bytes:
        """Encode as eight bytes."""
        return self.raw

    def __str__(self) -> str:
        return self.raw.hex()


ExtendedCommunity = (
    RouteTarget
    | RouteOrigin
    | MacMobility
    | EsiLabel
    | EsImport
    | RouterMac
    | Layer2Attributes
    | DfElection
    | ArpNd
    | DefaultGateway
    | Encapsulation
    | Layer2Info
    | UnknownExtendedCommunity
)


def _u16(raw: bytes, at: int) -> int:
    return int.from_bytes(raw[at : at + 2], "big")


def _mac(raw: bytes) -> int:
    return int.from_bytes(raw[2:8], "big")


def _arp_nd(raw: bytes) -> ArpNd:
    flags = raw[2]
    return ArpNd(router=bool(flags & 1), override=bool(flags & 2), immutable=bool(flags & 8))


_DECODERS: Final[dict[bytes, Callable[[bytes], ExtendedCommunity]]] = {
    b"\x06\x00": lambda raw: MacMobility(int.from_bytes(raw[4:8], "big"), bool(raw[2] & 1)),
    b"\x06\x01": lambda raw: EsiLabel(decode_label(raw[5:8]), bool(raw[2] & 1)),
    b"\x06\x02": lambda raw: EsImport(_mac(raw)),
    b"\x06\x03": lambda raw: RouterMac(_mac(raw)),
    b"\x06\x04": lambda raw: Layer2Attributes(_u16(raw, 2), _u16(raw, 4)),
    b"\x06\x06": lambda raw: DfElection(raw[2] & 0x1F, _u16(raw, 3), _u16(raw, 6)),
    b"\x06\x08": _arp_nd,
    b"\x03\x0c": lambda raw: Encapsulation(_u16(raw, 6)),
    b"\x03\x0d": lambda raw: DefaultGateway(),  # noqa: ARG005
    b"\x80\x0a": lambda raw: Layer2Info(raw[2], raw[3], _u16(raw, 4), _u16(raw, 6)),
}
for _kind in AdministratorKind:
    _DECODERS[bytes((_kind, 0x02))] = lambda raw: RouteTarget(raw[0], *unpack_administrator(raw[0], raw[2:]))
    _DECODERS[bytes((_kind, 0x03))] = lambda raw: RouteOrigin(raw[0], *unpack_administrator(raw[0], raw[2:]))


@lru_cache(maxsize=16384)
def decode_extended_community(raw: bytes) -> ExtendedCommunity:
    """Decode one community of eight bytes; every value decodes to something.

    What the sender put into reserved bits must be ignored (RFC 7432 §7), so a known community with
    such bits set is still understood. Forwarding does not pass through here and keeps them.
    """
    decoder = _DECODERS.get(raw[:2])
    return UnknownExtendedCommunity(raw) if decoder is None else decoder(raw)
