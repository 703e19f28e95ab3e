"""One packet on its way through the switch."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from testbed.p4.switch.reference.phv import Phv


class InstanceType(IntEnum):
    """`standard_metadata.instance_type`, as simple_switch numbers it."""

    NORMAL = 0
    INGRESS_CLONE = 1
    EGRESS_CLONE = 2
    RECIRC = 4
    REPLICATION = 5
    RESUBMIT = 6


@dataclass
class Requests:
    """What primitives asked for and the end of a pipeline does. The last call wins."""

    clone_session: int | None = None
    clone_fields: int = 0
    digest: int = 0
    resubmit: int = 0
    recirculate: int = 0


@dataclass
class Packet:
    """Headers, the bytes the parser left, and what simple_switch keeps in packet registers."""

    phv: Phv
    data: bytes
    """Before parsing the whole frame, then the payload, after deparsing the whole frame again."""
    ingress_port: int
    ingress_length: int
    """Bytes when it came in: what counters and meters count."""
    length: int
    """`packet_length` of egress: changed by add_header and remove_header only."""
    generation: int = 0
    requests: Requests = field(default_factory=Requests)
    egress_port: int = 0
    truncated: int | None = None
    """Bytes of it that remain (the smallest `truncate`)."""
    exited: bool = False
    parser_error: int = 0
    checksum_error: bool = False

    @property
    def visible(self) -> bytes:
        """`data`, cut short if it was truncated."""
        return self.data if self.truncated is None else self.data[: self.truncated]

    def truncate(self, length: int) -> None:
        """Keep at most `length` bytes."""
        self.truncated = length if self.truncated is None else min(self.truncated, length)
