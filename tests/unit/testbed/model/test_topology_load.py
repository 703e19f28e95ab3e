"""Reading topology files: the shipped ones are sound, and every mistake is told in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.model import TopologyError, load_topology, topology_from_text
from testbed.model.derive import derive
from testbed.model.source import MAX_BYTES, parse

TOPOLOGIES = Path(__file__).parents[4] / "topologies"
WAN = (TOPOLOGIES / "wan.yaml").read_text()


def line_of(text: str) -> int:
    """Line on which `text` first stands in wan.yaml."""
    return WAN[: WAN.index(text)].count("\n") + 1


@pytest.mark.parametrize("path", sorted(TOPOLOGIES.glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_topologies_are_sound(path: Path) -> None:
    assert load_topology(path).name == path.stem


MISTAKES = [
    ("gateway: 10.0.10.1\n", "gatway: 10.0.10.1\n", "unknown key 'gatway': did you mean 'gateway'?"),
    ("vlan: 20", "vlan: 10", "VLAN 10 is used twice, by 'servers' and 'databases': choose a free one"),
    (
        "vlan: 20",
        "vlan: 5000",
        "bridge_domains.databases.vlan: 5000 is not allowed: input should be less than",
    ),
    ("address: 10.0.10.101", "address: 10.9.9.9", "address 10.9.9.9 is outside its subnet 10.0.10.0/24: use"),
    ("gateway: 10.0.10.1\n", "gateway: 10.0.11.1\n", "gateway 10.0.11.1 is outside its subnet 10.0.10.0/24"),
    (
        "10.0.20.0/24",
        "10.0.20.1/24",
        "bridge_domains.databases.subnet: '10.0.20.1/24' has host bits set: write",
    ),
    ("10.0.20.0/24", "10.0.20.0", "bridge_domains.databases.subnet: '10.0.20.0' has no prefix length: write"),
    ("  h2: {", "  h1: {", "duplicate 'h1' (first on line"),
    ("  db2: {", "  pe1: {", "duplicate name 'pe1' (also in nodes): rename one of the two"),
    ("address: 10.0.10.102", "address: 10.0.10.101", "duplicate address 10.0.10.101 (also of h1): give it"),
    (
        "address: 10.0.10.102",
        "address: 10.0.10.1",
        "duplicate address 10.0.10.1 (also of a gateway): give it",
    ),
    ("[p1, p2]", "[p1, p9]", "unknown node 'p9': use one of pe1,"),
    ("[p1, p2]", "[p1]", "links.0.ends: ['p1'] is not allowed: tuple should have at least 2 items"),
    (
        "[pe1, p1]",
        "[acc2, p1]",
        "a link from an access switch to a node of role p: link it to a PE of its site",
    ),
    (
        "[acc1, pe1]",
        "[acc1, pe2]",
        "'acc1' is in 'dc1' but 'pe2' is in 'dc2': link an access switch to PEs of",
    ),
    (
        "  pe1: {role: pe, site: dc1}",
        "  pe1: {role: pee, site: dc1}",
        "nodes.pe1.role: unknown value 'pee': did",
    ),
    ("p1: {role: p}", "p1: {role: p, site: dc1}", "P router 'p1' has a site: remove `site`"),
    (
        "at: dc1\n",
        "at: branch\n",
        "'vm1' starts at 'branch', which is not one of its slots: use one of dc1, dc2",
    ),
    (
        "slots: [dc1, dc2, dc3]",
        "slots: [dc1, branch]",
        "its bridge domain (VLAN 10) does not exist at 'branch': use",
    ),
    ("slots: [dc1, dc2, dc3]", "slots: [dc2, dc3]", "'vm1' starts at 'dc1', which is not one of its slots"),
    ("name: wan", "name: Wan Lab", "name: 'Wan Lab' is not a name: use at most 32 of a-z"),
    ("name: wan", "name: [wan", "not YAML while parsing a flow sequence"),
    ("name: wan", "name: &x wan\ndescription: *x", "not YAML: an alias (*name) is not allowed"),
    ("asn: 65000", "asn: !!python/object:os.system x", "tag 'tag:yaml.org,2002:python/object:os.system'"),
    (
        "mode: evpn-vmto",
        "mode: evpn_vmto",
        "defaults.mode: unknown value 'evpn_vmto': did you mean 'evpn-vmto'?",
    ),
    (
        "sites: [dc1, dc2, dc3] ",
        "sites: dc1 ",
        "bridge_domains.servers.sites: 'dc1' is not a list: write [dc1]",
    ),
    (
        "asn: 65000",
        "duplicates: {window_s: 10, retry_s: 20}",
        "defaults.duplicates: `retry_s` is at least 3 x `window_s`: write 30 or more",
    ),
    (
        "asn: 65000",
        "duplicates: {action: dorp}",
        "defaults.duplicates.action: unknown value 'dorp': did you mean 'drop'?",
    ),
    *(
        ("pe3: {role: pe, site: dc3", "pe3: {role: pe, site: dc3, import_policy: [{" + rule + "}]", said)
        for rule, said in (
            ("mac: 02:00:0a:00:0a:0b/24, action: reject", "beyond the first 24: write 02:00:0a:00:00:00/24"),
            ("mac: '03:zz', action: reject", "'03:zz' is not a MAC or range of MACs: write"),
            ("prefix: 10.0.10.11, action: reject", "'10.0.10.11' has no prefix length: write"),
            ("route_target: foo, action: reject", "'foo' is not a route target: write for example 65000:10"),
            ("community: 65000:70000, action: reject", "is not a community: write two numbers up to 65535"),
            ("action: reject, local_preference: 10", "changes to a rejected route: remove them"),
        )
    ),
    (
        "p1: {role: p",
        "p1: {role: p, export_policy: [{action: reject}]",
        "'p1' speaks no BGP: remove `export_policy`: only PEs do",
    ),
    ("vlan: 20", "vlan: yes", "bridge_domains.databases.vlan: yes is not a number: write one in digits"),
    ("[pe1, p1], delay_ms: 0.5", "[pe1, p1], delay_ms: off", "links.5.delay_ms: no is not a number: write"),
    (
        "vlan: 10\n",
        "vlan: 10\n    evi: 60001\n",
        "EVI 60001 is kept for the IP-VRF of a tenant: use one up to",
    ),
    (
        "vlan: 10\n",
        "vlan: 10\n    gateway_mac: 4a:00:00:00:00:01\n",
        "MAC 4a:00:00:00:00:01 starts like IPv4, which MPLS takes it for: use a MAC that starts with 02",
    ),
    (
        "address: 10.0.10.101",
        "mac: '02:00:0a:00:0a:66', address: 10.0.10.101",
        "duplicate MAC 02:00:0a:00:0a:66 (also of 'h2'): give it a MAC of its own, or leave `mac` out",
    ),
    (
        "address: 10.0.10.101",
        "mac: '00:00:5e:00:01:0a', address: 10.0.10.101",
        "duplicate MAC 00:00:5e:00:01:0a (also of the gateway of 'servers'): give it",
    ),
    (
        "  - {ends: [acc1, pe1]}\n",
        "  - {ends: [acc1, pe1]}\n  - {ends: [pe1, acc1]}\n",
        "a second link from 'acc1' to 'pe1', in which frames would go round: remove it, or link the switch",
    ),
    ("sites: [dc1, dc2, dc3] ", "sites: ", "servers.sites: None is not a list: write [..., ...]"),
    ("vlan: 20", "vlan: !!bool maybe", "databases.vlan: 'maybe' is not allowed"),
    ("vlan: 20", "vlan: !!int ''", "databases.vlan: '' is not allowed"),
    ("blackout_ms: 100", "blackout_ms: !!float ''", "defaults.blackout_ms: '' is not allowed"),
]


@pytest.mark.parametrize(("right", "wrong", "message"), MISTAKES, ids=[wrong for _, wrong, _ in MISTAKES])
def test_one_mistake_gives_one_line(right: str, wrong: str, message: str) -> None:
    with pytest.raises(TopologyError) as caught:
        topology_from_text(WAN.replace(right, wrong, 1), "lab.yaml")
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert str(caught.value).startswith("lab.yaml:")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("vlan: 20", "vlan: 10"), ("address: 10.0.10.101", "address: 10.9.9.9"), ("[p1, p2]", "[p1, p9]")],
)
def test_the_line_is_the_one_to_repair(right: str, wrong: str) -> None:
    with pytest.raises(TopologyError) as caught:
        topology_from_text(WAN.replace(right, wrong, 1))
    assert caught.value.problems[0].line == line_of(right)


def test_long_interface_name() -> None:
    with pytest.raises(
        TopologyError, match=r"'provideredge4-eth2' has 18 characters, Linux allows 15.*at most 10"
    ):
        topology_from_text(WAN.replace("pe4", "provideredge4"))


@pytest.mark.parametrize("name", ["tap", "tp2"])
def test_a_node_whose_slots_are_named_like_a_machines_own_end(name: str) -> None:
    """A machine `s3` has a `tap-s3`, and slot 3 of a switch `tap` is one, too."""
    with pytest.raises(
        TopologyError, match=f"interfaces of a node '{name}' have names like those of virtual"
    ):
        topology_from_text(WAN.replace("acc1", name))


def test_a_p_router_that_takes_a_pes_sid() -> None:
    more = [f"q{number}" for number in range(26)]
    nodes = "".join(f"  {name}: {{role: pe, site: dc1}}\n" for name in more)
    links = "".join(f"  - {{ends: [{name}, p1]}}\n" for name in more)
    text = WAN.replace("\nhosts:", f"{links}\nhosts:").replace(
        "  p1: {role: p}\n", f"{nodes}  p1: {{role: p}}\n"
    )
    assert derive(topology_from_text(text)).switches["q25"].sid == 30
    with pytest.raises(TopologyError, match="no sid from 1 to 30 is left for PE 'q25': leave `sid` out of P"):
        topology_from_text(text.replace("p1: {role: p}", "p1: {role: p, sid: 5}"))


@pytest.mark.parametrize(
    ("right", "wrong", "martians"),
    [
        ("10.0.20.", "127.0.0.", "127.0.0.0/8"),
        ("10.0.20.", "224.0.20.", "224.0.0.0/3"),
        ("10.0.20.", "169.254.20.", "169.254.0.0/16"),
        ("fd00:0:0:20:", "fe80:0:0:20:", "fe80::/10"),
    ],
)
def test_a_subnet_whose_packets_every_pe_drops(right: str, wrong: str, martians: str) -> None:
    with pytest.raises(TopologyError, match=f"subnet6?: .* holds addresses of {martians}, which no PE"):
        topology_from_text(WAN.replace(right, wrong))


def test_disconnected_core() -> None:
    text = WAN.replace("  - {ends: [pe3, p3], delay_ms: 0.5}\n", "")
    with pytest.raises(TopologyError, match="the core is not connected: no path from 'pe1' to 'pe3'"):
        topology_from_text(text)


@pytest.mark.parametrize("peer", ["pe2", "pe4"])
def test_a_pe_behind_a_pe(peer: str) -> None:
    """No path leads through a PE: of pe3 nobody but its neighbour would have a tunnel."""
    text = WAN.replace("  - {ends: [pe3, p3], delay_ms: 0.5}\n", f"  - {{ends: [pe3, {peer}]}}\n")
    with pytest.raises(TopologyError, match="no path from 'pe1' to 'pe3' over P routers: link 'pe3' to a P"):
        topology_from_text(text)
    beside = WAN.replace("\nhosts:", f"  - {{ends: [pe3, {peer}]}}\n\nhosts:")
    assert len(topology_from_text(beside).links) == len(topology_from_text(WAN).links) + 1


def test_second_uplink_needs_a_segment() -> None:
    nodes = WAN.replace("  pe2: {", "  pe5: {role: pe, site: dc1}\n  pe2: {")
    links = nodes.replace("\nhosts:", "  - {ends: [pe5, p1]}\n  - {ends: [acc1, pe5]}\n\nhosts:")
    with pytest.raises(
        TopologyError, match=r"has 2 PEs but no segment: add `segments: \{es1: \{access: acc1\}\}`"
    ):
        topology_from_text(links)
    assert topology_from_text(links + "\nsegments: {es1: {access: acc1}}\n").segments["es1"].access == "acc1"


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(TopologyError, match=r"absent.yaml:1: cannot be read \(no such file or directory\)"):
        load_topology(tmp_path / "absent.yaml")


def test_size_and_depth_are_bounded() -> None:
    with pytest.raises(TopologyError, match="larger than"):
        parse(" " * (MAX_BYTES + 1), "x")
    with pytest.raises(TopologyError, match="nested deeper than"):
        parse("[" * 5000, "x")


@pytest.mark.parametrize("number", ["9" * 5000, "0x" + "f" * 5000, "-0b" + "1" * 20000])
def test_numbers_beyond_all_bounds(number: str) -> None:
    with pytest.raises(TopologyError, match=r"^lab.yaml:\d+: bridge_domains.databases.vlan: .{40} is not"):
        topology_from_text(WAN.replace("vlan: 20", f"vlan: {number}"), "lab.yaml")


def test_mac_in_base_sixty_stays_text() -> None:
    assert parse("mac: 10:20:30:40:50:51", "x").data == {"mac": "10:20:30:40:50:51"}


@settings(max_examples=200)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_any_text_gives_a_topology_error(text: str | bytes) -> None:
    with pytest.raises(TopologyError) as caught:
        topology_from_text(text, "f")
    assert all(problem.line >= 1 and "\n" not in str(problem) for problem in caught.value.problems)


VALUES = st.sampled_from(
    ["x", "[]", "{}", "0", "-1", "1.5", "~", "[1, [2]]", "{a: b}", "true", "10.0.10.1", ".inf"]
)


@settings(max_examples=60)
@given(data=st.data())
def test_any_one_value_replaced_never_crashes(data: st.DataObject) -> None:
    lines = [i for i, line in enumerate(WAN.splitlines()) if ": " in line and not line.startswith("#")]
    text = WAN.splitlines()
    number = data.draw(st.sampled_from(lines))
    key = text[number].split(": ")[0]
    text[number] = f"{key}: {data.draw(VALUES)}"
    try:
        topology_from_text("\n".join(text))
    except TopologyError as error:
        assert error.problems
