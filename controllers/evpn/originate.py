"""The routes a PE originates, built from its configuration. No state but memory of equal attributes."""

from __future__ import annotations

from functools import lru_cache
from typing import final

from controllers.bgp.routes import Route
from controllers.evpn.config import BdConfig, HostRouteCarrier, Irb, PeConfig, VrfConfig
from controllers.intents import IpNetwork
from controllers.wire.attributes import DEFAULT_LOCAL_PREF, PathAttributes, PmsiTunnel
from controllers.wire.evpn import InclusiveMulticast, IpPrefix, MacIpAdvertisement
from controllers.wire.extended import ArpNd, DefaultGateway, ExtendedCommunity, MacMobility
from controllers.wire.types import ZERO_ESI, IpAddress
from controllers.wire.vpn import VpnPrefix

ETHERNET_TAG = 0
"""VLAN-based service: one broadcast domain per EVI (RFC 7432 §6.1)."""


@final
class Originator:
    """Makes routes with this PE as next hop; no Encapsulation community means MPLS (RFC 8365 §5.1.3)."""

    def __init__(self, config: PeConfig) -> None:
        self._pe = config.loopback
        self._attributes = lru_cache(maxsize=65536)(self._make_attributes)

    def _make_attributes(
        self, communities: tuple[ExtendedCommunity, ...], local_pref: int | None
    ) -> PathAttributes:
        return PathAttributes(
            next_hop=self._pe,
            local_pref=DEFAULT_LOCAL_PREF if local_pref is None else local_pref,
            extended_communities=communities,
        )

    def multicast(self, bd: BdConfig) -> Route:
        """Take part in the flooding of a bridge domain by ingress replication (RFC 7432 §11.1, §11.2)."""
        attributes = PathAttributes(
            next_hop=self._pe,
            extended_communities=bd.export_rts,
            pmsi_tunnel=PmsiTunnel.ingress_replication(bd.flood_label, self._pe),
        )
        return Route(InclusiveMulticast(bd.rd, ETHERNET_TAG, self._pe), attributes)

    def mac(self, bd: BdConfig, mac: int, sequence: int, *, sticky: bool) -> Route:
        """Advertise a local MAC without address (RFC 7432 §9.2.1)."""
        communities = (*bd.export_rts, *_mobility(sequence, sticky))
        nlri = MacIpAdvertisement(bd.rd, ZERO_ESI, ETHERNET_TAG, mac, None, bd.unicast_label)
        return Route(nlri, self._attributes(communities, None))

    def mac_ip(
        self,
        bd: BdConfig,
        vrf: VrfConfig | None,
        mac: int,
        ip: IpAddress,
        sequence: int,
        *,
        sticky: bool,
        router: bool,
        override: bool,
    ) -> Route:
        """Advertise a local MAC with one of its addresses (RFC 7432 §10, RFC 9047 §3.1).

        `vrf` is that of an active gateway, None without one: then there is nothing to route to here, nor is
        there with a link-local address (RFC 4291 §2.5.6).
        """
        label2: int | None = None
        vrf_rts: tuple[ExtendedCommunity, ...] = ()
        if vrf is not None and not ip.is_link_local and carries_label2(vrf):
            label2, vrf_rts = vrf.label, vrf.export_rts
        flags = (ArpNd(router=router, override=override),) if ip.version == 6 else ()
        communities = _unique((*bd.export_rts, *vrf_rts, *_mobility(sequence, sticky), *flags))
        nlri = MacIpAdvertisement(bd.rd, ZERO_ESI, ETHERNET_TAG, mac, ip, bd.unicast_label, label2)
        return Route(nlri, self._attributes(communities, None))

    def gateway(self, bd: BdConfig, mac: int, ip: IpAddress, *, community: bool) -> Route:
        """Advertise a gateway's own MAC and address; no mobility community goes with it (bis §10.1.1).

        Who answers for it is told that it is a router (RFC 9047 §3): hosts drop one that is said to be none
        (RFC 4861 §7.2.5).
        """
        mark: tuple[ExtendedCommunity, ...] = (DefaultGateway(),) if community else ()
        flags = (ArpNd(router=True, override=True),) if ip.version == 6 else ()
        nlri = MacIpAdvertisement(bd.rd, ZERO_ESI, ETHERNET_TAG, mac, ip, bd.unicast_label)
        return Route(nlri, self._attributes((*bd.export_rts, *mark, *flags), None))

    def prefix(self, vrf: VrfConfig, prefix: IpNetwork, local_pref: int | None) -> Route:
        """Advertise a prefix of an IP-VRF, without overlay index (RFC 9136 §4.4.1)."""
        nlri = IpPrefix(vrf.rd, ETHERNET_TAG, prefix, vrf.label)
        return Route(nlri, self._attributes(vrf.export_rts, local_pref))

    def host(self, vrf: VrfConfig, prefix: IpNetwork, sequence: int) -> Route:
        """Advertise a local host to IP-VRFs without its bridge domain, by the carrier of the IP-VRF.

        An EVPN host route carries the sequence of its MAC, by which receivers tell the new place from the old
        one before the old one is withdrawn. VPN routes have no such thing.
        """
        if vrf.carrier is HostRouteCarrier.VPN:
            return Route(
                VpnPrefix(vrf.rd, prefix, vrf.label),
                self._attributes(vrf.export_rts, None),
            )
        communities = (*vrf.export_rts, *_mobility(sequence, sticky=False))
        return Route(
            IpPrefix(vrf.rd, ETHERNET_TAG, prefix, vrf.label),
            self._attributes(communities, None),
        )


def carries_label2(vrf: VrfConfig) -> bool:
    """Tell whether MAC/IP routes name the IP-VRF too: symmetric IRB, or type 2 as carrier (RFC 9135 §5.1)."""
    if vrf.irb is Irb.SYMMETRIC:
        return True
    return vrf.vmto.ingress and vrf.carrier is HostRouteCarrier.TYPE2


# RFC 7432 §15: a MAC that never moved carries no community, which counts as sequence 0.
def _mobility(sequence: int, sticky: bool) -> tuple[ExtendedCommunity, ...]:
    return (MacMobility(sequence, sticky),) if sequence or sticky else ()


def _unique(communities: tuple[ExtendedCommunity, ...]) -> tuple[ExtendedCommunity, ...]:
    return tuple(dict.fromkeys(communities))
