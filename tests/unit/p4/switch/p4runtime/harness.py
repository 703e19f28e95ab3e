"""A P4Runtime server over either engine, in the test's own event loop, and a plain client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import finsy as fy
import grpc
import pytest
from finsy.proto import p4i, p4r, p4r_grpc, rpc_status

from testbed.p4.compiler.compile import compile_program
from testbed.p4.switch.p4runtime.server import P4RuntimeServer
from testbed.p4.switch.target import Target, TargetOptions

DEVICE = 1
CPU_PORT = 510
DEADLINE = 5.0


def make_target(engine: str) -> Target:
    """An engine by name."""
    options = TargetOptions(cpu_port=CPU_PORT)
    if engine == "native":
        from testbed.p4.switch.native import NativeTarget

        return NativeTarget(options)
    from testbed.p4.switch.reference import ReferenceTarget

    return ReferenceTarget(options)


def make_compiled(path: Path) -> tuple[bytes, p4i.P4Info]:
    """A P4 program as bmv2 JSON and P4Info."""
    program = compile_program(path)
    return json.dumps(program.json).encode(), p4i.P4Info.FromString(program.p4info.SerializeToString())


class RpcFailedError(Exception):
    """An RPC failed: its code, message, and the codes of the updates of a batch."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        super().__init__(f"{error.code().name}: {error.details()}")
        self.code = error.code().name
        self.message = error.details() or ""
        self.updates: list[p4r.Error] = []
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                for detail in rpc_status.Status.FromString(value).details:
                    item = p4r.Error()
                    assert detail.Unpack(item)
                    self.updates.append(item)

    @property
    def codes(self) -> list[str]:
        """Names of the codes of the updates."""
        names = {code.value[0]: code.name for code in grpc.StatusCode}
        return [names[item.canonical_code] for item in self.updates]


class Stream:
    """One StreamChannel."""

    def __init__(self, call: Any) -> None:
        self._call = call

    async def send(self, **update: Any) -> None:
        await self._call.write(p4r.StreamMessageRequest(**update))

    async def receive(self) -> p4r.StreamMessageResponse:
        response = await asyncio.wait_for(self._call.read(), DEADLINE)
        if response is grpc.aio.EOF:
            raise RpcFailedError(await self._error())
        return response

    async def _error(self) -> grpc.aio.AioRpcError:
        return grpc.aio.AioRpcError(
            await self._call.code(),
            await self._call.initial_metadata(),
            await self._call.trailing_metadata(),
            await self._call.details(),
        )

    async def ended(self) -> RpcFailedError:
        """How the server ended the stream."""
        while True:
            try:
                await self.receive()
            except RpcFailedError as failure:
                return failure
            except grpc.aio.AioRpcError as error:
                return RpcFailedError(error)

    async def arbitrate(
        self, election_id: int | None = 1, role: str = "", **more: Any
    ) -> p4r.MasterArbitrationUpdate:
        await self.send_arbitration(election_id, role, **more)
        return (await self.receive()).arbitration

    async def send_arbitration(self, election_id: int | None, role: str = "", **more: Any) -> None:
        update = p4r.MasterArbitrationUpdate(**({"device_id": DEVICE} | more))
        if election_id is not None:
            update.election_id.high, update.election_id.low = election_id >> 64, election_id & (2**64 - 1)
        if role:
            update.role.name = role
        await self.send(arbitration=update)

    def close(self) -> None:
        self._call.cancel()


class Harness:
    """A running server, its engine, and a client that is primary with election id 1 once asked to."""

    def __init__(
        self, target: Target, server: P4RuntimeServer, port: int, device_config: bytes, info: p4i.P4Info
    ):
        self.target = target
        self.server = server
        self.address = f"127.0.0.1:{port}"
        self.device_config = device_config
        self.info = info
        self.schema = fy.P4Schema(info)
        self.channel = grpc.aio.insecure_channel(self.address)
        self.stub = p4r_grpc.P4RuntimeStub(self.channel)
        self.streams: list[Stream] = []

    async def stream(self) -> Stream:
        stream = Stream(self.stub.StreamChannel())
        self.streams.append(stream)
        return stream

    async def primary(self, election_id: int = 1, role: str = "") -> Stream:
        stream = await self.stream()
        assert (await stream.arbitrate(election_id, role)).status.code == 0
        return stream

    async def set_pipeline(self, action: str = "VERIFY_AND_COMMIT", **more: Any) -> None:
        request = p4r.SetForwardingPipelineConfigRequest(**({"device_id": DEVICE, "action": action} | more))
        if action != "COMMIT" and "config" not in more:
            request.config.p4info.CopyFrom(self.info)
            request.config.p4_device_config = self.device_config
        await self._call(self.stub.SetForwardingPipelineConfig, request)

    async def write(
        self, *updates: tuple[str, fy.P4TableEntry | Any], atomicity: str = "CONTINUE_ON_ERROR", **more: Any
    ) -> None:
        """Write ("INSERT", entity) pairs; entities are finsy's or p4r.Entity."""
        request = p4r.WriteRequest(**({"device_id": DEVICE, "atomicity": atomicity} | more))
        for verb, entity in updates:
            update = request.updates.add(type=verb)
            update.entity.CopyFrom(entity if isinstance(entity, p4r.Entity) else entity.encode(self.schema))
        await self._call(self.stub.Write, request)

    async def insert(self, *entities: Any) -> None:
        await self.write(*(("INSERT", entity) for entity in entities))

    async def modify(self, *entities: Any) -> None:
        await self.write(*(("MODIFY", entity) for entity in entities))

    async def delete(self, *entities: Any) -> None:
        await self.write(*(("DELETE", entity) for entity in entities))

    async def fails(self, coroutine: Any) -> RpcFailedError:
        """How a call fails."""
        with pytest.raises(RpcFailedError) as caught:
            await coroutine
        return caught.value

    async def refused(self, verb: str, entity: Any) -> str:
        """The code that one update is refused with."""
        (code,) = (await self.fails(self.write((verb, entity)))).codes
        return code

    async def read_raw(self, *entities: p4r.Entity, role: str = "") -> list[p4r.Entity]:
        request = p4r.ReadRequest(device_id=DEVICE, entities=entities, role=role)
        try:
            responses = [response async for response in self.stub.Read(request)]
        except grpc.aio.AioRpcError as error:
            raise RpcFailedError(error) from None
        return [entity for response in responses for entity in response.entities]

    async def read(self, entity: Any) -> list[Any]:
        """Read as finsy's entities."""
        found = await self.read_raw(entity.encode(self.schema))
        return [type(entity).decode(item, self.schema) for item in found]

    async def _call(self, method: Callable[..., Any], request: Any) -> Any:
        try:
            return await method(request)
        except grpc.aio.AioRpcError as error:
            raise RpcFailedError(error) from None

    def sweep(self) -> None:
        """Let the engine look for idle entries now, if it can be told."""
        with suppress(AttributeError):
            self.target.sweep()  # type: ignore[attr-defined]

    async def close(self) -> None:
        for stream in self.streams:
            stream.close()
        await self.channel.close()
        await self.server.stop()
        self.target.close()


def frame(dst: int, src: int = 0x020000000001, ethertype: int = 0x1234, payload: bytes = b"payload") -> bytes:
    """An Ethernet frame."""
    return dst.to_bytes(6) + src.to_bytes(6) + ethertype.to_bytes(2) + payload


def ip_frame(dst: int, src: int = 1, protocol: int = 17, ttl: int = 64, mac: int = 0x02AA) -> bytes:
    """A frame with the short IPv4 header of `everything.p4`."""
    return frame(mac, ethertype=0x0800, payload=src.to_bytes(4) + dst.to_bytes(4) + bytes([protocol, ttl]))


def ports(leaving: Iterable[tuple[int, bytes]]) -> list[int]:
    """Where frames left."""
    return [port for port, _ in leaving]
