"""Programs of lab containers: each function runs inside one and prints its findings as JSON."""

from __future__ import annotations

import asyncio
import json
import os
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from testbed.lab import delay, wires
from testbed.lab.container import report_ready
from testbed.lab.control import ControlServer
from testbed.lab.delay import DelayCable
from testbed.lab.errors import LabError
from testbed.lab.lab import Lab
from testbed.lab.switches import SwitchProgram
from testbed.model import load_plan
from testbed.observe.capture import Ring
from testbed.observe.flows import PingFlow, TcpFlow, UdpFlow
from testbed.observe.frames import Flow
from testbed.observe.recording import Recording
from testbed.observe.sightings import traces

HERE = Path(__file__).parent
IFF_UP = 1
STANDIN = SwitchProgram((sys.executable, str(HERE / "standin_switch.py")), delays=False, reports_ready=True)


def star(**options: Any) -> Lab:
    return Lab(load_plan(HERE / "star.yaml"), **{"program": STANDIN, **options})


def rtts(text: str) -> list[float]:
    return [float(value) for value in re.findall(r"time=([\d.]+)", text)]


def guest_state(lab: Lab) -> list[str]:
    """What a guest could notice: its interface, addresses, routes and neighbours."""
    vm = lab.vm("vm1")
    commands = (["ip", "-br", "link"], ["ip", "-br", "address"], ["ip", "route"])
    neighbours = vm.run(["ip", "neighbour"]).stdout
    known = sorted(" ".join(line.split()[:5]) for line in neighbours.splitlines())
    return [vm.run(command).stdout for command in commands] + known


async def migrate() -> dict[str, Any]:
    """A machine moves away and back; a TCP connection opened before carries on."""
    with star() as lab:
        before = rtts(lab.ping("client", "vm1", count=3))
        state = guest_state(lab)
        moves = []
        for to in ("dc2", "dc1"):
            move = await lab.vm("vm1").migrate(to, blackout_ms=40)
            after = rtts(lab.ping("client", "vm1", count=3))
            moves.append({"blackout_ms": move.blackout_ms, "rtts": after, "slot": lab.vm("vm1").cable.slot})
        problems = []
        for to in ("dc1", "dc9"):
            try:
                await lab.vm("vm1").migrate(to)
            except LabError as error:
                problems.append(str(error))
        return {
            "before": before,
            "moves": moves,
            "same": state == guest_state(lab),
            "problems": problems,
            "events": [event.event for event in lab.timeline.events],
        }


async def late_port() -> dict[str, Any]:
    """A slot's interfaces are active some time after its carrier; a machine is on the network only then."""
    with star() as lab:
        vm = lab.vm("vm1")
        passes = vm.cable.passes
        before = [passes(slot) for slot in ("dc1", "dc2")]
        looks: list[str | None] = []

        def late(slot: str) -> bool:
            looks.append(vm.cable.slot)
            return len(looks) > 3 and passes(slot)

        vm.cable.passes = late  # type: ignore[method-assign]
        await vm.migrate("dc2", blackout_ms=0)
        after = [passes(slot) for slot in ("dc1", "dc2")]
        return {"before": before, "looks": looks, "after": after}


async def split() -> dict[str, Any]:
    """Two copies of a machine at once: whoever spoke last is heard."""

    def answers(machine: str) -> int:
        before = received(machine)
        lab.ping("client", "vm1")
        return received(machine) - before

    def received(machine: str) -> int:
        text = lab.machine(machine).run(["cat", "/proc/net/snmp"]).stdout
        names, values = (line.split() for line in text.splitlines() if line.startswith("Icmp:"))
        return int(values[names.index("InEchos")])

    def identity(machine: str) -> tuple[str, ...]:
        (eth0,) = json.loads(lab.machine(machine).run(["ip", "-j", "address", "show", "dev", "eth0"]).stdout)
        return eth0["address"], *(each["local"] for each in eth0["addr_info"])

    with star() as lab:
        lab.ping("client", "vm1")
        first = answers("vm1")
        lab.split("vm1", "dc2")
        second = [answers("vm1-copy"), answers("vm1")]
        problems = []
        for slot in ("dc1", "dc2"):
            try:
                lab.split("vm1", slot)
            except LabError as error:
                problems.append(str(error))
        same = {identity(name) for name in ("vm1", "vm1-copy")}
        lab.merge("vm1")
        lab.vm("vm1").announce("garp")
        third = answers("vm1")
        lab.split("vm1", "dc2")
        return {
            "heard": [first, *second, third],
            "same": len(same),
            "problems": problems,
            "vms": list(lab.vms),
        }


def ends(lab: Lab, a: str, b: str) -> list[str]:
    """The switches' own interfaces of a cable."""
    cable = lab.cable(a, b)
    return [lab.plan.port(end).interface for end in (cable.a, cable.b)]


def hub() -> dict[str, Any]:
    """What the lab tells of itself, with a switch killed and started again and a link cut and mended."""
    with star() as lab:
        first = lab.status()
        lab.switches["p1"].kill()
        killed = lab.status()
        lab.switches["p1"].restart()
        back = lab.status()
        lab.set_link("pe1", "p1", up=False)
        cut = lab.ping("client", "h1")
        lab.set_link("pe1", "p1", up=True)
        mended = rtts(lab.ping("client", "h1", count=3))
        lab.set_link("acc1", "pe1", up=False)
        flags = [Path(f"/sys/class/net/{name}/flags").read_text() for name in ends(lab, "acc1", "pe1")]
        carrier = [Path(f"/sys/class/net/{name}/carrier").read_text() for name in ends(lab, "acc1", "pe1")]
        return {
            "alive": [first["alive"], killed["alive"], back["alive"]],
            "p1": killed["switches"]["p1"]["alive"],
            "cut": rtts(cut),
            "mended": mended,
            "usable": [bool(int(each, 16) & IFF_UP) for each in flags],
            "carrier": [int(each) for each in carrier],
        }


SERVE = """
import socket
server = socket.create_server(('10.0.10.101', 7))
print('up', flush=True)
connection = server.accept()[0]
while connection.recv(65536): pass
"""
SEND = "import socket; socket.create_connection(('10.0.10.101', 7)).sendall(bytes(1 << 20))"


def frames() -> dict[str, Any]:
    """The longest frame on a wire while a guest sends bulk data: offloads are off."""
    command = ["tcpdump", "-i", "acc1-eth1", "-n", "-e", "-c", "60", "-l", "tcp"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with star() as lab, subprocess.Popen(command, **pipes) as capture:
        assert capture.stderr
        while "listening" not in capture.stderr.readline():
            pass
        with lab.popen("h1", [sys.executable, "-c", SERVE], stdout=subprocess.PIPE) as server:
            server.stdout.readline()
            lab.machine("client").run([sys.executable, "-c", SEND])
            out, _ = capture.communicate(timeout=10)
        lengths = [int(length) for length in re.findall(r"length (\d+): ", out)]
        return {"longest": max(lengths), "count": len(lengths)}


ETHER = bytes.fromhex("0a0000010001020000000001")
FRAMES = {
    "plain": ETHER + b"\x08\x00" + bytes(46),
    "tagged": ETHER + bytes.fromhex("8100200a0800") + bytes(46),
    "double": ETHER + bytes.fromhex("88a800058100000a0800") + bytes(46),
    "labelled": ETHER + bytes.fromhex("884703e823c01d4c113f") + bytes(60),
    "jumbo": ETHER + b"\x08\x00" + bytes(8900),
}


def tags() -> dict[str, Any]:
    """Frames of all kinds through a delay cable: changed or not, and how late, in ms."""
    for name in ("a", "b"):
        wires.connect(f"{name}1", f"{name}2")
    cable = delay.start([DelayCable("a2", "b2", 5.0)])
    ring = Ring([socket.if_nametoindex("b1")], 9500)
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    wire.bind(("a1", 0))
    found: dict[str, Any] = {}
    for name, frame in FRAMES.items():
        sent = time.time_ns()
        wire.send(frame)
        assert select.select([ring.socket], [], [], 5)[0], name
        [(_, received, data, length, _)] = ring.frames()
        found[name] = [data == frame and length == len(frame), (received - sent) / 1e6]
    assert cable
    cable.kill()
    return found


async def measured_move() -> dict[str, Any]:
    """All flows during a move, and the paths that captures show."""
    with star() as lab:
        client, vm = lab.machine("client"), lab.vm("vm1")
        flows = {
            "down": UdpFlow(client, vm, "10.0.10.11", 4001, rate=200),
            "up": UdpFlow(vm, client, "10.0.10.40", 4002, rate=200),
            "ping": PingFlow(client, "10.0.10.11", interval=0.02),
            "tcp": TcpFlow(client, vm, "10.0.10.11", 4003, mbps=5),
        }
        recording = Recording(Path(os.environ["VMTO_RUN"]) / os.environ["VMTO_LAB"] / "all.pcapng")
        lab.ping("client", "vm1")
        await recording.start()
        await asyncio.gather(*(flow.start() for flow in flows.values()))
        start = time.monotonic()
        await asyncio.sleep(0.4)
        move = await vm.migrate("dc2", blackout_ms=60)
        await asyncio.sleep(1.0)
        end = time.monotonic()
        results = dict(
            zip(flows, await asyncio.gather(*(flow.stop() for flow in flows.values())), strict=True)
        )
        frames = await recording.stop()

        def watched(flow: Flow) -> bool:
            return (flow.protocol, flow.destination_port) == ("udp", 4001)

        seen = traces(lab.plan, recording.frames(), watched)
        ways = {packet.sequence: trace.to("vm1") for packet, trace in seen.items()}
        tcp = results["tcp"]
        return {
            "blackout_ms": move.blackout_ms,
            "stats": {name: result.stats(start, end).as_json() for name, result in results.items()},
            "survived": tcp.survived(move.plugged),
            "goodput": [tcp.goodput.mbps(start, move.paused), tcp.goodput.mbps(end - 0.4, end)],
            "rtt_ms": results["ping"].rtt_ms(end=move.paused),
            "frames": frames,
            "lost_frames": recording.lost,
            "first": ways[20].as_json(),
            "last": ways[max(ways)].as_json(),
            "inconsistent": sum(bool(t.inconsistencies) for t in seen.values()),
            "traced": len(ways),
        }


async def stay() -> None:
    """Come up, serve the control socket and stay."""
    with star() as lab:
        async with ControlServer(Path(os.environ["VMTO_RUN"]) / os.environ["VMTO_LAB"] / "control") as server:

            async def pids(_args: dict[str, Any], _emit: Any) -> Any:
                return {"switch": lab.switches["p1"].process.pid}

            async def status(_args: dict[str, Any], _emit: Any) -> Any:
                return lab.status()

            async def migrate(args: dict[str, Any], _emit: Any) -> Any:
                return asdict(await lab.vm(args.pop("machine")).migrate(args.pop("to"), **args))

            for verb in (pids, status, migrate):
                server.register(verb.__name__, verb)
            report_ready()
            await asyncio.Event().wait()


def foreign() -> dict[str, Any]:
    """Switches that do not tell when they are ready, as those of bmv2."""
    program = replace(STANDIN, reports_ready=False)
    with star(program=program) as lab:
        reserved = Path("/proc/sys/net/ipv4/ip_local_reserved_ports").read_text("ascii").strip()
        rtt = rtts(lab.ping("client", "vm1", count=2))
        return {"alive": lab.status()["alive"], "rtts": rtt, "reserved": reserved}


def broken_switch() -> None:
    """A switch that cannot start."""
    program = SwitchProgram(
        (sys.executable, "-c", "print('no such option: -i')"), delays=True, reports_ready=True
    )
    logs = Path(os.environ["VMTO_RUN"]) / os.environ["VMTO_LAB"]
    try:
        star(program=program, logs=logs).start()
    except LabError as error:
        report_ready(str(error))
        raise SystemExit(2) from None


if __name__ == "__main__":
    scenario: Callable[[], Any] = globals()[sys.argv[1]]
    found = scenario()
    print(json.dumps(asyncio.run(found) if asyncio.iscoroutine(found) else found))
