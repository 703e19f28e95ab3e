"""What a controller that starts reads out of the tables that another one left."""

from __future__ import annotations

from ipaddress import ip_address

from controllers import intents as want
from controllers.dataplane.adoption import LearnedHost, learned, neighbors, routed
from controllers.dataplane.pe import PeRenderer
from controllers.dataplane.plane import Plane

HOST, FAR, GATEWAY = 0x020000000001, 0x020000000002, 0x00005E00010A
PE2 = ip_address("10.255.0.2")


def test_hosts_addresses_and_gateways() -> None:
    plane = Plane(PeRenderer())
    for intent in (
        want.BridgeDomain(1),
        want.AttachmentCircuit(1, 2, 10, 1),
        want.MacEntry(1, HOST, want.LocalAc(1)),
        want.MacEntry(1, HOST + 9, want.LocalAc(1), static=True),
        want.MacEntry(1, FAR, want.Remote(PE2, 302001)),
        want.MacEntry(1, FAR + 9, want.ViaPseudoWire(16418, want.Remote(PE2, 264002))),
        want.Neighbor(1, ip_address("10.0.10.11"), HOST, owner_ac=1),
        want.Neighbor(1, ip_address("fd00::11"), HOST, owner_ac=1, router=True),
        want.Neighbor(1, ip_address("10.0.10.12"), FAR),
        want.GatewayMac(1, GATEWAY, 1),
    ):
        plane.set(intent)
    present = [update.entity for update in plane.changes()]
    assert set(learned(present)) == {LearnedHost(1, 1, HOST), LearnedHost(1, 16418, FAR + 9)}
    assert {(found.ip, found.router) for found in neighbors(present)} == {
        (ip_address("10.0.10.11"), False),
        (ip_address("fd00::11"), True),
    }
    assert list(routed(present)) == [(1, GATEWAY)]
