"""What every switch of a lab needs beside its services: copies to the controller, links, the watch list."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Final, final

from msgspec import Struct

from controllers.dataplane.entity import CloneSession, Digest, Entity, MatchValue, Ternary, action, entry
from controllers.intents import IpNetwork

CPU_PORT: Final = 510
"""Port of the P4Runtime controller in all of our programs."""

PUNT_SESSION: Final = 1
POSTCARD_SESSION: Final = 2

DIGEST_DELAY_NS: Final = 1
"""How long a sample may wait for others: those that are there together go together."""

ACK_TIMEOUT_NS: Final = 1_000_000_000
"""How long a switch holds back what it has reported but nobody has acknowledged."""


@final
class ControllerChannel(Struct, frozen=True):
    """Copies to the controller, and the digests that it wants, of which `digest_list` samples go together."""

    digests: tuple[str, ...] = ()
    digest_list: int = 1

    @property
    def key(self) -> tuple[str, ...]:
        """There is one of it."""
        return ("controller-channel",)

    def entities(self) -> Iterator[Entity]:
        """The clone sessions and digests."""
        for session in (PUNT_SESSION, POSTCARD_SESSION):
            yield CloneSession(session, ((CPU_PORT, 0),))
        for name in self.digests:
            yield Digest(name, self.digest_list, DIGEST_DELAY_NS, ACK_TIMEOUT_NS)


@final
class CoreInterface(Struct, frozen=True):
    """A port on which labels count, in frames to `mac` (int), the port's own."""

    port: int
    mac: int

    @property
    def key(self) -> tuple[str, int]:
        """The port."""
        return ("core-interface", self.port)

    def entities(self) -> Iterator[Entity]:
        """One entry."""
        yield entry("core_interface", {"port": self.port, "link_mac": self.mac}, action("accept_labels"))


@final
class Watch(Struct, frozen=True):
    """Packets that every switch reports: None matches all.

    `number` is 1..65535 and comes back in the reports. Of overlapping ones the highest number wins.
    """

    number: int
    source: IpNetwork
    destination: IpNetwork
    protocol: int | None = None
    source_port: int | None = None
    destination_port: int | None = None

    @property
    def key(self) -> tuple[str, int]:
        """The number."""
        return ("watch", self.number)

    def entities(self) -> Iterator[Entity]:
        """One entry."""
        source, destination = self.source, self.destination
        match: dict[str, MatchValue] = {
            "src_addr": _prefix(source),
            "dst_addr": _prefix(destination),
        }
        for name, value, width in (
            ("protocol", self.protocol, 8),
            ("src_port", self.source_port, 16),
            ("dst_port", self.destination_port, 16),
        ):
            if value is not None:
                match[name] = Ternary(value, (1 << width) - 1)
        table = "watch_ipv4" if source.version == 4 else "watch_ipv6"
        present = {name: value for name, value in match.items() if value != Ternary(0, 0)}
        yield entry(table, present, action("watch", id=self.number), priority=self.number)


@final
class RouterAddress(Struct, frozen=True):
    """What an IP-VRF calls itself in ICMP errors for packets that came in from the core."""

    vrf: int
    address: IPv4Address

    @property
    def key(self) -> tuple[str, int]:
        """The VRF."""
        return ("router-address", self.vrf)

    def entities(self) -> Iterator[Entity]:
        """One entry; bridge domain 0 is the core."""
        match: dict[str, MatchValue] = {"vrf": self.vrf, "bridge_domain": 0}
        yield entry("router_address", match, action("time_exceeded", address=int(self.address)))


def _prefix(network: IPv4Network | IPv6Network) -> Ternary:
    return Ternary(int(network.network_address), int(network.netmask))


SelfRendering = ControllerChannel | CoreInterface | Watch | RouterAddress
"""Intents that know their entities: they are the same in every program and depend on nothing."""
