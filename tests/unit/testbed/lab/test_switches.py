"""Command lines of switches: drop-in options of simple_switch_grpc, and more where the target takes it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from testbed.lab.switches import SwitchProgram, Target
from testbed.model import load_plan

PE1 = load_plan(Path(__file__).parents[4] / "topologies" / "wan.yaml").switches["pe1"]


def test_bmv2_gets_only_what_it_knows() -> None:
    command = SwitchProgram.of(Target.BMV2).command(PE1, Path("pe.json"), None)
    assert " ".join(command) == (
        "simple_switch_grpc --device-id 1 -i 1@pe1-eth1 -i 2@pe1-eth2 pe.json --thrift-port 55001"
        " -- --grpc-server-addr 127.0.0.1:50001 --cpu-port 510"
    )


def test_embedded_delays_limits_and_reports() -> None:
    limited = replace(PE1, ports=(replace(PE1.ports[0], rate_mbps=20.0), *PE1.ports[1:]))
    command = SwitchProgram.of(Target.EMBEDDED).command(limited, None, 7)
    text = " ".join(command)
    assert text.endswith(
        "switch --device-id 1 -i 1@pe1-eth1 -i 2@pe1-eth2 --no-p4 -- --grpc-server-addr 127.0.0.1:50001"
        " --cpu-port 510 --port-delay 1=0.5 --port-rate 1=20 --ready-fd 7"
    )
