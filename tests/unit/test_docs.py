"""Documents say what the code does."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest
import typer.main

from testbed.cli.app import app
from testbed.cli.main import TOOLS
from testbed.model.schema import topology_schema

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_generated_pages_are_those_of_their_sources() -> None:
    path = ROOT / "scripts/reference.py"
    spec = importlib.util.spec_from_file_location("reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.stale() == [], "run: .venv/bin/python scripts/reference.py"


def test_topology_schema_is_that_of_the_models() -> None:
    assert json.loads((ROOT / "topologies/topology.schema.json").read_text()) == topology_schema()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist(page: Path) -> None:
    known = set(typer.main.get_command(app).commands) | set(TOOLS) | {"--help"}  # type: ignore[attr-defined]
    targets = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for block in re.findall(r"^```(?:sh|console)?\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if found := re.match(r"(?:\$ )?(?:sudo )?(?:\.venv/bin/)?vmto (\S+)", line):
                assert found.group(1) in known, f"{page.name}: {line}"
            if found := re.match(r"(?:\$ )?make (\S+)", line):
                assert found.group(1) in targets, f"{page.name}: {line}"


def test_no_page_promises_what_is_not_there() -> None:
    for page in PAGES:
        assert not re.search(r"\b(TODO|FIXME|TBD)\b", page.read_text()), page
