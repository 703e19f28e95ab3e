"""`vmto check` and `vmto controller NODE`: what they print, ask for and exit with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from testbed.cli import checking, controlling
from testbed.cli.app import run_command
from testbed.lab.errors import LabError

BROKEN = {
    "kind": "black-hole",
    "source": "client",
    "destination": "vm1",
    "version": 6,
    "start_ms": 0.0,
    "ms": 0.0,
    "pes": ["pe4", "pe1"],
}


@pytest.mark.parametrize(
    ("broken", "differences", "code", "said"),
    [
        ([], [], 0, ["30 pairs: no loop, no black hole, no trombone, no leak"]),
        (
            [BROKEN],
            [],
            1,
            ["from    to   packets  what        by way of", "client  vm1  IPv6     black-hole  pe4 pe1"],
        ),
        (
            [],
            ["pe1: lacks X"],
            1,
            ["30 pairs: no loop, no black hole, no trombone, no leak", "pe1: lacks X"],
        ),
    ],
)
def test_check(
    broken: list[Any],
    differences: list[str],
    code: int,
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = {"pairs": 30, "violations": broken, "differences": differences}
    monkeypatch.setattr(checking, "call", lambda _name, _verb: found)
    assert run_command(["check"]) == code
    assert capsys.readouterr().out.splitlines() == said
    assert run_command(["check", "--json"]) == code
    assert json.loads(capsys.readouterr().out) == found


def test_switches_that_were_taken_over_are_given_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[str, str]] = []

    def call(_name: str, verb: str, **args: Any) -> Any:
        asked.append((verb, args.get("node", "")))
        if args.get("node") == "pe9":
            raise LabError("no switch 'pe9'")
        return {"setup": {"target": "embedded"}, "switches": {}} if verb == "status" else "{}"

    ran: list[list[str]] = []
    monkeypatch.setattr(controlling, "call", call)
    monkeypatch.setattr(controlling, "enter", lambda _name, argv: list(argv))
    monkeypatch.setattr(controlling, "_run", lambda argv: ran.append(list(argv)) or 0)
    assert run_command(["controller", "pe1", "p2"]) == 0
    assert ran[0][3:6] == ["controller", "pe1", "p2"]
    taken = [("controller off", "pe1"), ("controller off", "p2")]
    assert asked == [("status", ""), *taken, ("controller on", "pe1"), ("controller on", "p2")]

    asked.clear()
    assert run_command(["controller", "pe1", "pe9"]) == 2
    assert capsys.readouterr().err.startswith("vmto: no switch 'pe9'")
    assert asked[-1] == ("controller on", "pe1")
