"""The traffic of a scenario: each flow is named by its kind, which says who talks to whom."""

from __future__ import annotations

from typing import Annotated, Final, Literal, final

from pydantic import Field, Tag

from testbed.experiments.scenario.parts import Between, Ends, Part
from testbed.model.explain import by_key
from testbed.model.fields import NUMBER

GENTLE_RATE: Final = 50.0
"""Datagrams per second of a stream where switches are slow."""

GENTLE_MBPS: Final = 0.5
"""The same of bulk data, Mbit/s."""

Interval = Annotated[float, Field(ge=1, le=10_000, allow_inf_nan=False), NUMBER]


@final
class Ping(Part):
    """Echoes. Switches report their paths."""

    ping: Between
    """Who asks whom."""
    interval_ms: Interval = 50.0
    """From one to the next, ms."""


@final
class Udp(Part):
    """A stream of datagrams."""

    udp: Between
    """Who sends to whom."""
    rate: Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False), NUMBER] = 250.0
    """Datagrams per second: a gap is measured to one part of it."""
    size: Annotated[int, Field(ge=24, le=1400), NUMBER] = 512
    """Bytes of payload."""


@final
class Tcp(Part):
    """One TCP session with requests and answers."""

    tcp: Between
    """Who asks whom."""
    interval_ms: Interval = 20.0
    """From one request to the next, ms."""


@final
class Bulk(Part):
    """One TCP session with as many bytes as go through."""

    bulk: Between
    """Who sends to whom."""
    mbps: Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False), NUMBER] = 4.0
    """As many as this at most, Mbit/s."""


@final
class Http(Part):
    """HTTP: a GET at an interval on a connection of its own each, from a small server."""

    http: Between
    """Who gets from whom."""
    interval_ms: Interval = 50.0
    """From one GET to the next, ms."""
    size: Annotated[int, Field(ge=0, le=65_536), NUMBER] = 1000
    """Bytes of the answer's body."""


Kind = Literal["ping", "udp", "tcp", "bulk", "http"]
AnyFlow = Ping | Udp | Tcp | Bulk | Http
Flow = Annotated[
    Annotated[Ping, Tag("ping")]
    | Annotated[Udp, Tag("udp")]
    | Annotated[Tcp, Tag("tcp")]
    | Annotated[Bulk, Tag("bulk")]
    | Annotated[Http, Tag("http")],
    by_key(("ping", "udp", "tcp", "bulk", "http")),
]


def gentle(flow: AnyFlow) -> AnyFlow:
    """The flow as twelve of simple_switch_grpc carry it on a few cores; with more their queues fill."""
    match flow:
        case Udp(rate=rate):
            return flow.model_copy(update={"rate": min(rate, GENTLE_RATE)})
        case Bulk(mbps=mbps):
            return flow.model_copy(update={"mbps": min(mbps, GENTLE_MBPS)})
    return flow


def kind_and_ends(flow: AnyFlow) -> tuple[Kind, Ends]:
    """The kind of a flow, as the file names it, and who takes part."""
    match flow:
        case Ping(ping=ends):
            return "ping", ends
        case Udp(udp=ends):
            return "udp", ends
        case Tcp(tcp=ends):
            return "tcp", ends
        case Bulk(bulk=ends):
            return "bulk", ends
        case Http(http=ends):
            return "http", ends
