"""A small P4Runtime client that programs whichever switch is measured."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Iterator, Sequence
from typing import Final

import finsy as fy
import grpc
from finsy.proto import p4r, p4r_grpc

from testbed.p4.compiler.result import CompiledProgram
from testbed.p4.switch.bench.cases import Entry

DEVICE: Final = 1
BATCH: Final = 1000


class Client:
    """The primary controller of one switch."""

    def __init__(self, address: str, compiled: CompiledProgram, timeout: float = 10) -> None:
        self._compiled = compiled
        self._schema = fy.P4Schema(compiled.p4info)
        self._channel = grpc.insecure_channel(address)
        grpc.channel_ready_future(self._channel).result(timeout)
        self._stub = p4r_grpc.P4RuntimeStub(self._channel)
        self._requests: queue.SimpleQueue[p4r.StreamMessageRequest | None] = queue.SimpleQueue()
        self._stream = self._stub.StreamChannel(iter(self._requests.get, None))
        update = p4r.MasterArbitrationUpdate(device_id=DEVICE, election_id=p4r.Uint128(low=1))
        self._requests.put(p4r.StreamMessageRequest(arbitration=update))
        next(iter(self._stream))

    def load(self) -> None:
        """Make the program the pipeline."""
        config = p4r.ForwardingPipelineConfig(
            p4info=self._compiled.p4info, p4_device_config=json.dumps(self._compiled.json).encode()
        )
        self._stub.SetForwardingPipelineConfig(
            p4r.SetForwardingPipelineConfigRequest(
                device_id=DEVICE,
                election_id=p4r.Uint128(low=1),
                action=p4r.SetForwardingPipelineConfigRequest.VERIFY_AND_COMMIT,
                config=config,
            )
        )

    def requests(self, entries: Sequence[Entry], batch: int) -> Iterator[p4r.WriteRequest]:
        """INSERTs of entries, in batches."""
        for start in range(0, len(entries), batch):
            request = p4r.WriteRequest(device_id=DEVICE, election_id=p4r.Uint128(low=1))
            for entry in entries[start : start + batch]:
                update = request.updates.add(type="INSERT")
                update.entity.CopyFrom(self._encode(entry))
            yield request

    def insert(self, entries: Sequence[Entry], batch: int = BATCH) -> float:
        """Insert entries; seconds it took the switch (encoding not counted)."""
        requests = list(self.requests(entries, batch))
        start = time.perf_counter()
        for request in requests:
            self._stub.Write(request)
        return time.perf_counter() - start

    def _encode(self, entry: Entry) -> p4r.Entity:
        match = {
            name: f"{value[0]:#x}/{value[1]}" if isinstance(value, tuple) else value
            for name, value in entry.match.items()
        }
        action = fy.P4TableAction(entry.action, **entry.params)
        chosen = fy.P4IndirectAction([(1, action)]) if entry.selector else action
        return fy.P4TableEntry(entry.table, match=fy.P4TableMatch(match), action=chosen).encode(self._schema)

    def close(self) -> None:
        """Leave."""
        self._requests.put(None)
        self._stream.cancel()  # type: ignore[no-untyped-call]
        self._channel.close()
