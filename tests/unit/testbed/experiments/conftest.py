"""Ways through the topology that comes along, and results as experiments find them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from testbed.experiments.result import Compared
from testbed.model.load import load_plan
from testbed.model.plan import Plan
from testbed.observe.frames import Flow, PacketId
from testbed.observe.paths import Hop, Trace, assemble

Way = Callable[..., list[Hop]]


@pytest.fixture(scope="session")
def plan() -> Plan:
    return load_plan(Path(__file__).parents[4] / "topologies" / "wan.yaml")


@pytest.fixture(scope="session")
def way(plan: Plan) -> Way:
    """Hops from machine to machine, 1 ms each, by node names; a machine that moves as `vm1@slot`."""

    def port(node: str, peer: str) -> int:
        name, _, slot = peer.partition("@")
        if slot:
            return plan.vms[name].slot(slot).port.port
        return next(port.number for port in plan.switches[node].ports if port.peer == peer)

    def hops(*names: str, at: float = 0.0) -> list[Hop]:
        return [
            Hop(node, port(node, before), port(node, after), (), 60, "", at + i / 1e3)
            for i, (before, node, after) in enumerate(zip(names, names[1:], names[2:], strict=False))
        ]

    return hops


@pytest.fixture(scope="session")
def trace(plan: Plan) -> Callable[..., Trace]:
    """The trace of an echo from the client to vm1 with these hops."""

    def assembled(*hops: Hop, sequence: int = 1) -> Trace:
        flow = Flow("10.0.40.10", "10.0.10.11", "icmp", 8, 1)
        return assemble(plan, PacketId(flow, sequence, 1, 1), hops)

    return assembled


def result(mode: str = "evpn-vmto", *, ingress: bool = False, egress: bool = False) -> dict[str, Any]:
    """compare.json's object of a mode in which packets trombone after the move, or do not."""

    def path(trombone: bool) -> dict[str, Any]:
        nodes = ["acc4", "pe4", "p4", "p2", "pe2", "acc2"]
        return {"nodes": nodes, "crossings": 1 + trombone, "trombone": trombone, "rtt_ms": 12.5}

    return {
        "mode": mode,
        "before": {"ingress": path(False), "egress": path(False)},
        "after": {"ingress": path(ingress), "egress": path(egress)},
        "move": {
            "gap_ms": {"ingress": 130.0, "egress": 110.0},
            "lost": 60,
            "sent": 2000,
            "tcp_survived": True,
            "timeline": [{"t_ms": 0.0, "event": "paused", "node": "vm1"}],
        },
        "others": {},
        "setting": {
            "topology": "wan",
            "machine": "vm1",
            "client": "client",
            "origin": "dc1",
            "destination": "dc2",
            "blackout_ms": 100.0,
            "announce": "garp",
            "reflector": "embedded",
            "target": "embedded",
            "versions": {},
        },
        "proof": {"compared": 10, "agreeing": 10, "differences": []},
        "flooded": 0,
        "updates": 5,
        "writes": 30,
        "wan_bytes_per_byte": 3.4,
    }


@pytest.fixture(scope="session")
def compared() -> Callable[..., Compared]:
    """One mode of a comparison; options of `result`."""

    def build(*args: Any, changed: dict[str, Any] | None = None, **options: Any) -> Compared:
        return Compared.model_validate(result(*args, **options) | (changed or {}))

    return build
