"""Plans to draw: the one that comes along, and labs of any shape."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed.model.derive import derive
from testbed.model.load import load_plan, topology_from_text
from testbed.model.plan import Plan


@pytest.fixture(scope="session")
def plan() -> Plan:
    return load_plan(Path(__file__).parents[4] / "topologies" / "wan.yaml")


@pytest.fixture(scope="session")
def lab() -> Callable[..., Plan]:
    return _lab


def _lab(sites: int, routers: int, *, vms: int = 1, label: str = "", chords: int = 0) -> Plan:
    """`routers` P routers on a ring; none joins the PEs to a chain. `chords` shorten the ring."""
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
