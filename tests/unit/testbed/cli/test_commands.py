"""Commands: what they ask a lab for, exit codes, and one line for a mistake."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from controllers.runtime.config import FabricConfig
from testbed.cli import calls, capturing, completion, health, show, tools
from testbed.cli.app import run_command
from testbed.lab.errors import LabError
from testbed.lab.switches import Target

WIRES = [["client", "eth0", "acc4", "acc4-eth2"], ["p1", "p1-eth1", "p2", "p2-eth1"]]


STATUS = {
    "wires": WIRES,
    "switches": {
        "acc1": {"role": "access"},
        "p1": {"role": "p"},
        "pe1": {"role": "pe"},
        "pe2": {"role": "pe"},
    },
    "machines": {"client": {}, "vm1": {"slots": ["dc1", "dc2"]}},
}
SHOWN = [
    ("bgp l2vpn evpn", "bgp", "pe1 pe2"),
    ("bgp l2vpn vpls", "bgp", "pe1 pe2"),
    ("bgp ipv4 vpn", "bgp", "pe1 pe2"),
    ("bgp ipv6 vpn", "bgp", "pe1 pe2"),
    ("bgp rt-constraint", "bgp", "pe1 pe2"),
    ("evpn database", "evpn", "pe1 pe2"),
    ("vpls", "vpls", "pe1 pe2"),
    ("mac-table", "mac", "acc1 pe1 pe2"),
    ("route", "route", "pe1 pe2"),
    ("labels", "labels", "p1 pe1 pe2"),
]
"""Words of `vmto show`, the verb of the lab, and the nodes that are asked where none is named."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, dict[str, Any]]]:
    """What a lab was asked for; it answers with nothing, and traces with nobody's answer."""
    calls: list[tuple[str, str, dict[str, Any]]] = []
    unanswered = {
        "source": "a",
        "destination": "b",
        "answered": False,
        "lost": 1,
        "there": None,
        "back": None,
    }

    def call(name: str, verb: str, **args: Any) -> Any:
        calls.append((name, verb, args))
        return {"trace": unanswered, "status": STATUS}.get(verb, [])

    for module in (show, tools):
        monkeypatch.setattr(module, "call", call)
    return calls


@pytest.mark.parametrize(
    ("words", "verb"), [*((words, verb) for words, verb, _ in SHOWN), ("tables", "tables")]
)
def test_show(words: str, verb: str, asked: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["show", *words.split(), "pe1", "--name", "mine"]) == 0
    assert capsys.readouterr().out.startswith("no ")
    assert run_command(["show", *words.split(), "pe1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert asked == [(name, f"show {verb}", {"node": "pe1"}) for name in ("mine", "lab")]


@pytest.mark.parametrize(("words", "verb", "nodes"), SHOWN)
def test_show_of_all(
    words: str, verb: str, nodes: str, asked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["show", *words.split()]) == 0
    headings = [line.split()[1] for line in capsys.readouterr().out.splitlines() if line.startswith("---")]
    assert headings == nodes.split()
    assert [args["node"] for _, what, args in asked if what == f"show {verb}"] == nodes.split()
    assert run_command(["show", *words.split(), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {node: [] for node in nodes.split()}


def test_show_has_one_family(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"family": "evpn", "network": "a"}, {"family": "vpnv4", "network": "b"}]
    monkeypatch.setattr(show, "call", lambda *_args, **_options: rows)
    assert run_command(["show", "bgp", "ipv4", "vpn", "pe1", "--json"]) == 0
    assert [row["network"] for row in json.loads(capsys.readouterr().out)] == ["b"]


def test_show_bgp_summary(asked: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["show", "bgp", "summary"]) == 0
    assert capsys.readouterr().out.startswith("PE")
    assert asked == [("lab", "show bgp", {"node": None})]


def test_show_needs_a_node(asked: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["show", "tables"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "write vmto show tables" in line
    assert asked == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["shw"], "did you mean 'show'?"),
        (["show", "mac", "pe1"], "use one of"),
        (["down", "extra"], "write vmto down"),
        (["up", "--mode", "ewpn"], "is not one of 'vpls', 'evpn', 'evpn-egress', 'evpn-vmto'"),
        (["run", "--repeat", "0"], "must be greater than or equal to 1"),
        (
            ["up", "nosuch"],
            "nosuch:1: cannot be read (no such file or directory): give a topology file, or use",
        ),
        (["run", "--client", "nobody"], "no machine 'nobody': use one of h1"),
        (["run", "--results", "/proc/none"], "--results /proc/none cannot be written"),
        (["cli", "--script", "/none"], "--script /none is not a file"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words.lower() in line.lower()


def test_a_group_alone_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["show", "evpn"]) == 2
    assert "database" in capsys.readouterr().err


def test_targets_that_are_not_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/none")
    assert run_command(["run", "--target", "bmv2"]) == 2
    assert "p4c-bm2-ss and simple_switch_grpc not on PATH" in capsys.readouterr().err


def test_how_it_is_typed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin/vmto"
    program.parent.mkdir()
    program.touch(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(program)])
    monkeypatch.setenv("PATH", "/none")
    monkeypatch.setenv("SUDO_UID", "1000")
    assert (calls.again(), calls.again(root=True)) == ("bin/vmto", "sudo bin/vmto")
    monkeypatch.setenv("PATH", str(program.parent))
    assert calls.again() == "vmto"


def test_completion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("testbed.cli.calls.call", lambda _name, _verb: STATUS)
    context = SimpleNamespace(params={"name": None, "machine": "vm1"})
    assert completion.topologies("wa") == ["wan"]
    assert completion.scenarios("link") == ["link-down"]
    assert completion.switches(context, "p") == ["p1", "pe1", "pe2"]
    assert completion.pes(context, "") == ["pe1", "pe2"]
    assert completion.machines(context, "c") == ["client"]
    assert completion.movable(context, "") == ["vm1"]
    assert completion.slots(context, "dc") == ["dc1", "dc2"]


def test_completion_without_a_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VMTO_RUN", str(tmp_path))
    context = SimpleNamespace(params={})
    assert completion.labs("") == completion.switches(context, "") == completion.slots(context, "") == []


def test_an_echo_that_is_not_answered_is_a_failure(
    asked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["trace", "a", "b"]) == 1
    assert "no echo came back" in capsys.readouterr().out
    assert run_command(["trace", "a", "b", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["answered"] is False
    assert asked[0] == ("lab", "trace", {"source": "a", "destination": "b"})


@pytest.mark.parametrize(
    ("link", "found"),
    [
        ("client--acc4", ["acc4-eth2"]),
        ("acc4--client", ["acc4-eth2"]),
        ("p2--p1", ["p1-eth1"]),
        ("p2-eth1", ["p2-eth1"]),
        ("all", []),
    ],
)
def test_links(link: str, found: list[str]) -> None:
    assert capturing.interfaces(WIRES, link) == found


def test_no_such_link() -> None:
    with pytest.raises(
        LabError, match="no link 'p1--p3': use one of client--acc4, p1--p2, an interface, or all"
    ):
        capturing.interfaces(WIRES, "p1--p3")


def test_capture(asked: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started: list[Any] = []
    monkeypatch.setattr(capturing, "capture", lambda *arguments: started.append(arguments))
    file = tmp_path / "x.pcapng"
    assert run_command(["capture", "p1--p2", str(file), "--seconds", "2"]) == 0
    assert started == [("lab", ["p1-eth1"], file, 2.0, 2048)]


def test_doctor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    good = health.Check("root", True, "run with sudo")
    optional = health.Check("p4c", False, "install p4c", needed=False)
    bad = health.Check("mnexec", False, "apt-get install mininet")
    monkeypatch.setattr(health, "checks", lambda: iter([good, optional]))
    assert run_command(["doctor"]) == 0
    assert capsys.readouterr().out.splitlines() == ["ok  root", "--  p4c   install p4c (optional)"]
    monkeypatch.setattr(health, "checks", lambda: iter([good, bad]))
    assert run_command(["doctor", "--json"]) == 1
    assert [check["good"] for check in json.loads(capsys.readouterr().out)] == [True, False]


def test_what_doctor_tries() -> None:
    assert health.tried(["true"]) == ""
    assert health.tried(["sh", "-c", "echo first >&2; echo last >&2; exit 3"]) == "last"
    assert health.tried(["false"]) == "exit code 1"
    assert "No such file" in health.tried(["/no/such/program"])


def test_config_and_controller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from testbed.experiments import controllers

    assert run_command(["config", "wan", "--mode", "evpn"]) == 0
    text = capsys.readouterr().out
    config = FabricConfig.from_json(text.encode())
    assert len(config.pes) == len(config.lsrs) == 4
    file = tmp_path / "config.json"
    file.write_text(text)
    served: list[Any] = []

    async def serve(*arguments: Any) -> None:
        served.append(arguments[:3])
        raise KeyboardInterrupt

    monkeypatch.setattr(controllers, "serve", serve)
    assert run_command(["controller", "pe1", "p1", "--config", str(file)]) == 0
    assert served == [(config, ["pe1", "p1"], Target.EMBEDDED)]


@pytest.mark.parametrize(
    ("content", "nodes", "message"),
    [
        (None, [], "no such file or directory: `vmto config` prints one"),
        ("{", [], "not what controllers are told"),
        ('{"bgp": {}}', [], "not what controllers are told"),
    ],
)
def test_bad_configuration(
    content: str | None, nodes: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.json"
    if content is not None:
        file.write_text(content)
    assert run_command(["controller", *nodes, "--config", str(file)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert str(file) in line
    assert message in line
