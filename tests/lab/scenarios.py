"""Programs of lab containers: each function runs inside one and prints its findings as JSON."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from testbed.lab.container import report_ready
from testbed.lab.control import ControlServer
from testbed.lab.errors import LabError
from testbed.lab.lab import Lab
from testbed.lab.switches import SwitchProgram
from testbed.model import load_plan

HERE = Path(__file__).parent
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
        return {
            "alive": [first["alive"], killed["alive"], back["alive"]],
            "p1": killed["switches"]["p1"]["alive"],
            "cut": rtts(cut),
            "mended": mended,
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


async def stay() -> None:
    """Come up, serve the control socket and stay."""
    with star() as lab:
        async with ControlServer(Path(os.environ["VMTO_RUN"]) / os.environ["VMTO_LAB"] / "control") as server:

            async def pids(_args: dict[str, Any], _emit: Any) -> Any:
                return {"switch": lab.switches["p1"].process.pid}

            server.register("pids", pids)
            report_ready()
            await asyncio.Event().wait()


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
