"""What the P4 programs say of a packet when they hand it to the controller (p4src/common/names.p4)."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class PuntReason(IntEnum):
    """Why the controller sees a packet; `packet_in.reason`."""

    NONE = 0
    ARP = 1
    ND = 2
    RARP = 3
    GLEAN = 4
    LOCAL = 5
    DROPPED = 6
    POSTCARD = 7
    VRRP = 8


REPORTS: Final = frozenset((PuntReason.DROPPED, PuntReason.POSTCARD))
"""Packets that the watch list reported; all others are for the controller to act upon."""

DROP_REASONS: Final = (
    "NONE",
    "MALFORMED",
    "NO_ATTACHMENT_CIRCUIT",
    "NOT_FOR_US",
    "UNKNOWN_LABEL",
    "BAD_LABEL_STACK",
    "TTL_EXCEEDED",
    "BAD_SOURCE_MAC",
    "STICKY_VIOLATION",
    "MAC_DISCARD",
    "UNKNOWN_UNICAST",
    "STORM",
    "BAD_CHECKSUM",
    "NOT_ROUTABLE",
    "NO_ROUTE",
    "ROUTE_DISCARD",
    "LOCAL",
    "NO_NEXT_HOP",
    "NO_PATH",
    "NO_REPLICA",
    "NO_EGRESS",
    "SOURCE_PRUNED",
    "SPLIT_HORIZON",
    "NOT_DF",
    "ESI_SPLIT_HORIZON",
    "UNKNOWN_ESI_LABEL",
    "PORT_SHUT",
    "MARTIAN",
)
"""By number; index of the drop counters."""


def drop_reason(number: int) -> str:
    """The name of a drop reason; its number where a program is newer than this list."""
    return DROP_REASONS[number] if number < len(DROP_REASONS) else str(number)
