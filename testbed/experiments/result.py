"""What an experiment found, as it is written to `results/latest/result.json`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

RESULT: Final = "result.json"
COMPARISON: Final = "compare.json"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PathSeen(_Model):
    """One direction between a client and the moving machine, as switches reported the packets."""

    nodes: list[str] = Field(
        description="Switches in the order the packets passed them; of several paths the most used one, "
        "empty if none was seen."
    )
    crossings: int = Field(description="How often the packets crossed the WAN from one PE to another.")
    trombone: bool = Field(
        description="The packets visit a PE that is neither the sender's nor the receiver's."
    )
    rtt_ms: float | None = Field(
        description="Median round-trip time of the pings of this phase, in ms; null if none came back."
    )


class Directions(_Model):
    """Ingress is from the client to the moving machine, egress the way back."""

    ingress: PathSeen
    egress: PathSeen


class Gaps(_Model):
    """The longest silence of each direction, in ms: of its UDP flow, or else of echoes, requests or GETs."""

    ingress: float
    egress: float


class Event(_Model):
    """A step of the move. `t_ms` counts from the first thing that was done: of a move, the pause."""

    t_ms: float
    event: str
    node: str


class Arrivals(_Model):
    """Packets of one flow that arrived, in the order of sending. Columns of one table, for plots."""

    sent_ms: list[float] = Field(description="When each was sent; counted as `t_ms` of an event is.")
    delay_ms: list[float] = Field(description="How long each was under way: echoes there and back, in ms.")


class Series(_Model):
    """What arrived around the move. What is missing between two arrivals was lost."""

    echoes: Arrivals
    ingress: Arrivals = Field(description="Datagrams to the machine, one way.")
    egress: Arrivals = Field(description="Datagrams from the machine, one way.")


class Move(_Model):
    """One live migration as the client's sessions saw it."""

    gap_ms: Gaps
    lost: int = Field(
        description="UDP datagrams that never arrived, both directions together; where there are none, "
        "echoes, requests or GETs that were not answered."
    )
    sent: int = Field(description="Of how many.")
    tcp_survived: bool | None = Field(
        description="All TCP sessions opened before the move live after it, HTTP answers; null without any."
    )
    timeline: list[Event]
    series: Series | None = Field(default=None, description="The samples behind gaps and round-trip times.")


class Sessions(_Model):
    """What one client saw: its paths before and after, and its sessions through the move."""

    before: Directions
    after: Directions
    move: Move


class Proof(_Model):
    """Two methods that know nothing of each other: reports of switches, and captures on the links."""

    compared: int = Field(description="Echo packets whose ways were compared hop by hop.")
    agreeing: int = Field(description="Those for which both methods show the same ways and labels.")
    left_out: int = Field(
        default=0,
        description="Those not compared: a switch or a controller that died took its reports along.",
    )
    differences: list[str] = Field(default_factory=list, description="The first differences, one a line.")


class Setting(_Model):
    """What was run; enough to run it again."""

    topology: str
    machine: str
    client: str
    origin: str = Field(description="Slot the machine left: a site or an access switch.")
    destination: str = Field(description="Slot it went to.")
    blackout_ms: float = Field(description="Of the first move.")
    announce: Literal["garp", "rarp", "qemu", "none"]
    reflector: str
    target: str = Field(description="embedded, or bmv2 for p4c and simple_switch_grpc.")
    versions: dict[str, str]


class WaySeen(_Model):
    """A path that packets of a phase took."""

    nodes: list[str]
    crossings: int
    trombone: bool
    packets: int = Field(description="How many echoes took it.")


class Traffic(_Model):
    """The echoes of one direction in a phase."""

    source: str
    destination: str
    ways: list[WaySeen] = Field(description="The most used one first.")
    incomplete: int = Field(description="Echoes of which no whole path was seen.")
    rtt_ms: float | None


class PhaseSeen(_Model):
    """A phase of the scenario. `t_ms` counts from the first thing that was done."""

    name: str
    t_ms: float
    ms: float = Field(description="How long it was looked at.")
    traffic: list[Traffic]
    at: dict[str, str | None] = Field(description="Slot of each machine that moves, at its end.")
    flooded: int = Field(description="Copies of unicast echoes that PEs sent to where the receiver is not.")


class GoodputSeen(_Model):
    """Bytes per second that a bulk session delivered."""

    median: float = Field(description="Median of the windows before the first thing that was done.")
    lowest: float = Field(description="The worst window after that.")
    dip_ms: float = Field(description="The longest time below half of the median, in ms.")
    window_ms: float
    series: list[float] = Field(description="Every window from the beginning of the first phase.")


class FlowSeen(_Model):
    """One flow from the beginning to the end."""

    kind: Literal["ping", "udp", "tcp", "bulk", "http"]
    source: str
    destination: str
    sent: int = Field(description="Datagrams, echoes, requests; bytes of a bulk session.")
    lost: int = Field(description="Those that did not arrive, or were not answered.")
    gap_ms: float = Field(description="Longest silence.")
    gap_t_ms: float = Field(description="When it began, from the first thing that was done.")
    broken: str = Field(description="The error that ended a TCP session, as errno names it; empty if none.")
    goodput: GoodputSeen | None = None


class Check(_Model):
    """One expectation of the scenario, and what was seen."""

    phase: str = Field(description="The phase it is about; empty for the whole.")
    about: str = Field(description="What it looks at, as the scenario names it: path, gap, session, ...")
    expected: str
    seen: str
    holds: bool


class Violated(_Model):
    """An invariant of all tables that did not hold for a time. `t_ms` as in `PhaseSeen`."""

    kind: str = Field(description="loop, black-hole, trombone or leak.")
    source: str
    destination: str
    version: Literal[4, 6] = Field(default=4, description="IP version of the packets.")
    t_ms: float
    ms: float


class Figure(_Model):
    """One figure over all repetitions."""

    median: float | None
    low: float | None = Field(description="Lower end of the confidence interval of the median.")
    high: float | None = Field(description="Upper end.")
    confidence: float = Field(
        description="Probability at least that the interval has the true median: 0.95, less below six runs."
    )
    values: list[float | None] = Field(description="By repetition; null where there was nothing to measure.")


class Repeated(_Model):
    """All repetitions of a run; the object around it is that of the first."""

    runs: int
    seed: int
    wrong_paths: int = Field(description="Runs in which an expectation of a path did not hold.")
    dead_sessions: int = Field(description="Sessions between clients and the machine that died, of all runs.")
    failed: int = Field(description="Runs in which any expectation did not hold.")
    failures: list[str] = Field(description="Every expectation that did not hold, a line each.")
    figures: dict[str, Figure]


class Result(_Model):
    """One run in one mode. `before`, `after` and `move` are those of the first client: the first phase, the
    last phase, and what its sessions saw from the one to the other."""

    mode: str
    before: Directions
    after: Directions
    move: Move
    others: dict[str, Sessions] = Field(
        default_factory=dict, description="The same for every further client, by name."
    )
    setting: Setting
    proof: Proof | None = Field(default=None, description="What captures on the links say of the paths.")
    scenario: str = Field(default="", description="Name of the scenario.")
    seed: int = Field(default=0, description="What moments and orders that may vary were drawn from.")
    phases: list[PhaseSeen] = Field(default_factory=list)
    flows: list[FlowSeen] = Field(default_factory=list)
    checks: list[Check] = Field(default_factory=list, description="Every expectation, and what was seen.")
    violations: list[Violated] = Field(default_factory=list)
    repeated: Repeated | None = Field(default=None, description="With --repeat: all runs together.")


class Compared(Result):
    """One mode of a comparison: its result, and what it cost."""

    flooded: int = Field(
        description="Copies of unicast echoes to the machine that PEs sent to where it is not."
    )
    updates: int = Field(description="BGP UPDATE messages that PEs sent because of the move.")
    writes: int = Field(description="P4Runtime updates that switches took because of the move.")
    wan_bytes_per_byte: float = Field(
        description="Bytes on the WAN links for each byte of payload that arrived, after the move."
    )


class Comparison(_Model):
    """The same move in several modes, by the mode's name."""

    modes: dict[str, Compared]


def schema() -> dict[str, object]:
    """The JSON Schema of result.json."""
    return Result.model_json_schema()


def comparison_schema() -> dict[str, object]:
    """The JSON Schema of compare.json."""
    return Comparison.model_json_schema()


def write(found: Result | Comparison, directory: Path, name: str = RESULT) -> Path:
    """Write a file into `directory` (made if need be), whole or not at all; returns its path.

    Under sudo it belongs to the user who called it.
    """
    make_folder(directory)
    path = directory / name
    draft = directory / f".{name}.{os.getpid()}"
    draft.write_text(json.dumps(found.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")
    draft.replace(path)
    give_to_caller(path)
    return path


def make_folder(folder: Path) -> None:
    """Make a folder, if need be; under sudo what is made belongs to the user who called it.

    What is there stays whose it is: it may be /tmp.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    give_to_caller(*missing)


def give_to_caller(*paths: Path) -> None:
    """Under sudo, have files and folders belong to the user who called it."""
    uid, gid = os.environ.get("SUDO_UID"), os.environ.get("SUDO_GID")
    if os.getuid() == 0 and uid and gid:
        for path in paths:
            os.chown(path, int(uid), int(gid))
