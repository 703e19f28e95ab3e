"""The link-state database of the WAN: nodes with a node SID, links with two ends and a metric.

It holds what an IGP with segment-routing extensions floods (RFC 8667): per node its loopback and node SID,
per link both interfaces and the metric. Immutable: a failure gives a new database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address
from typing import final

import networkx as nx


@final
@dataclass(frozen=True, slots=True)
class Node:
    """A router of the WAN. `sid_label` is its node SID as an absolute MPLS label; `transit` False is IS-IS
    overload: paths may end there but not lead through it."""

    name: str
    loopback: IPv4Address
    sid_label: int
    transit: bool = True


@final
@dataclass(frozen=True, slots=True)
class Interface:
    """One end of a link: the switch port number and its MAC (int)."""

    node: str
    port: int
    mac: int


@final
@dataclass(frozen=True, slots=True)
class Link:
    """A point-to-point link; the metric holds in both directions."""

    a: Interface
    b: Interface
    metric: int = 1


@final
@dataclass(frozen=True)
class LinkState:
    """All nodes and all links that are up."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]

    @cached_property
    def by_name(self) -> dict[str, Node]:
        """Nodes by name."""
        return {node.name: node for node in self.nodes}

    def without(self, failed: Iterable[tuple[str, int]]) -> LinkState:
        """The same database after the links at the given (node, port) ends went down."""
        down = set(failed)
        ends = {link: {(end.node, end.port) for end in (link.a, link.b)} for link in self.links}
        return LinkState(self.nodes, tuple(link for link in self.links if not ends[link] & down))

    def distances_to(self, target: str) -> dict[str, int]:
        """The SPF distance of every node that can reach `target` (itself: 0)."""
        if target not in self._distances:
            backwards: nx.DiGraph[str] = nx.DiGraph()
            backwards.add_node(target)
            for link in self.links:
                for near, far in ((link.a, link.b), (link.b, link.a)):
                    if self._may_lead_to(far.node, target):
                        known = backwards.get_edge_data(far.node, near.node, {"weight": link.metric})
                        backwards.add_edge(far.node, near.node, weight=min(link.metric, known["weight"]))
            lengths = nx.single_source_dijkstra_path_length(backwards, target)
            self._distances[target] = {name: int(length) for name, length in lengths.items()}
        return self._distances[target]

    def next_hops(self, source: str, target: str) -> Iterator[tuple[Interface, Interface]]:
        """All equal-cost first links from `source` to `target`, as (near end, far end), in port order."""
        distances = self.distances_to(target)
        for metric, near, far in self._adjacencies.get(source, ()):
            if (
                self._may_lead_to(far.node, target)
                and far.node in distances
                and distances[far.node] + metric == distances[source]
            ):
                yield near, far

    def _may_lead_to(self, hop: str, target: str) -> bool:
        return hop == target or self.by_name[hop].transit

    @cached_property
    def _distances(self) -> dict[str, dict[str, int]]:
        return {}

    @cached_property
    def _adjacencies(self) -> dict[str, list[tuple[int, Interface, Interface]]]:
        found: dict[str, list[tuple[int, Interface, Interface]]] = {name: [] for name in self.by_name}
        for link in self.links:
            found[link.a.node].append((link.metric, link.a, link.b))
            found[link.b.node].append((link.metric, link.b, link.a))
        for adjacencies in found.values():
            adjacencies.sort(key=lambda adjacency: adjacency[1].port)
        return found
