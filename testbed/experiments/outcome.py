"""What was seen in a run, as result.json and compare.json say it. Pure."""

from __future__ import annotations

from typing import Any, Final, final

from testbed.experiments.judge import WINDOW, dip
from testbed.experiments.observed import Observed, Span, Ways
from testbed.experiments.result import (
    Directions,
    Event,
    FlowSeen,
    Gaps,
    GoodputSeen,
    Move,
    PathSeen,
    PhaseSeen,
    Series,
    Traffic,
    Violated,
    WaySeen,
)
from testbed.experiments.result import Sessions as SessionsSeen
from testbed.experiments.scenario.parts import Cast
from testbed.experiments.series import series
from testbed.experiments.sessions import Key, Sampled
from testbed.observe.flows import BulkResult, PingResult, TcpResult, UdpResult
from testbed.observe.samples import longest_silence

STEPS: Final = frozenset(
    {
        "paused", "unplugged", "resumed", "announced", "learned", "advertised", "received", "withdrawn",
        "programmed", "first packet", "split", "merged", "moved-away", "silent", "alarm", "pinned",
        "link down", "link up", "node down", "node up", "controller down", "controller up", "reflector down",
        "reflector up", "bgp down", "bgp up",
    }
)  # fmt: skip
"""Events of the lab's timeline that tell the story of a run."""

DONE: Final = frozenset(
    {"paused", "split", "link down", "node down", "controller down", "reflector down", "pinned"}
)
"""Events that begin what is done to a lab."""


@final
class Outcome:
    """One run, as the models of results want it."""

    def __init__(self, observed: Observed, cast: Cast) -> None:
        self._seen, self._cast = observed, cast
        first = observed.spans[0]
        done = [e.t for e in observed.events if e.event in DONE and first.end <= e.t]
        self.zero = done[0] if done else first.end
        """When the first thing was done: where times are counted from."""

    def sessions(self) -> dict[str, SessionsSeen]:
        """What each client saw that exchanges echoes with the machine."""
        machine = self._cast.machine
        clients = [c for c in self._cast.clients if (c, machine) in self._seen.ways[self._seen.spans[0].name]]
        return {client: self._client(client) for client in clients}

    def _client(self, client: str) -> SessionsSeen:
        first, last = self._seen.spans[0], self._seen.spans[-1]
        return SessionsSeen(
            before=self._directions(client, first),
            after=self._directions(client, last),
            move=self._move(client),
        )

    def _directions(self, client: str, span: Span) -> Directions:
        machine, ways = self._cast.machine, self._seen.ways[span.name]
        return Directions(ingress=_path(ways[client, machine]), egress=_path(ways[machine, client]))

    def _move(self, client: str) -> Move:
        machine, heard = self._cast.machine, self._seen.heard
        start, end = self._seen.whole
        gaps, lost, sent, counted = [], 0, 0, set()
        for source, destination in ((client, machine), (machine, client)):
            silence = heard.silence(source, destination, start, end)
            gaps.append(round(silence.ms, 3) if silence else 0.0)
            found = heard.one_way(source, destination)
            if found and found[0] not in counted:
                counted.add(found[0])
                stats = found[1].stats(start, end)
                lost, sent = lost + stats.lost, sent + stats.sent
        return Move(
            gap_ms=Gaps(ingress=gaps[0], egress=gaps[1]),
            lost=lost,
            sent=sent,
            tcp_survived=heard.lives(client, machine, self._seen.spans[-1].start),
            timeline=self.timeline(),
            series=self._series(client),
        )

    def _series(self, client: str) -> Series | None:
        machine, heard = self._cast.machine, self._seen.heard
        ping = heard.get("ping", client, machine)
        ingress, egress = heard.get("udp", client, machine), heard.get("udp", machine, client)
        back = [event.t for event in self._seen.events if event.event == "resumed"]
        if not (isinstance(ping, PingResult) and isinstance(ingress, UdpResult)):
            return None
        if not isinstance(egress, UdpResult):
            return None
        return series(ping, ingress, egress, paused=self.zero, plugged=back[-1] if back else self.zero)

    def timeline(self) -> list[Event]:
        """The steps, from the first thing that was done to the last phase."""
        return [
            Event(t_ms=self._ms(event.t), event=event.event, node=event.node)
            for event in self._seen.events
            if event.event in STEPS and self.zero <= event.t <= self._seen.spans[-1].start
        ]

    def phases(self) -> list[PhaseSeen]:
        """All phases with the paths of all echoes."""
        return [
            PhaseSeen(
                name=span.name,
                t_ms=self._ms(span.start),
                ms=round((span.end - span.start) * 1e3, 3),
                traffic=[_traffic(*pair, ways) for pair, ways in self._seen.ways[span.name].items()],
                at=dict(span.slots),
                flooded=self._seen.copies[span.name],
            )
            for span in self._seen.spans
        ]

    def flows(self) -> list[FlowSeen]:
        """All flows."""
        return [self._flow(key) for key in self._seen.heard.reports]

    def _flow(self, key: Key) -> FlowSeen:
        report = self._seen.heard.reports[key]
        start, end = self._seen.whole
        if isinstance(report, BulkResult):
            return self._bulk(key, report)
        sampled: Sampled = report
        silence = longest_silence(sampled.samples, start, end)
        stats = sampled.stats(start, end)
        return FlowSeen(
            kind=key.kind,
            source=key.source,
            destination=key.destination,
            sent=stats.sent,
            lost=stats.lost,
            gap_ms=round(silence.ms, 3),
            gap_t_ms=self._ms(silence.start),
            broken=report.broken if isinstance(report, TcpResult) else "",
        )

    def _bulk(self, key: Key, report: BulkResult) -> FlowSeen:
        start, end = self._seen.whole
        stalled = report.goodput.longest_stall(start, end)
        fell = dip(self._seen, key.source, key.destination, end)
        goodput = fell and GoodputSeen(
            median=round(fell.median),
            lowest=round(fell.lowest),
            dip_ms=round(fell.ms, 3),
            window_ms=WINDOW * 1e3,
            series=[round(rate) for rate in report.goodput.rates(start, end, WINDOW)],
        )
        return FlowSeen(
            kind=key.kind,
            source=key.source,
            destination=key.destination,
            sent=report.loaded,
            lost=0,
            gap_ms=round(stalled.ms, 3),
            gap_t_ms=self._ms(stalled.start),
            broken=report.broken,
            goodput=goodput,
        )

    def violations(self) -> list[Violated]:
        """Broken invariants of the tables."""
        return [
            Violated(
                kind=each.kind,
                source=each.source,
                destination=each.destination,
                version=6 if each.version == 6 else 4,
                t_ms=self._ms(each.start),
                ms=round((each.end - each.start) * 1e3, 3),
            )
            for each in self._seen.violations
        ]

    def cost(self) -> dict[str, Any]:
        """What the scenario cost the network, by the keys of `Compared`."""
        first, last = self._seen.spans[0], self._seen.spans[-1]
        due, after = last.after - first.after, last.after - last.before
        payload = self._seen.heard.payload(last.start, last.end)
        return {
            "flooded": sum(self._seen.copies.values()),
            "updates": max(0, due.updates),
            "writes": max(0, due.writes),
            "wan_bytes_per_byte": round(after.wan_bytes / max(1, payload), 3),
        }

    def _ms(self, t: float) -> float:
        return round((t - self.zero) * 1e3, 3)


def _path(ways: Ways) -> PathSeen:
    rtt = None if ways.rtt_ms is None else round(ways.rtt_ms, 3)
    if not ways.whole:
        return PathSeen(nodes=[], crossings=0, trombone=False, rtt_ms=rtt)
    way = ways.whole[0]
    return PathSeen(nodes=list(way.nodes), crossings=way.crossings, trombone=way.trombone, rtt_ms=rtt)


def _traffic(source: str, destination: str, ways: Ways) -> Traffic:
    return Traffic(
        source=source,
        destination=destination,
        ways=[
            WaySeen(
                nodes=list(way.nodes), crossings=way.crossings, trombone=way.trombone, packets=way.packets
            )
            for way in ways.whole
        ],
        incomplete=ways.broken,
        rtt_ms=None if ways.rtt_ms is None else round(ways.rtt_ms, 3),
    )
