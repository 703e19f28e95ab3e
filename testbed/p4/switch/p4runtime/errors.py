"""Errors of P4Runtime, and how a batch of them travels in `grpc-status-details-bin` (spec 10 and 12.3)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NoReturn

from testbed.p4.switch.p4runtime.stubs import p4r, rpc_status

DETAILS_LIMIT: Final = 6000
"""Bytes of details that fit the 8 KB of metadata a gRPC client takes by default."""

_TYPE_URL: Final = "type.googleapis.com/p4.v1.Error"
_SHORT_TYPE_URL: Final = "/p4.v1.Error"


class Code(IntEnum):
    """`google.rpc.Code`."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14


class RpcError(Exception):
    """A request, or one update of a batch, cannot be done."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class BatchError(RpcError):
    """Some updates of a batch failed; `details` is a serialized `google.rpc.Status`."""

    def __init__(self, message: str, details: bytes) -> None:
        super().__init__(Code.UNKNOWN, message)
        self.details = details


def invalid(message: str) -> NoReturn:
    """Raise INVALID_ARGUMENT."""
    raise RpcError(Code.INVALID_ARGUMENT, message)


def not_found(message: str) -> NoReturn:
    """Raise NOT_FOUND."""
    raise RpcError(Code.NOT_FOUND, message)


def batch_error(errors: Sequence[RpcError | None]) -> BatchError:
    """One p4.v1.Error per update, in order, as far as they fit; the message names the first failures."""
    failed = [(i, e) for i, e in enumerate(errors) if e is not None]
    first = "; ".join(f"#{i} {e.code.name}: {e.message}" for i, e in failed[:3])
    message = f"{len(failed)} of {len(errors)} failed: {first}"[:600]
    details = _pack(errors, message, _TYPE_URL, with_messages=True)
    if len(details) > DETAILS_LIMIT:
        details = _pack(errors, message, _SHORT_TYPE_URL, with_messages=False)
    return BatchError(message, details)


def _pack(errors: Sequence[RpcError | None], message: str, type_url: str, *, with_messages: bool) -> bytes:
    status = rpc_status.Status(code=Code.UNKNOWN, message=message)
    size = len(message)
    for error in errors:
        detail = status.details.add()
        detail.type_url = type_url
        if error is not None:
            item = p4r.Error(canonical_code=error.code, space="vmto" if with_messages else "")
            item.message = error.message if with_messages else ""
            detail.value = item.SerializeToString()
        size += len(type_url) + len(detail.value) + 8
        if not with_messages and size > DETAILS_LIMIT:
            break
    return status.SerializeToString()
