"""Paths of an IP-VRF and which one is better. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import final

from controllers.intents import IpNetwork, Remote
from controllers.wire.serial import newer
from controllers.wire.types import IpAddress, RouteKey


@final
@dataclass(slots=True, eq=False)
class IpPath:
    """A route to a prefix as one IP-VRF sees it: MAC/IP with label 2, IP prefix, or VPN-IP (not `evpn`).

    `arrived` orders paths by when they came, set by the IP-VRF that keeps it.
    """

    key: RouteKey
    prefix: IpNetwork
    via: Remote
    evpn: bool
    sequence: int
    local_pref: int
    as_path_length: int
    arrived: int = 0


@lru_cache(maxsize=65536)
def host_prefix(ip: IpAddress) -> IpNetwork:
    """The /32 or /128 of an address."""
    return IPv4Network((int(ip), 32)) if isinstance(ip, IPv4Address) else IPv6Network((int(ip), 128))


def may_be_host(ip: IpAddress) -> bool:
    """False for what no host can have: this network, loopback, multicast and all above (RFC 1812 §5.3.7)."""
    if isinstance(ip, IPv4Address):
        # By hand, for every route: the properties of ipaddress compare with one network after the other.
        first = int(ip) >> 24
        return 0 < first < 224 and first != 127
    return not (ip.is_multicast or ip.is_unspecified or ip.is_loopback)


def better_host(a: IpPath, b: IpPath) -> IpPath:
    """Choose between two paths to one host, which may just have moved.

    EVPN's carry a mobility sequence, the latest is where the host is. VPN-IP ones carry none, and a host is
    only announced where it is local, so that the path that came last is the one of its new place: the other
    one is about to be withdrawn.
    """
    if a.evpn is not b.evpn:
        return a if a.evpn else b
    if a.sequence != b.sequence:
        return a if newer(a.sequence, b.sequence) else b
    if a.local_pref != b.local_pref:
        return a if a.local_pref > b.local_pref else b
    return a if a.arrived > b.arrived else b


def better_prefix(a: IpPath, b: IpPath, metrics: Mapping[IpAddress, int | None]) -> IpPath:
    """Choose between two paths to a subnet (RFC 4271 §9.1.2.2, as far as it applies within one AS).

    Local preference, AS path, distance to the next hop, EVPN before VPN-IP, the lowest PE address.
    """
    if a.local_pref != b.local_pref:
        return a if a.local_pref > b.local_pref else b
    if a.as_path_length != b.as_path_length:
        return a if a.as_path_length < b.as_path_length else b
    metric_a, metric_b = metrics.get(a.via.pe) or 0, metrics.get(b.via.pe) or 0
    if metric_a != metric_b:
        return a if metric_a < metric_b else b
    if a.evpn is not b.evpn:
        return a if a.evpn else b
    return a if int(a.via.pe) <= int(b.via.pe) else b


def best_path(paths: Iterable[IpPath], metrics: Mapping[IpAddress, int | None]) -> IpPath | None:
    """The best path to one prefix; those whose PE cannot be reached (no metric, or None) do not count."""
    chosen: IpPath | None = None
    for path in paths:
        if metrics.get(path.via.pe) is None:
            continue
        if chosen is None:
            chosen = path
        elif path.prefix.prefixlen == path.prefix.max_prefixlen:
            chosen = better_host(chosen, path)
        else:
            chosen = better_prefix(chosen, path, metrics)
    return chosen
