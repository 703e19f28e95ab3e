"""What tutorials and how-tos tell people to type is typed, page by page, in a copy of the repository.

A block of `sh` is run; one headed `sh not-run: WHY` is not. A block of
`python` after `vmto shell` is typed into that shell, one of `p4` or `yaml` after "Save this as `FILE`" is
saved, one of `diff` is applied.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.lab import container

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SECONDS = 150


def script(page: str) -> str:
    """The commands of a page, as one script; empty if it has none to run."""
    lines = list(_lines(page))
    return "\n".join(["set -e -o pipefail", *lines]) if lines else ""


def _lines(page: str) -> Iterator[str]:
    shell = ""
    for found in BLOCK.finditer(page):
        language, remark, text = found.groups()
        if shell:
            yield f"{shell} <<'PAGE'\n{text if language == 'python' else ''}\nPAGE"
            shell = ""
        if remark.strip().startswith("not-run"):
            continue
        if language == "sh":
            *commands, last = re.sub(r"\bsudo ", "", text.rstrip("\n")).split("\n")
            yield from commands
            if "vmto shell" in last:
                shell = last
            else:
                yield last
        elif language in ("p4", "yaml"):
            (name,) = re.findall(r"as `([^`]+)`:\s*$", page[: found.start()])
            yield f"cat > {name} <<'PAGE'\n{text}PAGE"
        elif language == "diff":
            yield f"patch -p1 <<'PAGE'\n{text}PAGE"
    if shell:
        yield f"{shell} </dev/null"


PAGES = [
    page
    for folder in ("how-to", "tutorial")
    for page in sorted((ROOT / "docs" / folder).glob("*.md"))
    if script(page.read_text())
]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the repository's files, with this environment."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(listing, cwd=ROOT, text=True).split("\0"):
        if name and (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name)
    for name in (".venv", ".venv-shell"):
        if (ROOT / name).exists():
            (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


@pytest.mark.needs_root
@pytest.mark.timeout(SECONDS + 30)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page(page: Path, checkout: Path, run_directory: Path) -> None:
    commands = script(page.read_text())
    done = subprocess.run(
        ["bash", "-c", commands],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "Traceback" not in done.stdout, done.stdout
    assert container.running() == [], "a page ends what it starts"
