"""Hosts and virtual machines as Mininet hosts."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address
from typing import Any, ClassVar, final
from weakref import WeakValueDictionary

from mininet.node import Host as MininetHost

from testbed.lab import wires
from testbed.lab.announce import Announcement, schedule
from testbed.lab.errors import LabError
from testbed.lab.eventually import NotInTime, eventually, eventually_async
from testbed.lab.namespaces import network_of
from testbed.lab.patch import PatchCable
from testbed.model.plan import HostPlan, Slot, VmPlan
from testbed.model.topology import Announce
from testbed.observe.timeline import Timeline

ACTIVE_SECONDS = 5.0
"""How long the kernel may take to activate the interfaces of a slot: less than a millisecond, unless others
keep it busy with theirs."""


class Guest(MininetHost):  # type: ignore[misc]
    """A network namespace with one `eth0`: a machine as the network sees it."""

    by_name: ClassVar[WeakValueDictionary[str, Guest]] = WeakValueDictionary()
    """All machines of this process."""

    def __init__(
        self, name: str, *, plan: HostPlan | VmPlan, timeline: Timeline | None = None, **params: Any
    ) -> None:
        self.plan = plan
        self.timeline = timeline or Timeline()
        MininetHost.__init__(self, name, **params)
        Guest.by_name[name] = self

    def config(self, **_params: Any) -> dict[str, Any]:
        """Addresses and routes as planned (Mininet's own parameters are not used)."""
        wires.configure_guest(self.plan, self.pid)
        return {}

    def greet(self) -> None:
        """Announce itself, as machines do when they have booted: then the network knows who is where."""
        with network_of(self.pid):
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        with wire:
            wire.bind((self.plan.interface, 0))
            for frame in schedule(Announce.GARP, *self._identity()):
                wire.send(frame.frame)

    def _identity(self) -> tuple[str, IPv4Address, IPv6Address | None]:
        """MAC and addresses, as announcements name them."""
        address6 = self.plan.address6
        return self.plan.mac, self.plan.address.ip, address6.ip if address6 else None

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs `argv` in this guest's network."""
        # Only the network: joining its mount namespace, as `mnexec -a` does, would leave a chroot.
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", "--", *argv]

    def run(self, argv: Sequence[str], timeout: float | None = 30.0) -> subprocess.CompletedProcess[str]:
        """Run a program in the guest to its end; output as text."""
        return subprocess.run(
            self.command(argv), capture_output=True, text=True, timeout=timeout, check=False
        )

    @property
    def alive(self) -> bool:
        """Does the guest's namespace stand?"""
        return self.shell is not None and self.shell.poll() is None


@final
@dataclass(frozen=True, slots=True)
class Move:
    """One live migration; times are seconds of CLOCK_MONOTONIC."""

    vm: str
    source: str
    """Slot it was in."""
    target: str
    """Slot it is in."""
    paused: float
    unplugged: float
    plugged: float
    """When the guest was on the network again."""
    blackout_ms: float
    """How long it was off the network, measured."""


@final
class VirtualMachine(Guest):
    """A guest whose cable can be moved from slot to slot while it runs."""

    plan: VmPlan
    cable: PatchCable
    """Made with its link."""
    replugged: Callable[[Slot], None]
    """Told of every new slot; made with its link."""

    def __init__(self, name: str, *, plan: VmPlan, timeline: Timeline | None = None, **params: Any) -> None:
        super().__init__(name, plan=plan, timeline=timeline, **params)
        self._announcing: set[asyncio.Task[None]] = set()
        self._moving = False

    @property
    def slot(self) -> Slot | None:
        """Where it is plugged in; None while it is off the network."""
        return None if self.cable.slot is None else self.plan.slot(self.cable.slot)

    async def migrate(
        self, to: str, *, blackout_ms: float = 100.0, announce: Announce | str = Announce.GARP
    ) -> Move:
        """Move to another slot: off the network, `blackout_ms` of silence, on again, announced.

        The silence is longer where the kernel has not activated the slot's interfaces by then. Returns once
        the guest is on the network and its first announcement is out; later ones follow by themselves. Raises
        `LabError` for a slot it has not or is in, or while another move is under way.
        """
        target, announce = self._slot(to), Announce(announce)
        source = self.cable.slot
        if self._moving or source is None:
            raise LabError(f"{self.name} is being moved: wait for the end of that")
        if source == target.name:
            raise LabError(f"{self.name} is at {to} already: choose another of its slots")
        self._moving = True
        try:
            self.cable.raise_carrier(target.name)
            paused = time.monotonic()
            self.timeline.stamp("paused", self.name, paused, site=self.plan.slot(source).site, slot=source)
            self.cable.unplug()
            unplugged = time.monotonic()
            self.timeline.stamp("unplugged", self.name, unplugged, slot=source)
            await _until(paused + blackout_ms / 1e3)
            await self._active(target)
            plugged = self._plug(target, announce)
        finally:
            self._moving = False
        return Move(self.name, source, target.name, paused, unplugged, plugged, (plugged - paused) * 1e3)

    def move(self, to: str, *, blackout_ms: float = 100.0, announce: Announce | str = Announce.GARP) -> Move:
        """`migrate` where no event loop runs, as on Mininet's command line; waits for all announcements."""

        async def whole() -> Move:
            move = await self.migrate(to, blackout_ms=blackout_ms, announce=announce)
            await asyncio.gather(*self._announcing)
            return move

        return asyncio.run(whole())

    def unplug(self) -> None:
        """Take it off the network: it has crashed, or is being moved by hand."""
        self.cable.unplug()
        self.timeline.stamp("unplugged", self.name)

    def plug(self, to: str, announce: Announce | str = Announce.NONE) -> None:
        """Put it on the network at a slot; needs a running event loop for announcements after the first."""
        if self.cable.slot is not None:
            raise LabError(f"{self.name} is plugged into {self.cable.slot}: unplug it first")
        slot = self._slot(to)
        self.cable.raise_carrier(slot.name)
        self.wait_active(slot)
        self._plug(slot, Announce(announce))

    def wait_active(self, slot: Slot) -> None:
        """Wait until frames pass at a slot whose carrier is up, where no event loop runs. LabError if not."""
        try:
            eventually(lambda: self.cable.passes(slot.name), within=ACTIVE_SECONDS, every=0.001)
        except NotInTime:
            raise LabError(_dead(slot)) from None

    async def _active(self, slot: Slot) -> None:
        """The same, while others may go on."""
        try:
            await eventually_async(lambda: self.cable.passes(slot.name), within=ACTIVE_SECONDS, every=0.001)
        except NotInTime:
            raise LabError(_dead(slot)) from None

    def announce(self, announce: Announce | str) -> None:
        """Send the announcements of a kind from where it is."""
        if self.slot is None:
            raise LabError(f"{self.name} is off the network: plug it in first")
        self._announce(self.slot, Announce(announce), time.monotonic())

    def _slot(self, name: str) -> Slot:
        try:
            return self.plan.slot(name)
        except KeyError as error:
            raise LabError(str(error.args[0])) from None

    def _plug(self, target: Slot, announce: Announce) -> float:
        self.cable.plug(target.name)
        plugged = time.monotonic()
        self._announce(target, announce, plugged)
        self.timeline.stamp("resumed", self.name, plugged, site=target.site, slot=target.name)
        self.replugged(target)
        return plugged

    def _announce(self, slot: Slot, announce: Announce, start: float) -> None:
        """Send what is due now; leave the rest to a task."""
        frames = schedule(announce, *self._identity())
        due = [frame for frame in frames if frame.after == 0]
        for frame in due:
            self._send(frame, slot)
        later = [frame for frame in frames if frame.after > 0]
        if later:
            task = asyncio.get_running_loop().create_task(self._announce_later(slot, later, start))
            self._announcing.add(task)
            task.add_done_callback(self._announcing.discard)

    async def _announce_later(self, slot: Slot, frames: Sequence[Announcement], start: float) -> None:
        """Send each frame at its time, as long as the guest stays in this slot."""
        for frame in frames:
            await _until(start + frame.after)
            if self.cable.slot != slot.name:
                return
            self._send(frame, slot)

    def _send(self, frame: Announcement, slot: Slot) -> None:
        self._wire.sendto(frame.frame, (slot.interface, 0))
        self.timeline.stamp("announced", self.name, kind=frame.kind, slot=slot.name)

    def terminate(self) -> None:
        """End it, as Mininet does when a lab ends."""
        wire = self.__dict__.pop("_wire", None)
        if wire is not None:
            wire.close()
        super().terminate()

    @cached_property
    def _wire(self) -> socket.socket:
        """Stays open. To close a packet socket the kernel waits for all processors (synchronize_net), some 10
        ms, and the controllers, on the same event loop, would wait with it."""
        return socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)


def _dead(slot: Slot) -> str:
    return f"slot {slot.name} at {slot.port} is not active after {ACTIVE_SECONDS:g} s"


async def _until(moment: float) -> None:
    """Wait for a moment of CLOCK_MONOTONIC, never early, at most a millisecond late when idle."""
    await asyncio.sleep(max(0.0, moment - time.monotonic()))
