"""The data plane benchmark: this switch, a null forwarder with the same packet I/O, and simple_switch_grpc.

All of it runs in one process tree with a network of its own, one after the other, so that figures can be
compared as ratios. Rows of rates say how many processors the switch had: on a machine that others use,
packets per second of processor time tell more than packets per second.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from testbed.p4.compiler.compile import compile_program
from testbed.p4.compiler.result import CompiledProgram
from testbed.p4.switch.bench.cases import Case, Entry, l3_case, pe_case
from testbed.p4.switch.bench.goals import Goal, goal_of
from testbed.p4.switch.bench.network import Route, enter_namespace, ip, python, resident_mb, veth

OURS, NULL, BMV2, CABLE = "vmto switch", "null forwarder", "simple_switch_grpc", "no switch"
PORT_BASE: Final = 9559
CPU_PORT: Final = 510


@dataclass(frozen=True)
class Row:
    """One figure."""

    measure: str
    """`peak`, `overload`, `latency_p50_at_10` ..."""
    switch: str
    program: str
    frame_bytes: int
    switches: int
    value: float
    unit: str
    cpus: float = 0.0
    """Processors that the switches had meanwhile."""
    note: str = ""

    @property
    def goal(self) -> Goal | None:
        """What the figure is to be; None: it is there to be compared with, or no goal of ours."""
        return goal_of(self.measure, self.switches) if self.switch == OURS else None

    @property
    def met(self) -> bool | None:
        """Whether it is; None without a goal."""
        return None if self.goal is None else self.goal.met_by(self.value)


class Bench:
    """Runs the measurements one after the other."""

    def __init__(self, seconds: float, report: Callable[[Row], None]) -> None:
        self._seconds = seconds
        self._report = report
        self._figures: dict[tuple[str, str, str, int, int], float] = {}
        """By switch, measure, program, frame size and length of the chain."""

    def row(self, measure: str, switch: str, program: str, value: float, unit: str, **more: object) -> None:
        """Report one figure, and the ratios of ours to the null forwarder's and to simple_switch_grpc's."""
        fields = {"frame_bytes": 0, "switches": 1} | more
        row = Row(measure, switch, program, value=round(value, 3), unit=unit, **fields)  # type: ignore[arg-type]
        self._report(row)
        key = measure, program, row.frame_bytes, row.switches
        self._figures[switch, *key] = value
        if switch == OURS and self._figures.get((NULL, *key)):
            self._ratio(row, "null", value / self._figures[NULL, *key])
        elif switch == BMV2 and value and (OURS, *key) in self._figures:
            self._ratio(row, "bmv2", self._figures[OURS, *key] / value)

    def _ratio(self, row: Row, to: str, value: float) -> None:
        measure = f"{row.measure}_to_{to}"
        self._report(
            replace(row, measure=measure, switch=OURS, value=round(value, 3), unit="ratio", cpus=0, note="")
        )

    # -- switches --------------------------------------------------------------------------------------------

    @contextmanager
    def chain(self, switch: str, length: int) -> Iterator[list[subprocess.Popen[str]]]:
        """`length` switches in a row: port 0 of the first is joined to `ta`, port 1 of the last to `tb`."""
        with self.cables(length), self.running(switch, length) as processes:
            yield processes

    @contextmanager
    def cables(self, length: int) -> Iterator[None]:
        """The cables of a chain; without switches it is one from `ta` to `tb`."""
        ends = [
            ("ta" if i == 0 else f"s{i - 1}p1", "tb" if i == length else f"s{i}p0") for i in range(length + 1)
        ]
        for left, right in ends:
            veth(left, right)
        try:
            yield
        finally:
            for left, _ in ends:
                subprocess.run(["ip", "link", "del", left], capture_output=True, check=False)

    @contextmanager
    def running(self, switch: str, length: int) -> Iterator[list[subprocess.Popen[str]]]:
        """The switches of a chain, ready."""
        processes = [self._start(switch, i) for i in range(length)]
        try:
            for number, process in enumerate(processes):
                if switch == BMV2:
                    self._wait_port(process, number)
                else:
                    self._wait_ready(process)
            yield processes
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()

    def _start(self, switch: str, number: int) -> subprocess.Popen[str]:
        ports = [f"{port}@s{number}p{port}" for port in (0, 1)]
        if switch == NULL:
            return python("-m", "testbed.p4.switch.bench.null", *ports)
        options = ["--no-p4", "--device-id", "1", "-i", ports[0], "-i", ports[1], "--"]
        options += ["--grpc-server-addr", self._address(number), "--cpu-port", str(CPU_PORT)]
        if switch == OURS:
            return python("-m", "testbed.p4.switch.main", *options)
        return subprocess.Popen([BMV2, *options], stdout=subprocess.DEVNULL, text=True)

    def _address(self, number: int) -> str:
        return f"127.0.0.1:{PORT_BASE + number}"

    def _wait_ready(self, process: subprocess.Popen[str]) -> None:
        """Ours print a line when they are."""
        assert process.stdout is not None  # noqa: S101 - it was started with a pipe
        for line in process.stdout:
            if "ready" in line or "istening" in line:
                return
        raise RuntimeError(f"{process.args!r} ended before it was ready")

    def _wait_port(self, process: subprocess.Popen[str], number: int) -> None:
        """What simple_switch_grpc says comes when its buffer is full: try its port."""
        while process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", PORT_BASE + number)) == 0:
                    return
            time.sleep(0.002)
        raise RuntimeError(f"{process.args!r} ended before it was ready")

    def program(self, switch: str, number: int, compiled: CompiledProgram, entries: Sequence[Entry]) -> None:
        """Load a program and its entries over P4Runtime."""
        if switch == NULL:
            return
        from testbed.p4.switch.bench.client import Client

        client = Client(self._address(number), compiled)
        client.load()
        client.insert(entries)
        client.close()

    # -- packets ---------------------------------------------------------------------------------------------

    def forwarding(self, case: Case, switch: str, length: int, sizes: Sequence[int]) -> None:
        """Rates at overload and near the peak, and latency."""
        compiled = compile_program(case.source)
        with self.chain(switch, length) as processes:
            for number in range(length):
                self.program(switch, number, compiled, case.entries)
            route = Route("ta", "tb", [p.pid for p in processes])
            for size in sizes:
                self._rates(case, switch, length, size, route)
            self._latencies(case, switch, length, route)
            if length == 1:
                self.row("memory", switch, case.name, resident_mb(processes[0].pid), "MB")

    def cable(self, case: Case) -> None:
        """Latency without a switch: what sender and receiver take."""
        with self.cables(0):
            self._latencies(case, CABLE, 0, Route("ta", "tb", []))

    def _rates(self, case: Case, switch: str, length: int, size: int, route: Route) -> None:
        frame = case.frame(size)
        more = {"frame_bytes": size, "switches": length}
        flood = route.rate(frame, 0, self._seconds)
        best = flood
        for share in (0.8, 0.9, 1.0, 1.1):
            paced = route.rate(frame, flood.carried * share, self._seconds / 2)
            if paced.carried > best.carried:
                best = paced
        for measure, rate in (("overload", flood), ("peak", best)):
            note = f"of {rate.offered / 1e3:.0f} kpps offered"
            cpus = round(rate.cpu, 2)
            self.row(measure, switch, case.name, rate.carried / 1e3, "kpps", cpus=cpus, note=note, **more)
        kept = flood.carried / best.carried
        self.row("overload_to_peak", switch, case.name, kept, "ratio", note="all that goes offered", **more)
        if best.cpu > 0:
            value = best.carried * length / best.cpu / 1e3
            self.row("per_cpu", switch, case.name, value, "kpps per processor", **more)

    def _latencies(self, case: Case, switch: str, length: int, route: Route) -> None:
        """Per hop; sender and receiver are counted in."""
        for pps, count in ((10, 100), (1000, 2000)):
            took = route.latency(case.frame(64), pps, count)
            for name, quantile in (("p50", 0.5), ("p99", 0.99)):
                if took:
                    value = took[int(len(took) * quantile)] / max(length, 1)
                    measure = f"latency_{name}_at_{pps}"  # packets per second
                    more = {"frame_bytes": 64, "switches": length}
                    note = f"{count - len(took)} of {count} lost"
                    self.row(measure, switch, case.name, value, "us per hop", note=note, **more)

    def tcp(self, switch: str, length: int) -> None:
        """What one TCP connection carries through a chain of routers."""
        case = l3_case()
        compiled = compile_program(case.source)
        with self.chain(switch, length) as processes:
            for number in range(length):
                self.program(switch, number, compiled, case.entries)
            listener, sender = self._tcp_ends()
            cpu_before = time.perf_counter()
            sender.stdin.write("go\n")  # type: ignore[union-attr]
            sender.stdin.flush()  # type: ignore[union-attr]
            carried = float(listener.stdout.readline())  # type: ignore[union-attr]
            for end in (listener, sender):
                end.terminate()
                end.wait()
            note = f"{time.perf_counter() - cpu_before:.1f} s, {len(processes)} switches"
            self.row("tcp", switch, "l3", carried * 8 / 1e6, "Mbit/s", switches=length, note=note)

    def _tcp_ends(self) -> tuple[subprocess.Popen[str], subprocess.Popen[str]]:
        """Listener behind `tb`, sender behind `ta`, both ready."""
        ends = []
        for role, interface in (("listen", "tb"), ("connect", "ta")):
            end = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "testbed.p4.switch.bench.tcp",
                    role,
                    interface,
                    str(self._seconds * 2),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert end.stdin is not None and end.stdout is not None  # noqa: S101 - pipes
            end.stdout.readline()
            ip("link", "set", interface, "netns", str(end.pid))
            end.stdin.write("moved\n")
            end.stdin.flush()
            end.stdout.readline()
            ends.append(end)
        return ends[0], ends[1]

    # -- without packets on wires ----------------------------------------------------------------------------

    def pipeline(self, case: Case) -> None:
        """The compiled program by itself, without packet I/O; compile times."""
        from testbed.p4.switch.bench.memory import compile_times, run_in_memory

        for measure, value, unit, note in (*compile_times(case), *run_in_memory(case)):
            self.row(measure, OURS, case.name, value, unit, note=note)

    def lookups(self) -> None:
        """Lookups in small and large tables."""
        from testbed.p4.switch.bench.lookups import LOOKUPS, lookups

        programs = {lookup.kind: lookup.source.stem for lookup in LOOKUPS}
        for measure, value, unit, note in lookups():
            self.row(measure, OURS, programs[measure.split("_")[1]], value, unit, note=note)

    def entries(self, switch: str) -> None:
        """Entries over P4Runtime in batches and one by one, with 100,000 present; memory with 10,000."""
        from testbed.p4.switch.bench.client import Client

        case = l3_case()
        compiled = compile_program(case.source)
        all_entries = [
            Entry(
                "Ingress.neighbor",
                {"hdr.ipv4.dst": 0x0B000000 + i},
                "Ingress.forward",
                {"port": 1, "src_mac": 1, "dst_mac": 2},
            )
            for i in range(122_000)
        ]
        with self.chain(switch, 1) as processes:
            client = Client(self._address(0), compiled)
            client.load()
            client.insert(all_entries[:10_000])
            self.row(
                "memory_10k", switch, case.name, resident_mb(processes[0].pid), "MB", note="10,000 entries"
            )
            client.insert(all_entries[10_000:100_000])
            took = client.insert(all_entries[100_000:120_000])
            self.row(
                "entries", switch, case.name, 20_000 / took / 1e3, "k per second", note="100,000 present"
            )
            took = client.insert(all_entries[120_000:], batch=1)
            self.row(
                "entries_one_by_one", switch, case.name, 2 / took, "k per second", note="120,000 present"
            )
            client.close()

    def start_up(self, switch: str, count: int) -> None:
        """Seconds until `count` switches, started at once, serve P4Runtime; their cables are there before."""
        with self.cables(count):
            start = time.perf_counter()
            with self.running(switch, count):
                self.row("ready", switch, "", time.perf_counter() - start, "s", switches=count)


def _measure(pe: Path | None, seconds: float, report: Callable[[Row], None]) -> None:
    """All of it."""
    bench = Bench(seconds, report)
    cases = [l3_case(), *([] if pe is None else [pe_case(pe)])]
    switches = [NULL, OURS, *([BMV2] if shutil.which(BMV2) else [])]
    bench.row("load_average", "", "", os.getloadavg()[0], "processes", note="before")
    for case in cases:
        bench.pipeline(case)
    bench.lookups()
    bench.cable(cases[0])
    for case in cases:
        for switch in switches:
            bench.forwarding(case, switch, 1, (64, 1500))
    for switch in switches:
        bench.forwarding(cases[0], switch, 5, (64, 1500))
        bench.tcp(switch, 5)
    for switch in switches[1:]:
        bench.entries(switch)
        bench.start_up(switch, 1)
        bench.start_up(switch, 12)
    bench.row("load_average", "", "", os.getloadavg()[0], "processes", note="after")


def run_dataplane_bench(
    pe: Path | None = None, *, seconds: float = 2.0, report: Callable[[Row], None] | None = None
) -> list[Row]:
    """Measure everything and give the rows; `report` gets each at once.

    `pe`: the source of p4src's pe.p4, None to leave it out. `seconds` for each rate.

    Raises:
        PermissionError: not root.
        RuntimeError: a measurement failed; its message has the last lines it wrote.
    """
    if os.geteuid() != 0:
        raise PermissionError("the benchmark needs root, for a network of its own")
    arguments = ["-m", __name__, str(seconds), *([] if pe is None else [str(pe)])]
    process = python(*arguments)
    rows = []
    assert process.stdout is not None  # noqa: S101 - it was started with a pipe
    for line in process.stdout:
        rows.append(Row(**json.loads(line)))
        if report is not None:
            report(rows[-1])
    if process.wait() != 0:
        raise RuntimeError("the benchmark ended before it was through")
    return rows


if __name__ == "__main__":
    enter_namespace()
    _measure(
        Path(sys.argv[2]) if len(sys.argv) > 2 else None,
        float(sys.argv[1]),
        lambda row: print(json.dumps(asdict(row)), flush=True),
    )
