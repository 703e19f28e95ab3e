"""`vmto switch`: one switch as a process. Imports are late, so that it is ready soon."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from testbed.p4.switch.options import SwitchOptions, UsageError, parse_options

if TYPE_CHECKING:
    from testbed.p4.switch.p4runtime.server import P4RuntimeServer
    from testbed.p4.switch.p4runtime.stubs import p4i
    from testbed.p4.switch.target import Target

_LEVELS: Final = {"trace": 5, "debug": 10, "info": 20, "warn": 30, "error": 40, "off": 100}


def main(argv: list[str] | None = None) -> int:
    """Run a switch until SIGTERM or SIGINT. Exit code 2: it cannot start, and why is on stderr."""
    try:
        options = parse_options(sys.argv[1:] if argv is None else argv)
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # gRPC's own log would tell every mistake again
        _start_logging(options)
        return asyncio.run(_run(options))
    except UsageError as error:
        print(f"vmto switch: {error}", file=sys.stderr)
        return 2


async def _run(options: SwitchOptions) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):  # before all that takes long
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    from testbed.p4.switch.p4runtime.server import ListenError, P4RuntimeServer
    from testbed.p4.switch.target import TargetError

    try:
        target = _make_target(options)
    except TargetError as error:
        raise UsageError(str(error)) from None
    try:
        server = P4RuntimeServer(target, device_id=options.device_id, cpu_port=options.cpu_port)
        try:
            await _load(options, target, server)
            for port in options.ports:
                target.add_port(port)
            await server.listen(options.address)
            _tune_collector()
            _announce(options)
            await stop.wait()
        except (TargetError, ListenError) as error:
            raise UsageError(str(error)) from None
        finally:
            await server.stop()
    finally:
        target.close()
    return 0


def _tune_collector() -> None:
    """Entries come by the ten thousand and hold no cycles: look for garbage less often, and not at start-
    up's."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _make_target(options: SwitchOptions) -> Target:
    from testbed.p4.switch.target import TargetOptions

    target_options = TargetOptions(
        cpu_port=options.cpu_port,
        drop_port=options.drop_port,
        priorities=options.priorities,
        pcap_dir=None if options.pcap_dir is None else str(options.pcap_dir),
    )
    if options.engine == "native":
        from testbed.p4.switch.native import NativeTarget

        return NativeTarget(target_options)
    from testbed.p4.switch.reference import ReferenceTarget

    return ReferenceTarget(target_options)


async def _load(options: SwitchOptions, target: Target, server: P4RuntimeServer) -> None:
    """Load the program of the command line; with its P4Info it is also the pipeline config."""
    if options.json is None:
        return
    from testbed.p4.switch.model import ModelError, parse_program
    from testbed.p4.switch.p4runtime.errors import RpcError

    data = _read(options.json)
    try:
        if options.p4info is None:
            target.load(parse_program(data, str(options.json)))
        else:
            await server.set_pipeline(_read_p4info(options.p4info), data)
    except (ModelError, RpcError) as error:
        raise UsageError(str(error)) from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None


def _read_p4info(path: Path) -> p4i.P4Info:
    from google.protobuf import text_format
    from google.protobuf.message import DecodeError

    from testbed.p4.switch.p4runtime.stubs import p4i

    data = _read(path)
    try:
        if path.suffix in (".bin", ".pb"):
            return p4i.P4Info.FromString(data)
        return text_format.Parse(data, p4i.P4Info())
    except (DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: this is no P4Info: {error}") from None


def _announce(options: SwitchOptions) -> None:
    """Tell who waits that P4Runtime is served."""
    print(f"Server listening on {options.address}", flush=True)
    if options.ready_fd is not None:
        try:
            os.write(options.ready_fd, f"ready {options.address}\n".encode())
            os.close(options.ready_fd)
        except OSError as error:
            raise UsageError(f"--ready-fd {options.ready_fd}: {error.strerror}") from None


def _start_logging(options: SwitchOptions) -> None:
    handlers: list[logging.Handler] = []
    if options.log_console:
        handlers.append(logging.StreamHandler(sys.stdout))
    if options.log_file is not None:
        try:
            handlers.append(logging.FileHandler(f"{options.log_file}.txt"))
        except OSError as error:
            raise UsageError(f"--log-file {options.log_file}: {error.strerror}") from None
    level = _LEVELS[options.log_level] if handlers else logging.WARNING
    logging.getLogger("grpc").setLevel(logging.ERROR)  # else it reports every stream cut by the end
    logging.basicConfig(
        level=level, handlers=handlers or None, format="[%(asctime)s] [%(levelname)s] %(message)s", force=True
    )


if __name__ == "__main__":
    sys.exit(main())
