"""Expectations held against what was seen: each kind when it is met, and when it is not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from testbed.experiments.counters import Tally
from testbed.experiments.engine import ways_of
from testbed.experiments.judge import judge
from testbed.experiments.observed import Broken, Observed, Span, Way, Ways
from testbed.experiments.outcome import Outcome
from testbed.experiments.result import Check
from testbed.experiments.scenario import load
from testbed.experiments.scenario.parts import Cast
from testbed.experiments.sessions import Heard, Key
from testbed.model.plan import Plan
from testbed.model.topology import Mode
from testbed.observe.flows import BulkResult, HttpResult, PingResult, TcpResult, UdpResult
from testbed.observe.paths import Trace
from testbed.observe.samples import Goodput, Sample
from testbed.observe.timeline import Event

STRAIGHT = ("acc4", "pe4", "p4", "p2", "pe2", "acc2")
DETOUR = ("acc4", "pe4", "p4", "p1", "pe1", "p1", "p2", "pe2", "acc2")
CAST = Cast("vm1", "dc2", ("client",))
SCENARIO = """\
name: test
flows: [{{ping: client > vm1}}]
timeline:
  - {{phase: before}}
  - {{migrate: vm1, to: dc2}}
  - {{phase: after, expect: {{{mode}: [{expectation}]}}}}
expect: {{evpn: [{whole}]}}
"""


def stream(start: float, end: float, missing: tuple[float, float] = (0, 0)) -> tuple[Sample, ...]:
    """100 a second, 6 ms under way."""
    times = [start + n / 100 for n in range(round((end - start) * 100))]
    alive = [(n, t) for n, t in enumerate(times) if not missing[0] <= t < missing[1]]
    return tuple(Sample(n, t, t + 0.006) for n, t in alive)


def way(nodes: tuple[str, ...], packets: int = 10) -> Way:
    return Way(nodes, 2 if "pe1" in nodes else 1, "pe1" in nodes, packets)


def span(name: str, since: float, start: float, **changed: Any) -> Span:
    at = {"vm1": "dc1" if name == "before" else "dc2"}
    owners = {"vm1": {"pe1": "pe2", "pe2": "pe2", "pe3": "pe2"}}
    tally = Tally(wan_bytes=int(start * 1000), updates=int(start), writes=int(2 * start))
    known = {"slots": at, "owners": owners, "before": tally, "after": replace(tally, wan_bytes=90_000)}
    return Span(name, since, start, start + 1.0, **(known | changed))


GONE = (10.995, 11.125)
HEARD = Heard(
    {
        Key("ping", "client", "vm1"): PingResult(300, stream(9.5, 12.5, GONE)),
        Key("udp", "client", "vm1"): UdpResult(300, stream(9.5, 12.5, GONE)),
        Key("tcp", "client", "vm1"): TcpResult(300, stream(9.5, 12.5), "", 0, Goodput(0.01, {}), 0),
        Key("http", "client", "h1"): HttpResult(300, stream(9.5, 11.0), 0),
        Key("bulk", "client", "vm1"): BulkResult(
            "", 3, Goodput(0.01, {n: 100 for n in range(950, 1250) if not 1100 <= n < 1120}), 30000
        ),
    },
    defaultdict(int, {Key("udp", "client", "vm1"): 512}),
)
EVENTS = [
    Event(11.0, "paused", "vm1"),
    Event(11.1, "resumed", "vm1"),
    Event(11.2, "learned", "pe2"),
    Event(11.3, "alarm", "pe2", {"code": "duplicate-mac", "text": "twice"}),
]


@pytest.fixture
def observed() -> Observed:
    seen = {
        ("client", "vm1"): Ways((way(STRAIGHT),), 0, "", 12.5),
        ("vm1", "client"): Ways((), 1, "acc2 pe2"),
    }
    return Observed(
        spans=(span("before", 9.0, 10.0), span("after", 11.0, 11.5)),
        ways={"before": seen, "after": seen},
        heard=HEARD,
        events=EVENTS,
        copies={"before": 0, "after": 3},
        violations=(Broken("black-hole", "h1", "vm1", 11.0, 11.2), Broken("loop", "h2", "vm1", 5.0, 6.0)),
    )


def checks(
    observed: Observed, plan: Plan, expectation: str, whole: str = "", mode: str = "all"
) -> list[Check]:
    text = SCENARIO.format(expectation=expectation, whole=whole, mode=mode)
    scenario, _ = load.from_text(text)
    return judge(scenario, plan, Mode.EVPN, CAST, observed)


@pytest.mark.parametrize(
    ("expectation", "seen", "holds"),
    [
        ("{path: client > vm1, trombone: no}", "acc4 pe4 p4 p2 pe2 acc2", True),
        ("{path: client > vm1, trombone: yes}", "acc4 pe4 p4 p2 pe2 acc2", False),
        ("{path: client > vm1, trombone: by-mode}", "acc4 pe4 p4 p2 pe2 acc2", False),
        ("{path: client > vm1, crossings: 1}", "acc4 pe4 p4 p2 pe2 acc2", True),
        ("{path: client > vm1, via: [p2, pe2]}", "acc4 pe4 p4 p2 pe2 acc2", True),
        ("{path: client > vm1, avoids: [p2]}", "acc4 pe4 p4 p2 pe2 acc2", False),
        ("{path: client > vm1, nodes: [acc4, pe4, p4, p2, pe2, acc2]}", "acc4 pe4 p4 p2 pe2 acc2", True),
        ("{path: vm1 > client, crossings: 1}", "no whole path: acc2 pe2", False),
        ("{gap: client > vm1, at_most_ms: 200}", "136 ms", True),
        ("{gap: client > vm1, at_most_ms: 100}", "136 ms", False),
        ("{loss: client > vm1, at_most: 13}", "13 lost", True),
        ("{loss: client > vm1}", "13 lost", False),
        ("{session: client > vm1}", "lives", True),
        ("{session: client > vm1, lives: no}", "lives", False),
        ("{session: client > h1}", "http does not answer", False),
        ("{session: client > h1, lives: no}", "http does not answer", True),
        ("{session: client > h2}", "no session", False),
        ("{dip: client > vm1, at_most_ms: 200}", "200 ms, 0 of 10000 bytes/s", True),
        ("{dip: client > vm1, at_most_ms: 199}", "200 ms, 0 of 10000 bytes/s", False),
        ("{flooded: 3}", "3", True),
        ("{flooded: 2}", "3", False),
        ("{flooded: 9, at_least: 3}", "3", True),
        ("{flooded: 9, at_least: 4}", "3", False),
        ("{owner: vm1}", "pe2", True),
        ("{owner: vm1, pe: pe3}", "pe1: pe2, pe2: pe2, pe3: pe2", False),
        ("{alarm: duplicate-mac}", "pe2: twice", True),
        ("{alarm: duplicate-mac, raised: no}", "pe2: twice", False),
        ("{alarm: sticky-mac-moved}", "it is not", False),
        ("{step: learned}", "at pe2", True),
        ("{step: learned, node: pe1}", "it does not", False),
        ("{step: withdrawn, happens: no}", "it does not", True),
        ("{broken: [loop]}", "none", True),
        ("{broken: any}", "black-hole from h1 to vm1 for 200 ms", False),
        ("{broken: [black-hole], at_most_ms: 200.1}", "black-hole from h1 to vm1 for 200 ms", True),
    ],
)
def test_expectations(expectation: str, seen: str, holds: bool, observed: Observed, plan: Plan) -> None:
    (check,) = checks(observed, plan, expectation)
    assert (check.phase, check.seen, check.holds) == ("after", seen, holds)
    assert check.about in expectation
    assert check.expected


def test_modes_and_the_whole(observed: Observed, plan: Plan) -> None:
    assert checks(observed, plan, "{flooded: 0}", mode="evpn-vmto") == []
    of_mode, of_all = checks(observed, plan, "{flooded: 3}", "{flooded: 2}", mode="evpn")
    assert (of_mode.phase, of_mode.holds, of_all.phase, of_all.holds) == ("after", True, "", False)
    everywhere = checks(observed, plan, "{flooded: 3}", "{path: client > vm1, crossings: 1}")
    assert [check.expected for check in everywhere[1:]] == [
        "client > vm1 in before: 1 WAN crossings",
        "client > vm1 in after: 1 WAN crossings",
    ]


def test_every_way_must_be_right(observed: Observed, plan: Plan) -> None:
    both = Ways((way(STRAIGHT), way(DETOUR, 1)), 0, "", 12.5)
    observed = replace(observed, ways=observed.ways | {"after": {("client", "vm1"): both}})
    (check,) = checks(observed, plan, "{path: client > vm1, trombone: no}")
    assert not check.holds
    assert check.seen == " ".join(DETOUR)


@pytest.mark.parametrize(
    ("bulk", "seen"),
    [
        (BulkResult("ETIMEDOUT", 3, Goodput(0.01, {1240: 100}), 30000), "bulk broke with ETIMEDOUT"),
        (BulkResult("", 3, Goodput(0.01, {1090: 100}), 30000), "bulk does not answer"),
    ],
)
def test_one_dead_session_of_several(bulk: BulkResult, seen: str, observed: Observed, plan: Plan) -> None:
    heard = replace(HEARD, reports={**HEARD.reports, Key("bulk", "client", "vm1"): bulk})
    (check,) = checks(replace(observed, heard=heard), plan, "{session: client > vm1}")
    assert (check.seen, check.holds) == (seen, False)


def test_the_outcome_of_a_run(observed: Observed) -> None:
    outcome = Outcome(observed, CAST)
    assert outcome.zero == 11.0
    sessions = outcome.sessions()["client"]
    assert sessions.after.ingress.nodes == list(STRAIGHT)
    assert (sessions.after.egress.nodes, sessions.after.egress.rtt_ms) == ([], None)
    assert sessions.move.gap_ms.ingress == pytest.approx(140, abs=0.1)
    assert (sessions.move.lost, sessions.move.sent) == (26, 600), "datagrams there, echoes back"
    assert sessions.move.tcp_survived
    assert [(event.t_ms, event.event) for event in sessions.move.timeline][:2] == [
        (0, "paused"),
        (100, "resumed"),
    ]
    cost = outcome.cost()
    assert (cost["flooded"], cost["updates"], cost["writes"]) == (3, 1, 3)
    # 100 datagrams of 512 bytes, and what the bulk session delivered.
    assert cost["wan_bytes_per_byte"] == pytest.approx((90_000 - 11_500) / (100 * 512 + 10000), abs=0.001)
    flows = {flow.kind: flow for flow in outcome.flows()}
    assert flows["udp"].lost == 13
    assert flows["udp"].gap_t_ms == pytest.approx(-4, abs=0.1)
    assert flows["bulk"].goodput is not None
    assert flows["bulk"].goodput.dip_ms == pytest.approx(200)
    assert [phase.name for phase in outcome.phases()] == ["before", "after"]
    assert [each.kind for each in outcome.violations()] == ["black-hole", "loop"]


def test_ways_of_traces(way: Callable[..., Any], trace: Callable[..., Trace]) -> None:
    there = ("client", "acc4", "pe4", "p4", "p1", "pe1", "acc1", "vm1@dc1")
    hops = way(*there)
    found = ways_of([trace(*hops), trace(*hops), trace(*hops[:2])], 12.0)
    (only,) = found.whole
    assert (only.nodes, only.packets, only.crossings, only.trombone) == (there[1:-1], 2, 1, False)
    assert found.broken == 1
    assert found.last.startswith("acc4 pe4; seen leaving pe4:")
    assert ways_of([trace()], None).last == "nothing was reported"
