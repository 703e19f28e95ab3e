"""SPF results as forwarding state: tunnels between PEs and transport labels (RFC 8402, RFC 8660).

A tunnel to a PE is its node-SID label, or no label at all where the next hop is the PE itself (penultimate
hop popping, RFC 3031 §3.16). An LSR swaps a node-SID label for the same label, or pops it before its owner.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import final

from msgspec import Struct

from controllers.underlay.lsdb import Interface, LinkState


@final
class Hop(Struct, frozen=True):
    """One equal-cost member: port and MACs (int) of the link, and its transport labels, outermost first."""

    port: int
    source_mac: int
    destination_mac: int
    labels: tuple[int, ...] = ()


@final
class Tunnel(Struct, frozen=True):
    """How to reach the PE with loopback `pe`: at least one hop; a flow keeps to one of them."""

    pe: IPv4Address
    hops: tuple[Hop, ...]

    @property
    def key(self) -> tuple[str, IPv4Address]:
        """What identifies it in the desired state."""
        return ("tunnel", self.pe)


@final
class TransportLabel(Struct, frozen=True):
    """An incoming transport label and where it leads. No hops: it is this node's own label, popped here."""

    label: int
    hops: tuple[Hop, ...]

    @property
    def key(self) -> tuple[str, int]:
        """What identifies it in the desired state."""
        return ("transport-label", self.label)


def interfaces(state: LinkState, node: str) -> list[Interface]:
    """The WAN interfaces of `node`."""
    ends = (end for link in state.links for end in (link.a, link.b))
    return sorted((end for end in ends if end.node == node), key=lambda end: end.port)


def tunnels(state: LinkState, node: str) -> list[Tunnel]:
    """Tunnels from `node` to every PE (a node that carries no transit) that it can reach."""
    found = []
    for target in state.nodes:
        if target.transit or target.name == node:
            continue
        hops = _hops(state, node, target.name)
        if hops:
            found.append(Tunnel(target.loopback, hops))
    return found


def transport_labels(state: LinkState, node: str) -> list[TransportLabel]:
    """What `node` does with the node-SID label of every node that it can reach, its own included."""
    labels = [TransportLabel(state.by_name[node].sid_label, ())]
    for target in state.nodes:
        if target.name != node and (hops := _hops(state, node, target.name)):
            labels.append(TransportLabel(target.sid_label, hops))
    return labels


def _hops(state: LinkState, node: str, target: str) -> tuple[Hop, ...]:
    label = state.by_name[target].sid_label
    return tuple(
        Hop(near.port, near.mac, far.mac, () if far.node == target else (label,))
        for near, far in state.next_hops(node, target)
    )
