"""The programs of containers: Ctrl-C ends them without a word, whatever they are at."""

from __future__ import annotations

import importlib
import sys

import pytest


class Interrupted:
    """Ctrl-C while a module is loaded."""

    def __init__(self, module: str) -> None:
        self.module = module

    def find_spec(self, name: str, *_: object) -> None:
        if name == self.module:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("program", "arguments", "loads"),
    [
        ("testbed.experiments.inside", ["up", "{}"], "testbed.experiments.contained"),
        ("testbed.experiments.bench.inside", ["moves", "{}", "x"], "testbed.experiments.bench.moves"),
    ],
)
def test_ctrl_c_while_it_is_loaded(
    program: str, arguments: list[str], loads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, program, raising=False)
    monkeypatch.delitem(sys.modules, loads, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupted(loads), *sys.meta_path])
    assert importlib.import_module(program).main(arguments) == 130
