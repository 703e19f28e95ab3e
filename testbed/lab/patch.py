"""The patch cable between a virtual machine and the slots it can be plugged into.

The guest's eth0 is a veth whose other end is its tap. Tap and slot are joined by redirecting what comes in
on each to the other, so that the guest's interface, addresses, ARP cache and sockets never change while the
cable is moved. Indexes are looked up once; a plug is one system call.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Final, final

from testbed.lab import netlink
from testbed.lab.netlink import Netlink, ignoring

INTERFACES: Final = Path("/sys/class/net")


@final
class PatchCable:
    """Joins a tap to at most one of its slots; all interfaces are in this namespace and exist."""

    def __init__(self, tap: str, slots: Mapping[str, tuple[str, str]]) -> None:
        """`slots`: both ends of each by the slot's name, the outer one and the switch's port."""
        self._kernel = Netlink()
        self._tap = self._kernel.index(tap)
        self._ends = dict(slots)
        self._slots = {name: self._kernel.index(outer) for name, (outer, _) in slots.items()}
        self.slot: str | None = None
        """Where it is plugged in."""
        for index in (self._tap, *self._slots.values()):
            with ignoring(errno.EEXIST):  # a copy of the machine shares the slots
                self._kernel.send(netlink.add_ingress(index))

    def raise_carrier(self, slot: str) -> None:
        """Let the switch see a live port at a slot, as when a hypervisor has made the guest's interface."""
        self._kernel.send(netlink.link(self._slots[slot], up=True, arp=False))

    def passes(self, slot: str) -> bool:
        """Do frames pass between a slot and its switch, both ways?

        A carrier is not enough: until the kernel has activated an interface it drops what is sent there, and
        for that it waits for a lock (linkwatch, rtnl) which all who make or remove interfaces take in turn.
        """
        states = [(INTERFACES / end / "operstate").read_text(encoding="ascii") for end in self._ends[slot]]
        return states == ["up\n", "up\n"]

    def plug(self, slot: str) -> None:
        """Join the tap to a slot. It must be unplugged."""
        if self.slot is not None:
            raise ValueError(f"plugged into {self.slot} already")
        index = self._slots[slot]
        self._kernel.send(
            netlink.link(index, up=True, arp=False),
            netlink.redirect(self._tap, index),
            netlink.redirect(index, self._tap),
        )
        self.slot = slot

    def unplug(self) -> None:
        """Cut the tap off and take the carrier off its slot. Does nothing if it is unplugged."""
        if self.slot is None:
            return
        index, self.slot = self._slots[self.slot], None
        self._kernel.send(
            netlink.remove_filter(self._tap),
            netlink.remove_filter(index),
            netlink.link(index, up=False, arp=False),
        )

    def close(self) -> None:
        """Close the netlink socket; the kernel keeps what is plugged."""
        self._kernel.close()
