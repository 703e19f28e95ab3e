"""SPF and segment labels: every path ends at its target, is shortest, and never transits a PE."""

from __future__ import annotations

from ipaddress import IPv4Address

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from controllers.underlay.lsdb import Interface, Link, LinkState, Node
from controllers.underlay.transport import transport_labels, tunnels


@st.composite
def wans(draw: st.DrawFn) -> LinkState:
    routers = draw(st.integers(2, 6))
    edges = draw(st.integers(2, 4))
    nodes = [Node(f"p{i}", IPv4Address(f"10.255.1.{i}"), 17000 + i) for i in range(routers)]
    nodes += [Node(f"pe{i}", IPv4Address(f"10.255.0.{i}"), 16000 + i, transit=False) for i in range(edges)]
    used: dict[str, int] = {}
    links = []
    for _ in range(draw(st.integers(1, 14))):
        a, b = draw(st.sampled_from(nodes)).name, draw(st.sampled_from(nodes)).name
        if a == b:
            continue
        ends = []
        for name in (a, b):
            used[name] = used.get(name, 0) + 1
            ends.append(Interface(name, used[name], hash((name, used[name])) & 0xFFFFFFFFFFFF))
        links.append(Link(ends[0], ends[1], draw(st.integers(1, 5))))
    return LinkState(tuple(nodes), tuple(links))


def allowed_distance(state: LinkState, source: str, target: str) -> int | None:
    """Independent of the code under test: drop every PE but the two ends, then ask networkx."""
    graph = nx.Graph()
    keep = {n.name for n in state.nodes if n.transit or n.name in (source, target)}
    for link in state.links:
        a, b = link.a.node, link.b.node
        if {a, b} <= keep:
            weight = min(link.metric, graph.get_edge_data(a, b, {"weight": link.metric})["weight"])
            graph.add_edge(a, b, weight=weight)
    try:
        return nx.dijkstra_path_length(graph, source, target)
    except (nx.NetworkXNoPath, nx.NodeNotFound):
        return None


@given(wans())
def test_distances_are_shortest_without_transit_over_a_pe(state: LinkState) -> None:
    for source in state.nodes:
        for target in state.nodes:
            if source != target:
                assert state.distances_to(target.name).get(source.name) == allowed_distance(
                    state, source.name, target.name
                )


@given(wans())
def test_walking_any_hop_of_any_tunnel_ends_at_its_pe(state: LinkState) -> None:
    far_end = {(link.a.node, link.a.port): link.b for link in state.links}
    far_end |= {(link.b.node, link.b.port): link.a for link in state.links}
    tables = {n.name: {t.label: t for t in transport_labels(state, n.name)} for n in state.nodes}
    owner = {n.loopback: n.name for n in state.nodes}
    for source in (n for n in state.nodes if not n.transit):
        for tunnel in tunnels(state, source.name):
            walks = [(source.name, hop, 0) for hop in tunnel.hops]
            while walks:
                node, hop, length = walks.pop()
                far = far_end[node, hop.port]
                assert hop.destination_mac == far.mac
                assert length < len(state.nodes), "a loop"
                if hop.labels:
                    assert state.by_name[far.node].transit
                    walks += [(far.node, h, length + 1) for h in tables[far.node][hop.labels[0]].hops]
                else:
                    assert far.node == owner[tunnel.pe]


def test_failure_of_a_link_moves_the_tunnel_to_the_other_way() -> None:
    p1, p2 = (Node(f"p{i}", IPv4Address(f"10.255.1.{i}"), 17000 + i) for i in (1, 2))
    pe1, pe2 = (Node(f"pe{i}", IPv4Address(f"10.255.0.{i}"), 16000 + i, transit=False) for i in (1, 2))

    def link(a: str, ap: int, b: str, bp: int) -> Link:
        return Link(Interface(a, ap, ap), Interface(b, bp, bp))

    state = LinkState(
        (p1, p2, pe1, pe2),
        (link("pe1", 1, "p1", 1), link("pe1", 2, "p2", 1), link("p1", 2, "pe2", 1), link("p2", 2, "pe2", 2)),
    )
    (both,) = tunnels(state, "pe1")
    assert [hop.port for hop in both.hops] == [1, 2]
    (left,) = tunnels(state.without([("p1", 2)]), "pe1")
    assert [hop.port for hop in left.hops] == [2]
    assert tunnels(state.without([("p1", 2), ("pe1", 2)]), "pe1") == []
