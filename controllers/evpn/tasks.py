"""What the EVPN core promises itself to do later."""

from __future__ import annotations

from typing import TypeAlias, final

from msgspec import Struct

from controllers.wire.types import IpAddress


@final
class RefreshBinding(Struct, frozen=True):
    """Ask whether a local host still has this address."""

    bd: int
    ip: IpAddress


@final
class ForgetMoved(Struct, frozen=True):
    """Stop forwarding to an address whose MAC moved away and which nobody advertised since."""

    bd: int
    ip: IpAddress


@final
class AskWhereItIs(Struct, frozen=True):
    """Ask for an address of a host: on the circuit that it left, or everywhere (None)."""

    bd: int
    ip: IpAddress
    mac: int
    ac: int | None


@final
class RetryDuplicate(Struct, frozen=True):
    """Give a duplicate MAC another chance."""

    bd: int
    mac: int


@final
class RetryDuplicateIp(Struct, frozen=True):
    """Give a duplicate address another chance."""

    bd: int
    ip: IpAddress


Task: TypeAlias = RefreshBinding | ForgetMoved | AskWhereItIs | RetryDuplicate | RetryDuplicateIp
