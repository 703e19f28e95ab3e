"""The only exception that decoding raises, and the NOTIFICATION codes it carries (RFC 4271 §4.5)."""

from __future__ import annotations

from enum import IntEnum
from typing import final


class ErrorCode(IntEnum):
    """NOTIFICATION error codes (RFC 4271 §4.5, RFC 7313 §5, RFC 9687 §5)."""

    MESSAGE_HEADER = 1
    OPEN = 2
    UPDATE = 3
    HOLD_TIMER_EXPIRED = 4
    FSM = 5
    CEASE = 6
    ROUTE_REFRESH = 7
    SEND_HOLD_TIMER_EXPIRED = 8


class HeaderSubcode(IntEnum):
    """Subcodes of `ErrorCode.MESSAGE_HEADER` (RFC 4271 §6.1)."""

    NOT_SYNCHRONIZED = 1
    BAD_LENGTH = 2
    BAD_TYPE = 3


class OpenSubcode(IntEnum):
    """Subcodes of `ErrorCode.OPEN` (RFC 4271 §6.2, RFC 5492 §5)."""

    UNSPECIFIC = 0
    UNSUPPORTED_VERSION = 1
    BAD_PEER_AS = 2
    BAD_BGP_IDENTIFIER = 3
    UNSUPPORTED_OPTIONAL_PARAMETER = 4
    UNACCEPTABLE_HOLD_TIME = 6
    UNSUPPORTED_CAPABILITY = 7


class UpdateSubcode(IntEnum):
    """Subcodes of `ErrorCode.UPDATE` (RFC 4271 §6.3)."""

    MALFORMED_ATTRIBUTE_LIST = 1
    UNRECOGNIZED_WELL_KNOWN = 2
    MISSING_WELL_KNOWN = 3
    ATTRIBUTE_FLAGS = 4
    ATTRIBUTE_LENGTH = 5
    INVALID_ORIGIN = 6
    INVALID_NEXT_HOP = 8
    OPTIONAL_ATTRIBUTE = 9
    INVALID_NETWORK_FIELD = 10
    MALFORMED_AS_PATH = 11


class CeaseSubcode(IntEnum):
    """Subcodes of `ErrorCode.CEASE` (RFC 4486 §3, RFC 8538 §3.1)."""

    MAXIMUM_PREFIXES = 1
    ADMINISTRATIVE_SHUTDOWN = 2
    PEER_DECONFIGURED = 3
    ADMINISTRATIVE_RESET = 4
    CONNECTION_REJECTED = 5
    CONFIGURATION_CHANGE = 6
    COLLISION = 7
    OUT_OF_RESOURCES = 8
    HARD_RESET = 9


@final
class DecodeError(ValueError):
    """Bytes that no BGP speaker may send, and what a NOTIFICATION about them says.

    Raised only where the session cannot go on; what RFC 7606 lets a session survive is reported as
    a fault in the decoded result instead.
    """

    def __init__(
        self,
        reason: str,
        code: ErrorCode = ErrorCode.UPDATE,
        subcode: int = UpdateSubcode.MALFORMED_ATTRIBUTE_LIST,
        data: bytes = b"",
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.subcode = int(subcode)
        self.data = data
