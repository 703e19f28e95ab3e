"""The command line and the cache."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.p4.compiler import compile_cached
from testbed.p4.compiler.main import main

GOOD = """
#include <core.p4>
#include <v1model.p4>
#ifndef WIDTH
#define WIDTH 8
#endif
header h_t { bit<WIDTH> a; }
struct hs { h_t h; }
struct ms { }
parser P(packet_in p, out hs h, inout ms m, inout standard_metadata_t s) {
    state start { p.extract(h.h); transition accept; }
}
control N(inout hs h, inout ms m) { apply { } }
control I(inout hs h, inout ms m, inout standard_metadata_t s) { apply { s.egress_spec = 1; } }
control D(packet_out p, in hs h) { apply { p.emit(h.h); } }
V1Switch(P(), N(), I(), I(), N(), D()) main;
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "good.p4"
    path.write_text(GOOD)
    return path


def test_files_are_written(program: Path, tmp_path: Path) -> None:
    infos = ",".join(str(tmp_path / f"x.{e}") for e in ("txtpb", "bin", "json"))
    assert main([str(program), "-o", str(tmp_path / "x.out.json"), "--p4runtime-files", infos]) == 0
    assert json.loads((tmp_path / "x.out.json").read_text())["__meta__"]["version"] == [2, 23]
    assert (tmp_path / "x.txtpb").read_text().startswith("# proto-file: p4/config/v1/p4info.proto")
    assert (tmp_path / "x.bin").stat().st_size > 0


def test_a_directory_gets_the_programs_name(program: Path, tmp_path: Path) -> None:
    assert (
        main(
            ["--target", "bmv2", "--arch", "v1model", "--std", "p4-16", str(program), "-o", f"{tmp_path}/out"]
        )
        == 0
    )
    assert (tmp_path / "out" / "good.json").exists()


def test_without_output_the_json_goes_here(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(program), "--p4runtime-files", "a.txtpb"]) == 0
    assert not (tmp_path / "good.json").exists()
    assert main([str(program)]) == 0
    assert (tmp_path / "good.json").exists()


def test_defines_reach_the_program(program: Path, tmp_path: Path) -> None:
    out = tmp_path / "y.json"
    assert main([str(program), "-DWIDTH=16", "-g", "--emit-externs", "--Wdisable", "-o", str(out)]) == 0
    types = json.loads(out.read_text())["header_types"]
    assert ["a", 16, False] in next(t["fields"] for t in types if t["name"] == "h_t")


def test_preprocessing_only(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(program), "-E"]) == 0
    assert "bit<8> a" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no input file"),
        (["{p}", "--target", "tofino"], "--target tofino"),
        (["{p}", "--std", "p4-14"], "--std p4-14"),
        (["{p}", "--arch", "psa"], "--arch psa"),
        (["{p}", "--p4runtime-files", "x.what"], "x.what: unknown extension"),
        (["missing.p4"], "missing.p4"),
        (["{p}", "--nonsense"], "--nonsense"),
        (["{p}", "-o", "/proc/none/x.json"], "/proc/none"),
    ],
)
def test_bad_command_lines(
    program: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main([a.format(p=program) for a in arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_errors_in_the_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.p4"
    path.write_text(GOOD.replace("s.egress_spec = 1", "s.egress_spec = h.h.missing"))
    assert main([str(path), "-o", str(tmp_path / "bad.json")]) == 1
    assert f"{path}:14:" in capsys.readouterr().err
    assert not (tmp_path / "bad.json").exists()


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--version", "--help"):
        with pytest.raises(SystemExit) as stop:
            main([option])
        assert stop.value.code == 0
        assert "p4c" in capsys.readouterr().out


def test_imports_are_light() -> None:
    heavy = "[m for m in ('grpc', 'google.protobuf') if m in sys.modules]"
    code = f"import sys; import testbed.p4.compiler.main; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_cache_gives_the_same(program: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = compile_cached(program, cache_dir=cache)
    files = sorted(cache.iterdir())
    assert len(files) == 2
    again = compile_cached(program, cache_dir=cache)
    assert (again.json, again.p4info) == (first.json, first.p4info)
    assert sorted(cache.iterdir()) == files
    assert again.warnings == first.warnings
    other = compile_cached(program, defines=["WIDTH=24"], cache_dir=cache)
    assert other.json != first.json
    assert len(list(cache.iterdir())) == 4
