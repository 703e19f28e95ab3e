"""What an earlier controller learned from hosts, read out of the tables that it left behind.

Everything else in the tables follows from configuration, from BGP and from the link-state database, all of
which a controller that starts gets anew. What hosts said they need not say again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple, final

from controllers.dataplane.entity import Action, Entity, TableEntry
from controllers.wire.types import IpAddress


@final
class LearnedHost(NamedTuple):
    """A MAC (int) behind a local port or circuit; `bd` is a bridge domain of a PE, a VLAN of a bridge."""

    bd: int
    attachment: int
    mac: int


@final
class LearnedNeighbor(NamedTuple):
    """An address of a host behind a local circuit, with the flags of RFC 9047 §2."""

    bd: int
    attachment: int
    mac: int
    ip: IpAddress
    router: bool
    override: bool


def learned(present: Iterable[Entity]) -> Iterator[LearnedHost]:
    """MACs that were learned; those that somebody configured are left out."""
    for match, does in _entries(present, "source_mac"):
        if does.name == "learned":
            yield LearnedHost(match["bridge_domain"], dict(does.params)["attachment"], match["mac"])


def routed(present: Iterable[Entity]) -> Iterator[tuple[int, int]]:
    """Bridge domains and MACs (int) of gateways that packets are routed for."""
    for match, does in _entries(present, "mac_vrf"):
        if does.name == "route":
            yield match["bridge_domain"], match["mac"]


def neighbors(present: Iterable[Entity]) -> Iterator[LearnedNeighbor]:
    """Addresses of local hosts that a PE answers for."""
    present = list(present)
    for match, does in _entries(present, "neighbor_ipv4"):
        yield from _neighbor(match, does, IPv4Address(match["address"]))
    for match, does in _entries(present, "neighbor_ipv6"):
        yield from _neighbor(match, does, IPv6Address(match["address"]))


def _neighbor(match: dict[str, int], does: Action, ip: IpAddress) -> Iterator[LearnedNeighbor]:
    said = dict(does.params)
    circuit = said.get("owner_attachment")
    if circuit:
        router, override = bool(said.get("router_flag", 0)), bool(said.get("override_flag", 1))
        yield LearnedNeighbor(match["bridge_domain"], circuit, said["owner_mac"], ip, router, override)


def _entries(present: Iterable[Entity], table: str) -> Iterator[tuple[dict[str, int], Action]]:
    for entity in present:
        if isinstance(entity, TableEntry) and entity.table == table and isinstance(entity.does, Action):
            match = {name: value for name, value in entity.match if isinstance(value, int)}
            yield match, entity.does
