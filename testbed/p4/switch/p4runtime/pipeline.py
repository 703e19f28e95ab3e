"""SetForwardingPipelineConfig: configs are verified, saved, committed, reconciled (spec section 14)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, TypeVar, cast, final

from testbed.p4.switch.model import ModelError, Program, parse_program
from testbed.p4.switch.p4runtime.arbitration import FULL_ACCESS
from testbed.p4.switch.p4runtime.backend import Backend, Suspended
from testbed.p4.switch.p4runtime.device import Device
from testbed.p4.switch.p4runtime.errors import BatchError, Code, RpcError, invalid
from testbed.p4.switch.p4runtime.schema import Schema, bind
from testbed.p4.switch.p4runtime.stubs import p4r
from testbed.p4.switch.target import Op, OpError, Target, TargetError

VERIFY: Final = 1
VERIFY_AND_SAVE: Final = 2
VERIFY_AND_COMMIT: Final = 3
COMMIT: Final = 4
RECONCILE_AND_COMMIT: Final = 5
"""`SetForwardingPipelineConfigRequest.Action`."""

NO_CONFIG: Final = "No forwarding pipeline config set for this device"

T = TypeVar("T")

DeviceMaker = Callable[[Schema, Backend], Device]


@final
class Recorder:
    """Stands in for the engine while a config is saved and not committed: keeps the operations."""

    def __init__(self) -> None:
        self.ops: list[Op] = []

    def apply(self, ops: Sequence[Op], *, atomic: bool = False) -> list[OpError | None]:  # noqa: ARG002
        """Keep them."""
        self.ops += ops
        return [None] * len(ops)

    def read_counter(self, counter: int, start: int, count: int) -> list[tuple[int, int]]:  # noqa: ARG002
        """Nothing was counted yet."""
        return [(0, 0)] * count

    def read_register(self, register: int, start: int, count: int) -> list[int]:  # noqa: ARG002
        """Registers start at 0."""
        return [0] * count

    def ages(self, table: int, start: int, count: int) -> list[int]:  # noqa: ARG002
        """Nothing was hit yet."""
        return [0] * count

    def release_digests(self, digest: int, samples: Sequence[bytes]) -> None:
        """There are none."""


class Saved:
    """A config that was verified: parsed, bound, with stores of its own that record what is written."""

    def __init__(self, config: p4r.ForwardingPipelineConfig, device: Device, recorder: Recorder) -> None:
        self.config = config
        self.device = device
        self.recorder = recorder


class PipelineManager:
    """The config that is in force, and the one that is saved.

    `make_device` builds the stores for a schema over an engine.
    """

    def __init__(self, target: Target, make_device: DeviceMaker) -> None:
        self._target = target
        self._make_device = make_device
        self._saved: Saved | None = None
        self._committed: Device | None = None
        self._config: p4r.ForwardingPipelineConfig | None = None

    @property
    def device(self) -> Device:
        """What reads and writes refer to: the saved config, else the committed one.

        Raises:
            RpcError: FAILED_PRECONDITION: there is none.
        """
        device = self._saved.device if self._saved is not None else self._committed
        if device is None:
            raise RpcError(Code.FAILED_PRECONDITION, NO_CONFIG)
        return device

    @property
    def committed(self) -> Device | None:
        """What packets, digests and notifications belong to."""
        return self._committed

    @property
    def config(self) -> p4r.ForwardingPipelineConfig | None:
        """The config last saved or committed."""
        return self._saved.config if self._saved is not None else self._config

    async def set(self, action: int, config: p4r.ForwardingPipelineConfig | None) -> None:
        """Do one of the actions.

        Raises:
            RpcError: INVALID_ARGUMENT: the config cannot be realized; NOT_FOUND: none is saved to commit.
        """
        if action == COMMIT:
            if config is not None:
                invalid("COMMIT takes no config: it commits the saved one")
            if self._saved is None:
                raise RpcError(Code.NOT_FOUND, "no config is saved")
            await self._commit(self._saved.config, self._saved.device.schema, self._saved.recorder.ops)
            return
        if action not in (VERIFY, VERIFY_AND_SAVE, VERIFY_AND_COMMIT, RECONCILE_AND_COMMIT):
            invalid(f"{action} is no action on a pipeline config")
        if config is None or not config.p4_device_config:
            invalid("the config is missing: P4Info and p4_device_config")
        program = await _in_thread(_parse, config.p4_device_config)
        schema = bind(config.p4info, program)
        if action == VERIFY_AND_COMMIT:
            await self._commit(config, schema, [])
            return
        await self._check(program)
        if action == VERIFY_AND_SAVE:
            recorder = Recorder()
            self._drop_saved()
            self._saved = Saved(config, self._make_device(schema, recorder), recorder)
        elif action == RECONCILE_AND_COMMIT:
            await self._reconcile(config, schema)

    async def _check(self, program: Program) -> None:
        try:
            await _in_thread(self._target.check, program)
        except TargetError as error:
            invalid(str(error))

    async def _commit(
        self,
        config: p4r.ForwardingPipelineConfig,
        schema: Schema,
        ops: Sequence[Op],
        device: Device | None = None,
    ) -> None:
        """Load the program with `ops`, and let stores that hold what `ops` wrote be the ones in force."""
        former = self._committed
        if former is not None:
            former.use(Suspended())
        try:
            await _in_thread(self._target.load, schema.program, ops)
        except TargetError as error:
            if former is not None:
                former.use(self._target)
            invalid(str(error))
        saved = self._saved
        if device is None and saved is not None and saved.device.schema is schema:
            device = saved.device
        device = device or self._make_device(schema, self._target)
        if saved is not None and saved.device is not device:
            saved.device.close()
        device.use(self._target)
        if former is not None:
            former.close()
        self._committed, self._config, self._saved = device, config, None

    async def _reconcile(self, config: p4r.ForwardingPipelineConfig, schema: Schema) -> None:
        """Commit with the present entries kept; a config that differs in nothing but the cookie changes
        nothing."""
        former, present = self._committed, self._config
        if former is None or present is None:
            await self._commit(config, schema, [])
            return
        if present.p4_device_config == config.p4_device_config and present.p4info == config.p4info:
            self._config = config
            self._drop_saved()
            return
        recorder = Recorder()
        device = self._make_device(schema, recorder)
        updates = device.removal() + former.snapshot()
        try:
            device.write(updates, 1, FULL_ACCESS)
        except BatchError as error:
            invalid(f"the forwarding state does not fit this config: {error.message}")
        await self._commit(config, schema, recorder.ops, device)

    def _drop_saved(self) -> None:
        if self._saved is not None:
            self._saved.device.close()
            self._saved = None


async def _in_thread(call: Callable[..., T], *args: object) -> T:
    """Run a call that may take long on a thread that nobody joins: a switch that is told to end just ends."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(cast(T, result))
        else:
            done.set_exception(error)

    def run() -> None:
        result, error = None, None
        try:
            result = call(*args)
        except BaseException as raised:
            error = raised
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="pipeline", daemon=True).start()
    return await done


def _parse(data: bytes) -> Program:
    try:
        return parse_program(_device_data(data), "p4_device_config")
    except ModelError as error:
        raise RpcError(Code.INVALID_ARGUMENT, str(error)) from None


def _device_data(data: bytes) -> bytes:
    """The JSON: the bytes themselves, or field 3 of a `p4.tmp.P4DeviceConfig` that wraps it."""
    if data.lstrip()[:1] == b"{":
        return data
    offset = 0
    while offset < len(data):
        tag = data[offset]
        value, offset = _read_varint(data, offset + 1)
        if tag & 7 == 2:
            if tag >> 3 == 3:
                return data[offset : offset + value]
            offset += value
        elif tag & 7 != 0:
            break
    return data


def _read_varint(data: bytes, offset: int) -> tuple[int, int]:
    value = shift = 0
    while offset < len(data):
        byte = data[offset]
        offset += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return value, offset
