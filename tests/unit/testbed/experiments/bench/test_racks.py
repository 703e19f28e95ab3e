"""The frames of the bench are what the pipeline and the controllers take them for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

import pytest

from controllers.dataplane import frames
from testbed.experiments.bench import racks
from testbed.experiments.bench.fabric import GATEWAY, SUBNET, VLAN, bench_plan
from testbed.experiments.bench.racks import (
    PROBE,
    WINDOW,
    announcement,
    machine_mac,
    next_window,
    probe,
    sender,
)
from testbed.model.topology import Role


def test_a_machine_announces_its_address() -> None:
    frame = announcement(300)
    assert int.from_bytes(frame[14:16], "big") == VLAN
    message = frames.parse(frames.customers(frame))
    assert isinstance(message, frames.NeighborMessage)
    assert (message.mac, message.ip) == (0x0200_0000_012C, IPv4Address("10.0.1.44"))


def test_a_probe_tells_where_it_comes_from() -> None:
    frame = probe(3, 70_000)
    assert frame[:12] == machine_mac(70_000) + machine_mac(sender(3))
    assert int.from_bytes(frame[16:18], "big") == PROBE
    assert len(frame) == 60


def test_the_lab_has_no_access_switches_but_their_circuits() -> None:
    plan = bench_plan(8)
    assert {switch.role for switch in plan.switches.values()} == {Role.PE, Role.P}
    (domain,) = plan.bridge_domains.values()
    assert sorted(each.pe for each in domain.attachments) == [f"pe{n}" for n in range(1, 9)]


def test_all_hosts_of_the_largest_bench_are_in_the_subnet() -> None:
    message = frames.parse(frames.customers(announcement(8 * 20_000)))
    assert isinstance(message, frames.NeighborMessage)
    assert message.ip in IPv4Network(SUBNET)
    assert IPv4Address(GATEWAY) > message.ip


def test_a_rack_sends_to_as_many_as_are_reached() -> None:
    assert next_window(1, [7], {}) == 2
    assert next_window(8, list(range(8)), {3: None}) == 8
    assert next_window(8, list(range(8)), dict.fromkeys(range(8))) == 4
    assert next_window(1, [7], {7: None}) == 1
    assert next_window(WINDOW, list(range(WINDOW)), {}) == WINDOW


def test_ctrl_c_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> Iterator[str]:
        yield '{"do": "greet", "machines": []}'
        raise KeyboardInterrupt

    class Racks:
        def __init__(self, _interfaces: object) -> None: ...

        def greet(self, machines: list[int]) -> list[int]:
            return machines

    monkeypatch.setattr(racks, "Racks", Racks)
    monkeypatch.setattr(sys, "stdin", interrupted())
    racks.main(["rack0"])
