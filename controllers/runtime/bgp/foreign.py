"""gobgpd and FRR bgpd in the place of our reflector: their configuration, start and stop.

Both come from Debian's packages. They see plain BGP: nothing of the lab depends on which one runs.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final, final

from controllers.bgp.config import BGP_PORT
from controllers.bgp.policy import Policy, Statement
from controllers.wire.extended import ArpNd, DfElection, Layer2Attributes
from controllers.wire.types import (
    EVPN,
    IPV4_UNICAST,
    IPV6_UNICAST,
    RT_CONSTRAINT,
    VPLS,
    VPNV4,
    VPNV6,
    Family,
    IpAddress,
)

STOP_PATIENCE: Final = 5.0
"""Seconds a daemon may take to end when asked to."""


class Daemon(Enum):
    """The other speakers a lab can name as its reflector."""

    GOBGP = "gobgp"
    FRR = "frr"


@final
@dataclass(frozen=True, slots=True)
class ReflectorPlan:
    """A reflector for clients in one AS. It listens on `address`; its clients connect to it."""

    asn: int
    router_id: IPv4Address
    address: IpAddress
    clients: tuple[IpAddress, ...]
    port: int = BGP_PORT
    families: tuple[Family, ...] = (EVPN,)


_GOBGP_FAMILIES: Final[dict[Family, str]] = {
    IPV4_UNICAST: "ipv4-unicast",
    IPV6_UNICAST: "ipv6-unicast",
    VPNV4: "l3vpn-ipv4-unicast",
    VPNV6: "l3vpn-ipv6-unicast",
    RT_CONSTRAINT: "rtc",
    VPLS: "l2vpn-vpls",
    EVPN: "l2vpn-evpn",
}
_FRR_FAMILIES: Final[dict[Family, str]] = {
    IPV4_UNICAST: "ipv4 unicast",
    IPV6_UNICAST: "ipv6 unicast",
    VPNV4: "ipv4 vpn",
    VPNV6: "ipv6 vpn",
    EVPN: "l2vpn evpn",
}


def supported_families(daemon: Daemon) -> frozenset[Family]:
    """What a daemon can reflect: FRR has neither RT constraint nor VPLS."""
    return frozenset(_GOBGP_FAMILIES if daemon is Daemon.GOBGP else _FRR_FAMILIES)


def export_policy(daemon: Daemon) -> Policy | None:
    """What a PE must leave out towards a daemon for its routes to pass.

    gobgpd 3.10 treats every UPDATE as a withdrawal that carries an EVPN community newer than it: the
    layer-2 attributes of RFC 8214, DF election of RFC 8584, ARP/ND flags of RFC 9047.
    """
    if daemon is not Daemon.GOBGP:
        return None
    return Policy((Statement(remove_kinds=(Layer2Attributes, DfElection, ArpNd)),))


def gobgp_config(plan: ReflectorPlan) -> str:
    """The configuration file of gobgpd, in TOML."""
    lines = [
        "[global.config]",
        f"as = {plan.asn}",
        f'router-id = "{plan.router_id}"',
        f"port = {plan.port}",
        f'local-address-list = ["{plan.address}"]',
    ]
    for client in plan.clients:
        lines += [
            "[[neighbors]]",
            "[neighbors.config]",
            f'neighbor-address = "{client}"',
            f"peer-as = {plan.asn}",
            "[neighbors.transport.config]",
            "passive-mode = true",
            f'local-address = "{plan.address}"',
            "[neighbors.route-reflector.config]",
            "route-reflector-client = true",
            f'route-reflector-cluster-id = "{plan.router_id}"',
        ]
        for family in plan.families:
            lines += [
                "[[neighbors.afi-safis]]",
                "[neighbors.afi-safis.config]",
                f'afi-safi-name = "{_GOBGP_FAMILIES[family]}"',
            ]
    return "\n".join(lines) + "\n"


def frr_config(plan: ReflectorPlan) -> str:
    """The configuration file of bgpd. Raises KeyError for a family that FRR does not have."""
    lines = [
        f"router bgp {plan.asn}",
        f" bgp router-id {plan.router_id}",
        f" bgp cluster-id {plan.router_id}",
        " no bgp default ipv4-unicast",
    ]
    for client in plan.clients:
        lines += [
            f" neighbor {client} remote-as {plan.asn}",
            f" neighbor {client} update-source {plan.address}",
            f" neighbor {client} passive",
        ]
    for family in plan.families:
        lines.append(f" address-family {_FRR_FAMILIES[family]}")
        for client in plan.clients:
            lines += [
                f"  neighbor {client} activate",
                f"  neighbor {client} route-reflector-client",
            ]
        lines.append(" exit-address-family")
    return "\n".join(lines) + "\n"


@final
class ForeignReflector:
    """One daemon, with its files in `directory`. `prefix` is put before its command, to enter a namespace."""

    def __init__(
        self, daemon: Daemon, plan: ReflectorPlan, directory: Path, prefix: Sequence[str] = ()
    ) -> None:
        self.daemon = daemon
        self.plan = plan
        self._directory = directory
        self._prefix = tuple(prefix)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def api_socket(self) -> str:
        """Where gobgpd's gRPC answers, as its client wants it named."""
        return f"unix://{self._directory}/gobgp.sock"

    @property
    def vty_directory(self) -> Path:
        """Where bgpd's terminal answers: give it to `vtysh --vty_socket`."""
        return self._directory

    @property
    def pid(self) -> int | None:
        """The daemon's process id while it runs."""
        return None if self._process is None else self._process.pid

    def command(self) -> list[str]:
        """The daemon's command line."""
        directory = self._directory
        if self.daemon is Daemon.GOBGP:
            return [
                *self._prefix,
                "gobgpd",
                f"--config-file={directory}/gobgpd.toml",
                f"--api-hosts={self.api_socket}",
                "--pprof-disable",
                "--log-level=warn",
            ]
        return [
            *self._prefix,
            "/usr/lib/frr/bgpd",
            f"--config_file={directory}/bgpd.conf",
            f"--pid_file={directory}/bgpd.pid",
            f"--vty_socket={directory}",
            f"--listenon={self.plan.address}",
            f"--bgp_port={self.plan.port}",
            "--vty_port=0",
            "--no_zebra",
            "--skip_runas",
            "--log=stdout",
            "--log-level=warnings",
        ]

    async def start(self) -> None:
        """Write the configuration and start the daemon; its output goes to `daemon.log`."""
        if self.daemon is Daemon.GOBGP:
            (self._directory / "gobgpd.toml").write_text(gobgp_config(self.plan))
        else:
            (self._directory / "bgpd.conf").write_text(frr_config(self.plan))
        with (self._directory / "daemon.log").open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self.command(), stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output
            )

    async def stop(self) -> None:
        """End the daemon and wait for it."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), STOP_PATIENCE)
        except TimeoutError:
            process.kill()
            await process.wait()
