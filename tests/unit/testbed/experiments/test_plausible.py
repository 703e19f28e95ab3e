"""Round trips against the delays of links: a figure that cannot be is said to be wrong."""

from __future__ import annotations

import pytest

from testbed.experiments.counters import Tally
from testbed.experiments.observed import Observed, Span, Way, Ways
from testbed.experiments.plausible import plausible
from testbed.experiments.sessions import Heard, Key
from testbed.model.plan import Plan
from testbed.observe.flows import PingResult
from testbed.observe.samples import Sample

STRAIGHT = ("acc4", "pe4", "p4", "p2", "pe2", "acc2")
DETOUR = ("acc4", "pe4", "p4", "p1", "pe1", "p1", "p2", "pe2", "acc2")
NOTHING = Tally(0, 0, 0)


def observed(rtt_ms: float, there: Ways, back: Ways) -> Observed:
    """One echo in a phase, and what was seen of its ways."""
    span = Span("after", 9.0, 10.0, 11.0, {}, {}, NOTHING, NOTHING)
    echoes = PingResult(2, (Sample(0, 9.5, 9.501), Sample(1, 10.5, 10.5 + rtt_ms / 1e3)))
    return Observed(
        spans=(span,),
        ways={"after": {("client", "vm1"): there, ("vm1", "client"): back}},
        heard=Heard({Key("ping", "client", "vm1"): echoes}, {}),
        events=[],
        copies={},
    )


def seen(*ways: tuple[str, ...], broken: int = 0) -> Ways:
    return Ways(tuple(Way(nodes, 1, False, 1) for nodes in ways), broken)


def back(nodes: tuple[str, ...]) -> tuple[str, ...]:
    return nodes[::-1]


@pytest.mark.parametrize(
    ("rtt_ms", "there", "links", "holds"),
    [
        (12.4, [STRAIGHT], 12, True),
        (11.9, [STRAIGHT], 12, False),
        (19.1, [DETOUR], 18, True),
        (12.4, [DETOUR], 18, False),
        (12.4, [DETOUR, STRAIGHT], 12, True),
    ],
)
def test_round_trips(
    rtt_ms: float, there: list[tuple[str, ...]], links: float, holds: bool, plan: Plan
) -> None:
    check = plausible(plan, observed(rtt_ms, seen(*there), seen(back(STRAIGHT))))
    assert check.holds is holds
    assert check.seen == f"client > vm1 in after: {rtt_ms:.2f} ms, of which the links take {links:.2f} ms"


def test_nothing_to_compare(plan: Plan) -> None:
    for there in (seen(), seen(STRAIGHT, broken=1)):
        check = plausible(plan, observed(1.0, there, seen(back(STRAIGHT))))
        assert (check.seen, check.holds) == ("no echo came back by known ways", True)
