"""Command lines of switches: drop-in options of simple_switch_grpc, and more where the target takes it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from testbed.lab import switches
from testbed.lab.switches import SwitchProgram, Target
from testbed.model import load_plan

PE1 = load_plan(Path(__file__).parents[4] / "topologies" / "wan.yaml").switches["pe1"]


@pytest.mark.parametrize(("thrift", "port"), [(True, " --thrift-port 55001"), (False, "")])
def test_bmv2_gets_only_what_it_knows(thrift: bool, port: str) -> None:
    program = replace(SwitchProgram.of(Target.BMV2), thrift=thrift)
    assert " ".join(program.command(PE1, Path("pe.json"), None)) == (
        f"simple_switch_grpc --log-level off --device-id 1 -i 1@pe1-eth1 -i 2@pe1-eth2 pe.json{port}"
        " -- --grpc-server-addr 127.0.0.1:50001 --cpu-port 510"
    )


@pytest.mark.parametrize("usage", ["--thrift-port arg  TCP port", "--device-id arg"])
def test_bmv2_is_asked_whether_it_has_thrift(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, usage: str
) -> None:
    switch = tmp_path / "simple_switch_grpc"
    switch.write_text(f"#!/bin/sh\necho '{usage}'\n")
    switch.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    switches._has_thrift.cache_clear()
    assert SwitchProgram.of(Target.BMV2).thrift == ("thrift" in usage)
    switches._has_thrift.cache_clear()


def test_embedded_delays_limits_and_reports() -> None:
    limited = replace(PE1, ports=(replace(PE1.ports[0], rate_mbps=20.0), *PE1.ports[1:]))
    command = SwitchProgram.of(Target.EMBEDDED).command(limited, None, 7)
    text = " ".join(command)
    assert text.endswith(
        "switch --device-id 1 -i 1@pe1-eth1 -i 2@pe1-eth2 --no-p4 -- --grpc-server-addr 127.0.0.1:50001"
        " --cpu-port 510 --port-delay 1=0.5 --port-rate 1=20 --ready-fd 7"
    )
