"""The hosts of a routed bridge domain: which MAC has which address, by ARP, and the routes to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final

from controllers.intents import Adjacent
from controllers.pe.ip_vrf import Host, HostRank, IpVrf
from controllers.pe.outputs import Probe
from controllers.vpls.config import VplsConfig, VrrpConfig
from controllers.vpls.context import Context, RefreshHost
from controllers.vpls.mac_table import MacTable
from controllers.wire.types import IpAddress


class Source(Protocol):
    """Whose address the gateway's frames carry."""

    @property
    def mac(self) -> int:
        """Source MAC."""


@final
@dataclass(slots=True)
class _Entry:
    mac: int
    confirmed: float
    tries: int = 0


@final
class Hosts:
    """The ARP table of a gateway. A host is routed to while the place of its MAC is known, else gleaned."""

    def __init__(
        self,
        context: Context,
        config: VplsConfig,
        gateway: VrrpConfig,
        vrf: IpVrf,
        macs: MacTable,
        source: Source,
    ) -> None:
        self._context = context
        self._bd = config.bd
        self._gateway = gateway
        self._vrf = vrf
        self._macs = macs
        self._source = source
        self._entries: dict[IpAddress, _Entry] = {}
        self._of_mac: dict[int, set[IpAddress]] = {}
        self._gleaned: dict[IpAddress, float] = {}

    def seen(self, mac: int, ip: IpAddress) -> None:
        """A host said that it has an address."""
        if ip not in self._gateway.own.network:
            return
        entry = self._entries.get(ip)
        if entry is not None and entry.mac == mac:
            entry.confirmed, entry.tries = self._context.now, 0
            return
        if entry is not None:
            self._unbind(ip, entry.mac)
        self._entries[ip] = _Entry(mac, self._context.now)
        self._of_mac.setdefault(mac, set()).add(ip)
        self._schedule(ip, self._context.config.probing.refresh)
        self._decide(ip)

    def mac_moved(self, mac: int) -> None:
        """The place of a MAC changed: its addresses follow."""
        for ip in sorted(self._of_mac.get(mac, ()), key=int):
            self._decide(ip)

    def source_changed(self) -> None:
        """The gateway speaks with another MAC from now on."""
        for ip in sorted(self._entries, key=int):
            self._decide(ip)

    def glean(self, ip: IpAddress) -> None:
        """A packet wants an address whose place is not known: ask everybody, not too often."""
        now, last = self._context.now, self._gleaned.get(ip, float("-inf"))
        if ip in self._gateway.own.network and now - last >= self._context.config.probing.glean_interval:
            if len(self._gleaned) >= 4096:
                self._gleaned.clear()
            self._gleaned[ip] = now
            self._ask(ip)

    def refresh(self, ip: IpAddress) -> None:
        """It is time to ask whether a host is still there, to ask again, or to give it up."""
        entry, probing = self._entries.get(ip), self._context.config.probing
        if entry is None or probing.refresh is None:
            return
        silent = self._context.now - entry.confirmed
        if entry.tries == 0 and silent < probing.refresh:
            self._schedule(ip, probing.refresh - silent)
        elif entry.tries < probing.retries:
            entry.tries += 1
            self._ask(ip)
            self._schedule(ip, probing.timeout)
        else:
            self._forget(ip)

    def stop(self) -> None:
        """Forget all hosts: another router leads to them from now on."""
        for ip in sorted(self._entries, key=int):
            self._forget(ip)
        self._gleaned.clear()

    def _forget(self, ip: IpAddress) -> None:
        self._unbind(ip, self._entries.pop(ip).mac)
        self._vrf.set_host(ip, None)

    def _unbind(self, ip: IpAddress, mac: int) -> None:
        addresses = self._of_mac[mac]
        addresses.discard(ip)
        if not addresses:
            del self._of_mac[mac]

    def _decide(self, ip: IpAddress) -> None:
        entry = self._entries[ip]
        via = self._macs.via(entry.mac)
        host = None
        if via is not None:
            host = Host(Adjacent(self._bd, entry.mac, self._source.mac, via), HostRank.LOCAL, 0)
        self._vrf.set_host(ip, host)

    def _ask(self, ip: IpAddress) -> None:
        own = self._gateway.own.ip
        self._context.effects.emit(Probe(self._bd, ip, None, (), self._gateway.own_mac, own, remote=True))

    def _schedule(self, ip: IpAddress, seconds: float | None) -> None:
        if seconds is not None:
            self._context.agenda.schedule(RefreshHost(self._bd, ip), self._context.now + seconds)
