"""What all parts of one VPLS PE's decision core share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, final

from controllers.pe import context
from controllers.vpls.config import VplsPeConfig
from controllers.vpls.events import SendGratuitous, SendVrrp
from controllers.wire.types import IpAddress


@final
@dataclass(frozen=True, slots=True)
class RefreshHost:
    """Ask whether a host still has its address."""

    bd: int
    ip: IpAddress


@final
@dataclass(frozen=True, slots=True)
class VrrpTimer:
    """A deadline of a bridge domain's virtual router for an IP version."""

    bd: int
    version: int


Task: TypeAlias = RefreshHost | VrrpTimer

Context: TypeAlias = context.Context[VplsPeConfig, Task, SendVrrp | SendGratuitous]
