"""A lab for experiments in plain Python: everything blocks, nothing has to be awaited.

    with Lab.start("wan", mode="evpn-vmto") as lab:
        stream = lab.flow("client", "vm1")
        lab.vm("vm1").migrate("dc2")
        print(lab.trace("client", "vm1"), stream.stop().gap_ms)

The lab runs in a container of its own, as `vmto up` starts it; all goes over its control socket, so that the
`vmto` commands work on it at the same time. The pytest plugin and notebooks build on this.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, Self, TypeVar, final

from testbed.lab.console import enter
from testbed.lab.container import LabProcess, find, stop
from testbed.lab.control import ControlClient
from testbed.lab.errors import LabError

__tracebackhide__ = True
"""pytest shows the experiment's own lines, not those below."""

Row = dict[str, Any]
E = TypeVar("E", bound=StrEnum)


@final
@dataclass(frozen=True, slots=True)
class Way:
    """One direction of an echo, as every switch on it reported the packet."""

    nodes: tuple[str, ...]
    """Switches in the order in which the packet passed them."""
    crossings: int
    """How often it crossed the WAN from one PE to another."""
    trombone: bool
    """It visited a PE that is neither the sender's nor the receiver's."""
    delivered: bool
    """It reached its destination."""
    flooded: bool
    """It was copied on its way."""

    @classmethod
    def of(cls, found: Row | None) -> Self:
        """From an answer of the control socket; the first branch where none arrived."""
        if found is None or not found["branches"]:
            return cls((), 0, False, False, False)
        branch = found["branches"][0]
        nodes, crossings, trombone = tuple(branch["nodes"]), branch["crossings"], branch["trombone"]
        return cls(nodes, crossings, trombone, found["delivered"], found["flooded"])


@final
@dataclass(frozen=True, slots=True)
class Trace:
    """Both ways of one echo."""

    source: str
    destination: str
    answered: bool
    rtt_ms: float | None
    there: Way
    back: Way

    @property
    def crossings(self) -> int:
        """WAN crossings, of the direction with more. AssertionError if no echo came back."""
        return max(way.crossings for way in self._ways())

    @property
    def trombone(self) -> bool:
        """Does either direction visit a PE of a third site? AssertionError if no echo came back."""
        return any(way.trombone for way in self._ways())

    def _ways(self) -> tuple[Way, Way]:
        if not self.answered:
            # An assertion, so that `eventually` tries again.
            seen = " ".join(self.there.nodes) or "nowhere"
            raise AssertionError(f"{self.destination} did not answer {self.source}: seen at {seen}")
        return self.there, self.back


@final
@dataclass(frozen=True, slots=True)
class Move:
    """One live migration; times are seconds of CLOCK_MONOTONIC."""

    vm: str
    source: str
    target: str
    paused: float
    unplugged: float
    plugged: float
    blackout_ms: float
    """How long the machine was off the network."""


@final
@dataclass(frozen=True, slots=True)
class FlowReport:
    """What became of a flow."""

    sent: int
    received: int
    """Different ones that arrived; echoes and requests count when the answer does."""
    lost: int
    duplicated: int
    reordered: int
    gap_ms: float
    """Longest silence."""
    delay_ms: float | None
    """Median time under way: one way for UDP, there and back otherwise; None if nothing arrived."""
    seconds: float
    """How long the flow was measured."""
    alive: bool
    """It still arrived at the end, and a TCP session is the one that was opened at the start."""
    broken: str
    """The error that ended a TCP session; empty if none did."""


@final
class Flow:
    """Traffic that goes on until `stop`."""

    def __init__(self, lab: Lab, number: int, name: str) -> None:
        self._lab, self._number, self._name = lab, number, name
        self._report: FlowReport | None = None

    def __repr__(self) -> str:
        return f"<{self._name}>"

    def stop(self, within: float = 5.0) -> FlowReport:
        """End it and tell; a second call tells the same.

        A flow that is silent now is ended when something arrives again, or after `within` seconds: a gap is
        measured to its end.
        """
        if self._report is None:
            found = self._lab.call("flow stop", flow=self._number, within=within)
            self._report = FlowReport(**found)
        return self._report


class Machine:
    """A host of the lab."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab, self.name = lab, name

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def status(self) -> Row:
        """Address, MAC, process and, of a virtual machine, its slot and slots."""
        machines: dict[str, Row] = self.lab.status()["machines"]
        if self.name not in machines:
            raise LabError(f"no machine {self.name!r}: use one of {', '.join(machines)}")
        return machines[self.name]

    @property
    def address(self) -> str:
        """Its IPv4 address."""
        return str(self.status()["address"]).partition("/")[0]

    @property
    def mac(self) -> str:
        """Its MAC."""
        return str(self.status()["mac"])

    def run(self, argv: Sequence[str], timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
        """Run a program in its network to the end; output as text."""
        network = f"--net=/proc/{self.status()['pid']}/ns/net"
        command = enter(self.lab.name, ["nsenter", network, "--", *argv])
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)

    def ping(self, other: Machine | str, count: int = 3) -> str:
        """What ping(8) says."""
        return str(self.lab.call("ping", source=self.name, destination=name_of(other), count=count))


@final
class Vm(Machine):
    """A virtual machine."""

    @property
    def slot(self) -> str | None:
        """Where it is; None while it is off the network."""
        slot: str | None = self.status()["slot"]
        return slot

    def migrate(self, to: str, *, blackout_ms: float | None = None, announce: str | None = None) -> Move:
        """Move it live to another of its slots; returns when it is on the network again.

        `announce` is garp, rarp, qemu or none; that and the blackout are the topology's unless given.
        """
        given = {"blackout_ms": blackout_ms, "announce": announce}
        options = {key: value for key, value in given.items() if value is not None}
        self.lab.changed = True
        return Move(**self.lab.call("migrate", machine=self.name, to=to, **options))


@final
class Pe:
    """A PE router: what its controller knows, and what its switch holds. Rows as `vmto show ... --json`."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab, self.name = lab, name

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def _show(self, what: str) -> list[Row]:
        return list(self.lab.call(f"show {what}", node=self.name))

    def bgp(self) -> list[Row]:
        """Routes of its RIB."""
        return self._show("bgp")

    def evpn(self) -> list[Row]:
        """MACs and addresses with the PE that has them, and sequence numbers."""
        return self._show("evpn")

    def vpls(self) -> list[Row]:
        """Pseudo-wires and virtual routers, in the mode that has them."""
        return self._show("vpls")

    def macs(self) -> list[Row]:
        """Its MAC tables."""
        return self._show("mac")

    def routes(self) -> list[Row]:
        """Its IP-VRFs."""
        return self._show("route")

    def labels(self) -> list[Row]:
        """Its incoming labels."""
        return self._show("labels")

    def tables(self) -> list[Row]:
        """All entries of its switch, read from it."""
        return self._show("tables")


@final
class Lab:
    """A lab that runs. A context manager, which ends it."""

    def __init__(self, name: str, process: LabProcess | None = None) -> None:
        """Attach to a lab that is up. LabError if it is not."""
        running = find(name)
        if running is None:
            raise LabError(f"lab {name!r} is not up: `vmto up --name {name}` starts it")
        self.name = name
        self.changed = False
        """A machine was moved: it is no longer as it came up."""
        self._process = process
        self._control = running.control

    @classmethod
    def start(
        cls,
        topology: str | Path = "wan",
        *,
        mode: str | None = None,
        reflector: str | None = None,
        target: str = "embedded",
        name: str = "lab",
        detached: bool = False,
        output: IO[bytes] | int = subprocess.DEVNULL,
    ) -> Self:
        """Start a lab; it ends with this process unless `detached`. LabError or TopologyError if it cannot.

        `mode` and `reflector` are the topology's unless given; `output` takes what the lab's program prints.
        """
        from testbed.experiments.defaults import lab_spec
        from testbed.experiments.launch import up
        from testbed.lab.switches import Target
        from testbed.model.topology import Mode, Reflector

        spec = lab_spec(
            str(topology),
            mode=_one_of(Mode, mode, "mode"),
            reflector=_one_of(Reflector, reflector, "reflector"),
            target=_one_of(Target, target, "target") or Target.EMBEDDED,
            logs=None,
        )
        return cls(name, up(name, spec, detached=detached, output=output))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the lab and all that is in it."""
        if self._process:
            self._process.stop()
        else:
            stop(self.name)

    def call(self, verb: str, **args: Any) -> Any:
        """Call a verb of its control socket. LabError if the lab refuses, or is gone."""
        try:
            with ControlClient(self._control) as client:
                return client.call(verb, **args)
        except LabError as error:
            raise LabError(str(error)) from None

    def status(self) -> Row:
        """Liveness of every part, as `vmto status --json`."""
        return dict(self.call("status"))

    @property
    def alive(self) -> bool:
        """Is every part of it alive?"""
        try:
            return bool(self.status()["alive"])
        except LabError:
            return False

    @property
    def vms(self) -> list[str]:
        """Names of the machines that move."""
        return [name for name, machine in self.status()["machines"].items() if "slots" in machine]

    def machine(self, name: str) -> Machine:
        """A host or virtual machine. LabError if there is none."""
        machine = self.vm(name) if name in self.vms else Machine(self, name)
        machine.status()
        return machine

    def vm(self, name: str | None = None) -> Vm:
        """A machine that moves; the first one unless named. LabError if there is none."""
        known = self.vms
        if name is None and known:
            return Vm(self, known[0])
        if name not in known:
            raise LabError(f"no virtual machine {name!r}: use one of {', '.join(known)}")
        return Vm(self, name)

    def pe(self, name: str) -> Pe:
        """A PE. LabError if there is none."""
        known = [each for each, switch in self.status()["switches"].items() if switch["role"] == "pe"]
        if name not in known:
            raise LabError(f"no PE {name!r}: use one of {', '.join(known)}")
        return Pe(self, name)

    def trace(self, source: Machine | str, destination: Machine | str) -> Trace:
        """Send one echo, and follow it through every switch, there and back."""
        ends = {"source": name_of(source), "destination": name_of(destination)}
        found = self.call("trace", **ends)
        there, back = Way.of(found["there"]), Way.of(found["back"])
        return Trace(**ends, answered=found["answered"], rtt_ms=found["rtt_ms"], there=there, back=back)

    def flow(
        self, source: Machine | str, destination: Machine | str, kind: str = "udp", **options: float
    ) -> Flow:
        """Start traffic once the two reach each other: `kind` is udp (one way), ping or tcp.

        `rate` per second of datagrams, echoes or requests; `size` of a datagram's payload, bytes; `mbps` of
        bulk data beside the requests of a TCP session.
        """
        ends = {"source": name_of(source), "destination": name_of(destination)}
        number = self.call("flow start", kind=kind, **ends, **options)
        return Flow(self, number, f"{kind} from {ends['source']} to {ends['destination']}")

    def sessions(self) -> list[Row]:
        """The BGP sessions of all PEs."""
        return list(self.call("show bgp"))

    def timeline(self) -> list[Row]:
        """All that happened; `t_ms` from the first event."""
        return list(self.call("timeline"))


def name_of(machine: Machine | str) -> str:
    """A machine's name, for those who have the machine and those who have the name."""
    return machine if isinstance(machine, str) else machine.name


def _one_of(kind: type[E], value: str | None, what: str) -> E | None:
    """A member of an enumeration by its value; None for None. LabError that names those there are."""
    if value is None:
        return None
    try:
        return kind(value)
    except ValueError:
        raise LabError(f"no {what} {value!r}: use one of {', '.join(kind)}") from None
