"""Whatever the order of events, the tables are those of a PE that only ever saw how things ended."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from controllers.bgp.routes import RouteEvent
from controllers.intents import MacEntry, ViaPseudoWire
from controllers.pe.events import AcDown, AcUp, MacLearned, NextHopChanged
from controllers.vpls.originate import site_route
from controllers.vpls.pe import VplsPe
from controllers.vpls.simulation import BD, stretched_lan

_SITES = ("pe1", "pe2", "pe3", "pe4")
_CONFIGS = stretched_lan(_SITES)
OWN = replace(_CONFIGS[1], instances=(replace(_CONFIGS[1].instances[0], gateways=()),))
REMOTE = (0, 2, 3)

sites = st.sampled_from(REMOTE)
events = st.one_of(
    st.tuples(st.just("block"), sites, st.integers(1, 4), st.booleans()),
    st.tuples(st.just("gone"), sites),
    st.tuples(st.just("metric"), sites, st.sampled_from([None, 10, 20])),
    st.tuples(st.just("circuit"), st.integers(1, 2), st.booleans()),
    st.tuples(st.just("frame"), st.sampled_from([1, 2, 0x4001, 0x4003, 0x4004]), st.integers(0, 3)),
)


def started() -> VplsPe:
    core = VplsPe(OWN)
    for site in REMOTE:
        core.handle(NextHopChanged(_CONFIGS[site].loopback, 1), 0.0)
    core.start(0.0)
    return core


def to_event(drawn: tuple[Any, ...]) -> Any:
    match drawn:
        case ("block", site, ve, down):
            config = replace(_CONFIGS[site].instances[0], ve_id=ve)
            route = site_route(config, _CONFIGS[site].loopback, down=down)
            # One route per PE: its key is the same whatever the VE id it claims.
            key = site_route(_CONFIGS[site].instances[0], _CONFIGS[site].loopback, down=False).key
            return RouteEvent(key, route.nlri, route)
        case ("gone", site):
            route = site_route(_CONFIGS[site].instances[0], _CONFIGS[site].loopback, down=False)
            return RouteEvent(route.key, route.nlri, None)
        case ("metric", site, metric):
            return NextHopChanged(_CONFIGS[site].loopback, metric)
        case ("circuit", ac, up):
            return AcUp(ac) if up else AcDown(ac)
        case (_, attachment, host):
            return MacLearned(BD, attachment, 0x020000000000 | host)


@given(st.lists(events, max_size=25))
def test_only_the_end_counts(drawn: list[tuple[Any, ...]]) -> None:
    core = started()
    last: dict[object, Any] = {}
    for one in drawn:
        event = to_event(one)
        core.handle(event, 1.0)
        if one[0] != "frame":
            last["route" if one[0] == "gone" else one[0].replace("block", "route"), one[1]] = event
    fresh = started()
    for event in last.values():
        fresh.handle(event, 1.0)
    assert signalled(core) == signalled(fresh)
    assert set(core.originated) == set(fresh.originated)


@given(st.lists(events, max_size=25))
def test_no_mac_is_behind_what_is_not_there(drawn: list[tuple[Any, ...]]) -> None:
    core = started()
    for one in drawn:
        core.handle(to_event(one), 1.0)
    flood = next(o for o in core.desired if type(o).__name__ == "FloodList")
    for entry in core.desired:
        if isinstance(entry, MacEntry) and isinstance(entry.via, ViaPseudoWire):
            assert entry.via.remote in flood.remotes  # type: ignore[attr-defined]
            assert entry.via.remote.pe != ip_address("10.255.0.2")


def signalled(core: VplsPe) -> set[object]:
    return {obj for obj in core.desired if not isinstance(obj, MacEntry)}
