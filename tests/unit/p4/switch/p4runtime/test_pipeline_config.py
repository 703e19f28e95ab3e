"""Pipeline configs: verify, save, commit, reconcile; configs that lie."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import finsy as fy
import pytest
from finsy.proto import p4i, p4r

from testbed.p4.switch.p4runtime.arbitration import FULL_ACCESS
from testbed.p4.switch.p4runtime.errors import RpcError
from tests.unit.p4.switch.p4runtime.harness import DEVICE, Harness, frame, ports

MAC = 0xAA


def dmac(port: int, mac: int = MAC) -> fy.P4TableEntry:
    return fy.P4TableEntry("dmac", match=fy.Match(dst=mac), action=fy.Action("forward", port=port))


async def get(switch: Harness, kind: str = "ALL") -> p4r.ForwardingPipelineConfig:
    request = p4r.GetForwardingPipelineConfigRequest(device_id=DEVICE, response_type=kind)
    return (await switch.stub.GetForwardingPipelineConfig(request)).config


def config(switch: Harness, **more: Any) -> p4r.ForwardingPipelineConfig:
    made = {"p4info": switch.info, "p4_device_config": switch.device_config} | more
    return p4r.ForwardingPipelineConfig(**made)


def changed(switch: Harness, size: int) -> p4r.ForwardingPipelineConfig:
    """The same program with another size of table dmac."""
    document = json.loads(switch.device_config)
    (table,) = (t for p in document["pipelines"] for t in p["tables"] if t["name"].endswith(".dmac"))
    table["max_size"] = size
    return config(switch, p4_device_config=json.dumps(document).encode())


async def test_get(bare: Harness) -> None:
    assert not (await get(bare)).p4_device_config
    cookie = p4r.ForwardingPipelineConfig.Cookie(cookie=77)
    await bare.set_pipeline(config=config(bare, cookie=cookie))
    found = await get(bare)
    assert (found.p4info, found.p4_device_config, found.cookie.cookie) == (bare.info, bare.device_config, 77)
    for kind, has_info, has_device_config in (
        ("COOKIE_ONLY", False, False),
        ("P4INFO_AND_COOKIE", True, False),
        ("DEVICE_CONFIG_AND_COOKIE", False, True),
    ):
        found = await get(bare, kind)
        assert found.cookie.cookie == 77
        assert (bool(found.p4info.tables), bool(found.p4_device_config)) == (has_info, has_device_config)


async def test_verify_changes_nothing(bare: Harness) -> None:
    await bare.set_pipeline("VERIFY")
    assert not (await get(bare)).p4_device_config
    assert bare.target.inject(1, frame(MAC)) == []
    assert (await bare.fails(bare.insert(dmac(1)))).code == "FAILED_PRECONDITION"


async def test_commit_clears_state(switch: Harness) -> None:
    await switch.insert(dmac(3))
    await switch.set_pipeline()
    assert await switch.read(fy.P4TableEntry("dmac")) == []
    assert switch.target.inject(1, frame(MAC)) == []


async def test_save_then_commit(switch: Harness) -> None:
    await switch.insert(dmac(3))
    assert (await switch.fails(switch.set_pipeline("COMMIT"))).code == "NOT_FOUND"
    await switch.set_pipeline("VERIFY_AND_SAVE", config=changed(switch, 10))
    await switch.insert(dmac(4))
    assert ports(switch.target.inject(1, frame(MAC))) == [3]
    assert await switch.read(fy.P4TableEntry("dmac")) == [dmac(4)]
    assert (
        await switch.fails(switch.set_pipeline("COMMIT", config=config(switch)))
    ).code == "INVALID_ARGUMENT"
    await switch.set_pipeline("COMMIT")
    assert ports(switch.target.inject(1, frame(MAC))) == [4]
    await switch.modify(dmac(5))
    assert ports(switch.target.inject(1, frame(MAC))) == [5]
    assert (await get(switch)).p4_device_config == changed(switch, 10).p4_device_config


async def test_reconcile_keeps_state(switch: Harness) -> None:
    await switch.insert(
        dmac(3),
        fy.P4ActionProfileMember("ecmp", member_id=1, action=fy.Action("set_dst", mac=1, port=1)),
        fy.P4ActionProfileGroup("ecmp", group_id=1, members=[fy.P4Member(member_id=1, weight=1)]),
        fy.P4MulticastGroupEntry(4, replicas=[1, 2]),
        fy.P4DigestEntry("learned_t", max_list_size=1, max_timeout_ns=0, ack_timeout_ns=0),
    )
    await switch.modify(
        fy.P4TableEntry("dmac", is_default_action=True, action=fy.Action("forward", port=7)),
        fy.P4RegisterEntry("seen", index=9, data=99),
    )
    switch.target.inject(1, frame(MAC))
    before = [await switch.read(kind) for kind in _kinds()]
    for cookie, made in ((1, config(switch)), (2, changed(switch, 50))):
        made.cookie.cookie = cookie
        await switch.set_pipeline("RECONCILE_AND_COMMIT", config=made)
        assert (await get(switch)).cookie.cookie == cookie
        assert [await switch.read(kind) for kind in _kinds()] == before
        assert ports(switch.target.inject(1, frame(MAC))) == [3]
        assert ports(switch.target.inject(1, frame(1))) == [7]
        await switch.modify(fy.P4RegisterEntry("seen", index=3, data=1))
    await switch.insert(*(dmac(1, mac) for mac in range(49)))
    failure = await switch.fails(switch.set_pipeline("RECONCILE_AND_COMMIT", config=changed(switch, 10)))
    assert failure.code == "INVALID_ARGUMENT"
    assert len(await switch.read(fy.P4TableEntry("dmac"))) == 50
    assert ports(switch.target.inject(1, frame(MAC))) == [3]


def _kinds() -> list[Any]:
    return [
        fy.P4TableEntry("dmac"),
        fy.P4TableEntry("dmac", is_default_action=True),
        fy.P4ActionProfileMember(),
        fy.P4ActionProfileGroup(),
        fy.P4MulticastGroupEntry(),
        fy.P4DigestEntry(),
        fy.P4RegisterEntry("seen", index=9),
    ]


async def test_reconcile_without_a_former_config(bare: Harness) -> None:
    await bare.set_pipeline("RECONCILE_AND_COMMIT")
    await bare.insert(dmac(3))


@pytest.mark.parametrize(
    "device_config", [b"", b"no json", b"[]", b"{}", b'{"__meta__": {"version": [3, 0]}}', b"\xff" * 100]
)
async def test_configs_that_lie(bare: Harness, device_config: bytes) -> None:
    failure = await bare.fails(bare.set_pipeline(config=config(bare, p4_device_config=device_config)))
    assert failure.code == "INVALID_ARGUMENT"
    assert (await bare.fails(bare.set_pipeline("UNSPECIFIED"))).code == "INVALID_ARGUMENT"
    await bare.set_pipeline()


async def test_a_client_that_gives_up_during_a_commit(
    switch: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stores and engine change together all the same."""
    load, started, go_on = switch.target.load, threading.Event(), threading.Event()

    def slow_load(*args: Any) -> None:
        started.set()
        go_on.wait(5)
        load(*args)

    monkeypatch.setattr(switch.target, "load", slow_load)
    request = p4r.SetForwardingPipelineConfigRequest(device_id=DEVICE, action="VERIFY_AND_COMMIT")
    request.config.CopyFrom(changed(switch, 10))
    call = switch.stub.SetForwardingPipelineConfig(request)
    await asyncio.get_running_loop().run_in_executor(None, started.wait, 5)
    call.cancel()
    write = asyncio.ensure_future(switch.insert(*(dmac(3, mac) for mac in range(11))))
    await asyncio.sleep(0.05)
    assert not write.done()
    go_on.set()
    assert (await switch.fails(write)).codes == ["OK"] * 10 + ["RESOURCE_EXHAUSTED"]
    assert ports(switch.target.inject(1, frame(9))) == [3]


async def test_reads_that_a_commit_overtakes(switch: Harness) -> None:
    """They end; nobody asks the engine about objects of the former program."""
    device = switch.server.service._pipeline.device
    reading = device.read([fy.P4CounterEntry("port_counter").encode(switch.schema)] * 2, FULL_ACCESS)
    next(reading)
    await switch.set_pipeline(config=changed(switch, 10))
    with pytest.raises(RpcError) as caught:
        list(reading)
    assert "UNAVAILABLE" in caught.value.message
    assert len(await switch.read(fy.P4CounterEntry("port_counter"))) == 8


async def test_p4info_of_another_program(switch: Harness) -> None:
    await switch.insert(dmac(3))
    for change in (
        lambda info: setattr(info.tables[0].preamble, "name", "nobody"),
        lambda info: info.tables[0].match_fields.add(id=99, bitwidth=3, match_type=2),
        lambda info: setattr(info.tables[0].match_fields[0], "bitwidth", 47),
        lambda info: info.tables[0].action_refs.add(id=1),
        lambda info: setattr(info.counters[0].preamble, "name", "nobody"),
        lambda info: setattr(info.controller_packet_metadata[0].metadata[0], "bitwidth", 10),
    ):
        info = p4i.P4Info.FromString(switch.info.SerializeToString())
        change(info)
        failure = await switch.fails(switch.set_pipeline(config=config(switch, p4info=info)))
        assert failure.code == "INVALID_ARGUMENT"
    assert ports(switch.target.inject(1, frame(MAC))) == [3]


async def test_wrapped_device_config(bare: Harness) -> None:
    """A p4.tmp.P4DeviceConfig: reassign, then device_data."""
    size, length = bytearray(), len(bare.device_config)
    while length:
        size.append(length & 0x7F | (0x80 if length > 0x7F else 0))
        length >>= 7
    await bare.set_pipeline(
        config=config(bare, p4_device_config=b"\x08\x01\x1a" + bytes(size) + bare.device_config)
    )
    await bare.insert(dmac(3))


async def test_capabilities_and_device_ids(bare: Harness) -> None:
    response = await bare.stub.Capabilities(p4r.CapabilitiesRequest())
    assert response.p4runtime_api_version.startswith("1.")
    for call in (
        bare.set_pipeline(device_id=7),
        bare._call(
            bare.stub.GetForwardingPipelineConfig, p4r.GetForwardingPipelineConfigRequest(device_id=7)
        ),
        bare._call(bare.stub.Capabilities, p4r.CapabilitiesRequest(device_id=7)),
        bare._call(bare.stub.Write, p4r.WriteRequest(device_id=7)),
    ):
        assert (await bare.fails(call)).code == "NOT_FOUND"
