"""PEs under test, and a route of every type."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, ip_address, ip_network

from msgspec.structs import replace

from controllers.bgp.routes import EndOfRibEvent, PeerEvent, Route, RouteEvent
from controllers.runtime.bgp import Speaker
from controllers.wire import extended as ext
from controllers.wire.attributes import LargeCommunity, PathAttributes, PmsiTunnel
from controllers.wire.evpn import (
    MAX_ETHERNET_TAG,
    EthernetAutoDiscovery,
    EthernetSegment,
    InclusiveMulticast,
    IpPrefix,
    MacIpAdvertisement,
)
from controllers.wire.types import ZERO_ESI, Esi, Family, RouteDistinguisher, RouteKey, RouteTarget
from controllers.wire.vpn import VplsBlock, VpnPrefix

PORT = 1790
TARGET = RouteTarget.parse("65000:100")
ESI = Esi.parse("00:11:22:33:44:55:66:77:88:99")


def pe(number: int) -> IPv4Address:
    """The loopback of a PE."""
    return IPv4Address(f"10.255.0.{number}")


REFLECTOR = pe(100)
LOOPBACKS = (*(pe(number) for number in range(1, 10)), REFLECTOR)


class Pe:
    """A PE's speaker with what it has heard."""

    speaker: Speaker

    def __init__(self) -> None:
        self.table: dict[RouteKey, Route] = {}
        self.peers: list[PeerEvent] = []
        self.complete: set[Family] = set()
        self.lost: set[RouteKey] = set()
        self.updates = 0
        self._news = asyncio.Event()

    def routes(self, events: Sequence[RouteEvent]) -> None:
        for event in events:
            if event.route is None:
                del self.table[event.key]
                self.lost.add(event.key)
            else:
                self.table[event.key] = event.route
        self.updates += len(events)
        self._news.set()

    def peer(self, event: PeerEvent) -> None:
        self.peers.append(event)
        self._news.set()

    def end_of_rib(self, event: EndOfRibEvent) -> None:
        self.complete.add(event.family)
        self._news.set()

    @property
    def up(self) -> bool:
        return bool(self.peers) and self.peers[-1].up

    async def until(self, holds: Callable[[Pe], bool], what: str, seconds: float = 15.0) -> None:
        """Wait until something heard makes `holds` true. Fails with `what` and what was heard."""
        try:
            async with asyncio.timeout(seconds):
                while not holds(self):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            heard = "\n".join(str(route) for route in self.table.values())
            raise AssertionError(f"{what}: not within {seconds} s; heard {self.peers} and\n{heard}") from None


async def eventually(holds: Callable[[], bool], what: str, seconds: float = 15.0) -> None:
    """Wait for something that announces itself to nobody."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, f"{what}: not within {seconds} s"
        await asyncio.sleep(0.01)


def plain(attributes: PathAttributes) -> PathAttributes:
    """Attributes without what reflection may change.

    Its history; the order of communities, which FRR sorts; the MED of 0 that FRR sends for none.
    """
    communities = tuple(sorted(attributes.extended_communities, key=lambda c: c.to_bytes()))
    return replace(
        attributes,
        originator_id=None,
        cluster_list=(),
        med=attributes.med or None,
        extended_communities=communities,
    )


RD = RouteDistinguisher.of_ipv4(pe(1), 100)


def attributes(*communities: ext.ExtendedCommunity, **more: object) -> PathAttributes:
    """A PE's attributes with the lab's target."""
    return PathAttributes(next_hop=pe(1), extended_communities=(TARGET, *communities), **more)  # type: ignore[arg-type]


EVPN_ROUTES: dict[str, Route] = {
    "1 per segment": Route(
        EthernetAutoDiscovery(RD, ESI, MAX_ETHERNET_TAG, 0), attributes(ext.EsiLabel(77, single_active=True))
    ),
    "1 per EVI": Route(
        EthernetAutoDiscovery(RD, ESI, 0, 400),
        attributes(ext.Layer2Attributes(ext.Layer2Flags.PRIMARY | ext.Layer2Flags.CONTROL_WORD, 1500)),
    ),
    "2 MAC only": Route(
        MacIpAdvertisement(RD, ZERO_ESI, 0, 0x020000000001, None, 100),
        attributes(ext.MacMobility(0xFFFF_FFFF)),
    ),
    "2 MAC and IPv4, two labels": Route(
        MacIpAdvertisement(RD, ESI, 0, 0x020000000001, ip_address("10.0.0.1"), 100, 200),
        attributes(RouteTarget.parse("65000:5000"), ext.RouterMac(0x0200_0000_00AA), ext.MacMobility(7)),
    ),
    "2 MAC and IPv6, static": Route(
        MacIpAdvertisement(RD, ZERO_ESI, 0, 0x020000000002, ip_address("2001:db8::1"), 100),
        attributes(ext.MacMobility(0, sticky=True), ext.ArpNd(router=True, override=True)),
    ),
    "2 gateway": Route(
        MacIpAdvertisement(RD, ZERO_ESI, 0, 0xA8D0E558DD08, ip_address("10.0.0.254"), 100),
        attributes(ext.DefaultGateway()),
    ),
    "3 ingress replication": Route(
        InclusiveMulticast(RD, 0, pe(1)), attributes(pmsi_tunnel=PmsiTunnel.ingress_replication(300, pe(1)))
    ),
    "4 with election": Route(
        EthernetSegment(RD, ESI, pe(1)),
        PathAttributes(
            next_hop=pe(1),
            extended_communities=(
                ext.EsImport(ESI.es_import),
                ext.DfElection(ext.DfAlgorithm.HIGHEST_PREFERENCE, ext.DfCapability.DONT_PREEMPT, 32767),
            ),
        ),
    ),
    "5 IPv4": Route(IpPrefix(RD, 0, ip_network("10.1.0.0/16"), 500), attributes(med=5, local_pref=300)),
    "5 IPv4 host behind a gateway": Route(
        IpPrefix(RD, 0, ip_network("10.2.0.1/32"), 500, ip_address("10.0.0.1")),
        attributes(communities=(65000 << 16 | 7,), large_communities=(LargeCommunity(65000, 1, 2),)),
    ),
    "5 IPv6": Route(IpPrefix(RD, 0, ip_network("2001:db8:1::/48"), 500), attributes()),
}
VPNV4_ROUTE = Route(VpnPrefix(RD, ip_network("10.3.0.1/32"), 600), attributes(local_pref=200))
VPNV6_ROUTE = Route(VpnPrefix(RD, ip_network("2001:db8:3::1/128"), 700), attributes())
VPLS_ROUTE = Route(VplsBlock(RD, 1, 1, 8, 800), attributes(ext.Layer2Info(19, 0, 1500)))
