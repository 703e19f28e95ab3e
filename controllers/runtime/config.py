"""What the controllers of a lab are told: frozen values, to and from JSON, so each can run on its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Annotated, Any, TypeAlias, final

from pydantic import Field, TypeAdapter

from controllers.evpn.config import PeConfig
from controllers.runtime.bgp.reflectors import ReflectorKind
from controllers.runtime.bgp.rules import PolicyRule
from controllers.runtime.switch import SwitchConfig
from controllers.underlay.lsdb import LinkState
from controllers.vpls.config import VplsPeConfig

CoreConfig: TypeAlias = Annotated[PeConfig | VplsPeConfig, Field(discriminator="service")]
"""What a PE's decision core is told: that of EVPN, or that of the VPLS baseline."""


@final
@dataclass(frozen=True, slots=True)
class CoreTimes:
    """BGP timers in seconds: hold time, first and longest wait before a session is tried again.

    `restart`: how long the routes of a PE are good while its controller is gone (RFC 4724), below 4096.
    """

    hold: float = 90.0
    connect_retry: float = 1.0
    connect_retry_limit: float = 2.0
    restart: int = 30


@final
@dataclass(frozen=True, slots=True)
class BgpConfig:
    """iBGP to one route reflector (RFC 4456), a process of `kind` that is started with the controllers."""

    asn: int
    reflector: IPv4Address
    port: int = 179
    kind: ReflectorKind = ReflectorKind.EMBEDDED
    times: CoreTimes = field(default_factory=CoreTimes)


@final
@dataclass(frozen=True, slots=True)
class PeSetup:
    """A PE: its switch, what it is to decide, and rules for the routes from and to its reflector."""

    switch: SwitchConfig
    core: CoreConfig
    import_policy: tuple[PolicyRule, ...] = ()
    export_policy: tuple[PolicyRule, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class LsrSetup:
    """A P router: its switch; the link-state database tells the rest."""

    switch: SwitchConfig


@final
@dataclass(frozen=True, slots=True)
class AccessPort:
    """A port of an access switch. Access ports carry one VLAN untagged, trunks carry all of theirs tagged."""

    port: int
    vlans: tuple[int, ...]
    tagged: bool


@final
@dataclass(frozen=True, slots=True)
class AccessSetup:
    """An access switch."""

    switch: SwitchConfig
    ports: tuple[AccessPort, ...]


@final
@dataclass(frozen=True, slots=True)
class FabricConfig:
    """All controllers of a lab."""

    link_state: LinkState
    bgp: BgpConfig
    pes: tuple[PeSetup, ...]
    lsrs: tuple[LsrSetup, ...] = ()
    access: tuple[AccessSetup, ...] = ()

    def to_json(self) -> bytes:
        """As JSON."""
        return _ADAPTER.dump_json(self, indent=1)

    @classmethod
    def from_json(cls, text: bytes) -> FabricConfig:
        """From JSON. ValueError says what is wrong with it."""
        return _ADAPTER.validate_json(text)

    def named(self, name: str) -> PeSetup | LsrSetup | AccessSetup:
        """The set-up of one switch. KeyError if there is none of that name."""
        setups: tuple[Any, ...] = (*self.pes, *self.lsrs, *self.access)
        for setup in setups:
            if setup.switch.name == name:
                found: PeSetup | LsrSetup | AccessSetup = setup
                return found
        raise KeyError(name)


_ADAPTER: TypeAdapter[FabricConfig] = TypeAdapter(FabricConfig)
