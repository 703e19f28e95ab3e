"""`@p4runtime_translation`: a 32-bit SDN port for a 9-bit device port, SDN strings for numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from finsy.proto import p4i, p4r

from testbed.p4.switch.p4runtime.packet_io import packet_in
from testbed.p4.switch.p4runtime.schema import bind
from tests.unit.p4.switch.p4runtime.harness import Harness, frame, make_compiled, ports


@pytest.fixture(scope="module")
def compiled() -> tuple[bytes, p4i.P4Info]:
    return make_compiled(Path(__file__).parent / "translated.p4")


def entry(switch: Harness, table: str, key: bytes, action: str, *params: bytes) -> p4r.Entity:
    entity = p4r.Entity()
    made = entity.table_entry
    made.table_id = switch.schema.tables[table].id
    made.match.add(field_id=1).exact.value = key
    made.action.action.action_id = switch.schema.actions[action].id
    for i, value in enumerate(params):
        made.action.action.params.add(param_id=i + 1, value=value)
    return entity


async def test_values_of_both_sides(switch: Harness) -> None:
    written = [
        entry(switch, "vrf", b"\x01\x2c", "set_vrf", b"700"),
        entry(switch, "routes", b"700", "forward", b"\x05"),
    ]
    wide = p4r.Entity()
    wide.CopyFrom(written[0])
    wide.table_entry.match[0].exact.value = b"\x00\x00\x01\x2c"
    await switch.insert(wide, written[1])
    assert ports(switch.target.inject(300, frame(1))) == [5]
    found = await switch.read_raw(p4r.Entity(table_entry=p4r.TableEntry()))
    assert sorted(found, key=str) == sorted(written, key=str)
    for key in (b"\x02\x00", b"\xff\xff\xff\xfd"):
        assert (
            await switch.refused("INSERT", entry(switch, "vrf", key, "set_vrf", b"1")) == "INVALID_ARGUMENT"
        )
    for vrf in (b"red", b"1024", b""):
        assert (
            await switch.refused("INSERT", entry(switch, "vrf", b"\1", "set_vrf", vrf)) == "INVALID_ARGUMENT"
        )


async def test_packet_ins(switch: Harness, compiled: Any) -> None:
    ((_, sent),) = switch.target.inject(300, frame(1))
    schema = switch.server.service._pipeline.device.schema
    message = packet_in(schema.packet_in, sent)
    assert message is not None
    response = p4r.StreamMessageResponse.FromString(message)
    assert [(m.metadata_id, m.value) for m in response.packet.metadata] == [(1, b"\x01\x2c"), (2, b"\0")]
    assert response.packet.payload == frame(1)
    assert packet_in(schema.packet_in, b"\0") is None
    assert bind(compiled[1], schema.program).tables.keys() == schema.tables.keys()
