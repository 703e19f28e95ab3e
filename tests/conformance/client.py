"""A P4Runtime controller that does one thing after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, Queue
from typing import Any, Final

import finsy as fy
import grpc
from finsy.proto import p4i, p4r, p4r_grpc, rpc_status

DEVICE: Final = 1
DEADLINE: Final = 10.0
"""Seconds until a switch that does not answer has failed the test."""

INTERVAL: Final = 0.02
"""Seconds between the times that `receive` does something else."""

_CODES: Final = {code.value[0]: code.name for code in grpc.StatusCode}


class WriteFailedError(Exception):
    """A write failed; `code` is that of its first refused update."""

    def __init__(self, error: Any) -> None:
        self.code = error.code().name
        messages = [error.details() or ""]
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                for detail in rpc_status.Status.FromString(value).details:
                    item = p4r.Error()
                    if detail.Unpack(item) and item.canonical_code:
                        self.code = _CODES[item.canonical_code] if len(messages) == 1 else self.code
                        messages.append(item.message)
        super().__init__(f"{self.code}: {'; '.join(messages)}")


class Client:
    """The primary controller of a switch at `address`, with election id 1."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
        grpc.channel_ready_future(self._channel).result(DEADLINE)
        self._stub = p4r_grpc.P4RuntimeStub(self._channel)
        self._requests: Queue[p4r.StreamMessageRequest | None] = Queue()
        self._responses: Queue[p4r.StreamMessageResponse] = Queue()
        self._stream: Any = self._stub.StreamChannel(iter(self._requests.get, None))
        self._reader = threading.Thread(target=self._read_stream, daemon=True)
        self._reader.start()
        self.schema = fy.P4Schema()
        arbitration = p4r.MasterArbitrationUpdate(device_id=DEVICE, election_id=p4r.Uint128(low=1))
        self._requests.put(p4r.StreamMessageRequest(arbitration=arbitration))
        self.receive("arbitration")

    def set_pipeline(self, info: p4i.P4Info, device_config: bytes) -> None:
        """Start a program, all of whose state is new."""
        self.schema = fy.P4Schema(info)
        request = p4r.SetForwardingPipelineConfigRequest(
            device_id=DEVICE,
            election_id=p4r.Uint128(low=1),
            action=p4r.SetForwardingPipelineConfigRequest.VERIFY_AND_COMMIT,
        )
        request.config.p4info.CopyFrom(info)
        request.config.p4_device_config = device_config
        self._call(self._stub.SetForwardingPipelineConfig, request)

    def write(self, verb: str, *entities: Any) -> None:
        """Write entities in one request.

        Raises:
            WriteFailedError: one of them was refused.
        """
        request = p4r.WriteRequest(device_id=DEVICE, election_id=p4r.Uint128(low=1))
        for entity in entities:
            request.updates.add(type=verb).entity.CopyFrom(entity.encode(self.schema))
        self._call(self._stub.Write, request)

    def read(self, entity: Any) -> list[Any]:
        """What the switch has of an entity."""
        request = p4r.ReadRequest(device_id=DEVICE, entities=[entity.encode(self.schema)])
        answers = self._call(lambda r: list(self._stub.Read(r)), request)
        return [type(entity).decode(item, self.schema) for answer in answers for item in answer.entities]

    def read_message(self, entity: p4r.Entity) -> list[p4r.Entity]:
        """What the switch has of an entity, as messages."""
        request = p4r.ReadRequest(device_id=DEVICE, entities=[entity])
        answers = self._call(lambda r: list(self._stub.Read(r)), request)
        return [item for answer in answers for item in answer.entities]

    def packet_out(self, payload: bytes, **metadata: int) -> None:
        """Send a packet of the controller."""
        self._requests.put(fy.P4PacketOut(payload, **metadata).encode_update(self.schema))

    def receive(self, kind: str, meanwhile: Callable[[], None] | None = None) -> p4r.StreamMessageResponse:
        """The next message on the stream, which has to be of this kind; `meanwhile` is done until then."""
        response = None
        end = time.monotonic() + DEADLINE
        while response is None and time.monotonic() < end:
            with suppress(Empty):
                response = self._responses.get(timeout=DEADLINE if meanwhile is None else INTERVAL)
            if meanwhile is not None:
                meanwhile()
        assert response is not None, f"no {kind} arrived in {DEADLINE:g} s"
        assert response.WhichOneof("update") == kind, response
        if kind == "digest":
            ack = p4r.DigestListAck(digest_id=response.digest.digest_id, list_id=response.digest.list_id)
            self._requests.put(p4r.StreamMessageRequest(digest_ack=ack))
        return response

    def message(self, within: float = DEADLINE) -> p4r.StreamMessageResponse | None:
        """The next message on the stream, whatever its kind; None if none comes `within` so many seconds."""
        with suppress(Empty):
            return self._responses.get(timeout=within)
        return None

    def unexpected(self) -> list[p4r.StreamMessageResponse]:
        """Messages that arrived and that nobody received."""
        found = []
        while not self._responses.empty():
            found.append(self._responses.get())
        return found

    def close(self) -> None:
        """Hang up."""
        self._requests.put(None)
        self._stream.cancel()
        self._reader.join(DEADLINE)
        self._channel.close()

    def _read_stream(self) -> None:
        try:
            for response in self._stream:
                self._responses.put(response)
        except grpc.RpcError:
            return  # closed; a test that still expects a message says so

    def _call(self, method: Callable[..., Any], request: Any) -> Any:
        try:
            return method(request)
        except grpc.RpcError as error:
            raise WriteFailedError(error) from None
