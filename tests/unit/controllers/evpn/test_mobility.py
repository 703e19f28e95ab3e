"""RFC 7432 §15, RFC 9135 §7 and RFC 9721 on one core, step by step."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from controllers.evpn.config import AcConfig, DuplicateAction, Mobility, Probing, StaticMac
from controllers.evpn.events import (
    AcDown,
    AcUp,
    AddStaticMac,
    ClearDuplicate,
    MacAged,
    NeighborKind,
    RarpSeen,
    RemoveStaticMac,
)
from controllers.evpn.simulation import STRETCHED_BD, VRF
from controllers.intents import Adjacent, Drop, FloodList, IpRoute, LocalAc, MacEntry, Neighbor, Remote
from controllers.pe.outputs import Alarm, AlarmCode, Note, Probe, Withdraw
from controllers.wire.extended import MacMobility

HOST = 0x020000000010
OTHER = 0x020000000011
IP = "10.1.0.10"
ADDRESS = ip_address(IP)
PREFIX = ip_network(IP)

Make = Callable[..., Any]


def via(bench: Any, mac: int = HOST) -> object:
    entry = bench.table("MacEntry", STRETCHED_BD, mac)
    return entry.via if isinstance(entry, MacEntry) else None


def route_via(bench: Any, ip: str = IP) -> Any:
    route = bench.table("IpRoute", VRF, ip_network(ip))
    return route.via if isinstance(route, IpRoute) else None


class TestSequence:
    def test_a_mac_nobody_knows_carries_no_community(self, bench: Any) -> None:
        bench.frame(HOST)
        assert bench.own(HOST) == {None: None}
        assert via(bench) == LocalAc(1)

    def test_one_more_than_the_highest_received(self, bench: Any) -> None:
        bench.remote("pe1", HOST, sequence=3)
        bench.remote("pe3", HOST, sequence=7)
        bench.frame(HOST)
        assert bench.own(HOST) == {None: 8}

    def test_the_number_wraps(self, bench: Any) -> None:
        bench.remote("pe1", HOST, sequence=0xFFFFFFFF)
        bench.frame(HOST)
        # 0 goes without a community, and is newer than 0xFFFFFFFF for everybody who follows RFC 1982.
        assert bench.own(HOST) == {None: None}
        assert via(bench) == LocalAc(1)

    def test_the_loser_repoints_and_withdraws(self, bench: Any) -> None:
        bench.arp(HOST, IP)
        bench.remote("pe3", HOST, sequence=1)
        assert bench.own(HOST) == {}
        assert via(bench) == Remote(ip_address("10.255.0.3"), 100003)

    def test_withdrawals_wait_where_everybody_has_something_newer(self, bench: Any) -> None:
        bench.arp(HOST, IP)
        withdrawn = {o.key: o.superseded for o in bench.remote("pe3", HOST, IP, 1) if isinstance(o, Withdraw)}
        assert len(withdrawn) == 3, "MAC, MAC with address, host route"
        assert all(withdrawn.values())

    def test_withdrawals_do_not_wait_for_an_address_that_nobody_advertised(self, bench: Any) -> None:
        bench.arp(HOST, IP)
        mac, *others = sorted(
            (o for o in bench.remote("pe3", HOST, None, 1) if isinstance(o, Withdraw)),
            key=lambda withdraw: not withdraw.superseded,
        )
        assert mac.superseded
        assert mac.key == bench.route("pe2", HOST).key
        assert not any(other.superseded for other in others)

    def test_withdrawals_do_not_wait_where_the_host_is_gone(self, bench: Any) -> None:
        bench.arp(HOST, IP)
        withdrawn = [o for o in bench.send(AcDown(1)) if isinstance(o, Withdraw)]
        assert len(withdrawn) == 3
        assert not any(withdraw.superseded for withdraw in withdrawn)

    def test_equal_sequences_go_to_the_lowest_address(self, bench: Any) -> None:
        bench.frame(HOST)
        bench.remote("pe3", HOST)
        assert via(bench) == LocalAc(1)
        assert bench.own(HOST) == {None: None}
        bench.remote("pe1", HOST)
        assert via(bench) == Remote(ip_address("10.255.0.1"), 100001)
        assert bench.own(HOST) == {}

    def test_who_wins_by_address_asks_whether_the_host_is_here(self, bench: Any, probes_in: Any) -> None:
        bench.arp(HOST, IP)
        (probe,) = probes_in(bench.remote("pe3", HOST, IP))
        assert (probe.ip, probe.mac, probe.remote) == (ADDRESS, None, True)

    def test_so_does_who_wins_by_a_sequence_that_an_address_demanded(
        self, bench: Any, probes_in: Any
    ) -> None:
        """The other PE learned the MAC at the same time, and nothing else: it may be the later one."""
        bench.remote("pe1", OTHER, IP, 6)
        bench.arp(HOST, IP)
        assert bench.own(HOST)[ADDRESS] == 7
        (probe,) = probes_in(bench.remote("pe3", HOST))
        assert (probe.ip, probe.mac, probe.remote) == (ADDRESS, None, True)

    def test_a_sticky_mac_is_not_asked_for(self, make_bench: Make, probes_in: Any) -> None:
        bench = make_bench(bd={"static_macs": (StaticMac(HOST, 1),)})
        bench.arp(HOST, IP)
        assert probes_in(bench.remote("pe3", HOST)) == []

    def test_a_move_between_circuits_keeps_the_sequence(self, bench: Any) -> None:
        bench.arp(HOST, IP)
        before = dict(bench.routes)
        bench.frame(HOST, ac=2)
        assert bench.routes == before
        assert via(bench) == LocalAc(2)
        assert route_via(bench).via == LocalAc(2)
        assert bench.table("Neighbor", STRETCHED_BD, ADDRESS).owner_ac == 2

    def test_another_remote_path_takes_over_when_the_best_goes(self, bench: Any) -> None:
        bench.remote("pe1", HOST, sequence=1)
        bench.remote("pe3", HOST, sequence=2)
        bench.remote_gone("pe3", HOST)
        assert via(bench) == Remote(ip_address("10.255.0.1"), 100001)
        bench.remote_gone("pe1", HOST)
        assert via(bench) is None

    def test_multicast_and_zero_are_no_stations(self, bench: Any, alarms_in: Any) -> None:
        bench.frame(0x010000000001)
        bench.frame(0)
        assert via(bench, 0x010000000001) is None
        assert alarms_in(bench.remote("pe1", 0x010000000001)) == [AlarmCode.BAD_ROUTE]


class TestBinding:
    def test_mac_and_address_are_separate_routes(self, bench: Any) -> None:
        bench.remote("pe1", HOST)
        bench.remote("pe1", HOST, IP)
        assert bench.table("Neighbor", STRETCHED_BD, ADDRESS) == Neighbor(STRETCHED_BD, ADDRESS, HOST)
        bench.remote_gone("pe1", HOST, IP)
        assert bench.table("Neighbor", STRETCHED_BD, ADDRESS) is None
        assert route_via(bench) is None
        assert via(bench) == Remote(ip_address("10.255.0.1"), 100001)

    def test_children_inherit_the_sequence_of_their_mac(self, bench: Any) -> None:
        bench.remote("pe1", HOST, sequence=4)
        bench.arp(HOST, IP)
        bench.arp(HOST, "10.1.0.11")
        assert set(bench.own(HOST).values()) == {5}

    def test_an_address_that_goes_to_another_mac_raises_that_macs_sequence(self, bench: Any) -> None:
        bench.frame(OTHER)
        bench.arp(OTHER, "10.1.0.12")
        bench.remote("pe3", HOST, IP, sequence=6)
        bench.arp(OTHER, IP)
        assert bench.own(OTHER) == {None: 7, ADDRESS: 7, ip_address("10.1.0.12"): 7}
        assert bench.table("Neighbor", STRETCHED_BD, ADDRESS).mac == OTHER

    def test_an_address_taken_by_another_mac_elsewhere(self, bench: Any, probes_in: Any) -> None:
        bench.arp(HOST, IP)
        outputs = bench.remote("pe3", OTHER, IP, sequence=1)
        assert bench.own(HOST) == {None: None}
        assert via(bench) == LocalAc(1)
        assert bench.table("Neighbor", STRETCHED_BD, ADDRESS).mac == OTHER
        assert route_via(bench) == Remote(ip_address("10.255.0.3"), 300003)
        (probe,) = probes_in(outputs)
        assert (probe.ip, probe.mac, probe.acs, probe.remote) == (ADDRESS, HOST, (1,), False)

    def test_an_address_claimed_by_a_lesser_mac_stays_until_asked_for(
        self, bench: Any, probes_in: Any
    ) -> None:
        """Neither PE knew of the other: the higher sequence does not tell who has it now."""
        bench.remote("pe1", HOST, sequence=4)
        bench.arp(HOST, IP)
        (probe,) = probes_in(bench.remote("pe3", OTHER, IP, sequence=2))
        assert (probe.ip, probe.mac, probe.remote) == (ADDRESS, None, True)
        assert bench.table("Neighbor", STRETCHED_BD, ADDRESS).mac == HOST
        assert ADDRESS in bench.own(HOST)
        bench.advance(10.0)
        assert bench.table("Neighbor", STRETCHED_BD, ADDRESS).mac == OTHER
        assert bench.own(HOST) == {}

    def test_an_address_that_changes_its_mac_here(self, bench: Any) -> None:
        bench.arp(HOST, IP)
        bench.arp(OTHER, IP)
        assert bench.own(HOST) == {None: None}
        assert bench.own(OTHER) == {None: 1, ADDRESS: 1}

    def test_a_probe_claims_no_address(self, bench: Any) -> None:
        bench.arp(HOST, IP, kind=NeighborKind.PROBE)
        assert bench.own(HOST) == {None: None}

    @pytest.mark.parametrize("ip", ["192.0.2.7", "0.0.0.0", "224.0.0.1", "127.0.0.1"])
    def test_an_address_outside_the_subnet_is_not_taken(self, bench: Any, ip: str) -> None:
        bench.arp(HOST, ip)
        assert bench.own(HOST) == {None: None}


class TestMoveWithoutWords:
    """RFC 9135 §7.2 and §7.3."""

    def test_the_new_pe_asks_for_the_addresses_that_should_have_come_along(
        self, bench: Any, probes_in: Any
    ) -> None:
        bench.remote("pe1", HOST, IP)
        bench.remote("pe1", HOST, "10.1.0.11")
        found = probes_in(bench.send(RarpSeen(STRETCHED_BD, 2, HOST)))
        assert [(p.ip, p.mac, p.acs) for p in found] == [
            (ADDRESS, HOST, (2,)),
            (ip_address("10.1.0.11"), HOST, (2,)),
        ]
        assert found[0].source_ip == ip_address("10.1.0.1")
        # Asked again while there is no answer, and not for ever.
        again = probes_in(bench.advance(60.0))
        assert 2 <= len(again) <= 8
        bench.arp(HOST, IP, ac=2, kind=NeighborKind.REPLY)
        assert bench.own(HOST) == {None: 1, ADDRESS: 1}

    def test_the_question_outlives_the_withdrawal_by_the_old_pe(self, bench: Any, probes_in: Any) -> None:
        bench.remote("pe1", HOST, IP)
        assert probes_in(bench.send(RarpSeen(STRETCHED_BD, 2, HOST)))
        bench.remote_gone("pe1", HOST, IP)
        assert probes_in(bench.advance(10.0)), "the first question may have been lost"
        bench.arp(HOST, IP, ac=2, kind=NeighborKind.REPLY)
        assert ADDRESS in bench.own(HOST)

    def test_a_question_without_answer_is_forgotten(self, bench: Any, probes_in: Any) -> None:
        bench.remote("pe1", HOST, IP)
        bench.send(RarpSeen(STRETCHED_BD, 2, HOST))
        bench.remote_gone("pe1", HOST, IP)
        bench.advance(60.0)
        assert not probes_in(bench.advance(600.0))
        assert bench.table("Neighbor", STRETCHED_BD, ADDRESS) is None

    def test_the_old_pe_asks_here_and_there_and_follows_the_mac(self, bench: Any, probes_in: Any) -> None:
        bench.arp(HOST, IP)
        outputs = bench.remote("pe3", HOST, sequence=1)
        (probe,) = probes_in(outputs)
        assert (probe.ip, probe.mac, probe.acs, probe.remote) == (ADDRESS, HOST, (), True)
        (probe,) = probes_in(bench.advance(0.1))
        assert (probe.ip, probe.mac, probe.acs, probe.remote) == (ADDRESS, HOST, (1,), False)
        # Until somebody advertises the address, what comes for it follows the MAC.
        assert isinstance(route_via(bench), Adjacent)
        assert route_via(bench).via == Remote(ip_address("10.255.0.3"), 100003)
        assert bench.table("Neighbor", STRETCHED_BD, ADDRESS) is None
        assert not any(str(PREFIX) in str(route.nlri) for route in bench.routes.values())
        bench.advance(10.0)
        assert route_via(bench) is None

    def test_it_asks_here_once_switches_know_where_the_host_spoke(self, bench: Any, probes_in: Any) -> None:
        bench.arp(HOST, IP)
        assert probes_in(bench.remote("pe3", HOST, IP, sequence=1)) == []
        (probe,) = probes_in(bench.advance(0.1))
        assert (probe.ip, probe.mac, probe.acs, probe.remote) == (ADDRESS, HOST, (1,), False)

    def test_it_does_not_ask_for_a_host_that_came_back(self, bench: Any, probes_in: Any) -> None:
        bench.arp(HOST, IP)
        bench.remote("pe3", HOST, IP, sequence=1)
        bench.arp(HOST, IP)
        assert probes_in(bench.advance(0.5)) == []

    def test_an_answer_to_a_pe_is_no_host_of_another_one(self, bench: Any) -> None:
        asker = bench.core.config.probe_mac
        assert bench.table("ProbeMac", STRETCHED_BD, asker)
        bench.frame(asker)
        assert bench.own(asker) == {}
        assert via(bench, asker) is None

    def test_a_reply_to_the_local_probe_takes_the_host_back(self, bench: Any) -> None:
        bench.arp(HOST, IP)
        bench.remote("pe3", HOST, IP, sequence=1)
        bench.arp(HOST, IP, kind=NeighborKind.REPLY)
        assert bench.own(HOST) == {None: 2, ADDRESS: 2}

    def test_a_silent_host_is_asked_for_everywhere_and_then_forgotten(
        self, bench: Any, probes_in: Any
    ) -> None:
        bench.arp(HOST, IP)
        first = probes_in(bench.send(MacAged(STRETCHED_BD, HOST)))
        assert [(p.mac, p.acs, p.remote) for p in first] == [(None, (1, 2), True)]
        assert probes_in(bench.send(MacAged(STRETCHED_BD, HOST))) == []
        bench.advance(30.0)
        assert bench.own(HOST) == {}
        assert via(bench) is None

    def test_one_answer_is_enough_to_stay(self, bench: Any) -> None:
        bench.arp(HOST, IP)
        bench.send(MacAged(STRETCHED_BD, HOST))
        bench.advance(1.5)
        bench.arp(HOST, IP, kind=NeighborKind.REPLY)
        bench.advance(30.0)
        assert bench.own(HOST) == {None: None, ADDRESS: None}

    def test_a_host_without_address_ages_at_once(self, bench: Any) -> None:
        bench.frame(HOST)
        bench.send(MacAged(STRETCHED_BD, HOST))
        assert bench.own(HOST) == {}

    def test_bindings_are_refreshed(self, make_bench: Make, probes_in: Any) -> None:
        bench = make_bench(probing=Probing(refresh=20.0, timeout=1.0, retries=2))
        bench.arp(HOST, IP)
        assert probes_in(bench.advance(19.0)) == []
        (asked,) = probes_in(bench.advance(1.0))
        assert (asked.mac, asked.acs, asked.remote) == (HOST, (1,), False)
        bench.arp(HOST, IP, kind=NeighborKind.REPLY)
        assert probes_in(bench.advance(19.5)) == []
        widths = [p.remote for p in probes_in(bench.advance(10.0))]
        assert widths == [False, False, True]
        assert bench.own(HOST) == {}

    def test_no_refresh(self, make_bench: Make, probes_in: Any) -> None:
        bench = make_bench(probing=Probing(refresh=None))
        bench.arp(HOST, IP)
        assert probes_in(bench.advance(10_000.0)) == []
        bench.send(MacAged(STRETCHED_BD, HOST))
        bench.arp(HOST, IP, kind=NeighborKind.REPLY)
        assert probes_in(bench.advance(10_000.0)) == []
        assert bench.own(HOST) == {None: None, ADDRESS: None}


class TestDuplicates:
    def flap(self, bench: Any, times: int) -> list[Any]:
        """The host shows up at PE 3 and here by turns."""
        outputs: list[Any] = []
        for _ in range(times):
            outputs += bench.remote("pe3", HOST, IP, sequence=(bench.own(HOST).get(None) or 0) + 1)
            outputs += bench.frame(HOST)
        return outputs

    def test_five_moves_in_the_window(self, bench: Any, alarms_in: Any) -> None:
        assert alarms_in(self.flap(bench, 4)) == []
        assert alarms_in(self.flap(bench, 1)) == [AlarmCode.DUPLICATE_MAC]
        # Neither sent nor processed: the last state stands.
        assert bench.own(HOST) == {}
        assert via(bench) == Remote(ip_address("10.255.0.3"), 100003)
        bench.frame(HOST)
        bench.remote("pe1", HOST, sequence=1000)
        assert bench.own(HOST) == {}
        assert via(bench) == Remote(ip_address("10.255.0.3"), 100003)

    def test_slow_moves_are_none(self, bench: Any, alarms_in: Any) -> None:
        for _ in range(3):
            assert alarms_in(self.flap(bench, 4)) == []
            bench.advance(181.0)

    def test_retry_after_the_time_of_bis_15_3(self, bench: Any) -> None:
        self.flap(bench, 5)
        outputs = bench.advance(541.0)
        assert next(o for o in outputs if isinstance(o, Alarm)).cleared
        bench.frame(HOST)
        assert len(bench.own(HOST)) == 1

    def test_a_second_chance_asks_where_the_host_is(self, bench: Any) -> None:
        """A host that only answers would otherwise stay where it was seen last."""
        self.flap(bench, 5)
        asked = [o.ip for o in bench.advance(541.0) if isinstance(o, Probe) and o.remote]
        assert asked == [ip_address(IP)]

    def test_the_operator_clears(self, bench: Any) -> None:
        self.flap(bench, 5)
        bench.send(ClearDuplicate(STRETCHED_BD))
        bench.frame(HOST)
        assert len(bench.own(HOST)) == 1

    def test_the_last_remote_withdrawal_clears(self, bench: Any) -> None:
        self.flap(bench, 5)
        bench.remote_gone("pe3", HOST, IP)
        bench.frame(HOST)
        assert bench.own(HOST) == {None: None}

    def test_frames_can_be_dropped(self, make_bench: Make) -> None:
        bench = make_bench(mobility=Mobility(action=DuplicateAction.DROP))
        self.flap(bench, 5)
        assert via(bench) == Drop()
        bench.send(ClearDuplicate(STRETCHED_BD, HOST))
        assert via(bench) == Remote(ip_address("10.255.0.3"), 100003)

    def test_numbers_are_configuration(self, make_bench: Make, alarms_in: Any) -> None:
        bench = make_bench(mobility=Mobility(window=10.0, max_moves=2))
        assert alarms_in(self.flap(bench, 2)) == [AlarmCode.DUPLICATE_MAC]

    def test_an_address_that_keeps_changing_its_mac(self, bench: Any, alarms_in: Any) -> None:
        outputs: list[Any] = []
        for _ in range(3):
            outputs += bench.arp(HOST, IP)
            outputs += bench.arp(OTHER, IP)
        assert alarms_in(outputs) == [AlarmCode.DUPLICATE_IP]
        owner = bench.table("Neighbor", STRETCHED_BD, ADDRESS).mac
        bench.arp(HOST, IP)
        assert bench.table("Neighbor", STRETCHED_BD, ADDRESS).mac == owner
        bench.advance(541.0)
        bench.arp(HOST if owner == OTHER else OTHER, IP)
        assert bench.table("Neighbor", STRETCHED_BD, ADDRESS).mac != owner


class TestSticky:
    def test_static_macs_carry_the_bit(self, make_bench: Make) -> None:
        bench = make_bench(bd={"static_macs": (StaticMac(HOST, 1),)})
        (route,) = [r for r in bench.routes.values() if f"{HOST:012x}" in str(r.nlri).replace(":", "")]
        assert route.attributes.find(MacMobility) == MacMobility(0, sticky=True)
        assert bench.table("MacEntry", STRETCHED_BD, HOST) == MacEntry(
            STRETCHED_BD, HOST, LocalAc(1), static=True
        )

    def test_a_static_mac_outlives_its_address(self, make_bench: Make) -> None:
        bench = make_bench(bd={"static_macs": (StaticMac(HOST, 1),)})
        bench.arp(HOST, IP)
        bench.advance(1000.0)
        assert bench.own(HOST) == {None: 0}
        assert via(bench) == LocalAc(1)

    def test_a_sticky_mac_does_not_move(self, make_bench: Make, alarms_in: Any) -> None:
        bench = make_bench(bd={"static_macs": (StaticMac(HOST, 1),)})
        bench.remote("pe1", HOST, sequence=9)
        assert via(bench) == LocalAc(1)
        assert alarms_in(bench.frame(HOST, ac=2)) == [AlarmCode.STICKY_MOVE]
        assert via(bench) == LocalAc(1)
        bench.send(MacAged(STRETCHED_BD, HOST))
        assert via(bench) == LocalAc(1)

    def test_a_sticky_mac_of_another_pe_is_not_taken_over(self, bench: Any, alarms_in: Any) -> None:
        bench.remote("pe3", HOST, sticky=True)
        assert alarms_in(bench.frame(HOST)) == [AlarmCode.STICKY_MOVE]
        assert bench.own(HOST) == {}
        outputs = bench.remote_gone("pe3", HOST)
        assert any(isinstance(o, Alarm) and o.cleared for o in outputs)
        bench.frame(HOST)
        assert via(bench) == LocalAc(1)

    def test_a_host_here_that_is_sticky_elsewhere(self, bench: Any, alarms_in: Any) -> None:
        bench.frame(HOST)
        assert alarms_in(bench.remote("pe3", HOST, sticky=True)) == [AlarmCode.STICKY_MOVE]
        assert bench.own(HOST) == {}

    def test_the_operator_ties_and_unties(self, bench: Any) -> None:
        bench.frame(HOST)
        bench.send(AddStaticMac(STRETCHED_BD, 2, HOST))
        assert via(bench) == LocalAc(2)
        bench.remote("pe3", HOST, sequence=3)
        assert via(bench) == LocalAc(2)
        bench.remote_gone("pe3", HOST)
        bench.send(RemoveStaticMac(STRETCHED_BD, HOST))
        bench.remote("pe3", HOST, sequence=3)
        assert via(bench) == Remote(ip_address("10.255.0.3"), 100003)

    def test_all_macs_of_a_sticky_circuit(self, make_bench: Make) -> None:
        bench = make_bench(bd={"acs": (AcConfig(1, 1, 10, sticky=True), AcConfig(2, 2, 10))})
        bench.frame(HOST, ac=1)
        bench.remote("pe1", HOST, sequence=9)
        assert via(bench) == LocalAc(1)


class TestCircuitsAndLimits:
    def test_a_circuit_that_goes_down_takes_its_hosts_along(self, bench: Any) -> None:
        bench.arp(HOST, IP)
        bench.arp(OTHER, "10.1.0.11", ac=2)
        bench.send(AcDown(1))
        assert bench.own(HOST) == {}
        assert len(bench.own(OTHER)) == 2
        flood = bench.table("FloodList", STRETCHED_BD)
        assert isinstance(flood, FloodList)
        assert flood.acs == (2,)
        bench.send(AcUp(1))
        assert bench.table("FloodList", STRETCHED_BD).acs == (1, 2)

    def test_limits(self, make_bench: Make, alarms_in: Any) -> None:
        bench = make_bench(bd={"mac_limit": 2, "acs": (AcConfig(1, 1, 10, mac_limit=1), AcConfig(2, 2, 10))})
        assert alarms_in(bench.frame(1 << 41 | 1)) == []
        assert alarms_in(bench.frame(1 << 41 | 2)) == [AlarmCode.MAC_LIMIT]
        assert alarms_in(bench.frame(1 << 41 | 3, ac=2)) == []
        assert alarms_in(bench.frame(1 << 41 | 4, ac=2)) == [AlarmCode.MAC_LIMIT]
        assert len([key for key in bench.tables if key[0] == "MacEntry"]) == 2
        outputs = bench.send(MacAged(STRETCHED_BD, 1 << 41 | 1))
        assert [o.code for o in outputs if isinstance(o, Alarm) and o.cleared] == [AlarmCode.MAC_LIMIT] * 2
        bench.frame(1 << 41 | 4, ac=2)
        assert via(bench, 1 << 41 | 4) == LocalAc(2)

    def test_events_about_what_is_not_here(self, bench: Any) -> None:
        assert bench.send(AcDown(77)) == []
        assert bench.send(MacAged(99, HOST)) == []
        assert bench.frame(HOST, ac=77) == []

    def test_steps_for_the_timeline(self, bench: Any) -> None:
        steps = [o.step for o in bench.arp(HOST, IP) if isinstance(o, Note)]
        assert steps == ["learned"]
        steps = [o.step for o in bench.remote("pe3", HOST, IP, sequence=1) if isinstance(o, Note)]
        assert steps == ["moved-away"]
