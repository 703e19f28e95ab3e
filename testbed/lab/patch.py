"""The patch cable between a virtual machine and the slots it can be plugged into.

The guest's eth0 is a veth whose other end is its tap. Tap and slot are joined by redirecting what comes in
on each to the other, so that the guest's interface, addresses, ARP cache and sockets never change while the
cable is moved. Indexes are looked up once; a plug is one system call.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import final

from testbed.lab import netlink
from testbed.lab.netlink import Netlink, ignoring


@final
class PatchCable:
    """Joins a tap to at most one of its slots; all interfaces are in this namespace and exist."""

    def __init__(self, tap: str, slots: Mapping[str, str]) -> None:
        """`slots`: interface at the outer end of each slot, by the slot's name."""
        self._kernel = Netlink()
        self._tap = self._kernel.index(tap)
        self._slots = {name: self._kernel.index(interface) for name, interface in slots.items()}
        self.slot: str | None = None
        """Where it is plugged in."""
        for index in (self._tap, *self._slots.values()):
            with ignoring(errno.EEXIST):  # a copy of the machine shares the slots
                self._kernel.send(netlink.add_ingress(index))

    def raise_carrier(self, slot: str) -> None:
        """Let the switch see a live port at a slot, as when a hypervisor has made the guest's interface."""
        self._kernel.send(netlink.link(self._slots[slot], up=True, arp=False))

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
