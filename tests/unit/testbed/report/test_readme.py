"""What the README says was measured is what the recorded comparison says, and shows what is true."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[4]
EXPLANATIONS = (ROOT / "docs/explanation").glob("*.md")
TROMBONES = {
    "vpls": (True, True),
    "evpn": (True, True),
    "evpn-egress": (True, False),
    "evpn-vmto": (False, False),
}
"""To the machine and from it, after the move."""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("readme", ROOT / "scripts/readme.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_is_made_from_the_recorded_comparison(script: ModuleType) -> None:
    pages = "".join(
        page.read_text() for page in (ROOT / "README.md", *(ROOT / "docs/explanation").glob("*.md"))
    )
    assert {path.name for path, _ in script.pictures()} == set(re.findall(r"images/([\w-]+\.svg)", pages))
    assert script.stale() == [], "run: .venv/bin/python scripts/readme.py"


def test_its_paths_are_the_truth() -> None:
    row = re.compile(r"^\| `([\w-]+)`: [^|]*\|([^|]*)\|([^|]*)\|", re.MULTILINE)
    rows = row.findall((ROOT / "README.md").read_text())
    found = {mode: ("trombone" in to, "trombone" in back) for mode, to, back in rows}
    assert found == TROMBONES
    for mode, to, back in rows:
        for way, ends, trombone in (
            (to, ["acc4", "acc2"], found[mode][0]),
            (back, ["acc2", "acc4"], found[mode][1]),
        ):
            nodes = re.sub(r"\*|\(\w+\)", "", way).split()
            assert [nodes[0], nodes[-1]] == ends
            assert ("pe1" in nodes) == trombone, "by way of the former gateway"


def test_a_comparison_that_failed_is_not_shown(script: ModuleType, tmp_path: Path) -> None:
    comparison = script.Comparison.model_validate_json(script.RECORD.read_bytes())
    del comparison.modes["evpn"]
    file = tmp_path / "compare.json"
    file.write_text(comparison.model_dump_json())
    with pytest.raises(SystemExit, match="evpn: not in this comparison"):
        script.record(file)
