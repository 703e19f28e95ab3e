"""Plans to draw: the one that comes along, and labs of any shape."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed.experiments.result import Compared, Comparison
from testbed.model.derive import derive
from testbed.model.load import load_plan, topology_from_text
from testbed.model.plan import Plan


@pytest.fixture(scope="session")
def plan() -> Plan:
    return load_plan(Path(__file__).parents[4] / "topologies" / "wan.yaml")


TROMBONE = ("acc4", "pe4", "p4", "p1", "pe1", "p1", "p2", "pe2", "acc2")
STRAIGHT = ("acc4", "pe4", "p4", "p2", "pe2", "acc2")
BEFORE = ("acc4", "pe4", "p4", "p1", "pe1", "acc1")
STEPS = {"paused": "vm1", "unplugged": "vm1", "resumed": "vm1", "learned": "pe2", "first packet": "acc4"}


def _path(nodes: tuple[str, ...], rtt_ms: float | None = 14.0) -> dict[str, Any]:
    crossings = sum(node.startswith("pe") for node in nodes) - 1
    return {"nodes": nodes, "crossings": crossings, "trombone": crossings > 1, "rtt_ms": rtt_ms}


def _both(there: tuple[str, ...], back: tuple[str, ...]) -> dict[str, Any]:
    return {"ingress": _path(there), "egress": _path(back[::-1])}


def _arrivals(start: float, silence: tuple[float, float]) -> dict[str, list[float]]:
    sent = [start + 4.0 * n for n in range(200)]
    kept = [t for t in sent if not silence[0] <= t < silence[1]]
    return {"sent_ms": kept, "delay_ms": [7.0 for _ in kept]}


def _compared(mode: str, there: tuple[str, ...], back: tuple[str, ...], **changed: Any) -> Compared:
    series = {
        "echoes": _arrivals(-300, (0, 130)),
        "ingress": _arrivals(-300, (0, 130)),
        "egress": _arrivals(-300, (0, 104)),
    }
    move = {
        "gap_ms": {"ingress": 130.0, "egress": 104.0},
        "lost": 57,
        "sent": 2000,
        "tcp_survived": True,
        "timeline": [
            {"t_ms": 30.0 * n, "event": event, "node": node} for n, (event, node) in enumerate(STEPS.items())
        ],
        "series": series,
    }
    seen = {"before": _both(BEFORE, BEFORE), "after": _both(there, back), "move": move}
    setting = {
        "topology": "wan",
        "machine": "vm1",
        "client": "client",
        "origin": "dc1",
        "destination": "dc2",
        "blackout_ms": 100.0,
        "announce": "garp",
        "reflector": "embedded",
        "target": "embedded",
        "versions": {"vmto-testbed": "0.1.0"},
    }
    cost = {"flooded": 0, "updates": 8, "writes": 39, "wan_bytes_per_byte": 3.45}
    proof = {"compared": 360, "agreeing": 360}
    found = {"mode": mode, "setting": setting, "proof": proof, **seen, **cost, "others": {"h3": seen}}
    return Compared.model_validate(found | changed)


@pytest.fixture(scope="session")
def compared() -> Callable[..., Compared]:
    return _compared


@pytest.fixture(scope="session")
def comparison() -> Comparison:
    """A trombone both ways, one way, and none."""
    return Comparison(
        modes={
            "evpn": _compared("evpn", TROMBONE, TROMBONE),
            "evpn-egress": _compared("evpn-egress", TROMBONE, STRAIGHT),
            "evpn-vmto": _compared("evpn-vmto", STRAIGHT, STRAIGHT),
        }
    )


@pytest.fixture(scope="session")
def phased_result() -> Compared:
    """A run of a scenario with three phases, a bulk session, expectations, repetitions."""
    good = _compared("evpn", TROMBONE, TROMBONE)
    way = {"nodes": TROMBONE, "crossings": 2, "trombone": True, "packets": 19}
    traffic = [
        {"source": "client", "destination": "vm1", "ways": [way], "incomplete": 1, "rtt_ms": 26.0},
        {"source": "vm1", "destination": "client", "ways": [], "incomplete": 20, "rtt_ms": None},
    ]
    at = ({"vm1": "dc1"}, {"vm1": None}, {"vm1": "dc2"})
    phases = [
        {"name": name, "t_ms": 100.0 * n, "ms": 300.0, "traffic": traffic, "at": at[n], "flooded": 0}
        for n, name in enumerate(("quiet", "few-moves", "too-many"))
    ]
    goodput = {"median": 250e3, "lowest": 0.0, "dip_ms": 200.0, "window_ms": 100.0, "series": [250e3] * 9}
    ends = {"source": "client", "destination": "vm1"}
    bulk = {
        "kind": "bulk",
        **ends,
        "sent": 9000,
        "lost": 0,
        "gap_ms": 120.0,
        "gap_t_ms": 3.0,
        "broken": "EPIPE",
    }
    figure = {
        "median": 131.5,
        "low": 120.0,
        "high": 150.25,
        "confidence": 0.75,
        "values": [120.0, None, 150.25],
    }
    repeated = {
        "runs": 3,
        "seed": 7,
        "wrong_paths": 0,
        "dead_sessions": 0,
        "failed": 1,
        "failures": ["run 2: x"],
    }
    return good.model_validate(
        good.model_dump()
        | {
            "scenario": "ping-pong",
            "seed": 7,
            "phases": phases,
            "flows": [{**bulk, "goodput": goodput}],
            "checks": [
                {"phase": "", "about": "gap", "expected": "gap < 100", "seen": "120 ms", "holds": False}
            ],
            "violations": [{"kind": "loop", **ends, "t_ms": 4.0, "ms": 2.0}],
            "repeated": {**repeated, "figures": {"gap_ingress_ms": figure}},
        }
    )


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory, comparison: Comparison) -> Path:
    """A folder as `vmto compare` leaves it."""
    folder = tmp_path_factory.mktemp("results")
    (folder / "compare.json").write_text(comparison.model_dump_json())
    return folder


@pytest.fixture(scope="session")
def lab() -> Callable[..., Plan]:
    return _lab


def _lab(sites: int, routers: int, *, vms: int = 1, label: str = "", chords: int = 0) -> Plan:
    """`routers` P routers on a ring; none links the PEs, of two sites. `chords` shorten the ring."""
    names = [f"dc{n}" for n in range(1, sites + 1)]
    nodes: dict[str, Any] = {f"p{n}": {"role": "p"} for n in range(1, routers + 1)}
    links: list[dict[str, Any]] = []
    for n, site in enumerate(names, start=1):
        nodes |= {f"pe{n}": {"role": "pe", "site": site}, f"acc{n}": {"role": "access", "site": site}}
        links.append({"ends": [f"acc{n}", f"pe{n}"]})
        if routers:
            links.append({"ends": [f"pe{n}", f"p{(n - 1) % routers + 1}"], "delay_ms": 0.5})
        elif n > 1:
            links.append({"ends": [f"pe{n - 1}", f"pe{n}"], "delay_ms": 5})
    ring = routers if routers > 2 else routers - 1
    links += [{"ends": [f"p{n}", f"p{n % routers + 1}"], "delay_ms": 5} for n in range(1, ring + 1)]
    links += [{"ends": ["p1", f"p{n}"]} for n in range(3, min(routers, chords + 3))]
    bridge = {"vlan": 10, "tenant": "red", "sites": names, "subnet": "10.0.10.0/24", "gateway": "10.0.10.1"}
    machines = {"bridge_domain": "servers"}
    topology = {
        "name": "drawn",
        "tenants": {"red": {}},
        "bridge_domains": {"servers": bridge},
        "sites": {site: {"label": label} for site in names},
        "nodes": nodes,
        "links": links,
        "hosts": {
            f"h{n}": {**machines, "at": site, "address": f"10.0.10.{100 + n}"}
            for n, site in enumerate(names, start=1)
        },
        "vms": {
            f"vm{n}": {**machines, "at": "dc1", "slots": names[:3], "address": f"10.0.10.{10 + n}"}
            for n in range(1, vms + 1)
        },
    }
    return derive(topology_from_text(yaml.safe_dump(topology)))
