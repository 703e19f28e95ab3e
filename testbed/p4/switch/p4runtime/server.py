"""A gRPC server for one switch."""

from __future__ import annotations

from typing import Final, final

import grpc
import grpc.aio

from testbed.p4.switch.p4runtime.service import P4RuntimeService
from testbed.p4.switch.p4runtime.stubs import p4i, p4r
from testbed.p4.switch.target import Target

MAX_MESSAGE: Final = 128 << 20
"""Bytes of a request: pipeline configs are big."""

_OPTIONS: Final = (
    ("grpc.so_reuseport", 0),  # a second switch on the same port has to fail
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.max_metadata_size", 64 << 10),
    ("grpc.http2.min_ping_interval_without_data_ms", 1000),
    ("grpc.keepalive_permit_without_calls", 1),
)


class ListenError(Exception):
    """The address cannot be listened on: one line."""


@final
class P4RuntimeServer:
    """Serves P4Runtime for a target.

    `async with P4RuntimeServer(target, device_id=1) as server: port = await server.listen("127.0.0.1:0")`.
    """

    def __init__(self, target: Target, *, device_id: int, cpu_port: int | None = None) -> None:
        self.service = P4RuntimeService(target, device_id=device_id, cpu_port=cpu_port)
        self._server = grpc.aio.server(options=_OPTIONS)
        self._server.add_generic_rpc_handlers((self.service.handlers(),))
        self._started = False

    async def listen(self, address: str) -> int:
        """Start to serve on HOST:PORT (port 0: any) or unix:PATH; the port.

        Raises:
            ListenError: it is taken, or no address.
        """
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError:
            port = 0
        if not port:
            raise ListenError(f"cannot listen on {address}: in use, or not an address of this machine")
        await self._server.start()
        self.service.start()
        self._started = True
        return port

    async def set_pipeline(self, p4info: p4i.P4Info, device_config: bytes) -> None:
        """Commit a pipeline as a controller would.

        Raises:
            RpcError: it cannot be realized.
        """
        config = p4r.ForwardingPipelineConfig(p4info=p4info, p4_device_config=device_config)
        await self.service.set_pipeline(config)

    async def stop(self) -> None:
        """Stop at once; streams end."""
        if self._started:
            self._started = False
            self.service.stop()
        await self._server.stop(None)

    async def __aenter__(self) -> P4RuntimeServer:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
