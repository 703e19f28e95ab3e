"""Labs in containers of their own, under a run directory of the test's own."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.lab import container
from testbed.lab.container import LabProcess

SCENARIOS = Path(__file__).with_name("scenarios.py")


@pytest.fixture(autouse=True)
def needs_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root for namespaces")


@pytest.fixture
def run_directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An own directory for the test's labs, with a path short enough for a socket's name.

    Labs of tests that run side by side may have the same names. What a test that failed leaves up ends here.
    """
    with tempfile.TemporaryDirectory(prefix="vmto-", dir="/run") as path:
        monkeypatch.setenv("VMTO_RUN", path)
        yield Path(path)
        for lab in container.running():
            container.stop(lab.name)


@pytest.fixture
def start(run_directory: Path) -> Iterator[Callable[..., LabProcess]]:
    """Start a scenario in a lab; ends with the test."""
    labs: list[LabProcess] = []

    def start(scenario: str, name: str = "test", **options: Any) -> LabProcess:
        lab = container.run_in_lab(name, [sys.executable, str(SCENARIOS), scenario], **options)
        labs.append(lab)
        return lab

    yield start
    for lab in labs:
        lab.stop()
    assert container.running() == []


@pytest.fixture
def result_of(start: Callable[..., LabProcess]) -> Callable[[str], Any]:
    """Run a scenario to its end; what it found."""

    def result_of(scenario: str) -> Any:
        with tempfile.TemporaryFile() as output:
            code = start(scenario, output=output).wait(60)
            output.seek(0)
            text = output.read().decode()
        assert code == 0, text
        return json.loads(text.splitlines()[-1])

    return result_of
