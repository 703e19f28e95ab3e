"""What flows over the control socket refuse."""

from __future__ import annotations

from typing import Any, cast

import pytest

from testbed.experiments.arguments import number
from testbed.experiments.running import RunningLab
from testbed.experiments.traffic import Traffic
from testbed.lab.errors import LabError


class Machines:
    """A lab of which nothing but the machines is asked."""

    def __init__(self) -> None:
        self.lab = self

    def machine(self, name: str) -> Any:
        return cast(Any, name and Machine)


class Machine:
    name = "vm1"


async def silent(_event: Any) -> None: ...


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({}, "'kind' is missing: give a name"),
        ({"kind": "sctp"}, "no flow 'sctp': use one of udp, ping, tcp"),
        ({"kind": "udp", "source": "vm1"}, "'destination' is missing"),
        ({"kind": "udp", "source": "vm1", "destination": "vm1"}, "vm1 has no flow to itself"),
    ],
)
async def test_flows_that_cannot_be_started(args: dict[str, Any], words: str) -> None:
    with pytest.raises(LabError, match=words):
        await Traffic(cast(RunningLab, Machines())).start(args, silent)


async def test_a_flow_that_is_not_there() -> None:
    for flow in (None, 1, "1"):
        with pytest.raises(LabError, match=f"no flow {flow!r} is going: start one first"):
            await Traffic(cast(RunningLab, Machines())).stop({"flow": flow}, silent)


@pytest.mark.parametrize("value", ["5", True, -1, 101, float("nan"), None])
def test_numbers(value: Any) -> None:
    with pytest.raises(LabError, match="write 0 to 100"):
        number({"rate": value}, "rate", 5, 0, 100)
    assert number({}, "rate", 5, 0, 100) == 5
