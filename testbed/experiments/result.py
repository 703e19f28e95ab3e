"""What an experiment found, as it is written to `results/latest/result.json`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PathSeen(_Model):
    """One direction between a client and the moving machine, as switches reported the packets."""

    nodes: list[str] = Field(description="Switches in the order the packets passed them.")
    crossings: int = Field(description="How often the packets crossed the WAN from one PE to another.")
    trombone: bool = Field(
        description="The packets visit a PE that is neither the sender's nor the receiver's."
    )
    rtt_ms: float = Field(description="Median round-trip time of the pings of this phase, in ms.")


class Directions(_Model):
    """Ingress is from the client to the moving machine, egress the way back."""

    ingress: PathSeen
    egress: PathSeen


class Gaps(_Model):
    """The longest silence that the UDP flow of each direction saw around the move, in ms."""

    ingress: float
    egress: float


class Event(_Model):
    """A step of the move. `t_ms` counts from the moment the machine was paused."""

    t_ms: float
    event: str
    node: str


class Arrivals(_Model):
    """Packets of one flow that arrived, in the order of sending. Columns of one table, for plots."""

    sent_ms: list[float] = Field(description="When each was sent, counted from the pause of the machine.")
    delay_ms: list[float] = Field(description="How long each was under way: echoes there and back, in ms.")


class Series(_Model):
    """What arrived around the move. What is missing between two arrivals was lost."""

    echoes: Arrivals
    ingress: Arrivals = Field(description="Datagrams to the machine, one way.")
    egress: Arrivals = Field(description="Datagrams from the machine, one way.")


class Move(_Model):
    """One live migration as the client's sessions saw it."""

    gap_ms: Gaps
    lost: int = Field(description="UDP datagrams that never arrived, both directions together.")
    sent: int = Field(description="UDP datagrams sent, both directions together.")
    tcp_survived: bool = Field(description="The TCP session opened before the move still answers after it.")
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
    differences: list[str] = Field(default_factory=list, description="The first differences, one a line.")


class Setting(_Model):
    """What was run; enough to run it again."""

    topology: str
    machine: str
    client: str
    origin: str = Field(description="Site the machine left.")
    destination: str = Field(description="Site the machine went to.")
    blackout_ms: float
    announce: Literal["garp", "rarp", "qemu", "none"]
    reflector: str
    target: str = Field(description="embedded, or bmv2 for p4c and simple_switch_grpc.")
    versions: dict[str, str]


class Result(_Model):
    """One run in one mode. `before`, `after` and `move` are those of the first client."""

    mode: str
    before: Directions
    after: Directions
    move: Move
    others: dict[str, Sessions] = Field(
        default_factory=dict, description="The same for every further client, by name."
    )
    setting: Setting
    proof: Proof | None = Field(default=None, description="What captures on the links say of the paths.")


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


def write(found: Result | Comparison, directory: Path, name: str = "result.json") -> Path:
    """Write a file into `directory` (made if need be), whole or not at all; returns its path.

    Under sudo the files belong to the user who called it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    draft = directory / f".{name}.{os.getpid()}"
    draft.write_text(json.dumps(found.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")
    draft.replace(path)
    give_to_caller(directory.parent, directory, path)
    return path


def give_to_caller(*paths: Path) -> None:
    """Under sudo, have files and folders belong to the user who called it."""
    uid, gid = os.environ.get("SUDO_UID"), os.environ.get("SUDO_GID")
    if os.getuid() == 0 and uid and gid:
        for path in paths:
            os.chown(path, int(uid), int(gid))
