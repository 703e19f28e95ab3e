"""What the EVPN core promises itself to do later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, final

from controllers.wire.types import IpAddress


@final
@dataclass(frozen=True, slots=True)
class RefreshBinding:
    """Ask whether a local host still has this address."""

    bd: int
    ip: IpAddress


@final
@dataclass(frozen=True, slots=True)
class ForgetMoved:
    """Stop forwarding to an address whose MAC moved away and which nobody advertised since."""

    bd: int
    ip: IpAddress


@final
@dataclass(frozen=True, slots=True)
class AskWhereItWas:
    """Make sure that a host has left a circuit: ask there for an address of it."""

    bd: int
    ip: IpAddress
    mac: int
    ac: int


@final
@dataclass(frozen=True, slots=True)
class RetryDuplicate:
    """Give a duplicate MAC another chance."""

    bd: int
    mac: int


@final
@dataclass(frozen=True, slots=True)
class RetryDuplicateIp:
    """Give a duplicate address another chance."""

    bd: int
    ip: IpAddress


Task: TypeAlias = RefreshBinding | ForgetMoved | AskWhereItWas | RetryDuplicate | RetryDuplicateIp
