"""`vmto switch`: options, messages, a process that starts, says that it is ready, and ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from testbed.p4.switch.main import main
from testbed.p4.switch.options import UsageError, parse_options
from testbed.p4.switch.target import PortConfig

DEADLINE = 20.0


def test_options_of_simple_switch_grpc() -> None:
    options = parse_options(
        [
            "--device-id", "3", "-i", "1@s1-eth1", "--interface", "2@s1-eth2", "--thrift-port", "9090",
            "--nanolog", "ipc:///tmp/x", "--log-console", "--pcap", "-L", "debug", "--log-flush",
            "program.json", "--", "--grpc-server-addr", "0.0.0.0:50051", "--cpu-port", "255",
            "--drop-port", "510", "--priority-queues", "4", "--disable-swap", "--max-mc-groups", "100",
        ]
    )  # fmt: skip
    assert options.json == Path("program.json")
    assert options.ports == (PortConfig(1, "s1-eth1"), PortConfig(2, "s1-eth2"))
    assert (options.device_id, options.cpu_port, options.drop_port) == (3, 255, 510)
    assert options.priorities == 4
    assert (options.address, options.pcap_dir, options.log_level) == ("0.0.0.0:50051", Path(), "debug")


def test_our_own_options() -> None:
    options = parse_options(
        ["--no-p4", "-i", "1@a", "-i", "2@b", "--port-delay", "1=2.5", "--port-rate", "2=100", "--pcap=/tmp"]
    )
    assert options.ports == (PortConfig(1, "a", delay_ms=2.5), PortConfig(2, "b", rate_mbps=100.0))
    assert (options.json, options.engine, options.pcap_dir) == (None, "native", Path("/tmp"))
    assert options.address == "127.0.0.1:9559"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give a bmv2 JSON file"),
        (["--no-p4", "-i", "eth0"], "write PORT@IFACE"),
        (["--no-p4", "-i", "1@a", "-i", "1@b"], "port 1 has a already"),
        (["--no-p4", "-i", "511@a"], "0 ... 510"),
        (["--no-p4", "--port-delay", "1=5"], "port 1 has no interface"),
        (["--no-p4", "-i", "1@a", "--port-rate", "1=fast"], "write PORT=NUMBER"),
        (["--no-p4", "--device-id", "x"], "--device-id"),
        (["--no-p4", "--warp", "9"], "--warp"),
        (["--p4info", "x.txt", "--no-p4"], "needs the JSON file"),
        (["--no-p4", "--", "--grpc-server-ssl"], "this switch has no TLS"),
    ],
)
def test_mistakes(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError):
        parse_options(arguments)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


async def run(*arguments: str | Path, ready_fd: int | None = None) -> asyncio.subprocess.Process:
    """A switch as a process."""
    fds = () if ready_fd is None else (ready_fd,)
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "testbed.p4.switch.main", *map(str, arguments),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, pass_fds=fds,
    )  # fmt: skip


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_a_process(
    engine: str, compiled: tuple[bytes, Any], tmp_path: Path, stop: signal.Signals
) -> None:
    program, info, address = tmp_path / "program.json", tmp_path / "info.txt", f"unix:{tmp_path}/socket"
    program.write_bytes(compiled[0])
    info.write_text(str(compiled[1]))
    readable, writable = os.pipe()
    process = await run(
        program, "--p4info", info, "--engine", engine, "--ready-fd", str(writable),
        "--grpc-server-addr", address, "--log-file", tmp_path / "log", ready_fd=writable,
    )  # fmt: skip
    os.close(writable)
    loop = asyncio.get_running_loop()
    line = await asyncio.wait_for(loop.run_in_executor(None, os.read, readable, 200), DEADLINE)
    os.close(readable)
    assert line.decode() == f"ready {address}\n"
    process.send_signal(stop)
    output, errors = await asyncio.wait_for(process.communicate(), DEADLINE)
    assert (process.returncode, output.decode()) == (0, f"Server listening on {address}\n"), errors.decode()
    assert errors == b""


async def test_what_keeps_it_from_starting(tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        runs = [
            (
                ("--no-p4", "--", "--grpc-server-addr", f"127.0.0.1:{port}"),
                f"cannot listen on 127.0.0.1:{port}",
            ),
            (("--no-p4", "-i", "1@nosuchif"), "nosuchif"),
            ((broken,), f"{broken}: "),
            ((tmp_path / "absent.json",), "No such file"),
        ]
        processes = [(await run("--engine", "reference", *arguments), message) for arguments, message in runs]
        for process, message in processes:
            output, errors = await asyncio.wait_for(process.communicate(), DEADLINE)
            assert process.returncode == 2, errors.decode()
            assert message in errors.decode()
            assert errors.count(b"\n") == 1, errors.decode()
            assert output == b""


STOPPED_AT_START = """
import os, sys
from testbed.p4.switch.main import main

class Stop:
    def find_spec(self, name, path, target=None):
        if name == "testbed.p4.switch.p4runtime.server":
            os.kill(os.getpid(), int(sys.argv[1]))

sys.meta_path.insert(0, Stop())
sys.exit(main(["--no-p4", "--engine", "reference", "--grpc-server-addr", sys.argv[2]]))
"""


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_stopped_while_it_starts(tmp_path: Path, stop: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STOPPED_AT_START, str(int(stop)), f"unix:{tmp_path}/socket",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await asyncio.wait_for(process.communicate(), DEADLINE)
    assert (process.returncode, errors) == (0, b"")
