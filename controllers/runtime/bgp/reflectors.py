"""The reflector of a lab as a process: ours, gobgpd or FRR's bgpd, configured, started and stopped alike.

The other two come from Debian's packages. They see plain BGP: nothing of the lab depends on which one
runs.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import Final, final

from controllers.bgp.config import BGP_PORT
from controllers.bgp.policy import Policy
from controllers.runtime.bgp.rules import PolicyRule, policy
from controllers.wire.extended import ArpNd, DfElection, Layer2Attributes
from controllers.wire.types import (
    EVPN,
    FAMILY_NAMES,
    IPV4_UNICAST,
    IPV6_UNICAST,
    RT_CONSTRAINT,
    VPLS,
    VPNV4,
    VPNV6,
    Family,
    IpAddress,
)

FRR_BGPD: Final = Path("/usr/lib/frr/bgpd")

_GOBGP_SOCKET: Final = "gobgp.sock"

STOP_PATIENCE: Final = 5.0
"""Seconds a reflector may take to end when asked to."""


class ReflectorKind(Enum):
    """The speakers that a lab can name as its reflector."""

    EMBEDDED = "embedded"
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


def supported_families(kind: ReflectorKind) -> frozenset[Family]:
    """What a reflector can carry: FRR has neither RT constraint nor VPLS."""
    return frozenset(_FRR_FAMILIES if kind is ReflectorKind.FRR else FAMILY_NAMES)


def is_installed(kind: ReflectorKind) -> bool:
    """True if the program is on this machine; ours always is."""
    return {
        ReflectorKind.EMBEDDED: lambda: True,
        ReflectorKind.GOBGP: lambda: shutil.which("gobgpd") is not None,
        ReflectorKind.FRR: FRR_BGPD.exists,
    }[kind]()


def export_policy(kind: ReflectorKind, rules: Iterable[PolicyRule] = ()) -> Policy | None:
    """An operator's rules, and what a PE must leave out towards a reflector for its routes to pass.

    gobgpd 3.10 treats every UPDATE as a withdrawal that carries an EVPN community newer than it: the
    layer-2 attributes of RFC 8214, DF election of RFC 8584, ARP/ND flags of RFC 9047.
    """
    unknown = (Layer2Attributes, DfElection, ArpNd) if kind is ReflectorKind.GOBGP else ()
    return policy(rules, unknown)


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
            "[neighbors.timers.config]",
            "idle-hold-time-after-reset = 1",
            "[neighbors.graceful-restart.config]",
            "enabled = true",
            "helper-only = true",
        ]
        for family in plan.families:
            lines += [
                "[[neighbors.afi-safis]]",
                "[neighbors.afi-safis.config]",
                f'afi-safi-name = "{_GOBGP_FAMILIES[family]}"',
                "[neighbors.afi-safis.mp-graceful-restart.config]",
                "enabled = true",
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


def embedded_config(plan: ReflectorPlan) -> str:
    """The plan as our own reflector reads it, in JSON."""
    return json.dumps(
        {
            "asn": plan.asn,
            "router_id": str(plan.router_id),
            "address": str(plan.address),
            "port": plan.port,
            "clients": [str(client) for client in plan.clients],
            "families": [FAMILY_NAMES[family] for family in plan.families],
        },
        indent=2,
    )


def read_plan(text: str) -> ReflectorPlan:
    """Read what `embedded_config` wrote. Raises ValueError or KeyError."""
    found = json.loads(text)
    families = {name: family for family, name in FAMILY_NAMES.items()}
    return ReflectorPlan(
        asn=int(found["asn"]),
        router_id=IPv4Address(found["router_id"]),
        address=ip_address(found["address"]),
        clients=tuple(ip_address(client) for client in found["clients"]),
        port=int(found["port"]),
        families=tuple(families[name] for name in found["families"]),
    )


@final
class ReflectorProcess:
    """One reflector, with its files in `directory`. `prefix` precedes its command, to enter a namespace."""

    def __init__(
        self, kind: ReflectorKind, plan: ReflectorPlan, directory: Path, prefix: Sequence[str] = ()
    ) -> None:
        self.kind = kind
        self.plan = plan
        self._directory = directory
        self._prefix = tuple(prefix)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def api_socket(self) -> str:
        """Where gobgpd answers: `gobgp --target <this>`."""
        return f"unix://{self._directory / _GOBGP_SOCKET}"

    @property
    def vty_directory(self) -> Path:
        """Where bgpd answers: `vtysh --vty_socket <this>`."""
        return self._directory

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return None if self._process is None else self._process.pid

    def configuration(self) -> tuple[Path, str]:
        """The configuration file and what is in it. Raises KeyError for a family that FRR does not have."""
        if self.kind is ReflectorKind.GOBGP:
            return self._directory / "gobgpd.toml", gobgp_config(self.plan)
        if self.kind is ReflectorKind.FRR:
            return self._directory / "bgpd.conf", frr_config(self.plan)
        return self._directory / "reflector.json", embedded_config(self.plan)

    def command(self) -> list[str]:
        """The command line, prefix included."""
        directory = self._directory
        file = str(self.configuration()[0])
        if self.kind is ReflectorKind.GOBGP:
            words = [
                "gobgpd",
                f"--config-file={file}",
                f"--api-hosts={self.api_socket}",
                "--pprof-disable",
                "--log-level=warn",
            ]
        elif self.kind is ReflectorKind.FRR:
            words = [
                str(FRR_BGPD),
                f"--config_file={file}",
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
        else:
            words = [sys.executable, "-m", "controllers.runtime.bgp", file]
        return [*self._prefix, *words]

    async def start(self) -> None:
        """Write the configuration and start the program; its output goes to `reflector.log`."""
        file, text = self.configuration()
        file.write_text(text)
        # gobgpd does not start where one that was killed has left its socket.
        (self._directory / _GOBGP_SOCKET).unlink(missing_ok=True)
        with (self._directory / "reflector.log").open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self.command(), stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output
            )

    async def kill(self) -> None:
        """End the program at once: it takes leave of nobody."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def stop(self) -> None:
        """End the program and wait for it."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), STOP_PATIENCE)
        except TimeoutError:
            process.kill()
            await process.wait()
