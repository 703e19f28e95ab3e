"""What a lab consists of, every name and number in it derived: the one description all others work from.

Frozen values only. Whoever builds interfaces, starts switches, configures controllers or traces packets
reads this, and nobody invents a name of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Any, final

from pydantic import TypeAdapter

from testbed.model.topology import (
    Defaults,
    GatewayMode,
    HostRoute,
    Irb,
    PolicyRule,
    Redundancy,
    Role,
    SiteKind,
)


@final
class PortKind(StrEnum):
    """What is on the other side of a switch port."""

    CORE = "core"
    """Another PE or P router."""
    EDGE = "edge"
    """An access switch on the PE's side, a PE on the access switch's side."""
    HOST = "host"
    """A host that stays."""
    SLOT = "slot"
    """A hypervisor slot, which a virtual machine may or may not be plugged into."""


@final
@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """A port of a node; what a packet path is made of."""

    node: str
    port: int

    def __str__(self) -> str:
        return f"{self.node}:{self.port}"


@final
@dataclass(frozen=True, slots=True)
class Port:
    """A port of a switch and what it is connected to."""

    node: str
    number: int
    interface: str
    mac: str
    kind: PortKind
    peer: str
    """Name of the node, host or virtual machine on the other side."""
    peer_port: int | None = None
    """The peer's port, if it is a node."""
    delay_ms: float = 0.0
    """One-way delay of what leaves here, ms."""
    rate_mbps: float | None = None
    """Rate limit of what leaves here, Mbit/s."""

    @property
    def endpoint(self) -> Endpoint:
        """The port as a point on a path."""
        return Endpoint(self.node, self.number)


@final
@dataclass(frozen=True, slots=True)
class Switch:
    """A node."""

    name: str
    role: Role
    device_id: int
    grpc_port: int
    ports: tuple[Port, ...]
    site: str | None = None
    sid: int | None = None
    """Segment id; of PE and P only, like label, loopback and router MAC."""
    sid_label: int | None = None
    loopback: IPv4Address | None = None
    router_mac: str | None = None
    import_policy: tuple[PolicyRule, ...] = ()
    export_policy: tuple[PolicyRule, ...] = ()

    @property
    def grpc_address(self) -> str:
        """Where its P4Runtime server listens, inside the lab's own network."""
        return f"127.0.0.1:{self.grpc_port}"

    def port(self, number: int) -> Port:
        """A port by its number (from 1, without holes)."""
        return self.ports[number - 1]


@final
@dataclass(frozen=True, slots=True)
class Cable:
    """A link between two nodes."""

    name: str
    a: Endpoint
    b: Endpoint
    kind: PortKind
    delay_ms: float
    rate_mbps: float | None
    cost: int


@final
@dataclass(frozen=True, slots=True)
class Attachment:
    """An attachment circuit: a VLAN on a PE's port."""

    pe: str
    port: int
    vlan: int
    access: str
    """The access switch on the other side."""
    segment: str | None = None
    """The multihomed Ethernet segment it belongs to, if any."""


@final
@dataclass(frozen=True, slots=True)
class Instance:
    """A bridge domain on one PE."""

    pe: str
    rd: str
    unicast_label: int
    bum_label: int
    vpls_label_base: int
    """RFC 4761 section 3.2.1: the PE with VE id v sends with label base + v."""
    ve_id: int
    gateway_mac: str
    """The MAC this PE's own gateway has: shared or its own, by the gateway mode."""


@final
@dataclass(frozen=True, slots=True)
class BridgeDomainPlan:
    """A bridge domain of the whole lab."""

    name: str
    ordinal: int
    vlan: int
    evi: int
    tenant: str
    route_target: str
    sites: tuple[str, ...]
    pes: tuple[str, ...]
    """In the order of `sites`; the first has the gateway in modes with only one."""
    subnet: IPv4Network
    gateway: IPv4Address
    subnet6: IPv6Network | None
    gateway6: IPv6Address | None
    gateway_mode: GatewayMode
    shared_mac: str
    """The anycast and VRRP MAC."""
    vrid: int
    mac_limit: int | None
    control_word: bool
    instances: dict[str, Instance]
    """By PE."""
    attachments: tuple[Attachment, ...]
    access_ports: tuple[Endpoint, ...]
    """Untagged ports of access switches: hosts and slots."""

    @property
    def gateway_pe(self) -> str:
        """The PE with the active gateway in the modes that have only one."""
        return self.pes[0]


@final
@dataclass(frozen=True, slots=True)
class Vrf:
    """A tenant's IP-VRF on one PE."""

    pe: str
    rd: str
    label: int


@final
@dataclass(frozen=True, slots=True)
class TenantPlan:
    """A tenant: an IP-VRF on every PE that has one of its bridge domains."""

    name: str
    ordinal: int
    route_target: str
    bridge_domains: tuple[str, ...]
    pes: tuple[str, ...]
    vrfs: dict[str, Vrf]
    """By PE."""
    irb: Irb = Irb.SYMMETRIC
    """Who routes between its bridge domains."""
    host_route: HostRoute = HostRoute.TYPE5
    """What carries its host routes."""


@final
@dataclass(frozen=True, slots=True)
class SegmentPlan:
    """A multihomed Ethernet segment."""

    name: str
    esi: str
    access: str
    redundancy: Redundancy
    ports: tuple[Endpoint, ...]
    """The PEs' ports."""
    access_ports: tuple[Endpoint, ...]
    """The access switch's ports, in the same order."""
    labels: dict[str, int]
    """ESI label by PE."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What hosts and virtual machines have in common; each is a network namespace with one `eth0`."""

    name: str
    bridge_domain: str
    tenant: str
    vlan: int
    mac: str
    address: IPv4Interface
    gateway: IPv4Address
    address6: IPv6Interface | None
    gateway6: IPv6Address | None

    @property
    def interface(self) -> str:
        """Name of its only interface inside its namespace."""
        return "eth0"


@final
@dataclass(frozen=True, slots=True)
class HostPlan(Machine):
    """A machine that stays."""

    site: str
    port: Endpoint


@final
@dataclass(frozen=True, slots=True)
class Slot:
    """A place at an access switch where a virtual machine can be plugged in."""

    name: str
    """As the topology names it: a site or an access switch."""
    site: str
    port: Endpoint
    interface: str
    """The end of the slot that is not the switch's port."""


@final
@dataclass(frozen=True, slots=True)
class VmPlan(Machine):
    """A machine that moves."""

    tap: str
    """The lab's end of its `eth0`."""
    at: str
    """The slot it starts in."""
    slots: tuple[Slot, ...]

    def slot(self, name: str) -> Slot:
        """A slot by name; `KeyError` says which ones there are."""
        for slot in self.slots:
            if slot.name == name:
                return slot
        known = ", ".join(slot.name for slot in self.slots)
        raise KeyError(f"{self.name} has no slot {name!r}: use one of {known}")


@final
@dataclass(frozen=True, slots=True)
class SitePlan:
    """A place and its switches."""

    name: str
    kind: SiteKind
    label: str
    pes: tuple[str, ...]
    access: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """A whole lab, everything derived."""

    name: str
    description: str
    defaults: Defaults
    reflector: IPv4Address
    """Where the route reflector listens (port 179), inside the lab's own network."""
    sites: dict[str, SitePlan]
    switches: dict[str, Switch]
    cables: tuple[Cable, ...]
    tenants: dict[str, TenantPlan]
    bridge_domains: dict[str, BridgeDomainPlan]
    segments: dict[str, SegmentPlan]
    hosts: dict[str, HostPlan]
    vms: dict[str, VmPlan]
    _far: dict[Endpoint, Endpoint] = field(default_factory=dict, init=False, repr=False, compare=False)
    _owners: dict[str, str | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for cable in self.cables:
            self._far[cable.a] = cable.b
            self._far[cable.b] = cable.a
        for machine in self.machines.values():
            for address in (machine.address, machine.address6):
                if address is not None:
                    known = str(address.ip) in self._owners
                    self._owners[str(address.ip)] = None if known else machine.name

    def far_end(self, endpoint: Endpoint) -> Endpoint | None:
        """The other end of the cable at a port; None where a host or a slot is."""
        return self._far.get(endpoint)

    def machine_at(self, address: str) -> str | None:
        """The machine with an address, as text; None if there is none, or one in each of several tenants."""
        return self._owners.get(address)

    def port(self, endpoint: Endpoint) -> Port:
        """The port at a point of a path."""
        return self.switches[endpoint.node].port(endpoint.port)

    def with_role(self, *roles: Role) -> tuple[Switch, ...]:
        """All switches of these roles, in the order of the file."""
        return tuple(switch for switch in self.switches.values() if switch.role in roles)

    @property
    def pes(self) -> tuple[Switch, ...]:
        """All PEs."""
        return self.with_role(Role.PE)

    @property
    def machines(self) -> dict[str, HostPlan | VmPlan]:
        """Hosts and virtual machines by name."""
        return {**self.hosts, **self.vms}

    def as_json(self) -> dict[str, Any]:
        """Everything, as plain JSON values."""
        result: dict[str, Any] = TypeAdapter(Plan).dump_python(self, mode="json")
        del result["_far"], result["_owners"]
        return result
