"""The P4Runtime service: its RPCs, over arbitration, pipeline and engine."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar, final

import grpc

from testbed.p4.switch.p4runtime.arbitration import Arbitration, Client, role_name, uint128
from testbed.p4.switch.p4runtime.backend import Backend
from testbed.p4.switch.p4runtime.device import Device
from testbed.p4.switch.p4runtime.errors import BatchError, Code, RpcError, invalid
from testbed.p4.switch.p4runtime.packet_io import packet_in, packet_out
from testbed.p4.switch.p4runtime.pipeline import PipelineManager
from testbed.p4.switch.p4runtime.schema import Schema
from testbed.p4.switch.p4runtime.streams import Outbox
from testbed.p4.switch.p4runtime.stubs import p4r
from testbed.p4.switch.p4runtime.wire import read_responses
from testbed.p4.switch.target import DigestSample, IdleTimeout, PacketIn, PortStatus, Target

if TYPE_CHECKING:
    from google.protobuf.message import Message

    Context = grpc.aio.ServicerContext[Any, Any]

API_VERSION: Final = "1.5.0"
MAX_CLIENTS: Final = 64
"""Controllers that may be connected; as many more streams may be open that have not said who they are."""

EVENTS_AT_ONCE: Final = 512

_STATUS: Final = {code.value[0]: code for code in grpc.StatusCode}
_log = logging.getLogger(__name__)

M = TypeVar("M", bound="Message")


@final
class P4RuntimeService:
    """One device's P4Runtime service. Everything runs on one event loop."""

    def __init__(self, target: Target, *, device_id: int, cpu_port: int | None) -> None:
        self._target = target
        self._device_id = device_id
        self._cpu_port = cpu_port
        self._arbitration = Arbitration(device_id, MAX_CLIENTS)
        self._outboxes: dict[Client, Outbox] = {}
        self._pipeline = PipelineManager(target, self._make_device)
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Future[None]] = set()
        self.stats: Counter[str] = Counter()

    def _make_device(self, schema: Schema, backend: Backend) -> Device:
        return Device(
            schema,
            backend,
            cpu_port=self._cpu_port,
            send_digest=self._send_digest,
            call_later=asyncio.get_running_loop().call_later,
        )

    def handlers(self) -> grpc.GenericRpcHandler[Any, Any]:
        """What a gRPC server registers."""
        stream_channel = grpc.stream_stream_rpc_method_handler(
            self._stream_channel, _decoder(p4r.StreamMessageRequest)
        )
        return grpc.method_handlers_generic_handler(
            "p4.v1.P4Runtime",
            {
                "Write": self._unary(self._write, p4r.WriteRequest),
                "Read": grpc.unary_stream_rpc_method_handler(self._read, _decoder(p4r.ReadRequest)),
                "SetForwardingPipelineConfig": self._unary(
                    self._set_pipeline, p4r.SetForwardingPipelineConfigRequest
                ),
                "GetForwardingPipelineConfig": self._unary(
                    self._get_pipeline, p4r.GetForwardingPipelineConfigRequest
                ),
                "StreamChannel": stream_channel,
                "Capabilities": self._unary(self._capabilities, p4r.CapabilitiesRequest),
            },
        )

    def _unary(
        self, method: Callable[[M], Awaitable[bytes]], message: type[M]
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """A unary RPC: the request is checked before, and errors become statuses after `method`."""

        async def handler(request: M | None, context: Context) -> bytes:
            try:
                return await method(self._checked(request))
            except Exception as error:
                await _abort(context, error)

        return grpc.unary_unary_rpc_method_handler(handler, _decoder(message))

    def start(self) -> None:
        """Follow the engine's events."""
        asyncio.get_running_loop().add_reader(self._target.fileno(), self._drain_events)

    def stop(self) -> None:
        """Stop following them."""
        asyncio.get_running_loop().remove_reader(self._target.fileno())
        if self._pipeline.committed is not None:
            self._pipeline.committed.close()

    # -- unary RPCs ------------------------------------------------------------------------------------------

    async def _write(self, request: p4r.WriteRequest) -> bytes:
        if self._lock.locked():  # a pipeline config is being set
            async with self._lock:
                pass
        role = role_name(request.role, request.role_id)
        config = self._arbitration.check_writer(role, _election_id(request))
        self._pipeline.device.write(request.updates, request.atomicity, config)
        return b""

    async def _read(self, request: p4r.ReadRequest | None, context: Context) -> AsyncIterator[bytes]:
        try:
            request = self._checked(request)
            config = self._arbitration.config(request.role)
            for message in read_responses(self._pipeline.device.read(request.entities, config)):
                yield message
                await asyncio.sleep(0)  # let writes and packets through between chunks
        except Exception as error:
            await _abort(context, error)

    async def _set_pipeline(self, request: p4r.SetForwardingPipelineConfigRequest) -> bytes:
        """Goes on when the client gives up meanwhile: stores and engine have to change together."""
        task = asyncio.ensure_future(self._set_pipeline_locked(request))
        self._tasks.add(task)
        task.add_done_callback(self._pipeline_task_done)
        await asyncio.shield(task)
        return b""

    def _pipeline_task_done(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # the client may not be there any more to be told

    async def _set_pipeline_locked(self, request: p4r.SetForwardingPipelineConfigRequest) -> None:
        role = role_name(request.role, request.role_id)
        async with self._lock:
            if not self._arbitration.check_writer(role, _election_id(request)).pipeline:
                raise RpcError(Code.PERMISSION_DENIED, f"role '{role}' may not set the pipeline config")
            await self._pipeline.set(request.action, request.config if request.HasField("config") else None)

    async def set_pipeline(self, config: p4r.ForwardingPipelineConfig) -> None:
        """VERIFY_AND_COMMIT a config given on the command line.

        Raises:
            RpcError: it cannot be realized.
        """
        async with self._lock:
            await self._pipeline.set(p4r.SetForwardingPipelineConfigRequest.VERIFY_AND_COMMIT, config)

    async def _get_pipeline(self, request: p4r.GetForwardingPipelineConfigRequest) -> bytes:
        response = p4r.GetForwardingPipelineConfigResponse()
        config = self._pipeline.config
        if config is not None:
            kind, kinds = request.response_type, p4r.GetForwardingPipelineConfigRequest
            if kind in (kinds.ALL, kinds.P4INFO_AND_COOKIE):
                response.config.p4info.CopyFrom(config.p4info)
            if kind in (kinds.ALL, kinds.DEVICE_CONFIG_AND_COOKIE):
                response.config.p4_device_config = config.p4_device_config
            if config.HasField("cookie"):
                response.config.cookie.CopyFrom(config.cookie)
            response.config.SetInParent()
        return response.SerializeToString()

    async def _capabilities(self, _request: p4r.CapabilitiesRequest) -> bytes:
        return p4r.CapabilitiesResponse(p4runtime_api_version=API_VERSION).SerializeToString()

    def _checked(self, request: M | None) -> M:
        """The request, if it is one and for this device."""
        if request is None:
            invalid("the request is no protobuf message of this RPC")
        device_id = request.device_id  # type: ignore[attr-defined]
        server_wide = not device_id and isinstance(request, p4r.CapabilitiesRequest)
        if device_id != self._device_id and not server_wide:
            raise RpcError(Code.NOT_FOUND, f"there is no device {device_id} here, but {self._device_id}")
        return request

    # -- StreamChannel ---------------------------------------------------------------------------------------

    async def _stream_channel(
        self, requests: AsyncIterator[p4r.StreamMessageRequest | None], context: Context
    ) -> None:
        if len(self._outboxes) >= 2 * MAX_CLIENTS:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many streams are open")
        client, outbox = Client(), Outbox()
        self._outboxes[client] = outbox
        writer = asyncio.create_task(_write_out(outbox, context))
        failure: Exception | None = None
        try:
            async for request in requests:
                self._stream_message(client, outbox, request)
        except Exception as error:
            failure = error
        finally:
            del self._outboxes[client]
            if outbox.dropped:
                self.stats["dropped_to_clients"] += outbox.dropped
                _log.warning("a client did not read its stream: %d messages were dropped", outbox.dropped)
            self._send_notices(self._arbitration.disconnect(client))
            writer.cancel()
            with suppress(asyncio.CancelledError):
                await writer
        if failure is not None:
            await _abort(context, failure)

    def _stream_message(
        self, client: Client, outbox: Outbox, request: p4r.StreamMessageRequest | None
    ) -> None:
        if request is None:
            invalid("this is no StreamMessageRequest")
        if outbox.overrun:
            raise RpcError(Code.RESOURCE_EXHAUSTED, "this client does not read its stream")
        kind = request.WhichOneof("update")
        if kind == "arbitration":
            self._send_notices(self._arbitration.update(client, request.arbitration))
            return
        if client.role is None:
            raise RpcError(Code.FAILED_PRECONDITION, "the first message of a stream is for arbitration")
        try:
            self._primary_message(client, kind, request)
        except RpcError as error:
            outbox.put(_stream_error(request, kind, error).SerializeToString())

    def _primary_message(self, client: Client, kind: str | None, request: p4r.StreamMessageRequest) -> None:
        """Packet-out or digest acknowledgement, which only primary clients may send."""
        if self._arbitration.primary(client.role or "") is not client:
            raise RpcError(Code.PERMISSION_DENIED, "Not primary")
        device = self._pipeline.committed
        if device is None:
            raise RpcError(Code.FAILED_PRECONDITION, "No forwarding pipeline config set for this device")
        if kind == "packet":
            self._target.packet_out(packet_out(device.schema.packet_out, request.packet))
        elif kind == "digest_ack":
            device.digests.ack(request.digest_ack)
        else:
            raise RpcError(Code.UNIMPLEMENTED, f"this switch knows no {kind or 'empty'} stream message")

    def _send_notices(self, notices: list[tuple[Client, p4r.StreamMessageResponse]]) -> None:
        for client, response in notices:
            outbox = self._outboxes.get(client)
            if outbox is not None:
                outbox.put_notice(response.SerializeToString())

    # -- events of the engine --------------------------------------------------------------------------------

    def _drain_events(self) -> None:
        """Packets first: who has one need not act twice on it, first on its digest and then on all of it."""
        idle: list[IdleTimeout] = []
        samples: list[DigestSample] = []
        for event in self._target.events(EVENTS_AT_ONCE):
            if isinstance(event, PacketIn):
                self._packet_in(event.data)
            elif isinstance(event, DigestSample):
                samples.append(event)
            elif isinstance(event, IdleTimeout):
                idle.append(event)
            elif isinstance(event, PortStatus):
                _log.info("port %d is %s", event.port, "up" if event.up else "down")
        if self._pipeline.committed is not None:
            for sample in samples:
                self._pipeline.committed.digests.add(sample)
        if idle:
            self._idle_timeouts(idle)

    def _packet_in(self, frame: bytes) -> None:
        device = self._pipeline.committed
        message = None if device is None else packet_in(device.schema.packet_in, frame)
        if message is not None:
            for client, config in self._arbitration.primaries():
                if config.packet_ins:
                    self._outboxes[client].put(message)

    def _send_digest(self, digest_id: int, message: bytes) -> bool:
        """To the primary of each role that has the digest. False: nobody got it."""
        sent = [
            self._outboxes[client].put(message)
            for client, config in self._arbitration.primaries()
            if config.allows(digest_id)
        ]
        return any(sent)

    def _idle_timeouts(self, events: list[IdleTimeout]) -> None:
        device = self._pipeline.committed
        if device is None:
            return
        by_table: dict[int, p4r.StreamMessageResponse] = {}
        for event in events:
            schema = device.schema.table_at.get(event.table)
            entry = None if schema is None else device.tables[schema.id].key_entry(event.handle)
            if schema is None or entry is None:
                continue
            try:
                (age,) = device.backend.ages(schema.position, event.handle, 1)
            except RpcError:
                return  # the next program is being loaded
            # Less: it was hit since, or this is another entry in the place of the one that was idle.
            if 0 < entry.idle_timeout_ns <= age * 1000:
                response = by_table.setdefault(schema.id, p4r.StreamMessageResponse())
                response.idle_timeout_notification.table_entry.append(entry)
        for table_id, response in by_table.items():
            response.idle_timeout_notification.timestamp = time.time_ns()
            message = response.SerializeToString()
            for client, config in self._arbitration.primaries():
                if config.allows(table_id):
                    self._outboxes[client].put(message)


async def _write_out(outbox: Outbox, context: Context) -> None:
    while True:
        await context.write(await outbox.take())


def _election_id(request: p4r.WriteRequest | p4r.SetForwardingPipelineConfigRequest) -> int | None:
    return uint128(request.election_id) if request.HasField("election_id") else None


def _decoder(message: type[M]) -> Callable[[bytes], M | None]:
    """Bytes to a message; None for bytes that are none."""

    def decode(data: bytes) -> M | None:
        try:
            return message.FromString(data)
        except Exception:
            return None

    return decode


async def _abort(context: Context, error: Exception) -> NoReturn:
    """End an RPC with an error."""
    if isinstance(error, BatchError):
        await context.abort(
            grpc.StatusCode.UNKNOWN, error.message, (("grpc-status-details-bin", error.details),)
        )
    elif isinstance(error, RpcError):
        await context.abort(_STATUS[error.code], error.message)
    elif isinstance(error, grpc.aio.AbortError):
        raise error
    _log.error("internal error", exc_info=error)
    await context.abort(grpc.StatusCode.INTERNAL, f"internal error: {type(error).__name__}: {error}")
    raise error


def _stream_error(
    request: p4r.StreamMessageRequest, kind: str | None, error: RpcError
) -> p4r.StreamMessageResponse:
    """What tells a client that a stream message was not done (spec section 16.6)."""
    response = p4r.StreamMessageResponse()
    response.error.canonical_code, response.error.message = error.code, error.message
    if kind == "packet":
        response.error.packet_out.packet_out.CopyFrom(request.packet)
    elif kind == "digest_ack":
        response.error.digest_list_ack.digest_list_ack.CopyFrom(request.digest_ack)
    else:
        response.error.other.SetInParent()
    return response
