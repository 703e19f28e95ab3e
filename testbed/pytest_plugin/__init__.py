"""Experiments as tests: `def test_it(vm, flow, trace): ...` runs in a lab of its own.

Fixtures: `lab`, `vm`, `pe`, `flow`, `trace`, `eventually`. The tests of a module share a lab until one of
them changes it. `@pytest.mark.lab(topology=..., mode=..., reflector=...)` chooses another one than the
default. Whoever has the package installed has this plugin, so it loads nothing until a fixture is used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from testbed.api import Flow, Lab, Pe, Trace, Vm
    from testbed.pytest_plugin.keeper import Keeper

KEPT = pytest.StashKey[list[str]]()
"""Names of the labs that stay."""
LAB = pytest.StashKey["Lab"]()
"""Of a test: the lab it runs in."""
FRAMES = pytest.StashKey[str]()
"""Of a test: where its frames are captured."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of experiments."""
    group = parser.getgroup("vmto", "experiments in a lab of P4 switches")
    group.addoption("--target", choices=("embedded", "bmv2"), default="embedded", help="P4 toolchain of labs")
    for option, words in (
        ("--pcap", "capture all frames of a test into results/pytest"),
        ("--pause-on-error", "when a test fails, wait with its lab alive, and tell how to enter it"),
        ("--cli-on-error", "when a test fails, open Mininet's command line on its lab"),
        ("--keep", "leave labs up at the end, and tell how to enter and how to end them"),
    ):
        group.addoption(option, action="store_true", help=words)


def pytest_configure(config: pytest.Config) -> None:
    """Markers and memory."""
    config.addinivalue_line("markers", "lab(topology, mode, reflector): the lab that an experiment runs in")
    config.stash[KEPT] = []


@pytest.fixture(scope="module")
def _labs(pytestconfig: pytest.Config) -> Iterator[Keeper]:
    if os.geteuid() != 0:
        pytest.skip("a lab needs root for its namespaces: run with sudo")
    from testbed.pytest_plugin.keeper import Keeper

    keeper = Keeper(pytestconfig.getoption("--target"), keep=pytestconfig.getoption("--keep"))
    yield keeper
    pytestconfig.stash[KEPT] += keeper.close()


@pytest.fixture
def lab(request: pytest.FixtureRequest, _labs: Keeper) -> Iterator[Lab]:
    """The lab that runs, as `testbed.api.Lab`: as the topology has it, nothing moved yet."""
    from testbed.pytest_plugin.keeper import captured, wanted

    request.node.stash[LAB] = found = _labs.lab(wanted(request.node))
    if not request.config.getoption("--pcap"):
        yield found
        return
    with captured(found, request.node) as file:
        request.node.stash[FRAMES] = str(file)
        yield found


@pytest.fixture
def vm(lab: Lab) -> Vm:
    """The machine that moves, of several the first; `lab.vm(NAME)` has the others."""
    return lab.vm()


@pytest.fixture
def pe(lab: Lab) -> Callable[[str], Pe]:
    """`pe("pe1")`: what a PE's controller knows and its switch holds."""
    return lab.pe


@pytest.fixture
def trace(lab: Lab) -> Callable[..., Trace]:
    """`trace("client", vm)`: both ways of one echo, as the switches reported the packet."""
    return lab.trace


@pytest.fixture
def flow(lab: Lab) -> Iterator[Callable[..., Flow]]:
    """`flow("client", vm, "udp", rate=250)`: traffic until its `stop()`, or the end of the test."""
    flows: list[Flow] = []

    def start(*args: Any, **options: Any) -> Flow:
        __tracebackhide__ = True
        flows.append(lab.flow(*args, **options))
        return flows[-1]

    yield start
    if lab.alive:
        for each in flows:
            each.stop(within=0)


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """`eventually(lambda: ..., within=5)`: the first true value, or a failure that tells the last one."""
    from testbed.lab.eventually import eventually

    return eventually


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell with a failure where its frames are."""
    report = yield
    if report.failed and FRAMES in item.stash:
        report.sections.append(("Captured frames", item.stash[FRAMES]))
    return report


def pytest_exception_interact(node: pytest.Item | pytest.Collector, report: pytest.TestReport) -> None:
    """Let a person look at the lab of a failed test."""
    pause, cli = (node.config.getoption(option) for option in ("--pause-on-error", "--cli-on-error"))
    lab = node.stash.get(LAB, None)
    if lab is None or not (pause or cli):
        return
    from testbed.pytest_plugin.failure import look

    look(node.config, lab, f"{report.longreprtext}\n\n{node.nodeid} failed", cli=cli)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell which labs stay."""
    for name in config.stash[KEPT]:
        terminalreporter.write_line(f"lab {name} stays: vmto cli --name {name}; vmto down --name {name}")
