"""MACs that an operator ties to a circuit, and MACs that move between circuits: to limits, to sticky ones."""

from __future__ import annotations

from typing import Any

import pytest

from controllers.evpn.config import AcConfig, virtual_mac
from controllers.evpn.events import AddStaticMac
from controllers.evpn.simulation import STRETCHED_BD
from controllers.intents import LocalAc, MacEntry
from controllers.pe.outputs import Alarm, AlarmCode
from controllers.wire.extended import MacMobility

HOST = 0x020000000010
OTHER = 0x020000000011


def entry(bench: Any, mac: int = HOST) -> MacEntry:
    found = bench.table("MacEntry", STRETCHED_BD, mac)
    assert isinstance(found, MacEntry)
    return found


def test_a_circuit_that_is_full_takes_none_of_another_circuit(make_bench: Any, alarms_in: Any) -> None:
    bench = make_bench(bd={"acs": (AcConfig(1, 1, 10, mac_limit=1), AcConfig(2, 2, 10))})
    bench.frame(OTHER)
    bench.frame(HOST, ac=2)
    assert alarms_in(bench.frame(HOST)) == [AlarmCode.MAC_LIMIT]
    assert entry(bench).via == LocalAc(2)
    outputs = bench.frame(OTHER, ac=2)
    assert [o.code for o in outputs if isinstance(o, Alarm) and o.cleared] == [AlarmCode.MAC_LIMIT]
    bench.frame(HOST)
    assert entry(bench).via == LocalAc(1)


def test_the_limit_of_the_bridge_domain_is_none_for_those_who_are_there(make_bench: Any) -> None:
    bench = make_bench(bd={"mac_limit": 1})
    bench.frame(HOST)
    bench.frame(HOST, ac=2)
    assert entry(bench).via == LocalAc(2)


def test_a_mac_that_comes_to_a_sticky_circuit_stays(make_bench: Any, alarms_in: Any) -> None:
    bench = make_bench(bd={"acs": (AcConfig(1, 1, 10, sticky=True), AcConfig(2, 2, 10))})
    bench.frame(HOST, ac=2)
    bench.frame(HOST)
    assert entry(bench) == MacEntry(STRETCHED_BD, HOST, LocalAc(1), static=True)
    (route,) = [r for r in bench.routes.values() if getattr(r.nlri, "mac", None) == HOST]
    assert route.attributes.find(MacMobility) == MacMobility(0, sticky=True)
    assert alarms_in(bench.frame(HOST, ac=2)) == [AlarmCode.STICKY_MOVE]


@pytest.mark.parametrize(("mac", "raised"), [(0, 0), (1 << 40 | 1, 0), (virtual_mac(1), 1)])
def test_what_is_no_host_is_not_tied_to_a_circuit(
    make_bench: Any, alarms_in: Any, mac: int, raised: int
) -> None:
    """A gateway's MAC would take the gateway's place in the table."""
    bench = make_bench()
    before = dict(bench.tables)
    assert (
        alarms_in(bench.send(AddStaticMac(STRETCHED_BD, 1, mac))) == [AlarmCode.GATEWAY_MAC_CLAIMED] * raised
    )
    assert bench.tables == before
