"""`vmto report` and `vmto export`: mistakes are one line, files are where they should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.cli.app import run_command
from testbed.cli.report import told
from testbed.experiments.result import COMPARISON, Compared, Comparison, write
from testbed.model.load import load_plan
from testbed.model.plan import Plan
from tests.unit.testbed.experiments.conftest import result

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return load_plan(ROOT / "topologies/wan.yaml")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["report", "nowhere.json"], "nowhere.json cannot be read"),
        (["report", "x" * 300], "cannot be read (File name too long)"),
        (["report", "empty"], "holds no result: run `vmto run`"),
        (["report", "compare.json", "-o", "file"], "file cannot be written (File exists): name another one"),
        (["export", "junos", "--node", "acc1"], "no PE or P router 'acc1': use one of pe1"),
        (["export", "junos", "--mode", "vpls"], "use --mode evpn"),
        (["export", "junos", "-o", "file"], "name another folder"),
        (["export", "ios"], "ios"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    write(Comparison(modes={"evpn": Compared.model_validate(result("evpn"))}), tmp_path, COMPARISON)
    assert run_command(arguments) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_a_file_per_router_in_either_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for form, suffix in (("braces", "conf"), ("set", "set")):
        assert run_command(["export", "junos", "-o", str(tmp_path), "--format", form]) == 0
        names = {path.name for path in tmp_path.glob(f"*.{suffix}")}
        assert names == {f"{node}{n}.{suffix}" for node in ("pe", "p") for n in (1, 2, 3, 4)}
        assert all("UNTESTED ON A DEVICE" in path.read_text() for path in tmp_path.glob(f"*.{suffix}"))
    assert run_command(["export", "frr", "-o", str(tmp_path)]) == 0
    assert "route-reflector-client" in (tmp_path / "frr.conf").read_text()
    assert "written to" in capsys.readouterr().out


def test_a_result_tells_how_to_make_its_report(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "my results" / "result.json"
    assert told(file, plan, wanted=False).endswith("vmto report 'my results/result.json'")
