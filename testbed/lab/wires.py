"""Interfaces: veth pairs between switches and to guests, quiet and with true frames."""

from __future__ import annotations

import contextlib
import errno
import subprocess
from pathlib import Path

from testbed.lab import netlink
from testbed.lab.errors import LabError
from testbed.lab.namespaces import disable_offloads, network_of, sysctl
from testbed.lab.netlink import Netlink, NetlinkError
from testbed.model.plan import Machine

CORE_MTU = 9000
"""Bytes; room for a full guest frame beneath tags and labels, and for jumbo frames."""
GUEST_MTU = 1500


def quiet(*interfaces: str) -> None:
    """Keep the kernel's own IPv6 and super-frames off these interfaces of this namespace."""
    for interface in interfaces:
        if Path("/proc/sys/net/ipv6").exists():
            sysctl(f"net.ipv6.conf.{interface}.disable_ipv6", 1)
    disable_offloads(*interfaces)


def connect(a: str, b: str, *, a_mac: str | None = None, b_mac: str | None = None, b_up: bool = True) -> None:
    """A veth pair in this namespace, both ends quiet and without ARP; `a` up, `b` as told."""
    with Netlink() as kernel:
        kernel.send(netlink.veth(a, b, mac=a_mac, peer_mac=b_mac, mtu=CORE_MTU))
        quiet(a, b)
        first, second = kernel.index(a), kernel.index(b)
        kernel.send(netlink.link(first, up=True, arp=False), netlink.link(second, up=b_up, arp=False))


def limit(interface: str, mbps: float) -> None:
    """Limit the rate of what leaves an interface, by a token bucket with 50 ms of queue."""
    burst = max(4 * CORE_MTU, int(mbps * 1e6 / 8 / 250))
    shape = ["root", "tbf", "rate", f"{int(mbps * 1000)}kbit", "burst", str(burst), "latency", "50ms"]
    done = subprocess.run(
        ["tc", "qdisc", "add", "dev", interface, *shape], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise LabError(f"no rate limit on {interface}: {done.stderr.strip().splitlines()[0]}")


def connect_guest(outside: str, guest: Machine, pid: int, *, mac: str | None = None) -> None:
    """A veth pair from `outside` in this namespace to the guest's eth0 in the namespace of `pid`."""
    with Netlink() as kernel:
        pair = netlink.veth(
            outside, guest.interface, mac=mac, peer_mac=guest.mac, peer_netns=pid, mtu=GUEST_MTU
        )
        kernel.send(pair)
        quiet(outside)
        kernel.send(netlink.link(kernel.index(outside), up=True, arp=False))


def configure_guest(guest: Machine, pid: int) -> None:
    """Addresses, default routes and lo of a guest; nothing in it speaks unasked."""
    with network_of(pid):
        kernel = Netlink()
        if Path("/proc/sys/net/ipv6").exists():
            _quiet_ipv6(guest)
        disable_offloads(guest.interface)
    with kernel:
        lo, eth0 = kernel.index("lo"), kernel.index(guest.interface)
        kernel.send(netlink.link(lo, up=True), netlink.link(eth0, up=True))
        kernel.send(netlink.address(eth0, guest.address), netlink.default_route(eth0, guest.gateway))
        if guest.address6 and guest.gateway6:
            kernel.send(netlink.address(eth0, guest.address6), netlink.default_route(eth0, guest.gateway6))


def _quiet_ipv6(guest: Machine) -> None:
    for name in ("all", "default", guest.interface):
        base = f"net.ipv6.conf.{name}"
        sysctl(f"{base}.accept_ra", 0)
        sysctl(f"{base}.autoconf", 0)
        sysctl(f"{base}.router_solicitations", 0)
        sysctl(f"{base}.addr_gen_mode", 1)
        sysctl(f"{base}.disable_ipv6", 0 if guest.address6 else 1)


def remove(interface: str) -> None:
    """Remove an interface and its other end, if it is still there."""
    with Netlink() as kernel, contextlib.suppress(NetlinkError):
        kernel.send(netlink.delete_link(kernel.index(interface)))


def exists(interface: str) -> bool:
    """Is there such an interface in this namespace?"""
    with Netlink() as kernel:
        try:
            kernel.index(interface)
        except NetlinkError as error:
            if error.errno == errno.ENODEV:
                return False
            raise
    return True
