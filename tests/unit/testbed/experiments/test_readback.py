"""Entities of a switch by the program's names, values by their widths."""

from __future__ import annotations

from typing import Any

import pytest
from finsy.proto import p4i, p4r
from google.protobuf import text_format

from controllers.dataplane.codec import Codec
from controllers.dataplane.entity import (
    CloneSession,
    Digest,
    Entity,
    Lpm,
    Member,
    MulticastGroup,
    Range,
    Ternary,
    action,
    entry,
)
from testbed.experiments.readback import Rows

P4INFO = """
tables {
  preamble { id: 1 name: "ingress.hosts" alias: "hosts" }
  match_fields { id: 1 name: "mac" bitwidth: 48 match_type: EXACT }
  match_fields { id: 2 name: "prefix" bitwidth: 32 match_type: LPM }
  match_fields { id: 3 name: "address" bitwidth: 128 match_type: TERNARY }
  match_fields { id: 4 name: "port" bitwidth: 16 match_type: RANGE }
  action_refs { id: 11 }
  action_refs { id: 12 }
}
actions {
  preamble { id: 11 name: "ingress.send" alias: "send" }
  params { id: 1 name: "to" bitwidth: 48 }
  params { id: 2 name: "source" bitwidth: 32 }
  params { id: 3 name: "meter_index" bitwidth: 32 }
}
actions { preamble { id: 12 name: "ingress.drop" alias: "drop" } }
digests { preamble { id: 21 name: "learn" alias: "learn" } type_spec { struct { name: "learn" } } }
type_info { structs { key: "learn" value { members { name: "mac" } } } }
"""


@pytest.fixture
def program() -> p4i.P4Info:
    return text_format.Parse(P4INFO, p4i.P4Info())


def row(program: p4i.P4Info, entity: Entity) -> dict[str, Any] | None:
    message = p4r.Entity.FromString(Codec(program).entity(entity).SerializeToString())
    if message.HasField("table_entry"):
        message.table_entry.counter_data.packet_count = 7
        message.table_entry.counter_data.byte_count = 900
    return Rows(program).row(message)


def test_an_entry(program: p4i.P4Info) -> None:
    send = action("send", to=0x02_00_00_00_00_01, source=0x0A000001, meter_index=5)
    match = {
        "mac": 0x02_00_00_00_00_02,
        "prefix": Lpm(0x0A000000, 8),
        "address": Ternary(1, (1 << 128) - 1),
        "port": Range(10, 20),
    }
    assert row(program, entry("hosts", match, send, priority=3)) == {
        "table": "hosts",
        "match": {"address": "::1", "mac": "02:00:00:00:00:02", "port": "10-20", "prefix": "10.0.0.0/8"},
        "priority": 3,
        "action": "send",
        "params": {"meter_index": 5, "source": "10.0.0.1", "to": "02:00:00:00:00:01"},
        "packets": 7,
        "bytes": 900,
    }


def test_masks_and_selectors(program: p4i.P4Info) -> None:
    members = (Member(action("drop"), 2), Member(action("drop"), 1))
    found = row(program, entry("hosts", {"address": Ternary(2, 3)}, members))
    assert found is not None
    assert found["match"] == {"address": "::2&::3"}
    assert found["members"] == [
        {"action": "drop", "params": {}, "weight": 2},
        {"action": "drop", "params": {}, "weight": 1},
    ]


def test_replication(program: p4i.P4Info) -> None:
    copies = [{"port": 1, "instance": 2}, {"port": 3, "instance": 4}]
    assert row(program, MulticastGroup(9, ((1, 2), (3, 4)))) == {
        "table": "multicast group",
        "match": {"group": 9},
        "replicas": copies,
    }
    found = row(program, CloneSession(2, ((510, 0),)))
    assert found is not None
    assert (found["table"], found["match"]) == ("clone session", {"session": 2})
    assert row(program, Digest("learn")) is None
