"""State as text: what an operator looks for stands where routers print it."""

from __future__ import annotations

from typing import Any

import pytest

from testbed.cli import states


def words(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_columns() -> None:
    assert states.columns(("a", "long"), [("wide", 1), ("", 22)]) == "a     long\nwide  1\n      22"


def test_nothing() -> None:
    assert states.evpn([]) == states.macs([]) == "no MACs"
    assert states.routes([]) == states.bgp_routes([]) == "no routes"
    assert states.labels([]) == "no labels"
    assert states.tables([]) == "no entries"


def test_sessions() -> None:
    row = {
        "pe": "pe1",
        "neighbor": "10.255.255.254",
        "asn": 65000,
        "state": "established",
        "up": True,
        "seconds": 3725.4,
        "updates_in": 24,
        "updates_out": 12,
        "routes": 36,
        "reason": "",
    }
    down = row | {"up": False, "state": "active", "reason": "connection refused"}
    lines = words(states.bgp_sessions([row, down]))
    assert lines[1] == ["pe1", "10.255.255.254", "65000", "24", "12", "01:02:05", "36"]
    assert lines[2][-3:] == ["active", "(connection", "refused)"]


def test_rib() -> None:
    own: dict[str, Any] = {
        "network": "[2]:[1:1]:[0]:[02:00:00:00:00:01]",
        "rd": "1:1",
        "labels": [301001, 601201],
        "family": "evpn",
        "best": True,
        "next_hop": "10.255.0.1",
        "local_pref": 100,
        "peer": None,
        "originator": None,
        "targets": ["65000:10"],
        "communities": ["MM:3"],
    }
    other = own | {"best": False, "peer": "10.255.255.254", "local_pref": None}
    lines = states.bgp_routes([own, other]).splitlines()
    assert lines[1] == "EVPN type-2 prefix: [2]:[EthTag]:[MAClen]:[MAC]:[IPlen]:[IP]"
    assert lines[3:] == [
        "Route Distinguisher: 1:1",
        " *>  [2]:[0]:[48]:[02:00:00:00:00:01]",
        "       via 10.255.0.1, LocPrf 100, label 301001/601201",
        "       RT:65000:10 MM:3",
        " * i [2]:[0]:[48]:[02:00:00:00:00:01]",
        "       via 10.255.0.1, label 301001/601201",
        "       RT:65000:10 MM:3",
    ]


@pytest.mark.parametrize(
    ("family", "rd", "network", "shown"),
    [
        (
            "evpn",
            "1:1",
            "[2]:[1:1]:[0]:[02:00:00:00:00:01]:[fd00::1]",
            "[2]:[0]:[48]:[02:00:00:00:00:01]:[128]:[fd00::1]",
        ),
        ("evpn", "1:1", "[3]:[1:1]:[0]:[10.255.0.1]", "[3]:[0]:[32]:[10.255.0.1]"),
        ("evpn", "1:1", "[4]:[1:1]:[00:11]:[10.255.0.1]", "[4]:[00:11]:[32]:[10.255.0.1]"),
        ("evpn", "1:1", "[5]:[1:1]:[0]:[fd00::/64]", "[5]:[0]:[64]:[fd00::]"),
        ("evpn", None, "[9]:[00ff]", "[9]:[00ff]"),
        ("vpnv4", "1:1", "1:1:10.0.10.0/24", "10.0.10.0/24"),
        ("rt-constraint", None, "65000:65000:10", "65000:65000:10"),
    ],
)
def test_networks_as_frr_prints_them(family: str, rd: str | None, network: str, shown: str) -> None:
    route = {"family": family, "rd": rd, "network": network, "best": True, "peer": None}
    more = {"next_hop": "10.255.0.1", "local_pref": None, "labels": [], "targets": [], "communities": []}
    assert f" *>  {shown}" in states.bgp_routes([route | more]).splitlines()


def test_evpn_database() -> None:
    row = {
        "bridge_domain": "servers",
        "vlan": 10,
        "mac": "02:00:00:00:00:01",
        "ip": "10.0.10.11",
        "source": "pe2",
        "local": False,
        "active": True,
        "sequence": 3,
        "sticky": True,
        "gateway": False,
    }
    rows = [row, row | {"ip": "fd00::11"}, row | {"active": False, "ip": None, "source": "pe1"}]
    lines = words(states.evpn(rows))[2:]
    assert lines[0] == ["Bridge", "domain:", "servers,", "VLAN:", "10"]
    assert lines[2:] == [
        ["*", "02:00:00:00:00:01", "pe2", "3", "sticky", "10.0.10.11"],
        ["fd00::11"],
        ["02:00:00:00:00:01", "pe1", "3", "sticky"],
    ]


def test_tables_of_macs_routes_and_labels() -> None:
    mac: dict[str, Any] = {"bridge_domain": "servers", "vlan": 10, "mac": "02:00:00:00:00:01"}
    mac |= {"kind": "remote", "via": "pe2, label 5"}
    assert ["02:00:00:00:00:01", "DC", "pe2,", "label", "5"] in words(states.macs([mac]))
    learned = states.macs([mac | {"kind": "pseudo-wire", "via": "pseudo-wire to pe2, label 5"}])
    assert ["02:00:00:00:00:01", "D", "pseudo-wire", "to", "pe2,", "label", "5"] in words(learned)
    assert "Bridge domain: servers, VLAN: 10" in states.macs([mac]).splitlines()
    assert "VLAN: 20" in states.macs([mac | {"bridge_domain": None, "vlan": 20}]).splitlines()
    connected = {"vrf": "red", "prefix": "10.0.10.0/24", "kind": "connected", "via": "directly connected"}
    remote = connected | {"kind": "remote", "via": "pe2, label 5"}
    lines = words(states.routes([connected, remote]))
    assert ["C>*", "10.0.10.0/24", "directly", "connected"] in lines
    assert ["B>*", "10.0.10.0/24", "via", "pe2,", "label", "5"] in lines
    label = {"label": 16002, "action": "swap 16002", "via": "p1-eth1 to p2"}
    assert words(states.labels([label]))[1] == ["16002", "swap", "16002", "p1-eth1", "to", "p2"]


def test_entries_of_tables() -> None:
    one: dict[str, Any] = {
        "table": "mac_vrf",
        "match": {"bridge_domain": 1, "mac": "02:00:00:00:00:01"},
        "priority": 0,
        "action": "forward",
        "params": {"next_hop": 7},
        "packets": 3,
        "bytes": 300,
    }
    member = {"action": "path", "params": {"port": 1}, "weight": 1}
    rows: list[dict[str, Any]] = [
        one,
        {"table": "multicast group", "match": {"group": 9}, "replicas": [{"port": 1, "instance": 2}]},
        one
        | {"table": "tunnel", "match": {}, "action": "selector", "members": [member, member], "priority": 5},
    ]
    lines = words(states.tables(rows))
    assert ["mac_vrf", "(1)"] in lines
    assert ["bridge_domain=1", "mac=02:00:00:00:00:01", "forward(next_hop=7)", "3"] in lines
    assert ["group=9", "1#2"] in lines
    assert ["priority=5", "path(port=1)", "|", "path(port=1)", "3"] in lines


def way(**changed: Any) -> dict[str, Any]:
    hops = [
        {"node": "acc4", "in": 2, "out": 1},
        {"node": "pe4", "in": 2, "out": 1, "labels": [16001, 601201]},
        {"node": "pe1", "in": 1, "out": None, "drop": "NO_ROUTE"},
    ]
    branch = {
        "nodes": ["acc4", "pe4", "pe1"],
        "crossings": 1,
        "trombone": True,
        "sender": "client",
        "receiver": None,
        "hops": hops,
    }
    return {"delivered": False, "flooded": False, "branches": [branch], "inconsistencies": []} | changed


def test_trace() -> None:
    found = {
        "source": "client",
        "destination": "vm1",
        "answered": False,
        "lost": 1,
        "rtt_ms": None,
        "there": way(inconsistencies=["seen leaving p1:3, but not entering pe1:1"]),
        "back": None,
    }
    lines = states.trace(found).splitlines()
    assert lines[0] == "client > vm1: no echo came back, after 1 lost"
    assert "client > vm1: 1 WAN crossing, a trombone, reached nobody" in lines
    assert ["pe4", "2", "1", "16001", "601201"] in words("\n".join(lines))
    assert ["pe1", "1", "dropped:", "NO_ROUTE"] in words("\n".join(lines))
    assert "  seen leaving p1:3, but not entering pe1:1" in lines
    assert lines[-1] == "vm1 > client: no switch saw a packet"
    whole = found | {"answered": True, "rtt_ms": 13.25, "lost": 0, "there": way(delivered=True)}
    assert states.trace(whole).startswith("client > vm1: 13.2 ms there and back\n")
    assert "reached" not in states.trace(whole)


def test_pseudo_wires_and_the_gateway() -> None:
    wire = {"site": 2, "pe": "pe2", "number": 16418, "label_in": 264002, "label_out": 264961, "macs": 3}
    vrrp = {
        "vrid": 10,
        "state": "master",
        "virtual": "10.0.10.1",
        "own": "10.0.10.254/24",
        "priority": 200,
    }
    row = {"bridge_domain": "servers", "site": 1, "forwards": True, "pseudo_wires": [wire], "vrrp": [vrrp]}
    text = states.vpls([row, row | {"forwards": False, "pseudo_wires": [], "vrrp": []}])
    assert ["2", "pe2", "16418", "264002", "264961", "3"] in words(text)
    assert "VRRP 10: master, gateway 10.0.10.1, own address 10.0.10.254/24, priority 200" in text
    assert text.splitlines()[-2:] == ["Bridge domain: servers, site 1 (standby here)", "no pseudo-wires"]
    assert states.vpls([]) == "no VPLS instances"
