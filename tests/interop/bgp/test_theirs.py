"""Routes that gobgpd and FRR originate, as we understand them; and ours, as they show them."""

from __future__ import annotations

import json
from collections.abc import Callable
from ipaddress import ip_address, ip_network

import pytest

from controllers.wire import extended as ext
from controllers.wire.attributes import Origin, PmsiTunnel
from controllers.wire.evpn import (
    EthernetAutoDiscovery,
    EthernetSegment,
    InclusiveMulticast,
    IpPrefix,
    MacIpAdvertisement,
)
from controllers.wire.types import EVPN, VPNV4, ZERO_ESI, Esi, RouteDistinguisher, RouteTarget
from controllers.wire.vpn import VpnPrefix
from tests.interop.bgp.conftest import Lab
from tests.interop.bgp.lab import EVPN_ROUTES, REFLECTOR, TARGET, VPNV4_ROUTE, eventually

pytestmark = pytest.mark.needs_root

RD = RouteDistinguisher.parse("10.255.0.100:7")
ESI = Esi.parse("00:11:22:33:44:55:66:77:88:99")
COMMON = "rd 10.255.0.100:7 rt 65000:100"
MPLS = ext.Encapsulation(ext.TunnelType.MPLS)

FROM_GOBGP = {
    f"a-d esi ARBITRARY 11:22:33:44:55:66:77:88:99 etag 0 label 6401 {COMMON}": (
        EthernetAutoDiscovery(RD, ESI, 0, 400),
        (TARGET,),
    ),
    f"macadv 02:00:00:00:00:01 0.0.0.0 etag 7 label 1601 {COMMON} encap mpls": (
        MacIpAdvertisement(RD, ZERO_ESI, 7, 0x020000000001, None, 100),
        (TARGET, MPLS),
    ),
    f"macadv 02:00:00:00:00:02 10.0.0.2 esi ARBITRARY 11:22:33:44:55:66:77:88:99 etag 0 label 1601 {COMMON} "
    "router-mac 02:00:00:00:00:aa": (
        MacIpAdvertisement(RD, ESI, 0, 0x020000000002, ip_address("10.0.0.2"), 100),
        (TARGET, ext.RouterMac(0x0200_0000_00AA)),
    ),
    f"macadv 02:00:00:00:00:03 2001:db8::3 etag 0 label 1601 {COMMON} default-gateway": (
        MacIpAdvertisement(RD, ZERO_ESI, 0, 0x020000000003, ip_address("2001:db8::3"), 100),
        (TARGET, ext.DefaultGateway()),
    ),
    f"multicast 10.255.0.100 etag 0 {COMMON} pmsi ingress-repl 4801 10.255.0.100": (
        InclusiveMulticast(RD, 0, REFLECTOR),
        (TARGET,),
    ),
    f"esi 10.255.0.100 esi ARBITRARY 11:22:33:44:55:66:77:88:99 {COMMON}": (
        EthernetSegment(RD, ESI, REFLECTOR),
        (TARGET,),
    ),
    f"prefix 10.1.0.0/16 gw 10.0.0.1 etag 0 label 8001 {COMMON}": (
        IpPrefix(RD, 0, ip_network("10.1.0.0/16"), 500, ip_address("10.0.0.1")),
        (TARGET,),
    ),
    f"prefix 2001:db8:1::/48 etag 0 label 8001 {COMMON}": (
        IpPrefix(RD, 0, ip_network("2001:db8:1::/48"), 500),
        (TARGET,),
    ),
}


@pytest.mark.needs_gobgp
async def test_gobgp_originates_and_we_understand(lab: Lab, need: Callable[[str], None]) -> None:
    """Its command line takes labels as fields of 24 bits: 1601 is label 100 with the stack bit."""
    need("gobgp")
    await lab.reflector("gobgp")
    one = await lab.pe(1)
    await one.until(lambda p: p.up, "the session")
    for words in FROM_GOBGP:
        await lab.gobgp("global", "rib", "-a", "evpn", "add", *words.split())
    await one.until(lambda p: len(p.table) == len(FROM_GOBGP), "all routes arrive")
    heard = {route.nlri: route for route in one.table.values()}
    for nlri, communities in FROM_GOBGP.values():
        assert set(heard[nlri].attributes.extended_communities) == set(communities)
        assert heard[nlri].next_hop == REFLECTOR
        assert heard[nlri].attributes.origin == Origin.INCOMPLETE
    multicast = heard[InclusiveMulticast(RD, 0, REFLECTOR)]
    assert multicast.attributes.pmsi_tunnel == PmsiTunnel.ingress_replication(300, REFLECTOR)
    await lab.gobgp("global", "rib", "-a", "evpn", "del", "all")
    await one.until(lambda p: not p.table, "all routes leave")


@pytest.mark.needs_gobgp
async def test_gobgp_understands_ours(lab: Lab, need: Callable[[str], None]) -> None:
    need("gobgp")
    await lab.reflector("gobgp")
    one, two = await lab.pe(1), await lab.pe(2)
    route = EVPN_ROUTES["2 MAC and IPv4, two labels"]
    one.speaker.announce(route)
    await two.until(lambda p: bool(p.table), "the route arrives")
    text = await lab.gobgp("-j", "neighbor", "10.255.0.1", "adj-in", "-a", "evpn")
    (paths,) = json.loads(text).values()
    value = paths[0]["nlri"]["value"]
    assert value["rd"] == {"type": 1, "admin": "10.255.0.1", "assigned": 100}
    assert (value["mac"], value["ip"], value["etag"]) == ("02:00:00:00:00:01", "10.0.0.1", 0)
    assert value["labels"] == [100 << 4, 200 << 4 | 1]


@pytest.mark.needs_frr
async def test_frr_originates_and_we_understand(lab: Lab, need: Callable[[str], None]) -> None:
    """Without zebra it can originate VPN-IPv4 prefixes; its EVPN routes need a kernel with VXLAN."""
    need("frr")
    await lab.reflector("frr", families=(EVPN, VPNV4))
    one = await lab.pe(1, (EVPN, VPNV4))
    await one.until(lambda p: p.up, "the session")
    await lab.vtysh(
        "configure terminal",
        "route-map targets permit 10",
        "set extcommunity rt 65000:100 10.255.0.1:7",
        "set local-preference 300",
        "exit",
        "router bgp 65000",
        "address-family ipv4 vpn",
        "network 10.9.0.0/16 rd 10.255.0.100:7 label 600 route-map targets",
    )
    await one.until(lambda p: bool(p.table), "the route arrives")
    (route,) = one.table.values()
    assert route.nlri == VpnPrefix(RD, ip_network("10.9.0.0/16"), 600)
    assert route.attributes.local_pref == 300
    assert route.attributes.route_targets == {TARGET, RouteTarget.parse("10.255.0.1:7")}
    await lab.vtysh(
        "configure terminal",
        "router bgp 65000",
        "address-family ipv4 vpn",
        "no network 10.9.0.0/16 rd 10.255.0.100:7 label 600",
    )
    await one.until(lambda p: not p.table, "the route leaves")


@pytest.mark.needs_frr
async def test_frr_understands_ours(lab: Lab, need: Callable[[str], None]) -> None:
    need("frr")
    await lab.reflector("frr", families=(EVPN, VPNV4))
    one, two = await lab.pe(1, (EVPN, VPNV4)), await lab.pe(2, (EVPN, VPNV4))
    one.speaker.announce(*EVPN_ROUTES.values(), VPNV4_ROUTE)
    await two.until(lambda p: len(p.table) == len(EVPN_ROUTES) + 1, "all routes arrive")
    shown = await lab.vtysh("show bgp l2vpn evpn")
    for line in (
        "[1]:[0]:[00:11:22:33:44:55:66:77:88:99]:[32]:[0.0.0.0]",
        "[2]:[0]:[48]:[02:00:00:00:00:01]\n",
        "[2]:[0]:[48]:[02:00:00:00:00:01]:[32]:[10.0.0.1]",
        "[2]:[0]:[48]:[02:00:00:00:00:02]:[128]:[2001:db8::1]",
        "[3]:[0]:[32]:[10.255.0.1]",
        "[4]:[00:11:22:33:44:55:66:77:88:99]:[32]:[10.255.0.1]",
        "[5]:[0]:[16]:[10.1.0.0]",
        "[5]:[0]:[48]:[2001:db8:1::]",
        "MM:7",
        "MM:0, sticky MAC",
        "Default Gateway",
        "Rmac:02:00:00:00:00:aa",
        "ES-Import-Rt:11:22:33:44:55:66",
        "ESI-label-Rt:SA",
    ):
        assert line in shown, shown
    assert "10.3.0.1/32" in await lab.vtysh("show bgp ipv4 vpn")


@pytest.mark.needs_frr
async def test_frr_asks_for_a_refresh_and_gets_it(lab: Lab, need: Callable[[str], None]) -> None:
    need("frr")
    await lab.reflector("frr")
    one = await lab.pe(1)
    one.speaker.announce(*EVPN_ROUTES.values())

    def sent() -> int:
        return one.speaker.peers()[0].counters.updates_out

    await eventually(lambda: sent() > 0, "the first sending")
    before = sent()
    await lab.vtysh("clear bgp l2vpn evpn * soft in")
    await eventually(lambda: sent() > before, "the second one")
