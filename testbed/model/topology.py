"""A lab as its author writes it: what is connected to what. Everything else is derived (see `plan`)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self, final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from testbed.model.fields import (
    NUMBER,
    CommunityText,
    IPv4,
    IPv6,
    Mac,
    MacRange,
    Milliseconds,
    Name,
    Prefix,
    Subnet4,
    Subnet6,
    TargetText,
)


@final
class Role(StrEnum):
    """What a node is."""

    PE = "pe"
    P = "p"
    ACCESS = "access"


@final
class Mode(StrEnum):
    """How layer 2 is stretched, and where the gateway is; the four ways that are compared."""

    VPLS = "vpls"
    EVPN = "evpn"
    EVPN_EGRESS = "evpn-egress"
    EVPN_VMTO = "evpn-vmto"


@final
class Reflector(StrEnum):
    """Who reflects the BGP routes."""

    EMBEDDED = "embedded"
    GOBGP = "gobgp"
    FRR = "frr"


@final
class Announce(StrEnum):
    """How a migrated guest is announced; `qemu` is GARP at 0, 50, 200 ms and RARP at 111 ms."""

    GARP = "garp"
    RARP = "rarp"
    QEMU = "qemu"
    NONE = "none"


@final
class GatewayMode(StrEnum):
    """The gateway's MAC on each PE (RFC 9135 section 4.1, RFC 7432 section 10.1)."""

    ANYCAST = "anycast"
    PER_PE = "per-pe"
    PER_PE_NO_COMMUNITY = "per-pe-no-community"


@final
class Irb(StrEnum):
    """Who routes between two bridge domains: both PEs (RFC 9135 section 5), or the ingress PE (section 6)."""

    SYMMETRIC = "symmetric"
    ASYMMETRIC = "asymmetric"


@final
class HostRoute(StrEnum):
    """Which route carries a host's /32 to PEs without its bridge domain.

    An EVPN IP prefix route (RFC 9136), label 2 of the MAC/IP route (RFC 9135), or L3VPN (RFC 4364, RFC 4659).
    """

    TYPE5 = "type5"
    TYPE2 = "type2"
    VPN = "vpn"


@final
class SiteKind(StrEnum):
    """Data centers hold machines that move; a branch holds their users."""

    DATA_CENTER = "data-center"
    BRANCH = "branch"


@final
class Redundancy(StrEnum):
    """How a multihomed segment uses its PEs (RFC 7432 section 14)."""

    ALL_ACTIVE = "all-active"
    SINGLE_ACTIVE = "single-active"


@final
class DuplicateAction(StrEnum):
    """What becomes of a duplicate MAC: it stays where it was seen last, or its frames are dropped."""

    FREEZE = "freeze"
    DROP = "drop"


class Part(BaseModel):
    """Base of all parts of a topology: frozen, and no key but the known ones."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


@final
class Duplicates(Part):
    """When a MAC or an address that goes to and fro is taken for two machines (RFC 7432 section 15.1)."""

    moves: Annotated[int, Field(ge=2, le=1000), NUMBER] = 5
    """Moves that one PE causes by learning the MAC."""
    window_s: Annotated[float, Field(ge=0.5, le=86_400, allow_inf_nan=False), NUMBER] = 180.0
    """Within how many seconds."""
    retry_s: Annotated[float, Field(ge=1.5, le=864_000, allow_inf_nan=False), NUMBER] = 540.0
    """After how many seconds it is given another chance; at least three times `window_s`."""
    action: DuplicateAction = DuplicateAction.FREEZE
    """What becomes of it until then."""

    @model_validator(mode="after")
    def _patient(self) -> Self:
        if self.retry_s < 3 * self.window_s:
            raise ValueError(f"`retry_s` is at least 3 x `window_s`: write {3 * self.window_s:g} or more")
        return self


@final
class Defaults(Part):
    """What a run does unless its command line or scenario says otherwise."""

    mode: Mode = Mode.EVPN_VMTO
    """The way of forwarding."""
    reflector: Reflector = Reflector.EMBEDDED
    """Who reflects the BGP routes."""
    announce: Announce = Announce.GARP
    """How a migrated guest is announced."""
    blackout_ms: Milliseconds = 100.0
    """How long a migrating guest is off the network, ms."""
    mac_ageing_s: Annotated[float, Field(ge=0.5, le=86_400, allow_inf_nan=False), NUMBER] = 300.0
    """After how many seconds of silence a PE asks for a machine, and forgets it if there is no answer."""
    duplicates: Duplicates = Duplicates()
    """When a MAC counts as a duplicate, and what follows."""
    asn: Annotated[int, Field(ge=1, le=65535), NUMBER] = 65000
    """The autonomous system of all PEs; two octets, so that it fits a type 0 route distinguisher."""


@final
class Site(Part):
    """A place: PEs, access switches and what hangs on them."""

    kind: SiteKind = SiteKind.DATA_CENTER
    """What the place is."""
    label: str = ""
    """A name for people."""


@final
class Tenant(Part):
    """A customer: one IP-VRF."""

    label: str = ""
    """A name for people."""
    irb: Irb = Irb.SYMMETRIC
    """Whether both PEs route between bridge domains, or only the one where a packet comes in."""
    host_route: HostRoute = HostRoute.TYPE5
    """What carries host routes, in modes that have them."""


@final
class BridgeDomain(Part):
    """One VLAN stretched over sites, with its gateway (IRB)."""

    vlan: Annotated[int, Field(ge=1, le=4094), NUMBER]
    """The VLAN at every site; unique in the lab."""
    tenant: Name
    """The tenant whose IP-VRF routes it."""
    sites: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Where it exists. The first is where the single gateway is active in the modes that have only one."""
    subnet: Subnet4
    """Its IPv4 subnet."""
    gateway: IPv4
    """The gateway's address, an address of the subnet."""
    subnet6: Subnet6 | None = None
    """Its IPv6 subnet, if any."""
    gateway6: IPv6 | None = None
    """The gateway's IPv6 address."""
    evi: Annotated[int, Field(ge=1, le=65535), NUMBER] | None = None
    """The EVPN instance; the VLAN's number unless given. Goes into route targets and distinguishers."""
    vrid: Annotated[int, Field(ge=1, le=255), NUMBER] | None = None
    """The VRID of the anycast and VRRP MAC 00:00:5e:00:01:VRID; the VLAN's number if that fits, else 1."""
    gateway_mode: GatewayMode = GatewayMode.ANYCAST
    """Which MAC the gateway has on each PE."""
    gateway_mac: Mac | None = None
    """A shared gateway MAC instead of the automatic one."""
    mac_limit: Annotated[int, Field(ge=1, le=1_000_000), NUMBER] | None = None
    """How many MACs a PE learns from circuits (VPLS: and pseudo-wires) at most; unlimited unless given."""
    control_word: bool = False
    """Put a control word under the service label (RFC 7432 section 18)."""


@final
class RuleAction(StrEnum):
    """What a rule does with a route."""

    ACCEPT = "accept"
    REJECT = "reject"


@final
class PolicyRule(Part):
    """Which routes a PE takes or gives: all conditions must hold, the first rule that matches decides.

    What no rule matches is accepted. A condition on MAC or IP addresses does not hold for a route without.
    """

    action: RuleAction
    """What becomes of the route."""
    mac: MacRange | None = None
    """MAC/IP routes of a MAC, or of all that begin alike, as `02:00:0a:00:00:00/24`."""
    prefix: Prefix | None = None
    """Routes for a prefix or a host within it."""
    route_type: Annotated[int, Field(ge=1, le=5), NUMBER] | None = None
    """EVPN routes of a type (RFC 7432 section 7, RFC 9136)."""
    route_target: TargetText | None = None
    """Routes with a route target, as `65000:10`."""
    community: CommunityText | None = None
    """Routes with a community (RFC 1997), as `65000:100`."""
    local_preference: Annotated[int, Field(ge=0, le=0xFFFFFFFF), NUMBER] | None = None
    """The local preference that an accepted route gets."""
    add_community: CommunityText | None = None
    """A community that an accepted route gets besides."""


@final
class Node(Part):
    """A switch: PE, P router or access switch."""

    role: Role
    """What it is."""
    site: Name | None = None
    """The place of a PE or an access switch; a P router has none."""
    sid: Annotated[int, Field(ge=1, le=999), NUMBER] | None = None
    """Its segment: node-SID label 16000 + sid, loopback 10.255.0.sid. Counted up by role unless given."""
    import_policy: tuple[PolicyRule, ...] = ()
    """Of a PE: which routes it takes from its reflector."""
    export_policy: tuple[PolicyRule, ...] = ()
    """Of a PE: which routes it gives to its reflector."""


@final
class Link(Part):
    """A cable between two nodes."""

    ends: Annotated[tuple[Name, ...], Field(min_length=2, max_length=2)]
    """The two nodes."""
    delay_ms: Milliseconds = 0.0
    """One-way delay, the same both ways, ms."""
    rate_mbps: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False), NUMBER] | None = None
    """Rate limit each way, Mbit/s; unlimited unless given."""
    cost: Annotated[int, Field(ge=1, le=65535), NUMBER] = 10
    """The cost that the underlay's shortest paths add up."""


@final
class Segment(Part):
    """A multihomed Ethernet segment: one access switch, all PEs it is linked to."""

    access: Name
    """The access switch."""
    redundancy: Redundancy = Redundancy.ALL_ACTIVE
    """All PEs forward, or one of them."""


@final
class Host(Part):
    """A machine that stays where it is."""

    bridge_domain: Name
    """The bridge domain it is in."""
    at: Name
    """A site, or an access switch where the site has more than one."""
    address: IPv4
    """Its address."""
    address6: IPv6 | None = None
    """Its IPv6 address, if any."""
    mac: Mac | None = None
    """Its MAC; derived from its address unless given."""


@final
class Vm(Part):
    """A virtual machine: a host that can be live-migrated between its slots."""

    bridge_domain: Name
    """The bridge domain it is in."""
    at: Name
    """The slot it starts in."""
    slots: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Where it can run: sites, or access switches where a site has more than one."""
    address: IPv4
    """Its address."""
    address6: IPv6 | None = None
    """Its IPv6 address, if any."""
    mac: Mac | None = None
    """Its MAC; derived from its address unless given."""


@final
class Topology(Part):
    """A whole lab."""

    name: Name
    """The lab's name; two labs with different names run side by side."""
    description: str = ""
    """One line for people."""
    defaults: Defaults = Defaults()
    """What a run does unless told otherwise."""
    tenants: dict[Name, Tenant]
    """The customers, each with one IP-VRF."""
    bridge_domains: dict[Name, BridgeDomain]
    """The stretched VLANs."""
    sites: dict[Name, Site]
    """The places."""
    nodes: dict[Name, Node]
    """The switches."""
    links: tuple[Link, ...]
    """The cables between them."""
    segments: dict[Name, Segment] = {}
    """Multihomed Ethernet segments; every access switch with more than one PE needs one."""
    hosts: dict[Name, Host] = {}
    """Machines that stay."""
    vms: dict[Name, Vm] = {}
    """Machines that move."""
