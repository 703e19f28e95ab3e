"""Options of the pytest plugin on a real lab, in a pytest of their own."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from testbed.api import Lab
from testbed.lab import container
from testbed.lab.errors import LabError
from testbed.observe.pcapng import read

pytest_plugins = "pytester"
pytestmark = [pytest.mark.needs_root, pytest.mark.slow]

EXPERIMENT = """
    def test_looks(lab, vm, trace, flow, eventually):
        assert vm.slot == "dc1"
        assert "10.0.40.10/24" in lab.machine("client").run(["ip", "-br", "address"]).stdout
        eventually(lambda: trace("client", vm).crossings == 1)
        flow("client", vm, "ping")

    def test_fails(vm):
        vm.migrate("dc9")
"""


def test_a_failure_and_the_lab_it_leaves(pytester: pytest.Pytester, run_directory: Path) -> None:
    pytester.makepyfile(test_it=EXPERIMENT)
    options = ("--pcap", "--keep", "--cli-on-error")
    result = pytester.run(sys.executable, "-m", "pytest", *options, stdin=b"where\n")
    result.assert_outcomes(passed=1, failed=1)
    said = str(result.stdout) + str(result.stderr)
    assert "vm1: dc1" in said, "what was typed on Mininet's command line"
    result.stdout.fnmatch_lines(
        ["E *LabError: vm1 has no slot 'dc9': use one of dc1, dc2, dc3", "test_it.py:*: LabError"]
    )
    file = pytester.path / "results/pytest/test_it-test_fails.pcapng"
    result.stdout.fnmatch_lines(["*Captured frames*", str(file)])
    assert len(list(read(file.with_name("test_it-test_looks.pcapng").read_bytes()))) > 10

    told = re.search(r"lab (\S+) stays: vmto cli --name", said)
    assert told
    with Lab(told[1]) as lab:
        assert lab.alive
        with pytest.raises(LabError, match="no PE 'p1': use one of pe1"):
            lab.pe("p1")
    assert container.find(told[1]) is None
