"""The data plane benchmark: this switch, a null forwarder with the same packet I/O, and simple_switch_grpc.

All of it runs in one process tree with a network of its own, in one run, so that figures can be compared as
ratios. Rows of rates say how many processors the switches had: on a machine that others use, packets per
second of processor time tell more than packets per second.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from testbed.p4.compiler.compile import compile_program
from testbed.p4.switch.bench.cases import Case, Entry, l3_case, pe_case
from testbed.p4.switch.bench.chain import BMV2, CABLE, NULL, OURS, Chain
from testbed.p4.switch.bench.goals import Goal, goal_of
from testbed.p4.switch.bench.network import Rate, enter_namespace, ip, python, resident_mb

FRAME_SIZES: Final = (64, 1500)
ROUNDS: Final = 3
LATENCY_RATES: Final = ((10, 100), (1000, 2000))
"""(Packets per second, packets)."""


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
        self._cable: dict[int, float] = {}
        """Microseconds without a switch, by packets per second."""

    def row(self, measure: str, switch: str, program: str, value: float, unit: str, **more: object) -> None:
        """Report one figure, and the ratios of ours to the null forwarder's and to simple_switch_grpc's."""
        fields = {"frame_bytes": 0, "switches": 1} | more
        row = Row(measure, switch, program, value=round(value, 3), unit=unit, **fields)  # type: ignore[arg-type]
        self._report(row)
        key = measure, program, row.frame_bytes, row.switches
        if unit == "ratio":
            return
        self._figures[switch, *key] = value
        if switch == OURS and self._figures.get((NULL, *key)):
            self._ratio(row, "null", value / self._figures[NULL, *key])
        elif switch == BMV2 and value and (OURS, *key) in self._figures:
            self._ratio(row, "bmv2", self._figures[OURS, *key] / value)

    def _ratio(self, row: Row, to: str, value: float) -> None:
        measure = f"{row.measure}_to_{to}"
        self._report(replace(row, measure=measure, switch=OURS, value=round(value, 3), unit="ratio", note=""))

    # -- packets ---------------------------------------------------------------------------------------------

    def forwarding(self, case: Case, switches: Sequence[str], length: int) -> None:
        """Rates at overload and near the peak, and latency.

        All kinds of switches are there at the same time and take turns, so that what else the machine does
        hits them alike.
        """
        compiled = compile_program(case.source)
        with ExitStack() as stack:
            chains = [stack.enter_context(Chain(switch, length).open()) for switch in switches]
            for chain in chains:
                chain.program(compiled, case.entries)
            for size in FRAME_SIZES:
                self._rates(case, chains, size)
            for chain in chains:
                self._latencies(case, chain)
                if length == 1:
                    memory = resident_mb(chain.processes[0].pid)
                    self.row("memory", chain.switch, case.name, memory, "MB")

    def cable(self, case: Case) -> None:
        """Latency without a switch: what sender and receiver take, and no hop is to answer for."""
        with Chain(CABLE, 0).open() as chain:
            for pps, count in LATENCY_RATES:
                took = chain.route.latency(case.frame(64), pps, count)
                self._cable[pps] = took[len(took) // 2]
                more = {"frame_bytes": 64, "switches": 0}
                self.row(f"latency_p50_at_{pps}", CABLE, case.name, self._cable[pps], "us", **more)

    def _rates(self, case: Case, chains: Sequence[Chain], size: int) -> None:
        floods, paced = [Rate(0, 0, 0)] * len(chains), [Rate(0, 0, 0)] * len(chains)
        frame, seconds = case.frame(size), self._seconds / ROUNDS
        for _ in range(ROUNDS):
            for i, chain in enumerate(chains):
                flood = chain.route.rate(frame, 0, seconds)
                shares = [chain.route.rate(frame, flood.carried * share, seconds) for share in (0.9, 1.05)]
                floods[i] = max(floods[i], flood, key=lambda rate: rate.carried)
                paced[i] = max(paced[i], *shares, key=lambda rate: rate.carried)
        for chain, flood, rate in zip(chains, floods, paced, strict=True):
            self._report_rates(case, chain, size, flood, max(flood, rate, key=lambda rate: rate.carried))

    def _report_rates(self, case: Case, chain: Chain, size: int, flood: Rate, best: Rate) -> None:
        more = {"frame_bytes": size, "switches": chain.length}
        for measure, rate in (("overload", flood), ("peak", best)):
            note = f"of {rate.offered / 1e3:.0f} kpps offered, on {rate.cpu:.2f} processors"
            self.row(measure, chain.switch, case.name, rate.carried / 1e3, "kpps", note=note, **more)
        kept = flood.carried / best.carried
        self.row(
            "overload_to_peak", chain.switch, case.name, kept, "ratio", note="all that goes offered", **more
        )
        if best.cpu > 0:
            value = best.carried * chain.length / best.cpu / 1e3
            self.row("per_cpu", chain.switch, case.name, value, "kpps per processor", **more)

    def _latencies(self, case: Case, chain: Chain) -> None:
        """What a hop adds to a cable."""
        for pps, count in LATENCY_RATES:
            took = chain.route.latency(case.frame(64), pps, count)
            note = f"{count - len(took)} of {count} lost"
            for name, quantile in (("p50", 0.5), ("p99", 0.99)):
                if took:
                    value = (took[int(len(took) * quantile)] - self._cable[pps]) / chain.length
                    more = {"frame_bytes": 64, "switches": chain.length, "note": note}
                    self.row(f"latency_{name}_at_{pps}", chain.switch, case.name, value, "us per hop", **more)

    def tcp(self, switch: str, length: int) -> None:
        """What one TCP connection carries through a chain of routers."""
        case = l3_case()
        compiled = compile_program(case.source)
        with Chain(switch, length).open() as chain:
            chain.program(compiled, case.entries)
            listener, sender = self._tcp_ends(chain)
            start = time.perf_counter()
            sender.stdin.write("go\n")  # type: ignore[union-attr]
            sender.stdin.flush()  # type: ignore[union-attr]
            carried = float(listener.stdout.readline())  # type: ignore[union-attr]
            for end in (listener, sender):
                end.terminate()
                end.wait()
            note = f"{time.perf_counter() - start:.1f} s"
            self.row("tcp", switch, "l3", carried * 8 / 1e6, "Mbit/s", switches=length, note=note)

    def _tcp_ends(self, chain: Chain) -> tuple[subprocess.Popen[str], subprocess.Popen[str]]:
        """Listener behind one end, sender behind the other, both ready."""
        ends = []
        for role, interface in (("listen", chain.rx), ("connect", chain.tx)):
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
        with Chain(switch, 1).open() as chain:
            client = Client(chain.address(0), compiled)
            client.load()
            client.insert(all_entries[:10_000])
            memory = resident_mb(chain.processes[0].pid)
            self.row("memory_10k", switch, case.name, memory, "MB", note="10,000 entries")
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
        chain = Chain(switch, count)
        with chain.cables():
            start = time.perf_counter()
            with chain.running():
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
        bench.forwarding(case, switches, 1)
    bench.forwarding(cases[0], switches, 5)
    for switch in switches:
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
