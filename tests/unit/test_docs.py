"""Documents say what the code does."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from testbed.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_generated_files_are_those_of_their_sources() -> None:
    path = ROOT / "scripts/reference.py"
    spec = importlib.util.spec_from_file_location("reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.stale() == [], "run: .venv/bin/python scripts/reference.py"


def anchor(heading: str) -> str:
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target, _, part in re.findall(r"\]\(([^)#]*)(#?)([^)]*)\)", page.read_text()):
        if "://" in target:
            continue
        found = page.parent / target if target else page
        assert found.exists(), f"{page.name}: {target}"
        if part:
            headings = re.findall(r"^#+ (.*)$", found.read_text(), re.MULTILINE)
            assert part in map(anchor, headings), f"{page.name}: {target}#{part}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist(page: Path) -> None:
    """In blocks and in the middle of a sentence, down to the last word of `vmto show bgp l2vpn evpn`."""
    targets = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = page.read_text()
    code = re.findall(r"^```(?:sh[^\n]*|console)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    for line in "\n".join([*code, *re.findall(r"`([^`\n]+)`", text)]).splitlines():
        if found := re.match(r"(?:\$ )?(?:sudo )?(?:\.venv/bin/)?vmto ([^|>;]+)", line):
            known: Any = typer.main.get_command(app)
            for word in found.group(1).split():
                commands = getattr(known, "commands", None)
                if commands is None or word == "..." or word.startswith("--"):
                    break
                assert word in commands, f"{page.name}: {line}"
                known = commands[word]
        if found := re.match(r"(?:\$ )?make (\S+)", line):
            assert found.group(1) in targets, f"{page.name}: {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_is_not_tested_says_why(page: Path) -> None:
    """Of how-tos and tutorials every block is typed by tests/lab/test_pages.py, or says why not."""
    if page.parent.name in ("how-to", "tutorial"):
        heads = re.findall(r"^```(.*)\n(?:.*\n)*?```$", page.read_text(), re.MULTILINE)
        assert all(heads), "a block without a language is read by nobody"
        shells = [head for head in heads if head.startswith("sh")]
        assert all(re.fullmatch(r"sh(?: not-run: \w.*)?", head) for head in shells)


def test_no_page_promises_what_is_not_there() -> None:
    for page in PAGES:
        assert not re.search(r"\b(TODO|FIXME|TBD)\b", page.read_text()), page
